//! Which turns may be under way at once.
//!
//! First come, first served within each limit. A turn takes its workspace's place first and the server's place
//! second, so that turns which wait for a busy workspace keep nobody else from running.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use sandboxed_model::WorkspaceId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places for turns.
pub(crate) struct Admission {
    server: Arc<Semaphore>,
    per_workspace: usize,
    workspaces: Mutex<HashMap<WorkspaceId, Arc<Semaphore>>>,
}

/// The right to have a turn under way; dropping it gives the place to the next in line.
pub(crate) struct Place {
    // The server's place is given back first, by the order of the fields.
    _server: Option<OwnedSemaphorePermit>,
    _workspace: Option<OwnedSemaphorePermit>,
}

impl Admission {
    pub(crate) fn new(max_parallel: u32, max_parallel_per_workspace: u32) -> Self {
        Self {
            server: Arc::new(Semaphore::new(max_parallel.max(1) as usize)),
            per_workspace: max_parallel_per_workspace.max(1) as usize,
            workspaces: Mutex::new(HashMap::new()),
        }
    }

    /// Waits for a place.
    pub(crate) async fn place(&self, workspace: WorkspaceId) -> Place {
        let workspace = self.workspace(workspace);
        let workspace = workspace.acquire_owned().await.ok();
        let server = Arc::clone(&self.server).acquire_owned().await.ok();
        Place { _server: server, _workspace: workspace }
    }

    /// A place for a turn that is under way already (its process outlived a server). It counts where there is room
    /// and goes over the limit where there is none, because the process runs either way.
    pub(crate) fn place_for_running(&self, workspace: WorkspaceId) -> Place {
        let workspace = self.workspace(workspace).try_acquire_owned().ok();
        let server = Arc::clone(&self.server).try_acquire_owned().ok();
        Place { _server: server, _workspace: workspace }
    }

    /// Forgets a workspace that was deleted.
    pub(crate) fn forget(&self, workspace: WorkspaceId) {
        self.workspaces.lock().unwrap_or_else(PoisonError::into_inner).remove(&workspace);
    }

    fn workspace(&self, id: WorkspaceId) -> Arc<Semaphore> {
        let mut workspaces = self.workspaces.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(workspaces.entry(id).or_insert_with(|| Arc::new(Semaphore::new(self.per_workspace))))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_turn_over_the_servers_limit_waits_for_a_place() {
        let admission = Admission::new(1, 5);
        let first = admission.place(WorkspaceId::new()).await;
        let mut second = Box::pin(admission.place(WorkspaceId::new()));
        assert!((&mut second).now_or_never().is_none(), "two turns were admitted");

        drop(first);

        assert!(second.now_or_never().is_some(), "the place was not given on");
    }

    #[tokio::test]
    async fn turns_that_wait_for_a_busy_workspace_keep_no_other_workspace_waiting() {
        let admission = Admission::new(2, 1);
        let busy = WorkspaceId::new();
        let _running = admission.place(busy).await;
        let mut waiting = Box::pin(admission.place(busy));
        assert!((&mut waiting).now_or_never().is_none(), "two turns in one workspace");

        assert!(admission.place(WorkspaceId::new()).now_or_never().is_some(), "another workspace had to wait");
    }

    #[tokio::test]
    async fn places_are_given_in_the_order_of_asking() {
        let admission = Admission::new(1, 5);
        let first = admission.place(WorkspaceId::new()).await;
        let mut second = Box::pin(admission.place(WorkspaceId::new()));
        let mut third = Box::pin(admission.place(WorkspaceId::new()));
        assert!((&mut second).now_or_never().is_none());
        assert!((&mut third).now_or_never().is_none());

        drop(first);

        assert!((&mut third).now_or_never().is_none(), "the later turn overtook");
        assert!(second.now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_process_that_outlived_the_server_counts_against_the_limit() {
        let admission = Admission::new(1, 1);
        let _running = admission.place_for_running(WorkspaceId::new());
        let _over = admission.place_for_running(WorkspaceId::new());

        assert!(admission.place(WorkspaceId::new()).now_or_never().is_none());
    }
}
