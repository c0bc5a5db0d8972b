//! What an operator grants to a plugin in `sandboxed.toml`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which side of a workspace's files a tool may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileAccess {
    /// Look and read.
    Read,
    /// Read, write and remove.
    Write,
}

/// The rights of one plugin. The default grants nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Grants {
    /// Write to the server's log.
    pub log: bool,
    /// Keep a small state of its own.
    pub kv: bool,
    /// Report progress of long calls.
    pub progress: bool,
    /// Name these secrets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// Send HTTP requests to these `host:port`; a leading `*.` stands for one or more labels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fetch: Vec<String>,
    /// Run these programs on the server's machine, each a name on PATH or an absolute path.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub run: Vec<String>,
    /// Use these container engines, each named by the absolute path of its socket, or by its name in `[engines]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<String>,
    /// Make images of these tar archives of the server's machine: absolute paths.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub archives: Vec<String>,
    /// Use files of the caller's workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace_files: Option<FileAccess>,
    /// Run programs in the caller's workspace.
    pub workspace_run: bool,
}
