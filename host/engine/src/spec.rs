//! What a workspace's container is.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountBindOptions, MountType,
    RestartPolicy, RestartPolicyNameEnum,
};
use sandboxed_model::{WorkspaceId, workspace::WorkspaceLimits};
use sha2::{Digest, Sha256};

use crate::{
    Env, ImageReference, Owner,
    remote::{KEEPER_LABEL, Volume, keeper_digest, volumes},
};

/// Where a container finds the workspace's files.
pub const TREE: &str = "/workspace";

/// Where a container finds its home directory.
pub const HOME: &str = "/home/agent";

/// The label that tells which spec a container was made from.
pub(crate) const SPEC_LABEL: &str = "sh.sandboxed.spec";

/// Part of the digest: a change of what is made from the same spec must make containers anew.
const SPEC_VERSION: &str = "2";

/// Processes and threads of a container whose limits name no number. A build with a compiler on 64 processors stays
/// below it, and a fork bomb ends before the machine does.
const DEFAULT_PROCESSES: u32 = 4096;

/// The size of `/tmp` and of `/dev/shm`; what is used counts as the container's memory. Compilers and browsers fill the
/// engine's own 64 MiB.
const SCRATCH: i64 = 512 << 20;

/// Microseconds over which the processor limit is counted: the kernel's default.
const CPU_PERIOD: i64 = 100_000;

/// Where engines listen by default, on whatever machine they are.
const SOCKETS: [&str; 3] = ["/var/run/docker.sock", "/run/docker.sock", "/run/podman/podman.sock"];

/// The program that keeps a container alive, for 68 years. Every base image has it, and it needs no shell.
const STAY_ALIVE: [&str; 2] = ["sleep", "2147483647"];

/// The user that the processes of a container run as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl Default for User {
    /// 1000:1000, the first user of most images.
    fn default() -> Self {
        Self { uid: 1000, gid: 1000 }
    }
}

/// What a container reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Nothing but itself.
    None,
    /// The engine's default bridge: all that the engine's machine reaches, and that machine itself.
    Bridge,
}

/// A directory or file of the engine's machine that a container sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// Absolute, on the engine's machine; it must exist.
    pub source: PathBuf,
    /// Absolute, in the container.
    pub target: PathBuf,
    /// The container cannot change it.
    pub read_only: bool,
}

/// Where a workspace's files and its home directory are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// In directories of the engine's machine, which is this one.
    Directories {
        /// What the container finds at [`TREE`].
        tree: PathBuf,
        /// What it finds at [`HOME`].
        home: PathBuf,
    },
    /// In volumes of the engine, which may be anywhere.
    Volumes,
}

/// A workspace's container as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerSpec {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The image; it must be on the engine, see [`Engine::ensure_image`](crate::Engine::ensure_image).
    pub image: ImageReference,
    /// What it finds at [`TREE`] and [`HOME`].
    pub storage: Storage,
    /// What else it finds.
    pub binds: Vec<Bind>,
    /// What its processes may use together. Without a number of processes, 4096.
    pub limits: WorkspaceLimits,
    /// What it reaches.
    pub network: Network,
    /// Variables of each program in it. No secrets: whoever may ask the engine sees them.
    pub env: Env,
    /// The user that its processes run as.
    pub user: User,
    /// A seccomp profile in place of the engine's own, as the engine takes it: Docker the JSON text, Podman the path of a
    /// file on its machine.
    pub seccomp: Option<String>,
}

/// A seccomp profile that refuses what no build, test or editor needs and what escapes begin with: namespaces, mounts, the
/// kernel's own affairs, `io_uring`, and sockets that no network namespace holds. The profiles of engines differ with
/// their age; some let the last two through.
pub const SECCOMP: &str = include_str!("seccomp.json");

/// A container that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSpec {
    /// A path of a mount is not plain and absolute.
    #[error("{} cannot be mounted: the path must be absolute, UTF-8 and without `..`", .0.display())]
    Path(PathBuf),
    /// Two mounts have one target, or one hides a place that every container has.
    #[error("{} is mounted twice", .0.display())]
    Target(PathBuf),
    /// The engine's own socket would be the way out of every container.
    #[error("{} cannot be mounted: it holds the container engine's socket", .0.display())]
    Socket(PathBuf),
    /// A working directory is not absolute.
    #[error("the working directory {0:?} is not absolute")]
    Cwd(String),
    /// A command without a program.
    #[error("the command is empty")]
    Empty,
    /// A mark that the processes of a run could not carry.
    #[error("a run's mark is 8 to 64 of a-z, A-Z, 0-9 and -")]
    Mark,
}

impl ContainerSpec {
    fn mounts(&self, engine: Option<&Path>) -> Result<Vec<Bind>, InvalidSpec> {
        let mut targets: Vec<PathBuf> = ["/", "/tmp", "/run", "/proc", "/sys", "/dev"].map(PathBuf::from).to_vec();
        let own = match &self.storage {
            Storage::Directories { tree, home } => [(tree, TREE), (home, HOME)]
                .map(|(source, target)| Bind { source: source.clone(), target: target.into(), read_only: false })
                .to_vec(),
            Storage::Volumes => {
                targets.extend(Volume::ALL.map(|volume| volume.target().into()));
                Vec::new()
            }
        };
        let mounts: Vec<_> = own.into_iter().chain(self.binds.iter().cloned()).collect();
        for Bind { source, target, .. } in &mounts {
            let crooked = |path: &&PathBuf| {
                let plain = path.components().all(|part| !matches!(part, std::path::Component::ParentDir));
                !(path.is_absolute() && plain && path.to_str().is_some_and(|text| !text.contains('\0')))
            };
            if let Some(path) = [source, target].into_iter().find(crooked) {
                return Err(InvalidSpec::Path(path.clone()));
            }
            let target: PathBuf = target.components().collect();
            if targets.contains(&target) {
                return Err(InvalidSpec::Target(target));
            }
            targets.push(target);
            let source: PathBuf = source.components().collect();
            let mut sockets = SOCKETS.map(Path::new).into_iter().chain(engine);
            if sockets.any(|socket| socket.starts_with(&source)) {
                return Err(InvalidSpec::Socket(source));
            }
        }
        Ok(mounts)
    }

    /// What the engine is asked for. `engine` is its socket, if it is on this machine.
    pub(crate) fn body(&self, owner: &Owner, engine: Option<&Path>) -> Result<ContainerCreateBody, InvalidSpec> {
        let text = |path: PathBuf| path.to_str().map(str::to_owned).ok_or(InvalidSpec::Path(path));
        let mounts = self
            .mounts(engine)?
            .into_iter()
            .map(|bind| {
                Ok(Mount {
                    typ: Some(MountType::BIND),
                    source: Some(text(bind.source)?),
                    target: Some(text(bind.target)?),
                    read_only: Some(bind.read_only),
                    // A file system that is mounted below it would be writable all the same.
                    bind_options: Some(MountBindOptions { non_recursive: Some(true), ..MountBindOptions::default() }),
                    ..Mount::default()
                })
            })
            .chain(volumes(self).into_iter().map(Ok))
            .collect::<Result<_, InvalidSpec>>()?;
        let memory = self.limits.memory.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
        let security = std::iter::once("no-new-privileges".to_owned())
            .chain(self.seccomp.iter().map(|profile| format!("seccomp={profile}")));
        // Where nobody answers anyway; without it the engine puts its machine's own resolvers and domains there.
        let resolver = |own: &str| matches!(self.network, Network::None).then(|| vec![own.to_owned()]);
        let host = HostConfig {
            mounts: Some(mounts),
            memory,
            // Equal to memory, or the limit doubles with swap.
            memory_swap: memory,
            // Not as a number of processors: the engine refuses more of them than its machine has.
            cpu_period: self.limits.cpu_millis.map(|_| CPU_PERIOD),
            cpu_quota: self.limits.cpu_millis.map(|millis| i64::from(millis) * CPU_PERIOD / 1000),
            pids_limit: Some(i64::from(self.limits.processes.unwrap_or(DEFAULT_PROCESSES))),
            network_mode: Some(match self.network {
                Network::None => "none".into(),
                Network::Bridge => "bridge".into(),
            }),
            dns: resolver("127.0.0.1"),
            dns_search: resolver("."),
            readonly_rootfs: Some(true),
            tmpfs: Some(HashMap::from([
                // Builds run what they have put there.
                ("/tmp".into(), format!("rw,exec,nosuid,nodev,mode=1777,size={SCRATCH}")),
                ("/run".into(), "rw,noexec,nosuid,nodev,mode=1777,size=16777216".into()),
            ])),
            shm_size: Some(SCRATCH),
            init: Some(true),
            cap_drop: Some(vec!["ALL".into()]),
            privileged: Some(false),
            security_opt: Some(security.collect()),
            log_config: Some(HostConfigLogConfig { typ: Some("none".into()), config: None }),
            ipc_mode: Some("private".into()),
            restart_policy: Some(RestartPolicy { name: Some(RestartPolicyNameEnum::NO), maximum_retry_count: None }),
            ..HostConfig::default()
        };
        let mut body = ContainerCreateBody {
            image: Some(self.image.to_string()),
            hostname: Some("sandbox".into()),
            user: Some(format!("{}:{}", self.user.uid, self.user.gid)),
            env: Some(std::iter::once(format!("HOME={HOME}")).chain(self.env.assignments()).collect()),
            entrypoint: Some(vec![STAY_ALIVE[0].into()]),
            cmd: Some(vec![STAY_ALIVE[1].into()]),
            working_dir: Some(TREE.into()),
            // An image's own would run its program every few seconds in each workspace.
            healthcheck: Some(HealthConfig { test: Some(vec!["NONE".into()]), ..HealthConfig::default() }),
            host_config: Some(host),
            ..ContainerCreateBody::default()
        };
        if self.storage == Storage::Volumes {
            body.labels = Some(HashMap::from([(KEEPER_LABEL.into(), keeper_digest())]));
        }
        let digest = digest(&body);
        let mut labels = body.labels.take().unwrap_or_default();
        labels.extend(owner.labels(Some(self.workspace)));
        labels.insert(SPEC_LABEL.into(), digest);
        body.labels = Some(labels);
        Ok(body)
    }
}

/// Tells two requests apart. By way of a JSON value, whose maps are sorted.
fn digest(body: &ContainerCreateBody) -> String {
    let canonical = serde_json::to_value(body).map(|value| value.to_string());
    let canonical = canonical.expect("a model of strings, numbers, lists and maps with text keys is JSON");
    let digest = Sha256::digest(format!("{SPEC_VERSION}\n{canonical}"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
