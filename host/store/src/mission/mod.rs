//! Missions: rows that are projections of their events, and the one way to change them.

mod change;
mod create;
mod list;
mod row;

use rusqlite::{Connection, OptionalExtension as _};
use sandboxed_model::{
    MissionId, PluginId, UserId, WorkspaceId,
    ask::{ApprovalMode, WorkMode},
    event::Event,
    harness::Action,
    mission::Mission,
};

use crate::{
    action::ActionId,
    error::{Error, Result},
    statement::prepare,
};
pub use change::MissionChange;
pub use list::MAX_CHANGED;

/// A mission to be made. Its state, counters and times are the store's.
#[derive(Debug, Clone, PartialEq)]
pub struct NewMissionRow {
    /// The mission.
    pub id: MissionId,
    /// A line for a person.
    pub title: String,
    /// The harness that drives the agent.
    pub harness: PluginId,
    /// The workspace in which it runs. It must be there.
    pub workspace: WorkspaceId,
    /// The model asked for.
    pub model: Option<String>,
    /// How hard it is to think.
    pub effort: Option<String>,
    /// Whether the agent asks.
    pub approvals: ApprovalMode,
    /// What it is to do.
    pub mode: WorkMode,
    /// Settings for the harness: a JSON object.
    pub settings: serde_json::Value,
    /// Whether it ends with its first turn.
    pub one_shot: bool,
    /// Whether it works in a worktree of its own.
    pub worktree: bool,
    /// Who makes it.
    pub owner: UserId,
    /// Why it is queued, for its first event.
    pub cause: String,
}

/// What a commit made of a mission.
#[derive(Debug, Clone, PartialEq)]
pub struct Committed {
    /// The mission after it.
    pub mission: Mission,
    /// The events with their places and times.
    pub events: Vec<Event>,
    /// The planned actions with their ids, in order.
    pub actions: Vec<(ActionId, Action)>,
}

/// The key of a mission.
pub(crate) fn key(conn: &Connection, mission: MissionId) -> Result<i64> {
    prepare(conn, "SELECT key FROM missions WHERE id = ?1")?
        .query_row([mission.to_string()], |row| row.get(0))
        .optional()?
        .ok_or_else(|| Error::not_found("mission", mission))
}

/// The error of a query for one mission.
pub(crate) fn missing(error: rusqlite::Error, mission: MissionId) -> Error {
    match error {
        rusqlite::Error::QueryReturnedNoRows => Error::not_found("mission", mission),
        other => other.into(),
    }
}
