//! Repositories in workspaces.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::event::FileChange;

/// A repository that is wanted in a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewClone {
    /// Where it is: `https://host/path`, `ssh://user@host/path` or `user@host:path`.
    pub url: String,
    /// The directory, from the workspace's tree; `.` is the tree itself.
    pub path: String,
    /// The branch; absent is the one that the remote has checked out.
    pub branch: Option<String>,
    /// Only so many of the last commits.
    pub depth: Option<u32>,
}

/// A repository that is in a workspace now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cloned {
    /// The directory, from the workspace's tree.
    pub path: String,
    /// The branch that is checked out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The commit that is checked out; absent for a repository without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// Which of a mission's changes are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiffOf {
    /// Those of one turn.
    Turn(u32),
    /// All since the mission began, those that people made meanwhile among them.
    Total,
}

/// Changed files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Diff {
    /// The files in the order of their paths.
    pub files: Vec<FileChange>,
    /// How many more were changed than are told.
    pub left_out: u64,
}

/// A commit that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Commit {
    /// Its id.
    pub commit: String,
    /// The branch that it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
}

/// How a mission's commits are pushed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewPush {
    /// The repository; absent is the one that was cloned.
    pub url: Option<String>,
    /// The branch there; absent is `sandboxed/` and the mission's id.
    pub branch: Option<String>,
    /// Whether a branch that went another way is replaced.
    pub force: bool,
}

/// Commits that were pushed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pushed {
    /// The repository.
    pub url: String,
    /// The branch there.
    pub branch: String,
    /// The commit that it is at now.
    pub commit: String,
}
