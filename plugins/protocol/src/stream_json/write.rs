//! Lines for the program's standard input.

use sandboxed_sdk::harness::Action;
use serde_json::{Value, json};

/// The id of the request that begins the conversation.
pub(super) const INITIALIZE: &str = "initialize";

fn line(value: &Value) -> Action {
    Action::Write(format!("{value}\n").into_bytes())
}

/// What a person says; `id` comes back when the program has it.
pub(super) fn user(text: &str, id: Option<&str>) -> Action {
    let content = json!([{ "type": "text", "text": text }]);
    let mut said = json!({
        "type": "user",
        "message": { "role": "user", "content": content },
        "parent_tool_use_id": null,
    });
    if let Some(id) = id {
        said["uuid"] = id.into();
    }
    line(&said)
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
