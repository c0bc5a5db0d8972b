//! Which files of a workspace a turn changed.
//!
//! Where the workspace is a git repository, git tells, run inside the sandbox so that a hostile repository's
//! configuration can do nothing that the agent could not do itself. Elsewhere the tree is scanned before and after.

mod git;
mod scan;

use std::path::PathBuf;

use sandboxed_model::{
    Failure,
    event::{EventBody, FileChange, Notice, NoticeLevel},
};
use serde::{Deserialize, Serialize};

use crate::{distant::Distant, sandbox::Sandbox};

/// More changed files than this in one turn are counted and not listed.
const MAX_CHANGES: usize = 500;
/// A diff longer than this is left out; the change itself is told.
const MAX_DIFF_BYTES: usize = 64 << 10;

/// How the files stood before a turn.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Baseline {
    /// In a repository: the tree object of everything that was there.
    Git {
        /// Its id.
        tree: String,
    },
    /// Elsewhere: what a scan saw.
    Scan(scan::Snapshot),
    /// It could not be told; nor can the changes.
    Unknown {
        /// Why.
        reason: String,
    },
}

/// The directory of a mission's files.
pub(crate) struct Place {
    /// Where they are looked at.
    pub(crate) tree: Tree,
    /// Inside the sandbox.
    pub(crate) inside: String,
}

/// Looks at the files before a turn. Never fails: what cannot be told is told afterwards as a notice.
pub(crate) async fn baseline(sandbox: &Sandbox, place: &Place) -> Baseline {
    if place.tree.is_repository().await {
        return match git::snapshot(sandbox, &place.inside).await {
            Ok(tree) => Baseline::Git { tree },
            Err(failure) => Baseline::Unknown { reason: failure.message },
        };
    }
    match scan::scan(&place.tree).await {
        Ok(snapshot) => Baseline::Scan(snapshot),
        Err(error) => Baseline::Unknown { reason: error.to_string() },
    }
}

/// The files that changed since `baseline`, and how many more there are than are told.
///
/// # Errors
/// Why they cannot be told.
pub(crate) async fn changed(
    baseline: &Baseline,
    sandbox: &Sandbox,
    place: &Place,
) -> Result<(Vec<FileChange>, usize), String> {
    let mut changes = match baseline {
        Baseline::Git { tree } => {
            git::changes(sandbox, &place.inside, tree).await.map_err(|failure| failure.message)?
        }
        Baseline::Scan(before) => scan::changes(before, &place.tree).await.map_err(|error| error.to_string())?,
        Baseline::Unknown { reason } => return Err(reason.clone()),
    };
    let left_out = changes.len().saturating_sub(MAX_CHANGES);
    changes.truncate(MAX_CHANGES);
    Ok((changes, left_out))
}

/// The changes since `baseline`, as events.
pub(crate) async fn since(baseline: &Baseline, sandbox: &Sandbox, place: &Place) -> Vec<EventBody> {
    match changed(baseline, sandbox, place).await {
        Ok((changes, left_out)) => events(changes, left_out),
        Err(reason) => vec![notice("changes.unknown", format!("the changed files could not be told: {reason}"))],
    }
}

fn events(changes: Vec<FileChange>, left_out: usize) -> Vec<EventBody> {
    let mut events: Vec<EventBody> = changes.into_iter().map(EventBody::FileChange).collect();
    if left_out > 0 {
        events.push(notice("changes.many", format!("{left_out} more files were changed")));
    }
    events
}

fn notice(code: &str, text: String) -> EventBody {
    EventBody::Notice(Notice { level: NoticeLevel::Info, code: code.to_owned(), text })
}

/// Where the files are.
pub(crate) enum Tree {
    /// In this directory.
    Here(PathBuf),
    /// On another machine.
    There {
        /// Its way there.
        distant: Distant,
        /// The directory in the workspace. Empty: all of it.
        below: String,
    },
    /// They cannot be reached, and this is why.
    Nowhere(Failure),
}

impl Tree {
    async fn is_repository(&self) -> bool {
        match self {
            Self::Here(tree) => tokio::fs::symlink_metadata(tree.join(".git")).await.is_ok(),
            Self::There { distant, below } => distant.exists(&path_in(below, ".git")).await.unwrap_or(false),
            Self::Nowhere(_) => false,
        }
    }
}

/// A path of the workspace, from one in a directory of it.
fn path_in(below: &str, path: &str) -> String {
    if below.is_empty() { path.to_owned() } else { format!("{below}/{path}") }
}

/// A failure of git itself.
fn git_failed(what: &str, output: &sandboxed_model::command::Output) -> Failure {
    let words: String = String::from_utf8_lossy(&output.stderr).chars().take(300).collect();
    Failure::new(
        sandboxed_model::Blame::Unavailable,
        "changes.git_failed",
        format!("git could not {what}: {}", words.trim()),
    )
}
