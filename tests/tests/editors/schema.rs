//! The protocol's own schema.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
};

use jsonschema::Validator;
use serde_json::{Value, json};

use super::clients;

/// The definitions of version 1.
fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let path = clients::place().join("node_modules/@agentclientprotocol/sdk/schema/v1/schema.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    })
}

/// The definition of what a method's messages hold: `Request`, `Response` or `Notification`.
fn name_of(method: &str, part: &str) -> String {
    if method == "$/cancel_request" {
        return "CancelRequestNotification".to_owned();
    }
    let definitions = document()["$defs"].as_object().unwrap();
    let found = definitions.iter().find(|(name, definition)| definition["x-method"] == method && name.ends_with(part));
    found.unwrap_or_else(|| panic!("the protocol has no {part} of {method}")).0.clone()
}

fn validator(name: &str) -> Arc<Validator> {
    static VALIDATORS: OnceLock<Mutex<HashMap<String, Arc<Validator>>>> = OnceLock::new();
    let mut validators = VALIDATORS.get_or_init(Mutex::default).lock().unwrap();
    let made = validators.entry(name.to_owned()).or_insert_with(|| {
        let mut schema = json!({ "$ref": format!("#/$defs/{name}") });
        schema["$schema"] = document()["$schema"].clone();
        schema["$defs"] = document()["$defs"].clone();
        Arc::new(jsonschema::validator_for(&schema).unwrap())
    });
    Arc::clone(made)
}

#[track_caller]
fn assert_is(name: &str, value: &Value) {
    let wrong: Vec<String> = validator(name).iter_errors(value).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "this is no {name}: {wrong:?}\n{value}");
}

/// A message of the agent is one of the protocol. `answers` is the method that a response answers.
#[track_caller]
pub(crate) fn assert_valid(message: &Value, answers: Option<&str>) {
    assert_eq!(message["jsonrpc"], "2.0", "{message}");
    match (message["method"].as_str(), message.get("id")) {
        (Some(method), Some(_)) => assert_is(&name_of(method, "Request"), &message["params"]),
        (Some(method), None) => assert_is(&name_of(method, "Notification"), &message["params"]),
        (None, Some(_)) if message.get("error").is_some() => assert_is("Error", &message["error"]),
        (None, Some(id)) => {
            let method = answers.unwrap_or_else(|| panic!("nothing was asked under {id}: {message}"));
            assert_is(&name_of(method, "Response"), &message["result"]);
        }
        (None, None) => panic!("no message: {message}"),
    }
}
