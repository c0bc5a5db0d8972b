//! Committing what a mission has changed.

use sandboxed_model::{Blame, Failure, MissionId, git::Commit};

use super::{inside, is_object_id, no_repository, printed, told};
use crate::{Error, Orchestrator, Result};

/// Commits all that is there, ignored files aside. Ends with 3 without a repository, and with 4 without a change.
const COMMIT: &str = r#"
set -e
test -e .git || exit 3
$GIT add --all -- . >&2
if $GIT diff --cached --quiet --no-ext-diff; then exit 4; fi
$GIT commit --quiet --no-verify --no-gpg-sign --file=- >&2
$GIT symbolic-ref --short --quiet HEAD || echo
$GIT rev-parse HEAD
"#;
const NO_REPOSITORY: i32 = 3;
const NO_CHANGE: i32 = 4;

/// The longest message of a commit, in bytes.
const MAX_MESSAGE: usize = 64 << 10;

impl Orchestrator {
    /// Commits all changes in a mission's files, in its worktree or the workspace's repository.
    ///
    /// # Errors
    /// When there is no such mission, no repository or no change, or git cannot do it.
    pub async fn commit_mission(&self, id: MissionId, message: &str) -> Result<Commit> {
        if message.trim().is_empty() || message.len() > MAX_MESSAGE || message.contains('\0') {
            let message = format!("a commit has a message of 1 to {MAX_MESSAGE} bytes, without a NUL character");
            return Err(Error::Invalid { code: "git.message_invalid", message });
        }
        let services = &self.services;
        let mission = services.mission(id).await?;
        let workspace = services.workspace(mission.workspace).await?;
        let sandbox = services.sandbox(&workspace, Some(id)).await?;
        let place = services.place(&mission, &workspace, &sandbox).await?;
        let author = &services.config.git.author;
        let (name, address) = author.trim_end_matches('>').split_once(" <").unwrap_or((author, ""));
        let variables = [
            ("GIT_AUTHOR_NAME", name),
            ("GIT_AUTHOR_EMAIL", address),
            ("GIT_COMMITTER_NAME", name),
            ("GIT_COMMITTER_EMAIL", address),
        ];
        let output = inside(&sandbox, place.inside, COMMIT, &variables, message.as_bytes().to_vec()).await?;
        match printed(&output) {
            Some(text) => {
                let (branch, commit) = text.split_once('\n').unwrap_or(("", &text));
                let commit = commit.trim().to_owned();
                if !is_object_id(&commit) {
                    return Err(failed("it tells no commit".to_owned()));
                }
                Ok(Commit { commit, branch: Some(branch.to_owned()).filter(|branch| !branch.is_empty()) })
            }
            None if output.exit == sandboxed_model::command::Exit::Code(NO_REPOSITORY) => {
                Err(no_repository("there is no repository in the mission's files".to_owned()).into())
            }
            None if output.exit == sandboxed_model::command::Exit::Code(NO_CHANGE) => Err(Error::Conflict {
                code: "git.nothing_to_commit",
                message: "nothing has changed since the last commit".to_owned(),
            }),
            None => Err(failed(told(&output))),
        }
    }
}

fn failed(why: String) -> Error {
    Failure::new(Blame::Unavailable, "git.failed", format!("git could not commit: {why}")).into()
}
