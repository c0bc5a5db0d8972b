//! What holds a process tree together, so that all of it can be found and killed.

use std::{
    fmt, io,
    path::Path,
    time::{Duration, Instant},
};

use nix::{
    sys::{
        signal::{Signal, kill},
        wait::waitpid,
    },
    unistd::Pid,
};
use sandboxed_model::RunId;
use serde::{Deserialize, Serialize};

use crate::{
    Limits,
    cgroup::{Cgroup, Version},
    limits, procfs, sys,
};

/// How a process tree is held together. Better ones come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainmentKind {
    /// A cgroup of version 2. No process can leave it.
    CgroupV2,
    /// A cgroup of version 1 with the freezer controller. No process can leave it.
    CgroupV1,
    /// The process group, everything that descends from the shim, and the mark in the environment. A process that
    /// clears its environment is still found while the shim lives, and lost when the shim is killed.
    ProcessGroup,
}

impl ContainmentKind {
    /// Every kind, better ones first.
    pub const ALL: [Self; 3] = [Self::CgroupV2, Self::CgroupV1, Self::ProcessGroup];

    /// The name in records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CgroupV2 => "cgroup_v2",
            Self::CgroupV1 => "cgroup_v1",
            Self::ProcessGroup => "process_group",
        }
    }

    const fn version(self) -> Option<Version> {
        match self {
            Self::CgroupV2 => Some(Version::V2),
            Self::CgroupV1 => Some(Version::V1),
            Self::ProcessGroup => None,
        }
    }
}

impl fmt::Display for ContainmentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What this machine offers to hold process trees together, found out by trying it.
#[derive(Debug, Clone)]
pub struct Containment {
    kind: ContainmentKind,
    detail: String,
}

impl Containment {
    /// Tries each kind, better ones first: makes a cgroup, puts a process into it, kills it through the cgroup and
    /// removes the cgroup. Blocks for some milliseconds.
    pub fn detect() -> Self {
        let mut refusals = Vec::new();
        for kind in [ContainmentKind::CgroupV2, ContainmentKind::CgroupV1] {
            match try_out(kind) {
                Ok(detail) => return Self { kind, detail },
                Err(error) => refusals.push(format!("{kind}: {error}")),
            }
        }
        Self { kind: ContainmentKind::ProcessGroup, detail: format!("no cgroup is usable: {}", refusals.join("; ")) }
    }

    /// The best kind that works.
    pub fn kind(&self) -> ContainmentKind {
        self.kind
    }

    /// What was found, in words.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

/// Uses a cgroup for what runs use it for.
fn try_out(kind: ContainmentKind) -> io::Result<String> {
    const PATIENCE: Duration = Duration::from_secs(2);
    let tree = Tree::named(kind, None, &format!("probe-{}", RunId::new()))?;
    let Tree::Cgroup(cgroup) = &tree else { return Err(io::ErrorKind::Unsupported.into()) };
    tree.create()?;
    let tried = (|| {
        let parked = sys::park(&cgroup.procs()?)?;
        let until = Instant::now() + PATIENCE;
        let joined = loop {
            if cgroup.members()?.contains(&parked) {
                break true;
            }
            if procfs::stat(parked).is_none_or(|stat| stat.zombie) || Instant::now() > until {
                break false;
            }
            std::thread::sleep(Duration::from_micros(200));
        };
        let killed = cgroup.kill();
        if !joined || killed.is_err() {
            let _ = kill(parked, Signal::SIGKILL);
        }
        waitpid(parked, None)?;
        killed?;
        if !joined {
            return Err(io::Error::other("a process could not be put into a cgroup"));
        }
        while !cgroup.is_empty()? && Instant::now() < until {
            std::thread::sleep(Duration::from_micros(200));
        }
        let parent = cgroup.path().parent().unwrap_or(Path::new("/")).display();
        Ok(match (kind, cgroup.has_kill()) {
            (ContainmentKind::CgroupV2, true) => format!("cgroup version 2 with cgroup.kill below {parent}"),
            (ContainmentKind::CgroupV2, false) => format!("cgroup version 2, frozen and killed, below {parent}"),
            _ => format!("cgroup version 1, killed through the freezer, below {parent}"),
        })
    })();
    let removed = tree.remove();
    let detail = tried?;
    removed?;
    Ok(detail)
}

/// What holds one tree together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tree {
    Cgroup(Cgroup),
    ProcessGroup,
}

impl Tree {
    /// A tree of this name, for which nothing is done yet. With limits it lies in their group, where one hierarchy has
    /// both.
    pub(crate) fn named(kind: ContainmentKind, limits: Option<&Limits>, name: &str) -> io::Result<Self> {
        let group = limits.filter(|_| limits::share_a_hierarchy()).map(|limits| limits.group.as_str());
        match kind.version() {
            Some(version) => Cgroup::named(version, group, name).map(Self::Cgroup),
            None => Ok(Self::ProcessGroup),
        }
    }

    /// Sets up what will hold the processes.
    pub(crate) fn create(&self) -> io::Result<()> {
        match self {
            Self::Cgroup(cgroup) => cgroup.create(),
            Self::ProcessGroup => Ok(()),
        }
    }

    /// Signals every process of the tree but `except`. With a process group alone, everything that descends from this process, which
    /// must be the shim.
    pub(crate) fn signal(&self, signal: Signal, except: Option<Pid>) -> io::Result<()> {
        let members = match self {
            Self::Cgroup(cgroup) => cgroup.members()?,
            Self::ProcessGroup => procfs::descendants(Pid::this())?,
        };
        for member in members.into_iter().filter(|&member| Some(member) != except) {
            // It may have ended by itself.
            let _ = kill(member, signal);
        }
        Ok(())
    }

    /// Sends SIGKILL to every process of the tree; see [`Tree::signal`].
    pub(crate) fn kill(&self) -> io::Result<()> {
        match self {
            Self::Cgroup(cgroup) => cgroup.kill(),
            Self::ProcessGroup => kill_descendants(),
        }
    }

    /// Whether the cgroup holds no process any more; a process group is not asked.
    pub(crate) fn is_empty(&self) -> io::Result<bool> {
        match self {
            Self::Cgroup(cgroup) => cgroup.is_empty(),
            Self::ProcessGroup => Ok(true),
        }
    }

    /// Removes what [`Tree::create`] made. The tree must be empty.
    pub(crate) fn remove(&self) -> io::Result<()> {
        match self {
            Self::Cgroup(cgroup) => cgroup.remove(),
            Self::ProcessGroup => Ok(()),
        }
    }
}

/// Sends SIGKILL to everything below this process. All are stopped first, so that none forks while others are killed.
pub(crate) fn kill_descendants() -> io::Result<()> {
    for signal in [Signal::SIGSTOP, Signal::SIGKILL] {
        for pid in procfs::descendants(Pid::this())? {
            let _ = kill(pid, signal);
        }
    }
    Ok(())
}

/// Kills what is left of a tree after the process that owned it died: what the cgroup holds, and what bears the mark
/// of the run. Returns how many processes are left after `patience`.
pub(crate) fn kill_orphans(
    tree: &Tree,
    variable: &str,
    value: &str,
    leader: Option<(Pid, u64)>,
    patience: Duration,
) -> io::Result<usize> {
    let until = Instant::now() + patience;
    loop {
        if let Tree::Cgroup(cgroup) = tree {
            cgroup.kill()?;
        }
        let marked = procfs::belonging_to(variable, value, leader)?;
        for &pid in &marked {
            let _ = kill(pid, Signal::SIGKILL);
        }
        let left = marked.len() + usize::from(!tree.is_empty()?);
        if left == 0 || Instant::now() > until {
            return Ok(left);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detecting_leaves_no_cgroup_behind_and_says_what_was_found() {
        let found = Containment::detect();

        assert!(!found.detail().is_empty());
        if let Some(version) = found.kind().version() {
            let probe = Cgroup::named(version, None, &format!("look-{}", RunId::new())).unwrap();
            probe.create().unwrap();
            let names = std::fs::read_dir(probe.path().parent().unwrap()).unwrap();
            let left = names.flatten().filter(|name| name.file_name().to_string_lossy().starts_with("probe-")).count();
            probe.remove().unwrap();
            assert_eq!(left, 0);
        }
    }

    #[test]
    fn a_cgroup_with_groups_below_it_is_removed_as_a_whole() {
        for kind in [ContainmentKind::CgroupV2, ContainmentKind::CgroupV1] {
            let Ok(Tree::Cgroup(cgroup)) = Tree::named(kind, None, &format!("nest-{}", RunId::new())) else { continue };
            if cgroup.create().is_err() {
                continue;
            }
            std::fs::create_dir_all(cgroup.path().join("a/b")).unwrap();

            cgroup.remove().unwrap();

            assert!(!cgroup.path().exists());
            assert!(cgroup.is_empty().unwrap());
        }
    }
}
