//! Telling how far an installation is.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use sandboxed_model::install::{InstallActivity, InstallProgress};
use tokio::sync::watch;

/// Whoever listens hears of more bytes this often at most.
const PACE: Duration = Duration::from_millis(100);

/// The one who tells. What it is told more often than [`PACE`] it passes on with the next.
#[derive(Debug)]
pub(crate) struct Report {
    listener: watch::Sender<InstallProgress>,
    steps: u32,
    last: Mutex<Instant>,
}

impl Report {
    pub(crate) fn new(listener: watch::Sender<InstallProgress>, steps: usize) -> Self {
        Self { listener, steps: u32::try_from(steps).unwrap_or(u32::MAX), last: Mutex::new(Instant::now()) }
    }

    /// A step begins: the first is 1.
    pub(crate) fn begin(&self, step: usize, activity: InstallActivity, subject: &str) {
        let step = u32::try_from(step).unwrap_or(u32::MAX);
        self.listener.send_replace(InstallProgress {
            step,
            steps: self.steps,
            activity,
            subject: subject.to_owned(),
            done: 0,
            total: None,
        });
    }

    /// So many bytes of the step are done.
    pub(crate) fn bytes(&self, done: u64, total: Option<u64>) {
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_whole = total == Some(done);
        if !is_whole && last.elapsed() < PACE {
            return;
        }
        *last = Instant::now();
        self.listener.send_modify(|progress| (progress.done, progress.total) = (done, total));
    }
}
