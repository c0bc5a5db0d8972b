//! Being told when a run's directory changes, with one inotify instance for all readers: the system grants a user only
//! some hundred instances, but many watches.

use std::{
    collections::HashMap,
    io,
    os::fd::{AsFd, OwnedFd},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor},
};
use tokio::{io::unix::AsyncFd, sync::watch, task::AbortHandle};

use crate::{directory::RunDir, sys};

/// How often is looked where the system grants no watch.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Tells readers of changes.
#[derive(Debug, Default)]
pub(crate) struct Watcher {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    started: Option<Started>,
    directories: HashMap<PathBuf, Weak<Watched>>,
    by_descriptor: HashMap<WatchDescriptor, Weak<Watched>>,
}

#[derive(Debug)]
struct Started {
    instance: Arc<Instance>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Instance {
    inotify: Inotify,
    /// The same instance, for waiting.
    ready: AsyncFd<OwnedFd>,
}

impl Instance {
    fn new() -> io::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        let ready = sys::register(inotify.as_fd().try_clone_to_owned()?)?;
        Ok(Self { inotify, ready })
    }
}

/// One directory that somebody watches.
#[derive(Debug)]
struct Watched {
    path: PathBuf,
    descriptor: WatchDescriptor,
    changed: watch::Sender<()>,
    watcher: Weak<Watcher>,
}

/// One reader's view of the changes of a directory.
#[derive(Debug)]
pub(super) struct Changes(Option<(Arc<Watched>, watch::Receiver<()>)>);

impl Changes {
    /// Forgets the changes so far.
    pub(super) fn mark_seen(&mut self) {
        if let Some((_, receiver)) = &mut self.0 {
            receiver.mark_unchanged();
        }
    }

    /// Waits for a change since the last [`Changes::mark_seen`].
    pub(super) async fn changed(&mut self) {
        match &mut self.0 {
            // The sender lives in the `Arc` beside the receiver, so there is no error.
            Some((_, receiver)) => drop(receiver.changed().await),
            None => tokio::time::sleep(POLL_INTERVAL).await,
        }
    }
}

impl Watcher {
    /// Watches a directory. Where that is not possible, changes are looked for from time to time.
    pub(super) fn watch(this: &Arc<Self>, directory: &RunDir) -> Changes {
        match Self::try_watch(this, directory) {
            Ok(watched) => {
                let receiver = watched.changed.subscribe();
                Changes(Some((watched, receiver)))
            }
            Err(error) => {
                tracing::warn!(%error, "output of runs is looked for from time to time; raise fs.inotify limits");
                Changes(None)
            }
        }
    }

    fn try_watch(this: &Arc<Self>, directory: &RunDir) -> io::Result<Arc<Watched>> {
        let mut state = this.lock();
        let path = directory.path();
        if let Some(watched) = state.directories.get(path).and_then(Weak::upgrade) {
            return Ok(watched);
        }
        let instance = match &state.started {
            Some(started) => Arc::clone(&started.instance),
            None => {
                let instance = Arc::new(Instance::new()?);
                let task = tokio::spawn(dispatch(Arc::clone(&instance), Arc::downgrade(this))).abort_handle();
                state.started = Some(Started { instance: Arc::clone(&instance), task });
                instance
            }
        };
        // Segments are written, made and dropped; the exit record is moved into its place.
        let events = AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO;
        let events = events | AddWatchFlags::IN_DELETE | AddWatchFlags::IN_MOVE_SELF | AddWatchFlags::IN_ONLYDIR;
        let descriptor = instance.inotify.add_watch(path, events)?;
        let watched = Arc::new(Watched {
            path: path.to_owned(),
            descriptor,
            changed: watch::Sender::new(()),
            watcher: Arc::downgrade(this),
        });
        state.directories.insert(path.to_owned(), Arc::downgrade(&watched));
        state.by_descriptor.insert(descriptor, Arc::downgrade(&watched));
        Ok(watched)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the readers of the directories that events came for; of all, if some events were left out.
    fn tell(&self, events: &[nix::sys::inotify::InotifyEvent]) {
        let overflow = events.iter().any(|event| event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW));
        let mut changed: Vec<Arc<Watched>> = Vec::new();
        {
            let state = self.lock();
            if overflow {
                changed.extend(state.by_descriptor.values().filter_map(Weak::upgrade));
            } else {
                let mut last = None;
                for event in events.iter().filter(|event| last.replace(event.wd) != Some(event.wd)) {
                    changed.extend(state.by_descriptor.get(&event.wd).and_then(Weak::upgrade));
                }
            }
        }
        // Outside of the lock: this may be the last owner, whose end takes the lock.
        for watched in changed {
            watched.changed.send_replace(());
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        if let Some(started) = self.lock().started.take() {
            started.task.abort();
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let Some(watcher) = self.watcher.upgrade() else { return };
        let mut state = watcher.lock();
        // Another reader may have set the same watch anew meanwhile; then it is no longer ours to remove.
        let gone = |entry: Option<&Weak<Self>>| entry.is_some_and(|entry| std::ptr::eq(entry.as_ptr(), self));
        if gone(state.by_descriptor.get(&self.descriptor)) {
            state.by_descriptor.remove(&self.descriptor);
            if let Some(started) = &state.started {
                // The directory may have been removed, and the watch with it.
                let _ = started.instance.inotify.rm_watch(self.descriptor);
            }
        }
        if gone(state.directories.get(&self.path)) {
            state.directories.remove(&self.path);
        }
        // `watcher` may be the last owner: its end takes the lock that is held here.
        drop(state);
    }
}

async fn dispatch(instance: Arc<Instance>, watcher: Weak<Watcher>) {
    while let Ok(mut ready) = instance.ready.readable().await {
        let Some(watcher) = watcher.upgrade() else { return };
        match instance.inotify.read_events() {
            Ok(events) => watcher.tell(&events),
            Err(Errno::EAGAIN) => ready.clear_ready(),
            Err(Errno::EINTR) => {}
            Err(error) => {
                tracing::error!(%error, "changes of runs cannot be read");
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        }
    }
}
