//! What an agent tells while it works: `session/update`.

use sandboxed_sdk::harness::{Event, MessageRole, Notice, NoticeLevel, PlanEntry, Text, ToolStatus};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    calls::{Calls, call_id},
    usage::session_cost,
};

/// Bytes of an update that is not known, up to which it is handed on.
const SHOWN: usize = 8 << 10;
/// Bytes of a text that may be an error, up to which it is kept.
const SUSPECT: usize = 1 << 10;
/// Longest id of a message, in bytes.
const LONGEST_ID: usize = 200;

/// What was said so far in a turn.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Heard {
    pub(crate) calls: Calls,
    block: Option<Block>,
    /// Messages and thoughts of the turn.
    blocks: u32,
    /// The last thing that the agent said, where it begins as errors do.
    pub(crate) suspect: Option<String>,
    /// What the session has cost so far, in millionths of a US dollar.
    pub(crate) cost: Option<u64>,
}

/// The message or thought that the next piece goes on with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Block {
    thought: bool,
    id: String,
}

impl Heard {
    /// Takes an update. `errors` are beginnings of texts that are errors.
    pub(crate) fn update(&mut self, turn: u32, errors: &[String], update: &Value) -> Vec<Event> {
        let kind = update.get("sessionUpdate").and_then(Value::as_str).unwrap_or_default();
        match kind {
            "agent_message_chunk" => self.piece(turn, errors, update, false),
            "agent_thought_chunk" => self.piece(turn, errors, update, true),
            "agent_message" => self.whole(turn, errors, update, false),
            "agent_thought" => self.whole(turn, errors, update, true),
            "tool_call" | "tool_call_update" => {
                self.part();
                self.calls.update(update)
            }
            "tool_call_content_chunk" => {
                self.part();
                let text = update.pointer("/content/content/text").and_then(Value::as_str).unwrap_or_default();
                self.calls.add(call_id(update), text)
            }
            "plan" => plan(update).into_iter().collect(),
            "plan_update" => update.get("plan").and_then(plan).into_iter().collect(),
            "usage_update" => {
                self.cost = session_cost(update).or(self.cost);
                Vec::new()
            }
            "notice" => notice(update).into_iter().collect(),
            // What a client shows and a turn does not: commands, modes, options, titles, what the person said.
            "user_message_chunk"
            | "user_message"
            | "available_commands_update"
            | "current_mode_update"
            | "config_option_update"
            | "session_info_update"
            | "state_update" => Vec::new(),
            _ => vec![other(kind, update)],
        }
    }

    /// A piece of a message or thought.
    fn piece(&mut self, turn: u32, errors: &[String], update: &Value, thought: bool) -> Vec<Event> {
        let Some(text) = update.pointer("/content/text").and_then(Value::as_str).filter(|text| !text.is_empty()) else {
            return Vec::new();
        };
        self.suspect = errors.iter().any(|error| text.starts_with(error.as_str())).then(|| {
            let end = text.floor_char_boundary(SUSPECT);
            text[..end].to_owned()
        });
        let given = update.get("messageId").and_then(Value::as_str).filter(|id| id.len() <= LONGEST_ID);
        let same = |block: &&Block| block.thought == thought && given.is_none_or(|id| id == block.id);
        let block = match self.block.as_ref().filter(same) {
            Some(block) => block.clone(),
            None => {
                self.blocks = self.blocks.saturating_add(1);
                let name = if thought { "thought" } else { "message" };
                let id = given.map_or_else(|| format!("turn-{turn}-{name}-{}", self.blocks), str::to_owned);
                Block { thought, id }
            }
        };
        self.block = Some(block.clone());
        let text = Text { id: block.id, role: MessageRole::Agent, parent: None, text: text.to_owned() };
        vec![if thought { Event::Thought(text) } else { Event::Message(text) }]
    }

    /// A message or thought as a whole, by version 2 of the protocol: it may repeat what came in pieces.
    fn whole(&mut self, turn: u32, errors: &[String], update: &Value, thought: bool) -> Vec<Event> {
        let id = update.get("messageId").and_then(Value::as_str);
        if self.block.as_ref().is_some_and(|block| Some(block.id.as_str()) == id) {
            return Vec::new();
        }
        let pieces = update.get("content").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let text: String = pieces.iter().filter_map(|piece| piece.get("text")?.as_str()).collect();
        self.piece(turn, errors, &json!({ "messageId": id, "content": { "text": text } }), thought)
    }

    /// Something else comes: the next piece of text begins a new message.
    pub(crate) fn part(&mut self) {
        self.block = None;
        self.suspect = None;
    }
}

fn plan(plan: &Value) -> Option<Event> {
    let entry = |entry: &Value| {
        let status = match entry.get("status").and_then(Value::as_str) {
            Some("in_progress") => ToolStatus::Running,
            Some("completed") => ToolStatus::Completed,
            Some("cancelled") => ToolStatus::Failed,
            _ => ToolStatus::Pending,
        };
        Some(PlanEntry { text: entry.get("content")?.as_str()?.to_owned(), status })
    };
    Some(Event::Plan(plan.get("entries")?.as_array()?.iter().filter_map(entry).collect()))
}

fn notice(update: &Value) -> Option<Event> {
    let level = match update.get("severity").and_then(Value::as_str) {
        Some("error") => NoticeLevel::Error,
        Some("warning") => NoticeLevel::Warning,
        _ => NoticeLevel::Info,
    };
    let text = update.get("title")?.as_str()?.to_owned();
    Some(Event::Notice(Notice { level, code: "agent.notice".to_owned(), text }))
}

/// What is not known is handed on as it is, unless it is long.
pub(crate) fn other(name: &str, value: &Value) -> Event {
    let text = value.to_string();
    let shown = if text.len() <= SHOWN { text } else { json!({ "bytes": text.len() }).to_string() };
    Event::Other((name[..name.floor_char_boundary(LONGEST_ID)].to_owned(), shown))
}
