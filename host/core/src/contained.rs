//! Runs in containers. A process that stands for the program is a run like every other; what is kept here is what the
//! program itself needs: a record from before it starts until nothing of it is left in its container.

use std::{
    collections::{HashMap, HashSet},
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sandboxed_engine::{ContainedReport, ContainedSpec, Engine, Phase};
use sandboxed_exec::{Attachment, AttachmentContent, Entrance, Guard, Network, ProcessHandle};
use sandboxed_model::{
    Blame, Failure, RunId, WorkspaceId,
    backend::Leader,
    command::{Exit, ResourceUsage, Tty},
    workspace::Workspace,
};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard},
    time::Instant,
};

use crate::{
    Result, container_network::ContainerNetworks, containers::no_way_out, engines::Engines, paths::Paths,
    sandbox::HostProcess, services::Services,
};

/// The hidden subcommand that stands for a program.
const SUBCOMMAND: &str = "contained";
/// How long killed processes may take to be gone before it is said that something else runs there.
const REST: Duration = Duration::from_millis(250);
/// Between two looks meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What runs in containers.
pub(crate) struct ContainedRuns {
    paths: Paths,
    engines: Arc<Engines>,
    /// This program.
    program: PathBuf,
    workspaces: Mutex<HashMap<WorkspaceId, Arc<Place>>>,
    pub(crate) networks: ContainerNetworks,
}

/// A workspace whose container was entered.
pub(crate) struct Place {
    pub(crate) engine: String,
    used: Mutex<Instant>,
    /// Read by whoever enters the container, written by whoever stops it.
    life: Arc<tokio::sync::RwLock<()>>,
    /// Held while a record is written, and while it is decided that what is left in the container is nobody's.
    records: tokio::sync::Mutex<()>,
    /// Runs that are over and are being cleared. Each counts as none for the others.
    ending: Mutex<HashSet<String>>,
    /// How often the server itself has something done in the container just now.
    busy: AtomicUsize,
}

/// The server has something done in a container for as long as this is kept: what runs there is not nobody's.
pub(crate) struct Busy {
    place: Arc<Place>,
    /// Nor is it stopped for being idle.
    _entering: Entering,
}

impl Drop for Busy {
    fn drop(&mut self) {
        *self.place.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.place.busy.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Nobody stops a workspace's container for as long as this is kept.
pub(crate) struct Entering(#[allow(dead_code, reason = "kept for what its end does")] OwnedRwLockReadGuard<()>);

impl Place {
    /// How long nothing has run in it.
    pub(crate) fn idle_for(&self) -> Duration {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// Keeps everybody out, if nobody enters at this moment.
    pub(crate) fn try_close(&self) -> Option<OwnedRwLockWriteGuard<()>> {
        Arc::clone(&self.life).try_write_owned().ok()
    }

    fn ending(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.ending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is noted of a program before it starts.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    /// The engine's socket, or its name.
    engine: String,
}

/// A program to start in a container, with its secrets in place.
pub(crate) struct InContainer {
    pub(crate) engine: String,
    pub(crate) workspace: WorkspaceId,
    pub(crate) mark: String,
    pub(crate) argv: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) cwd: Option<String>,
    pub(crate) tty: Option<Tty>,
    pub(crate) entrance: Option<Entrance>,
}

/// How a run in a container ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct ContainedEnd {
    /// Why its end was not seen.
    pub(crate) lost: Option<String>,
    oom_kills: u64,
}

impl ContainedEnd {
    /// What the run used, as far as it is counted for a run alone.
    pub(crate) fn usage(&self) -> ResourceUsage {
        ResourceUsage { oom_kills: self.oom_kills, ..ResourceUsage::default() }
    }

    /// How the run ended, when `exit` is how the process ended that stood for it.
    pub(crate) fn exit(&self, exit: Exit) -> Exit {
        self.lost.clone().map_or(exit, Exit::Lost)
    }
}

impl ContainedRuns {
    pub(crate) fn new(paths: Paths, engines: Arc<Engines>, program: PathBuf) -> Self {
        let (workspaces, networks) = (Mutex::default(), ContainerNetworks::default());
        Self { paths, engines, program, workspaces, networks }
    }

    /// This program.
    pub(crate) fn program(&self) -> &std::path::Path {
        &self.program
    }

    /// The container's first process, if the server may enter its network.
    pub(crate) async fn first_process(&self, engine: &Engine, workspace: WorkspaceId) -> Option<ProcessHandle> {
        if !Guard::is_privileged() {
            return None;
        }
        // The number is looked at before and after: it is the same process only if both say so.
        let pid = engine.first_process(workspace).await.ok().flatten()?;
        let handle = ProcessHandle::of(pid)?;
        let again = engine.first_process(workspace).await.ok().flatten()?;
        (again == pid).then_some(handle)
    }

    /// The process on this machine that stands for a program in a container that runs. It is noted first, so that
    /// nothing can run in the container of which the server knows nothing.
    pub(crate) async fn process(&self, inside: InContainer) -> std::result::Result<HostProcess, Failure> {
        let InContainer { engine: socket, workspace, mark, argv, env, cwd, tty, entrance } = inside;
        let place = self.place(workspace, &socket);
        self.clear_former(workspace, &place).await?;
        let engine = self.engines.at(&socket).await?;
        let network = match entrance {
            Some(entrance) => {
                let process = self.first_process(&engine, workspace).await.ok_or_else(no_way_out)?;
                Network::Joined { process, entrance: Some(entrance) }
            }
            None => Network::Shared,
        };
        let spec = ContainedSpec {
            engine: self.engines.endpoint(&socket)?,
            patience: self.engines.patience(&socket),
            owner: self.engines.owner().to_string(),
            workspace,
            mark: mark.clone(),
            argv,
            env,
            cwd,
            tty,
            api: Some(engine.api_version()),
            container: engine.known_container(workspace),
            report: self.report_path(workspace, &mark),
        };
        let described = serde_json::to_vec(&spec).map_err(|error| broken(&error.into()))?;
        {
            let _records = place.records.lock().await;
            self.note(workspace, &mark, &Record { engine: socket }).await.map_err(|error| broken(&error))?;
        }
        let attachment = Attachment { argument: 1, content: AttachmentContent::Bytes(described) };
        Ok(HostProcess {
            program: self.program.to_string_lossy().into_owned(),
            args: vec![SUBCOMMAND.to_owned(), "descriptor".to_owned()],
            env: Vec::new(),
            cwd: "/".into(),
            tty,
            guard: Guard { network, attachments: vec![attachment], raw_terminal: tty.is_some(), ..Guard::default() },
        })
    }

    /// Sees to it that nothing of a run that is over is left in its container. Absent: it did not run in one. What is
    /// known of the run is kept until [`ContainedRuns::forget`].
    pub(crate) async fn over(&self, workspace: WorkspaceId, mark: &str) -> Option<ContainedEnd> {
        let record = self.record(workspace, mark).await?;
        let place = self.place(workspace, &record.engine);
        let mut report = self.report(workspace, mark).await.unwrap_or_default();
        if !report.cleared {
            place.ending().insert(mark.to_owned());
            match self.clear(workspace, &place, mark).await {
                Ok(()) => report.cleared = true,
                Err(failure) => tracing::warn!(%failure, %workspace, mark, "what a run left is not yet cleared"),
            }
            // Written also when it is not clear: then whoever comes next knows that it is over.
            if let Err(error) = self.write_report(workspace, mark, &report).await {
                tracing::warn!(%error, %workspace, mark, "the end of a run in a container could not be noted");
            }
            place.ending().remove(mark);
        }
        *place.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        Some(ContainedEnd { lost: report.lost, oom_kills: report.oom_kills })
    }

    /// The same for whoever wants to know no more than how it ended.
    pub(crate) async fn exit(&self, workspace: WorkspaceId, mark: &str, exit: Exit) -> Exit {
        match self.over(workspace, mark).await {
            Some(end) => end.exit(exit),
            None => exit,
        }
    }

    /// Forgets a run whose end is stored, unless something of it may be left.
    pub(crate) async fn forget(&self, workspace: WorkspaceId, mark: &str) {
        if self.report(workspace, mark).await.is_some_and(|report| report.cleared) {
            // The record goes last: without it the report is nobody's.
            for path in [self.report_path(workspace, mark), self.record_path(workspace, mark)] {
                let _ = tokio::fs::remove_file(path).await;
            }
        }
    }

    /// Clears and forgets in the background, for a future that was given up.
    pub(crate) fn abandon(self: &Arc<Self>, workspace: WorkspaceId, mark: String) {
        let runs = Arc::clone(self);
        tokio::spawn(async move {
            runs.over(workspace, &mark).await;
            runs.forget(workspace, &mark).await;
        });
    }

    /// Kills what is left of a run. Where no other runs in the container, whatever still does is nobody's: it has hidden
    /// its mark.
    async fn clear(&self, workspace: WorkspaceId, place: &Place, mark: &str) -> std::result::Result<(), Failure> {
        let engine = self.engines.at(&place.engine).await?;
        // Who was to start it may have been killed in that moment.
        engine.none_starts(workspace).await.map_err(|error| error.failure())?;
        let cleared = engine.clear_run(workspace, mark).await;
        let _records = place.records.lock().await;
        let marks = self.marks(workspace).await;
        let alone = place.busy.load(Ordering::SeqCst) == 0
            && marks.iter().all(|(other, over)| *over || place.ending().contains(other));
        match cleared {
            Ok(()) if !alone => Ok(()),
            // Whoever else runs there pays for what cannot be killed by itself.
            Err(sandboxed_engine::Error::Survivors { .. }) => {
                engine.kill_all(workspace).await.map_err(|error| error.failure())
            }
            Err(error) if !alone => Err(error.failure()),
            Ok(()) | Err(_) => {
                let running = engine.observe(workspace).await.map_err(|error| error.failure())?.phase == Phase::Running;
                if !running || comes_to_rest(&engine, workspace).await {
                    return Ok(());
                }
                tracing::info!(%workspace, "a container is stopped because something in it would not end");
                engine.kill_all(workspace).await.map_err(|error| error.failure())
            }
        }
    }

    /// What former runs left when their engine was not there is killed before anything new starts.
    async fn clear_former(&self, workspace: WorkspaceId, place: &Place) -> std::result::Result<(), Failure> {
        for (mark, over) in self.marks(workspace).await {
            if !over || self.report(workspace, &mark).await.is_none_or(|report| report.cleared) {
                continue;
            }
            let engine = self.engines.at(&place.engine).await?;
            engine.clear_run(workspace, &mark).await.map_err(|error| error.failure())?;
            let report = ContainedReport { cleared: true, ..self.report(workspace, &mark).await.unwrap_or_default() };
            self.write_report(workspace, &mark, &report).await.map_err(|error| broken(&error))?;
        }
        Ok(())
    }

    /// Is about to enter the workspace's container: from here on it is not stopped for being idle.
    pub(crate) async fn entering(&self, workspace: WorkspaceId, engine: &str) -> Entering {
        let life = Arc::clone(&self.place(workspace, engine).life);
        Entering(life.read_owned().await)
    }

    /// All workspaces whose container was entered.
    pub(crate) fn places(&self) -> Vec<(WorkspaceId, Arc<Place>)> {
        let places = self.workspaces.lock().unwrap_or_else(PoisonError::into_inner);
        places.iter().map(|(&workspace, place)| (workspace, Arc::clone(place))).collect()
    }

    /// Whether no run of the workspace is noted that is not over.
    pub(crate) async fn nothing_runs(&self, workspace: WorkspaceId) -> bool {
        self.marks(workspace).await.iter().all(|(_, over)| *over)
    }

    /// The engine of this place.
    pub(crate) async fn engine(&self, place: &Place) -> std::result::Result<Engine, Failure> {
        self.engines.at(&place.engine).await
    }

    fn place(&self, workspace: WorkspaceId, engine: &str) -> Arc<Place> {
        let mut workspaces = self.workspaces.lock().unwrap_or_else(PoisonError::into_inner);
        let place = workspaces.entry(workspace).or_insert_with(|| {
            let used = Mutex::new(Instant::now());
            Arc::new(Place {
                engine: engine.to_owned(),
                used,
                life: Arc::default(),
                records: tokio::sync::Mutex::default(),
                ending: Mutex::default(),
                busy: AtomicUsize::new(0),
            })
        });
        *place.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        Arc::clone(place)
    }

    /// Something is done in a workspace's container that is no run.
    pub(crate) async fn busy(&self, workspace: WorkspaceId, engine: &str) -> Busy {
        let place = self.place(workspace, engine);
        let entering = Entering(Arc::clone(&place.life).read_owned().await);
        place.busy.fetch_add(1, Ordering::SeqCst);
        Busy { place, _entering: entering }
    }

    /// A workspace that is removed.
    pub(crate) fn forget_workspace(&self, workspace: WorkspaceId) {
        self.networks.forget(workspace);
        self.workspaces.lock().unwrap_or_else(PoisonError::into_inner).remove(&workspace);
    }

    fn record_path(&self, workspace: WorkspaceId, mark: &str) -> PathBuf {
        self.paths.contained(workspace).join(format!("{mark}.json"))
    }

    fn report_path(&self, workspace: WorkspaceId, mark: &str) -> PathBuf {
        self.paths.contained(workspace).join(format!("{mark}.end"))
    }

    async fn note(&self, workspace: WorkspaceId, mark: &str, record: &Record) -> io::Result<()> {
        tokio::fs::create_dir_all(self.paths.contained(workspace)).await?;
        tokio::fs::write(self.record_path(workspace, mark), serde_json::to_vec(record)?).await
    }

    async fn record(&self, workspace: WorkspaceId, mark: &str) -> Option<Record> {
        serde_json::from_slice(&tokio::fs::read(self.record_path(workspace, mark)).await.ok()?).ok()
    }

    async fn report(&self, workspace: WorkspaceId, mark: &str) -> Option<ContainedReport> {
        serde_json::from_slice(&tokio::fs::read(self.report_path(workspace, mark)).await.ok()?).ok()
    }

    async fn write_report(&self, workspace: WorkspaceId, mark: &str, report: &ContainedReport) -> io::Result<()> {
        tokio::fs::write(self.report_path(workspace, mark), serde_json::to_vec(report)?).await
    }

    /// All runs of the workspace that are noted, and whether each is over.
    async fn marks(&self, workspace: WorkspaceId) -> Vec<(String, bool)> {
        let directory = self.paths.contained(workspace);
        let listed = tokio::task::spawn_blocking(move || {
            let names = std::fs::read_dir(&directory).ok()?.flatten().map(|entry| entry.file_name());
            let names: Vec<String> = names.filter_map(|name| name.into_string().ok()).collect();
            let marks = names.iter().filter_map(|name| name.strip_suffix(".json"));
            Some(marks.map(|mark| (mark.to_owned(), names.contains(&format!("{mark}.end")))).collect())
        });
        listed.await.ok().flatten().unwrap_or_default()
    }
}

/// Whether the container becomes quiet: what was killed needs a moment to be gone.
async fn comes_to_rest(engine: &Engine, workspace: WorkspaceId) -> bool {
    let give_up = Instant::now() + REST;
    loop {
        if engine.is_quiet(workspace).await.unwrap_or(false) {
            return true;
        }
        if Instant::now() >= give_up {
            return false;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// What the processes of a workspace's container use together now; nothing where it does not run.
pub(crate) async fn container_usage(
    engine: &Engine,
    workspace: WorkspaceId,
) -> std::result::Result<ResourceUsage, Failure> {
    use sandboxed_engine::Error::{Absent, NotRunning};
    let stats = match engine.stats(workspace).await {
        Ok(stats) => stats,
        Err(NotRunning(_) | Absent(_)) => return Ok(ResourceUsage::default()),
        Err(error) => return Err(error.failure()),
    };
    Ok(ResourceUsage {
        disk: None,
        memory: Some(stats.memory),
        memory_peak: None,
        cpu_micros: u64::try_from(stats.cpu.as_micros()).ok(),
        processes: Some(stats.processes),
        oom_kills: engine.oom_kills(workspace).await.unwrap_or(0),
    })
}

fn broken(error: &io::Error) -> Failure {
    Failure::new(Blame::Host, "run.record", format!("what runs in a container could not be noted: {error}"))
}

impl Services {
    /// The engine of a workspace's container, if its backend keeps one that runs.
    pub(crate) async fn engine_of(&self, workspace: &Workspace) -> Result<Option<Engine>> {
        let backend = self.plugins.backend(&workspace.backend)?;
        if !backend.describe().await?.engine_limits {
            return Ok(None);
        }
        let spec = self.isolation.spec(workspace, &self.paths);
        let observed = backend.observe(&spec).await?;
        match backend.lead(&spec, &observed).await? {
            Leader::Container(engine) => Ok(Some(self.engines.at(&engine).await?)),
            Leader::Server | Leader::Program(_) => Ok(None),
        }
    }

    /// Takes up a workspace whose container a former server made: what it ran there for a moment is killed, and the
    /// container is stopped when it is idle.
    pub(crate) async fn recover_contained(&self, workspace: WorkspaceId, engine: &str) {
        self.contained.place(workspace, engine);
        // What listens there already is not new.
        self.former_container_network(workspace, engine).await;
        for (mark, _) in self.contained.marks(workspace).await {
            // What missions and people started has the id of its run for a mark, and is taken up with that.
            if mark.parse::<RunId>().is_err() {
                self.contained.over(workspace, &mark).await;
                self.contained.forget(workspace, &mark).await;
            }
        }
    }
}
