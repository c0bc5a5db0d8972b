//! Lists in pages.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The entries in the list's order.
    pub items: Vec<T>,
    /// Pass it as `cursor` to get the next part; absent at the end of the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// `next_cursor` of the part before.
    pub cursor: Option<String>,
    /// How many entries at most.
    pub limit: u32,
}

impl PageRequest {
    /// Entries in a page where the caller names no number.
    pub const DEFAULT_LIMIT: u32 = 50;
    /// The most entries a page can have.
    pub const MAX_LIMIT: u32 = 500;
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { cursor: None, limit: Self::DEFAULT_LIMIT }
    }
}
