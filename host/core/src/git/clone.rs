//! Cloning a repository into a workspace.

use sandboxed_files::{Error as Refused, RelativePath, Tree};
use sandboxed_model::{
    Blame, Failure, WorkspaceId,
    git::{Cloned, NewClone},
};
use serde::{Deserialize, Serialize};

use super::{apart::remote_failed, inside, is_branch, is_object_id, printed, remote::Remote, told};
use crate::{
    Error, Orchestrator, Result,
    files::{blocking, cancellable, parse, tree},
    services::Services,
};

/// Without any file: what a repository can make git do while files are written is for the workspace's own sandbox.
const CLONE: &str = r#"
set -- clone --no-checkout --no-local --no-recurse-submodules
test -z "$BRANCH" || set -- "$@" --branch "$BRANCH"
test -z "$DEPTH" || set -- "$@" --depth "$DEPTH"
with_credential "$@" -- "$URL" repository
"#;

/// Writes the files, and tells the branch and the commit.
const CHECK_OUT: &str = r#"
set -e
if $GIT rev-parse --verify --quiet HEAD >/dev/null; then
    $GIT checkout --quiet --no-recurse-submodules >&2
fi
$GIT symbolic-ref --short --quiet HEAD || echo
$GIT rev-parse --verify --quiet HEAD || echo
"#;

/// What was cloned into a workspace, by the word of the server and of no agent.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Origin {
    pub(super) url: String,
}

impl Orchestrator {
    /// Clones a repository into a directory of a workspace. Its files are written by git in the workspace's sandbox; the
    /// credential that the operator has given for the host is in neither.
    ///
    /// # Errors
    /// When there is no such workspace, the directory holds a repository or files that are in the way, the workspace may not
    /// reach the host, or the host does not give it out.
    pub async fn clone_repository(&self, workspace: WorkspaceId, new: NewClone) -> Result<Cloned> {
        let NewClone { url, path, branch, depth } = new;
        let remote = Remote::parse(&url)?;
        let path = parse(&path)?;
        let branch = branch.unwrap_or_default();
        if !branch.is_empty() && !is_branch(&branch) {
            let message = format!("{branch:?} is no name of a branch");
            return Err(Error::Invalid { code: "git.branch_invalid", message });
        }
        let known = remote.credential(&self.services.config.git.credentials)?.is_some();
        let services = &self.services;
        let _in_use = services.using(workspace).await;
        let workspace = services.workspace(workspace).await?;
        services.check_here(&workspace, "a repository cannot be cloned for it").await?;
        services.mount(&workspace).await?;
        let dot_git = RelativePath::parse(format!("{path}/.git")).map_err(crate::files::refused)?;
        // Told before anything is fetched.
        services.must_be_free(&workspace, &dot_git).await?;
        let scratch = services.scratch(&workspace, remote.clone()).await?;
        let depth = depth.map(|depth| depth.to_string()).unwrap_or_default();
        let variables = [("BRANCH", branch.as_str()), ("DEPTH", depth.as_str())];
        let output = services.run_apart(&scratch, None, CLONE, &variables).await?;
        if !output.exit.is_success() {
            return Err(remote_failed("clone it", &remote, known, &output).into());
        }
        let (paths, space, from) = (services.paths.clone(), workspace.clone(), scratch.tree());
        let (to, target) = (path.clone(), dot_git.clone());
        cancellable(move |cancel| {
            let (tree, scratch) = (tree(&paths, &space)?, Tree::open(&from, None)?);
            tree.make_directory(&to, true)?;
            tree.adopt(&scratch, &RelativePath::parse("repository/.git")?, &target, cancel)
        })
        .await?;
        drop(scratch);
        services.disks.doubt(workspace.id);
        let sandbox = services.sandbox(&workspace, None).await?;
        let cwd = format!("{}/{path}", sandbox.observed().tree);
        let output = inside(&sandbox, cwd, CHECK_OUT, &[], Vec::new()).await?;
        let Some(text) = printed(&output) else {
            // So that it can be tried again.
            services.remove_git(&workspace, dot_git).await?;
            let message = format!("the files of the repository cannot be written: {}", told(&output));
            return Err(Failure::new(Blame::Config, "git.checkout_failed", message)
                .with_hint("choose an empty directory (--path)")
                .into());
        };
        if path.is_root() {
            services.remember_origin(workspace.id, &Origin { url: remote.as_str().to_owned() }).await?;
        }
        let mut lines = text.lines().map(|line| line.trim().to_owned());
        let branch = lines.next().filter(|line| !line.is_empty());
        let commit = lines.next().filter(|line| is_object_id(line));
        Ok(Cloned { path: path.to_string(), branch, commit })
    }
}

impl Services {
    async fn must_be_free(&self, workspace: &sandboxed_model::workspace::Workspace, path: &RelativePath) -> Result<()> {
        let (paths, workspace, path) = (self.paths.clone(), workspace.clone(), path.clone());
        blocking(move || match tree(&paths, &workspace)?.stat(&path) {
            Ok(_) => Err(Refused::Exists(path)),
            Err(Refused::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        })
        .await
    }

    async fn remove_git(&self, workspace: &sandboxed_model::workspace::Workspace, path: RelativePath) -> Result<()> {
        let (paths, workspace) = (self.paths.clone(), workspace.clone());
        cancellable(move |cancel| tree(&paths, &workspace)?.remove(&path, true, cancel)).await
    }

    async fn remember_origin(&self, workspace: WorkspaceId, origin: &Origin) -> Result<()> {
        let path = self.paths.repository(workspace);
        let failed = |error: std::io::Error| {
            Failure::new(Blame::Host, "git.origin", format!("what was cloned cannot be kept: {error}"))
        };
        let text = serde_json::to_vec(origin).map_err(|error| failed(error.into()))?;
        Ok(tokio::fs::write(path, text).await.map_err(failed)?)
    }

    /// What was cloned into a workspace.
    pub(super) async fn origin(&self, workspace: WorkspaceId) -> Option<Origin> {
        serde_json::from_slice(&tokio::fs::read(self.paths.repository(workspace)).await.ok()?).ok()
    }
}
