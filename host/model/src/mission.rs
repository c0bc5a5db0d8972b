//! Missions: a task for an agent, from its first message to its end.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    AttachmentId, Failure, MissionId, PluginId, Seq, Timestamp, UserId, WorkspaceId,
    ask::{ApprovalMode, WorkMode},
    event::Usage,
    harness::TurnOutcome,
    state::MissionState,
};

/// A mission as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Mission {
    /// The mission.
    pub id: MissionId,
    /// A line for a person; made from the first message unless given.
    pub title: String,
    /// Where it stands.
    pub state: MissionState,
    /// Why it failed, is parked or was interrupted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Failure>,
    /// What a parked mission waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<Parked>,
    /// The harness that drives the agent.
    pub harness: PluginId,
    /// The workspace in which it runs.
    pub workspace: WorkspaceId,
    /// The model asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How hard the model is to think.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
    /// Whether the agent asks before it does what may do harm.
    #[serde(default)]
    pub approvals: ApprovalMode,
    /// What it is to do with what it is asked.
    #[serde(default)]
    pub mode: WorkMode,
    /// Things that the agent asked and that wait for an answer.
    #[serde(default)]
    pub open_asks: u32,
    /// Settings for the harness.
    #[schema(value_type = Object)]
    pub settings: serde_json::Value,
    /// Whether it ends with its first turn.
    pub one_shot: bool,
    /// Whether it works in a worktree of its own of the workspace's repository, `missions/ID` on the branch `sandboxed/ID`.
    #[serde(default)]
    pub worktree: bool,
    /// Who made it.
    pub owner: UserId,
    /// Turns begun so far.
    pub turns: u32,
    /// How the last turn ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_outcome: Option<TurnOutcome>,
    /// Messages that wait in its queue.
    pub queued_messages: u32,
    /// What it used so far.
    pub usage: Usage,
    /// Place of its last event.
    pub last_seq: Seq,
    /// A turn is under way and its process has printed nothing for the configured time.
    pub stalled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When anything of it last changed.
    pub updated_at: Timestamp,
    /// When its process last printed something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_output_at: Option<Timestamp>,
    /// A number that grows with each change of any mission on this server.
    pub revision: u64,
}

/// What a parked mission waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Parked {
    /// What came to its end.
    pub reason: ParkedReason,
    /// When it goes on by itself, at the earliest. Absent: not before somebody mends the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// What came to its end, so that a mission was parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParkedReason {
    /// What the accounts of the model may use within a time.
    UsageLimit,
    /// The money of a budget.
    Budget,
}

/// What is needed to make a mission.
#[derive(Debug, Clone, PartialEq)]
pub struct NewMission {
    /// Its id, where whoever makes it has one for it already; absent makes one.
    pub id: Option<MissionId>,
    /// The first message.
    pub prompt: String,
    /// The files that come with it.
    pub attachments: Vec<AttachmentId>,
    /// A title; absent makes one from the prompt.
    pub title: Option<String>,
    /// The harness; absent takes the configured default.
    pub harness: Option<PluginId>,
    /// The workspace; absent makes one of its own with the default backend.
    pub workspace: Option<WorkspaceId>,
    /// The model.
    pub model: Option<String>,
    /// How hard it is to think.
    pub effort: Option<String>,
    /// Whether the agent asks; absent takes the configured default.
    pub approvals: Option<ApprovalMode>,
    /// What it is to do.
    pub mode: WorkMode,
    /// Settings for the harness: a JSON object.
    pub settings: serde_json::Value,
    /// Whether it ends with its first turn.
    pub one_shot: bool,
    /// Whether it works in a worktree of its own.
    pub worktree: bool,
}

/// What a person changes of a mission, from its next turn on. What is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MissionEdit {
    /// Another title.
    pub title: Option<String>,
    /// Another model; `Some(None)` leaves it to the harness.
    pub model: Option<Option<String>>,
    /// Another effort; `Some(None)` leaves it to the harness.
    pub effort: Option<Option<String>>,
    /// Whether the agent asks.
    pub approvals: Option<ApprovalMode>,
    /// What it is to do.
    pub mode: Option<WorkMode>,
}

/// Which missions a list holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MissionFilter {
    /// Only these states; empty means all.
    pub states: Vec<MissionState>,
    /// Only this workspace.
    pub workspace: Option<WorkspaceId>,
    /// Only missions whose title or events hold these words.
    pub search: Option<String>,
}

impl Mission {
    /// The longest title, in characters.
    pub const MAX_TITLE_CHARS: usize = 120;

    /// The title that a prompt gives: its first line with any text, cut at a word.
    pub fn title_from(prompt: &str) -> String {
        let line = prompt.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("Untitled");
        let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if line.chars().count() <= Self::MAX_TITLE_CHARS {
            return line;
        }
        let cut: String = line.chars().take(Self::MAX_TITLE_CHARS - 1).collect();
        let cut = cut.rsplit_once(' ').map_or(cut.as_str(), |(words, _)| words);
        format!("{}…", cut.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_the_first_line_with_text() {
        assert_eq!(Mission::title_from("\n\n  fix the build \nplease"), "fix the build");
        assert_eq!(Mission::title_from(" \n"), "Untitled");
    }

    #[test]
    fn a_long_title_is_cut_at_a_word() {
        let title = Mission::title_from(&"word ".repeat(100));
        assert!(title.chars().count() <= Mission::MAX_TITLE_CHARS);
        assert!(title.ends_with("word…"), "{title}");
    }

    #[test]
    fn a_title_holds_no_control_characters() {
        assert_eq!(Mission::title_from("a\u{1b}[31mb"), "a [31mb");
    }
}
