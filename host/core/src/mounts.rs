//! Directories of the machine that workspaces see. A workspace names one below a directory that the operator listed; agents
//! may be able to change what lies on the way to it, so each use finds it anew, without following a link, and tells it from
//! every other.

use std::{
    collections::BTreeSet,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use nix::{
    fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, open, openat, openat2},
    sys::stat::{Mode, fstat},
};
use sandboxed_exec::{FileIdentity, Guard, StageMount};
use sandboxed_model::{Blame, Failure, backend::BackendSpec, recipe::Mount, workspace::Workspace};

use crate::services::Services;

/// Sockets by which whoever reaches one has the machine.
const ENGINES: [&str; 5] = [
    "/run/docker.sock",
    "/var/run/docker.sock",
    "/run/podman/podman.sock",
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
];
/// Directories on the way from one to the root, at most.
const DEEPEST: usize = 4096;

/// A directory that was found.
#[derive(Debug)]
pub(crate) struct Found {
    /// As a person named it.
    asked: String,
    pub(crate) path: PathBuf,
    pub(crate) identity: FileIdentity,
    pub(crate) target: String,
    pub(crate) writable: bool,
}

impl Found {
    /// Opens what was found, if its path still leads to it and to nothing else.
    pub(crate) fn open(&self) -> nix::Result<OwnedFd> {
        let handle = openat2(AT_FDCWD, &self.path, without_links())?;
        let FileIdentity { device, inode } = self.identity;
        if id(&handle)? == (device, inode) { Ok(handle) } else { Err(nix::Error::ESTALE) }
    }
}

/// Puts them where the workspace's processes and its backend find them.
pub(crate) fn put(found: Vec<Found>, spec: &mut BackendSpec, guard: &mut Guard) {
    for Found { asked, path, identity, target, writable } in found {
        let source = match &mut guard.stage {
            Some(stage) => {
                // A target is /mnt/NAME, and no two are the same.
                let name = format!("mnt-{}", target.trim_start_matches("/mnt/"));
                let source = stage.path(&name);
                stage.mounts.push(StageMount { name, from: path, writable, only: Some(identity) });
                source
            }
            None => path,
        };
        spec.asked_mounts.push(Mount { source: asked, target: target.clone(), writable });
        spec.mounts.push(Mount { source: source.to_string_lossy().into_owned(), target, writable });
    }
}

impl Services {
    /// Finds the directories that a workspace sees.
    ///
    /// # Errors
    /// When one is not there, or not a workspace's to see.
    pub(crate) async fn mounts(&self, workspace: &Workspace) -> Result<Vec<Found>, Failure> {
        let held = workspace.user.is_some();
        self.find_mounts(workspace.recipe.mounts.clone(), held).await
    }

    /// Finds directories. `held`: the server may hold them while a process is started.
    pub(crate) async fn find_mounts(&self, mounts: Vec<Mount>, held: bool) -> Result<Vec<Found>, Failure> {
        if mounts.is_empty() {
            return Ok(Vec::new());
        }
        let (roots, data) = (self.config.workspaces.mounts.clone(), self.paths.root().to_owned());
        let granted = self.plugins.list().into_iter().flat_map(|plugin| plugin.grants.containers);
        let granted: Vec<PathBuf> = granted.map(PathBuf::from).collect();
        let found = tokio::task::spawn_blocking(move || {
            let kept = Kept::look(&data, &granted)?;
            mounts.into_iter().map(|mount| find(mount, &roots, &kept, held)).collect()
        });
        found.await.map_err(|error| Failure::new(Blame::Host, "workspace.mount", error.to_string()))?
    }
}

/// What no workspace may see, in whatever it is mounted.
struct Kept {
    /// The data directory and all that it lies in.
    around_data: BTreeSet<Id>,
    data: Id,
    /// Everything that an engine's socket lies in.
    around_sockets: BTreeSet<Id>,
}

/// Device and inode.
type Id = (u64, u64);

impl Kept {
    /// `granted` are the engines' sockets that plugins were granted.
    fn look(data: &Path, granted: &[PathBuf]) -> Result<Self, Failure> {
        let unknown =
            |error: nix::Error| Failure::new(Blame::Host, "workspace.mount", format!("{}: {error}", data.display()));
        let handle =
            open(data, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()).map_err(unknown)?;
        let mut around_sockets = BTreeSet::new();
        for socket in sockets().into_iter().chain(granted.iter().cloned()) {
            // One that is not there keeps nothing.
            let directory = socket.canonicalize().ok().and_then(|real| real.parent().map(Path::to_owned));
            let handle = directory.and_then(|path| open(&path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).ok());
            if let Some(handle) = handle {
                around_sockets.extend(upwards(handle).map_err(unknown)?);
            }
        }
        let data = id(&handle).map_err(unknown)?;
        Ok(Self { around_data: upwards(handle).map_err(unknown)?.into_iter().collect(), data, around_sockets })
    }
}

/// Where engines may have their sockets.
fn sockets() -> Vec<PathBuf> {
    let mut sockets: Vec<PathBuf> = ENGINES.iter().map(PathBuf::from).collect();
    for variable in ["DOCKER_HOST", "CONTAINER_HOST"] {
        let path = std::env::var(variable).ok().and_then(|url| url.strip_prefix("unix://").map(PathBuf::from));
        sockets.extend(path);
    }
    for user in std::fs::read_dir("/run/user").into_iter().flatten().flatten() {
        sockets.extend(["docker.sock", "podman/podman.sock"].map(|name| user.path().join(name)));
    }
    sockets
}

fn id(handle: &OwnedFd) -> nix::Result<Id> {
    let found = fstat(handle)?;
    Ok((found.st_dev, found.st_ino))
}

/// A directory and all that it lies in, up to the root.
fn upwards(mut handle: OwnedFd) -> nix::Result<Vec<Id>> {
    let mut way = vec![id(&handle)?];
    while way.len() < DEEPEST {
        handle = openat(handle.as_fd(), "..", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
        let above = id(&handle)?;
        if way.last() == Some(&above) {
            break;
        }
        way.push(above);
    }
    Ok(way)
}

fn find(mount: Mount, roots: &[PathBuf], kept: &Kept, held: bool) -> Result<Found, Failure> {
    let Mount { source, target, writable } = mount;
    let denied = |why: &str| {
        Failure::new(
            Blame::Denied,
            "workspace.mount_denied",
            format!("the directory {source} may not be mounted: {why}"),
        )
    };
    let wanted = Path::new(&source);
    let Some((root, rest)) = roots.iter().find_map(|root| Some((root, wanted.strip_prefix(root).ok()?))) else {
        return Err(denied("it lies below no directory of workspaces.mounts")
            .with_hint(format!("workspaces.mounts = [\"{source}\"] in sandboxed.toml")));
    };
    if !held && (!rest.as_os_str().is_empty() || roots.iter().any(|other| other != root && root.starts_with(other))) {
        let why = "a server that is not root mounts only the directories that workspaces.mounts names themselves";
        return Err(denied(why).with_hint(format!("workspaces.mounts = [\"{source}\"] in sandboxed.toml")));
    }
    let missing = |error: &dyn std::fmt::Display| {
        let message = format!("the directory {source} cannot be mounted: {error}");
        Failure::new(Blame::Config, "workspace.mount_missing", message)
            .with_hint("make the directory, or take it out of the workspace's mounts")
    };
    // The operator may have reached the root by a link; below it nobody may.
    let path = root.canonicalize().map_err(|error| missing(&error))?;
    let path = if rest.as_os_str().is_empty() { path } else { path.join(rest) };
    let handle = openat2(AT_FDCWD, &path, without_links()).map_err(|error| match error {
        nix::Error::ELOOP => denied("a link lies on the way to it"),
        other => missing(&other),
    })?;
    let own = id(&handle).map_err(|error| missing(&error))?;
    let way = upwards(handle).map_err(|error| missing(&error))?;
    if way.contains(&kept.data) || kept.around_data.contains(&own) {
        return Err(denied("the server's data directory is it, or lies in it, or around it"));
    }
    if kept.around_sockets.contains(&own) {
        return Err(denied("the socket of a container engine lies in it"));
    }
    if way.len() == 1 {
        return Err(denied("it is the whole machine"));
    }
    Ok(Found { asked: source, path, identity: FileIdentity { device: own.0, inode: own.1 }, target, writable })
}

fn without_links() -> OpenHow {
    OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_MAGICLINKS)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    struct Lab {
        home: tempfile::TempDir,
        kept: Kept,
    }

    impl Lab {
        fn new() -> Self {
            let home = tempfile::tempdir().unwrap();
            for directory in ["root/cache", "data/inside", "other"] {
                std::fs::create_dir_all(home.path().join(directory)).unwrap();
            }
            let kept = Kept::look(&home.path().join("data"), &[]).unwrap();
            Self { home, kept }
        }

        fn find(&self, root: &str, source: &str, held: bool) -> Result<Found, String> {
            let path = |name: &str| if name.starts_with('/') { name.into() } else { self.home.path().join(name) };
            let source = path(source).to_string_lossy().into_owned();
            let mount = Mount { source, target: "/mnt/x".to_owned(), writable: false };
            find(mount, &[path(root)], &self.kept, held).map_err(|failure| failure.code)
        }
    }

    #[test]
    fn a_directory_at_or_below_a_listed_one_is_found() {
        let lab = Lab::new();
        for source in ["root", "root/cache"] {
            lab.find("root", source, true).unwrap();
        }
        symlink(lab.home.path().join("root"), lab.home.path().join("by-link")).unwrap();
        lab.find("by-link", "by-link/cache", true).unwrap();
    }

    #[test]
    fn what_is_not_a_workspaces_to_see_is_refused() {
        let lab = Lab::new();
        symlink(lab.home.path().join("other"), lab.home.path().join("root/link")).unwrap();
        for (root, source) in [
            ("root", "other"),
            ("root", "roots"),
            ("root", "root/link"),
            ("data", "data"),
            ("data", "data/inside"),
            ("", ""),
        ] {
            assert_eq!(lab.find(root, source, true).unwrap_err(), "workspace.mount_denied", "{source} below {root}");
        }
        assert_eq!(lab.find("root", "root/missing", true).unwrap_err(), "workspace.mount_missing");
    }

    #[test]
    fn a_server_that_cannot_hold_a_directory_mounts_only_those_that_are_listed_themselves() {
        let lab = Lab::new();
        lab.find("root", "root", false).unwrap();
        assert_eq!(lab.find("root", "root/cache", false).unwrap_err(), "workspace.mount_denied");
    }
}
