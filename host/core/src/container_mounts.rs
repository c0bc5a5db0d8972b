//! Directories of the machine in containers. An engine is given a path and looks it up itself, some time after the server
//! has, and as root. So a server that may mount gives it a path below a directory of its own, at which nothing lies but the
//! directory that was looked at, for as long as the container takes to start; and then looks at what the container got.

use std::{
    fs, io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::fs::{DirBuilderExt, MetadataExt},
    },
    path::{Path, PathBuf},
};

use nix::{
    fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2},
    mount::{MntFlags, MsFlags, mount, umount2},
    sys::stat::{Mode, fstat},
};
use sandboxed_engine::{Bind, ContainerSpec, Engine, HOME, Storage, TREE};
use sandboxed_exec::{FileIdentity, Guard};
use sandboxed_model::{Blame, Failure, WorkspaceId, backend::BackendSpec};

use crate::{
    containers::{may_be_replaced, run},
    mounts::Found,
    services::Services,
};

/// Where directories are held while a container starts. For root alone.
const HELD: &str = "/run/sandboxed-sh/held";

/// The path at which a mount is held.
fn held_at(workspace: WorkspaceId, found: &Found) -> PathBuf {
    // A target is /mnt/NAME, and no two are the same.
    Path::new(HELD).join(workspace.to_string()).join(found.target.trim_start_matches("/mnt/"))
}

/// What the engine is asked to mount.
pub(crate) fn binds(workspace: WorkspaceId, mounts: &[Found]) -> impl Iterator<Item = Bind> {
    mounts.iter().map(move |found| Bind {
        source: if Guard::is_privileged() { held_at(workspace, found) } else { found.path.clone() },
        target: found.target.clone().into(),
        read_only: !found.writable,
    })
}

impl Services {
    /// Finds the directories that a workspace's container sees.
    pub(crate) async fn container_mounts(&self, workspace: &BackendSpec) -> Result<Vec<Found>, Failure> {
        self.find_mounts(workspace.asked_mounts.clone(), Guard::is_privileged()).await
    }

    /// Makes the container run, with the workspace's directories as they are now and these, and no others.
    pub(crate) async fn run_with_mounts(
        &self,
        engine: &Engine,
        spec: &ContainerSpec,
        mounts: Vec<Found>,
    ) -> Result<(), Failure> {
        if !Guard::is_privileged() {
            return run(engine, spec).await;
        }
        let (id, wanted) = (spec.workspace, wanted(spec, &mounts).await?);
        // Two that start one container would take the directories from under each other.
        let _alone = if mounts.is_empty() { None } else { Some(self.engines.mounting.lock().await) };
        if matches!(engine.first_process(id).await, Ok(Some(_))) {
            run(engine, spec).await?;
            if self.sees(engine, id, wanted.clone()).await? != Some(false) {
                return Ok(());
            }
            // It was started with what was there before.
            if !may_be_replaced(engine, id).await {
                return Err(others());
            }
            engine.kill_all(id).await.map_err(|error| error.failure())?;
        }
        let must_be_seen = !mounts.is_empty();
        let held = blocking(move || Held::hold(id, &mounts)).await?;
        let seen = match run(engine, spec).await {
            Ok(()) => self.sees(engine, id, wanted).await,
            Err(failure) => Err(failure),
        };
        blocking(move || {
            drop(held);
            Ok(())
        })
        .await?;
        match seen? {
            Some(true) => Ok(()),
            // The engine is elsewhere, or shows its processes under other numbers.
            None if !must_be_seen => Ok(()),
            _ => {
                engine.kill_all(id).await.map_err(|error| error.failure())?;
                Err(unseen())
            }
        }
    }

    /// Whether the container sees just these directories where it should. Absent: that cannot be told.
    async fn sees(
        &self,
        engine: &Engine,
        workspace: WorkspaceId,
        wanted: Vec<(PathBuf, FileIdentity)>,
    ) -> Result<Option<bool>, Failure> {
        let Some(process) = self.contained.first_process(engine, workspace).await else { return Ok(None) };
        blocking(move || {
            let root = format!("/proc/{}/root", process.pid);
            let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
            let Ok(root) = open(Path::new(&root), flags, Mode::empty()) else { return Ok(Some(false)) };
            let all = wanted.iter().all(|(target, identity)| inside(&root, target).is_ok_and(|seen| seen == *identity));
            // Only now is it certain whose root that was.
            Ok(Some(all && process.is_alive()))
        })
        .await
    }
}

/// Where a container has to see which directories.
async fn wanted(spec: &ContainerSpec, mounts: &[Found]) -> Result<Vec<(PathBuf, FileIdentity)>, Failure> {
    let found = mounts.iter().map(|found| (PathBuf::from(&found.target), found.identity));
    let found: Vec<_> = found.collect();
    let own = match &spec.storage {
        Storage::Directories { tree, home } => vec![(tree.clone(), TREE), (home.clone(), HOME)],
        // They are on the engine's machine.
        Storage::Volumes => Vec::new(),
    };
    blocking(move || {
        let mut wanted = found;
        for (path, target) in own {
            let metadata = fs::metadata(path)?;
            wanted.push((target.into(), FileIdentity { device: metadata.dev(), inode: metadata.ino() }));
        }
        Ok(wanted)
    })
    .await
}

/// What a path leads to for whoever has this root.
fn inside(root: &OwnedFd, path: &Path) -> nix::Result<FileIdentity> {
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let found = fstat(openat2(root, path, how)?)?;
    Ok(FileIdentity { device: found.st_dev, inode: found.st_ino })
}

/// Directories that the server holds for a container. They go when this goes.
struct Held(Vec<PathBuf>);

impl Held {
    fn hold(workspace: WorkspaceId, mounts: &[Found]) -> io::Result<Self> {
        let mut held = Self(Vec::new());
        if mounts.is_empty() {
            return Ok(held);
        }
        fs::DirBuilder::new().recursive(true).mode(0o700).create(Path::new(HELD).join(workspace.to_string()))?;
        for found in mounts {
            let at = held_at(workspace, found);
            release(&at);
            fs::DirBuilder::new().mode(0o700).create(&at)?;
            held.0.push(at.clone());
            let handle = found.open()?;
            let source = PathBuf::from(format!("/proc/self/fd/{}", handle.as_raw_fd()));
            mount(Some(&source), &at, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
            // What the engine sees of it must not come back here, nor go on when this is gone.
            mount(None::<&str>, &at, None::<&str>, MsFlags::MS_PRIVATE, None::<&str>).or_else(|error| match error {
                nix::Error::EINVAL => Ok(()),
                other => Err(other),
            })?;
        }
        Ok(held)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        for at in &self.0 {
            release(at);
        }
        if let Some(directory) = self.0.first().and_then(|at| at.parent()) {
            let _ = fs::remove_dir(directory);
        }
    }
}

/// Takes a directory away again, also one that a former server left. What was mounted there is never looked into.
fn release(at: &Path) {
    while umount2(at, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW).is_ok() {}
    // One in which something is mounted still cannot be removed.
    let _ = fs::remove_dir(at);
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await.map_err(io::Error::other).and_then(|done| done);
    done.map_err(|error| {
        let message = format!("the workspace's mounts cannot be put into its container: {error}");
        Failure::new(Blame::Host, "containers.mounts", message)
    })
}

fn unseen() -> Failure {
    let message = "the container did not get the directories that were looked at, and was stopped";
    Failure::new(Blame::Unavailable, "containers.mounts_unseen", message).with_hint(format!(
        "the engine must run on the server's machine and see what the server mounts below {HELD}: start both in one mount \
         namespace, or make the workspace without mounts"
    ))
}

fn others() -> Failure {
    let message = "a directory that the workspace's container sees was replaced, and something runs in the container";
    Failure::new(Blame::Config, "containers.mounts_changed", message)
        .with_hint("wait for what runs in the workspace to end, and try again")
}
