//! What the server itself holds every process of a workspace to, whichever backend starts it: a user, a place for its
//! directories, and a network.

use std::{
    collections::BTreeMap,
    io,
    net::Ipv4Addr,
    ops::RangeInclusive,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use nix::unistd::Uid;
use sandboxed_exec::{Guard, Limits, PROXY_PORT, Resource, Stage, StageMount};
use sandboxed_model::{
    Blame, Failure,
    backend::{BackendSpec, Terms},
    config::{LimitsConfig, UserRange, WorkspacesConfig},
    workspace::{NetworkMode, Workspace, WorkspaceLimits},
};
use sandboxed_rootfs::Users;
use sandboxed_store::UserPool;

use crate::{etc::Etc, paths::Paths, storage::Part};

/// Where a privileged server mounts a workspace's directories, each process seeing its own workspace's. The directory
/// itself stays empty.
const STAGE: &str = "/run/sandboxed-sh/workspace";
/// How many users a system has, and which of them works in it. See `sandboxed:backend/lifecycle.abilities.user-range`.
const RANGE: u32 = 65_536;
pub(crate) const RANGE_USER: u32 = 1_000;
/// User ids that a container has which maps 65,536 of them, for when the configured ones do not exist there.
const CONTAINER_USERS: UserRange = UserRange { first: 30_000, count: 10_000 };

/// What the server may do about isolation on this machine.
#[derive(Debug, Clone)]
pub(crate) struct Isolation {
    /// Present: the server may give users and mount.
    privileged: Option<Privileged>,
    /// Whom the server runs as.
    own_user: u32,
    etc: Arc<Etc>,
    /// What cannot be limited here, and why.
    unlimited: BTreeMap<Resource, String>,
}

#[derive(Debug, Clone)]
struct Privileged {
    stage: PathBuf,
    users: RangeInclusive<u32>,
    /// Absent: this machine has not so many users.
    ranges: Option<RangeInclusive<u32>>,
}

impl Isolation {
    /// Looks at what this process may do, and makes the stage. Blocks.
    pub(crate) fn detect(config: &WorkspacesConfig, paths: &Paths) -> Result<Self, Failure> {
        let WorkspacesConfig { users: configured, user_ranges, .. } = config;
        let own_user = Uid::effective().as_raw();
        let unlimited = Limits::unavailable();
        let etc = Arc::new(Etc::open("/etc".into(), paths.etc(), config.etc.clone())?);
        if !Guard::is_privileged() {
            return Ok(Self { privileged: None, own_user, etc, unlimited });
        }
        let stage = PathBuf::from(STAGE);
        std::fs::DirBuilder::new().recursive(true).mode(0o755).create(&stage).map_err(|error| {
            Failure::new(Blame::Host, "isolation.stage", format!("{STAGE} cannot be made: {error}"))
                .with_hint(format!("make {STAGE} a directory of root, with mode 0755"))
        })?;
        let users = [*configured, CONTAINER_USERS].into_iter().find_map(exists).ok_or_else(|| {
            let UserRange { first, count } = *configured;
            let message = format!("this machine has no user ids from {first} on, {count} of them");
            Failure::new(Blame::Config, "isolation.users", message)
                .with_hint("set workspaces.users to a range that /proc/self/uid_map has")
        })?;
        let ranges = exists(*user_ranges);
        Ok(Self { privileged: Some(Privileged { stage, users, ranges }), own_user, etc, unlimited })
    }

    /// Where a privileged server mounts directories for the processes that it starts.
    pub(crate) fn stage(&self) -> Option<&Path> {
        self.privileged.as_ref().map(|privileged| privileged.stage.as_path())
    }

    /// What cannot be limited here, and why.
    pub(crate) fn unlimited(&self) -> &BTreeMap<Resource, String> {
        &self.unlimited
    }

    /// What a workspace is limited to that asks for `asked`. A default that cannot be had here is left out.
    ///
    /// # Errors
    /// When what is asked for cannot be had here.
    pub(crate) fn limits(&self, asked: WorkspaceLimits, defaults: &LimitsConfig) -> Result<WorkspaceLimits, Failure> {
        let mut limits = defaults.fill(asked);
        for (resource, reason) in &self.unlimited {
            let (asked, name) = match resource {
                Resource::Memory => (asked.memory.is_some(), "memory"),
                Resource::Cpu => (asked.cpu_millis.is_some(), "processors"),
                Resource::Processes => (asked.processes.is_some(), "processes"),
            };
            if asked {
                let message = format!("{name} cannot be limited here: {reason}");
                return Err(Failure::new(Blame::Unavailable, "workspace.limits_unavailable", message)
                    .with_hint("start the server as root, or delegate control groups to it (systemd: Delegate=yes)"));
            }
            match resource {
                Resource::Memory => limits.memory = None,
                Resource::Cpu => limits.cpu_millis = None,
                Resource::Processes => limits.processes = None,
            }
        }
        Ok(limits)
    }

    /// The users of which each workspace gets one. Absent: the server may not give any.
    pub(crate) fn users(&self) -> Option<UserPool> {
        let Privileged { users, .. } = self.privileged.as_ref()?;
        Some(UserPool { first: *users.start(), last: *users.end(), step: 1 })
    }

    /// The same for workspaces that have users of their own: each gets [`RANGE`] of them, and the pool holds the one of
    /// each that works.
    ///
    /// # Errors
    /// When the server may not give so many.
    pub(crate) fn ranges(&self) -> Result<UserPool, Failure> {
        let unavailable = |message: &str, hint: &str| {
            Failure::new(Blame::Unavailable, "isolation.user_ranges", message).with_hint(hint)
        };
        let privileged = self.privileged.as_ref().ok_or_else(|| {
            unavailable("only a server that is root can give a workspace users of its own", "start the server as root")
        })?;
        let ranges = privileged.ranges.as_ref().filter(|ranges| ranges.end() - ranges.start() >= RANGE - 1);
        let ranges = ranges.ok_or_else(|| {
            unavailable(
                "this machine has not the user ids of workspaces.user_ranges",
                "set it to a range of at least 65536 that /proc/self/uid_map has",
            )
        })?;
        Ok(UserPool { first: ranges.start() + RANGE_USER, last: ranges.end() - (RANGE - 1 - RANGE_USER), step: RANGE })
    }

    /// The users of the machine that are a workspace's own: all of a system, or the one that its processes run as.
    pub(crate) fn users_of(workspace: &Workspace) -> Result<Users, Failure> {
        let own = || match (&workspace.root, workspace.user?) {
            (Some(_), user) => Some(Users { first: user.checked_sub(RANGE_USER)?, count: RANGE }),
            (None, user) => Some(Users { first: user, count: 1 }),
        };
        own().ok_or_else(|| {
            Failure::new(Blame::Unavailable, "workspace.user", "the workspace has no users of its own")
                .with_hint("start the server as root, and make the workspace anew")
        })
    }

    /// What every process of the workspace is held to.
    pub(crate) fn guard(&self, workspace: &Workspace, paths: &Paths) -> Result<Guard, Failure> {
        let mut guard = Guard::default();
        // What files take is looked after elsewhere.
        let limited = WorkspaceLimits { disk: None, ..workspace.limits };
        if self.unlimited.len() < Resource::ALL.len() || limited != WorkspaceLimits::default() {
            let WorkspaceLimits { memory, cpu_millis, processes, disk: _ } = limited;
            guard.limits = Some(Limits { group: workspace.id.to_string(), memory, cpu_millis, processes });
        }
        match (&self.privileged, workspace.user) {
            (Some(Privileged { stage, .. }), Some(user)) => {
                guard.user = Some(user);
                guard.stage = Some(Stage { at: stage.clone(), mounts: self.mounts(workspace, paths) });
            }
            // What it did as another user would not be its own any more.
            (None, Some(user)) => {
                let message = format!("the workspace belongs to the user {user}, and this server may not become it");
                return Err(Failure::new(Blame::Unavailable, "workspace.user", message)
                    .with_hint("start the server as root, or make the workspace anew"));
            }
            (_, None) => {}
        }
        Ok(guard)
    }

    /// What a backend is told of a workspace.
    pub(crate) fn spec(&self, workspace: &Workspace, paths: &Paths) -> BackendSpec {
        let place = |name: &str, path: PathBuf| match (&self.privileged, workspace.user) {
            (Some(Privileged { stage, .. }), Some(_)) => stage.join(name).to_string_lossy().into_owned(),
            _ => path.to_string_lossy().into_owned(),
        };
        BackendSpec {
            id: workspace.id,
            tree: place(TREE, paths.tree(workspace.id)),
            inbox: place(INBOX, paths.inbox(workspace.id)),
            home: place(HOME, paths.home(workspace.id)),
            etc: place(ETC, self.etc.current()),
            user: workspace.user.unwrap_or(self.own_user),
            root: workspace
                .root
                .as_ref()
                .map(|_| paths.overlay(workspace.id, Part::Root).path().to_string_lossy().into_owned()),
            root_env: workspace
                .root
                .iter()
                .flat_map(|root| &root.env)
                .map(|(name, value)| (name.to_string(), value.clone()))
                .collect(),
            shared_network: workspace.network.mode == NetworkMode::Shared,
            mounts: Vec::new(),
            options: workspace.options.to_string(),
            terms: Terms { network: workspace.network.mode, limits: workspace.limits },
            asked_mounts: Vec::new(),
        }
    }
}

impl Isolation {
    /// The same as [`Isolation::spec`] and [`Isolation::guard`] for a process that sees directories below `scratch` in
    /// place of the workspace's own, and in place of its inbox, to read, the directory `shown`.
    pub(crate) fn apart(
        &self,
        workspace: &Workspace,
        paths: &Paths,
        scratch: &Path,
        shown: &Path,
    ) -> Result<(BackendSpec, Guard), Failure> {
        let (mut spec, mut guard) = (self.spec(workspace, paths), self.guard(workspace, paths)?);
        spec.root = None;
        let places = [(TREE, scratch.join(TREE)), (INBOX, shown.to_owned()), (HOME, scratch.join(HOME))];
        match &mut guard.stage {
            Some(stage) => {
                for mount in &mut stage.mounts {
                    if let Some((_, from)) = places.iter().find(|(name, _)| *name == mount.name) {
                        mount.from.clone_from(from);
                    }
                }
            }
            None => {
                let text = |path: &Path| path.to_string_lossy().into_owned();
                [spec.tree, spec.inbox, spec.home] = places.map(|(_, path)| text(&path));
            }
        }
        Ok((spec, guard))
    }
}

const TREE: &str = "tree";
const INBOX: &str = "inbox";
const HOME: &str = "home";
const ETC: &str = "etc";

impl Isolation {
    fn mounts(&self, workspace: &Workspace, paths: &Paths) -> Vec<StageMount> {
        let mount = |name: &str, from, writable| StageMount { name: name.to_owned(), from, writable, only: None };
        vec![
            mount(TREE, paths.tree(workspace.id), true),
            mount(INBOX, paths.inbox(workspace.id), false),
            mount(HOME, paths.home(workspace.id), true),
            mount(ETC, self.etc.current(), false),
        ]
    }

    /// Looks whether the machine's `/etc` has changed.
    pub(crate) async fn refresh(&self) {
        let etc = Arc::clone(&self.etc);
        // It fails only where the server stops.
        let _ = tokio::task::spawn_blocking(move || etc.refresh()).await;
    }
}

/// The variables by which programs find the way out of their network at `address`. `NO_PROXY` has at most that address
/// itself, where models are asked directly: any other address of this machine is none of the workspace's, and the proxy says
/// so.
pub(crate) fn proxy_variables(address: Ipv4Addr, models: bool) -> Vec<(&'static str, String)> {
    let http = format!("http://{address}:{PROXY_PORT}");
    let mut variables = Vec::new();
    for (upper, lower) in [("HTTP_PROXY", "http_proxy"), ("HTTPS_PROXY", "https_proxy"), ("ALL_PROXY", "all_proxy")] {
        variables.extend([(upper, http.clone()), (lower, http.clone())]);
    }
    let direct = if models { address.to_string() } else { String::new() };
    variables.extend([("NO_PROXY", direct.clone()), ("no_proxy", direct)]);
    // Node looks at the variables above only when told to (from version 22.21).
    variables.push(("NODE_USE_ENV_PROXY", "1".to_owned()));
    variables
}

/// The range, if this user namespace has all of it.
fn exists(range: UserRange) -> Option<RangeInclusive<u32>> {
    let last = range.first.checked_add(range.count.checked_sub(1)?)?;
    let map = std::fs::read_to_string("/proc/self/uid_map").ok()?;
    let mut mapped = map.lines().filter_map(|line| {
        let mut numbers = line.split_whitespace().map(|number| number.parse::<u64>().ok());
        let (Some(Some(inside)), Some(_), Some(Some(count))) = (numbers.next(), numbers.next(), numbers.next()) else {
            return None;
        };
        Some((inside, inside + count))
    });
    let covers = mapped.any(|(from, to)| from <= range.first.into() && u64::from(last) < to);
    (covers && range.first > 0).then_some(range.first..=last)
}

/// Makes a directory of the workspace: for its user alone, or where it has none for the server's.
pub(crate) fn make_directory(path: &Path, owner: Option<u32>, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    match std::fs::DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => made?,
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    std::os::unix::fs::lchown(path, owner, owner)
}
