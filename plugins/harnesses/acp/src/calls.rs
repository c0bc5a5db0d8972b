//! The tool calls of a turn: an update tells only what changed, and an event tells all.

use sandboxed_protocol::{diff, title};
use sandboxed_sdk::harness::{Edit, Event, Stream, ToolCall, ToolKind, ToolOutput, ToolStatus};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Bytes of all calls together, written as JSON, that are remembered. Past it the oldest are forgotten: what is said of
/// them later stands without what was said before.
const REMEMBERED: usize = 24 << 10;
/// Bytes of one call's input, and of what it does to files, that are remembered for its next event.
const REMEMBERED_PART: usize = 4 << 10;
/// Longest id of a call, in bytes.
const LONGEST_ID: usize = 200;

/// Bytes of the ids of calls that are over, which are remembered so that what comes late is known for what it is.
const REMEMBERED_IDS: usize = 4 << 10;

/// The calls of a turn.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Calls {
    /// Those that are not over, oldest first.
    open: Vec<Call>,
    /// Ids of the last that are over.
    over: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Call {
    id: String,
    title: String,
    /// The agent's own name of the tool.
    tool: Option<String>,
    kind: Kind,
    status: Status,
    input: Value,
    exit_code: Option<i32>,
    /// Path and diff of each edit.
    edits: Vec<(String, String)>,
    shown: Shown,
}

/// How much of a call's output was told, and a digest of that: agents repeat all of it, and events add to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Shown {
    length: usize,
    digest: u64,
}

/// The protocol's kinds of tools.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Read,
    Edit,
    Delete,
    Move,
    Search,
    Execute,
    Think,
    Fetch,
    SwitchMode,
    #[default]
    #[serde(other)]
    Other,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    #[default]
    Pending,
    InProgress,
    Completed,
    #[serde(alias = "cancelled")]
    Failed,
}

impl Kind {
    /// What an agent says, or what the input says where the agent says nothing of use: a command is executed.
    pub(crate) fn of(call: &Value) -> Option<Self> {
        let said = call.get("kind").and_then(|kind| Self::deserialize(kind).ok());
        let runs = call.pointer("/rawInput/command").is_some();
        if runs && said.is_none_or(|kind| kind == Self::Other) { Some(Self::Execute) } else { said }
    }

    /// Nothing changes by it.
    pub(crate) fn is_harmless(self) -> bool {
        matches!(self, Self::Read | Self::Search | Self::Think | Self::Fetch)
    }
}

impl From<Kind> for ToolKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Read => Self::Read,
            Kind::Edit | Kind::Move => Self::Edit,
            Kind::Delete => Self::Delete,
            Kind::Search => Self::Search,
            Kind::Execute => Self::Execute,
            Kind::Think => Self::Think,
            Kind::Fetch => Self::Fetch,
            Kind::SwitchMode | Kind::Other => Self::Other,
        }
    }
}

impl Calls {
    /// Takes a `tool_call`, a `tool_call_update`, or the call of a request for permission.
    pub(crate) fn update(&mut self, update: &Value) -> Vec<Event> {
        let Some(id) = call_id(update) else { return Vec::new() };
        let place = self.open.iter().position(|call| call.id == id);
        if place.is_none() && self.over.iter().any(|over| over == id) {
            return Vec::new();
        }
        let known = place.map(|place| self.open.remove(place));
        let mut call = known.clone().unwrap_or_else(|| Call::new(id));
        let output = call.merge(update);
        let mut events = Vec::new();
        if known.is_none_or(|known| known.differs(&call)) {
            events.push(Event::ToolCall(call.event()));
        }
        let output = output.map(|text| ToolOutput { id: call.id.clone(), stream: Stream::Stdout, text });
        events.extend(output.map(Event::ToolOutput));
        if matches!(call.status, Status::Completed | Status::Failed) {
            self.over.push(call.id);
            forget(&mut self.over, REMEMBERED_IDS);
        } else {
            call.shorten();
            self.open.push(call);
            forget(&mut self.open, REMEMBERED);
        }
        events
    }

    /// The agent's own name of the tool that is called.
    pub(crate) fn tool(&self, id: &str) -> Option<&str> {
        self.open.iter().find(|call| call.id == id)?.tool.as_deref()
    }

    /// Takes a piece of a call's output.
    pub(crate) fn add(&self, id: Option<&str>, text: &str) -> Vec<Event> {
        let output = |id: &str| ToolOutput { id: id.to_owned(), stream: Stream::Stdout, text: text.to_owned() };
        id.filter(|id| self.knows(id) && !text.is_empty()).map(output).map(Event::ToolOutput).into_iter().collect()
    }

    /// Whether the call that an agent asks for was told of.
    pub(crate) fn knows(&self, id: &str) -> bool {
        self.open.iter().any(|call| call.id == id)
    }

    /// The turn is over: no call of it goes on.
    pub(crate) fn end(&mut self) -> Vec<Event> {
        let failed = |call: Call| Event::ToolCall(Call { status: Status::Failed, ..call }.event());
        std::mem::take(&mut self.open).into_iter().map(failed).collect()
    }
}

/// Forgets the oldest until the rest, written as JSON, has room.
fn forget<T: Serialize>(list: &mut Vec<T>, room: usize) {
    while list.len() > 1 && serde_json::to_string(list).map_or(0, |json| json.len()) > room {
        list.remove(0);
    }
}

/// The agent's own name of the tool, where agents are known to write it.
pub(crate) fn tool_name(call: &Value) -> Option<String> {
    let places = ["/name", "/_meta/claudeCode/toolName", "/_meta/goose/toolCall/toolName", "/_meta/x.ai~1tool/name"];
    places.into_iter().find_map(|place| call.pointer(place)?.as_str()).map(title::first_line)
}

/// The id of the call that an update is about.
pub(crate) fn call_id(update: &Value) -> Option<&str> {
    update.get("toolCallId").and_then(Value::as_str).filter(|id| id.len() <= LONGEST_ID)
}

impl Call {
    fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            title: String::new(),
            tool: None,
            kind: Kind::default(),
            status: Status::default(),
            input: Value::Null,
            exit_code: None,
            edits: Vec::new(),
            shown: Shown::default(),
        }
    }

    /// Takes what an update says, and returns the output that is new by it.
    fn merge(&mut self, update: &Value) -> Option<String> {
        if let Some(said) = update.get("title").and_then(Value::as_str).filter(|title| !title.is_empty()) {
            self.title = title::first_line(said);
        }
        if let Some(tool) = tool_name(update) {
            self.tool = Some(tool);
        }
        if let Some(kind) = Kind::of(update) {
            self.kind = kind;
        }
        if let Some(status) = update.get("status").and_then(|status| Status::deserialize(status).ok()) {
            self.status = status;
        }
        if let Some(input) = update.get("rawInput").filter(|input| !is_empty(input)) {
            self.input = input.clone();
        }
        if let Some(code) = exit_code(update) {
            self.exit_code = Some(code);
        }
        let edits: Vec<Edit> = contents(update, "diff").filter_map(edit).collect();
        if !edits.is_empty() {
            self.edits = edits.into_iter().map(|edit| (edit.path, edit.diff)).collect();
        }
        if let Some(piece) = update.pointer("/_meta/terminal_output/data").and_then(Value::as_str) {
            return Some(piece.to_owned());
        }
        // Before a tool runs, its content says what it is for and not what came of it.
        let over = matches!(self.status, Status::Completed | Status::Failed);
        let raw = update.get("rawOutput");
        let text: String =
            contents(update, "content").filter_map(|item| item.pointer("/content/text")?.as_str()).collect();
        match (text.is_empty(), raw) {
            (false, raw) if over || raw.is_some() => self.shown.rest(&text),
            (true, Some(Value::String(text))) if over => self.shown.rest(text),
            _ => None,
        }
    }

    fn differs(&self, other: &Self) -> bool {
        let told = |call: &Self| (call.title.clone(), call.kind, call.status, call.exit_code);
        told(self) != told(other) || self.input != other.input || self.edits != other.edits
    }

    fn event(&self) -> ToolCall {
        ToolCall {
            id: self.id.clone(),
            parent: None,
            title: self.title.clone(),
            kind: self.kind.into(),
            status: match self.status {
                Status::Pending => ToolStatus::Pending,
                Status::InProgress => ToolStatus::Running,
                Status::Completed => ToolStatus::Completed,
                Status::Failed => ToolStatus::Failed,
            },
            input: self.input.to_string(),
            exit_code: self.exit_code,
            edits: self.edits.iter().cloned().map(|(path, diff)| Edit { path, diff }).collect(),
        }
    }

    /// Leaves out what is too long to be remembered.
    fn shorten(&mut self) {
        if self.input.to_string().len() > REMEMBERED_PART {
            self.input = Value::Null;
        }
        let edits: usize = self.edits.iter().map(|(path, diff)| path.len() + diff.len()).sum();
        if edits > REMEMBERED_PART {
            self.edits.clear();
        }
    }
}

impl Shown {
    /// What of a text was not told yet. A text that does not go on from what was told is told whole.
    fn rest(&mut self, text: &str) -> Option<String> {
        let goes_on = text.get(..self.length).is_some_and(|start| digest(start) == self.digest) && self.length > 0;
        let rest = if goes_on { &text[self.length..] } else { text };
        *self = Self { length: text.len(), digest: digest(text) };
        (!rest.is_empty()).then(|| rest.to_owned())
    }
}

/// FNV-1a: the same in every build, as it is part of what is saved.
fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty)
}

/// The pieces of an update's content that are of a type.
fn contents<'a>(update: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    let items = update.get("content").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter(move |item| item.get("type").and_then(Value::as_str) == Some(kind))
}

fn edit(item: &Value) -> Option<Edit> {
    let text = |name: &str| item.get(name).and_then(Value::as_str);
    diff::edit(text("path")?, text("oldText").unwrap_or_default(), text("newText")?)
}

/// Where agents say how a program ended.
fn exit_code(update: &Value) -> Option<i32> {
    let places =
        ["/_meta/terminal_exit/exit_code", "/rawOutput/exit_code", "/rawOutput/exitCode", "/rawOutput/metadata/exit"];
    let over =
        update.get("status").and_then(Value::as_str).is_some_and(|status| matches!(status, "completed" | "failed"));
    let code = places.into_iter().find_map(|place| update.pointer(place)).filter(|_| over)?;
    code.as_i64().and_then(|code| i32::try_from(code).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outputs(events: Vec<Event>) -> Vec<String> {
        let text = |event| if let Event::ToolOutput(output) = event { Some(output.text) } else { None };
        events.into_iter().filter_map(text).collect()
    }

    fn content(text: &str) -> Value {
        json!([{ "type": "content", "content": { "type": "text", "text": text } }])
    }

    #[test]
    fn output_that_agents_repeat_is_told_once() {
        let mut calls = Calls::default();
        let update = |status: &str, text: &str| json!({ "toolCallId": "1", "status": status, "rawOutput": {}, "content": content(text) });
        assert_eq!(outputs(calls.update(&update("in_progress", "a\n"))), ["a\n"]);
        assert_eq!(outputs(calls.update(&update("in_progress", "a\n"))), Vec::<String>::new());
        assert_eq!(outputs(calls.update(&update("in_progress", "a\nb\n"))), ["b\n"]);
        assert_eq!(outputs(calls.update(&update("completed", "c\n"))), ["c\n"]);
    }

    #[test]
    fn what_comes_after_the_end_of_a_call_does_not_begin_it_anew() {
        let mut calls = Calls::default();
        calls.update(&json!({ "toolCallId": "1", "title": "ls", "status": "completed" }));
        assert_eq!(calls.update(&json!({ "toolCallId": "1", "title": "List files" })), []);
        assert_eq!(calls.end(), []);
    }

    #[test]
    fn a_tool_that_gets_a_command_executes_it() {
        assert_eq!(Kind::of(&json!({ "kind": "other", "rawInput": { "command": "ls" } })), Some(Kind::Execute));
        assert_eq!(Kind::of(&json!({ "kind": "other", "rawInput": { "text": "x" } })), Some(Kind::Other));
        assert_eq!(Kind::of(&json!({ "title": "x" })), None);
    }

    #[test]
    fn what_a_tool_is_for_is_not_its_output() {
        let mut calls = Calls::default();
        let pending = json!({ "toolCallId": "1", "status": "pending", "content": content("list files") });
        assert_eq!(outputs(calls.update(&pending)), Vec::<String>::new());
    }

    #[test]
    fn what_is_remembered_of_many_huge_calls_is_small() {
        let mut calls = Calls::default();
        for id in 0..500 {
            let input = json!({ "command": "\u{1}".repeat(600 * (id % 20)) });
            let call = json!({ "toolCallId": id.to_string(), "title": "\u{1}x".repeat(1 << 12), "rawInput": input });
            calls.update(&call);
            assert!(serde_json::to_string(&calls).expect("JSON").len() <= REMEMBERED + (8 << 10));
        }
    }

    #[test]
    fn a_call_that_never_ended_fails_with_its_turn() {
        let mut calls = Calls::default();
        calls.update(&json!({ "toolCallId": "1", "title": "sleep", "status": "in_progress" }));
        let events = calls.end();
        assert!(matches!(&events[..], [Event::ToolCall(call)] if call.status == ToolStatus::Failed), "{events:?}");
        assert!(calls.end().is_empty());
    }
}
