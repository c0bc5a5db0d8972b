//! What a mission can set of Claude Code.

use sandboxed_sdk::{Failure, failure};
use serde::Deserialize;

/// What `start.settings` may hold.
pub(crate) const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "append_system_prompt": {
      "description": "Text at the end of Claude Code's own instructions. It counts from the mission's first turn on.",
      "type": "string",
      "minLength": 1
    },
    "max_turns": {
      "description": "Answers of the model in one turn of the mission, at most.",
      "type": "integer",
      "minimum": 1
    },
    "max_budget_usd": {
      "description": "US dollars that one turn may cost, by Claude Code's own price list.",
      "type": "number",
      "exclusiveMinimum": 0
    },
    "allowed_tools": {
      "description": "Tools that need no approval: \"Read\", \"Bash(git status:*)\".",
      "type": "array",
      "items": { "type": "string", "pattern": "^[A-Za-z_]" }
    },
    "disallowed_tools": {
      "description": "Tools that the agent does not have: \"WebSearch\", \"Bash(curl:*)\".",
      "type": "array",
      "items": { "type": "string", "pattern": "^[A-Za-z_]" }
    },
    "fallback_model": {
      "description": "The model that is asked while the chosen one has too much to do.",
      "type": "string",
      "minLength": 1
    },
    "max_retries": {
      "description": "Times that a request to the model is repeated before the turn fails; otherwise it is 10.",
      "type": "integer",
      "minimum": 0,
      "maximum": 100
    }
  }
}"#;

/// The mission's settings.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) append_system_prompt: Option<String>,
    pub(crate) max_turns: Option<u32>,
    pub(crate) max_budget_usd: Option<f64>,
    pub(crate) allowed_tools: Vec<String>,
    pub(crate) disallowed_tools: Vec<String>,
    pub(crate) fallback_model: Option<String>,
    pub(crate) max_retries: Option<u32>,
}

impl Settings {
    /// Reads `start.settings`.
    pub(crate) fn read(settings: &str) -> Result<Self, Failure> {
        serde_json::from_str(settings)
            .map_err(|error| failure!(Config, "claude_code.settings_invalid", "the settings do not fit: {error}"))
    }
}
