//! A workspace as its backend made it ready, and short programs inside it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use sandboxed_exec::ShortSpec;
use sandboxed_model::{
    Blame, Failure, WorkspaceId,
    backend::{BackendSpec, Launch, Observed},
    command::{Command, Output, Value},
    grant::Grants,
    workspace::Workspace,
};
use sandboxed_plugins::Backend;

use crate::{paths::Paths, secrets::SecretBook};

/// A workspace that processes can enter.
#[derive(Clone)]
pub(crate) struct Sandbox {
    backend: Backend,
    backend_grants: Grants,
    secrets: Arc<SecretBook>,
    spec: BackendSpec,
    observed: Observed,
}

/// What a backend is told of a workspace.
pub(crate) fn spec_of(workspace: &Workspace, paths: &Paths) -> BackendSpec {
    BackendSpec {
        id: workspace.id,
        tree: paths.tree(workspace.id).to_string_lossy().into_owned(),
        inbox: paths.inbox(workspace.id).to_string_lossy().into_owned(),
        options: workspace.options.to_string(),
    }
}

/// A process as the host starts it: secrets are in place, so this is never shown or stored.
pub(crate) struct HostProcess {
    pub(crate) program: String,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) cwd: PathBuf,
    pub(crate) tty: Option<sandboxed_model::command::Tty>,
}

impl Sandbox {
    /// Makes the workspace ready and says where things are inside.
    pub(crate) async fn enter(
        backend: Backend,
        backend_grants: Grants,
        secrets: Arc<SecretBook>,
        spec: BackendSpec,
    ) -> Result<Self, Failure> {
        let observed = backend.ensure(&spec).await?;
        if observed.phase != sandboxed_model::backend::WorkspacePhase::Ready {
            return Err(Failure::new(
                Blame::Unavailable,
                "workspace.not_ready",
                format!("the workspace could not be made ready: {}", observed.detail),
            ));
        }
        Ok(Self { backend, backend_grants, secrets, spec, observed })
    }

    /// The workspace.
    pub(crate) fn workspace(&self) -> WorkspaceId {
        self.spec.id
    }

    /// The workspace as the backend made it.
    pub(crate) fn observed(&self) -> &Observed {
        &self.observed
    }

    /// What the host must start so that `command` runs inside. A secret that the command names is put in place if
    /// `grants` (of the plugin that made the command) name it, and one that the backend adds if the backend's do.
    pub(crate) async fn process(&self, command: Command, grants: &Grants) -> Result<HostProcess, Failure> {
        let named: Vec<String> = secrets_of(&command).map(str::to_owned).collect();
        if let Some(denied) = named.iter().find(|secret| !grants.secrets.contains(secret)) {
            return Err(secret_denied(denied));
        }
        let Launch::Spawn(command) = self.backend.enter(&self.spec, &self.observed, &command).await?;
        let mut env = Vec::with_capacity(command.env.len());
        for (name, value) in command.env {
            let value = match value {
                Value::Plain(value) => value,
                Value::Secret(secret) => {
                    if !named.contains(&secret) && !self.backend_grants.secrets.contains(&secret) {
                        return Err(secret_denied(&secret));
                    }
                    self.secrets.read(&secret).await?
                }
            };
            env.push((name, value));
        }
        let cwd = command.cwd.unwrap_or_else(|| self.spec.tree.clone());
        Ok(HostProcess { program: command.program, args: command.args, env, cwd: cwd.into(), tty: command.tty })
    }

    /// Runs a short program inside to its end.
    pub(crate) async fn short(
        &self,
        command: Command,
        grants: &Grants,
        stdin: Vec<u8>,
        deadline: Duration,
        max_output: usize,
    ) -> Result<Output, Failure> {
        let process = self.process(command, grants).await?;
        let spec = ShortSpec {
            program: process.program.into(),
            args: process.args,
            env: process.env,
            cwd: process.cwd,
            stdin,
            deadline,
            max_output,
        };
        sandboxed_exec::short(spec).await.map_err(|error| error.failure())
    }
}

fn secrets_of(command: &Command) -> impl Iterator<Item = &str> {
    command.env.iter().filter_map(|(_, value)| match value {
        Value::Secret(secret) => Some(secret.as_str()),
        Value::Plain(_) => None,
    })
}

fn secret_denied(secret: &str) -> Failure {
    let message = format!("a variable asks for the secret {secret:?}, which was not granted");
    Failure::new(Blame::Denied, "secrets.denied", message)
        .with_hint(format!("grants.secrets = [\"{secret}\"] in the plugin's table of sandboxed.toml"))
}
