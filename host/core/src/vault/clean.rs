//! Taking values out of what is stored of missions.

use sandboxed_model::{
    Failure,
    ask::{Approval, Ask, Question},
    event::{EventBody, Message, Other, Thought, ToolOutput},
};
use sandboxed_store::{AskChange, LiveAsk, MissionChange};
use sandboxed_vault::Redactor;

use super::Vault;

impl Vault {
    /// Takes values out of a change of a mission: of its events, its title and its problem.
    pub(crate) fn clean_change(&self, change: &mut MissionChange) {
        let Some(redactor) = self.redaction().current() else { return };
        for event in &mut change.events {
            clean_event(&redactor, event);
        }
        if let Some(title) = &mut change.edit.title {
            clean(&redactor, title);
        }
        for ask in &mut change.asks {
            match ask {
                AskChange::Open(LiveAsk { ask, .. }) | AskChange::Decide(ask) => clean_ask(&redactor, ask),
                AskChange::Rule(rule) => clean(&redactor, &mut rule.pattern),
                AskChange::Close(_) => {}
            }
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
        EventBody::Message(Message { id, text, attachments, .. }) => {
            clean(redactor, id);
            clean(redactor, text);
            attachments.iter_mut().for_each(|attachment| clean(redactor, &mut attachment.name));
        }
        EventBody::Thought(Thought { id, text, .. }) | EventBody::ToolOutput(ToolOutput { id, text, .. }) => {
            clean(redactor, id);
            clean(redactor, text);
        }
        EventBody::ToolCall(call) => {
            clean(redactor, &mut call.id);
            clean(redactor, &mut call.title);
            clean_json(redactor, &mut call.input);
            for edit in &mut call.edits {
                clean(redactor, &mut edit.path);
                clean(redactor, &mut edit.diff);
            }
        }
        EventBody::Approval(approval) => clean_approval(redactor, approval),
        EventBody::Question(question) => clean_question(redactor, question),
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

fn clean_ask(redactor: &Redactor, ask: &mut Ask) {
    match ask {
        Ask::Approval(approval) => clean_approval(redactor, approval),
        Ask::Question(question) => clean_question(redactor, question),
    }
}

fn clean_approval(redactor: &Redactor, approval: &mut Approval) {
    clean(redactor, &mut approval.title);
    clean(redactor, &mut approval.tool);
    clean(redactor, &mut approval.subject);
    clean_json(redactor, &mut approval.input);
    for text in [&mut approval.tool_call, &mut approval.reason, &mut approval.answer].into_iter().flatten() {
        clean(redactor, text);
    }
}

fn clean_question(redactor: &Redactor, question: &mut Question) {
    if let Some(call) = &mut question.tool_call {
        clean(redactor, call);
    }
    for item in &mut question.items {
        clean(redactor, &mut item.text);
        for choice in &mut item.choices {
            clean(redactor, &mut choice.label);
            if let Some(description) = &mut choice.description {
                clean(redactor, description);
            }
        }
    }
    question.answers.iter_mut().flatten().flatten().for_each(|answer| clean(redactor, answer));
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
