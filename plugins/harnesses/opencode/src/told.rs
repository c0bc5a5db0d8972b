//! What OpenCode tells of a turn while it works: the events of its session and of the agents that work for it.

use sandboxed_protocol::trouble::Trouble;
use sandboxed_sdk::harness::{Event, Notice, NoticeLevel, PlanEntry, Retry, StepResult, ToolStatus, Usage};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value as Json;

use crate::{
    asked::{Permission, Questions, Reply},
    error::AgentError,
    part::ToolPart,
    session::{OpencodeSession, Stage, Steered},
    work::{Voice, is_id},
};

/// Events that tell nothing which is not told otherwise.
const SILENT: [&str; 8] = [
    "message.part.removed",
    "message.removed",
    "session.created",
    "session.deleted",
    "session.diff",
    "session.updated",
    "command.executed",
    "file.edited",
];
/// Parts of messages that tell nothing which is not told otherwise.
const SILENT_PARTS: [&str; 8] = ["agent", "compaction", "file", "patch", "retry", "snapshot", "step-start", "subtask"];
/// Bytes of an event that is not known which are shown.
const MAX_OTHER: usize = 16 << 10;
/// The longest pause before a repeat that is believed, in milliseconds.
const MAX_DELAY: u64 = 60 * 60 * 1000;

/// A message (`message.updated`).
#[derive(Debug, Deserialize)]
struct Message {
    id: String,
    role: String,
    #[serde(default, rename = "modelID")]
    model: String,
    /// The person's message that it answers.
    #[serde(rename = "parentID")]
    parent: Option<String>,
}

#[derive(Debug, Deserialize)]
struct TextPart {
    id: String,
    #[serde(rename = "messageID")]
    message: String,
    #[serde(default)]
    text: String,
}

#[derive(Debug, Deserialize)]
struct Delta {
    #[serde(rename = "partID")]
    part: String,
    field: String,
    delta: String,
}

#[derive(Debug, Deserialize)]
struct StepFinish {
    #[serde(rename = "messageID")]
    message: String,
    tokens: Tokens,
    #[serde(default)]
    cost: f64,
}

/// Cached input is not in `input`, nor reasoning in `output`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tokens {
    input: u64,
    output: u64,
    reasoning: u64,
    cache: Cache,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cache {
    read: u64,
    write: u64,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Status {
    Retry {
        #[serde(default)]
        attempt: u32,
        #[serde(default)]
        message: String,
        /// When, in milliseconds since 1970.
        #[serde(default)]
        next: u64,
    },
    #[serde(other)]
    Else,
}

#[derive(Debug, Deserialize)]
struct Todo {
    content: String,
    #[serde(default)]
    status: String,
}

/// From whom an event is.
#[derive(Debug, PartialEq, Eq)]
enum From {
    /// The agent that the person speaks with.
    Main,
    /// One that works for this call.
    Hired(String),
    /// One of which nothing is known.
    Unknown,
}

impl OpencodeSession {
    pub(crate) fn told(&mut self, now_ms: u64, event: Json, out: &mut StepResult) {
        let Json::Object(mut event) = event else { return };
        let kind = event.get("type").and_then(Json::as_str).unwrap_or_default().to_owned();
        let mut about = event.remove("properties").unwrap_or_default();
        let from = self.from(&about);
        match kind.as_str() {
            "session.idle" if from == From::Main => self.idle(out),
            "session.status" if from == From::Main => {
                if let Some(Status::Retry { attempt, message, next }) = read(about["status"].take()) {
                    let delay = next.saturating_sub(now_ms).min(MAX_DELAY);
                    let delay_ms = u32::try_from(delay).unwrap_or(u32::MAX);
                    let gives_up = self.facts.max_retries.is_some_and(|most| attempt > most);
                    match (&self.stage, gives_up) {
                        (Stage::Running { .. }, true) => {
                            let trouble = Trouble::from_text(&message).unwrap_or(Trouble::Other);
                            self.fail(trouble.failure(&message), out);
                        }
                        _ => out.events.push(Event::Retry(Retry { attempt, delay_ms, reason: message })),
                    }
                }
            }
            "session.error" if from == From::Main => self.error(about["error"].take(), out),
            "session.compacted" if from == From::Main => {
                let text = "the conversation was long and was made shorter".to_owned();
                let code = "agent.compacted".to_owned();
                out.events.push(Event::Notice(Notice { level: NoticeLevel::Info, code, text }));
            }
            "todo.updated" if from == From::Main => {
                if let Some(todos) = read::<Vec<Todo>>(about["todos"].take()) {
                    out.events.push(Event::Plan(todos.into_iter().map(entry).collect()));
                }
            }
            "session.idle" | "session.status" | "session.error" | "session.compacted" | "todo.updated" => {}
            "message.updated" => self.message(about["info"].take(), out),
            "message.part.updated" => self.part(from, about["part"].take(), out),
            "message.part.delta" => {
                if let Some(delta) = read::<Delta>(about).filter(|delta| delta.field == "text" && is_id(&delta.part)) {
                    out.events.extend(self.work.delta(&delta.part, from.call(), &delta.delta));
                }
            }
            "permission.asked" => self.permission(about, out),
            "question.asked" => {
                if let Some(asked) = read::<Questions>(about) {
                    let call = asked.tool.as_ref().and_then(|place| self.work.call_named(&place.call_id));
                    let result = self.asked.question(asked, call);
                    self.asks(result, out);
                }
            }
            "permission.replied" | "question.replied" | "question.rejected" => {
                out.events.extend(about["requestID"].as_str().and_then(|id| self.asked.resolved(id)));
            }
            kind if SILENT.contains(&kind) => {}
            _ => out.events.push(other(kind, &about)),
        }
    }

    fn from(&self, about: &Json) -> From {
        let (Stage::Running { session, .. } | Stage::Resting { session }) = &self.stage else { return From::Unknown };
        match about["sessionID"].as_str() {
            // An error that is of no session is that of the only one there is.
            None => From::Main,
            Some(id) if id == session => From::Main,
            Some(id) => self.work.employer(id).map_or(From::Unknown, From::Hired),
        }
    }

    fn message(&mut self, info: Json, out: &mut StepResult) {
        let Some(message) = read::<Message>(info).filter(|message| is_id(&message.id)) else { return };
        if message.role != "assistant" {
            return;
        }
        self.work.speaks(&message.id, &message.model);
        // What the person said in mid-turn is taken when the agent answers it, and with it all that was said before.
        let answers = |steered: &Steered| steered.message.is_some() && steered.message == message.parent;
        if let Some(last) = self.steering.iter().position(answers) {
            out.events.extend(self.steering.drain(..=last).map(|steered| Event::Steered(steered.id)));
        }
    }

    fn part(&mut self, from: From, part: Json, out: &mut StepResult) {
        let kind = part["type"].as_str().unwrap_or_default().to_owned();
        match kind.as_str() {
            "text" | "reasoning" => {
                let Some(text) = read::<TextPart>(part).filter(|text| is_id(&text.id) && is_id(&text.message)) else {
                    return;
                };
                let voice = if kind == "text" { Voice::Message } else { Voice::Thought };
                match self.work.is_agents(&text.message) {
                    true if from != From::Unknown => {
                        out.events.extend(self.work.text(voice, &text.id, from.call(), &text.text));
                    }
                    true => {}
                    false => self.persons(&text),
                }
            }
            "tool" => {
                let Some(part) = read::<ToolPart>(part).filter(|part| is_id(&part.id)) else { return };
                if from != From::Unknown {
                    out.events.extend(self.work.call(&part, &self.facts.tree, from.call()));
                }
            }
            "step-finish" => {
                if let Some(step) = read::<StepFinish>(part) {
                    out.events.extend(self.usage(&step));
                }
            }
            kind if SILENT_PARTS.contains(&kind) => {}
            _ => out.events.push(other(format!("part.{kind}"), &part)),
        }
    }

    /// A text of the person's: one that was said in mid-turn is known by its length.
    fn persons(&mut self, text: &TextPart) {
        let same = |steered: &&mut Steered| steered.message.is_none() && steered.length == text.text.len();
        if let Some(steered) = self.steering.iter_mut().find(same) {
            steered.message = Some(text.message.clone());
        }
    }

    fn usage(&self, step: &StepFinish) -> Option<Event> {
        let Tokens { input, output, reasoning, cache } = &step.tokens;
        let used = input.max(output).max(reasoning).max(&cache.read).max(&cache.write);
        (*used > 0).then(|| {
            Event::Usage(Usage {
                model: self.work.model(&step.message),
                input: *input,
                output: *output,
                cache_read: cache.read,
                cache_write: cache.write,
                reasoning: *reasoning,
                cost_micro_usd: (step.cost > 0.0).then_some((step.cost * 1e6).round() as u64),
            })
        })
    }

    fn error(&mut self, error: Json, out: &mut StepResult) {
        let error: AgentError = read(error).unwrap_or_default();
        match error.is_abort() {
            // Where the person did not interrupt, something else did.
            true if !self.interrupted => {
                self.failed.get_or_insert_with(|| "OpenCode broke the turn off".to_owned());
            }
            true => {}
            false => {
                let failure = error.failure();
                // It tells of the same error twice where it tried to make a conversation shorter in between.
                if self.failed.as_ref() != Some(&failure.message) {
                    self.failed = Some(failure.message.clone());
                    out.events.push(Event::Problem(failure));
                }
            }
        }
    }

    fn permission(&mut self, about: Json, out: &mut StepResult) {
        let Some(asked) = read::<Permission>(about) else { return };
        // OpenCode asks even then where a rule of the workspace wants it.
        if !self.facts.ask && matches!(self.stage, Stage::Running { .. }) {
            if let Some(reply) = asked.allow() {
                self.reply(reply, out);
            }
            return;
        }
        let call = asked.tool.as_ref().and_then(|place| self.work.call_named(&place.call_id));
        let path = call.as_deref().and_then(|call| self.work.path(call));
        let result = self.asked.permission(&asked, call.clone(), path);
        self.asks(result, out);
    }

    fn asks(&mut self, result: Result<Event, Option<Reply>>, out: &mut StepResult) {
        match result {
            Ok(event) => out.events.push(event),
            Err(Some(reply)) => self.reply(reply, out),
            Err(None) => {}
        }
    }
}

impl From {
    fn call(&self) -> Option<String> {
        match self {
            Self::Hired(call) => Some(call.clone()),
            Self::Main | Self::Unknown => None,
        }
    }
}

fn entry(todo: Todo) -> PlanEntry {
    let status = match todo.status.as_str() {
        "in_progress" => ToolStatus::Running,
        "completed" => ToolStatus::Completed,
        "cancelled" => ToolStatus::Failed,
        _ => ToolStatus::Pending,
    };
    PlanEntry { text: todo.content, status }
}

fn read<T: DeserializeOwned>(value: Json) -> Option<T> {
    serde_json::from_value(value).ok()
}

/// Something that is not known, shown as far as it is short.
pub(crate) fn other(kind: String, about: &Json) -> Event {
    let shown = about.to_string();
    Event::Other((kind, if shown.len() > MAX_OTHER { "null".to_owned() } else { shown }))
}
