//! The objects of OpenAI Responses: the response itself and its items.

use serde_json::Value;

use super::last;
use crate::{
    json::Obj,
    reply::{Block, Call, Reply},
    scenario::Stop,
    usage::Usage,
};

/// The response once all is said.
pub(crate) fn completed(reply: &Reply) -> String {
    done(reply).text()
}

pub(crate) fn done(reply: &Reply) -> Obj {
    let items: Vec<Obj> = (0..reply.blocks.len()).map(|index| item(reply, index, true)).collect();
    let incomplete = incomplete(reply).map(|reason| Obj::new().put("reason", reason));
    let status = if incomplete.is_some() { "incomplete" } else { "completed" };
    response(reply, status, Value::Null, incomplete, items, true)
}

pub(crate) fn running(reply: &Reply) -> Obj {
    response(reply, "in_progress", Value::Null, None, Vec::new(), false)
}

pub(crate) fn failed(reply: &Reply, code: &str, message: &str) -> Obj {
    response(reply, "failed", Obj::new().put("code", code).put("message", message), None, Vec::new(), false)
}

/// The id of the response.
pub(crate) fn response_id(reply: &Reply) -> String {
    reply.id("resp_", 0)
}

/// Why the answer is not whole, if it is not.
pub(crate) fn incomplete(reply: &Reply) -> Option<&'static str> {
    match reply.stop {
        Stop::MaxTokens => Some("max_output_tokens"),
        Stop::Refusal => Some("content_filter"),
        Stop::EndTurn | Stop::ToolUse => None,
    }
}

fn response(
    reply: &Reply,
    status: &str,
    error: impl serde::Serialize,
    incomplete: Option<Obj>,
    items: Vec<Obj>,
    ended: bool,
) -> Obj {
    let head = Obj::new()
        .put("id", response_id(reply))
        .put("object", "response")
        .put("created_at", reply.created)
        .put("status", status)
        .put("background", false)
        .put("error", error)
        .put("incomplete_details", incomplete)
        .put("instructions", Value::Null)
        .put("max_output_tokens", Value::Null)
        .put("model", &reply.model)
        .put("output", items)
        .put("parallel_tool_calls", true)
        .put("previous_response_id", Value::Null)
        .put("reasoning", Obj::new().put("effort", Value::Null).put("summary", Value::Null))
        .put("service_tier", "default")
        .put("store", false)
        .put("temperature", 1.0)
        .put("text", Obj::new().put("format", Obj::of("text")))
        .put("tool_choice", "auto")
        .put("tools", [(); 0])
        .put("top_p", 1.0)
        .put("truncation", "disabled");
    let told = if ended { head.put_some("usage", usage(reply)) } else { head.put("usage", Value::Null) };
    told.put("user", Value::Null).put("metadata", Obj::new())
}

fn usage(reply: &Reply) -> Option<impl serde::Serialize + use<>> {
    let pen = last(reply);
    let Usage { cache_read, output, reasoning, .. } = reply.usage;
    let prompt = reply.usage.prompt();
    pen.write(
        Obj::new()
            .put("input_tokens", pen.number(prompt))
            .put(
                "input_tokens_details",
                Obj::new()
                    .put("cached_tokens", pen.number(cache_read))
                    .put("cache_write_tokens", pen.number(reply.usage.cache_write())),
            )
            .put("output_tokens", pen.number(output))
            .put("output_tokens_details", Obj::new().put("reasoning_tokens", pen.number(reasoning)))
            .put("total_tokens", pen.number(prompt.saturating_add(output))),
    )
}

/// The id of an item of the output.
pub(crate) fn item_id(reply: &Reply, index: usize) -> String {
    reply.id(
        match &reply.blocks[index] {
            Block::Text(_) => "msg_",
            Block::Thinking(_) => "rs_",
            Block::Tool(Call { custom: true, .. }) => "ctc_",
            Block::Tool(_) => "fc_",
        },
        index,
    )
}

/// An item of the output, as it begins or as it is in the end.
pub(crate) fn item(reply: &Reply, index: usize, ended: bool) -> Obj {
    let status = if ended { "completed" } else { "in_progress" };
    let head = |kind: &str| Obj::new().put("id", item_id(reply, index)).put("type", kind);
    match &reply.blocks[index] {
        Block::Text(text) => head("message")
            .put("status", status)
            .put("role", "assistant")
            .put("content", ended.then(|| text_part(text)).into_iter().collect::<Vec<_>>()),
        Block::Thinking(text) => {
            head("reasoning").put("summary", ended.then(|| summary_part(text)).into_iter().collect::<Vec<_>>())
        }
        Block::Tool(call) => {
            let input = if ended { call.input.as_str() } else { "" };
            let head = if call.custom { head("custom_tool_call") } else { head("function_call") };
            head.put("status", status)
                .put("call_id", reply.call_id(call, "call_", index))
                .put("name", &call.name)
                .put_some("namespace", call.namespace.as_deref())
                .put(if call.custom { "input" } else { "arguments" }, input)
        }
    }
}

pub(crate) fn text_part(text: &str) -> Obj {
    Obj::of("output_text").put("annotations", [(); 0]).put("logprobs", [(); 0]).put("text", text)
}

pub(crate) fn summary_part(text: &str) -> Obj {
    Obj::of("summary_text").put("text", text)
}
