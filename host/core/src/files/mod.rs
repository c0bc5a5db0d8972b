//! Files of workspaces: looking, moving, removing. Whatever is in a tree was put there by an agent; every path is opened by
//! the crate that keeps it inside.

mod archive;
mod content;
mod refusal;
mod transfer;
mod upload;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use sandboxed_engine::keeper::FileRequest;
use sandboxed_files::{Name, RelativePath, Tree};
use sandboxed_model::{
    Blame, Failure, WorkspaceId,
    files::{DiskUsage, FileEntry},
    page::{Page, PageRequest},
    workspace::Workspace,
};

pub use self::{archive::ArchiveContent, content::FileContent};
pub(crate) use self::{
    archive::{PIECE, WAITING},
    refusal::{refused, refused_there},
    transfer::Transfers,
};
use crate::{Error, Orchestrator, Result, paths::Paths, uses::Use};

/// Entries at which counting gives up: it would take a minute and more.
pub(crate) const MOST_COUNTED: u64 = 5_000_000;

impl Orchestrator {
    /// What is in a directory of a workspace, in the order of the bytes of the names.
    ///
    /// # Errors
    /// When there is no such workspace or directory, or the cursor is none of this list.
    pub async fn files(&self, workspace: WorkspaceId, path: &str, page: &PageRequest) -> Result<Page<FileEntry>> {
        let invalid =
            || Error::Invalid { code: "page.cursor_invalid", message: "the cursor is none of this list".to_owned() };
        let after = match &page.cursor {
            Some(cursor) => Some(Name::from_escaped(cursor).map_err(|_| invalid())?),
            None => None,
        };
        let limit = page.limit as usize;
        let path = parse(path)?;
        if let Some(distant) = self.services.distant(workspace).await? {
            return distant.list(path.to_string(), after.map(|name| name.escaped()), limit).await;
        }
        let tree = self.services.tree_of(workspace).await?;
        blocking(move || {
            let listed = tree.list(&path, after.as_ref(), limit)?;
            let items = listed.entries.into_iter().map(|entry| entry.told_below(&path)).collect();
            Ok(Page { items, next_cursor: listed.next.map(|name| name.escaped()) })
        })
        .await
    }

    /// What is at a path of a workspace; a link is told of itself.
    ///
    /// # Errors
    /// When there is no such workspace, or nothing at this path.
    pub async fn file(&self, workspace: WorkspaceId, path: &str) -> Result<FileEntry> {
        let path = parse(path)?;
        if let Some(distant) = self.services.distant(workspace).await? {
            return distant.entry(FileRequest::Stat { path: path.to_string() }).await;
        }
        let tree = self.services.tree_of(workspace).await?;
        blocking(move || Ok(tree.stat(&path)?.told(&path))).await
    }

    /// Makes a directory in a workspace; with `parents` the missing ones above it too, and one that exists is fine.
    ///
    /// # Errors
    /// When there is no such workspace, something has the name, or a parent is missing.
    pub async fn make_directory(&self, workspace: WorkspaceId, path: &str, parents: bool) -> Result<FileEntry> {
        let path = parse(path)?;
        if let Some(distant) = self.services.distant(workspace).await? {
            return distant.entry(FileRequest::MakeDirectory { path: path.to_string(), parents }).await;
        }
        let (writing, workspace) = self.services.writing(workspace).await?;
        self.services.room(&workspace).await?.check()?;
        let paths = self.services.paths.clone();
        blocking(move || {
            let _writing = writing;
            let tree = tree(&paths, &workspace)?;
            tree.make_directory(&path, parents)?;
            Ok(tree.stat(&path)?.told(&path))
        })
        .await
    }

    /// Gives an entry of a workspace another name or place, in one step. With `overwrite` a file takes the place of a file,
    /// and a directory that of an empty one.
    ///
    /// # Errors
    /// When there is no such workspace or entry, the name is taken, or a directory would go into itself.
    pub async fn move_file(&self, workspace: WorkspaceId, from: &str, to: &str, overwrite: bool) -> Result<()> {
        let (from, to) = (parse(from)?, parse(to)?);
        if let Some(distant) = self.services.distant(workspace).await? {
            let (from, to) = (from.to_string(), to.to_string());
            return distant.done(FileRequest::Rename { from, to, overwrite }).await;
        }
        let (writing, workspace) = self.services.writing(workspace).await?;
        let paths = self.services.paths.clone();
        blocking(move || {
            let _writing = writing;
            tree(&paths, &workspace)?.rename(&from, &to, overwrite)
        })
        .await
    }

    /// Removes an entry of a workspace, and with `recursive` all that is below it. A link is removed itself.
    ///
    /// # Errors
    /// When there is no such workspace or entry, or a directory is not empty and `recursive` was not asked for. One that
    /// breaks off leaves the rest.
    pub async fn remove_file(&self, workspace: WorkspaceId, path: &str, recursive: bool) -> Result<()> {
        let path = parse(path)?;
        if let Some(distant) = self.services.distant(workspace).await? {
            return distant.done(FileRequest::Remove { path: path.to_string(), recursive }).await;
        }
        let (writing, workspace) = self.services.writing(workspace).await?;
        let paths = self.services.paths.clone();
        cancellable({
            let workspace = workspace.clone();
            move |cancel| {
                let _writing = writing;
                tree(&paths, &workspace)?.remove(&path, recursive, cancel)
            }
        })
        .await?;
        self.services.disks.doubt(workspace.id);
        Ok(())
    }

    /// The space that a file takes, or a directory with all that is below it.
    ///
    /// # Errors
    /// When there is no such workspace, or nothing at this path.
    pub async fn files_usage(&self, workspace: WorkspaceId, path: &str) -> Result<DiskUsage> {
        let path = parse(path)?;
        if let Some(distant) = self.services.distant(workspace).await? {
            return distant.usage(path.to_string(), MOST_COUNTED).await;
        }
        let tree = self.services.tree_of(workspace).await?;
        let _transfer = self.services.transfers.begin().await?;
        let usage = cancellable(move |cancel| tree.usage(&path, MOST_COUNTED, cancel)).await?;
        Ok(DiskUsage { bytes: usage.bytes, entries: usage.entries, complete: usage.complete })
    }
}

impl crate::services::Services {
    /// A workspace whose files are being written as long as the first is kept: nobody takes a snapshot of it meanwhile, and
    /// this waits while somebody does.
    pub(crate) async fn writing(&self, workspace: WorkspaceId) -> Result<(Use, Workspace)> {
        let writing = self.using(workspace).await;
        Ok((writing, self.workspace_on_disk(workspace).await?))
    }

    /// The files of a workspace.
    pub(crate) async fn tree_of(&self, workspace: WorkspaceId) -> Result<Tree> {
        let workspace = self.workspace_on_disk(workspace).await?;
        let paths = self.paths.clone();
        blocking(move || tree(&paths, &workspace)).await
    }
}

/// The files of a workspace. What is made belongs to its user, so that its agents can use it. Blocks.
pub(crate) fn tree(paths: &Paths, workspace: &Workspace) -> sandboxed_files::Result<Tree> {
    Tree::open(&paths.tree(workspace.id), workspace.user.map(|user| (user, user)))
}

/// A path as people write it.
pub(crate) fn parse(path: &str) -> Result<RelativePath> {
    RelativePath::from_escaped(path).map_err(refused)
}

/// Does what may take long on a thread that may wait.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> sandboxed_files::Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Failure::new(Blame::Host, "files.broken_off", error.to_string()))?.map_err(refused)
}

/// The same for work that can be stopped: it is when nobody waits for it any more.
pub(crate) async fn cancellable<T: Send + 'static>(
    work: impl FnOnce(&AtomicBool) -> sandboxed_files::Result<T> + Send + 'static,
) -> Result<T> {
    let stop = StopOnDrop::default();
    let seen = Arc::clone(&stop.0);
    blocking(move || work(&seen)).await
}

/// Stops work when it is dropped.
#[derive(Default)]
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
