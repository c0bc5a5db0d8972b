//! Files that people send along with their messages.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{AttachmentId, Timestamp};

/// A file that was given to the server, to be sent along with a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attachment {
    /// The attachment.
    pub id: AttachmentId,
    /// As the person called it, without what no name of a file may hold.
    pub name: String,
    /// As the server found it: `image/png`, `image/jpeg`, `image/gif`, `image/webp`, `text/plain` or
    /// `application/octet-stream`.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// When it came.
    pub created_at: Timestamp,
}

/// A file that came with a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageAttachment {
    /// The attachment.
    pub id: AttachmentId,
    /// As the person called it.
    pub name: String,
    /// What it is.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
}

impl From<Attachment> for MessageAttachment {
    fn from(Attachment { id, name, media_type, size, .. }: Attachment) -> Self {
        Self { id, name, media_type, size }
    }
}

impl fmt::Display for MessageAttachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {} bytes)", self.name, self.media_type, self.size)
    }
}

/// What a turn begins with: a message with the files that came along.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prompt {
    /// What the person wrote.
    pub text: String,
    /// What came along.
    pub attachments: Vec<MessageAttachment>,
}
