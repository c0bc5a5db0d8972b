//! What the events of an answer tell, in each format.

use sandboxed_model::wire::{Tokens, WireFormat};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    tally::{Count, Statement, Tally},
    visible,
};

/// Bytes of a name at most, in what is kept of an answer.
const NAME: usize = 256;

/// What is known of an answer.
pub(crate) struct Facts {
    format: WireFormat,
    tally: Tally,
    model: Option<String>,
    id: Option<String>,
    sequence: u64,
    visible: u64,
    /// It says that it is whole.
    whole: bool,
    /// Its last part has come, though it does not say so.
    finished: bool,
    failed: bool,
}

/// The members of an event, or of a whole answer, that tell something in one of the formats.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Event<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
    #[serde(borrow)]
    content_block: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    choices: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    #[serde(borrow)]
    output: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    sequence_number: Count,
    #[serde(borrow, rename = "usageMetadata")]
    usage_metadata: Option<&'a RawValue>,
    #[serde(borrow, rename = "modelVersion")]
    model_version: Option<&'a RawValue>,
    #[serde(borrow)]
    candidates: Option<&'a RawValue>,
    #[serde(borrow, rename = "promptFeedback")]
    prompt_feedback: Option<&'a RawValue>,
}

impl<'a> Event<'a> {
    fn read(text: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    fn inner(raw: Option<&'a RawValue>) -> Option<Self> {
        serde_json::from_str(raw?.get()).ok()
    }

    fn kind(&self) -> &'a str {
        self.kind.map_or("", |raw| raw.get().trim_matches('"'))
    }
}

/// The end of one of several answers.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Finish<'a> {
    #[serde(borrow, alias = "finishReason")]
    finish_reason: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct AnthropicUsage {
    input_tokens: Count,
    cache_read_input_tokens: Count,
    cache_creation_input_tokens: Count,
    cache_creation: Option<AnthropicCache>,
    output_tokens: Count,
    output_tokens_details: Option<AnthropicOutput>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct AnthropicCache {
    ephemeral_5m_input_tokens: Count,
    ephemeral_1h_input_tokens: Count,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct AnthropicOutput {
    thinking_tokens: Count,
}

/// Usage of Chat Completions and Responses, which differ in names alone.
#[derive(Deserialize, Default)]
#[serde(default)]
struct OpenAiUsage {
    #[serde(alias = "prompt_tokens")]
    input_tokens: Count,
    #[serde(alias = "prompt_tokens_details")]
    input_tokens_details: Option<OpenAiInput>,
    #[serde(alias = "completion_tokens")]
    output_tokens: Count,
    #[serde(alias = "completion_tokens_details")]
    output_tokens_details: Option<OpenAiOutput>,
    total_tokens: Count,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct OpenAiInput {
    cached_tokens: Count,
    cache_write_tokens: Count,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct OpenAiOutput {
    reasoning_tokens: Count,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct GeminiUsage {
    prompt_token_count: Count,
    cached_content_token_count: Count,
    tool_use_prompt_token_count: Count,
    candidates_token_count: Count,
    thoughts_token_count: Count,
    total_token_count: Count,
}

impl Facts {
    pub(crate) fn new(format: WireFormat) -> Self {
        Self {
            format,
            tally: Tally::new(format),
            model: None,
            id: None,
            sequence: 0,
            visible: 0,
            whole: false,
            finished: false,
            failed: false,
        }
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.whole && !self.failed
    }

    /// Whether the answer says that it failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }

    pub(crate) fn tokens(&self) -> Option<Tokens> {
        self.tally.tokens()
    }

    pub(crate) fn visible(&self) -> u64 {
        self.visible
    }

    pub(crate) fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    pub(super) fn format(&self) -> WireFormat {
        self.format
    }

    /// The response's id and the number of its last event.
    pub(crate) fn place(&self) -> (Option<&str>, u64) {
        (self.id.as_deref(), self.sequence)
    }

    /// The answer has ended in good form.
    pub(super) fn end(&mut self) {
        self.whole |= self.finished;
    }

    /// An event was too large to be read.
    pub(super) fn oversized(&mut self, bytes: usize) {
        self.visible += bytes as u64;
        self.tally.missed();
    }

    /// The rest cannot be read.
    pub(super) fn lost(&mut self) {
        self.tally.missed();
    }

    /// An event, or a whole answer.
    pub(crate) fn event(&mut self, text: &[u8]) {
        if self.format == WireFormat::Chat && text == b"[DONE]" {
            self.whole = true;
            return;
        }
        let Some(event) = Event::read(text) else { return };
        match self.format {
            WireFormat::Messages => self.messages(&event),
            WireFormat::Chat => self.chat(&event),
            WireFormat::Responses => self.responses(&event),
            WireFormat::Gemini => self.gemini(&event),
        }
    }

    fn messages(&mut self, event: &Event<'_>) {
        match event.kind() {
            "message_start" => {
                if let Some(message) = Event::inner(event.message) {
                    name(&mut self.model, message.model);
                    self.usage(message.usage);
                }
            }
            "content_block_start" => self.see(event.content_block),
            "content_block_delta" => self.see(event.delta),
            "message_delta" => self.usage(event.usage),
            "message_stop" => self.whole = true,
            "message" => {
                name(&mut self.model, event.model);
                self.see(event.content);
                self.usage(event.usage);
                self.finished = true;
            }
            "error" => self.failed = true,
            _ => {}
        }
    }

    fn chat(&mut self, event: &Event<'_>) {
        self.failed |= event.error.is_some();
        name(&mut self.model, event.model);
        self.see(event.choices);
        self.finish(event.choices);
        self.usage(event.usage);
    }

    fn responses(&mut self, event: &Event<'_>) {
        if let Count::Told(number) = event.sequence_number {
            self.sequence = number;
        }
        let kind = event.kind();
        if kind.ends_with(".delta") {
            self.see(event.delta);
        } else if kind == "error" {
            self.failed = true;
        } else if let Some(inner) = Event::inner(event.response) {
            name(&mut self.id, inner.id);
            name(&mut self.model, inner.model);
            self.usage(inner.usage);
            self.whole |= matches!(kind, "response.completed" | "response.incomplete");
            self.failed |= kind == "response.failed";
        } else if kind.is_empty() && event.status.is_some() {
            name(&mut self.model, event.model);
            self.see(event.output);
            self.usage(event.usage);
            self.finished = true;
        }
    }

    fn gemini(&mut self, event: &Event<'_>) {
        self.failed |= event.error.is_some();
        name(&mut self.model, event.model_version);
        self.see(event.candidates);
        self.finish(event.candidates);
        // A prompt that is blocked has no candidates.
        self.finished |= event.prompt_feedback.is_some_and(|feedback| feedback.get().contains("blockReason"));
        self.usage(event.usage_metadata);
    }

    fn see(&mut self, part: Option<&RawValue>) {
        if let Some(part) = part {
            self.visible += visible::bytes(part);
        }
    }

    fn finish(&mut self, answers: Option<&RawValue>) {
        let answers = answers.and_then(|answers| serde_json::from_str::<Vec<Finish<'_>>>(answers.get()).ok());
        self.finished |= answers.is_some_and(|answers| answers.iter().any(|answer| answer.finish_reason.is_some()));
    }

    fn usage(&mut self, usage: Option<&RawValue>) {
        let Some(usage) = usage else { return };
        let text = usage.get();
        let statement = match self.format {
            WireFormat::Messages => serde_json::from_str(text).ok().map(|usage: AnthropicUsage| {
                let cache = usage.cache_creation.unwrap_or_default();
                Statement {
                    input: usage.input_tokens,
                    cache_read: usage.cache_read_input_tokens,
                    cache_write: usage.cache_creation_input_tokens,
                    cache_write_5m: cache.ephemeral_5m_input_tokens,
                    cache_write_1h: cache.ephemeral_1h_input_tokens,
                    output: usage.output_tokens,
                    reasoning: usage.output_tokens_details.unwrap_or_default().thinking_tokens,
                    ..Statement::default()
                }
            }),
            WireFormat::Chat | WireFormat::Responses => serde_json::from_str(text).ok().map(|usage: OpenAiUsage| {
                let input = usage.input_tokens_details.unwrap_or_default();
                Statement {
                    input: usage.input_tokens,
                    cache_read: input.cached_tokens,
                    cache_write: input.cache_write_tokens,
                    output: usage.output_tokens,
                    reasoning: usage.output_tokens_details.unwrap_or_default().reasoning_tokens,
                    total: usage.total_tokens,
                    ..Statement::default()
                }
            }),
            WireFormat::Gemini => serde_json::from_str(text).ok().map(|usage: GeminiUsage| Statement {
                input: usage.prompt_token_count,
                cache_read: usage.cached_content_token_count,
                more_input: usage.tool_use_prompt_token_count,
                output: usage.candidates_token_count,
                reasoning: usage.thoughts_token_count,
                total: usage.total_token_count,
                ..Statement::default()
            }),
        };
        self.tally.add(statement);
    }
}

/// Keeps a name that an answer tells.
fn name(kept: &mut Option<String>, raw: Option<&RawValue>) {
    let raw = raw.filter(|raw| raw.get().len() <= NAME);
    if let Some(text) = raw.and_then(|raw| serde_json::from_str(raw.get()).ok()) {
        *kept = Some(text);
    }
}
