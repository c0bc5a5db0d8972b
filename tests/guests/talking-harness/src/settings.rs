//! What a mission says of its launch.

use std::collections::BTreeMap;

use serde::Deserialize;

/// JSON Schema of [`Settings`].
pub(crate) const SCHEMA: &str = r#"{
    "type": "object",
    "additionalProperties": false,
    "properties": {
        "quiet": { "type": "boolean" },
        "start_within_ms": { "type": "integer", "minimum": 1, "maximum": 600000 },
        "home": { "type": "object", "additionalProperties": { "type": "string" } },
        "skills": { "type": "string" }
    }
}"#;

/// How the agent is started.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Nothing is printed before what the script prints.
    pub(crate) quiet: bool,
    /// Within how many milliseconds something has to be printed.
    pub(crate) start_within_ms: Option<u32>,
    /// Files of the mission's home: their paths and texts.
    pub(crate) home: BTreeMap<String, String>,
    /// Where in the mission's home the agent looks for skills.
    pub(crate) skills: Option<String>,
}
