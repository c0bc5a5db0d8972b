//! Processes that people start in workspaces: commands and shells.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    RunId, Timestamp, UserId, WorkspaceId,
    command::{Exit, Tty},
};

/// A process that was started in a workspace by a person or a program of theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Process {
    /// The process, as a run.
    pub id: RunId,
    /// Where it runs.
    pub workspace: WorkspaceId,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Where it began, relative to the workspace's tree; absent is the tree itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// Present: it has a terminal, which had this size when it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tty: Option<Tty>,
    /// Who started it.
    pub owner: UserId,
    /// When it was started.
    pub created_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
}

/// A process that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewProcess {
    /// The program and its arguments. Empty: the user's shell.
    pub command: Vec<String>,
    /// Where it begins, relative to the workspace's tree.
    pub cwd: Option<String>,
    /// Variables of the process.
    pub env: BTreeMap<String, String>,
    /// Present: it gets a terminal.
    pub tty: Option<Tty>,
    /// Whether it can be written to. One with a terminal always can.
    pub stdin: bool,
}
