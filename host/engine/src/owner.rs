//! Whose an object of the engine is.

use std::{collections::HashMap, fmt, str::FromStr};

use sandboxed_model::WorkspaceId;

/// The label that holds the server's id.
pub const OWNER_LABEL: &str = "sh.sandboxed.owner";

/// The label that holds the workspace's id.
pub const WORKSPACE_LABEL: &str = "sh.sandboxed.workspace";

/// The id of a server: 1 to 64 of `a-z`, `A-Z`, `0-9`, `-`, `_` and `.`, starting with a letter or digit. Two servers on
/// one engine tell their objects apart by it, so it must outlive restarts and differ between servers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner(String);

/// A text that cannot be a server's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a server's id is 1 to 64 of a-z, A-Z, 0-9, -, _ and ., starting with a letter or digit")]
pub struct InvalidOwner;

impl Owner {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The labels of an object of this server.
    pub(crate) fn labels(&self, workspace: Option<WorkspaceId>) -> HashMap<String, String> {
        let workspace = workspace.map(|id| (WORKSPACE_LABEL.to_owned(), id.to_string()));
        std::iter::once((OWNER_LABEL.to_owned(), self.0.clone())).chain(workspace).collect()
    }

    /// Whether the labels are those of an object of this server.
    pub(crate) fn owns(&self, labels: Option<&HashMap<String, String>>) -> bool {
        labels.and_then(|labels| labels.get(OWNER_LABEL)).is_some_and(|owner| *owner == self.0)
    }
}

impl FromStr for Owner {
    type Err = InvalidOwner;

    fn from_str(text: &str) -> Result<Self, InvalidOwner> {
        let valid = text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidOwner) }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
