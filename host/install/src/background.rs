//! Work that blocks, stopped when nobody waits for it any more.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use sandboxed_model::{Blame, Failure};

/// Sets its flag when it is dropped.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Does blocking work on a thread for it. The flag is set when the future is dropped; the work then ends by itself,
/// soon.
///
/// # Errors
/// Those of the work, and `install.failed` where it panicked.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce(&AtomicBool) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    let _stop_on_drop = StopOnDrop(stop);
    let done = tokio::task::spawn_blocking(move || work(&seen)).await;
    done.map_err(|error| Failure::new(Blame::Host, "install.failed", error.to_string()))?
}
