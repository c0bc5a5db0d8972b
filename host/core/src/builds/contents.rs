//! What a build finds in its workspace and leaves there: it begins with nothing, or with the kept result of its first steps,
//! and what its steps make may be kept for other workspaces.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use cap_std::{ambient_authority, fs::Dir};
use sandboxed_model::{Blame, Failure, build::StepState};

use super::{
    cache::{Contents, Worth},
    execute::{Execution, Halt, cancelled, failed},
};
use crate::isolation::make_directory;

impl Execution {
    /// Fills the workspace with the last result that is kept of the steps' and marks them as done.
    pub(super) async fn begin_with_what_is_kept(&mut self) -> Result<(), Halt> {
        if self.is_distant().await {
            return Ok(());
        }
        self.empty().await?;
        let first = self.plan.iter().take_while(|step| step.comes_first()).count();
        let shared = self.plan[first..].iter().take_while(|step| step.shared);
        let keys: Vec<String> = shared.map(|step| step.key.clone()).collect();
        let Some(last) = self.services.steps.last_kept(keys).await.map(|last| first + last) else { return Ok(()) };
        let (stop, key) = (Arc::new(AtomicBool::new(false)), self.plan[last].key.clone());
        let services = Arc::clone(&self.services);
        let restoring = services.steps.restore(&key, self.contents(), Arc::clone(&stop));
        let restored = self.unless_stopped(restoring, &stop).await?;
        match restored {
            Ok(true) => {
                for step in self.build.steps[first..=last].iter_mut().filter(|step| !step.state.is_made()) {
                    step.state = StepState::Cached;
                }
                self.store().await
            }
            Ok(false) => self.empty().await,
            Err(error) => {
                tracing::warn!(%error, build = %self.build.id, "a kept result could not be used, and the steps are run");
                self.empty().await
            }
        }
    }

    /// Waits for work on files; tells it to stop where the build does.
    async fn unless_stopped<T>(&self, work: impl Future<Output = T>, stop: &AtomicBool) -> Result<T, Halt> {
        let mut work = std::pin::pin!(work);
        let halt = tokio::select! {
            biased;
            done = &mut work => return Ok(done),
            () = self.cancel.cancelled() => cancelled(),
            () = self.services.stopped() => Halt::Left,
        };
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        work.await;
        Err(halt)
    }

    /// Whether nothing of the workspace's files is here that could be kept. If it cannot be told, nothing is kept.
    async fn is_distant(&self) -> bool {
        !matches!(self.services.distant_engine(&self.workspace).await, Ok(None))
    }

    fn contents(&self) -> Contents {
        let (paths, id) = (&self.services.paths, self.workspace.id);
        Contents { tree: paths.tree(id), home: paths.home(id), owner: self.workspace.user }
    }

    /// Makes tree and home empty directories, the same ones: a container that runs sees no others. Nothing runs in the workspace.
    async fn empty(&self) -> Result<(), Halt> {
        let (directory, Contents { tree, home, owner }) =
            (self.services.paths.workspace(self.workspace.id), self.contents());
        let emptied = tokio::task::spawn_blocking(move || {
            // Below a directory handle a name cannot lead elsewhere, and links are removed and not followed.
            let directory = Dir::open_ambient_dir(directory, ambient_authority())?;
            for path in [tree, home] {
                let Some(name) = path.file_name() else { continue };
                match directory.symlink_metadata(name) {
                    Ok(found) if found.is_dir() => remove_contents(&directory.open_dir(name)?)?,
                    Ok(_) => directory.remove_file(name)?,
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
                make_directory(&path, owner, 0o700)?;
            }
            Ok(())
        });
        let emptied = emptied.await.map_err(std::io::Error::other).and_then(|emptied| emptied);
        emptied.map_err(|error| {
            let message = format!("the workspace's directories cannot be emptied: {error}");
            failed(Failure::new(Blame::Host, "workspace.directory", message))
        })
    }

    /// Keeps the workspace as it is after this step, where that is worth it. That it cannot be kept harms nothing.
    pub(super) async fn keep(&self, number: usize, spent: &mut Duration) {
        let step = &self.plan[number];
        if self.build.in_place || !step.shared || self.is_distant().await {
            return;
        }
        let worth = if step.kept == Some(true) { Worth::Kept } else { Worth::Took(*spent) };
        let stop = Arc::new(AtomicBool::new(false));
        let keeping = self.services.steps.keep(&step.key, self.contents(), worth, self.build.id, Arc::clone(&stop));
        // Where the build ends here, the next step finds out.
        match self.unless_stopped(keeping, &stop).await {
            Ok(Ok(true)) => *spent = Duration::ZERO,
            Ok(Ok(false)) | Err(_) => {}
            Ok(Err(error)) => tracing::warn!(%error, build = %self.build.id, "the result of a step could not be kept"),
        }
    }
}

fn remove_contents(directory: &Dir) -> std::io::Result<()> {
    for entry in directory.entries()? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => directory.remove_dir_all(entry.file_name())?,
            false => entry.remove_file()?,
        }
    }
    Ok(())
}
