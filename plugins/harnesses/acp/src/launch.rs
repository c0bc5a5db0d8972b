//! How an agent's process is started, and what its session has of the turn's start.

use sandboxed_protocol::trouble::Trouble;
use sandboxed_sdk::{
    Failure, failure,
    harness::{
        ApprovalMode, Attachment, Command, Framing, Launch, LaunchFile, LaunchPlace, McpServer, Start, Value, WorkMode,
    },
};

use crate::{
    fill::Placeholders,
    table::{Arg, EnvValue, HomeFile, ResumeBy, Table},
};

/// What a session has of its turn's start. It is given at each opening, and never saved.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) turn: u32,
    /// The working directory.
    pub(crate) tree: String,
    pub(crate) prompt: String,
    pub(crate) attachments: Vec<Attachment>,
    /// The session that goes on.
    pub(crate) resume: Option<String>,
    /// Nobody is asked.
    pub(crate) bypass: bool,
    /// Nothing may be changed.
    pub(crate) plan: bool,
    pub(crate) model: Option<String>,
    pub(crate) effort: Option<String>,
    pub(crate) mcp_servers: Vec<McpServer>,
}

impl Facts {
    pub(crate) fn of(start: Start, table: &Table) -> Self {
        Self {
            turn: start.turn,
            tree: start.tree,
            prompt: start.prompt,
            attachments: start.attachments,
            resume: start.resume.filter(|_| table.resume.by != ResumeBy::None),
            bypass: start.approvals == ApprovalMode::Bypass,
            plan: start.mode == WorkMode::Plan,
            model: start.model.or_else(|| table.models.first().cloned()),
            effort: start.effort,
            mcp_servers: start.mcp_servers,
        }
    }
}

impl Table {
    /// The mode that the agent is to be in, where it has modes.
    pub(crate) fn mode(&self, bypass: bool, plan: bool) -> Option<&str> {
        let mode = match (plan, bypass) {
            (true, _) => &self.modes.plan,
            (false, true) => &self.modes.bypass,
            (false, false) => &self.modes.ask,
        };
        mode.as_deref()
    }

    /// How the process is started.
    ///
    /// # Errors
    /// `agent.not_installed`, `acp.no_planning`, `acp.value_unfit`, `acp.file_unfit`.
    pub(crate) fn launch(&self, start: &Start) -> Result<Launch, Failure> {
        let (bypass, plan) = (start.approvals == ApprovalMode::Bypass, start.mode == WorkMode::Plan);
        if plan && self.modes.plan.is_none() {
            return Err(failure!(Config, "acp.no_planning", "this agent cannot be kept to planning")
                .with_hint("start the mission in the mode \"act\", or name the agent's mode with `modes.plan`"));
        }
        let model = start.model.as_deref().or(self.models.first().map(String::as_str));
        let placeholders = Placeholders::of(start, model, self.mode(bypass, plan));
        let mut argv = self.argv(start, &placeholders)?.into_iter();
        let program = argv.next().unwrap_or_default();
        Ok(Launch {
            command: Command {
                program,
                args: argv.collect(),
                env: self.env(&placeholders),
                cwd: Some(start.tree.clone()),
                tty: None,
            },
            files: self.files(start, &placeholders)?,
            stdout: Framing::Lines,
            stderr: Framing::Lines,
            start_within_ms: None,
            skills: self.skills.clone(),
        })
    }

    /// The agent's own files, with what the host adds to them. They are written in each turn, so that nothing stays of
    /// what an earlier one was told.
    fn files(&self, start: &Start, placeholders: &Placeholders) -> Result<Vec<LaunchFile>, Failure> {
        let mut files = Vec::new();
        let mut told = self.mcp.as_ref().is_none_or(|mcp| mcp.file.is_none());
        for (path, content) in &self.home_files {
            let bytes = match content {
                HomeFile::Text(text) => placeholders.fill_lines(text)?,
                HomeFile::Table(table) => {
                    let mut table = placeholders.fill_object(table);
                    if let Some(mcp) = self.mcp.as_ref().filter(|mcp| mcp.file.as_ref() == Some(path)) {
                        told = mcp.add(&start.mcp_servers, &mut table);
                    }
                    written(path, &table)?
                }
            };
            files.push(home_file(path, bytes));
        }
        if !told {
            return Err(failure!(Config, "acp.file_unfit", "no table of `home_files` takes MCP servers as `mcp` says")
                .with_hint("let `mcp.file` be one of `home_files` that is a table, and `mcp.key` a table in it"));
        }
        if let Some(instructions) = &self.instructions {
            files.push(home_file(&instructions.file, start.instructions.clone().unwrap_or_default()));
        }
        Ok(files)
    }

    /// The agent's own command line.
    fn argv(&self, start: &Start, placeholders: &Placeholders) -> Result<Vec<String>, Failure> {
        let programs = || start.programs.as_deref().ok_or_else(|| Trouble::NotInstalled.failure(""));
        let mut argv = Vec::new();
        if self.command.node {
            argv.push(format!("{}/node/bin/node", programs()?));
        }
        argv.push(match self.install.is_some() && !self.command.program.starts_with('/') {
            true => format!("{}/{}", programs()?, self.command.program),
            false => self.command.program.clone(),
        });
        for arg in &self.command.args {
            let group = match arg {
                Arg::One(arg) => std::slice::from_ref(arg),
                Arg::Group(group) => group,
            };
            argv.extend(group.iter().map(|arg| placeholders.fill(arg)).collect::<Option<Vec<_>>>().unwrap_or_default());
        }
        Ok(argv)
    }

    fn env(&self, placeholders: &Placeholders) -> Vec<(String, Value)> {
        let value = |value: &EnvValue| match value {
            EnvValue::Plain(text) => placeholders.fill(text).map(Value::Plain),
            EnvValue::Secret(name) => Some(Value::Secret(name.secret.clone())),
        };
        self.env.iter().filter_map(|(name, text)| Some((name.clone(), value(text)?))).collect()
    }
}

/// A table in the format that the name of its file tells. YAML takes JSON as it is.
fn written(path: &str, table: &serde_json::Map<String, serde_json::Value>) -> Result<String, Failure> {
    if path.ends_with(".toml") {
        return toml::to_string(table)
            .map_err(|error| failure!(Config, "acp.file_unfit", "the file {path} cannot be written as TOML: {error}"));
    }
    Ok(serde_json::to_string(table).unwrap_or_default())
}

fn home_file(path: &str, text: String) -> LaunchFile {
    LaunchFile { place: LaunchPlace::Home, path: path.to_owned(), bytes: text.into_bytes(), executable: false }
}
