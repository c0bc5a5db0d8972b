//! What agents are given to work with besides their prompt: instructions, skills and servers of tools.

use std::{io, path::Path};

use sandboxed_model::{
    Blame, Failure,
    context::{McpServer, SkillName},
    harness::{LaunchFile, LaunchPlace, McpTransport, StartMcpServer},
    recipe::Recipe,
    workspace::Workspace,
};
use tokio::io::AsyncReadExt as _;

use crate::{Error, Result, services::Services};

/// Bytes of skills that one turn is given.
const MAX_SKILL_BYTES: u64 = 32 << 20;

/// A variable of a process, and the name of the secret that it holds.
pub(crate) type Token = (String, String);

impl Services {
    /// What agents in a workspace are to keep to: what the operator says, and then what the workspace says.
    ///
    /// # Errors
    /// `missions.instructions_unreadable`
    pub(crate) async fn instructions(&self, workspace: &Workspace) -> Result<Option<String>> {
        let all = match &self.config.missions.instructions_file {
            Some(path) => Some(read(path).await?),
            None => None,
        };
        let parts: Vec<&str> = [all.as_deref(), workspace.recipe.instructions.as_deref()]
            .into_iter()
            .flatten()
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .collect();
        Ok((!parts.is_empty()).then(|| parts.join("\n\n")))
    }

    /// The files of the workspace's skills, to be put where its agents look for them, and the skills that are gone.
    ///
    /// # Errors
    /// When they are too much for one turn.
    pub(crate) async fn skill_files(
        &self,
        workspace: &Workspace,
        directory: &str,
    ) -> Result<(Vec<LaunchFile>, Vec<SkillName>)> {
        let (mut files, mut gone, mut bytes) = (Vec::new(), Vec::new(), 0);
        for name in &workspace.recipe.skills {
            let skill = match self.store.skill(name).await {
                Ok(skill) => skill,
                Err(sandboxed_store::Error::NotFound { .. }) => {
                    gone.push(name.clone());
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            bytes += skill.info.bytes;
            if bytes > MAX_SKILL_BYTES {
                let message =
                    format!("the skills of the workspace are more than {} MiB together", MAX_SKILL_BYTES >> 20);
                return Err(Error::Invalid { code: "skills.too_large", message });
            }
            files.extend(skill.files.into_iter().map(|file| LaunchFile {
                place: LaunchPlace::Home,
                path: format!("{directory}/{name}/{}", file.path),
                bytes: file.bytes,
                executable: file.executable,
            }));
        }
        Ok((files, gone))
    }

    /// Whether the library has these skills.
    ///
    /// # Errors
    /// With those that it has not.
    pub(crate) async fn check_skills(&self, recipe: &Recipe) -> Result<()> {
        if recipe.skills.is_empty() {
            return Ok(());
        }
        let missing = self.store.missing_skills(&recipe.skills).await?;
        match missing.first() {
            Some(name) => Err(Error::NotFound { what: "skill", id: name.to_string() }),
            None => Ok(()),
        }
    }
}

/// The servers of tools of a workspace as its agents are told of them, and what holds their tokens.
pub(crate) fn mcp_servers(workspace: &Workspace) -> (Vec<StartMcpServer>, Vec<Token>) {
    let mut tokens = Vec::new();
    let servers = workspace.recipe.mcp_servers.iter().map(|(name, server)| {
        let transport = match server.clone() {
            McpServer::Http(address) => {
                let token_variable = address.token.map(|secret| {
                    let variable = name.token_variable();
                    tokens.push((variable.clone(), secret));
                    variable
                });
                McpTransport::Http { url: address.url, token_variable }
            }
            McpServer::Program(program) => McpTransport::Program {
                program: program.program,
                args: program.args,
                env: program.env.into_iter().collect(),
            },
        };
        StartMcpServer { name: name.to_string(), transport }
    });
    (servers.collect(), tokens)
}

async fn read(path: &Path) -> Result<String, Failure> {
    let unreadable = |error: io::Error| {
        let message = format!("the instructions in {} cannot be read: {error}", path.display());
        Failure::new(Blame::Config, "missions.instructions_unreadable", message)
            .with_hint("see missions.instructions_file in sandboxed.toml")
    };
    let mut text = String::new();
    let limit = Recipe::MAX_INSTRUCTIONS as u64;
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    file.take(limit + 1).read_to_string(&mut text).await.map_err(unreadable)?;
    match text.len() as u64 > limit {
        true => Err(unreadable(io::Error::other("they are longer than 64 KiB"))),
        false => Ok(text),
    }
}
