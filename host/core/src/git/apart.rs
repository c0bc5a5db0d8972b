//! Git apart from a workspace, with a credential.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use sandboxed_files::{RelativePath, Tree};
use sandboxed_model::{
    Blame, Failure, PluginId, WorkspaceId,
    command::{Command, Output, Value},
    config::GitAccess,
    workspace::{NetworkMode, Workspace},
};
use secrecy::ExposeSecret as _;
use tokio::sync::OwnedMutexGuard;

use super::{
    remote::{Credential, Remote},
    ssh::ServedAgent,
    told,
};
use crate::{
    Error, Result,
    egress::Traveller,
    files::blocking,
    isolation::make_directory,
    sandbox::{Gateway, Sandbox, Speaker, Way, ready},
    services::Services,
    vault::Asked,
};

/// How long git may speak with a remote.
const DEADLINE: Duration = Duration::from_secs(30 * 60);
/// What is kept of what git prints.
const MAX_OUTPUT: usize = 64 << 10;
/// The backend whose sandboxes share nothing, for workspaces whose own backend makes others.
const APART: &str = "bubblewrap";
/// How often it is looked whether what arrives still has room.
const LOOK: Duration = Duration::from_secs(2);

/// Answers git when it asks for the credential of the one host, once: what it is sent is read from a pipe, where it then is no
/// more. Git asks with lines like `host=example.org` on standard input.
const HELPER: &str = r#"!answer() {
test "$1" = get || return 0
while IFS= read -r line && test -n "$line"; do
    case $line in protocol=*) protocol=${line#*=} ;; host=*) host=${line#*=} ;; esac
done
test "$protocol" = "$FOR_PROTOCOL" && test "$host" = "$FOR_HOST" || return 0
cat <&3
}; answer"#;

/// Before each script: the credential waits on descriptor 3, and git is deaf to all configuration but this.
const PRELUDE: &str = r#"
exec 3<&0 </dev/null
with_credential() {
    git -c credential.helper= -c "credential.helper=$HELPER" -c core.hooksPath=/dev/null -c gc.auto=0 "$@"
}
"#;

/// Which workspaces git works for apart: one at a time for each.
#[derive(Default)]
pub(crate) struct Scratches(Mutex<HashMap<WorkspaceId, Arc<tokio::sync::Mutex<()>>>>);

/// A directory of the server's in which git works for a workspace. Removed when it is dropped.
pub(super) struct Scratch {
    path: PathBuf,
    workspace: Workspace,
    remote: Remote,
    /// Until it is removed.
    turn: Option<OwnedMutexGuard<()>>,
}

impl Scratch {
    /// Where git finds itself, from outside.
    pub(super) fn tree(&self) -> PathBuf {
        self.path.join("tree")
    }

    /// What git has as its home, from outside.
    pub(super) fn home(&self) -> PathBuf {
        self.path.join("home")
    }

    /// For which workspace it works.
    pub(super) fn workspace(&self) -> &Workspace {
        &self.workspace
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let (path, turn) = (self.path.clone(), self.turn.take());
        std::thread::spawn(move || {
            let _turn = turn;
            if let Err(error) = remove(&path) {
                tracing::warn!(%error, path = %path.display(), "a directory that git was given could not be removed");
            }
        });
    }
}

impl Services {
    /// A fresh place to work with a remote, if the workspace may reach it.
    pub(super) async fn scratch(&self, workspace: &Workspace, remote: Remote) -> Result<Scratch> {
        if workspace.network.mode == NetworkMode::None {
            let message = format!("the workspace reaches no network, and so not {}", remote.host());
            return Err(Failure::new(Blame::Config, "git.no_network", message)
                .with_hint(format!("make the workspace with --allow {}", remote.rule()))
                .into());
        }
        let turn = {
            let mut turns = self.scratches.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(turns.entry(workspace.id).or_default())
        };
        let turn = turn.lock_owned().await;
        self.clear_scratches(workspace.id).await?;
        self.room(workspace).await?.check()?;
        let (path, user) = (self.paths.scratch(workspace.id).join("git"), workspace.user);
        let place = path.clone();
        let parent = self.paths.scratch(workspace.id);
        let made = tokio::task::spawn_blocking(move || {
            make_directory(&parent, None, 0o700)?;
            make_directory(&place, None, 0o700)?;
            make_directory(&place.join("tree"), user, 0o700)?;
            make_directory(&place.join("home"), user, 0o700)?;
            make_directory(&place.join("inbox"), None, 0o755)
        });
        made.await.map_err(std::io::Error::other).and_then(|made| made).map_err(|error| {
            Failure::new(Blame::Host, "git.scratch", format!("no directory could be made for git: {error}"))
        })?;
        Ok(Scratch { path, workspace: workspace.clone(), remote, turn: Some(turn) })
    }

    /// Runs a script apart, with the credential of the remote's host where the operator has given one; a key stays in this
    /// process. `shown`, if given, is there to read at `$SHOWN`; `$URL` is the remote.
    pub(super) async fn run_apart(
        &self,
        scratch: &Scratch,
        shown: Option<&Path>,
        script: &str,
        variables: &[(&str, &str)],
    ) -> Result<Output> {
        let Scratch { path, workspace, remote, .. } = scratch;
        let mut script = script.to_owned();
        let mut answer = String::new();
        let mut agent = None;
        match remote.credential(&self.config.git.credentials)? {
            Some(Credential { host, access: GitAccess::Password { secret, username } }) => {
                let secret = self.vault.read(secret, &Asked::by_git(host, workspace.id)).await?;
                let secret = secret.expose_secret().to_owned();
                if secret.contains(['\n', '\0']) || secret.is_empty() {
                    let message = format!("the secret for {} is no single line of text", remote.host());
                    return Err(Failure::new(Blame::Config, "git.secret_invalid", message).into());
                }
                answer = format!("username={username}\npassword={secret}\n");
            }
            Some(Credential { host, access: GitAccess::Key(key) }) => {
                if let Some(login) = remote.login() {
                    agent = Some(self.serve_agent(scratch, host, login, key).await?);
                    script = ServedAgent::script(&script);
                }
            }
            None => {}
        }
        let inbox = path.join("inbox");
        let sandbox = self.sandbox_apart(scratch, shown.unwrap_or(&inbox)).await?;
        let fixed = [
            ("URL", remote.as_str()),
            ("HELPER", HELPER),
            ("FOR_PROTOCOL", remote.scheme()),
            ("FOR_HOST", remote.host()),
            ("SHOWN", &sandbox.observed().inbox),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_ALLOW_PROTOCOL", remote.protocols()),
        ];
        let all = fixed.iter().chain(variables).map(|(name, value)| (*name, (*value).to_owned()));
        let of_agent = agent.iter().flat_map(|agent| agent.variables(&sandbox.observed().home));
        let env = all.chain(of_agent).map(|(name, value)| (name.to_owned(), Value::Plain(value))).collect();
        let args = vec!["-c".to_owned(), format!("{PRELUDE}{script}")];
        let command = Command { program: "sh".to_owned(), args, env, cwd: None, tty: None };
        let work = sandbox.short(command, Speaker::SERVER, answer.into_bytes(), DEADLINE, MAX_OUTPUT);
        let mut output = tokio::select! {
            output = work => output?,
            // What is given up is killed with all that it started.
            error = self.outgrown(workspace) => return Err(error),
        };
        if let Some(failure) = self.remeasure(workspace).await?.problem(workspace.limits) {
            return Err(failure.into());
        }
        // Git tells no passwords. If one does all the same, it is told no further.
        for stream in [&mut output.stdout, &mut output.stderr] {
            *stream = self.vault.redaction().bytes(stream).into_owned();
        }
        match agent.and_then(|agent| agent.problem(&output)) {
            Some(failure) => Err(failure.into()),
            None => Ok(output),
        }
    }

    /// Ends when what arrives has no room any more.
    async fn outgrown(&self, workspace: &Workspace) -> Error {
        loop {
            tokio::time::sleep(LOOK).await;
            match self.measure(workspace, LOOK).await {
                Ok(measured) => {
                    if let Some(failure) = measured.problem(workspace.limits) {
                        return failure.into();
                    }
                }
                Err(error) => return error,
            }
        }
    }

    async fn sandbox_apart(&self, scratch: &Scratch, shown: &Path) -> Result<Sandbox> {
        let Scratch { path, workspace, remote, .. } = scratch;
        let in_use = self.using(workspace.id).await;
        let id = self.backend_apart(workspace, remote).await?;
        let backend = self.plugins.backend(&id)?;
        let grants = self.plugins.inspect(&id).map(|info| info.grants).unwrap_or_default();
        let (mut spec, guard) = self.isolation.apart(workspace, &self.paths, path, shown)?;
        if id != workspace.backend {
            // What is asked of the workspace's own backend means nothing to another.
            spec.options = "{}".to_owned();
        }
        let shared = workspace.network.mode == NetworkMode::Shared;
        let traveller = Traveller { workspace: workspace.id, mission: None };
        let gateway =
            (!shared).then(|| Gateway { socket: self.paths.gate(), label: traveller.to_string(), leads_out: true });
        let observed = ready(&backend, &spec).await?;
        let way = Way { guard, leader: None, alone: !shared, gateway, _in_use: in_use };
        let (vault, contained) = (Arc::clone(&self.vault), Arc::clone(&self.contained));
        Ok(Sandbox::new(backend, grants, vault, contained, spec, observed, way))
    }

    /// Who isolates git apart: the workspace's own backend, unless all its processes share a system or a container, which an
    /// agent's may be in. For `ssh`, who it is must have a name too, which a workspace's user has in a sandbox only.
    async fn backend_apart(&self, workspace: &Workspace, remote: &Remote) -> Result<PluginId> {
        let about = self.plugins.backend(&workspace.backend)?.describe().await?;
        if remote.login().is_none() && !about.user_range && !about.engine_limits {
            return Ok(workspace.backend.clone());
        }
        let id: PluginId = APART.parse().map_err(|_| Error::NotFound { what: "plugin", id: APART.to_owned() })?;
        match self.plugins.inspect(&id) {
            Some(_) => Ok(id),
            None => {
                let message =
                    format!("git with a credential works in a sandbox of the backend {APART}, which is not there");
                Err(Failure::new(Blame::Config, "git.no_sandbox", message)
                    .with_hint(format!("[plugins.{APART}] in sandboxed.toml"))
                    .into())
            }
        }
    }
}

/// A failure of git with a remote.
pub(super) fn remote_failed(what: &str, remote: &Remote, known: bool, output: &Output) -> Failure {
    let said = told(output);
    let host = remote.host();
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    // The words of the server's own proxy, and of git when it refuses a tunnel.
    if has(&["network.allow", "was refused:", "CONNECT tunnel failed", "from proxy after CONNECT"]) {
        return Failure::new(Blame::Config, "git.not_allowed", format!("the workspace may not reach {host}: {said}"))
            .with_hint(format!("make the workspace with --allow {}", remote.rule()));
    }
    if has(&["could not read Username", "Authentication failed", "returned error: 401", "returned error: 403"]) {
        let hint = match known {
            true => format!("look whether the secret that [git.credentials] names for {host:?} is still good"),
            false => format!("[git.credentials] \"{host}\" = {{ secret = \"…\" }} in sandboxed.toml"),
        };
        return Failure::new(Blame::Config, "git.denied", format!("{host} did not let git {what}: {said}"))
            .with_hint(hint);
    }
    Failure::new(Blame::Unavailable, "git.failed", format!("git could not {what}: {said}"))
}

fn remove(path: &Path) -> sandboxed_files::Result<()> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Ok(());
    };
    Tree::open(parent, None)?.remove(&RelativePath::parse(name)?, true, &AtomicBool::new(false))
}

impl Services {
    /// Removes what a server left that was killed while git worked.
    async fn clear_scratches(&self, workspace: WorkspaceId) -> Result<()> {
        let path = self.paths.scratch(workspace);
        blocking(move || match remove(&path) {
            Err(sandboxed_files::Error::NotFound(_)) => Ok(()),
            removed => removed,
        })
        .await
    }
}
