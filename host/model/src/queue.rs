//! The messages that wait for a mission's next turns.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{AttachmentId, MessageId, Timestamp, attachment::MessageAttachment};

/// Files that can come with one message.
pub const MAX_ATTACHMENTS: usize = 20;

/// A message that waits in a mission's queue. The queue's order is the order of sending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueuedMessage {
    /// The message.
    pub id: MessageId,
    /// What the person wrote.
    pub text: String,
    /// The files that come along.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<MessageAttachment>,
    /// Whether it is for the turn that is under way, where the agent can be told something in the middle of one.
    #[serde(default)]
    pub steer: bool,
    /// When it was added.
    pub created_at: Timestamp,
}

/// A message that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewMessage {
    /// What the person writes.
    pub text: String,
    /// The files that come along.
    pub attachments: Vec<AttachmentId>,
    /// Whether it is for the turn that is under way.
    pub steer: bool,
}
