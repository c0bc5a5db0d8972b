//! Where a mission's files are: all of the workspace's, or a worktree of its own.

use std::sync::Arc;

use sandboxed_model::{mission::Mission, workspace::Workspace};

use super::{inside, no_repository, told};
use crate::{
    Result,
    changes::{Place, Tree},
    sandbox::Sandbox,
    services::Services,
};

/// Makes the worktree where it is missing. The directory of worktrees is none of the repository's own files.
const MAKE: &str = r#"
set -e
test -e .git && $GIT rev-parse --verify --quiet HEAD >/dev/null || { echo "there is no repository with a commit" >&2; exit 1; }
test -e "$WORKTREE/.git" && exit 0
exclude=$(git rev-parse --git-path info/exclude)
mkdir -p "${exclude%/*}"
grep -qxF /missions/ "$exclude" 2>/dev/null || echo /missions/ >>"$exclude"
$GIT worktree prune
if $GIT show-ref --verify --quiet "refs/heads/$BRANCH"; then
    $GIT worktree add --quiet "$WORKTREE" "$BRANCH"
else
    $GIT worktree add --quiet -b "$BRANCH" "$WORKTREE" HEAD
fi
"#;

/// The branch of a mission.
pub(super) fn branch_of(mission: &Mission) -> String {
    format!("sandboxed/{}", mission.id)
}

fn directory_of(mission: &Mission) -> Option<String> {
    mission.worktree.then(|| format!("missions/{}", mission.id))
}

impl Services {
    /// Where a mission's files are.
    pub(crate) async fn place_of(self: &Arc<Self>, mission: &Mission, sandbox: &Sandbox) -> Place {
        let (directory, inside) = (directory_of(mission), sandbox.observed().tree.clone());
        let tree = match self.distant(mission.workspace).await {
            Ok(Some(distant)) => Tree::There { distant, below: directory.clone().unwrap_or_default() },
            Ok(None) => {
                let tree = self.paths.tree(mission.workspace);
                Tree::Here(directory.as_ref().map_or_else(|| tree.clone(), |directory| tree.join(directory)))
            }
            Err(error) => Tree::Nowhere(error.failure()),
        };
        Place { tree, inside: directory.map_or_else(|| inside.clone(), |directory| format!("{inside}/{directory}")) }
    }

    /// The same, and makes its worktree where it has none yet.
    pub(crate) async fn place(
        self: &Arc<Self>,
        mission: &Mission,
        workspace: &Workspace,
        sandbox: &Sandbox,
    ) -> Result<Place> {
        if let Some(directory) = directory_of(mission) {
            let variables = [("WORKTREE", directory.as_str()), ("BRANCH", &branch_of(mission))];
            let output = inside(sandbox, sandbox.observed().tree.clone(), MAKE, &variables, Vec::new()).await?;
            if !output.exit.is_success() {
                let message = format!(
                    "the mission cannot have a worktree in the workspace {}: {}",
                    workspace.name,
                    told(&output)
                );
                return Err(no_repository(message).into());
            }
        }
        Ok(self.place_of(mission, sandbox).await)
    }
}
