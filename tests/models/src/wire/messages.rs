//! Anthropic Messages.

use serde_json::Value;

use super::{failure, last};
use crate::{
    asked::{Asked, Refusal, Tool, Turn, arguments, list, text, texts},
    json::{Obj, raw},
    reply::{Block, Call, Reply},
    scenario::Stop,
    script::{Event, Step, Writer},
    usage::{Lie, Moment, Pen, Usage},
};

/// Writes the events of a stream.
pub(crate) struct Messages;

/// Reads a request.
pub(crate) fn read(body: &Value, counting: bool) -> Result<Asked, Refusal> {
    let model = text(body, "model").ok_or_else(|| Refusal::bad("model: Field required"))?;
    if !body.get("messages").is_some_and(Value::is_array) {
        return Err(Refusal::bad("messages: Field required"));
    }
    if !counting && !body.get("max_tokens").is_some_and(Value::is_u64) {
        return Err(Refusal::bad("max_tokens: Field required"));
    }
    let mut asked = Asked {
        model: model.to_owned(),
        stream: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
        tools: list(body, "tools")
            .iter()
            .filter_map(|tool| {
                Some(Tool {
                    name: text(tool, "name")?.to_owned(),
                    arguments: arguments(tool.get("input_schema")),
                    ..Tool::default()
                })
            })
            .collect(),
        ..Asked::default()
    };
    for message in list(body, "messages") {
        let content = message.get("content");
        match text(message, "role") {
            Some("user") => {
                let results = list(message, "content").iter().filter(|part| text(part, "type") == Some("tool_result"));
                let results: Vec<Turn> =
                    results.map(|part| Turn::Result(texts(part.get("content")).join("\n"))).collect();
                // Text beside results was said after them, but does not answer for them.
                let parts = if results.is_empty() { texts(content) } else { Vec::new() };
                asked.talk([Turn::User(parts)]);
                asked.talk(results);
            }
            _ => asked.talk([Turn::Other]),
        }
    }
    for part in ["system", "messages", "tools"] {
        if let Some(part) = body.get(part) {
            asked.measure(part);
        }
    }
    Ok(asked)
}

fn usage(usage: &Usage, pen: Pen, start: bool) -> Option<impl serde::Serialize + use<>> {
    let numbers = Obj::new()
        .put("input_tokens", pen.number(usage.input))
        .put("cache_creation_input_tokens", pen.number(usage.cache_write()))
        .put("cache_read_input_tokens", pen.number(usage.cache_read));
    let numbers = if start {
        numbers.put(
            "cache_creation",
            Obj::new()
                .put("ephemeral_5m_input_tokens", pen.number(usage.cache_write_5m))
                .put("ephemeral_1h_input_tokens", pen.number(usage.cache_write_1h)),
        )
    } else {
        numbers
    };
    let numbers = numbers.put("output_tokens", pen.number(usage.output));
    let numbers = if usage.reasoning == 0 {
        numbers
    } else {
        numbers.put("output_tokens_details", Obj::new().put("thinking_tokens", pen.number(usage.reasoning)))
    };
    pen.write(if start { numbers.put("service_tier", "standard") } else { numbers })
}

fn stop(stop: Stop) -> &'static str {
    match stop {
        Stop::EndTurn => "end_turn",
        Stop::MaxTokens => "max_tokens",
        Stop::ToolUse => "tool_use",
        Stop::Refusal => "refusal",
    }
}

fn tool(reply: &Reply, index: usize, call: &Call, input: &str) -> Obj {
    Obj::of("tool_use")
        .put("id", reply.call_id(call, "toolu_01", index))
        .put("name", &call.name)
        .put("input", raw(input))
}

fn message(reply: &Reply) -> Obj {
    Obj::new()
        .put("id", reply.id("msg_01", 0))
        .put("type", "message")
        .put("role", "assistant")
        .put("model", &reply.model)
}

/// What the first event says: the answer has just begun.
fn begun(reply: &Reply) -> Usage {
    Usage { output: reply.usage.output.min(1), ..reply.usage.before_output() }
}

/// A whole message.
pub(crate) fn whole(reply: &Reply) -> String {
    let content: Vec<Obj> = reply
        .blocks
        .iter()
        .enumerate()
        .map(|(index, block)| match block {
            Block::Text(text) => Obj::of("text").put("text", text),
            Block::Thinking(text) => {
                Obj::of("thinking").put("thinking", text).put("signature", reply.id("sig_", index))
            }
            Block::Tool(call) => tool(reply, index, call, &call.input),
        })
        .collect();
    message(reply)
        .put("content", content)
        .put("stop_reason", stop(reply.stop))
        .put("stop_sequence", Value::Null)
        .put_some("usage", usage(&reply.usage, last(reply), true))
        .text()
}

impl Writer for Messages {
    fn write(&mut self, reply: &Reply, step: &Step) -> Vec<Event> {
        let delta = |index: usize, delta: Obj| {
            let data = Obj::of("content_block_delta").put("index", index).put("delta", delta);
            Event::named("content_block_delta", data.text())
        };
        match step {
            Step::Begin => {
                let pen = Pen { lie: reply.lie, moment: Moment::Early };
                let message = message(reply)
                    .put("content", [(); 0])
                    .put("stop_reason", Value::Null)
                    .put("stop_sequence", Value::Null)
                    .put_some("usage", usage(&begun(reply), pen, true));
                let data = Obj::of("message_start").put("message", message);
                vec![Event::named("message_start", data.text()).telling(begun(reply), reply.lie.is_none())]
            }
            Step::Start(index) => {
                let block = match &reply.blocks[*index] {
                    Block::Text(_) => Obj::of("text").put("text", ""),
                    Block::Thinking(_) => Obj::of("thinking").put("thinking", "").put("signature", ""),
                    Block::Tool(call) => tool(reply, *index, call, "{}"),
                };
                let data = Obj::of("content_block_start").put("index", index).put("content_block", block);
                let mut events = vec![Event::named("content_block_start", data.text())];
                if *index == 0 {
                    events.push(Event::named("ping", Obj::of("ping").text()));
                }
                events
            }
            Step::Delta(index, range) => {
                let piece = |text: &str| text[range.clone()].to_owned();
                vec![delta(
                    *index,
                    match &reply.blocks[*index] {
                        Block::Text(text) => Obj::of("text_delta").put("text", piece(text)),
                        Block::Thinking(text) => Obj::of("thinking_delta").put("thinking", piece(text)),
                        Block::Tool(call) => Obj::of("input_json_delta").put("partial_json", piece(&call.input)),
                    },
                )]
            }
            Step::Stop(index) => {
                let stopped =
                    Event::named("content_block_stop", Obj::of("content_block_stop").put("index", index).text());
                if matches!(reply.blocks[*index], Block::Thinking(_)) {
                    let signed = Obj::of("signature_delta").put("signature", reply.id("sig_", *index));
                    return vec![delta(*index, signed), stopped];
                }
                vec![stopped]
            }
            Step::End => {
                let data = Obj::of("message_delta")
                    .put("delta", Obj::new().put("stop_reason", stop(reply.stop)).put("stop_sequence", Value::Null))
                    .put_some("usage", usage(&reply.usage, last(reply), false));
                let honest = matches!(reply.lie, None | Some(Lie::Shrinking));
                vec![
                    Event::named("message_delta", data.text()).telling(reply.usage, honest),
                    Event::named("message_stop", Obj::of("message_stop").text()),
                ]
            }
        }
    }

    fn error(&mut self, reply: &Reply, status: u16) -> Event {
        Event::named("error", failure::anthropic(status, None, None, &reply.id("req_01", 0)))
    }

    fn padding(&mut self, _reply: &Reply, filler: String) -> Event {
        Event::named("padding", Obj::of("padding").put("padding", filler).text())
    }
}
