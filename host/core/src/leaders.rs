//! Leaders: for each workspace in use one process that does nothing but hold what the workspace's processes share, its
//! network. So a shell reaches the service that an agent started, and either may end first.

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use sandboxed_exec::{Attached, Filter, Guard, Network, ProcessHandle, Run, RunSpec, StdinMode};
use sandboxed_model::{
    Failure, RunId, WorkspaceId,
    workspace::{NetworkMode, Workspace},
};
use tokio::time::Instant;

use crate::{Result, services::Services};

/// A leader that nobody used for so long is ended.
const IDLE: Duration = Duration::from_secs(300);
/// How often idle ones are looked for.
const ROUND: Duration = Duration::from_secs(60);

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
    run: Run,
}

impl Leader {
    /// Whose network is joined.
    pub(crate) fn process(&self) -> ProcessHandle {
        self.run.process()
    }

    fn is_alive(&self) -> bool {
        !self.run.is_over()
    }
}

impl Leaders {
    fn slot(&self, workspace: WorkspaceId) -> Arc<Slot> {
        Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(workspace).or_default())
    }
}

impl Services {
    /// The leader of a workspace that has a network of its own: the one that is there, or a new one.
    pub(crate) async fn leader(&self, workspace: &Workspace) -> Result<Option<Arc<Leader>>> {
        if workspace.network.mode == NetworkMode::Shared {
            return Ok(None);
        }
        let slot = self.leaders.slot(workspace.id);
        let mut held = slot.0.lock().await;
        if let Some(held) = held.as_mut().filter(|held| held.leader.is_alive()) {
            held.idle_since = None;
            return Ok(Some(Arc::clone(&held.leader)));
        }
        let run = match self.former_leader(workspace.id).await? {
            Some(run) => run,
            None => self.start_leader(workspace).await?,
        };
        let leader = Arc::new(Leader { run });
        *held = Some(Held { leader: Arc::clone(&leader), idle_since: None });
        Ok(Some(leader))
    }

    /// The leader that a former server started, if it lives.
    async fn former_leader(&self, workspace: WorkspaceId) -> Result<Option<Run>> {
        let Some(id) = self.store.workspace_leader(workspace).await? else { return Ok(None) };
        match self.supervisor.attach(id).await.map_err(|error| error.failure())? {
            Attached::Live(run) => Ok(Some(run)),
            Attached::Ended(_) | Attached::Lost { .. } | Attached::Missing => {
                self.forget_run(id).await;
                Ok(None)
            }
        }
    }

    async fn start_leader(&self, workspace: &Workspace) -> Result<Run> {
        let id = RunId::new();
        // Stored first, so that no process can exist of which the store knows nothing.
        self.store.set_workspace_leader(workspace.id, Some(id)).await?;
        let mut guard = self.isolation.guard(workspace, &self.paths)?;
        guard.stage = None;
        guard.filter = Filter::Own;
        guard.network = Network::Own { entrance: None };
        let spec = RunSpec {
            id,
            program: "sleep".to_owned(),
            args: vec!["infinity".to_owned()],
            env: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
            cwd: "/".into(),
            tty: None,
            stdin: StdinMode::Null,
            guard: Guard { attachments: Vec::new(), ..guard },
        };
        Ok(self.supervisor.start(spec).await.map_err(|error: sandboxed_exec::Error| -> Failure { error.failure() })?)
    }

    /// Ends the leader of a workspace that is removed or stopped.
    pub(crate) async fn end_leader(&self, workspace: WorkspaceId) -> Result<()> {
        let slot = self.leaders.slot(workspace);
        let mut held = slot.0.lock().await;
        let run = match held.take() {
            Some(held) => Some(held.leader.run.clone()),
            None => self.former_leader(workspace).await?,
        };
        if let Some(run) = run {
            run.kill().await.map_err(|error| error.failure())?;
            run.exit().await;
            self.forget_run(run.id()).await;
        }
        self.leaders.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&workspace);
        Ok(())
    }

    async fn forget_run(&self, run: RunId) {
        if let Err(error) = self.supervisor.remove(run).await {
            tracing::warn!(%error, %run, "what is kept of a run could not be removed");
        }
    }

    async fn end_idle_leaders(&self) {
        let slots: Vec<(WorkspaceId, Arc<Slot>)> = {
            let slots = self.leaders.0.lock().unwrap_or_else(PoisonError::into_inner);
            slots.iter().map(|(&workspace, slot)| (workspace, Arc::clone(slot))).collect()
        };
        for (workspace, slot) in slots {
            let idle = {
                // One that is being looked for is not idle.
                let Ok(mut held) = slot.0.try_lock() else { continue };
                match held.as_mut() {
                    Some(held) if Arc::strong_count(&held.leader) > 1 => {
                        held.idle_since = None;
                        false
                    }
                    Some(held) => held.idle_since.get_or_insert_with(Instant::now).elapsed() >= IDLE,
                    None => false,
                }
            };
            if idle && let Err(error) = self.end_leader(workspace).await {
                tracing::warn!(%error, %workspace, "an idle leader could not be ended");
            }
        }
    }
}

/// Ends leaders that nobody uses, as long as the server lives.
pub(crate) async fn sweep(services: Weak<Services>) {
    let mut rounds = tokio::time::interval(ROUND);
    loop {
        rounds.tick().await;
        let Some(services) = services.upgrade() else { return };
        if *services.stop.borrow() {
            return;
        }
        services.end_idle_leaders().await;
    }
}

/// A loopback address for the entrance of one process. There are four million, so that two processes of a workspace,
/// also of servers that knew nothing of each other, do not meet.
pub(crate) fn entrance_address() -> Ipv4Addr {
    let [a, b, c, _] = rand::random::<[u8; 4]>();
    Ipv4Addr::new(127, 64 | a & 63, b, c.clamp(1, 254))
}
