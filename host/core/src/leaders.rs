//! Leaders: for each workspace in use one process that does nothing but hold what the workspace's processes share: its
//! network, or a whole system. So a shell reaches the service that an agent started, and either may end first.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use sandboxed_exec::{
    Attached, Chunk, Doorway, Filter, Guard, Network, OutputStream, ProcessHandle, Run, RunSpec, StdinMode,
};
use sandboxed_model::{
    Blame, Failure, PluginId, RunId, WorkspaceId,
    backend::{BackendSpec, Leader as LeaderPlan, Observed},
    command::{Command, Value},
    workspace::{NetworkMode, Workspace},
};
use sandboxed_plugins::Backend;
use tokio::time::Instant;

use crate::{Result, services::Services};

/// How often idle ones are looked for at least.
const ROUND: Duration = Duration::from_secs(60);
const SHORTEST_ROUND: Duration = Duration::from_millis(100);

/// What a system says when it is there.
const READY: &[u8] = b"ready";
/// How long it may take until then, and what is read of its words.
const PATIENCE: Duration = Duration::from_secs(30);
const WORDS: usize = 4096;
/// How long is waited for the words of one that failed.
const GRACE: Duration = Duration::from_millis(100);

/// The leaders of all workspaces in use.
#[derive(Default)]
pub(crate) struct Leaders(Mutex<HashMap<WorkspaceId, Arc<Slot>>>);

/// The place of one workspace's leader. Locked while it is looked for or started.
#[derive(Default)]
struct Slot(tokio::sync::Mutex<Option<Held>>);

struct Held {
    leader: Arc<Leader>,
    idle_since: Option<Instant>,
}

/// A leader. It is kept alive for as long as somebody holds it, and some time longer.
pub(crate) struct Leader {
    /// What keeps it alive. Absent: that is not this server's to end.
    run: Option<Run>,
    /// Whose namespaces are joined.
    process: ProcessHandle,
    doorway: Doorway,
    /// The ports on which something listened when it was last looked. Absent: it was not looked since the server started.
    pub(crate) seen: Mutex<Option<BTreeSet<u16>>>,
}

impl Leader {
    fn new(run: Run, process: ProcessHandle, seen: Option<BTreeSet<u16>>) -> Arc<Self> {
        Arc::new(Self { run: Some(run), process, doorway: Doorway::new(process), seen: Mutex::new(seen) })
    }

    /// A process that lives as long as its workspace's container does.
    pub(crate) fn of_container(process: ProcessHandle, seen: Option<BTreeSet<u16>>) -> Arc<Self> {
        Arc::new(Self { run: None, process, doorway: Doorway::new(process), seen: Mutex::new(seen) })
    }

    /// The way into the network from outside.
    pub(crate) fn doorway(&self) -> &Doorway {
        &self.doorway
    }

    /// Whose namespaces are joined.
    pub(crate) fn process(&self) -> ProcessHandle {
        self.process
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.run.as_ref().map_or_else(|| self.process.is_alive(), |run| !run.is_over())
    }
}

impl Leaders {
    fn slot(&self, workspace: WorkspaceId) -> Arc<Slot> {
        Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(workspace).or_default())
    }

    fn slots(&self) -> Vec<(WorkspaceId, Arc<Slot>)> {
        let slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.iter().map(|(&workspace, slot)| (workspace, Arc::clone(slot))).collect()
    }
}

impl Services {
    /// The leader of a workspace that shares anything but the machine's: the one that is there, or a new one, which sees what
    /// `guard` shows.
    pub(crate) async fn leader(
        &self,
        workspace: &Workspace,
        backend: &Backend,
        spec: &BackendSpec,
        observed: &Observed,
        guard: &Guard,
    ) -> Result<Option<Arc<Leader>>> {
        let slot = self.leaders.slot(workspace.id);
        let mut held = slot.0.lock().await;
        if let Some(held) = held.as_mut().filter(|held| held.leader.is_alive()) {
            held.idle_since = None;
            return Ok(Some(Arc::clone(&held.leader)));
        }
        let program = match backend.lead(spec, observed).await? {
            LeaderPlan::Server if workspace.network.mode == NetworkMode::Shared => return Ok(None),
            LeaderPlan::Server => None,
            LeaderPlan::Program(command) => Some(command),
            // Its engine puts its processes in; it is looked for so that listeners in it are told.
            LeaderPlan::Container(engine) => {
                self.container_network(workspace, &engine).await;
                return Ok(None);
            }
        };
        let is_system = program.is_some();
        let (run, seen) = match self.former_leader(self.store.workspace_leader(workspace.id).await?).await? {
            Some(run) => (run, None),
            // Nothing listens in a new network.
            None => (self.start_leader(workspace, program, guard.clone()).await?, Some(BTreeSet::new())),
        };
        let process = if is_system { system_of(&run).await? } else { run.process() };
        let leader = Leader::new(run, process, seen);
        *held = Some(Held { leader: Arc::clone(&leader), idle_since: None });
        Ok(Some(leader))
    }

    /// The leader of a workspace if it has one. None is started.
    pub(crate) async fn present_leader(&self, workspace: WorkspaceId) -> Result<Option<Arc<Leader>>> {
        let slot = self.leaders.slot(workspace);
        let mut held = slot.0.lock().await;
        if let Some(held) = held.as_mut().filter(|held| held.leader.is_alive()) {
            held.idle_since = None;
            return Ok(Some(Arc::clone(&held.leader)));
        }
        let Some(run) = self.former_leader(self.store.workspace_leader(workspace).await?).await? else {
            return self.present_container_network(workspace).await;
        };
        let inside = run.oldest_inside().await.map_err(|error| error.failure())?;
        let process = inside.unwrap_or_else(|| run.process());
        let leader = Leader::new(run, process, None);
        *held = Some(Held { leader: Arc::clone(&leader), idle_since: None });
        Ok(Some(leader))
    }

    /// The leaders that are held now, without those that are being looked for.
    pub(crate) fn held_leaders(&self) -> Vec<(WorkspaceId, Arc<Leader>)> {
        let held = |(workspace, slot): (WorkspaceId, Arc<Slot>)| {
            let held = slot.0.try_lock().ok()?;
            let held = held.as_ref().filter(|held| held.leader.is_alive())?;
            Some((workspace, Arc::clone(&held.leader)))
        };
        self.leaders.slots().into_iter().filter_map(held).chain(self.contained.networks()).collect()
    }

    /// The leader that a former server started, if it lives.
    async fn former_leader(&self, stored: Option<RunId>) -> Result<Option<Run>> {
        let Some(id) = stored else { return Ok(None) };
        match self.supervisor.attach(id).await.map_err(|error| error.failure())? {
            Attached::Live(run) => Ok(Some(run)),
            Attached::Ended(_) | Attached::Lost { .. } | Attached::Missing => {
                self.forget_run(id).await;
                Ok(None)
            }
        }
    }

    /// Starts the backend's program, with the server's rights; without one, a process that waits and has none.
    async fn start_leader(&self, workspace: &Workspace, program: Option<Command>, mut guard: Guard) -> Result<Run> {
        if workspace.network.mode != NetworkMode::Shared {
            guard.network = Network::Own { entrance: None };
        }
        let command = match program {
            Some(command) => {
                self.check_program(&workspace.backend, &command)?;
                guard.user = None;
                command
            }
            None => {
                guard.stage = None;
                guard.filter = Filter::Own;
                Command {
                    program: "sleep".to_owned(),
                    args: vec!["infinity".to_owned()],
                    env: vec![("PATH".to_owned(), Value::Plain("/usr/bin:/bin".to_owned()))],
                    ..Command::default()
                }
            }
        };
        let id = RunId::new();
        // Stored first, so that no process can exist of which the store knows nothing.
        self.store.set_workspace_leader(workspace.id, Some(id)).await?;
        let spec = RunSpec {
            id,
            program: command.program,
            args: command.args,
            env: plain(command.env)?,
            cwd: "/".into(),
            tty: None,
            stdin: StdinMode::Null,
            guard,
        };
        Ok(self.supervisor.start(spec).await.map_err(|error: sandboxed_exec::Error| -> Failure { error.failure() })?)
    }

    /// Ends the leader of a workspace that is removed or stopped; `stored` is the one that the store knows, or knew when
    /// the workspace was still there.
    pub(crate) async fn end_leader(&self, workspace: WorkspaceId, stored: Option<RunId>) -> Result<()> {
        let slot = self.leaders.slot(workspace);
        let mut held = slot.0.lock().await;
        let run = match held.take() {
            Some(held) => held.leader.run.clone(),
            None => self.former_leader(stored).await?,
        };
        if let Some(run) = run {
            run.kill().await.map_err(|error| error.failure())?;
            run.exit().await;
            self.forget_run(run.id()).await;
        }
        self.leaders.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&workspace);
        Ok(())
    }

    /// Refuses a program that the plugin was not granted to run: what the server starts for it has the server's rights.
    pub(crate) fn check_program(&self, plugin: &PluginId, command: &Command) -> Result<()> {
        let grants = self.plugins.inspect(plugin).map(|info| info.grants).unwrap_or_default();
        if grants.run.contains(&command.program) {
            return Ok(());
        }
        let message = format!("the plugin {plugin} asks for the program {:?}, which was not granted", command.program);
        let hint = format!("grants.run = [\"{}\"] in the plugin's table of sandboxed.toml", command.program);
        Err(Failure::new(Blame::Denied, "run.denied", message).with_hint(hint).into())
    }

    pub(crate) async fn forget_run(&self, run: RunId) {
        if let Err(error) = self.supervisor.remove(run).await {
            tracing::warn!(%error, %run, "what is kept of a run could not be removed");
        }
    }

    /// Workspaces in which something goes on when the server is gone.
    async fn used_without_server(&self) -> Result<HashSet<WorkspaceId>> {
        let missions = self.store.unsettled_missions().await?;
        let missions = missions.iter().filter(|mission| mission.state.is_active()).map(|mission| mission.workspace);
        let processes = self.store.live_processes().await?;
        let processes = processes.iter().map(|process| process.workspace);
        let builds = self.store.live_builds().await?;
        let builds = builds.iter().map(|build| build.workspace);
        Ok(missions.chain(processes).chain(builds).collect())
    }

    /// Ends the leaders and stops the containers of workspaces in which nothing goes on when the server is gone. Nobody may
    /// begin anything any more.
    pub(crate) async fn end_unused_leaders(&self) -> Result<()> {
        let used = self.used_without_server().await?;
        self.stop_unused_containers(&used).await;
        let held: Vec<WorkspaceId> = {
            let slots = self.leaders.0.lock().unwrap_or_else(PoisonError::into_inner);
            slots.keys().copied().filter(|workspace| !used.contains(workspace)).collect()
        };
        for workspace in held {
            self.end_leader(workspace, None).await?;
        }
        Ok(())
    }

    async fn end_idle_leaders(&self) {
        for (workspace, slot) in self.leaders.slots() {
            let idle = {
                // One that is being looked for is not idle.
                let Ok(mut held) = slot.0.try_lock() else { continue };
                match held.as_mut() {
                    Some(held) if Arc::strong_count(&held.leader) > 1 => {
                        held.idle_since = None;
                        false
                    }
                    Some(held) => {
                        held.idle_since.get_or_insert_with(Instant::now).elapsed() >= self.config.workspaces.keep_idle.0
                    }
                    None => false,
                }
            };
            if idle && let Err(error) = self.end_leader(workspace, None).await {
                tracing::warn!(%error, %workspace, "an idle leader could not be ended");
            }
        }
    }
}

/// Waits until a leader says that its system is there, and finds a process of that system.
async fn system_of(run: &Run) -> Result<ProcessHandle> {
    let mut output = run.reader(OutputStream::Stdout, 0);
    let heard = async {
        let mut said = Vec::new();
        while said.len() < WORDS && !said.split(|&byte| byte == b'\n').any(|line| line.trim_ascii_end() == READY) {
            match output.next(WORDS).await.map_err(|error| error.failure())? {
                Chunk::Bytes { bytes, .. } => said.extend(bytes),
                Chunk::Gap { .. } => {}
                Chunk::End => return Result::<bool>::Ok(false),
            }
        }
        Ok(true)
    };
    let heard = tokio::time::timeout(PATIENCE, heard).await.unwrap_or(Ok(false))?;
    if heard && let Some(process) = run.oldest_inside().await.map_err(|error| error.failure())? {
        return Ok(process);
    }
    let mut words = Vec::new();
    let mut errors = run.reader(OutputStream::Stderr, 0);
    // One that did not end says no more than it has said.
    if let Ok(Ok(Chunk::Bytes { bytes, .. })) = tokio::time::timeout(GRACE, errors.next(WORDS)).await {
        words = bytes;
    }
    let words = String::from_utf8_lossy(&words);
    run.kill().await.map_err(|error| error.failure())?;
    let message = format!("the workspace's system did not start: {}", words.trim());
    Err(Failure::new(Blame::Unavailable, "workspace.not_started", message)
        .with_hint("`sandboxed-sh doctor` tells what this machine lacks, and which backends work on it")
        .into())
}

/// The variables of a program with the server's rights: secrets are for the work and not for it.
pub(crate) fn plain(env: Vec<(String, Value)>) -> std::result::Result<Vec<(String, String)>, Failure> {
    let plain = env.into_iter().map(|(name, value)| match value {
        Value::Plain(value) => Ok((name, value)),
        Value::Secret(secret) => {
            let message = format!("the secret {secret:?} is asked for by a program that has nothing to do with it");
            Err(Failure::new(Blame::Denied, "secrets.denied", message))
        }
    });
    plain.collect()
}

/// Ends leaders that nobody uses, as long as the server lives.
pub(crate) async fn sweep(services: Weak<Services>, keep_idle: Duration) {
    let mut rounds = tokio::time::interval(round(keep_idle));
    loop {
        rounds.tick().await;
        let Some(services) = services.upgrade() else { return };
        if *services.stop.borrow() {
            return;
        }
        services.end_idle_leaders().await;
    }
}

/// How often what is idle is looked for, if it is kept for so long.
pub(crate) fn round(keep_idle: Duration) -> Duration {
    (keep_idle / 2).clamp(SHORTEST_ROUND, ROUND)
}

/// A loopback address for the entrance of one process. There are four million, so that two processes of a workspace,
/// also of servers that knew nothing of each other, do not meet.
pub(crate) fn entrance_address() -> Ipv4Addr {
    let [a, b, c, _] = rand::random::<[u8; 4]>();
    Ipv4Addr::new(127, 64 | a & 63, b, c.clamp(1, 254))
}
