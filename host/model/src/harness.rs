//! What passes between the host and a harness plugin: the Rust face of `sandboxed:harness/driver`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    AttachmentId, Failure, MissionId,
    ask::{ApprovalMode, QuestionItem, WorkMode},
    command::{Command, Exit, OutputStream},
    event::{Notice, PlanEntry, Retry, ToolCall, ToolKind, Usage},
};

/// What a harness is and can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HarnessAbout {
    /// One sentence for a person who chooses a harness.
    pub summary: String,
    /// A session can be continued by another process.
    pub resume: bool,
    /// A running turn can be interrupted without losing the session.
    pub interrupt: bool,
    /// A prompt can be handed over in mid-turn.
    pub steer: bool,
    /// It reports the tokens it used.
    pub usage: bool,
    /// The model can be chosen.
    pub chooses_model: bool,
    /// It asks before it does what may do harm, where it is told to.
    pub approvals: bool,
    /// It can be kept to planning.
    pub planning: bool,
    /// It looks at images that a prompt brings along.
    pub images: bool,
    /// Models that can be asked for, best default first.
    pub models: Vec<String>,
    /// How hard the model can be told to think, least first; empty where there is no choice.
    pub efforts: Vec<String>,
    /// JSON Schema of the settings, as text.
    pub settings_schema: String,
}

/// A file that a person sent along with a prompt, as an agent finds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartAttachment {
    /// The attachment, which no plugin is told.
    pub id: AttachmentId,
    /// As the person called it.
    pub name: String,
    /// `image/png`, `text/plain`.
    pub media_type: String,
    /// Absolute path inside the sandbox.
    pub path: String,
    /// Bytes.
    pub size: u64,
}

/// How an agent reaches a server of the Model Context Protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum McpTransport {
    /// A program that the agent starts, spoken to on its standard streams.
    Program {
        /// The program.
        program: String,
        /// Its arguments.
        args: Vec<String>,
        /// Its variables.
        env: Vec<(String, String)>,
    },
    /// Streamable HTTP.
    Http {
        /// Its address.
        url: String,
        /// The variable of the agent's process that holds the bearer token.
        token_variable: Option<String>,
    },
}

/// A server of the Model Context Protocol that an agent is to use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartMcpServer {
    /// Unique in a start.
    pub name: String,
    /// How it is reached.
    pub transport: McpTransport,
}

/// The facts of one turn. They are kept with its run, as its session is opened with them again after a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The mission.
    pub mission: MissionId,
    /// 1 for the first turn.
    pub turn: u32,
    /// Absolute path of the workspace's tree inside the sandbox.
    pub tree: String,
    /// Absolute path inside the sandbox under which the launch's files will be found.
    pub inbox: String,
    /// Absolute path inside the sandbox of the mission's home directory.
    pub home: String,
    /// Absolute path inside the sandbox of what was installed for the harness.
    pub programs: Option<String>,
    /// What the person asked in this turn.
    pub prompt: String,
    /// What the person sent along.
    pub attachments: Vec<StartAttachment>,
    /// What the operator and the workspace want it to keep to.
    pub instructions: Option<String>,
    /// The servers of tools that it is to use.
    pub mcp_servers: Vec<StartMcpServer>,
    /// The model asked for.
    pub model: Option<String>,
    /// How hard it is to think.
    pub effort: Option<String>,
    /// Whether the agent asks.
    pub approvals: ApprovalMode,
    /// What it is to do.
    pub mode: WorkMode,
    /// By which models are asked.
    pub endpoints: Vec<Endpoint>,
    /// The agent's own session to continue.
    pub resume: Option<String>,
    /// The mission's settings for this harness: a JSON object.
    pub settings: String,
}

/// The API of a provider of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelApi {
    /// Anthropic's.
    Anthropic,
    /// OpenAI's.
    Openai,
    /// Google's.
    Google,
}

/// Where an agent asks models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Whose API it speaks.
    pub api: ModelApi,
    /// As the provider's own programs take it.
    pub base_url: String,
    /// The variable of the process that holds the key.
    pub key_variable: String,
}

/// How the host cuts a stream into frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// At each newline, which is kept.
    Lines,
    /// As the bytes come.
    Raw,
}

/// Where a file of a launch is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaunchPlace {
    /// Below the inbox: for this run only.
    Inbox,
    /// Below the mission's home directory.
    Home,
}

/// A file that is there when the process starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchFile {
    /// Below what.
    pub place: LaunchPlace,
    /// Relative.
    pub path: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// Whether it may be executed.
    pub executable: bool,
}

/// How the agent is started for a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchPlan {
    /// The process, as seen inside the sandbox.
    pub command: Command,
    /// Files to write before.
    pub files: Vec<LaunchFile>,
    /// How standard output is framed.
    pub stdout: Framing,
    /// How standard error is framed.
    pub stderr: Framing,
    /// Within how many milliseconds the process prints something unless it hangs.
    pub start_within_ms: Option<u32>,
    /// Where below the mission's home the agent looks for skills.
    pub skills: Option<String>,
}

/// A piece of what the process printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Where it was printed.
    pub stream: OutputStream,
    /// Position of its first byte in all that was printed on the stream.
    pub offset: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The line goes on in the next frame of this stream.
    pub partial: bool,
}

/// Bytes that were printed and are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Where they were printed.
    pub stream: OutputStream,
    /// Position of the first missing byte.
    pub offset: u64,
    /// How many are missing.
    pub length: u64,
}

/// What a session is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The turn begins.
    Prompt,
    /// The person says more in mid-turn.
    Steer {
        /// Of the message.
        id: String,
        /// What it says.
        text: String,
    },
    /// What was decided on an approval.
    Decision {
        /// The agent's own id of it.
        id: String,
        /// Whether it may be done.
        approved: bool,
        /// Why, for the agent.
        reason: Option<String>,
    },
    /// What was answered to a question.
    Answer {
        /// The agent's own id of it.
        id: String,
        /// For each item what was chosen or written; absent: nothing.
        answers: Option<Vec<Vec<String>>>,
    },
    /// What the process printed.
    Frames(Vec<Frame>),
    /// A hole in what the process printed.
    Gap(Gap),
    /// The person wants the turn to end early.
    Interrupt,
    /// The wake-up of this id is due.
    Timer(u32),
    /// The process ended and all its output was delivered.
    Exited(Exit),
}

/// Text that is appended to a message or a thought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextPiece {
    /// Which message or thought; the driver's own id.
    pub id: String,
    /// Whether it speaks for the agent program itself rather than the agent.
    pub system: bool,
    /// The tool call within which it is said.
    pub parent: Option<String>,
    /// What is appended.
    pub text: String,
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TurnOutcome {
    /// The agent did what it could and said so.
    Completed,
    /// It could not.
    Failed,
    /// A person ended it early.
    Interrupted,
}

/// Something that an agent wants to do.
#[derive(Debug, Clone, PartialEq)]
pub struct ApprovalAsked {
    /// The agent's own id of it.
    pub id: String,
    /// The tool call that waits.
    pub tool_call: Option<String>,
    /// What a person reads first.
    pub title: String,
    /// What it does.
    pub kind: ToolKind,
    /// The agent's own name of the tool.
    pub tool: String,
    /// What rules look at.
    pub subject: String,
    /// What the tool would be called with.
    pub input: serde_json::Value,
    /// Why the agent asks.
    pub reason: Option<String>,
}

/// Something that an agent wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuestionAsked {
    /// The agent's own id of it.
    pub id: String,
    /// The tool call that waits.
    pub tool_call: Option<String>,
    /// What is asked.
    pub items: Vec<QuestionItem>,
}

/// What a session says happened.
#[derive(Debug, Clone, PartialEq)]
pub enum DriverEvent {
    /// The agent's own id of its session.
    Session(String),
    /// The agent does not know the session that was to be continued.
    SessionLost,
    /// The agent wants to do something and waits.
    Approval(ApprovalAsked),
    /// The agent wants to know something and waits.
    Question(QuestionAsked),
    /// The agent waits no longer for what it asked under this id.
    Withdrawn(String),
    /// The agent has the message of this id.
    Steered(String),
    /// The agent says something.
    Message(TextPiece),
    /// The agent thinks something.
    Thought(TextPiece),
    /// A tool call begins or changes.
    ToolCall(ToolCall),
    /// A tool call printed something.
    ToolOutput {
        /// The tool call.
        id: String,
        /// Where it was printed.
        stream: OutputStream,
        /// What is appended.
        text: String,
    },
    /// The whole plan.
    Plan(Vec<PlanEntry>),
    /// What this part of the turn used.
    Usage(Usage),
    /// A remark for the person.
    Notice(Notice),
    /// The agent repeats something that failed.
    Retry(Retry),
    /// The agent reported an error; the turn may go on.
    Problem(Failure),
    /// The turn is over.
    TurnEnd {
        /// How it ended.
        outcome: TurnOutcome,
        /// Why, in one sentence.
        reason: String,
    },
    /// Anything the driver does not know.
    Other {
        /// The agent's name for it.
        name: String,
        /// A JSON value.
        json: String,
    },
}

/// What a session wants done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Bytes for standard input.
    Write(Vec<u8>),
    /// An attachment of the start, in base64, for standard input.
    WriteAttachment(u32),
    /// Close standard input.
    CloseInput,
    /// Signal every process of the run.
    Signal(i32),
    /// Send a timer input later.
    Wake {
        /// Which timer.
        id: u32,
        /// Milliseconds from now.
        after_ms: u32,
    },
}

/// What follows from one input.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StepResult {
    /// What happened, in order.
    pub events: Vec<DriverEvent>,
    /// What is to be done, in order.
    pub actions: Vec<Action>,
}
