//! A workspace as its backend made it ready, and short programs inside it.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sandboxed_exec::{Entrance, Filter, Guard, HandedFile, Inside, Network, ShortSpec};
use sandboxed_model::{
    Blame, Failure, MissionId, PluginId, RunId, WorkspaceId,
    backend::{AttachmentContent, BackendSpec, Contained, Joined, Launch, Observed, Spawned, WorkspacePhase},
    command::{Command, Output, Value},
    grant::Grants,
    harness::Endpoint,
    recipe::{EnvValue, VariableName},
    secret::Audience,
};
use sandboxed_plugins::Backend;
use secrecy::ExposeSecret as _;

use crate::{
    contained::{ContainedRuns, InContainer},
    context::Token,
    harnesses,
    isolation::proxy_variables,
    leaders::{Leader, entrance_address},
    models::{self, ModelAccess},
    uses::Use,
    vault::{Asked, Vault},
};

/// A workspace that processes can enter.
#[derive(Clone)]
pub(crate) struct Sandbox {
    backend: Backend,
    backend_grants: Grants,
    vault: Arc<Vault>,
    contained: Arc<ContainedRuns>,
    spec: BackendSpec,
    observed: Observed,
    way: Way,
    /// Variables of the workspace. Its secrets are those that the operator lets workspaces name.
    environment: BTreeMap<VariableName, EnvValue>,
    /// What its process sends to servers of tools: variables, and the secrets of the workspace that they hold.
    tokens: Vec<Token>,
    mission: Option<MissionId>,
    /// By what its processes ask models.
    models: Option<Arc<ModelAccess>>,
    /// Where its process finds the way out, if that is decided before it is started.
    entrance: Option<Ipv4Addr>,
}

/// Who made a command, and which secrets it may name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speaker<'a> {
    /// The plugin; absent is the server itself.
    pub(crate) plugin: Option<&'a PluginId>,
    /// What was granted to it.
    pub(crate) secrets: &'a [String],
}

impl Speaker<'_> {
    /// The server, whose commands name none.
    pub(crate) const SERVER: Speaker<'static> = Speaker { plugin: None, secrets: &[] };
}

/// The secrets that a process asks for, and as whom it does.
type Named = BTreeMap<String, Vec<Audience>>;

/// How the server itself lets processes into a workspace.
#[derive(Clone)]
pub(crate) struct Way {
    /// What each of them is held to, whichever way it comes in.
    pub(crate) guard: Guard,
    /// Holds what they share; absent where that is the machine's.
    pub(crate) leader: Option<Arc<Leader>>,
    /// Each process gets a network of its own.
    pub(crate) alone: bool,
    pub(crate) gateway: Option<Gateway>,
    pub(crate) _in_use: Use,
}

/// The way out of a workspace's network.
#[derive(Clone)]
pub(crate) struct Gateway {
    /// The gate.
    pub(crate) socket: PathBuf,
    /// What it tells of who comes.
    pub(crate) label: String,
    /// Whether it leads to more than the models.
    pub(crate) leads_out: bool,
}

/// A process as the host starts it: secrets are in place, so this is never shown or stored.
pub(crate) struct HostProcess {
    pub(crate) program: String,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) cwd: PathBuf,
    pub(crate) tty: Option<sandboxed_model::command::Tty>,
    pub(crate) guard: Guard,
}

impl Sandbox {
    /// A workspace that was made ready.
    pub(crate) fn new(
        backend: Backend,
        backend_grants: Grants,
        vault: Arc<Vault>,
        contained: Arc<ContainedRuns>,
        spec: BackendSpec,
        observed: Observed,
        way: Way,
    ) -> Self {
        let environment = BTreeMap::new();
        Self {
            backend,
            backend_grants,
            vault,
            contained,
            spec,
            observed,
            way,
            environment,
            tokens: Vec::new(),
            mission: None,
            models: None,
            entrance: None,
        }
    }

    /// The same on behalf of a mission.
    pub(crate) fn for_mission(mut self, mission: Option<MissionId>) -> Self {
        self.mission = mission;
        self
    }

    /// The same with models that its processes may ask.
    pub(crate) fn with_models(mut self, models: Option<Arc<ModelAccess>>) -> Self {
        self.models = models;
        self
    }

    /// The same for one process, whose way out is at an address that is known before.
    pub(crate) fn for_one_process(mut self) -> Self {
        self.entrance = Some(entrance_address());
        self
    }

    /// The same with these variables in every process that does not have them otherwise.
    pub(crate) fn with_environment(mut self, environment: BTreeMap<VariableName, EnvValue>) -> Self {
        self.environment = environment;
        self
    }

    /// The same with these secrets of the workspace in these variables.
    pub(crate) fn with_tokens(mut self, tokens: Vec<Token>) -> Self {
        self.tokens = tokens;
        self
    }

    /// The same with no variables that are secrets besides these.
    pub(crate) fn with_secrets_only(mut self, names: &[VariableName]) -> Self {
        self.environment.retain(|name, value| value.secret().is_none() || names.contains(name));
        self
    }

    /// The workspace.
    pub(crate) fn workspace(&self) -> WorkspaceId {
        self.spec.id
    }

    /// Bytes of memory that its processes may use together.
    pub(crate) fn memory_limit(&self) -> Option<u64> {
        self.spec.terms.limits.memory
    }

    /// Where the workspace's processes find the programs of harnesses.
    pub(crate) fn programs(&self) -> &Path {
        harnesses::seen(&self.spec, &self.observed.inbox)
    }

    /// The workspace as the backend made it.
    pub(crate) fn observed(&self) -> &Observed {
        &self.observed
    }

    /// Where its process asks models: see [`Sandbox::for_one_process`].
    pub(crate) fn endpoints(&self) -> Vec<Endpoint> {
        let entrance = self.way.gateway.as_ref().and(self.entrance);
        self.models.as_ref().map(|models| models.endpoints(entrance)).unwrap_or_default()
    }

    /// What the host must start so that `command` runs inside, all of it under the name `mark`. A secret that the command names is put in place if
    /// it was granted to the speaker, which made the command, and one that the backend adds if the backend's do.
    pub(crate) async fn process(
        &self,
        mut command: Command,
        speaker: Speaker<'_>,
        mark: &str,
    ) -> Result<HostProcess, Failure> {
        let mut named = Named::new();
        let mut files = Vec::new();
        for secret in secrets_of(&command) {
            if !speaker.secrets.iter().any(|granted| granted == secret) {
                return Err(secret_denied(secret));
            }
            let plugin = speaker.plugin.map(|plugin| Audience::Plugin(plugin.to_string()));
            named.entry(secret.to_owned()).or_default().extend(plugin);
        }
        for (name, secret) in &self.tokens {
            named.entry(secret.clone()).or_default().push(Audience::Workspaces);
            command.env.push((name.clone(), Value::Secret(secret.clone())));
        }
        for (name, value) in &self.environment {
            if !command.env.iter().any(|(given, _)| given == name.as_str()) {
                if let Some(secret) = value.secret() {
                    named.entry(secret.to_owned()).or_default().push(Audience::Workspaces);
                }
                match value {
                    EnvValue::Plain(value) => command.env.push((name.to_string(), Value::Plain(value.clone()))),
                    EnvValue::Secret { secret } => command.env.push((name.to_string(), Value::Secret(secret.clone()))),
                    EnvValue::SecretFile { secret_file } => {
                        let number = HandedFile::FIRST + i32::try_from(files.len()).unwrap_or(i32::MAX >> 1);
                        let asked = Asked::by_process(vec![Audience::Workspaces], self.spec.id, self.mission);
                        let bytes = self.vault.read_bytes(secret_file, &asked).await?.expose_secret().to_vec();
                        files.push(HandedFile { number, bytes });
                        command.env.push((name.to_string(), Value::Plain(format!("/proc/self/fd/{number}"))));
                    }
                }
            }
        }
        let leads_out = self.way.gateway.as_ref().is_some_and(|gateway| gateway.leads_out);
        let entrance = self.way.gateway.clone().map(|Gateway { socket, label, .. }| {
            let address = self.entrance.unwrap_or_else(entrance_address);
            Entrance { address, socket, label }
        });
        let mut provided = Vec::new();
        if let Some(entrance) = entrance.as_ref().filter(|_| leads_out) {
            let proxy = proxy_variables(entrance.address, self.models.is_some());
            provided.extend(proxy.into_iter().map(|(name, value)| (name, Value::Plain(value))));
        }
        if let Some(models) = &self.models {
            provided.extend(models.variables(entrance.as_ref().map(|entrance| entrance.address)));
            for direct in models.direct() {
                named.entry(direct.secret.clone()).or_default().push(Audience::Workspaces);
                if !command.env.iter().any(|(given, _)| *given == direct.variable) {
                    command.env.push((direct.variable.clone(), Value::Secret(direct.secret.clone())));
                }
            }
        }
        for (name, value) in provided {
            if !command.env.iter().any(|(given, _)| given == name) {
                command.env.push((name.to_owned(), value));
            }
        }
        let mut process = match self.backend.enter(&self.spec, &self.observed, &command).await? {
            Launch::Spawn(spawned) => self.spawned(spawned, entrance, &named).await?,
            Launch::Join(joined) => self.joined(joined, entrance, &named).await?,
            Launch::Contain(_) if !files.is_empty() => {
                let message =
                    "a variable asks for a secret as a file, which no process in a container of an engine can be given";
                return Err(Failure::new(Blame::Config, "secrets.file_unsupported", message)
                    .with_hint("name the secret itself: { secret = \"NAME\" }"));
            }
            Launch::Contain(contained) => self.contain(contained, mark, &named, entrance).await?,
        };
        process.guard.files = files;
        Ok(process)
    }

    /// A process of the machine's, held to what the server holds all processes of the workspace to.
    async fn spawned(
        &self,
        spawned: Spawned,
        entrance: Option<Entrance>,
        named: &Named,
    ) -> Result<HostProcess, Failure> {
        let Spawned { command, filtered, rules, attachments, wrapper } = spawned;
        let mut guard = self.way.guard.clone();
        guard.filter = if filtered { Filter::Own } else { Filter::None };
        guard.wrapper = wrapper;
        guard.network = match &self.way.leader {
            Some(leader) => Network::Joined { process: leader.process(), entrance },
            None if self.way.alone => Network::Own { entrance },
            None => Network::Shared,
        };
        guard.rules = rules.map(|rules| {
            let paths = |paths: Vec<String>| paths.into_iter().map(PathBuf::from).collect();
            sandboxed_exec::PathRules { read: paths(rules.read), write: paths(rules.write) }
        });
        for attachment in attachments {
            let content = match attachment.content {
                AttachmentContent::Filter => sandboxed_exec::AttachmentContent::Filter,
                AttachmentContent::Bytes(bytes) => sandboxed_exec::AttachmentContent::Bytes(bytes),
                AttachmentContent::Arguments(values) => {
                    let mut arguments = Vec::with_capacity(values.len());
                    for value in values {
                        arguments.push(self.reveal(value, named).await?);
                    }
                    sandboxed_exec::AttachmentContent::Arguments(arguments)
                }
            };
            guard.attachments.push(sandboxed_exec::Attachment { argument: attachment.argument as usize, content });
        }
        self.host_process(command, &self.spec.tree, guard, named).await
    }

    /// A process in the system that the workspace's leader is.
    async fn joined(&self, joined: Joined, entrance: Option<Entrance>, named: &Named) -> Result<HostProcess, Failure> {
        let Joined { command, user } = joined;
        let leader = self.way.leader.as_ref().ok_or_else(|| {
            Failure::new(Blame::Plugin, "backend.no_leader", "the backend lets processes join a leader and names none")
        })?;
        let process = leader.process();
        let mut guard = self.way.guard.clone();
        // Both are the system's own inside.
        guard.user = None;
        guard.stage = None;
        guard.inside = Some(Inside { process, user });
        guard.filter = Filter::Own;
        guard.network = match self.spec.shared_network {
            true => Network::Shared,
            false => Network::Joined { process, entrance },
        };
        self.host_process(command, &self.observed.tree, guard, named).await
    }

    async fn host_process(
        &self,
        command: Command,
        tree: &str,
        guard: Guard,
        named: &Named,
    ) -> Result<HostProcess, Failure> {
        let mut env = Vec::with_capacity(command.env.len());
        for (name, value) in command.env {
            env.push((name, self.reveal(value, named).await?));
        }
        let cwd = command.cwd.unwrap_or_else(|| tree.to_owned()).into();
        Ok(HostProcess { program: command.program, args: command.args, env, cwd, tty: command.tty, guard })
    }

    /// The value itself, if it may be used here: `named` are the secrets that the command asked for.
    async fn reveal(&self, value: Value, named: &Named) -> Result<String, Failure> {
        let secret = match value {
            Value::Plain(value) => return Ok(value),
            Value::Secret(secret) => secret,
        };
        if let Some(models) = self.models.as_ref().filter(|_| secret == models::TOKEN) {
            return Ok(models.token());
        }
        let mut any = named.get(&secret).cloned().unwrap_or_default();
        if self.backend_grants.secrets.contains(&secret) {
            any.push(Audience::Plugin(self.backend.id().to_string()));
        }
        if any.is_empty() {
            return Err(secret_denied(&secret));
        }
        let asked = Asked::by_process(any, self.spec.id, self.mission);
        Ok(self.vault.read(&secret, &asked).await?.expose_secret().to_owned())
    }

    /// Runs a short program inside to its end.
    pub(crate) async fn short(
        &self,
        command: Command,
        speaker: Speaker<'_>,
        stdin: Vec<u8>,
        deadline: Duration,
        max_output: usize,
    ) -> Result<Output, Failure> {
        let mark = format!("short-{}", RunId::new());
        let mut without_files = self.clone();
        // It is started by the server itself, which has no numbers to give to files.
        without_files.environment.retain(|_, value| !matches!(value, EnvValue::SecretFile { .. }));
        let process = without_files.process(command, speaker, &mark).await?;
        let mut clearing = Clearing { sandbox: self, mark: Some(mark) };
        let spec = ShortSpec {
            program: process.program.into(),
            args: process.args,
            env: process.env,
            cwd: process.cwd,
            stdin,
            deadline,
            max_output,
            guard: process.guard,
        };
        let output = sandboxed_exec::short(spec).await;
        if let Some(lost) = clearing.finish().await {
            return Err(Failure::new(Blame::Unavailable, "containers.lost", lost));
        }
        output.map_err(|error| error.failure())
    }

    /// The process that stands for one in the workspace's container.
    async fn contain(
        &self,
        contained: Contained,
        mark: &str,
        named: &Named,
        entrance: Option<Entrance>,
    ) -> Result<HostProcess, Failure> {
        let Contained { engine, command } = contained;
        if !self.backend_grants.containers.contains(&engine) {
            let message = format!("the backend names the engine {engine:?}, which was not granted to it");
            return Err(Failure::new(Blame::Denied, "containers.denied", message));
        }
        let mut env = Vec::with_capacity(command.env.len());
        for (name, value) in command.env {
            env.push((name, self.reveal(value, named).await?));
        }
        let _entering = self.contained.entering(self.spec.id, &engine).await;
        // Since it was made ready, what a run left behind may have cost the container its life.
        self.backend.ensure(&self.spec).await?;
        let inside = InContainer {
            engine,
            workspace: self.spec.id,
            mark: mark.to_owned(),
            argv: std::iter::once(command.program).chain(command.args).collect(),
            env,
            cwd: command.cwd,
            tty: command.tty,
            entrance,
        };
        self.contained.process(inside).await
    }
}

/// A short program whose traces in a container have to go, also when nobody waits for it any more.
struct Clearing<'a> {
    sandbox: &'a Sandbox,
    mark: Option<String>,
}

impl Clearing<'_> {
    /// Clears, and tells why the end was not seen, if it was not.
    async fn finish(&mut self) -> Option<String> {
        let mark = self.mark.clone()?;
        let (contained, workspace) = (&self.sandbox.contained, self.sandbox.spec.id);
        let end = contained.over(workspace, &mark).await;
        contained.forget(workspace, &mark).await;
        self.mark = None;
        end?.lost
    }
}

impl Drop for Clearing<'_> {
    fn drop(&mut self) {
        if let Some(mark) = self.mark.take() {
            self.sandbox.contained.abandon(self.sandbox.spec.id, mark);
        }
    }
}

/// Has the backend make a workspace ready.
pub(crate) async fn ready(backend: &Backend, spec: &BackendSpec) -> Result<Observed, Failure> {
    let observed = backend.ensure(spec).await?;
    if observed.phase == WorkspacePhase::Ready {
        return Ok(observed);
    }
    let message = format!("the workspace could not be made ready: {}", observed.detail);
    Err(Failure::new(Blame::Unavailable, "workspace.not_ready", message))
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
