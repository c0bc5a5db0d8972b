//! OpenAI Responses: the request, and the events of an answer, which are the same over HTTP and over a WebSocket.

use serde_json::Value;

use super::{failure, response_object as object};
use crate::{
    asked::{Asked, Refusal, Tool, Turn, arguments, list, text, texts},
    json::Obj,
    reply::{Block, Reply},
    script::{Event, Step, Writer},
};

/// Writes the events of a stream.
#[derive(Default)]
pub(crate) struct Responses {
    /// The number of the next event.
    sequence: u64,
}

/// Reads a request.
pub(crate) fn read(body: &Value, counting: bool) -> Result<Asked, Refusal> {
    let model = text(body, "model");
    if model.is_none() && !counting {
        return Err(Refusal::bad("Missing required parameter: 'model'."));
    }
    let mut asked = Asked {
        model: model.unwrap_or_default().to_owned(),
        stream: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
        warm_up: body.get("generate").and_then(Value::as_bool) == Some(false),
        lane: text(body, "stream_id").map(str::to_owned),
        ..Asked::default()
    };
    tools(list(body, "tools"), None, &mut asked.tools);
    match body.get("input") {
        Some(Value::String(text)) => asked.talk([Turn::User(vec![text.clone()])]),
        Some(Value::Array(items)) => {
            for item in items {
                if text(item, "type") == Some("additional_tools") {
                    tools(list(item, "tools"), None, &mut asked.tools);
                }
                asked.talk([turn(item)]);
            }
        }
        None | Some(Value::Null) => {}
        Some(_) => return Err(Refusal::bad("Invalid type for 'input': expected a string or an array.")),
    }
    for part in ["instructions", "input", "tools"] {
        if let Some(part) = body.get(part) {
            asked.measure(part);
        }
    }
    Ok(asked)
}

fn turn(item: &Value) -> Turn {
    match (text(item, "type"), text(item, "role")) {
        (Some("message") | None, Some("user")) => Turn::User(texts(item.get("content"))),
        (Some(kind), _) if kind.ends_with("_output") => Turn::Result(texts(item.get("output")).join("\n")),
        _ => Turn::Other,
    }
}

fn tools(offered: &[Value], namespace: Option<&str>, found: &mut Vec<Tool>) {
    for tool in offered {
        let Some(name) = text(tool, "name").or_else(|| text(tool, "type")) else { continue };
        if text(tool, "type") == Some("namespace") {
            // A namespace within a namespace is none.
            if namespace.is_none() {
                tools(list(tool, "tools"), Some(name), found);
            }
            continue;
        }
        found.push(Tool {
            name: name.to_owned(),
            namespace: namespace.map(str::to_owned),
            custom: text(tool, "type") == Some("custom"),
            arguments: arguments(tool.get("parameters")),
        });
    }
}

impl Responses {
    fn event(&mut self, reply: &Reply, name: &'static str, fill: impl FnOnce(Obj) -> Obj) -> Event {
        let numbered = Obj::of(name).put("sequence_number", self.sequence);
        self.sequence += 1;
        Event::named(name, fill(numbered).put_some("stream_id", reply.lane.as_deref()).text())
    }

    fn start(&mut self, reply: &Reply, index: usize) -> Vec<Event> {
        let id = object::item_id(reply, index);
        let added = self.event(reply, "response.output_item.added", |event| {
            event.put("output_index", index).put("item", object::item(reply, index, false))
        });
        let at = |event: Obj| event.put("item_id", &id).put("output_index", index);
        let mut events = vec![added];
        match &reply.blocks[index] {
            Block::Text(_) => events.push(self.event(reply, "response.content_part.added", |event| {
                at(event).put("content_index", 0).put("part", object::text_part(""))
            })),
            Block::Thinking(_) => events.push(self.event(reply, "response.reasoning_summary_part.added", |event| {
                at(event).put("summary_index", 0).put("part", object::summary_part(""))
            })),
            Block::Tool(_) => {}
        }
        events
    }

    fn delta(&mut self, reply: &Reply, index: usize, piece: &str) -> Event {
        let id = object::item_id(reply, index);
        let at = |event: Obj| event.put("item_id", &id).put("output_index", index);
        match &reply.blocks[index] {
            Block::Text(_) => self.event(reply, "response.output_text.delta", |event| {
                at(event).put("content_index", 0).put("delta", piece).put("logprobs", [(); 0])
            }),
            Block::Thinking(_) => self.event(reply, "response.reasoning_summary_text.delta", |event| {
                at(event).put("summary_index", 0).put("delta", piece)
            }),
            Block::Tool(call) => {
                let name = if call.custom {
                    "response.custom_tool_call_input.delta"
                } else {
                    "response.function_call_arguments.delta"
                };
                self.event(reply, name, |event| at(event).put("delta", piece))
            }
        }
    }

    fn stop(&mut self, reply: &Reply, index: usize) -> Vec<Event> {
        let id = object::item_id(reply, index);
        let at = |event: Obj| event.put("item_id", &id).put("output_index", index);
        let mut events =
            match &reply.blocks[index] {
                Block::Text(text) => vec![
                    self.event(reply, "response.output_text.done", |event| {
                        at(event).put("content_index", 0).put("text", text).put("logprobs", [(); 0])
                    }),
                    self.event(reply, "response.content_part.done", |event| {
                        at(event).put("content_index", 0).put("part", object::text_part(text))
                    }),
                ],
                Block::Thinking(text) => vec![
                    self.event(reply, "response.reasoning_summary_text.done", |event| {
                        at(event).put("summary_index", 0).put("text", text)
                    }),
                    self.event(reply, "response.reasoning_summary_part.done", |event| {
                        at(event).put("summary_index", 0).put("part", object::summary_part(text))
                    }),
                ],
                Block::Tool(call) if call.custom => {
                    vec![self.event(reply, "response.custom_tool_call_input.done", |event| {
                        at(event).put("input", &call.input)
                    })]
                }
                Block::Tool(call) => vec![self.event(reply, "response.function_call_arguments.done", |event| {
                    at(event).put("name", &call.name).put("arguments", &call.input)
                })],
            };
        events.push(self.event(reply, "response.output_item.done", |event| {
            event.put("output_index", index).put("item", object::item(reply, index, true))
        }));
        events
    }
}

impl Writer for Responses {
    fn write(&mut self, reply: &Reply, step: &Step) -> Vec<Event> {
        match step {
            Step::Begin => ["response.created", "response.in_progress"]
                .map(|name| self.event(reply, name, |event| event.put("response", object::running(reply))))
                .into(),
            Step::Start(index) => self.start(reply, *index),
            Step::Delta(index, range) => {
                vec![self.delta(reply, *index, &reply.blocks[*index].text()[range.clone()])]
            }
            Step::Stop(index) => self.stop(reply, *index),
            Step::End => {
                let name =
                    if object::incomplete(reply).is_some() { "response.incomplete" } else { "response.completed" };
                let last = self.event(reply, name, |event| event.put("response", object::done(reply)));
                vec![last.telling(reply.usage, reply.lie.is_none())]
            }
        }
    }

    fn error(&mut self, reply: &Reply, status: u16) -> Event {
        let (code, message) = failure::openai_words(status);
        self.event(reply, "response.failed", |event| event.put("response", object::failed(reply, code, message)))
    }

    fn padding(&mut self, reply: &Reply, filler: String) -> Event {
        self.event(reply, "response.padding", |event| event.put("padding", filler))
    }
}
