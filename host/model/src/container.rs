//! What passes between the host and a backend plugin about containers: the Rust face of `sandboxed:host/containers`.

use std::path::PathBuf;

/// Where an image comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageSource {
    /// The registry that its name says.
    Registry(String),
    /// A tar archive of a root file system on the server's machine.
    Archive(PathBuf),
    /// An engine builds it by instructions, from no files but those of other images.
    Dockerfile {
        /// The instructions.
        text: String,
        /// Images that it may begin with or copy from; a `*` at the end of one stands for anything. Absent: all.
        bases: Option<Vec<String>>,
    },
}

/// What a workspace's container is made from, and by which engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePlan {
    /// The engine.
    pub engine: String,
    /// The image.
    pub image: ImageSource,
}

/// What a backend asks of its workspace's container. All else is the host's to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerRequest {
    /// The image; it must be on the engine.
    pub image: ImageSource,
    /// Variables of every process in it. Whoever may ask the engine sees them.
    pub env: Vec<(String, String)>,
}

/// Where a container finds the workspace's directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerPlaces {
    /// The workspace's files.
    pub tree: String,
    /// The files that the server leaves for runs.
    pub inbox: String,
    /// The home directory.
    pub home: String,
}

/// How far a workspace's container exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerPhase {
    /// There is none.
    Absent,
    /// It is there, and no process can be started in it.
    Stopped,
    /// Processes can be started in it.
    Running,
    /// Something that is not this server's has its name.
    Foreign,
}

/// What an engine is and can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineFacts {
    /// `docker` or `podman`.
    pub product: String,
    /// Its version.
    pub version: String,
    /// The version of its API that is spoken.
    pub api: String,
    /// It runs without root.
    pub rootless: bool,
    /// Which version of control groups it uses, if it tells.
    pub cgroup_version: Option<u8>,
    /// It can limit memory.
    pub limits_memory: bool,
    /// It can limit processor time.
    pub limits_cpu: bool,
    /// It can limit the number of processes.
    pub limits_processes: bool,
}
