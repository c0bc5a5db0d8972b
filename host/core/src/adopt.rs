//! Holding the workspaces that the store knows against those on the disk.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use sandboxed_model::{Blame, Failure, WorkspaceId, backend::WorkspacePhase, page::PageRequest};

use crate::{Result, services::Services};

/// The code of a workspace whose directory is gone.
const GONE: &str = "workspace.directory_gone";
/// A directory that is younger may be one that is just being made or tried.
const SETTLED: Duration = Duration::from_secs(600);

/// What does not fit together.
#[derive(Debug, Default)]
pub(crate) struct Mismatch {
    /// Directories of workspaces of which the store knows nothing.
    pub(crate) unknown: Vec<WorkspaceId>,
    /// Names of workspaces whose directory is gone.
    pub(crate) gone: Vec<String>,
}

impl Services {
    /// Looks for directories without a workspace and workspaces without a directory, and notes the latter as broken, and as
    /// ready again where the directory is back. `starting`: nothing else is under way.
    pub(crate) async fn compare_with_disk(&self, starting: bool) -> Result<Mismatch> {
        let mut on_disk = self.directories().await?;
        let mut mismatch = Mismatch::default();
        let mut page = PageRequest { cursor: None, limit: PageRequest::MAX_LIMIT };
        loop {
            let workspaces = self.store.workspaces(&page).await?;
            for workspace in workspaces.items {
                // One that was made after the directories were listed is looked for again.
                let there = on_disk.remove(&workspace.id).is_some() || self.paths.workspace(workspace.id).exists();
                let noted = workspace.problem.as_ref().is_some_and(|problem| problem.code == GONE);
                match (workspace.phase, there) {
                    (WorkspacePhase::Absent, _) if starting => {
                        let message = "the server was lost while the workspace was being made";
                        let failure = Failure::new(Blame::Host, "workspace.unfinished", message)
                            .with_hint(format!("`sandboxed-sh workspaces build {}` makes it", workspace.name));
                        self.store.set_workspace_problem(workspace.id, WorkspacePhase::Failed, failure).await?;
                    }
                    (WorkspacePhase::Broken, true) if noted => {
                        self.store.set_workspace_phase(workspace.id, WorkspacePhase::Ready).await?;
                    }
                    (WorkspacePhase::Ready | WorkspacePhase::Stopped | WorkspacePhase::Failed, false) => {
                        let message = format!("the directory {} is gone", self.paths.workspace(workspace.id).display());
                        let failure = Failure::new(Blame::Host, GONE, message).with_hint(format!(
                            "put it back and start the server anew, or `sandboxed-sh workspaces delete {}`",
                            workspace.name
                        ));
                        self.store.set_workspace_problem(workspace.id, WorkspacePhase::Broken, failure).await?;
                        mismatch.gone.push(workspace.name.to_string());
                    }
                    (WorkspacePhase::Broken, false) if noted => mismatch.gone.push(workspace.name.to_string()),
                    _ => {}
                }
            }
            match workspaces.next_cursor {
                Some(cursor) => page.cursor = Some(cursor),
                None => break,
            }
        }
        // And one that was removed meanwhile is no mismatch.
        let left =
            on_disk.into_iter().filter(|(id, settled)| (*settled || starting) && self.paths.workspace(*id).exists());
        mismatch.unknown = left.map(|(id, _)| id).collect();
        Ok(mismatch)
    }

    /// Looks when the server starts, and writes to the log what does not fit together.
    pub(crate) async fn report_mismatch(&self) -> Result<()> {
        let Mismatch { unknown, gone } = self.compare_with_disk(true).await?;
        for id in unknown {
            let directory = self.paths.workspace(id);
            tracing::warn!(directory = %directory.display(), "a directory belongs to no workspace; remove it if nothing in it is wanted");
        }
        for workspace in gone {
            tracing::warn!(workspace, "the directory of a workspace is gone");
        }
        Ok(())
    }

    /// Workspaces that have a directory, and whether it is there for some time.
    async fn directories(&self) -> Result<BTreeMap<WorkspaceId, bool>> {
        let directory = self.paths.workspaces();
        let read = tokio::task::spawn_blocking(move || {
            let now = SystemTime::now();
            let settled = |entry: &std::fs::DirEntry| {
                let made = entry.metadata().and_then(|metadata| metadata.modified());
                made.is_ok_and(|made| now.duration_since(made).is_ok_and(|age| age >= SETTLED))
            };
            let entries = std::fs::read_dir(directory)?.flatten();
            let found = entries.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, settled(&entry))));
            std::io::Result::Ok(found.collect())
        });
        let found = read.await.map_err(std::io::Error::other).and_then(|found| found).map_err(|error| {
            let message = format!("the directories of workspaces cannot be listed: {error}");
            Failure::new(Blame::Host, "workspace.directory", message)
        });
        Ok(found?)
    }
}
