//! What passes between the host and a backend plugin: the Rust face of `sandboxed:backend/lifecycle`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Failure, WorkspaceId, command::Command};

/// What workspaces of a backend are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BackendAbout {
    /// Processes can get a terminal.
    pub tty: bool,
    /// A workspace cannot see or touch the server's files besides its own.
    pub isolates_files: bool,
    /// A workspace cannot see or signal the server's processes.
    pub isolates_processes: bool,
    /// A workspace's network is its own.
    pub isolates_network: bool,
    /// One sentence on what a workspace is and is not protected from.
    pub isolation: String,
}

/// One thing that a backend needs on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Requirement {
    /// What is needed.
    pub name: String,
    /// Why it is not there; absent when it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Failure>,
}

/// A workspace as the server wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendSpec {
    /// The workspace.
    pub id: WorkspaceId,
    /// Absolute host path of the workspace's files.
    pub tree: String,
    /// Absolute host path of the files that the server leaves for runs.
    pub inbox: String,
    /// The workspace's options for this backend: a JSON object.
    pub options: String,
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
    /// A sentence for a person.
    pub detail: String,
}

/// How the host starts a process in a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Launch {
    /// As a child of the run's supervisor.
    Spawn(Command),
}
