//! Snapshots: how workspaces stood at one moment.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{SnapshotId, Timestamp, UserId, workspace::Workspace};

/// How a workspace stood at one moment: its files, its agents' home and its root file system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Snapshot {
    /// The snapshot.
    pub id: SnapshotId,
    /// What it is for, in the words of whoever made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The workspace as it was.
    pub workspace: Workspace,
    /// Who made it.
    pub owner: UserId,
    /// When it was made.
    pub created_at: Timestamp,
}
