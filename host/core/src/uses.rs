//! Who works in a workspace: any number of processes, or one who changes the workspace itself and is alone with it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use sandboxed_model::WorkspaceId;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::{Error, Result, services::Services};

/// The uses of all workspaces.
#[derive(Default)]
pub(crate) struct Uses(Mutex<HashMap<WorkspaceId, Arc<RwLock<()>>>>);

/// Somebody works in a workspace for as long as this is kept.
#[derive(Clone)]
pub(crate) struct Use(#[allow(dead_code, reason = "kept for what its end does")] Arc<OwnedRwLockReadGuard<()>>);

/// Nobody works in a workspace for as long as this is kept.
pub(crate) struct Alone(#[allow(dead_code, reason = "kept for what its end does")] OwnedRwLockWriteGuard<()>);

impl Uses {
    fn of(&self, workspace: WorkspaceId) -> Arc<RwLock<()>> {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        uses.retain(|_, lock| Arc::strong_count(lock) > 1);
        Arc::clone(uses.entry(workspace).or_default())
    }
}

impl Services {
    /// Works in a workspace. Waits while somebody is alone with it.
    pub(crate) async fn using(&self, workspace: WorkspaceId) -> Use {
        Use(Arc::new(self.uses.of(workspace).read_owned().await))
    }

    /// Is alone with a workspace.
    ///
    /// # Errors
    /// When somebody works in it.
    pub(crate) async fn alone(&self, workspace: WorkspaceId) -> Result<Alone> {
        self.uses.of(workspace).try_write_owned().map(Alone).map_err(|_| Error::Conflict {
            code: "workspace.in_use",
            message:
                "a process runs in the workspace, or its files are being written; wait for it to end, or cancel it"
                    .to_owned(),
        })
    }
}
