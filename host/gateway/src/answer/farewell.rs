//! The last words of a stream that the gateway ends, in the words of the stream.

use sandboxed_model::wire::WireFormat;
use serde_json::{Value, json};

use super::Facts;
use crate::Refusal;

/// As a server-sent event.
pub(super) fn event(facts: &Facts, refusal: &Refusal) -> String {
    match facts.format() {
        WireFormat::Messages => {
            let error = json!({
                "type": "error",
                "error": { "type": refusal.anthropic(), "message": refusal.message() },
            });
            format!("event: error\ndata: {error}\n\n")
        }
        WireFormat::Chat => format!("data: {}\n\n", json!({ "error": refusal.openai() })),
        WireFormat::Responses => format!("event: response.failed\ndata: {}\n\n", farewell_event(facts, refusal)),
        WireFormat::Gemini => format!("data: {}\r\n\r\n", json!({ "error": refusal.google(400) })),
    }
}

/// As an event of Responses. `insufficient_quota` is the code after which clients do not try again.
pub(crate) fn farewell_event(facts: &Facts, refusal: &Refusal) -> Value {
    let (id, sequence) = facts.place();
    json!({
        "type": "response.failed",
        "sequence_number": sequence + 1,
        "response": {
            "id": id,
            "object": "response",
            "status": "failed",
            "model": facts.model(),
            "error": { "code": "insufficient_quota", "message": refusal.message() },
            "output": [],
        },
    })
}

/// As the last element of an array.
pub(super) fn element(refusal: &Refusal) -> String {
    format!(",\r\n{}\r\n]", json!({ "error": refusal.google(400) }))
}
