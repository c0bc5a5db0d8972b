//! The event log of a mission.
//!
//! Events are append-only. A thing that lives over time (a message, a tool call) is told by several events that
//! carry its id: the first makes it, later ones replace what they name and append where they say so.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Failure, MessageId, MissionId, RunId, Seq, Timestamp,
    ask::{Approval, Question},
    attachment::MessageAttachment,
    command::{Exit, OutputStream, ResourceUsage},
    harness::TurnOutcome,
    port::PortNumber,
    state::MissionState,
};

/// One entry of a mission's log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// The mission.
    pub mission: MissionId,
    /// Its place in the mission's log: 1, 2, 3 … without a gap.
    pub seq: Seq,
    /// When the server wrote it.
    pub at: Timestamp,
    /// The turn it belongs to; 0 before the first.
    pub turn: u32,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", content = "body", rename_all = "snake_case")]
pub enum EventBody {
    /// The mission went from one state to another.
    State(StateChange),
    /// A turn began.
    TurnStarted(TurnStarted),
    /// A turn ended.
    TurnEnded(TurnEnded),
    /// A process was started for the mission.
    RunStarted(RunStarted),
    /// A process of the mission ended.
    RunEnded(RunEnded),
    /// The agent's own id of its session.
    Session(Session),
    /// Text is appended to a message.
    Message(Message),
    /// Text is appended to a thought.
    Thought(Thought),
    /// A tool call begins or changes.
    ToolCall(ToolCall),
    /// Text is appended to the output of a tool call.
    ToolOutput(ToolOutput),
    /// The agent wants to do something; a later one of the same id says what was decided.
    Approval(Approval),
    /// The agent wants to know something; a later one of the same id says what was answered.
    Question(Question),
    /// The agent's plan, as a whole.
    Plan(Plan),
    /// Tokens and money that were used.
    Usage(Usage),
    /// A file of the workspace was changed by the turn.
    FileChange(FileChange),
    /// A remark.
    Notice(Notice),
    /// The agent repeats something that failed.
    Retry(Retry),
    /// The way out of the workspace was asked for.
    Connections(Connections),
    /// Something began to listen on ports of the workspace.
    Ports(PortsOpened),
    /// Something went wrong.
    Error(Failure),
    /// Something that the harness does not know.
    Other(Other),
}

impl EventBody {
    /// The kind's name in JSON and SQL.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::State(_) => "state",
            Self::TurnStarted(_) => "turn_started",
            Self::TurnEnded(_) => "turn_ended",
            Self::RunStarted(_) => "run_started",
            Self::RunEnded(_) => "run_ended",
            Self::Session(_) => "session",
            Self::Message(_) => "message",
            Self::Thought(_) => "thought",
            Self::ToolCall(_) => "tool_call",
            Self::ToolOutput(_) => "tool_output",
            Self::Approval(_) => "approval",
            Self::Question(_) => "question",
            Self::Plan(_) => "plan",
            Self::Usage(_) => "usage",
            Self::FileChange(_) => "file_change",
            Self::Notice(_) => "notice",
            Self::Retry(_) => "retry",
            Self::Connections(_) => "connections",
            Self::Ports(_) => "ports",
            Self::Error(_) => "error",
            Self::Other(_) => "other",
        }
    }

    /// The text by which a person would look for this event, if it has any.
    pub fn searchable_text(&self) -> Option<&str> {
        match self {
            Self::Message(message) => Some(&message.text),
            Self::Thought(thought) => Some(&thought.text),
            Self::ToolCall(call) => Some(&call.title),
            Self::ToolOutput(output) => Some(&output.text),
            Self::Approval(approval) => Some(&approval.title),
            Self::Question(question) => question.items.first().map(|item| item.text.as_str()),
            Self::FileChange(change) => Some(&change.path),
            Self::Notice(notice) => Some(&notice.text),
            Self::Error(failure) => Some(&failure.message),
            _ => None,
        }
    }
}

/// The mission went from one state to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StateChange {
    /// The state before; absent for the first event of a mission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<MissionState>,
    /// The state after.
    pub to: MissionState,
    /// Why, in a few words.
    pub cause: String,
}

/// A turn began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TurnStarted {
    /// The message that began it.
    pub message: MessageId,
}

/// A turn ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TurnEnded {
    /// How.
    pub outcome: TurnOutcome,
    /// Why, in one sentence.
    pub reason: String,
}

/// A process was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunStarted {
    /// The run.
    pub run: RunId,
    /// The process id on the server's machine.
    pub pid: u32,
}

/// A process ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunEnded {
    /// The run.
    pub run: RunId,
    /// How it ended.
    pub exit: Exit,
    /// What it used; the figures that are of a moment are those of the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<ResourceUsage>,
}

/// The agent's own id of its session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// The id.
    pub id: String,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageRole {
    /// A person.
    User,
    /// The agent.
    Agent,
    /// The agent's program.
    System,
}

/// Text is appended to a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// Which message; unique in its mission.
    pub id: String,
    /// Who speaks.
    pub role: MessageRole,
    /// The tool call within which it is said, a sub-agent's for instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// What is appended.
    pub text: String,
    /// The files that came with a person's message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<MessageAttachment>,
}

/// Text is appended to a thought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Thought {
    /// Which thought; unique in its mission.
    pub id: String,
    /// The tool call within which it is thought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// What is appended.
    pub text: String,
}

/// What a tool call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolKind {
    /// Runs a program.
    Execute,
    /// Reads.
    Read,
    /// Writes.
    Edit,
    /// Removes.
    Delete,
    /// Looks for something.
    Search,
    /// Gets something from a network.
    Fetch,
    /// Thinks.
    Think,
    /// Anything else.
    Other,
}

/// How far something has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolStatus {
    /// Not begun.
    Pending,
    /// Under way.
    Running,
    /// Ended well.
    Completed,
    /// Ended badly.
    Failed,
}

/// A tool call begins or changes: replaces all that was known of the call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ToolCall {
    /// Which call; unique in its mission.
    pub id: String,
    /// The call within which this one was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// What a person reads first.
    pub title: String,
    /// What it does. (`kind` is the event's own.)
    #[serde(rename = "tool_kind")]
    pub kind: ToolKind,
    /// How far it has come.
    pub status: ToolStatus,
    /// What went in.
    pub input: serde_json::Value,
    /// Exit status of a program, where one ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// What it does to files, as far as the agent says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<Edit>,
}

/// What a tool call does to one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Edit {
    /// Absolute, or relative to the workspace's tree.
    pub path: String,
    /// A unified diff, without the lines that name the file.
    pub diff: String,
}

/// Text is appended to the output of a tool call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToolOutput {
    /// Which call.
    pub id: String,
    /// Where it was printed.
    pub stream: OutputStream,
    /// What is appended.
    pub text: String,
    /// Bytes of output that were left out just before this text, because the call printed more than is kept.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub omitted_bytes: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The agent's plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Plan {
    /// The steps in order.
    pub entries: Vec<PlanEntry>,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanEntry {
    /// What is to be done.
    pub text: String,
    /// How far it has come.
    pub status: ToolStatus,
}

/// Tokens and money. Counters are increments; cached input is not in `input`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// The model that was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Input tokens that were not cached.
    pub input: u64,
    /// Output tokens.
    pub output: u64,
    /// Input tokens read from a cache.
    pub cache_read: u64,
    /// Input tokens written to a cache.
    pub cache_write: u64,
    /// Output tokens spent on reasoning, where told apart.
    pub reasoning: u64,
    /// Millionths of a US dollar; absent where unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micro_usd: Option<u64>,
    /// Who counted; absent is the harness.
    #[serde(default, skip_serializing_if = "UsageSource::is_harness")]
    pub source: UsageSource,
    /// What the agent itself said that it used in this turn, beside what the gateway counted in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported: Option<ReportedUsage>,
}

/// Who counted what was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UsageSource {
    /// The agent, as its harness understands it.
    #[default]
    Harness,
    /// The server's gateway, from the answers of the providers themselves.
    Gateway,
}

impl UsageSource {
    fn is_harness(&self) -> bool {
        *self == Self::Harness
    }
}

/// What an agent said that it used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct ReportedUsage {
    /// Input tokens that were not cached.
    pub input: u64,
    /// Output tokens.
    pub output: u64,
    /// Input tokens read from a cache.
    pub cache_read: u64,
    /// Input tokens written to a cache.
    pub cache_write: u64,
    /// Output tokens spent on reasoning, where told apart.
    pub reasoning: u64,
    /// Millionths of a US dollar; absent where it said nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micro_usd: Option<u64>,
}

impl ReportedUsage {
    /// These and those of one more report.
    #[must_use]
    pub fn and(self, usage: &Usage) -> Self {
        let cost = match (self.cost_micro_usd, usage.cost_micro_usd) {
            (Some(one), Some(other)) => Some(one.saturating_add(other)),
            (one, other) => one.or(other),
        };
        Self {
            input: self.input.saturating_add(usage.input),
            output: self.output.saturating_add(usage.output),
            cache_read: self.cache_read.saturating_add(usage.cache_read),
            cache_write: self.cache_write.saturating_add(usage.cache_write),
            reasoning: self.reasoning.saturating_add(usage.reasoning),
            cost_micro_usd: cost,
        }
    }
}

/// How a file was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It was not there before.
    Created,
    /// It was there and differs.
    Modified,
    /// It is gone.
    Deleted,
}

/// A file of the workspace was changed by the turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileChange {
    /// Relative to the workspace's tree.
    pub path: String,
    /// How it was changed.
    pub change: ChangeKind,
    /// Bytes after the change; 0 for a deleted file.
    pub size: u64,
    /// Lines added, where counted (a text file in a repository).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added_lines: Option<u64>,
    /// Lines removed, where counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_lines: Option<u64>,
    /// Unified diff, where there is one and it is small enough to keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
}

/// How much a remark matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoticeLevel {
    /// Good to know.
    Info,
    /// Worth a look.
    Warning,
    /// Something did not work.
    Error,
}

/// A remark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notice {
    /// How much it matters.
    pub level: NoticeLevel,
    /// Stable, dotted: programs may match on it.
    pub code: String,
    /// One sentence.
    pub text: String,
}

/// The agent repeats something that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Retry {
    /// 1 for the first repeat.
    pub attempt: u32,
    /// Milliseconds until it is made.
    pub delay_ms: u32,
    /// What failed.
    pub reason: String,
}

/// Connections out of the workspace to one target, all with the same fate. Told when they were refused, or when they
/// ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Connections {
    /// The name or address that was asked for.
    pub host: String,
    /// The port that was asked for.
    pub port: u16,
    /// Whether they were let out.
    pub allowed: bool,
    /// Why, as a stable word: `rule`, `open`, `not_listed`, `private_address`, `upstream_down` and others.
    pub reason: String,
    /// How many.
    pub count: u32,
    /// Bytes that went out.
    pub bytes_up: u64,
    /// Bytes that came in.
    pub bytes_down: u64,
}

/// Something began to listen on ports of the workspace: the mission itself, or others that share the workspace with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PortsOpened {
    /// The first of them.
    pub opened: Vec<OpenedPort>,
    /// How many there were besides.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: u64,
}

/// A port on which something began to listen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenedPort {
    /// Its number.
    pub port: PortNumber,
    /// The name of the process that listens, where it can be told. It is whatever the process calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
}

/// Something that the harness does not know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Other {
    /// The agent's name for it.
    pub name: String,
    /// What the agent said.
    pub value: serde_json::Value,
}
