//! Builds: the making of a workspace that takes steps. Each step is a run of the supervisor, so it has a log of its own and
//! goes on while the server is started anew. A workspace is being built exactly as long as one of its builds has not ended.

mod cache;
mod contents;
mod execute;
mod log;
mod plan;
mod system;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use sandboxed_exec::Attached;
use sandboxed_model::{
    Blame, BuildId, Failure, RunId, Timestamp, UserId, WorkspaceId,
    access::Principal,
    backend::WorkspacePhase,
    build::{Build, BuildState, BuildStep, StepState},
    page::{Page, PageRequest},
    workspace::Workspace,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use self::cache::StepCache;
pub use self::log::BuildLog;
use self::{
    execute::Execution,
    plan::{PlannedStep, Work, carry_over},
};
use crate::{Error, Orchestrator, Result, services::Services};

/// The builds that are under way.
pub(crate) struct Builds {
    live: Mutex<HashMap<BuildId, Live>>,
    /// Counts what happened to any of them.
    changed: watch::Sender<u64>,
    places: Arc<Semaphore>,
    tasks: TaskTracker,
}

/// A build that is under way.
#[derive(Clone)]
struct Live {
    workspace: WorkspaceId,
    cancel: CancellationToken,
    /// Cancelled once its end is stored.
    ended: CancellationToken,
}

impl Builds {
    /// At most so many have a step under way at once; the others wait.
    pub(crate) fn new(at_once: u32) -> Self {
        Self {
            live: Mutex::default(),
            changed: watch::Sender::new(0),
            places: Arc::new(Semaphore::new(at_once.max(1) as usize)),
            tasks: TaskTracker::new(),
        }
    }

    /// Waits until all of them have let go.
    pub(crate) async fn finished(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    fn get(&self, build: BuildId) -> Option<Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).get(&build).cloned()
    }

    fn of_workspace(&self, workspace: WorkspaceId) -> Option<Live> {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.values().find(|live| live.workspace == workspace).cloned()
    }
}

impl Orchestrator {
    /// Makes a workspace's system, if it is one that is not there, and runs its init steps: those that were not done by its
    /// last build, or all of them.
    ///
    /// # Errors
    /// When there is no such workspace, it is in use, or it is being built.
    pub async fn build_workspace(&self, by: &Principal, id: WorkspaceId, from_start: bool) -> Result<Build> {
        let services = &self.services;
        let workspace = services.workspace(id).await?;
        let last = match workspace.build {
            Some(build) => Some(services.store.build(build).await?),
            None => None,
        };
        // A workspace that never was ready may begin with nothing.
        let never_ready = last.as_ref().is_some_and(|last| !last.in_place && last.state != BuildState::Done);
        let plan = services.plan(&workspace, services.missing_image(&workspace, false).await?).await?;
        let before = match last {
            Some(last) if !from_start && services.paths.tree(id).exists() => last.steps,
            _ => Vec::new(),
        };
        let build = new_build(&workspace, by.user, carry_over(&plan, &before), !(from_start && never_ready));
        services.store.begin_build(build.clone()).await?;
        services.execute(workspace, build.clone(), plan, false);
        Ok(build)
    }

    /// A build as it stands.
    ///
    /// # Errors
    /// When there is none of this id.
    pub async fn build(&self, id: BuildId) -> Result<Build> {
        Ok(self.services.store.build(id).await?)
    }

    /// Builds of a workspace, the newest first.
    ///
    /// # Errors
    /// When there is no such workspace, or the cursor is none of this list.
    pub async fn builds(&self, workspace: WorkspaceId, page: &PageRequest) -> Result<Page<Build>> {
        self.services.workspace(workspace).await?;
        Ok(self.services.store.builds(workspace, page).await?)
    }

    /// Ends a build, and kills what its step runs. One that has ended stays as it is.
    ///
    /// # Errors
    /// When there is none of this id.
    pub async fn cancel_build(&self, id: BuildId) -> Result<Build> {
        if let Some(live) = self.services.builds.get(id) {
            live.cancel.cancel();
            live.ended.cancelled().await;
        }
        let build = self.build(id).await?;
        match build.state.has_ended() {
            true => Ok(build),
            false => {
                let message = format!("the build {id} is not in this server's hands at this moment: try again");
                Err(Error::Conflict { code: "build.not_held", message })
            }
        }
    }

    /// Waits for the end of a build.
    ///
    /// # Errors
    /// When there is none of this id.
    pub async fn build_end(&self, id: BuildId) -> Result<Build> {
        if let Some(live) = self.services.builds.get(id) {
            live.ended.cancelled().await;
        }
        self.build(id).await
    }
}

/// A build that is about to begin.
pub(crate) fn new_build(workspace: &Workspace, owner: UserId, steps: Vec<BuildStep>, in_place: bool) -> Build {
    Build {
        id: BuildId::new(),
        workspace: workspace.id,
        state: BuildState::Queued,
        problem: None,
        in_place,
        steps,
        owner,
        created_at: Timestamp::now(),
        ended_at: None,
    }
}

impl Services {
    /// Makes a workspace whose row is there, or begins the build that makes it. None: it is made, and takes no steps.
    pub(crate) async fn begin_workspace(self: &Arc<Self>, workspace: &Workspace) -> Result<Option<BuildId>> {
        let image = self.missing_image(workspace, false).await?;
        let plan = self.plan(workspace, image).await?;
        let entered = self.make_or_prepare(workspace, &plan).await?;
        if plan.is_empty() {
            return Ok(None);
        }
        let steps = carry_over(&plan, &[]);
        Ok(Some(self.begin_first_build(workspace, steps, plan, entered, false).await?))
    }

    /// The same for one that has its files already: they stay, and its init steps count as done.
    pub(crate) async fn begin_arrived(self: &Arc<Self>, workspace: &Workspace) -> Result<Option<BuildId>> {
        let image = self.missing_image(workspace, false).await?;
        let plan = self.plan(workspace, image).await?;
        let entered = self.make_or_prepare(workspace, &plan).await?;
        if entered {
            return Ok(None);
        }
        let mut steps = carry_over(&plan, &[]);
        for (step, _) in steps.iter_mut().zip(&plan).filter(|(_, planned)| !planned.comes_first()) {
            step.state = StepState::Cached;
        }
        Ok(Some(self.begin_first_build(workspace, steps, plan, entered, true).await?))
    }

    /// True: the workspace was made and entered. There is nothing to enter before its system or its container's image is there.
    async fn make_or_prepare(&self, workspace: &Workspace, plan: &[PlannedStep]) -> Result<bool> {
        let entered = !plan.first().is_some_and(PlannedStep::comes_first);
        match entered {
            true => self.make_workspace(workspace).await?,
            false => self.make_directories(workspace).await?,
        }
        Ok(entered)
    }

    async fn begin_first_build(
        self: &Arc<Self>,
        workspace: &Workspace,
        steps: Vec<BuildStep>,
        plan: Vec<PlannedStep>,
        entered: bool,
        in_place: bool,
    ) -> Result<BuildId> {
        let build = new_build(workspace, workspace.owner, steps, in_place);
        let id = build.id;
        self.store.begin_build(build.clone()).await?;
        self.execute(workspace.clone(), build, plan, entered);
        Ok(id)
    }

    /// The steps that bring a workspace, whose last build had the steps `before`, to what `wanted` says.
    pub(crate) async fn steps_towards(&self, wanted: &Workspace, before: &[BuildStep]) -> Result<Vec<BuildStep>> {
        Ok(carry_over(&self.plan(wanted, self.missing_image(wanted, false).await?).await?, before))
    }

    /// Works on a build that is stored, in a task of its own.
    pub(crate) async fn execute_changed(self: &Arc<Self>, workspace: Workspace, build: Build) -> Result<()> {
        let plan = self.plan_of(&workspace, &build).await?;
        self.execute(workspace, build, plan, false);
        Ok(())
    }

    fn execute(self: &Arc<Self>, workspace: Workspace, build: Build, plan: Vec<PlannedStep>, entered: bool) {
        let id = build.id;
        let (cancel, ended) = (CancellationToken::new(), CancellationToken::new());
        let live = Live { workspace: workspace.id, cancel: cancel.clone(), ended: ended.clone() };
        self.builds.live.lock().unwrap_or_else(PoisonError::into_inner).insert(id, live);
        let services = Arc::clone(self);
        let span = tracing::info_span!("build", build = %id, workspace = %workspace.id);
        // At once: who is found making a system comes before all that want the same.
        let turn = match (plan.first().map(|step| &step.work), build.steps.first()) {
            (Some(Work::System(system)), Some(BuildStep { run: Some(_), ended_at: None, .. })) => {
                self.roots.turn_now(&system.layer(), id)
            }
            _ => None,
        };
        let task = async move {
            // Whoever waits is told, whatever becomes of this task.
            let _ended = ended.drop_guard();
            let execution =
                Execution { services: Arc::clone(&services), workspace, build, plan, entered, turn, cancel };
            execution.run().await;
            services.builds.live.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
            services.builds.tell();
        };
        self.builds.tasks.spawn(tracing::Instrument::instrument(task, span));
    }

    /// Waits as long as a workspace is being built and the server does not stop, and returns it.
    pub(crate) async fn built(&self, id: WorkspaceId) -> Result<Workspace> {
        loop {
            let mut changed = self.builds.changed.subscribe();
            let workspace = self.workspace(id).await?;
            if workspace.phase != WorkspacePhase::Building {
                return Ok(workspace);
            }
            tokio::select! {
                // The sender lives as long as this.
                _ = changed.changed() => {}
                () = self.stopped() => return Ok(workspace),
            }
        }
    }

    /// Refuses a workspace that is being built.
    pub(crate) fn check_not_building(&self, workspace: &Workspace) -> Result<()> {
        match (workspace.phase, workspace.build) {
            (WorkspacePhase::Building, Some(build)) => {
                let message = format!("the workspace {} is being built by the build {build}", workspace.name);
                Err(Error::Conflict { code: "build.under_way", message })
            }
            _ => Ok(()),
        }
    }

    /// Refuses a workspace that no mission can run in, with the reason.
    pub(crate) fn check_usable(&self, workspace: &Workspace) -> Result<(), Failure> {
        if !matches!(workspace.phase, WorkspacePhase::Failed | WorkspacePhase::Broken | WorkspacePhase::Absent) {
            return Ok(());
        }
        let Workspace { name, phase, .. } = workspace;
        let why = workspace.problem.as_ref().map(|problem| format!(": {}", problem.message)).unwrap_or_default();
        let build = workspace.build.map(|build| format!(" (build {build})")).unwrap_or_default();
        let message = format!("the workspace {name} is {}{why}{build}", phase.as_str());
        let hint = format!(
            "`sandboxed-sh workspaces show {name}` tells more; `sandboxed-sh workspaces build {name}` tries again"
        );
        Err(Failure::new(Blame::Config, "workspace.not_ready", message).with_hint(hint))
    }

    /// Takes up builds that a former server began.
    pub(crate) async fn recover_builds(self: &Arc<Self>) -> Result<()> {
        let mut builds = self.store.live_builds().await?;
        // Those under way come before those that wait for them.
        builds.sort_by_key(|build| build.state == BuildState::Queued);
        self.roots.sweep(&builds.iter().map(|build| build.id).collect::<Vec<_>>()).await?;
        for build in builds {
            let workspace = match self.workspace(build.workspace).await {
                Ok(workspace) => workspace,
                Err(Error::NotFound { .. }) => {
                    self.forget_build(&build).await?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let failure = match self.plan_of(&workspace, &build).await {
                Ok(plan) if plan.len() == build.steps.len() => {
                    self.execute(workspace, build, plan, false);
                    continue;
                }
                Ok(_) => {
                    Failure::new(Blame::Host, "build.interrupted", "the steps are others than when the build began")
                }
                Err(error) => error.failure(),
            };
            for run in build.steps.iter().filter_map(|step| step.run) {
                self.end_run(run).await;
            }
            self.give_up_system(build.id).await;
            let ended = Build {
                state: BuildState::Failed,
                problem: Some(failure.clone()),
                ended_at: Some(Timestamp::now()),
                ..build
            };
            self.store.end_build(ended, WorkspacePhase::Failed, Some(failure)).await?;
        }
        Ok(())
    }

    /// Ends the build of a workspace that is removed, and forgets all its builds.
    pub(crate) async fn remove_builds(&self, workspace: WorkspaceId) -> Result<()> {
        if let Some(live) = self.builds.of_workspace(workspace) {
            live.cancel.cancel();
            live.ended.cancelled().await;
        }
        loop {
            let page = self.store.builds(workspace, &PageRequest { cursor: None, limit: 100 }).await?;
            if page.items.is_empty() {
                return Ok(());
            }
            for build in page.items {
                self.forget_build(&build).await?;
            }
        }
    }

    /// Removes builds, with what their steps printed, that ended before this time; the last of each workspace stays.
    pub(crate) async fn sweep_builds(&self, before: Timestamp) -> Result<()> {
        loop {
            let builds = self.store.outlived_builds(before, 100).await?;
            if builds.is_empty() {
                break;
            }
            for build in builds {
                self.forget_build(&build).await?;
            }
        }
        self.steps.expire().await.map_err(|error| {
            Failure::new(Blame::Host, "build.cache", format!("kept results of steps could not be removed: {error}"))
                .into()
        })
    }

    /// Kills what is left of a run.
    async fn end_run(&self, run: RunId) {
        let ended = match self.supervisor.attach(run).await {
            Ok(Attached::Live(live)) => live.kill().await,
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = ended {
            tracing::warn!(%error, %run, "what a step runs could not be killed");
        }
    }

    async fn forget_build(&self, build: &Build) -> Result<()> {
        for run in build.steps.iter().filter_map(|step| step.run) {
            self.end_run(run).await;
            self.forget_run(run).await;
        }
        self.give_up_system(build.id).await;
        Ok(self.store.delete_build(build.id).await?)
    }
}
