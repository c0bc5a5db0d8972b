//! What passes between the host and a backend plugin: the Rust face of `sandboxed:backend/lifecycle`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Failure, WorkspaceId,
    command::{Command, Value},
    recipe::Mount,
    workspace::{NetworkMode, WorkspaceLimits},
};

/// What workspaces of a backend are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BackendAbout {
    /// Processes can get a terminal.
    pub tty: bool,
    /// A workspace cannot see or touch the server's files besides its own.
    pub isolates_files: bool,
    /// A workspace cannot see or signal the server's processes.
    pub isolates_processes: bool,
    /// A workspace may have a network of its own.
    pub isolates_network: bool,
    /// Each workspace has 65,536 user ids of its own, and its user is the one numbered 1,000 among them.
    #[serde(default)]
    pub user_range: bool,
    /// An engine holds workspaces to their limits, and not the server.
    #[serde(default)]
    pub engine_limits: bool,
    /// One sentence on what a workspace is and is not protected from.
    pub isolation: String,
}

/// One thing that a backend needs on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Requirement {
    /// What is needed.
    pub name: String,
    /// Whether only some workspaces need it.
    #[serde(default)]
    pub optional: bool,
    /// Why it is not there; absent when it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Failure>,
}

/// A workspace as the server wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendSpec {
    /// The workspace.
    pub id: WorkspaceId,
    /// Where a started process finds the workspace's files.
    pub tree: String,
    /// Where it finds the files that the server leaves for runs.
    pub inbox: String,
    /// Where it finds its home directory.
    pub home: String,
    /// Where it finds what it sees of the machine's `/etc`.
    pub etc: String,
    /// The user id that it runs as.
    pub user: u32,
    /// Where its root file system is, if it has one of its own.
    pub root: Option<String>,
    /// Whether its processes share the machine's network.
    pub shared_network: bool,
    /// Variables that the root file system wants its processes to have.
    pub root_env: Vec<(String, String)>,
    /// Directories of the machine that it sees, as a started process finds them.
    pub mounts: Vec<Mount>,
    /// The workspace's options for this backend: a JSON object.
    pub options: String,
    /// What the host itself sees to. No plugin is told.
    pub terms: Terms,
    /// `mounts` as they were asked for, with the directories as they lie on the server's machine. No plugin is told.
    pub asked_mounts: Vec<Mount>,
}

/// What the host gives a workspace's container, whatever its backend asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// What it reaches.
    pub network: NetworkMode,
    /// What its processes may use together.
    pub limits: WorkspaceLimits,
}

/// How far a workspace exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WorkspacePhase {
    /// Nothing of it exists.
    Absent,
    /// Processes can enter.
    Ready,
    /// It exists and must be made ready.
    Stopped,
    /// It exists and cannot be made ready.
    Broken,
    /// A build makes it.
    Building,
    /// The build that was to make it failed.
    Failed,
}

impl WorkspacePhase {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Ready => "ready",
            Self::Stopped => "stopped",
            Self::Broken => "broken",
            Self::Building => "building",
            Self::Failed => "failed",
        }
    }
}

/// A workspace as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// How far it exists.
    pub phase: WorkspacePhase,
    /// Where the tree is found inside the sandbox.
    pub tree: String,
    /// Where the inbox is found inside the sandbox.
    pub inbox: String,
    /// Where the home directory is found inside the sandbox.
    pub home: String,
    /// A sentence for a person.
    pub detail: String,
    /// What the backend has to know to let a process enter.
    pub state: String,
}

/// The process of a workspace whose namespaces others join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leader {
    /// One of the server's own, which holds a network and nothing else.
    Server,
    /// This program, with the server's rights.
    Program(Command),
    /// The first process of the workspace's container on this engine.
    Container(String),
}

/// How the host starts a process in a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Launch {
    /// As a child of the run's supervisor.
    Spawn(Spawned),
    /// As a child of the run's supervisor that joins the leader's namespaces.
    Join(Joined),
    /// By the engine that runs the workspace's container.
    Contain(Contained),
}

/// A process in the namespaces of the workspace's leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The process.
    pub command: Command,
    /// The user and group that it has inside.
    pub user: u32,
}

/// A process in the workspace's container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contained {
    /// The engine of the container.
    pub engine: String,
    /// The process.
    pub command: Command,
}

/// What a root file system begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootPlan {
    /// Equal keys are equal contents.
    pub key: String,
    /// What it is, for a person.
    pub title: String,
}

/// How a root file system is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootSource {
    /// By this program, with the server's rights.
    Program(Command),
    /// By the server itself, from an image.
    Image(RootImage),
}

/// An image of a root file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootImage {
    /// Where it is.
    pub path: String,
    /// Which of several.
    pub name: Option<String>,
    /// Directories that there have to be in it.
    pub directories: Vec<String>,
    /// A user that there has to be in it.
    pub account: Option<RootAccount>,
}

/// A user of a root file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootAccount {
    /// Its name.
    pub name: String,
    /// Its number.
    pub id: u32,
    /// Its home.
    pub home: String,
}

/// A process on the server's machine. See `sandboxed:backend/lifecycle.spawned`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spawned {
    /// The process.
    pub command: Command,
    /// It puts the server's filter of system calls on itself.
    pub filtered: bool,
    /// Files that it may use, where the kernel can enforce it.
    pub rules: Option<PathRules>,
    /// Files that it finds open.
    pub attachments: Vec<Attachment>,
    /// It wraps the work, and signals are not for it.
    pub wrapper: bool,
}

/// Files that a process may use, beyond what their owners let it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathRules {
    /// To read and to run programs from.
    pub read: Vec<String>,
    /// To do anything with.
    pub write: Vec<String>,
}

/// A file that a program finds open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The place of the argument that becomes its descriptor's number.
    pub argument: u32,
    /// What is in it.
    pub content: AttachmentContent,
}

/// What is in an attached file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttachmentContent {
    /// The server's filter of system calls.
    Filter,
    /// Arguments that no other process shall read.
    Arguments(Vec<Value>),
    /// These bytes.
    Bytes(Vec<u8>),
}
