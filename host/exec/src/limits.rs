//! What process trees may use together: memory, processors and processes, enforced by control groups.
//!
//! Each tree has a group of its own inside the group that holds the limits, so that what one tree used, and whether the
//! kernel killed any of it for want of memory, is known of that tree alone. With cgroup version 1 there is one
//! hierarchy for each controller; with version 2 the groups are those that hold the processes together.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use nix::errno::Errno;
use sandboxed_model::{RunId, command::ResourceUsage};
use serde::{Deserialize, Serialize};

use crate::{
    LaunchFailure,
    cgroup::{self, Version, put},
};

/// What all process trees of one group may use together. Absent is without limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The name of the group: letters, digits and `-`.
    pub group: String,
    /// Bytes of memory, swapped-out ones included.
    pub memory: Option<u64>,
    /// Thousandths of a processor.
    pub cpu_millis: Option<u32>,
    /// Processes and threads.
    pub processes: Option<u32>,
}

/// What a limit is enforced with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Memory.
    Memory,
    /// Processors.
    Cpu,
    /// Processes and threads.
    Processes,
}

impl Resource {
    /// Every resource.
    pub const ALL: [Self; 3] = [Self::Memory, Self::Cpu, Self::Processes];

    fn controller(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::Processes => "pids",
        }
    }
}

/// The period over which processor time is shared out (`cpu.cfs_period_us`, `cpu.max`); the kernel's default.
const CPU_PERIOD_MICROS: u64 = 100_000;

impl Limits {
    /// Whether there is anything to limit.
    pub fn is_empty(&self) -> bool {
        self.memory.is_none() && self.cpu_millis.is_none() && self.processes.is_none()
    }

    /// Why each resource cannot be limited here; those that can be are not in the map. Each is tried. Blocks for some
    /// milliseconds.
    pub fn unavailable() -> BTreeMap<Resource, String> {
        let group = "probe".to_owned();
        let name = RunId::new().to_string();
        let tried = Resource::ALL.map(|resource| {
            let mut limits = Self { group: group.clone(), ..Self::default() };
            match resource {
                Resource::Memory => limits.memory = Some(64 << 20),
                Resource::Cpu => limits.cpu_millis = Some(1000),
                Resource::Processes => limits.processes = Some(16),
            }
            (resource, LimitedTree::create(&limits, &name).and_then(|tree| tree.remove()))
        });
        tried.into_iter().filter_map(|(resource, tried)| Some((resource, tried.err()?.to_string()))).collect()
    }

    /// What all trees of a group use together. Absent where nothing of it runs or is counted.
    pub fn usage(group: &str) -> Option<ResourceUsage> {
        let tree = LimitedTree::named(group, "").ok()?;
        tree.places.values().any(|place| place.directory.is_dir()).then(|| tree.usage())
    }

    fn value(&self, resource: Resource) -> Option<u64> {
        match resource {
            Resource::Memory => self.memory,
            Resource::Cpu => self.cpu_millis.map(u64::from),
            Resource::Processes => self.processes.map(u64::from),
        }
    }

    fn check(&self) -> io::Result<()> {
        let named = !self.group.is_empty() && self.group.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if named { Ok(()) } else { Err(io::Error::other(format!("{:?} is no name of a group", self.group))) }
    }
}

/// Whether the groups with the limits are those that hold processes together, because both are of version 2.
pub(crate) fn share_a_hierarchy() -> bool {
    let version = |resource: Resource| cgroup::controlled(resource.controller()).ok().flatten();
    Resource::ALL.into_iter().any(|resource| version(resource).is_some_and(|(version, _)| version == Version::V2))
}

/// The groups of one tree, one for each controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LimitedTree {
    places: BTreeMap<Resource, Place>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    version: Version,
    directory: PathBuf,
}

impl LimitedTree {
    /// The groups of this name that this machine could have.
    fn named(group: &str, name: &str) -> io::Result<Self> {
        let mut places = BTreeMap::new();
        for resource in Resource::ALL {
            if let Some((version, parent)) = cgroup::controlled(resource.controller())? {
                places.insert(resource, Place { version, directory: parent.join(group).join(name) });
            }
        }
        Ok(Self { places })
    }

    /// Makes the groups, with the limits in force.
    pub(crate) fn create(limits: &Limits, name: &str) -> io::Result<Self> {
        limits.check()?;
        let tree = Self::named(&limits.group, name)?;
        let made = Resource::ALL.into_iter().try_for_each(|resource| {
            match (tree.places.get(&resource), limits.value(resource)) {
                (Some(place), value) => place.create(resource, value),
                (None, None) => Ok(()),
                (None, Some(_)) => {
                    let controller = resource.controller();
                    Err(io::Error::other(format!(
                        "the {controller} controller of control groups is not there to be used"
                    )))
                }
            }
        });
        match made {
            Ok(()) => Ok(tree),
            Err(error) => {
                let _ = tree.remove();
                Err(error)
            }
        }
    }

    /// Whether these may be the groups of the tree of this name.
    pub(crate) fn is_of(&self, name: &str) -> bool {
        self.places.values().all(|place| cgroup::is_run(&place.directory, name))
    }

    /// Files in which a process that writes `0` to them joins.
    pub(crate) fn procs(&self) -> io::Result<Vec<File>> {
        let open = |place: &Place| File::options().write(true).open(place.directory.join("cgroup.procs"));
        self.places.values().map(open).collect()
    }

    /// What the tree has used. What the kernel does not count is absent.
    pub(crate) fn usage(&self) -> ResourceUsage {
        let mut usage = ResourceUsage::default();
        for (resource, Place { version, directory }) in &self.places {
            let number = |file: &str| fs::read_to_string(directory.join(file)).ok()?.trim().parse().ok();
            let field = |file: &str, name: &str| field(&fs::read_to_string(directory.join(file)).ok()?, name);
            match (resource, version) {
                (Resource::Memory, Version::V1) => {
                    usage.memory = number("memory.usage_in_bytes");
                    usage.memory_peak = number("memory.max_usage_in_bytes");
                    usage.oom_kills = field("memory.oom_control", "oom_kill").unwrap_or(0);
                }
                (Resource::Memory, Version::V2) => {
                    usage.memory = number("memory.current");
                    usage.memory_peak = number("memory.peak");
                    usage.oom_kills = field("memory.events", "oom_kill").unwrap_or(0);
                }
                // Counted by another controller, which most systems mount at the same place.
                (Resource::Cpu, Version::V1) => {
                    usage.cpu_micros = number("cpuacct.usage").map(|nanos: u64| nanos / 1000)
                }
                (Resource::Cpu, Version::V2) => usage.cpu_micros = field("cpu.stat", "usage_usec"),
                (Resource::Processes, _) => usage.processes = number("pids.current"),
            }
        }
        usage
    }

    /// Removes the tree's groups, which must be empty, and the group with the limits if nothing else is in it.
    pub(crate) fn remove(&self) -> io::Result<()> {
        for place in self.places.values() {
            match fs::remove_dir(&place.directory) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            if let Some(group) = place.directory.parent() {
                // Another tree of the group may be there, or may have come this very moment.
                let _ = fs::remove_dir(group);
            }
        }
        Ok(())
    }
}

impl Place {
    fn create(&self, resource: Resource, value: Option<u64>) -> io::Result<()> {
        let at = |path: &Path, error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let group = self.directory.parent().unwrap_or(&self.directory);
        // A neighbour that ends in this moment may take the group away with it: then it is made once more.
        for last in [false, true] {
            fs::create_dir_all(group).map_err(|error| at(group, error))?;
            if self.version == Version::V2 {
                cgroup::delegate(group, resource.controller())?;
            }
            let made = self.limit(group, resource, value).and_then(|()| match fs::create_dir(&self.directory) {
                // The one that holds the processes together may be the same.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                made => made,
            });
            match made {
                Err(error) if !last && error.kind() == io::ErrorKind::NotFound => {}
                made => return made.map_err(|error| at(group, error)),
            }
        }
        Ok(())
    }

    fn limit(&self, group: &Path, resource: Resource, value: Option<u64>) -> io::Result<()> {
        let Some(value) = value else { return Ok(()) };
        let set = |file: &str, value: String| put(&group.join(file), &value);
        match (resource, self.version) {
            (Resource::Memory, Version::V1) => {
                // The limit with swap must never lie below the one without.
                let with_swap = group.join("memory.memsw.limit_in_bytes");
                let limited = set("memory.limit_in_bytes", value.to_string());
                if with_swap.exists() {
                    put(&with_swap, &value.to_string())?;
                }
                limited.or_else(|_| set("memory.limit_in_bytes", value.to_string()))
            }
            (Resource::Memory, Version::V2) => {
                set("memory.max", value.to_string())?;
                match set("memory.swap.max", "0".to_owned()) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                    _ => Ok(()),
                }
            }
            (Resource::Cpu, Version::V1) => {
                set("cpu.cfs_period_us", CPU_PERIOD_MICROS.to_string())?;
                set("cpu.cfs_quota_us", (value * CPU_PERIOD_MICROS / 1000).to_string())
            }
            (Resource::Cpu, Version::V2) => {
                set("cpu.max", format!("{} {CPU_PERIOD_MICROS}", value * CPU_PERIOD_MICROS / 1000))
            }
            (Resource::Processes, _) => set("pids.max", value.to_string()),
        }
    }
}

/// A number from a file of lines `name number`.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

/// Why a tree could not be limited.
pub(crate) fn refused(error: &io::Error) -> LaunchFailure {
    let reason = match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EBUSY) => format!("{error} (the server's own control group holds processes)"),
        _ => error.to_string(),
    };
    LaunchFailure::Limits { reason }
}
