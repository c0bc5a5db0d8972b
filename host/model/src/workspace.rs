//! Workspaces: where missions run.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{PluginId, Timestamp, UserId, WorkspaceId, backend::WorkspacePhase};

/// The name of a workspace: 1 to 64 of `a-z`, `0-9`, `-` and `_`, starting with a letter or digit. Unique on a server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[a-z0-9][a-z0-9_-]{0,63}$")]
pub struct WorkspaceName(String);

/// A text that is not a workspace name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a workspace name is 1 to 64 of a-z, 0-9, - and _, starting with a letter or digit")]
pub struct InvalidWorkspaceName;

impl WorkspaceName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WorkspaceName {
    type Err = InvalidWorkspaceName;

    fn from_str(text: &str) -> Result<Self, InvalidWorkspaceName> {
        let valid = text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_');
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidWorkspaceName) }
    }
}

impl TryFrom<String> for WorkspaceName {
    type Error = InvalidWorkspaceName;

    fn try_from(text: String) -> Result<Self, InvalidWorkspaceName> {
        text.parse()
    }
}

impl From<WorkspaceName> for String {
    fn from(name: WorkspaceName) -> Self {
        name.0
    }
}

impl fmt::Display for WorkspaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A workspace as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Workspace {
    /// The workspace.
    pub id: WorkspaceId,
    /// Its name.
    pub name: WorkspaceName,
    /// The backend that isolates it.
    pub backend: PluginId,
    /// Options for the backend.
    #[schema(value_type = Object)]
    pub options: serde_json::Value,
    /// How far it exists, as last seen.
    pub phase: WorkspacePhase,
    /// Who made it.
    pub owner: UserId,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What is needed to make a workspace.
#[derive(Debug, Clone, PartialEq)]
pub struct NewWorkspace {
    /// Its name; absent makes one.
    pub name: Option<WorkspaceName>,
    /// The backend; absent takes the configured default.
    pub backend: Option<PluginId>,
    /// Options for the backend: a JSON object.
    pub options: serde_json::Value,
}
