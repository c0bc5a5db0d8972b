//! Taking values out of what is stored of missions.

use sandboxed_model::{
    Failure,
    event::{EventBody, Message, Other, Thought, ToolOutput},
};
use sandboxed_store::MissionChange;
use sandboxed_vault::Redactor;

use super::Vault;

impl Vault {
    /// Takes values out of a change of a mission: of its events, its title and its problem.
    pub(crate) fn clean_change(&self, change: &mut MissionChange) {
        let Some(redactor) = self.redaction().current() else { return };
        for event in &mut change.events {
            clean_event(&redactor, event);
        }
        if let Some(title) = &mut change.title {
            clean(&redactor, title);
        }
        if let Some(Some(problem)) = &mut change.problem {
            clean_failure(&redactor, problem);
        }
    }

    /// Takes values out of a failure that is stored or told.
    pub(crate) fn clean_failure(&self, failure: &mut Failure) {
        if let Some(redactor) = self.redaction().current() {
            clean_failure(&redactor, failure);
        }
    }
}

fn clean(redactor: &Redactor, text: &mut String) {
    if let std::borrow::Cow::Owned(clean) = redactor.text(text) {
        *text = clean;
    }
}

fn clean_failure(redactor: &Redactor, failure: &mut Failure) {
    clean(redactor, &mut failure.message);
    if let Some(hint) = &mut failure.hint {
        clean(redactor, hint);
    }
}

/// Every text of an event that can come from an agent, a plugin or a process.
fn clean_event(redactor: &Redactor, event: &mut EventBody) {
    match event {
        EventBody::State(change) => clean(redactor, &mut change.cause),
        EventBody::TurnStarted(_) | EventBody::RunStarted(_) | EventBody::RunEnded(_) => {}
        EventBody::TurnEnded(end) => clean(redactor, &mut end.reason),
        EventBody::Session(session) => clean(redactor, &mut session.id),
        EventBody::Message(Message { id, text, .. })
        | EventBody::Thought(Thought { id, text })
        | EventBody::ToolOutput(ToolOutput { id, text, .. }) => {
            clean(redactor, id);
            clean(redactor, text);
        }
        EventBody::ToolCall(call) => {
            clean(redactor, &mut call.id);
            clean(redactor, &mut call.title);
            clean_json(redactor, &mut call.input);
        }
        EventBody::Plan(plan) => plan.entries.iter_mut().for_each(|entry| clean(redactor, &mut entry.text)),
        EventBody::Usage(usage) => {
            if let Some(model) = &mut usage.model {
                clean(redactor, model);
            }
        }
        EventBody::FileChange(change) => {
            clean(redactor, &mut change.path);
            if let Some(diff) = &mut change.diff {
                clean(redactor, diff);
            }
        }
        EventBody::Notice(notice) => {
            clean(redactor, &mut notice.code);
            clean(redactor, &mut notice.text);
        }
        EventBody::Retry(retry) => clean(redactor, &mut retry.reason),
        EventBody::Connections(connections) => clean(redactor, &mut connections.host),
        EventBody::Ports(ports) => {
            ports.opened.iter_mut().filter_map(|port| port.process.as_mut()).for_each(|name| clean(redactor, name));
        }
        EventBody::Error(failure) => clean_failure(redactor, failure),
        EventBody::Other(Other { name, value }) => {
            clean(redactor, name);
            clean_json(redactor, value);
        }
    }
}

fn clean_json(redactor: &Redactor, value: &mut serde_json::Value) {
    use serde_json::Value;
    match value {
        Value::Null | Value::Bool(_) => {}
        // Digits may be a value too.
        Value::Number(number) => {
            if let std::borrow::Cow::Owned(clean) = redactor.text(&number.to_string()) {
                *value = Value::String(clean);
            }
        }
        Value::String(text) => clean(redactor, text),
        Value::Array(items) => items.iter_mut().for_each(|item| clean_json(redactor, item)),
        Value::Object(fields) => {
            for (mut name, mut field) in std::mem::take(fields) {
                clean(redactor, &mut name);
                clean_json(redactor, &mut field);
                fields.insert(name, field);
            }
        }
    }
}
