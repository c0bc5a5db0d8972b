//! Gemini's `generateContent` and `streamGenerateContent`.

use serde_json::Value;

use super::{failure, last};
use crate::{
    asked::{Asked, Refusal, Tool, Turn, arguments, list, text},
    json::{Obj, raw, text_of},
    reply::{Block, Reply},
    scenario::Stop,
    script::{Event, Step, Writer},
    usage::{Lie, Moment, Pen, Usage},
};

/// Writes the chunks of a stream.
pub(crate) struct Gemini;

/// Reads a request.
pub(crate) fn read(body: &Value) -> Result<Asked, Refusal> {
    // A count may be asked for a whole request.
    let body = body.get("generateContentRequest").unwrap_or(body);
    if !body.get("contents").is_some_and(Value::is_array) {
        return Err(Refusal::bad("* GenerateContentRequest.contents: contents is not specified\n"));
    }
    let mut asked = Asked::default();
    for group in list(body, "tools") {
        let declared = list(group, "functionDeclarations").iter().chain(list(group, "function_declarations"));
        asked.tools.extend(declared.filter_map(|tool| {
            Some(Tool {
                name: text(tool, "name")?.to_owned(),
                arguments: arguments(tool.get("parametersJsonSchema").or_else(|| tool.get("parameters"))),
                ..Tool::default()
            })
        }));
    }
    for content in list(body, "contents") {
        let parts = list(content, "parts");
        let results: Vec<Turn> = parts
            .iter()
            .filter_map(|part| part.pointer("/functionResponse/response"))
            .map(|response| Turn::Result(text_of(response)))
            .collect();
        match text(content, "role") {
            Some("user" | "function") | None if !results.is_empty() => asked.talk(results),
            Some("user") | None => asked
                .talk([Turn::User(parts.iter().filter_map(|part| text(part, "text")).map(str::to_owned).collect())]),
            _ => asked.talk([Turn::Other]),
        }
    }
    for part in ["systemInstruction", "contents", "tools"] {
        if let Some(part) = body.get(part) {
            asked.measure(part);
        }
    }
    Ok(asked)
}

fn usage(reply: &Reply, pen: Pen) -> Option<impl serde::Serialize + use<>> {
    let early = pen.moment == Moment::Early;
    let Usage { cache_read, output, reasoning, .. } = reply.usage;
    let prompt = reply.usage.prompt();
    let answered = if early { 0 } else { output };
    let mut numbers = Obj::new().put("promptTokenCount", pen.number(prompt));
    if !early {
        numbers = numbers.put("candidatesTokenCount", pen.number(output.saturating_sub(reasoning)));
    }
    numbers = numbers.put("totalTokenCount", pen.number(prompt.saturating_add(answered)));
    if cache_read != 0 {
        numbers = numbers.put("cachedContentTokenCount", pen.number(cache_read));
    }
    numbers =
        numbers.put("promptTokensDetails", [Obj::new().put("modality", "TEXT").put("tokenCount", pen.number(prompt))]);
    if reasoning != 0 && !early {
        numbers = numbers.put("thoughtsTokenCount", pen.number(reasoning));
    }
    pen.write(numbers)
}

fn finish(stop: Stop) -> &'static str {
    match stop {
        Stop::EndTurn | Stop::ToolUse => "STOP",
        Stop::MaxTokens => "MAX_TOKENS",
        Stop::Refusal => "SAFETY",
    }
}

fn part(reply: &Reply, index: usize) -> Obj {
    match &reply.blocks[index] {
        Block::Text(text) => Obj::new().put("text", text),
        Block::Thinking(text) => Obj::new().put("text", text).put("thought", true),
        Block::Tool(call) => {
            let function = Obj::new()
                .put("id", reply.call_id(call, "fc-", index))
                .put("name", &call.name)
                .put("args", raw(&call.input));
            Obj::new().put("functionCall", function)
        }
    }
}

fn chunk(reply: &Reply, parts: Vec<Obj>, pen: Pen, ended: bool) -> String {
    let candidate = Obj::new()
        .put("content", Obj::new().put("parts", parts).put("role", "model"))
        .put_some("finishReason", ended.then(|| finish(reply.stop)))
        .put("index", 0);
    Obj::new()
        .put("candidates", [candidate])
        .put_some("usageMetadata", usage(reply, pen))
        .put("modelVersion", &reply.model)
        .put("responseId", reply.id("", 0))
        .text()
}

/// A whole answer.
pub(crate) fn whole(reply: &Reply) -> String {
    chunk(reply, (0..reply.blocks.len()).map(|index| part(reply, index)).collect(), last(reply), true)
}

impl Writer for Gemini {
    fn write(&mut self, reply: &Reply, step: &Step) -> Vec<Event> {
        let early = |part: Obj| {
            let pen = Pen { lie: reply.lie, moment: Moment::Early };
            Event::plain(chunk(reply, vec![part], pen, false)).telling(reply.usage.before_output(), reply.lie.is_none())
        };
        match step {
            Step::Begin | Step::Start(_) => Vec::new(),
            Step::Delta(index, range) => match &reply.blocks[*index] {
                Block::Text(text) => vec![early(Obj::new().put("text", &text[range.clone()]))],
                Block::Thinking(text) => {
                    vec![early(Obj::new().put("text", &text[range.clone()]).put("thought", true))]
                }
                // A call is told of as a whole.
                Block::Tool(_) => Vec::new(),
            },
            Step::Stop(index) => match &reply.blocks[*index] {
                Block::Tool(_) => vec![early(part(reply, *index))],
                _ => Vec::new(),
            },
            Step::End => {
                let honest = matches!(reply.lie, None | Some(Lie::Shrinking));
                let data = chunk(reply, vec![Obj::new().put("text", "")], last(reply), true);
                vec![Event::plain(data).telling(reply.usage, honest)]
            }
        }
    }

    fn error(&mut self, _reply: &Reply, status: u16) -> Event {
        Event::plain(failure::google(status, None, None, None))
    }

    fn padding(&mut self, reply: &Reply, filler: String) -> Event {
        Event::plain(Obj::new().put("padding", filler).put("modelVersion", &reply.model).text())
    }
}
