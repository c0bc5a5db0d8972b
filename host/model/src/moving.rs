//! Workspaces on their way from one server to another.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    PluginId,
    workspace::{Workspace, WorkspaceName},
};

/// How an exported workspace is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub enum ExportFormat {
    /// tar, compressed with zstd.
    #[default]
    #[serde(rename = "tar.zst")]
    TarZst,
    /// tar.
    #[serde(rename = "tar")]
    Tar,
}

/// A text that is no format of an export.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the formats are tar.zst and tar")]
pub struct InvalidExportFormat;

impl ExportFormat {
    /// The name in JSON, and the end of a file's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TarZst => "tar.zst",
            Self::Tar => "tar",
        }
    }
}

impl FromStr for ExportFormat {
    type Err = InvalidExportFormat;

    fn from_str(text: &str) -> Result<Self, InvalidExportFormat> {
        [Self::TarZst, Self::Tar].into_iter().find(|format| format.as_str() == text).ok_or(InvalidExportFormat)
    }
}

/// What is said beside an exported workspace when it is taken in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportWishes {
    /// Its name; absent is the one that it had.
    pub name: Option<WorkspaceName>,
    /// Its backend; absent is the one that it had. With another one it has none of its options.
    pub backend: Option<PluginId>,
    /// Options for the backend, in place of those that it had.
    pub options: Option<serde_json::Map<String, serde_json::Value>>,
}

/// A workspace that was taken in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImportedWorkspace {
    /// The workspace as it stands here.
    pub workspace: Workspace,
    /// What it had and does not have here, in sentences for a person.
    pub warnings: Vec<String>,
}
