//! Files that people send along with their messages.
//!
//! Each is a file in the data directory under its id, and a row that says the rest. The file is there before the row and goes
//! after it; what a crash leaves between the two, the sweep removes.

mod kind;
mod name;
mod sweep;

use std::{os::unix::fs::PermissionsExt, sync::atomic::AtomicBool};

use sandboxed_files::{Precondition, Reader, RelativePath, Tree};
use sandboxed_model::{
    AttachmentId, MissionId, Timestamp,
    access::{Principal, Scope},
    attachment::{Attachment, MessageAttachment},
    queue::MAX_ATTACHMENTS,
};
use sandboxed_store::AttachmentRow;
use tokio::io::AsyncRead;
use tokio_util::io::SyncIoBridge;

use kind::Examined;
pub(crate) use kind::is_image;

use crate::{Error, FileContent, Orchestrator, Result, files::blocking, paths::Paths, services::Services};

impl Orchestrator {
    /// Keeps a file for a message that is yet to be sent. What it is, the server finds out itself. It is forgotten after a
    /// day if no message names it.
    ///
    /// # Errors
    /// When it is larger than `missions.attachment_limit`, breaks off, or too many wait for a message.
    pub async fn create_attachment(
        &self,
        by: &Principal,
        name: &str,
        content: impl AsyncRead + Send + Unpin + 'static,
    ) -> Result<Attachment> {
        let services = &self.services;
        let _transfer = services.transfers.begin().await?;
        let name = name::cleaned(services.vault.redaction().text(name).as_ref());
        let (id, limit) = (AttachmentId::new(), services.config.missions.attachment_limit.0);
        let paths = services.paths.clone();
        let content = SyncIoBridge::new(content);
        let written = blocking(move || {
            let mut examined = Examined::new(content);
            tree(&paths)?.write(&path(id), Precondition::IfAbsent, limit, &mut examined, false)?;
            // The directory is nobody else's either.
            let private = std::fs::Permissions::from_mode(0o600);
            let _ = std::fs::set_permissions(paths.attachments().join(id.to_string()), private);
            Ok((examined.size(), examined.media_type()))
        });
        let (size, media_type) = written.await.map_err(too_large)?;
        let attachment = Attachment { id, name, media_type: media_type.to_owned(), size, created_at: Timestamp::now() };
        if let Err(error) = services.store.insert_attachment(attachment.clone(), by.user).await {
            services.forget_attachments(vec![id]).await;
            return Err(error.into());
        }
        Ok(attachment)
    }

    /// What is known of an attachment. One that no message names is seen by who brought it, and by administrators.
    ///
    /// # Errors
    /// When there is none of this id.
    pub async fn attachment(&self, by: &Principal, id: AttachmentId) -> Result<Attachment> {
        Ok(self.services.attachment(by, id).await?.attachment)
    }

    /// The content of an attachment.
    ///
    /// # Errors
    /// When there is none of this id.
    pub async fn read_attachment(&self, by: &Principal, id: AttachmentId) -> Result<(Attachment, FileContent)> {
        let attachment = self.attachment(by, id).await?;
        let paths = self.services.paths.clone();
        let reader = blocking(move || open(&paths, id)).await?;
        let content = FileContent::here(attachment.name.clone(), reader);
        Ok((attachment, content))
    }

    /// Removes an attachment that no message names.
    ///
    /// # Errors
    /// When there is none of this id, or a message names it.
    pub async fn delete_attachment(&self, by: &Principal, id: AttachmentId) -> Result<()> {
        self.services.attachment(by, id).await?;
        self.services.store.delete_attachment(id).await?;
        self.services.forget_attachments(vec![id]).await;
        Ok(())
    }
}

impl Services {
    async fn attachment(&self, by: &Principal, id: AttachmentId) -> Result<AttachmentRow> {
        let row = self.store.attachment(id).await?;
        match row.mission.is_some() || row.owner == by.user || by.scope == Scope::Admin {
            true => Ok(row),
            false => Err(missing(id)),
        }
    }

    /// The attachments that come with a message, for a mission that is there or one that is yet to be made.
    pub(crate) async fn attached(
        &self,
        by: &Principal,
        mission: Option<MissionId>,
        ids: &[AttachmentId],
    ) -> Result<Vec<MessageAttachment>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let invalid = |code, message| Err(Error::Invalid { code, message });
        if ids.len() > MAX_ATTACHMENTS {
            let message = format!("{MAX_ATTACHMENTS} files can come with a message, not {}", ids.len());
            return invalid("mission.too_many_attachments", message);
        }
        if let Some(twice) = ids.iter().enumerate().find(|(at, id)| ids[..*at].contains(id)) {
            return invalid("mission.attachment_twice", format!("the attachment {} is named twice", twice.1));
        }
        let rows = self.store.attachments(ids).await?;
        for id in ids {
            let row = rows.iter().find(|row| row.attachment.id == *id).ok_or_else(|| missing(*id))?;
            match row.mission {
                Some(named) if mission != Some(named) => {
                    let message = format!("the attachment {id} came with a message of another mission: bring it again");
                    return Err(Error::Conflict { code: "attachment.taken", message });
                }
                None if row.owner != by.user => return Err(missing(*id)),
                _ => {}
            }
        }
        let (limit, total) =
            (self.config.missions.attachment_limit, rows.iter().map(|row| row.attachment.size).sum::<u64>());
        if total > limit.0 {
            let message = format!(
                "the files have {total} bytes together and the limit is {limit}: put them into the workspace, or raise \
                 missions.attachment_limit"
            );
            return invalid("mission.attachments_too_large", message);
        }
        Ok(rows.into_iter().map(|row| row.attachment.into()).collect())
    }

    /// Removes the content of attachments that are known no more.
    pub(crate) async fn forget_attachments(&self, ids: Vec<AttachmentId>) {
        if ids.is_empty() {
            return;
        }
        let paths = self.paths.clone();
        let removed = blocking(move || {
            let tree = tree(&paths)?;
            for id in ids {
                match tree.remove(&path(id), false, &AtomicBool::new(false)) {
                    Err(sandboxed_files::Error::NotFound(_)) => {}
                    removed => removed?,
                }
            }
            Ok(())
        });
        if let Err(error) = removed.await {
            // The sweep finds what is left.
            tracing::warn!(%error, "the file of an attachment could not be removed");
        }
    }
}

/// Opens the content of an attachment. Blocks.
pub(crate) fn open(paths: &Paths, id: AttachmentId) -> sandboxed_files::Result<Reader> {
    tree(paths)?.read(&path(id))
}

fn tree(paths: &Paths) -> sandboxed_files::Result<Tree> {
    Tree::open(&paths.attachments(), None)
}

fn path(id: AttachmentId) -> RelativePath {
    RelativePath::parse(id.to_string()).expect("hexadecimal digits and hyphens are a name")
}

fn missing(id: AttachmentId) -> Error {
    Error::NotFound { what: "attachment", id: id.to_string() }
}

/// The refusal of a content that is too large says by which limit.
fn too_large(error: Error) -> Error {
    match error {
        Error::File(failure) if failure.code == "path.too_large" => Error::Invalid {
            code: "attachment.too_large",
            message: format!("{failure}; put it into the workspace, or raise missions.attachment_limit"),
        },
        error => error,
    }
}
