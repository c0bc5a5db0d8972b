//! Where a mission's files are: all of the workspace's, or a worktree of its own.

use sandboxed_model::{mission::Mission, workspace::Workspace};

use super::{inside, no_repository, told};
use crate::{Result, changes::Place, sandbox::Sandbox, services::Services};

/// Makes the worktree where it is missing. The directory of worktrees is none of the repository's own files.
const MAKE: &str = r#"
set -e
test -e .git && $GIT rev-parse --verify --quiet HEAD >/dev/null || { echo "there is no repository with a commit" >&2; exit 1; }
test -e "$WORKTREE/.git" && exit 0
exclude=$(git rev-parse --git-path info/exclude)
mkdir -p "$(dirname "$exclude")"
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
    pub(crate) fn place_of(&self, mission: &Mission, sandbox: &Sandbox) -> Place {
        let (tree, inside) = (self.paths.tree(mission.workspace), sandbox.observed().tree.clone());
        match directory_of(mission) {
            Some(directory) => Place { tree: tree.join(&directory), inside: format!("{inside}/{directory}") },
            None => Place { tree, inside },
        }
    }

    /// The same, and makes its worktree where it has none yet.
    pub(crate) async fn place(&self, mission: &Mission, workspace: &Workspace, sandbox: &Sandbox) -> Result<Place> {
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
        Ok(self.place_of(mission, sandbox))
    }
}
