//! Control groups: what a process tree cannot leave by forking, changing its session or losing its parent.
//!
//! Version 2 is killed through `cgroup.kill`, or frozen and killed where the kernel (before 5.14) lacks that file;
//! version 1 is frozen through its freezer controller, killed and thawed. All of it goes for groups that the tree made
//! below its own, too.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

use crate::procfs;

/// The group that holds the groups of all runs.
const PARENT: &str = "sandboxed-sh";

/// Freezing is over in microseconds, but a process deep in the kernel can delay it; killing does not depend on it.
const FREEZE_PATIENCE: Duration = Duration::from_millis(20);

/// Which interface a cgroup has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Version {
    V2,
    V1,
}

/// One cgroup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cgroup {
    version: Version,
    path: PathBuf,
}

impl Cgroup {
    /// The group of this name below the group that this process is in, or below one of its groups. It need not exist.
    pub(crate) fn named(version: Version, group: Option<&str>, name: &str) -> io::Result<Self> {
        Ok(Self { version, path: parent(version)?.join(group.unwrap_or_default()).join(name) })
    }

    /// Makes the group.
    pub(crate) fn create(&self) -> io::Result<()> {
        if let Some(parent) = self.path.parent() {
            fs::create_dir_all(parent).map_err(|error| at(parent, &error))?;
        }
        fs::create_dir(&self.path).map_err(|error| at(&self.path, &error))
    }

    /// Whether this may be the group of this name.
    pub(crate) fn is_of(&self, name: &str) -> bool {
        is_run(&self.path, name)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A process that writes `0` to this file is in the group from then on.
    pub(crate) fn procs(&self) -> io::Result<File> {
        let path = self.path.join("cgroup.procs");
        File::options().write(true).open(&path).map_err(|error| at(&path, &error))
    }

    /// Whether one write kills the whole group.
    pub(crate) fn has_kill(&self) -> bool {
        self.version == Version::V2 && self.path.join("cgroup.kill").exists()
    }

    /// Every process in the group and in those below it.
    pub(crate) fn members(&self) -> io::Result<Vec<Pid>> {
        let mut members = Vec::new();
        for group in self.groups()? {
            let text = match fs::read_to_string(group.join("cgroup.procs")) {
                Ok(text) => text,
                Err(error) if is_gone(&error) => continue,
                Err(error) => return Err(at(&group, &error)),
            };
            // A member outside of our process namespace shows as 0.
            members.extend(text.lines().filter_map(|line| line.parse().ok()).filter(|&pid| pid > 0).map(Pid::from_raw));
        }
        Ok(members)
    }

    /// Whether no process is left. A group that does not exist is empty.
    pub(crate) fn is_empty(&self) -> io::Result<bool> {
        match self.members() {
            Ok(members) => Ok(members.is_empty()),
            Err(error) if is_gone(&error) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Sends SIGKILL to all there is. They may take a moment to be gone.
    pub(crate) fn kill(&self) -> io::Result<()> {
        if self.version == Version::V2 {
            match put(&self.path.join("cgroup.kill"), "1") {
                Ok(()) => return Ok(()),
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(at(&self.path, &error)),
            }
        }
        // Frozen, nothing can fork between being listed and being killed.
        self.freeze(true);
        let killed = self.members().map(|members| {
            for member in members {
                // It may have ended by itself, which is what is wanted.
                let _ = kill(member, Signal::SIGKILL);
            }
        });
        self.freeze(false);
        match killed {
            Err(error) if !is_gone(&error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Best effort: what cannot be frozen is killed all the same, only perhaps in more than one go.
    fn freeze(&self, frozen: bool) {
        let (file, value) = match (self.version, frozen) {
            (Version::V2, true) => ("cgroup.freeze", "1"),
            (Version::V2, false) => ("cgroup.freeze", "0"),
            (Version::V1, true) => ("freezer.state", "FROZEN"),
            (Version::V1, false) => ("freezer.state", "THAWED"),
        };
        let path = self.path.join(file);
        if put(&path, value).is_err() || !frozen || self.version == Version::V2 {
            return;
        }
        let until = Instant::now() + FREEZE_PATIENCE;
        while fs::read_to_string(&path).is_ok_and(|state| state.trim() == "FREEZING") && Instant::now() < until {
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    /// Removes the group and those below it, which must be empty.
    pub(crate) fn remove(&self) -> io::Result<()> {
        if let Some(mirror) = self.mirror() {
            // Best effort: it holds nothing together and counts nothing.
            if let Err(error) = mirror.remove_groups() {
                tracing::debug!(%error, "a group that a program mirrored is left");
            }
        }
        self.remove_groups()
    }

    /// The group of the same path in the hierarchy that systemd keeps beside version 2: what a run starts that is made for
    /// systemd (systemd-nspawn) makes one there.
    fn mirror(&self) -> Option<Self> {
        if self.version != Version::V2 {
            return None;
        }
        let mounts = procfs::cgroup_mounts().ok()?;
        let below = mounts
            .iter()
            .find_map(|mount| if mount.kind == "cgroup2" { self.path.strip_prefix(&mount.point).ok() } else { None })?;
        let systemd = mounts
            .iter()
            .find(|mount| mount.kind == "cgroup" && mount.options.split(',').any(|option| option == "name=systemd"))?;
        let path = systemd.point.join(below);
        path.is_dir().then_some(Self { version: Version::V1, path })
    }

    fn remove_groups(&self) -> io::Result<()> {
        let groups = match self.groups() {
            Err(error) if is_gone(&error) => return Ok(()),
            groups => groups?,
        };
        for group in groups.iter().rev() {
            match fs::remove_dir(group) {
                Err(error) if !is_gone(&error) => return Err(at(group, &error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// This group and all below it, each after the one that holds it.
    fn groups(&self) -> io::Result<Vec<PathBuf>> {
        let mut groups = vec![self.path.clone()];
        let mut next = 0;
        while let Some(group) = groups.get(next) {
            let entries = match fs::read_dir(group) {
                Ok(entries) => entries,
                Err(error) if next > 0 && is_gone(&error) => {
                    next += 1;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let below: Vec<PathBuf> = entries
                .flatten()
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                .map(|entry| entry.path())
                .collect();
            groups.extend(below);
            next += 1;
        }
        Ok(groups)
    }
}

/// Writes to a file that the kernel made.
pub(crate) fn put(path: &Path, value: &str) -> io::Result<()> {
    File::options().write(true).open(path)?.write_all(value.as_bytes())
}

/// The group was removed: its directory is not found, or was while one of its files was being read.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error().map(Errno::from_raw), Some(Errno::ENOENT | Errno::ENODEV))
}

/// The same error with the path in its text.
fn at(path: &Path, error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(_) if is_gone(error) => io::Error::from_raw_os_error(Errno::ENOENT as i32),
        _ => io::Error::new(error.kind(), format!("{}: {error}", path.display())),
    }
}

/// Whether this is where the group of this name would be: with the groups of all runs, or in one of them.
pub(crate) fn is_run(path: &Path, name: &str) -> bool {
    path.file_name().is_some_and(|last| last == name)
        && path.ancestors().skip(1).take(2).any(|path| path.ends_with(PARENT))
}

/// Where groups under a controller go, and which interface they have. Absent: the controller is not there.
pub(crate) fn controlled(controller: &str) -> io::Result<Option<(Version, PathBuf)>> {
    let gone = |error: io::Error| if error.kind() == io::ErrorKind::NotFound { Ok(None) } else { Err(error) };
    if let Some(parent) = base("cgroup", controller, controller).map(Some).or_else(gone)? {
        return Ok(Some((Version::V1, parent.join(PARENT))));
    }
    let Some(base) = base("cgroup2", "", "cgroup version 2").map(Some).or_else(gone)? else { return Ok(None) };
    let controllers = fs::read_to_string(base.join("cgroup.controllers"))?;
    Ok(controllers.split_whitespace().any(|name| name == controller).then(|| (Version::V2, base.join(PARENT))))
}

/// Lets groups below `group` have a controller, and so all groups above it.
pub(crate) fn delegate(group: &Path, controller: &str) -> io::Result<()> {
    let above = group.ancestors().skip_while(|path| !path.ends_with(PARENT)).take(2);
    let chain: Vec<&Path> = std::iter::once(group).chain(above).collect();
    for path in chain.into_iter().rev() {
        let file = path.join("cgroup.subtree_control");
        if fs::read_to_string(&file)?.split_whitespace().any(|name| name == controller) {
            continue;
        }
        put(&file, &format!("+{controller}")).map_err(|error| at(&file, &error))?;
    }
    Ok(())
}

/// The list of the processes of the group that this process is in. Absent: none that holds runs is mounted.
pub(crate) fn own_procs() -> io::Result<Option<PathBuf>> {
    let base = base("cgroup2", "", "").or_else(|_| base("cgroup", "freezer", ""));
    match base {
        Ok(base) => Ok(Some(base.join("cgroup.procs"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Where the groups of runs go.
fn parent(version: Version) -> io::Result<PathBuf> {
    let base = match version {
        Version::V2 => base("cgroup2", "", "cgroup version 2"),
        Version::V1 => base("cgroup", "freezer", "the freezer of cgroup version 1"),
    };
    Ok(base?.join(PARENT))
}

/// The group of this process, because that is what a service manager or a container engine delegated.
fn base(kind: &str, controller: &str, what: &str) -> io::Result<PathBuf> {
    let missing = || io::Error::new(io::ErrorKind::NotFound, format!("{what} is not mounted"));
    let mount = procfs::cgroup_mounts()?
        .iter()
        .find(|mount| {
            let controls = controller.is_empty() || mount.options.split(',').any(|option| option == controller);
            mount.kind == kind && controls
        })
        .ok_or_else(missing)?;
    let own = procfs::own_cgroup(controller)?.ok_or_else(missing)?;
    // In a container the mount may show a part of the hierarchy only.
    let own = own.strip_prefix(&mount.root).or_else(|_| own.strip_prefix("/")).unwrap_or(Path::new(""));
    let visible = mount.point.join(own);
    Ok(if visible.is_dir() { visible } else { mount.point.clone() })
}
