//! What a request asks for, in terms of no provider.

use serde_json::Value;

use crate::route::{Format, Operation};

/// A request as the scenario sees it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) model: String,
    pub(crate) stream: bool,
    /// Chat Completions: usage at the end of the stream is wanted.
    pub(crate) include_usage: bool,
    /// Responses over a WebSocket: nothing is to be generated, the connection is only warmed.
    pub(crate) warm_up: bool,
    /// Responses over a WebSocket: the lane that events of the answer name.
    pub(crate) lane: Option<String>,
    pub(crate) user: String,
    pub(crate) user_messages: u64,
    pub(crate) turns: u64,
    /// The last tool result, if one came after the last message of the user.
    pub(crate) tool_result: Option<String>,
    pub(crate) tools: Vec<Tool>,
    pub(crate) images: u64,
    /// Characters of all texts.
    pub(crate) characters: u64,
}

/// A tool that a request offers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) namespace: Option<String>,
    /// It takes text instead of arguments.
    pub(crate) custom: bool,
    /// The names of its arguments.
    pub(crate) arguments: Vec<String>,
}

/// A request that a provider would refuse.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self { status: 400, message: message.into() }
    }
}

/// One entry of a conversation.
pub(crate) enum Turn {
    User(Vec<String>),
    Result(String),
    Other,
}

impl Asked {
    /// Takes in a conversation.
    pub(crate) fn talk(&mut self, turns: impl IntoIterator<Item = Turn>) {
        for turn in turns {
            self.turns += 1;
            match turn {
                Turn::User(parts) => {
                    let said: Vec<&str> = parts.iter().filter_map(|part| said(part)).collect();
                    if !said.is_empty() {
                        self.user = said.join("\n");
                        self.user_messages += 1;
                        self.tool_result = None;
                    }
                }
                Turn::Result(text) => self.tool_result = Some(text),
                Turn::Other => {}
            }
        }
    }

    /// Counts the texts and images of a part of the request.
    pub(crate) fn measure(&mut self, part: &Value) {
        match part {
            Value::String(text) => self.characters += text.chars().count() as u64,
            Value::Array(all) => all.iter().for_each(|one| self.measure(one)),
            Value::Object(fields) => {
                let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default();
                if matches!(kind, "image" | "image_url" | "input_image") || fields.contains_key("inlineData") {
                    self.images += 1;
                    return;
                }
                for (name, value) in fields {
                    if !matches!(
                        name.as_str(),
                        "type" | "role" | "id" | "signature" | "encrypted_content" | "cache_control"
                    ) {
                        self.measure(value);
                    }
                }
            }
            _ => {}
        }
    }

    /// A count of tokens where the scenario gives none: a quarter of the characters, and a thousand for each image.
    pub(crate) fn tokens(&self) -> i64 {
        tokens(self.characters).saturating_add(i64::try_from(self.images).unwrap_or(0).saturating_mul(1000))
    }
}

/// Tokens of so many characters, where the scenario gives no number.
pub(crate) fn tokens(characters: u64) -> i64 {
    i64::try_from(characters.div_ceil(4).max(1)).unwrap_or(i64::MAX)
}

/// What the user said in a part of a message: agents put notes of their own beside it, or wrap it.
fn said(part: &str) -> Option<&str> {
    const NOTES: [&str; 6] = [
        "<system-reminder>",
        "<user_info>",
        "<session_context>",
        "<environment_context>",
        "<user_instructions>",
        "# AGENTS.md",
    ];
    let text = part.trim();
    if let Some((_, after)) = text.split_once("<user_query>") {
        return Some(after.split("</user_query>").next().unwrap_or(after).trim());
    }
    (!text.is_empty() && !NOTES.iter().any(|note| text.starts_with(note))).then_some(text)
}

/// The texts of a content that is a text or a list of parts with texts.
pub(crate) fn texts(content: Option<&Value>) -> Vec<String> {
    match content {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(parts)) => parts
            .iter()
            .filter_map(|part| part.as_str().or_else(|| part.get("text").and_then(Value::as_str)))
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}

/// A field that is a text.
pub(crate) fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

/// A field that is a list.
pub(crate) fn list<'a>(object: &'a Value, name: &str) -> &'a [Value] {
    object.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The names of the arguments that a JSON schema describes.
pub(crate) fn arguments(schema: Option<&Value>) -> Vec<String> {
    schema
        .and_then(|schema| schema.get("properties"))
        .and_then(Value::as_object)
        .map(|properties| properties.keys().cloned().collect())
        .unwrap_or_default()
}

/// Reads the body of a request.
pub(crate) fn read(format: Format, operation: Operation, body: &Value) -> Result<Asked, Refusal> {
    if !body.is_object() {
        return Err(Refusal::bad("the body has to be a JSON object"));
    }
    let counting = operation == Operation::Count;
    match format {
        Format::Messages => crate::wire::messages::read(body, counting),
        Format::Chat => crate::wire::chat::read(body),
        Format::Responses => crate::wire::responses::read(body, counting),
        Format::Gemini => crate::wire::gemini::read(body),
    }
}
