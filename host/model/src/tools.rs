//! What passes between the host and a tools plugin: the Rust face of `sandboxed:tools/handler`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{MissionId, WorkspaceId};

/// A tool that a plugin offers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Tool {
    /// Unique within the plugin.
    pub name: String,
    /// For the model that chooses a tool.
    pub description: String,
    /// JSON Schema of the arguments.
    #[schema(value_type = Object)]
    pub input_schema: serde_json::Value,
    /// It changes nothing.
    pub read_only: bool,
    /// It may destroy something.
    pub destructive: bool,
}

/// One part of a tool's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum ToolContent {
    /// Plain text.
    Text(String),
    /// Structured data.
    Json(serde_json::Value),
}

/// A tool's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ToolReply {
    /// The parts in order.
    pub content: Vec<ToolContent>,
    /// The tool ran and could not do what was asked.
    pub is_error: bool,
}

/// On whose behalf a tool is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToolCaller {
    /// The workspace that the call acts on.
    pub workspace: WorkspaceId,
    /// The mission that calls; absent for a person.
    pub mission: Option<MissionId>,
}
