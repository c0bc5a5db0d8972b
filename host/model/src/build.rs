//! Builds: what is done to make a workspace, step by step.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{BuildId, Failure, RunId, Timestamp, UserId, WorkspaceId, command::Exit};

/// How a build stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BuildState {
    /// Other builds come first.
    Queued,
    /// A step is under way.
    Running,
    /// All steps are done.
    Done,
    /// A step failed, or the server was lost in it.
    Failed,
    /// A person ended it.
    Cancelled,
}

impl BuildState {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more happens in it.
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// How a step of a build stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Its turn has not come.
    Queued,
    /// It is under way.
    Running,
    /// It was run and succeeded.
    Done,
    /// Its result was there already: kept from another workspace, or made in this one by an earlier build.
    Cached,
    /// It failed, or the server was lost in it.
    Failed,
    /// A person ended the build in it or before it.
    Cancelled,
    /// It did not end within its time.
    TimedOut,
}

impl StepState {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Cached => "cached",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed_out",
        }
    }

    /// Whether its result is there.
    pub const fn is_made(self) -> bool {
        matches!(self, Self::Done | Self::Cached)
    }

    /// Whether nothing more happens in it.
    pub const fn has_ended(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// A step of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BuildStep {
    /// What it does.
    pub title: String,
    /// A hash over everything that its result depends on, the steps before it included. Equal keys are equal results.
    pub key: String,
    /// How it stands.
    pub state: StepState,
    /// Milliseconds that it may take.
    pub timeout_ms: u64,
    /// The build that makes the same and whose result it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<BuildId>,
    /// The run that does it; absent before it begins and where there was nothing to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// How its process ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
    /// Bytes that it printed, kept or not; known once it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<u64>,
}

/// A build as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Build {
    /// The build.
    pub id: BuildId,
    /// The workspace that it makes.
    pub workspace: WorkspaceId,
    /// How it stands.
    pub state: BuildState,
    /// Why it failed or was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Failure>,
    /// Whether it works on what is in the workspace already. Else the workspace begins empty, and results of steps are taken
    /// from other workspaces and kept for them.
    pub in_place: bool,
    /// Its steps, in their order. They are numbered from 1.
    pub steps: Vec<BuildStep>,
    /// Who asked for it.
    pub owner: UserId,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}
