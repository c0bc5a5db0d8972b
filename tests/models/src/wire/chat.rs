//! OpenAI Chat Completions, as OpenAI and those who copy it write it.

use serde_json::Value;

use super::{failure, last};
use crate::{
    asked::{Asked, Refusal, Tool, Turn, arguments, list, text, texts},
    json::Obj,
    reply::{Block, Call, Reply},
    scenario::Stop,
    script::{Event, Step, Writer},
    usage::Usage,
};

/// Writes the events of a stream.
pub(crate) struct Chat;

/// Reads a request.
pub(crate) fn read(body: &Value) -> Result<Asked, Refusal> {
    if !body.get("messages").is_some_and(Value::is_array) {
        return Err(Refusal::bad("Missing required parameter: 'messages'."));
    }
    let mut asked = Asked {
        // Azure has it in the path.
        model: text(body, "model").unwrap_or_default().to_owned(),
        stream: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
        include_usage: body.pointer("/stream_options/include_usage").and_then(Value::as_bool).unwrap_or(false),
        tools: list(body, "tools")
            .iter()
            .filter_map(|tool| {
                let custom = text(tool, "type") == Some("custom");
                let inner = tool.get(if custom { "custom" } else { "function" })?;
                Some(Tool {
                    name: text(inner, "name")?.to_owned(),
                    custom,
                    arguments: arguments(inner.get("parameters")),
                    namespace: None,
                })
            })
            .collect(),
        ..Asked::default()
    };
    asked.talk(list(body, "messages").iter().map(|message| match text(message, "role") {
        Some("user") => Turn::User(texts(message.get("content"))),
        Some("tool" | "function") => Turn::Result(texts(message.get("content")).join("\n")),
        _ => Turn::Other,
    }));
    for part in ["messages", "tools"] {
        if let Some(part) = body.get(part) {
            asked.measure(part);
        }
    }
    Ok(asked)
}

fn usage(reply: &Reply) -> Option<impl serde::Serialize + use<>> {
    let pen = last(reply);
    let Usage { cache_read, output, reasoning, .. } = reply.usage;
    let prompt = reply.usage.prompt();
    let mut prompt_details = Obj::new().put("cached_tokens", pen.number(cache_read)).put("audio_tokens", 0);
    if reply.usage.cache_write() != 0 {
        prompt_details = prompt_details.put("cache_write_tokens", pen.number(reply.usage.cache_write()));
    }
    pen.write(
        Obj::new()
            .put("prompt_tokens", pen.number(prompt))
            .put("completion_tokens", pen.number(output))
            .put("total_tokens", pen.number(prompt.saturating_add(output)))
            .put("prompt_tokens_details", prompt_details)
            .put(
                "completion_tokens_details",
                Obj::new()
                    .put("reasoning_tokens", pen.number(reasoning))
                    .put("audio_tokens", 0)
                    .put("accepted_prediction_tokens", 0)
                    .put("rejected_prediction_tokens", 0),
            ),
    )
}

fn finish(stop: Stop) -> &'static str {
    match stop {
        Stop::EndTurn => "stop",
        Stop::MaxTokens => "length",
        Stop::ToolUse => "tool_calls",
        Stop::Refusal => "content_filter",
    }
}

fn tool(reply: &Reply, index: usize, call: &Call, input: &str) -> Obj {
    let head = Obj::new().put("id", reply.call_id(call, "call_", index));
    if call.custom {
        head.put("type", "custom").put("custom", Obj::new().put("name", &call.name).put("input", input))
    } else {
        head.put("type", "function").put("function", Obj::new().put("name", &call.name).put("arguments", input))
    }
}

/// A whole completion.
pub(crate) fn whole(reply: &Reply) -> String {
    let said = reply.said();
    let thought = reply.thought();
    let calls: Vec<Obj> = reply.calls().map(|(index, call)| tool(reply, index, call, &call.input)).collect();
    let message = Obj::new()
        .put("role", "assistant")
        .put("content", (!said.is_empty() || calls.is_empty()).then_some(said))
        .put_some("reasoning_content", (!thought.is_empty()).then_some(thought))
        .put_some("tool_calls", (!calls.is_empty()).then_some(calls))
        .put("refusal", Value::Null);
    let choice = Obj::new()
        .put("index", 0)
        .put("message", message)
        .put("logprobs", Value::Null)
        .put("finish_reason", finish(reply.stop));
    head(reply, "chat.completion").put("choices", [choice]).put_some("usage", usage(reply)).text()
}

fn head(reply: &Reply, object: &str) -> Obj {
    Obj::new()
        .put("id", reply.id("chatcmpl-", 0))
        .put("object", object)
        .put("created", reply.created)
        .put("model", &reply.model)
        .put("service_tier", "default")
        .put("system_fingerprint", "fp_scripted")
}

fn chunk(reply: &Reply, delta: Obj, finish: Option<&str>) -> Event {
    let choice =
        Obj::new().put("index", 0).put("delta", delta).put("logprobs", Value::Null).put("finish_reason", finish);
    let chunk = head(reply, "chat.completion.chunk").put("choices", [choice]);
    Event::plain(if reply.tell_usage { chunk.put("usage", Value::Null) } else { chunk }.text())
}

impl Writer for Chat {
    fn write(&mut self, reply: &Reply, step: &Step) -> Vec<Event> {
        // The index of a call is its place among the calls.
        let place = |index: usize| reply.calls().take_while(|(at, _)| *at < index).count();
        match step {
            Step::Begin => {
                let first = Obj::new().put("role", "assistant").put("content", "").put("refusal", Value::Null);
                vec![chunk(reply, first, None)]
            }
            Step::Start(index) => match &reply.blocks[*index] {
                Block::Tool(call) => {
                    // The index goes before the rest.
                    let inner = if call.custom { ("custom", "input") } else { ("function", "arguments") };
                    let call = Obj::new()
                        .put("index", place(*index))
                        .put("id", reply.call_id(call, "call_", *index))
                        .put("type", inner.0)
                        .put(inner.0, Obj::new().put("name", &call.name).put(inner.1, ""));
                    vec![chunk(reply, Obj::new().put("tool_calls", [call]), None)]
                }
                _ => Vec::new(),
            },
            Step::Delta(index, range) => {
                let delta = match &reply.blocks[*index] {
                    Block::Text(text) => Obj::new().put("content", &text[range.clone()]),
                    Block::Thinking(text) => Obj::new().put("reasoning_content", &text[range.clone()]),
                    Block::Tool(call) => {
                        let inner = if call.custom { ("custom", "input") } else { ("function", "arguments") };
                        let piece = Obj::new().put(inner.1, &call.input[range.clone()]);
                        Obj::new().put("tool_calls", [Obj::new().put("index", place(*index)).put(inner.0, piece)])
                    }
                };
                vec![chunk(reply, delta, None)]
            }
            Step::Stop(_) => Vec::new(),
            Step::End => {
                let mut events = vec![chunk(reply, Obj::new(), Some(finish(reply.stop)))];
                if reply.tell_usage
                    && let Some(usage) = usage(reply)
                {
                    let last = head(reply, "chat.completion.chunk").put("choices", [(); 0]).put("usage", usage);
                    events.push(Event::plain(last.text()).telling(reply.usage, reply.lie.is_none()));
                }
                events.push(Event::plain(String::from("[DONE]")));
                events
            }
        }
    }

    fn error(&mut self, _reply: &Reply, status: u16) -> Event {
        Event::plain(failure::openai(status, None, None, None))
    }

    fn padding(&mut self, reply: &Reply, filler: String) -> Event {
        Event::plain(head(reply, "chat.completion.chunk").put("choices", [(); 0]).put("obfuscation", filler).text())
    }
}
