//! The agent's protocol: a line each way.

use sandboxed_sdk::harness::*;
use serde::Deserialize;
use serde_json::{Value, json};

/// What the agent does: `{"session": "s1"}`, `{"approval": {"id": "a", …}}` …
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Said {
    /// What `plan-launch` was told.
    Start(Value),
    Session(String),
    SessionLost(bool),
    Approval(Asked),
    Question {
        id: String,
        items: Vec<Item>,
    },
    Withdrawn(String),
    Steered(String),
    Problem(Trouble),
    End {
        outcome: Ending,
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    id: String,
    #[serde(default)]
    kind: Kind,
    #[serde(default)]
    tool: String,
    subject: String,
    #[serde(default)]
    input: Value,
    reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    Execute,
    Edit,
    Fetch,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    text: String,
    #[serde(default)]
    choices: Vec<String>,
    #[serde(default)]
    multiple: bool,
    #[serde(default)]
    free_text: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Trouble {
    code: String,
    message: String,
    hint: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Ending {
    Completed,
    Failed,
}

/// What a line of the agent's says; nothing where it is only text.
pub(crate) fn said(line: &str) -> Option<Event> {
    Some(match serde_json::from_str(line).ok()? {
        Said::Start(facts) => Event::Other(("start".to_owned(), facts.to_string())),
        Said::Session(id) => Event::Session(id),
        Said::SessionLost(lost) => return lost.then_some(Event::SessionLost),
        Said::Approval(asked) => Event::Approval(approval(asked)),
        Said::Question { id, items } => {
            Event::Question(Question { id, tool_call: None, items: items.into_iter().map(item).collect() })
        }
        Said::Withdrawn(id) => Event::Withdrawn(id),
        Said::Steered(id) => Event::Steered(id),
        Said::Problem(Trouble { code, message, hint }) => {
            Event::Problem(Failure { blame: Blame::Unavailable, code, message, hint, retry_after_ms: None })
        }
        Said::End { outcome, reason } => {
            let outcome = match outcome {
                Ending::Completed => Outcome::Completed,
                Ending::Failed => Outcome::Failed,
            };
            Event::TurnEnd(TurnEnd { outcome, reason })
        }
    })
}

/// The attachment that the agent wants to read: `{"attachment": 0}`. It is then told `attachment 0 BASE64`.
pub(crate) fn wants_attachment(line: &[u8]) -> Option<u32> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        attachment: u32,
    }
    Some(serde_json::from_slice::<Wanted>(line).ok()?.attachment)
}

fn approval(asked: Asked) -> Approval {
    let Asked { id, kind, tool, subject, input, reason } = asked;
    let kind = match kind {
        Kind::Execute => ToolKind::Execute,
        Kind::Edit => ToolKind::Edit,
        Kind::Fetch => ToolKind::Fetch,
    };
    let title = subject.clone();
    Approval { id, tool_call: None, title, kind, tool, subject, input: input.to_string(), reason }
}

fn item(item: Item) -> QuestionItem {
    let Item { text, choices, multiple, free_text } = item;
    let choices = choices.into_iter().map(|label| Choice { label, description: None }).collect();
    QuestionItem { text, choices, multiple, free_text }
}

/// What the agent reads: `decision ID approved`, `decision ID denied REASON`, `answer ID JSON`, `steer ID TEXT`,
/// `interrupt`; nothing where it is not told.
pub(crate) fn told(input: Input) -> Option<String> {
    Some(match input {
        Input::Decision(Decision { id, approved: true, .. }) => format!("decision {id} approved"),
        Input::Decision(Decision { id, reason, .. }) => format!("decision {id} denied {}", reason.unwrap_or_default()),
        Input::Answer(Answer { id, answers }) => format!("answer {id} {}", json!(answers)),
        Input::Steer(Steering { id, text }) => format!("steer {id} {text}"),
        Input::Interrupt => "interrupt".to_owned(),
        _ => return None,
    })
}

/// The line by which the agent tells what `plan-launch` was told.
pub(crate) fn started(start: &Start) -> Value {
    let endpoints: Vec<Value> = start
        .endpoints
        .iter()
        .map(|at| {
            let api = match at.api {
                ModelApi::Anthropic => "anthropic",
                ModelApi::Openai => "openai",
                ModelApi::Google => "google",
            };
            json!({ "api": api, "base_url": at.base_url, "key_variable": at.key_variable })
        })
        .collect();
    let approvals = match start.approvals {
        ApprovalMode::Bypass => "bypass",
        ApprovalMode::Ask => "ask",
    };
    let mode = match start.mode {
        WorkMode::Act => "act",
        WorkMode::Plan => "plan",
    };
    let servers: Vec<Value> = start
        .mcp_servers
        .iter()
        .map(|server| match &server.transport {
            McpTransport::Http(at) => {
                json!({ "name": server.name, "url": at.url, "token_variable": at.token_variable })
            }
            McpTransport::Program(program) => {
                json!({ "name": server.name, "program": program.program, "args": program.args, "env": program.env })
            }
        })
        .collect();
    let attachments: Vec<Value> = start
        .attachments
        .iter()
        .map(|file| json!({ "name": file.name, "media_type": file.media_type, "path": file.path, "size": file.size }))
        .collect();
    json!({ "start": {
        "prompt": start.prompt,
        "attachments": attachments,
        "turn": start.turn,
        "instructions": start.instructions,
        "mcp_servers": servers,
        "home": start.home,
        "model": start.model,
        "effort": start.effort,
        "approvals": approvals,
        "mode": mode,
        "resume": start.resume,
        "endpoints": endpoints,
    } })
}
