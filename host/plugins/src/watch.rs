//! Loading components anew when their files change.

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{Arc, Weak, atomic::Ordering},
    time::Duration,
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode, ModifyKind, RenameMode},
};
use tokio::sync::mpsc;

use crate::{
    load,
    registry::Shared,
    replace::{Occasion, Outcome},
};

/// A file that is written in several goes is loaded once.
const QUIET: Duration = Duration::from_millis(200);

/// Watches as long as it lives.
pub(crate) struct Watcher {
    _watcher: RecommendedWatcher,
}

impl Watcher {
    /// Begins to watch the directories of all components. A machine on which that fails has reload by command.
    pub(crate) fn start(shared: &Arc<Shared>) -> Option<Self> {
        let (sender, receiver) = mpsc::channel(1);
        let tell = move |event: notify::Result<Event>| {
            if event.is_ok_and(|event| is_complete(&event.kind)) {
                // A full channel holds the news already.
                let _ = sender.try_send(());
            }
        };
        let begin = || -> notify::Result<Self> {
            let mut watcher = notify::recommended_watcher(tell)?;
            for directory in directories(shared) {
                watcher.watch(&directory, RecursiveMode::NonRecursive)?;
            }
            Ok(Self { _watcher: watcher })
        };
        match begin() {
            Ok(watcher) => {
                tokio::spawn(reload_changed(Arc::downgrade(shared), receiver));
                Some(watcher)
            }
            Err(error) => {
                tracing::warn!(%error, "plugin files are not watched; reload them by command");
                None
            }
        }
    }
}

/// Whether a file is whole: closed after writing, or moved into place.
fn is_complete(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Both))
    )
}

/// Directories, because a file that is replaced is another file.
fn directories(shared: &Shared) -> HashSet<PathBuf> {
    let files = shared.slots().iter().filter_map(|slot| {
        let config = slot.config.load();
        load::find(&config.component, shared.directories()).ok()
    });
    files.filter_map(|file| file.parent().map(PathBuf::from)).collect()
}

async fn reload_changed(shared: Weak<Shared>, mut changes: mpsc::Receiver<()>) {
    while changes.recv().await.is_some() {
        while let Ok(Some(())) = tokio::time::timeout(QUIET, changes.recv()).await {}
        let Some(shared) = shared.upgrade() else { return };
        for slot in shared.slots() {
            match shared.load(slot, Occasion::Change).await {
                Ok(Outcome::Replaced) => {
                    slot.forget_traps();
                    slot.reloads.fetch_add(1, Ordering::Relaxed);
                    tracing::info!(plugin = %slot.id(), "a plugin was replaced");
                }
                Ok(Outcome::Unchanged) => {}
                Err(failure) => tracing::error!(plugin = %slot.id(), %failure, "a plugin's new file is not loaded"),
            }
        }
    }
}
