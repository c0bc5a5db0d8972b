//! What is said in the protocol: the part of its version 1 that is spoken here, as its schema has it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the protocol.
pub(super) const VERSION: u16 = 1;

/// What the client can do besides what every client can. All else that it says is passed over.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct ClientAbilities {
    /// It shows remarks that are no part of the conversation.
    pub(super) notices: bool,
    /// It shows forms.
    pub(super) forms: bool,
}

impl ClientAbilities {
    /// From the parameters of `initialize`.
    pub(super) fn of(params: &Value) -> Self {
        let has = |path: &str| params.pointer(path).is_some_and(Value::is_object);
        Self { notices: has("/clientCapabilities/session/notices"), forms: has("/clientCapabilities/elicitation/form") }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewSession {
    pub(super) cwd: PathBuf,
    #[serde(default)]
    pub(super) mcp_servers: Option<Vec<Value>>,
}

/// `session/load` and `session/resume`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OpenSession {
    pub(super) session_id: String,
    pub(super) cwd: PathBuf,
    #[serde(default)]
    pub(super) mcp_servers: Option<Vec<Value>>,
}

/// What only names a session.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OneSession {
    pub(super) session_id: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct ListSessions {
    pub(super) cwd: Option<PathBuf>,
    pub(super) cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Prompt {
    pub(super) session_id: String,
    pub(super) prompt: Vec<Block>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SetMode {
    pub(super) session_id: String,
    pub(super) mode_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SetOption {
    pub(super) session_id: String,
    pub(super) config_id: String,
    pub(super) value: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CancelRequest {
    pub(super) request_id: Value,
}

/// A piece of a prompt.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block {
    Text {
        text: String,
    },
    ResourceLink {
        name: String,
        uri: String,
    },
    Resource {
        resource: Resource,
    },
    Image {},
    Audio {},
    #[serde(other)]
    Other,
}

/// A file that comes with a prompt.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Resource {
    pub(super) uri: String,
    /// Absent where it is no text.
    pub(super) text: Option<String>,
}

/// What happened in a session.
#[derive(Debug, Serialize)]
#[serde(tag = "sessionUpdate", rename_all = "snake_case", rename_all_fields = "camelCase")]
#[allow(clippy::enum_variant_names, reason = "the words are the protocol's")]
pub(super) enum Update {
    UserMessageChunk(Chunk),
    AgentMessageChunk(Chunk),
    AgentThoughtChunk(Chunk),
    ToolCall(ToolCall),
    ToolCallUpdate(ToolCall),
    Plan { entries: Vec<PlanEntry> },
    CurrentModeUpdate { current_mode_id: &'static str },
    ConfigOptionUpdate { config_options: Vec<Value> },
    SessionInfoUpdate { title: String, updated_at: String },
    UsageUpdate(Usage),
    Notice { severity: &'static str, title: String },
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Chunk {
    pub(super) content: Block,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message_id: Option<String>,
    /// The tool call within which it is said.
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub(super) parent: Option<Parent>,
}

/// The tool call to which something belongs, which the protocol has no place for.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Parent {
    #[serde(rename = "sandboxed.sh/parentToolCallId")]
    pub(super) id: String,
}

impl Parent {
    pub(super) fn of(id: &Option<String>) -> Option<Self> {
        id.clone().map(|id| Self { id })
    }
}

/// A tool call as a whole, or what changed of it: what is absent stays.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolCall {
    pub(super) tool_call_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<Vec<Content>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) locations: Option<Vec<Location>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) raw_input: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) raw_output: Option<Value>,
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub(super) parent: Option<Parent>,
}

/// Something that a tool call made.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub(super) enum Content {
    Content { content: Block },
    Diff { path: String, old_text: Option<String>, new_text: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Location {
    pub(super) path: String,
}

#[derive(Debug, Serialize)]
pub(super) struct PlanEntry {
    pub(super) content: String,
    pub(super) priority: &'static str,
    pub(super) status: &'static str,
}

/// What the last request to a model held, and what the session cost.
#[derive(Debug, Serialize)]
pub(super) struct Usage {
    pub(super) used: u64,
    pub(super) size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cost: Option<Cost>,
}

#[derive(Debug, Serialize)]
pub(super) struct Cost {
    pub(super) amount: f64,
    pub(super) currency: &'static str,
}

/// Why a turn is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StopReason {
    EndTurn,
    MaxTokens,
    MaxTurnRequests,
    Cancelled,
}
