//! What a scenario file says. The format is told of in `README.md` beside this crate.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    Error,
    fault::Fault,
    route::{Format, Operation},
    usage::{Lie, Usage},
};

/// What the server answers. The default echoes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// The names of the model lists.
    pub models: Vec<String>,
    /// Requests without a key are served too.
    pub allow_anonymous: bool,
    /// Keys that no `[[key]]` names are unknown.
    pub only_listed_keys: bool,
    /// Responses are not to be had over a WebSocket.
    pub no_websockets: bool,
    /// Ids are made from a running number too, so that no two are the same.
    pub unique_ids: bool,
    /// Times in bodies are those of the clock.
    pub clock: bool,
    /// Figures for the rate limit headers; there are none without.
    pub rate_limits: Option<RateLimits>,
    /// Rules about single keys.
    pub key: Vec<KeyRule>,
    /// The replies. The first whose conditions hold is taken; where none does, the answer is an echo.
    pub reply: Vec<ReplyRule>,
}

/// Figures for the rate limit headers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimits {
    /// Requests: the limit and what is left of it.
    pub requests: [u64; 2],
    /// Tokens: the limit and what is left of it.
    pub tokens: [u64; 2],
    /// Seconds until they are full again.
    #[serde(default)]
    pub reset_s: u64,
}

/// A rule about one key.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeyRule {
    /// The key itself.
    pub value: String,
    /// It is refused as unknown.
    pub unknown: bool,
    /// Its window is used up until this time (RFC 3339).
    pub used_up_until: Option<jiff::Timestamp>,
    /// Its window is used up for so many seconds after the scenario was put in place.
    pub used_up_for_s: Option<u32>,
    /// Every request with it fails so.
    pub error: Option<ErrorRule>,
}

/// One reply and when it is given.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReplyRule {
    /// A name for the ledger.
    pub name: Option<String>,
    /// The conditions, all of which have to hold.
    pub when: When,
    /// Short for a first piece of thinking.
    pub thinking: Option<String>,
    /// Short for a piece of text after the thinking.
    pub text: Option<String>,
    /// The pieces of the answer in their order.
    pub content: Vec<Piece>,
    /// Why the answer ends. Without: for a tool where one is called, else because all is said.
    pub stop: Option<Stop>,
    /// What is told of the tokens.
    pub usage: UsageRule,
    /// The name of the model in the answer instead of the one in the request.
    pub model: Option<String>,
    /// Characters in one event of a stream; 16 without.
    pub chunk: Option<u32>,
    /// The pace of the answer.
    pub pace: Pace,
    /// The body is sent in writes of so many bytes, wherever the events end.
    pub split_bytes: Option<u32>,
    /// The body is compressed if the client takes gzip.
    pub gzip: bool,
    /// The `Content-Type` instead of the right one.
    pub content_type: Option<String>,
    /// Further headers. `${epoch+60}` and `${time+60}` in them are a minute from now.
    pub headers: BTreeMap<String, String>,
    /// The request fails with this.
    pub error: Option<ErrorRule>,
    /// The client is sent elsewhere.
    pub redirect: Option<Redirect>,
    /// What goes wrong with the answer.
    pub fault: Option<Fault>,
}

/// Conditions of a reply. `*` in a pattern stands for any text.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// The wire format.
    pub format: Option<Format>,
    /// What is asked for; `generate` without.
    pub operation: Option<Operation>,
    /// A pattern for the model.
    pub model: Option<String>,
    /// A pattern for the path.
    pub path: Option<String>,
    /// The key.
    pub key: Option<String>,
    /// A part of the last message of the user.
    pub user_contains: Option<String>,
    /// Whether a tool result came after the last message of the user.
    pub tool_result: Option<bool>,
    /// A part of the last tool result.
    pub tool_result_contains: Option<String>,
    /// Whether the request offers tools.
    pub tools: Option<bool>,
    /// The request offers a tool of this name.
    pub offers: Option<String>,
    /// Whether there are images in the request.
    pub images: Option<bool>,
    /// Whether a stream is asked for.
    pub stream: Option<bool>,
    /// Whether the request came by a WebSocket.
    pub websocket: Option<bool>,
    /// Patterns for headers.
    pub headers: BTreeMap<String, String>,
    /// Of the requests for which all else holds, the one with this number, or those from the first to the last.
    pub nth: Option<Nth>,
}

/// Which of the requests that match.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Nth {
    /// The one with this number, from 1.
    One(u64),
    /// From the first to the last of these numbers.
    Span([u64; 2]),
}

/// A piece of an answer. `${user}`, `${model}`, `${user_messages}`, `${tool_result}` and `${images}` in texts are filled
/// from the request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Piece {
    /// Text.
    Text {
        /// The text.
        text: String,
        /// How many times over; 1 without.
        #[serde(default)]
        repeat: Option<u32>,
    },
    /// Thinking, where the format has a place for it.
    Thinking {
        /// The text.
        text: String,
    },
    /// A call of a tool.
    ToolCall {
        /// The name of the tool.
        name: String,
        /// Its arguments.
        #[serde(default)]
        arguments: serde_json::Map<String, serde_json::Value>,
        /// Its arguments as text, right or wrong, instead.
        #[serde(default)]
        raw_arguments: Option<String>,
        /// The namespace of the tool (Responses).
        #[serde(default)]
        namespace: Option<String>,
        /// Makes it a call of a custom tool with this text (Responses, Chat Completions).
        #[serde(default)]
        custom_input: Option<String>,
        /// The id of the call.
        #[serde(default)]
        id: Option<String>,
    },
    /// A call of whatever tool of the request runs shell commands.
    Shell {
        /// The command.
        command: String,
    },
}

/// Why an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// All is said.
    EndTurn,
    /// The limit of tokens was reached.
    MaxTokens,
    /// A tool is called.
    ToolUse,
    /// The model will not.
    Refusal,
}

/// What is told of tokens. What is left out is counted from the texts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UsageRule {
    /// See [`Usage::input`].
    pub input: Option<i64>,
    /// See [`Usage::cache_read`].
    pub cache_read: i64,
    /// See [`Usage::cache_write_5m`].
    pub cache_write_5m: i64,
    /// See [`Usage::cache_write_1h`].
    pub cache_write_1h: i64,
    /// See [`Usage::output`].
    pub output: Option<i64>,
    /// See [`Usage::reasoning`].
    pub reasoning: i64,
    /// Chat Completions tells usage at the end of a stream also where it was not asked to.
    pub always: bool,
    /// The way to lie about it.
    pub lie: Option<Lie>,
}

impl UsageRule {
    pub(crate) fn fill(&self, input: i64, output: i64) -> Usage {
        Usage {
            input: self.input.unwrap_or(input),
            cache_read: self.cache_read,
            cache_write_5m: self.cache_write_5m,
            cache_write_1h: self.cache_write_1h,
            output: self.output.unwrap_or(output),
            reasoning: self.reasoning,
        }
    }
}

/// The pace of an answer, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pace {
    /// Before the status line.
    pub headers_ms: u64,
    /// Between the headers and the first byte of the body.
    pub first_ms: u64,
    /// Before each further event.
    pub between_ms: u64,
}

/// A failure as the provider would write it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ErrorRule {
    /// The HTTP status.
    pub status: u16,
    /// The provider's name of the kind, instead of the one that goes with the status.
    pub kind: Option<String>,
    /// OpenAI's `code`, instead of the one that goes with the status.
    pub code: Option<String>,
    /// The message.
    pub message: Option<String>,
    /// `Retry-After` in seconds.
    pub retry_after_s: Option<u64>,
    /// A used-up window opens again so many seconds from now: the provider's own headers and fields say so.
    pub resets_in_s: Option<u64>,
    /// The whole body instead of the provider's.
    pub body: Option<String>,
}

/// Where a client is sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    /// The address.
    pub to: String,
    /// 301, 302, 303, 307 or 308; 307 without.
    #[serde(default)]
    pub status: Option<u16>,
}

impl Scenario {
    /// Reads a scenario: JSON if it begins with a brace, else TOML. Both have the same fields.
    ///
    /// # Errors
    ///
    /// [`Error::Scenario`], with what is wrong and where.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let parsed: Self = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| Error::Scenario(error.to_string()))?
        } else {
            toml::from_str(text).map_err(|error| Error::Scenario(error.to_string()))?
        };
        parsed.check()?;
        Ok(parsed)
    }

    /// Reads the scenario in a file.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if it cannot be read, else as [`Scenario::parse`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
        Self::parse(&text)
    }

    fn check(&self) -> Result<(), Error> {
        let wrong = |index: usize, what: &str| Err(Error::Scenario(format!("reply {index}: {what}")));
        for (index, reply) in self.reply.iter().enumerate() {
            if reply.chunk == Some(0) || reply.split_bytes == Some(0) {
                return wrong(index, "chunk and split_bytes are at least 1");
            }
            if reply.error.as_ref().is_some_and(|error| !(400..600).contains(&error.status)) {
                return wrong(index, "the status of an error is from 400 to 599");
            }
            if let Some(Redirect { status: Some(status), .. }) = reply.redirect
                && !(300..400).contains(&status)
            {
                return wrong(index, "the status of a redirect is from 300 to 399");
            }
            let characters: u64 = reply
                .content
                .iter()
                .map(|piece| match piece {
                    Piece::Text { text, repeat } => text.len() as u64 * u64::from(repeat.unwrap_or(1)),
                    _ => 0,
                })
                .sum();
            if characters > MOST_TEXT {
                return wrong(index, "more text than 16 MiB");
            }
            if let Some(Fault::HugeLine { bytes, .. }) = reply.fault
                && bytes > MOST_TEXT
            {
                return wrong(index, "a line longer than 16 MiB");
            }
            if reply.headers.iter().any(|(name, _)| http::HeaderName::try_from(name).is_err()) {
                return wrong(index, "a header whose name is none");
            }
        }
        for (index, key) in self.key.iter().enumerate() {
            if key.error.as_ref().is_some_and(|error| !(400..600).contains(&error.status)) {
                return Err(Error::Scenario(format!("key {index}: the status of an error is from 400 to 599")));
            }
        }
        Ok(())
    }
}

/// Bytes of text in one reply at most: a stream of it is made bit by bit, but its closing events hold it whole.
const MOST_TEXT: u64 = 16 * 1024 * 1024;
