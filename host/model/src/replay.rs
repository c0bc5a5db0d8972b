//! What becomes of a mission's raw output when it is read again.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Failure, MissionId, PluginId, RunId};

/// A mission whose output was read again by its harness as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Replay {
    /// The mission.
    pub mission: MissionId,
    /// The harness that read.
    pub harness: PluginId,
    /// Its turns that had a process, in order.
    pub turns: Vec<ReplayedTurn>,
}

/// One turn, read again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReplayedTurn {
    /// The turn.
    pub turn: u32,
    /// Its process.
    pub run: RunId,
    /// What came of it.
    pub result: ReplayResult,
    /// Why it could not be read again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Failure>,
    /// What differs, at most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
}

/// What came of reading a turn again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplayResult {
    /// It says the same as the log.
    Same,
    /// It says something else.
    Different,
    /// What is needed for it is not kept any more.
    NotKept,
    /// The harness failed at it.
    Failed,
}

/// Something that the log says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    /// What it is: `message m-1`, `tool call 7`.
    pub what: String,
    /// What the log has, from shortly before the first difference; absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<String>,
    /// What is said now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived: Option<String>,
}
