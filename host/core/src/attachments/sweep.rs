//! What is left of files that came with messages: those that nobody named, and what crashes left.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use sandboxed_model::{AttachmentId, RunId, Timestamp, page::PageRequest};

use super::blocking;
use crate::{Result, services::Services};

/// How long an attachment is kept that no message names.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// A file of which nothing is known that was not touched for so long is nobody's: between a file and its row are moments.
const UNKNOWN: Duration = Duration::from_secs(3600);
/// Attachments that are looked at in one step.
const STEP: u32 = 500;

impl Services {
    /// Forgets attachments that no message named in time, and removes files of which nothing is known.
    pub(crate) async fn sweep_attachments(&self) -> Result<()> {
        let now = Timestamp::now().as_millis();
        let before = Timestamp::from_millis(now.saturating_sub(i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX)));
        loop {
            let expired = self.store.expire_attachments(before, STEP).await?;
            if expired.is_empty() {
                break;
            }
            self.forget_attachments(expired).await;
        }
        let directory = self.paths.attachments();
        let old = blocking(move || Ok(untouched(&directory))).await?;
        let (ids, others): (Vec<_>, Vec<_>) =
            old.into_iter().map(|path| (id::<AttachmentId>(&path), path)).partition(|(id, _)| id.is_some());
        for step in ids.chunks(STEP as usize) {
            let ids = step.iter().filter_map(|(id, _)| *id).collect();
            self.forget_attachments(self.store.missing_attachments(ids).await?).await;
        }
        blocking(move || {
            // What was being written when the server was killed, where files cannot be without a name.
            others.iter().for_each(|(_, path)| drop(std::fs::remove_file(path)));
            Ok(())
        })
        .await
    }

    /// Removes what was left in inboxes for runs that are known no more: the server was killed before it could start them.
    pub(crate) async fn sweep_inboxes(&self) -> Result<()> {
        let mut page = PageRequest::default();
        loop {
            let workspaces = self.store.workspaces(&page).await?;
            let inboxes: Vec<PathBuf> = workspaces.items.iter().map(|it| self.paths.inbox(it.id)).collect();
            let old =
                blocking(move || Ok(inboxes.iter().flat_map(|inbox| untouched(inbox)).collect::<Vec<_>>())).await?;
            let runs: Vec<(RunId, PathBuf)> = old.into_iter().filter_map(|path| Some((id(&path)?, path))).collect();
            let known = self.store.live_runs(runs.iter().map(|(run, _)| *run).collect()).await?;
            blocking(move || {
                for (_, path) in runs.iter().filter(|(run, _)| !known.contains(run)) {
                    if let Err(error) = std::fs::remove_dir_all(path) {
                        tracing::warn!(%error, path = %path.display(), "what was left for a run could not be removed");
                    }
                }
                Ok(())
            })
            .await?;
            match workspaces.next_cursor {
                Some(next) => page.cursor = Some(next),
                None => return Ok(()),
            }
        }
    }
}

fn id<T: std::str::FromStr>(path: &Path) -> Option<T> {
    path.file_name()?.to_str()?.parse().ok()
}

/// What is in a directory and was not touched for a while. Blocks.
fn untouched(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let is_old = |entry: &std::fs::DirEntry| {
        let touched = entry.metadata().and_then(|metadata| metadata.modified());
        touched.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > UNKNOWN))
    };
    entries.filter(is_old).map(|entry| entry.path()).collect()
}
