//! Pushing what a mission has committed.

use std::path::Path;

use sandboxed_model::{
    Blame, Failure, MissionId,
    git::{NewPush, Pushed},
};

use super::{
    apart::remote_failed, inside, is_branch, is_object_id, no_repository, printed, remote::Remote, worktree::branch_of,
};
use crate::{Error, Orchestrator, Result};

/// Tells the commit and where the objects are. What an agent's repository says here is looked at before it is used.
const LOOK: &str = r#"
set -e
test -e .git
git rev-parse --verify --quiet 'HEAD^{commit}'
git rev-parse --path-format=absolute --git-common-dir
"#;

/// Pushes from a repository that has nothing of the agent's but its objects.
const PUSH: &str = r#"
set -e
git init --quiet --bare push.git
cd push.git
printf '%s\n' "$SHOWN/$OBJECTS" >objects/info/alternates
git cat-file -e "$COMMIT^{commit}"
set -- push --quiet --no-verify
test -z "$FORCE" || set -- "$@" --force
with_credential "$@" -- "$URL" "$COMMIT:refs/heads/$BRANCH"
"#;

impl Orchestrator {
    /// Pushes the last commit of a mission's files to a branch of a repository: the one that was cloned into the workspace, or
    /// another one that a person names. What the workspace itself says of remotes does not count: an agent wrote it.
    ///
    /// # Errors
    /// When there is no such mission, no commit or no repository to push to, or the host does not take it.
    pub async fn push_mission(&self, id: MissionId, new: NewPush) -> Result<Pushed> {
        let NewPush { url, branch, force } = new;
        let services = &self.services;
        let mission = services.mission(id).await?;
        let workspace = services.workspace(mission.workspace).await?;
        services.check_here(&workspace, "nothing can be pushed with a credential").await?;
        let url = match url {
            Some(url) => url,
            None => services.origin(workspace.id).await.map(|origin| origin.url).ok_or_else(|| {
                no_repository(
                    "no repository was cloned into the workspace's tree, so it is not known where to".to_owned(),
                )
            })?,
        };
        let remote = Remote::parse(&url)?;
        let known = remote.credential(&services.config.git.credentials)?.is_some();
        let branch = branch.unwrap_or_else(|| branch_of(&mission));
        if !is_branch(&branch) {
            let message = format!("{branch:?} is no name of a branch");
            return Err(Error::Invalid { code: "git.branch_invalid", message });
        }
        let sandbox = services.sandbox(&workspace, Some(id)).await?;
        let place = services.place(&mission, &workspace, &sandbox).await?;
        let output = inside(&sandbox, place.inside, LOOK, &[], Vec::new()).await?;
        let Some(text) = printed(&output) else {
            return Err(no_repository("there is no commit in the mission's files".to_owned()).into());
        };
        let (commit, common) = text.split_once('\n').unwrap_or((&text, ""));
        let objects = below(&sandbox.observed().tree, common.trim());
        let (true, Some(objects)) = (is_object_id(commit), objects) else {
            return Err(
                Failure::new(Blame::Unavailable, "git.failed", "the repository does not tell where it is").into()
            );
        };
        let commit = commit.to_owned();
        let scratch = services.scratch(&workspace, remote.clone()).await?;
        let variables = [
            ("COMMIT", commit.as_str()),
            ("OBJECTS", objects.as_str()),
            ("BRANCH", branch.as_str()),
            ("FORCE", if force { "1" } else { "" }),
        ];
        let tree = services.paths.tree(workspace.id);
        let output = services.run_apart(&scratch, Some(&tree), PUSH, &variables).await?;
        if !output.exit.is_success() {
            return Err(remote_failed("push it", &remote, known, &output).into());
        }
        Ok(Pushed { url: remote.as_str().to_owned(), branch, commit })
    }
}

/// Where the objects are below the tree, if the repository is in it.
fn below(tree: &str, repository: &str) -> Option<String> {
    let rest = Path::new(repository).strip_prefix(tree).ok()?;
    let plain = rest.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    let text = rest.join("objects").to_str()?.to_owned();
    (plain && !text.contains('\n')).then_some(text)
}
