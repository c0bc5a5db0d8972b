//! Events and actions as lines of JSON, in the shape that the server's API gives to events.

use serde_json::{Value, json};

use crate::harness::{
    Action, Choice, Edit, Event, MessageRole, NoticeLevel, Outcome, QuestionItem, Stream, Text, ToolKind, ToolStatus,
};
use crate::{Blame, Failure};

/// One event of a session.
pub(super) fn event(event: &Event) -> String {
    let (kind, body) = match event {
        Event::Session(id) => ("session", json!({ "id": id })),
        Event::SessionLost => ("session_lost", json!({})),
        Event::Message(text) => (
            "message",
            json!({
                "id": text.id,
                "role": match text.role {
                    MessageRole::Agent => "agent",
                    MessageRole::System => "system",
                },
                "parent": text.parent,
                "text": text.text,
            }),
        ),
        Event::Thought(Text { id, parent, text, .. }) => {
            ("thought", json!({ "id": id, "parent": parent, "text": text }))
        }
        Event::ToolCall(call) => (
            "tool_call",
            json!({
                "id": call.id,
                "parent": call.parent,
                "title": call.title,
                "tool_kind": tool_kind(call.kind),
                "status": tool_status(call.status),
                // A driver that gives no JSON here breaks its contract: the text is shown, so that it is seen.
                "input": serde_json::from_str(&call.input).unwrap_or_else(|_| json!({ "no_json": call.input })),
                "exit_code": call.exit_code,
                "edits": edits(&call.edits),
            }),
        ),
        Event::Approval(approval) => (
            "approval",
            json!({
                "id": approval.id,
                "tool_call": approval.tool_call,
                "title": approval.title,
                "tool_kind": tool_kind(approval.kind),
                "tool": approval.tool,
                "subject": approval.subject,
                "input": serde_json::from_str(&approval.input).unwrap_or_else(|_| json!({ "no_json": approval.input })),
                "reason": approval.reason,
            }),
        ),
        Event::Question(question) => {
            let items: Vec<Value> = question.items.iter().map(question_item).collect();
            ("question", json!({ "id": question.id, "tool_call": question.tool_call, "items": items }))
        }
        Event::Withdrawn(id) => ("withdrawn", json!({ "id": id })),
        Event::Steered(id) => ("steered", json!({ "id": id })),
        Event::ToolOutput(output) => {
            ("tool_output", json!({ "id": output.id, "stream": stream(output.stream), "text": output.text }))
        }
        Event::Plan(entries) => {
            let entries: Vec<Value> = entries
                .iter()
                .map(|entry| json!({ "text": entry.text, "status": tool_status(entry.status) }))
                .collect();
            ("plan", json!({ "entries": entries }))
        }
        Event::Usage(usage) => (
            "usage",
            json!({
                "model": usage.model,
                "input": usage.input,
                "output": usage.output,
                "cache_read": usage.cache_read,
                "cache_write": usage.cache_write,
                "reasoning": usage.reasoning,
                "cost_micro_usd": usage.cost_micro_usd,
            }),
        ),
        Event::Notice(notice) => {
            let level = match notice.level {
                NoticeLevel::Info => "info",
                NoticeLevel::Warning => "warning",
                NoticeLevel::Error => "error",
            };
            ("notice", json!({ "level": level, "code": notice.code, "text": notice.text }))
        }
        Event::Retry(retry) => {
            ("retry", json!({ "attempt": retry.attempt, "delay_ms": retry.delay_ms, "reason": retry.reason }))
        }
        Event::Problem(problem) => ("error", failure(problem)),
        Event::TurnEnd(end) => {
            let outcome = match end.outcome {
                Outcome::Completed => "completed",
                Outcome::Failed => "failed",
                Outcome::Interrupted => "interrupted",
            };
            ("turn_ended", json!({ "outcome": outcome, "reason": end.reason }))
        }
        Event::Other((name, value)) => (
            "other",
            json!({
                "name": name,
                "value": serde_json::from_str(value).unwrap_or_else(|_| json!({ "no_json": value })),
            }),
        ),
    };
    line(kind, &without_nulls(body))
}

/// Nothing where there is none, so that calls which edit nothing are short.
fn edits(edits: &[Edit]) -> Option<Vec<Value>> {
    let all = || edits.iter().map(|edit| json!({ "path": edit.path, "diff": edit.diff })).collect();
    (!edits.is_empty()).then(all)
}

fn question_item(item: &QuestionItem) -> Value {
    let choice = |choice: &Choice| without_nulls(json!({ "label": choice.label, "description": choice.description }));
    json!({
        "text": item.text,
        "choices": item.choices.iter().map(choice).collect::<Vec<_>>(),
        "multiple": item.multiple,
        "free_text": item.free_text,
    })
}

/// One action of a session.
pub(super) fn action(action: &Action) -> String {
    let body = match action {
        Action::Write(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => json!({ "write": text }),
            Err(_) => json!({ "write_bytes": bytes }),
        },
        Action::WriteAttachment(index) => json!({ "write_attachment": index }),
        Action::CloseInput => json!("close_input"),
        Action::Signal(signal) => json!({ "signal": signal }),
        Action::Wake(wake) => json!({ "wake": { "id": wake.id, "after_ms": wake.after_ms } }),
    };
    line("action", &body)
}

/// A call that the session refused.
pub(super) fn refusal(refused: &Failure) -> String {
    line("refused", &failure(refused))
}

/// What it is comes first, for those who read it.
fn line(kind: &str, body: &Value) -> String {
    format!(r#"{{"kind":"{kind}","body":{body}}}"#)
}

fn failure(failure: &Failure) -> Value {
    let blame = match failure.blame {
        Blame::Plugin => "plugin",
        Blame::Host => "host",
        Blame::Config => "config",
        Blame::Denied => "denied",
        Blame::Unavailable => "unavailable",
        Blame::Deadline => "deadline",
    };
    without_nulls(json!({
        "blame": blame,
        "code": failure.code,
        "message": failure.message,
        "hint": failure.hint,
        "retry_after_ms": failure.retry_after_ms,
    }))
}

fn without_nulls(mut body: Value) -> Value {
    if let Value::Object(fields) = &mut body {
        fields.retain(|_, value| !value.is_null());
    }
    body
}

fn stream(stream: Stream) -> &'static str {
    match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
    }
}

fn tool_kind(kind: ToolKind) -> &'static str {
    match kind {
        ToolKind::Execute => "execute",
        ToolKind::Read => "read",
        ToolKind::Edit => "edit",
        ToolKind::Delete => "delete",
        ToolKind::Search => "search",
        ToolKind::Fetch => "fetch",
        ToolKind::Think => "think",
        ToolKind::Other => "other",
    }
}

fn tool_status(status: ToolStatus) -> &'static str {
    match status {
        ToolStatus::Pending => "pending",
        ToolStatus::Running => "running",
        ToolStatus::Completed => "completed",
        ToolStatus::Failed => "failed",
    }
}
