//! How much disk the files of workspaces take, and whether there is room for more.
//!
//! The kernel limits no directory on the file systems that servers have (project quotas need a mount option, and root). So the
//! server counts: what it writes itself it charges byte by byte, and what agents write it finds by measuring, at intervals that
//! grow with what a measurement costs.

mod room;
mod watch;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sandboxed_files::{RelativePath, Tree};
use sandboxed_model::{
    Blame, Failure, WorkspaceId,
    files::DiskUsage,
    workspace::{Workspace, WorkspaceLimits},
};
use tokio::{sync::Semaphore, time::Instant};

pub(crate) use self::watch::watch;
use crate::{
    Result,
    files::{MOST_COUNTED, cancellable},
    services::Services,
    storage::Part,
};

/// Measurements that are made at once: each keeps a thread and the disk busy.
const AT_ONCE: usize = 2;
/// A measurement holds for so many times as long as it took: measuring takes a twentieth of one processor at most.
const PATIENCE: u32 = 20;

/// What is known of the disks of all workspaces.
pub(crate) struct Disks {
    known: Mutex<HashMap<WorkspaceId, Arc<Disk>>>,
    scans: Semaphore,
}

impl Default for Disks {
    fn default() -> Self {
        Self { known: Mutex::default(), scans: Semaphore::new(AT_ONCE) }
    }
}

/// What is known of the disk of one workspace.
#[derive(Default)]
pub(crate) struct Disk {
    /// Held by whoever measures: the others wait and take what was found.
    measuring: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: Option<Measured>,
    /// Something was removed since, so that less may be there.
    doubted: bool,
    /// Bytes that the server has written since, and those that it writes.
    written: u64,
    arriving: u64,
}

/// A measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) usage: DiskUsage,
    at: Instant,
    cost: Duration,
}

impl Measured {
    /// Whether it can be relied on, if it can be for `least` whatever it cost.
    fn holds(&self, least: Duration) -> bool {
        self.at.elapsed() < (self.cost * PATIENCE).max(least)
    }

    /// Why a workspace with these limits may write nothing more. What cannot be counted counts as too much: else a million
    /// empty files would hide a large one.
    pub(crate) fn problem(&self, limits: WorkspaceLimits) -> Option<Failure> {
        match limits.disk {
            Some(limit) if self.usage.bytes > limit => Some(full(self.usage.bytes, limit)),
            Some(_) if !self.usage.complete => {
                let message = format!(
                    "the files of the workspace cannot be counted: there are more than {MOST_COUNTED}, or directories are \
                     nested deeper than {} levels",
                    sandboxed_files::MAX_DEPTH
                );
                Some(disk_full(message))
            }
            _ => None,
        }
    }
}

impl Disks {
    fn of(&self, workspace: WorkspaceId) -> Arc<Disk> {
        Arc::clone(self.known.lock().unwrap_or_else(PoisonError::into_inner).entry(workspace).or_default())
    }

    /// Something was removed: before anything is refused it is measured again.
    pub(crate) fn doubt(&self, workspace: WorkspaceId) {
        self.of(workspace).state().doubted = true;
    }

    /// Nothing is known of this workspace any more.
    pub(crate) fn forget(&self, workspace: WorkspaceId) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&workspace);
    }
}

impl Disk {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Every change is one assignment, so that a panic in between leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last(&self) -> Option<Measured> {
        self.state().last
    }

    /// Bytes that are there, as far as is known.
    fn used(&self) -> u64 {
        let state = self.state();
        let measured = state.last.map_or(0, |last| last.usage.bytes);
        measured.saturating_add(state.written).saturating_add(state.arriving)
    }
}

impl Services {
    /// What the files of a workspace take: as measured lately, if that holds for `least` or for long because it was costly,
    /// else as measured now.
    pub(crate) async fn measure(&self, workspace: &Workspace, least: Duration) -> Result<Measured> {
        let disk = self.disks.of(workspace.id);
        let holds = || disk.last().filter(|last| last.holds(least));
        if let Some(last) = holds() {
            return Ok(last);
        }
        let _measuring = disk.measuring.lock().await;
        match holds() {
            Some(last) => Ok(last),
            None => {
                self.mount(workspace).await?;
                self.scan(&disk, workspace.id).await
            }
        }
    }

    /// Bytes that the files of a workspace take: as measured, and what the server has written since.
    pub(crate) async fn disk_used(&self, workspace: &Workspace, least: Duration) -> Result<u64> {
        self.measure(workspace, least).await?;
        Ok(self.disks.of(workspace.id).used())
    }

    /// The caller holds `disk.measuring`.
    async fn scan(&self, disk: &Disk, workspace: WorkspaceId) -> Result<Measured> {
        // It is never closed.
        let _scan = self.disks.scans.acquire().await;
        let written = {
            let mut state = disk.state();
            state.doubted = false;
            state.written
        };
        let paths = self.paths.clone();
        let begun = Instant::now();
        let usage = cancellable(move |cancel| {
            let mut sum = DiskUsage { bytes: 0, entries: 0, complete: true };
            let root = paths.overlay(workspace, Part::Root).changed();
            let beside = [paths.uploads(workspace), paths.scratch(workspace), root];
            for directory in [paths.tree(workspace), paths.home(workspace)].into_iter().chain(beside) {
                let tree = match Tree::open(&directory, None) {
                    Err(sandboxed_files::Error::NotFound(_)) => continue,
                    tree => tree?,
                };
                let usage =
                    tree.usage(&RelativePath::root(), MOST_COUNTED.saturating_sub(sum.entries).max(1), cancel)?;
                sum.bytes = sum.bytes.saturating_add(usage.bytes);
                sum.entries += usage.entries;
                sum.complete &= usage.complete;
            }
            Ok(sum)
        })
        .await?;
        let measured = Measured { usage, at: Instant::now(), cost: begun.elapsed() };
        let mut state = disk.state();
        state.last = Some(measured);
        // What was written meanwhile may have been seen or not.
        state.written = state.written.saturating_sub(written);
        Ok(measured)
    }

    /// Refuses a turn in a workspace whose files take more than they may.
    pub(crate) async fn check_disk(&self, workspace: &Workspace) -> Result<()> {
        let was_over = |measured: Measured| measured.problem(workspace.limits).is_some();
        // What is not known yet is found while the turn goes on.
        if !self.disks.of(workspace.id).last().is_some_and(was_over) {
            return Ok(());
        }
        match self.remeasure(workspace).await?.problem(workspace.limits) {
            Some(failure) => Err(failure.into()),
            None => Ok(()),
        }
    }

    /// A measurement that was begun after this call.
    pub(crate) async fn remeasure(&self, workspace: &Workspace) -> Result<Measured> {
        let disk = self.disks.of(workspace.id);
        let _measuring = disk.measuring.lock().await;
        self.scan(&disk, workspace.id).await
    }
}

fn full(used: u64, limit: u64) -> Failure {
    disk_full(told(used, limit))
}

fn told(used: u64, limit: u64) -> String {
    format!("the files of the workspace take {} and may take {}", mebibytes(used), mebibytes(limit))
}

fn disk_full(message: String) -> Failure {
    Failure::new(Blame::Unavailable, "workspace.disk_full", message)
        .with_hint("remove files (`sandboxed-sh files rm`), or make the workspace with more disk (--disk)")
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
