//! The messages that wait for a mission's next turns.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{MessageId, Timestamp};

/// A message that waits in a mission's queue. The queue's order is the order of sending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueuedMessage {
    /// The message.
    pub id: MessageId,
    /// What the person wrote.
    pub text: String,
    /// When it was added.
    pub created_at: Timestamp,
}
