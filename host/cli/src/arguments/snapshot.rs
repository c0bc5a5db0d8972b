//! `snapshots`

use clap::Subcommand;
use sandboxed_model::{SnapshotId, workspace::WorkspaceName};

use super::Listing;

#[derive(Debug, Subcommand)]
pub(crate) enum Snapshots {
    /// List snapshots, the newest first.
    List {
        /// Only those of this workspace.
        workspace: Option<String>,
        #[command(flatten)]
        listing: Listing,
    },
    /// Keep how a workspace stands. No process may run in it.
    Take {
        /// The workspace's name or id.
        workspace: String,
        /// What it is for.
        #[arg(long, value_name = "TEXT")]
        label: Option<String>,
        #[command(flatten)]
        listing: Listing,
    },
    /// Show a snapshot.
    Show {
        /// The snapshot.
        snapshot: SnapshotId,
        #[command(flatten)]
        listing: Listing,
    },
    /// Make a workspace from a snapshot.
    Fork {
        /// The snapshot.
        snapshot: SnapshotId,
        /// The new workspace's name; made up where none is given.
        name: Option<WorkspaceName>,
        #[command(flatten)]
        listing: Listing,
    },
    /// Delete a snapshot. Workspaces that were made from it stay as they are.
    Delete {
        /// The snapshot.
        snapshot: SnapshotId,
    },
}
