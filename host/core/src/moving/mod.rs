//! Workspaces that leave as one archive, and come in from one.
//!
//! An archive is `manifest.json`, then the directories `root` (where the workspace has a system of its own), `tree` and
//! `home`, then `sums.json`. The last is missing from one that was cut off.

mod export;
mod import;
mod manifest;

use sandboxed_files::Owners;
use sandboxed_model::{Failure, workspace::Workspace};

pub use self::export::WorkspaceExport;
use crate::isolation::{Isolation, RANGE_USER};

/// Whose the files of a workspace are. Inside, whoever works in it is always the same user.
fn owners(workspace: &Workspace) -> Result<Owners, Failure> {
    if workspace.root.is_none() {
        return Ok(Owners::One { user: workspace.user, inside: RANGE_USER });
    }
    let users = Isolation::users_of(workspace)?;
    Ok(Owners::Range { first: users.first, count: users.count, stranger: RANGE_USER })
}
