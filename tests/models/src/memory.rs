//! What a connection remembers of the last response, as clients send only what is new since then.

use serde_json::Value;

use crate::{
    intake,
    json::text_of,
    reply::Reply,
    wire::response_object::{done, response_id},
};

/// The conversation up to the last response of a connection.
#[derive(Default)]
pub(crate) struct Memory {
    id: String,
    items: Vec<Value>,
}

impl Memory {
    /// Puts the conversation before the input of a request that goes on from it.
    pub(crate) fn complete(&self, body: &mut Value) {
        let goes_on = body.get("previous_response_id").and_then(Value::as_str) == Some(self.id.as_str());
        if goes_on && !self.items.is_empty() {
            let mut items = self.items.clone();
            items.extend(input(body));
            body["input"] = Value::Array(items);
        }
    }

    /// Remembers a request, which is complete, and its response.
    pub(crate) fn keep(&mut self, body: &Value, reply: &Reply) {
        let mut items = input(body);
        if let Ok(Value::Object(mut response)) = serde_json::from_str(&done(reply).text())
            && let Some(Value::Array(output)) = response.remove("output")
        {
            items.extend(output);
        }
        let bytes: usize = items.iter().map(|item| text_of(item).len()).sum();
        self.id = response_id(reply);
        self.items = if bytes > intake::MOST { Vec::new() } else { items };
    }
}

/// The input of a request as items.
fn input(body: &Value) -> Vec<Value> {
    match body.get("input") {
        Some(Value::Array(items)) => items.clone(),
        Some(text @ Value::String(_)) => vec![serde_json::json!({ "role": "user", "content": text })],
        _ => Vec::new(),
    }
}
