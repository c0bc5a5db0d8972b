//! What an agent asks before it does something, and how it is answered.

use sandboxed_protocol::{rpc::Id, title};
use sandboxed_sdk::harness::{Approval, Event};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    calls::{Kind, call_id, tool_name},
    update::Heard,
};

/// Requests that wait for a person at the same time. More are refused.
const MOST: usize = 32;
/// Longest id of an option or of a request, in bytes.
const LONGEST_ID: usize = 256;

/// A request that waits, and the options that answer it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Permission {
    /// Of the approval.
    pub(crate) id: String,
    request: Id,
    allow: Option<String>,
    reject: Option<String>,
}

impl Permission {
    /// The request, as far as it can be answered.
    pub(crate) fn of(id: String, request: Id, params: &Value, waiting: usize) -> Option<Self> {
        let options = params.get("options").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let option = |kinds: [&str; 2]| {
            let of_kind = |kind: &str| {
                let option = options.iter().find(|option| option.get("kind").and_then(Value::as_str) == Some(kind))?;
                option.get("optionId").and_then(Value::as_str).filter(|id| id.len() <= LONGEST_ID)
            };
            kinds.into_iter().find_map(of_kind).map(str::to_owned)
        };
        let is_short = !matches!(&request, Id::Text(text) if text.len() > LONGEST_ID);
        (is_short && waiting < MOST).then(|| Self {
            id,
            request,
            // Once comes first: what is allowed for good is allowed without anybody being asked.
            allow: option(["allow_once", "allow_always"]),
            reject: option(["reject_once", "reject_always"]),
        })
    }

    pub(crate) fn request(&self) -> &Id {
        &self.request
    }

    /// The answer to the request.
    pub(crate) fn outcome(&self, approved: bool) -> Value {
        let option = if approved { &self.allow } else { &self.reject };
        match option {
            Some(option) => json!({ "outcome": { "outcome": "selected", "optionId": option } }),
            None => cancelled(),
        }
    }

    /// What a person is asked, and the call itself where it was not told of before.
    pub(crate) fn events(&self, params: &Value, heard: &mut Heard) -> Vec<Event> {
        heard.part();
        let call = asked_call(params);
        let tool_call = call_id(call).map(str::to_owned);
        let mut events = match tool_call.as_deref().is_some_and(|id| heard.calls.knows(id)) {
            true => Vec::new(),
            false => heard.calls.update(call),
        };
        let known = tool_call.as_deref().and_then(|id| heard.calls.tool(id)).map(str::to_owned);
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let asked = text(params, "title").or_else(|| text(call, "title")).unwrap_or_default();
        let input = call.get("rawInput").cloned().unwrap_or_default();
        events.push(Event::Approval(Approval {
            id: self.id.clone(),
            tool_call,
            title: title::first_line(&asked),
            kind: Kind::of(call).unwrap_or_default().into(),
            tool: known.or_else(|| tool_name(call)).or_else(|| text(call, "kind")).unwrap_or_default(),
            subject: subject(call, &input).unwrap_or(asked),
            input: input.to_string(),
            reason: text(params, "description"),
        }));
        events
    }
}

/// The answer to a request that nobody answers.
pub(crate) fn cancelled() -> Value {
    json!({ "outcome": { "outcome": "cancelled" } })
}

/// The call that is asked for. Version 2 of the protocol names it as the subject, which may be a command too.
pub(crate) fn asked_call(params: &Value) -> &Value {
    let subject = params.get("subject").unwrap_or(&Value::Null);
    params.get("toolCall").or_else(|| subject.get("toolCall")).unwrap_or(subject)
}

/// What rules look at: the command, the address or the path.
fn subject(call: &Value, input: &Value) -> Option<String> {
    let command = match input.get("command").or_else(|| call.get("command")) {
        Some(Value::Array(words)) => Some(words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")),
        Some(Value::String(command)) => Some(command.clone()),
        _ => None,
    };
    // The title of a program that is to run is its command line, where the agent does not give that apart.
    let title = || call.get("title").and_then(Value::as_str).filter(|_| Kind::of(call) == Some(Kind::Execute));
    let named = |names: &[&str]| names.iter().find_map(|name| input.get(*name)?.as_str());
    let place = || call.pointer("/locations/0/path").and_then(Value::as_str);
    command
        .or_else(|| title().map(str::to_owned))
        .or_else(|| named(&["file_path", "filePath", "path", "url"]).or_else(place).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permission(options: &Value) -> Permission {
        let params = json!({ "options": options });
        Permission::of("1".to_owned(), Id::Number(1), &params, 0).expect("a request")
    }

    #[test]
    fn once_is_chosen_before_always() {
        let options = json!([
            { "optionId": "a", "kind": "allow_always" }, { "optionId": "b", "kind": "allow_once" },
            { "optionId": "c", "kind": "reject_always" }, { "optionId": "d", "kind": "reject_once" },
        ]);
        assert_eq!(permission(&options).outcome(true)["outcome"]["optionId"], "b");
        assert_eq!(permission(&options).outcome(false)["outcome"]["optionId"], "d");
    }

    #[test]
    fn a_request_without_a_fitting_option_is_cancelled() {
        assert_eq!(permission(&json!([])).outcome(true), cancelled());
        assert_eq!(permission(&json!([{ "optionId": "a", "kind": "allow_once" }])).outcome(false), cancelled());
    }

    #[test]
    fn rules_see_the_whole_command_and_else_the_path_or_the_address() {
        let long = "x".repeat(5000);
        let subject_of = |call: Value| subject(&call, &call["rawInput"]);
        assert_eq!(subject_of(json!({ "rawInput": { "command": long } })), Some(long.clone()));
        assert_eq!(subject_of(json!({ "rawInput": { "command": ["rm", "-r", "a"] } })).as_deref(), Some("rm -r a"));
        assert_eq!(subject_of(json!({ "kind": "execute", "title": long })), Some(long));
        assert_eq!(subject_of(json!({ "title": "Edit", "rawInput": { "file_path": "/a" } })).as_deref(), Some("/a"));
        assert_eq!(subject_of(json!({ "title": "Edit", "locations": [{ "path": "/b" }] })).as_deref(), Some("/b"));
        assert_eq!(subject_of(json!({ "title": "mcp tool", "rawInput": { "text": "x" } })), None);
    }
}
