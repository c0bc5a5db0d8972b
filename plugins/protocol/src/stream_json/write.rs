//! Lines for the program's standard input.

use sandboxed_sdk::harness::{Action, Attachment};
use serde_json::{Value, json};

use crate::attached;

/// The id of the request that begins the conversation.
pub(super) const INITIALIZE: &str = "initialize";

fn line(value: &Value) -> Action {
    Action::Write(format!("{value}\n").into_bytes())
}

/// What a person begins a turn with.
pub(super) fn prompt(text: &str, attachments: &[Attachment]) -> Vec<Action> {
    let text = json!({ "type": "text", "text": attached::prompt(text, attachments) });
    let image = |(_, image): (u32, &Attachment)| json!({ "type": "image", "source": { "type": "base64", "media_type": image.media_type, "data": "" } });
    let content: Vec<Value> = [text].into_iter().chain(attached::images(attachments).map(image)).collect();
    let line = format!("{}\n", user(&Value::Array(content))).into_bytes();
    attached::write(line, attached::images(attachments).map(|(number, _)| number))
}

/// What a person says in mid-turn; `id` comes back when the program has it.
pub(super) fn more(text: &str, id: &str) -> Action {
    let mut said = user(&json!([{ "type": "text", "text": text }]));
    said["uuid"] = id.into();
    line(&said)
}

fn user(content: &Value) -> Value {
    json!({ "type": "user", "message": { "role": "user", "content": content }, "parent_tool_use_id": null })
}

pub(super) fn initialize() -> Action {
    request(INITIALIZE, &json!({ "subtype": "initialize" }))
}

pub(super) fn interrupt() -> Action {
    request("interrupt", &json!({ "subtype": "interrupt" }))
}

/// Takes back what a person said, where the program has not begun with it.
pub(super) fn take_back(id: &str) -> Action {
    request(&format!("take-back-{id}"), &json!({ "subtype": "cancel_async_message", "message_uuid": id }))
}

pub(super) fn allow(request: &str, input: Option<Value>) -> Action {
    let mut answer = json!({ "behavior": "allow" });
    if let Some(input) = input {
        answer["updatedInput"] = input;
    }
    response(&json!({ "subtype": "success", "request_id": request, "response": answer }))
}

pub(super) fn deny(request: &str, message: &str) -> Action {
    let answer = json!({ "behavior": "deny", "message": message });
    response(&json!({ "subtype": "success", "request_id": request, "response": answer }))
}

/// What the program asked for is not had here.
pub(super) fn refuse(request: &str, asked: &str) -> Action {
    response(&json!({ "subtype": "error", "request_id": request, "error": format!("{asked} is not supported") }))
}

fn request(id: &str, request: &Value) -> Action {
    line(&json!({ "type": "control_request", "request_id": id, "request": request }))
}

fn response(response: &Value) -> Action {
    line(&json!({ "type": "control_response", "response": response }))
}
