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
    /// Whether it is for the turn that is under way, where the agent can be told something in the middle of one.
    #[serde(default)]
    pub steer: bool,
    /// When it was added.
    pub created_at: Timestamp,
}
