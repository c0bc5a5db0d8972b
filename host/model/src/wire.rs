//! What models are asked in, and what an answer used.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A protocol in which models are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WireFormat {
    /// Anthropic's Messages: `POST /v1/messages`.
    Messages,
    /// OpenAI's Chat Completions: `POST /v1/chat/completions`.
    Chat,
    /// OpenAI's Responses: `POST /v1/responses`, and a WebSocket at the same path.
    Responses,
    /// Gemini's `generateContent` and `streamGenerateContent` below `/v1beta/models`.
    Gemini,
}

impl WireFormat {
    /// All formats, in the order of the enum.
    pub const ALL: [Self; 4] = [Self::Messages, Self::Chat, Self::Responses, Self::Gemini];

    /// The name in JSON, TOML and SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Gemini => "gemini",
        }
    }
}

impl fmt::Display for WireFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no wire format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a wire format is one of: messages, chat, responses, gemini")]
pub struct InvalidWireFormat;

impl FromStr for WireFormat {
    type Err = InvalidWireFormat;

    fn from_str(text: &str) -> Result<Self, InvalidWireFormat> {
        Self::ALL.into_iter().find(|format| format.as_str() == text).ok_or(InvalidWireFormat)
    }
}

/// Tokens that a request used. Each token is in one kind, except that `reasoning` is a part of `output`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Tokens {
    /// Input that was neither read from a cache nor written to one.
    pub input: u64,
    /// Input read from a cache.
    pub cache_read: u64,
    /// Input written to a cache that lasts as long as the provider's usual one (five minutes at Anthropic).
    pub cache_write: u64,
    /// Input written to a cache that lasts an hour.
    pub cache_write_1h: u64,
    /// Output, reasoning included.
    pub output: u64,
    /// Output spent on reasoning, where told apart.
    pub reasoning: u64,
}

impl Tokens {
    /// All input, cached or not.
    pub const fn all_input(&self) -> u64 {
        self.input.saturating_add(self.cache_read).saturating_add(self.cache_write).saturating_add(self.cache_write_1h)
    }
}
