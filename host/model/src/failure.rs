//! How anything that can go wrong is told: the Rust face of `sandboxed:types/failures`.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::PluginId;

/// Who has to act for the call to succeed next time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// A plugin broke its contract, trapped or returned nonsense.
    Plugin,
    /// The server itself is at fault.
    Host,
    /// The operator's configuration is wrong or incomplete.
    Config,
    /// The right to do this was not granted.
    Denied,
    /// Something outside is missing or down.
    Unavailable,
    /// The work did not end within its time.
    Deadline,
}

/// One thing that went wrong, told so that a person can mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// Who has to act.
    pub blame: Blame,
    /// Stable, dotted, lower case: `plugin.trap`, `run.denied`. Programs may match on it.
    pub code: String,
    /// One sentence for a person. Never holds a secret.
    pub message: String,
    /// The configuration line or command that mends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Milliseconds after which a repeat may succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u32>,
    /// The plugin in which it happened. Set by the host and never by a plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<PluginId>,
}

impl Failure {
    /// A failure without hint, retry time or plugin.
    pub fn new(blame: Blame, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { blame, code: code.into(), message: message.into(), hint: None, retry_after_ms: None, plugin: None }
    }

    /// The same with the line or command that mends it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with the plugin in which it happened.
    #[must_use]
    pub fn in_plugin(mut self, plugin: PluginId) -> Self {
        self.plugin = Some(plugin);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(plugin) = &self.plugin {
            write!(f, "plugin {plugin}: ")?;
        }
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for Failure {}
