//! Long work on files: each takes a thread for as long as it lasts, and there are not so many.

use std::{sync::Arc, time::Duration};

use sandboxed_model::{Blame, Failure};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Result;

/// Transfers that may be under way at once.
const MOST: usize = 64;
/// How long one waits for its place.
const PATIENCE: Duration = Duration::from_secs(30);

/// The places for transfers.
pub(crate) struct Transfers(Arc<Semaphore>);

impl Default for Transfers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST)))
    }
}

impl Transfers {
    /// Waits for a place.
    pub(crate) async fn begin(&self) -> Result<OwnedSemaphorePermit> {
        match tokio::time::timeout(PATIENCE, Arc::clone(&self.0).acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            _ => {
                let message = format!("{MOST} transfers of files are under way");
                let mut failure = Failure::new(Blame::Unavailable, "files.busy", message);
                failure.retry_after_ms = Some(1000);
                Err(failure.into())
            }
        }
    }
}
