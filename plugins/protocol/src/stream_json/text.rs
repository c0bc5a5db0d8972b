//! What the agent says and thinks, told once: the pieces of a block as they come, and the whole block where none came.

use sandboxed_sdk::harness::{Event, MessageRole, Text};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::crop;

/// The block that is being printed piece by piece.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Streamed {
    message: String,
    block: u64,
    kind: Kind,
    /// Some of it was told.
    told: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    #[default]
    Other,
    Message,
    Thought,
}

impl Kind {
    /// The kind of a block, or of a piece of one, and the field that holds its text.
    pub(super) fn of(kind: &str) -> (Self, &'static str) {
        match kind {
            "text" | "text_delta" => (Self::Message, "text"),
            "thinking" | "thinking_delta" => (Self::Thought, "thinking"),
            _ => (Self::Other, ""),
        }
    }
}

impl Streamed {
    /// Takes an event of the provider's own stream, as it is passed on.
    pub(super) fn piece(&mut self, event: &Value) -> Option<Event> {
        match event["type"].as_str()? {
            "message_start" => {
                let message = event["message"]["id"].as_str().map(crop::name).unwrap_or_default();
                *self = Self { message, ..Self::default() };
                None
            }
            "content_block_start" => {
                let block = &event["content_block"];
                self.block = event["index"].as_u64().unwrap_or_default();
                self.kind = Kind::of(block["type"].as_str().unwrap_or_default()).0;
                self.told = false;
                self.told(block)
            }
            "content_block_delta" => self.told(&event["delta"]),
            _ => None,
        }
    }

    fn told(&mut self, piece: &Value) -> Option<Event> {
        let (kind, field) = Kind::of(piece["type"].as_str()?);
        let text = piece[field].as_str().filter(|text| !text.is_empty())?;
        if kind == Kind::Other || kind != self.kind {
            return None;
        }
        self.told = true;
        said(kind, format!("{}/{}", self.message, self.block), None, text)
    }

    /// Takes a whole block of a message, which comes after its pieces. Only pieces of the agent itself are told, so a
    /// block of a sub-agent is always new.
    pub(super) fn whole(&mut self, block: Whole<'_>) -> Option<Event> {
        let pieces = block.parent.is_none() && self.message == block.message && self.kind == block.kind;
        if pieces && std::mem::take(&mut self.told) {
            return None;
        }
        said(block.kind, block.id.to_owned(), block.parent, block.text)
    }
}

/// A block of text as a line tells it.
pub(super) struct Whole<'a> {
    pub(super) message: &'a str,
    /// Of the line.
    pub(super) id: &'a str,
    pub(super) parent: Option<String>,
    pub(super) kind: Kind,
    pub(super) text: &'a str,
}

fn said(kind: Kind, id: String, parent: Option<String>, text: &str) -> Option<Event> {
    if text.is_empty() {
        return None;
    }
    let text = Text { id, role: MessageRole::Agent, parent, text: text.to_owned() };
    match kind {
        Kind::Message => Some(Event::Message(text)),
        Kind::Thought => Some(Event::Thought(text)),
        Kind::Other => None,
    }
}
