//! What is going on in a turn: texts that are being written, tools that run, other agents that work for this one.

use sandboxed_sdk::harness::{Event, MessageRole, Stream, Text, ToolCall, ToolKind, ToolOutput, ToolStatus};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::item::{AgentCall, Execution, Item, McpCall};

/// Calls that are remembered while they run. Codex runs few at a time; of more the oldest is forgotten.
const MAX_CALLS: usize = 16;
/// Bytes of the inputs of all those calls.
const MAX_INPUTS: usize = 6 << 10;
/// Texts that are remembered while they are written.
const MAX_TEXTS: usize = 8;
/// Agents of which is remembered who called them.
const MAX_AGENTS: usize = 16;
/// The longest id that is taken; Codex's are no longer than 64 bytes.
const MAX_ID: usize = 128;

/// An id as Codex makes them. Any other could take much room when it is saved.
pub(crate) fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    text.len() <= MAX_ID && text.bytes().all(plain)
}

/// All of it, small enough to be saved.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Work {
    calls: Vec<Running>,
    /// Ids of messages and thoughts of which something was told.
    texts: Vec<String>,
    agents: Vec<Agent>,
}

/// A call that runs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Running {
    id: String,
    parent: Option<String>,
    title: String,
    kind: Kind,
    /// A JSON value; absent where there was no room for it.
    input: Option<String>,
    printed: Printed,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Kind {
    Execute,
    Read,
    Edit,
    Delete,
    Fetch,
    Other,
}

/// What a command has printed so far, as far as it was told.
#[derive(Debug, Serialize, Deserialize)]
struct Printed {
    bytes: usize,
    /// FNV-1a, <http://www.isthe.com/chongo/tech/comp/fnv/>.
    hash: u64,
}

/// Another agent.
#[derive(Debug, Serialize, Deserialize)]
struct Agent {
    thread: String,
    call: String,
    model: Option<String>,
}

/// Which kind of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voice {
    Message,
    Thought,
}

impl Work {
    /// An item begins.
    pub(crate) fn started(&mut self, item: &Item, tree: &str, parent: Option<String>) -> Option<Event> {
        let call = ToolCall { parent, ..item.tool_call(tree, false)? };
        if self.calls.iter().all(|running| running.id != call.id) {
            let room = MAX_INPUTS.saturating_sub(self.calls.iter().map(Running::input_length).sum());
            push(&mut self.calls, MAX_CALLS, Running::new(&call, room));
        }
        Some(Event::ToolCall(call))
    }

    /// An item is done: what was not told of it in pieces, and how it ended.
    pub(crate) fn completed(&mut self, item: &Item, tree: &str, parent: Option<String>) -> Vec<Event> {
        let mut events = Vec::new();
        match item {
            Item::AgentMessage { id, text } | Item::Plan { id, text } => {
                events.extend(self.whole(Voice::Message, id, parent.clone(), text));
            }
            Item::Reasoning { id, summary, content } => {
                let text = if summary.is_empty() { content.join("\n\n") } else { summary.join("\n\n") };
                events.extend(self.whole(Voice::Thought, id, parent.clone(), &text));
            }
            Item::CommandExecution(run) => events.extend(self.rest_of(run)),
            Item::McpToolCall(call) => events.extend(answer_of(call)),
            Item::DynamicToolCall(call) => {
                events.extend(output(
                    &call.id,
                    Stream::Stdout,
                    texts(call.content_items.as_deref().unwrap_or_default()),
                ));
            }
            Item::CollabAgentToolCall(call) => self.hired(call),
            _ => {}
        }
        if let Some(call) = item.tool_call(tree, true) {
            self.calls.retain(|running| running.id != call.id);
            events.push(Event::ToolCall(ToolCall { parent, ..call }));
        }
        events
    }

    /// A piece of a text.
    pub(crate) fn text(&mut self, voice: Voice, id: String, parent: Option<String>, text: String) -> Option<Event> {
        if text.is_empty() {
            return None;
        }
        if !self.texts.contains(&id) {
            push(&mut self.texts, MAX_TEXTS, id.clone());
        }
        let text = Text { id, role: MessageRole::Agent, parent, text };
        Some(match voice {
            Voice::Message => Event::Message(text),
            Voice::Thought => Event::Thought(text),
        })
    }

    /// Something of this text was told already.
    pub(crate) fn has_text(&self, id: &str) -> bool {
        self.texts.iter().any(|text| text == id)
    }

    /// A command printed something.
    pub(crate) fn printed(&mut self, id: &str, text: String) -> Option<Event> {
        if let Some(running) = self.calls.iter_mut().find(|running| running.id == id) {
            running.printed.add(text.as_bytes());
        }
        output(id, Stream::Stdout, text)
    }

    /// The call that a running item is, with its input; nothing where the input was too long to be remembered.
    pub(crate) fn running(&self, id: &str) -> Option<(&str, ToolKind, &str)> {
        let running = self.calls.iter().find(|running| running.id == id)?;
        Some((running.title.as_str(), running.kind.tool(), running.input.as_deref()?))
    }

    /// The running call of this title.
    pub(crate) fn call_named(&self, title: &str) -> Option<String> {
        self.calls.iter().rev().find(|running| running.title == title).map(|running| running.id.clone())
    }

    /// The call within which another agent's thread works.
    pub(crate) fn caller(&self, thread: &str) -> Option<String> {
        self.agent(thread).map(|agent| agent.call.clone())
    }

    /// The model of another agent.
    pub(crate) fn model_of(&self, thread: &str) -> Option<String> {
        self.agent(thread)?.model.clone()
    }

    /// The turn is over: what still runs does so no longer.
    pub(crate) fn stop(&mut self) -> Vec<Event> {
        self.calls.drain(..).map(|running| Event::ToolCall(running.stopped())).collect()
    }

    fn agent(&self, thread: &str) -> Option<&Agent> {
        self.agents.iter().find(|agent| agent.thread == thread)
    }

    fn hired(&mut self, call: &AgentCall) {
        for thread in call.receiver_thread_ids.iter().filter(|thread| is_id(thread)) {
            // It is the first call that made it; later ones talk to it.
            if self.agent(thread).is_none() {
                let model = call.model.clone().filter(|model| !model.is_empty() && is_id(model));
                push(&mut self.agents, MAX_AGENTS, Agent { thread: thread.clone(), call: call.id.clone(), model });
            }
        }
    }

    /// The text, unless it was told in pieces.
    fn whole(&mut self, voice: Voice, id: &str, parent: Option<String>, text: &str) -> Option<Event> {
        match self.texts.iter().position(|known| known == id) {
            Some(place) => {
                self.texts.remove(place);
                None
            }
            None => {
                let event = self.text(voice, id.to_owned(), parent, text.to_owned());
                self.texts.retain(|known| known != id);
                event
            }
        }
    }

    /// What a command printed and was not told in pieces. Codex tells no pieces of what is printed before it listens,
    /// which is most of what a quick command prints: that comes at the end, after what was printed later.
    fn rest_of(&self, run: &Execution) -> Option<Event> {
        let all = run.aggregated_output.as_deref()?;
        let text = match self.calls.iter().find(|running| running.id == run.id).map(|running| &running.printed) {
            None | Some(Printed { bytes: 0, .. }) => all.to_owned(),
            Some(printed) => {
                let (first, told) = all.split_at_checked(all.len().checked_sub(printed.bytes)?)?;
                if first.is_empty() || Printed::of(told.as_bytes()).hash != printed.hash {
                    return None;
                }
                format!("[printed before that]\n{first}")
            }
        };
        output(&run.id, Stream::Stdout, text)
    }
}

impl Running {
    fn new(call: &ToolCall, room: usize) -> Self {
        Self {
            id: call.id.clone(),
            parent: call.parent.clone(),
            title: call.title.clone(),
            kind: Kind::of(call.kind),
            input: (call.input.len() <= room).then(|| call.input.clone()),
            printed: Printed::of(&[]),
        }
    }

    fn input_length(&self) -> usize {
        self.input.as_ref().map_or(0, String::len)
    }

    fn stopped(self) -> ToolCall {
        ToolCall {
            id: self.id,
            parent: self.parent,
            title: self.title,
            kind: self.kind.tool(),
            status: ToolStatus::Failed,
            input: self.input.unwrap_or_else(|| Value::Null.to_string()),
            exit_code: None,
            edits: Vec::new(),
        }
    }
}

impl Kind {
    fn of(kind: ToolKind) -> Self {
        match kind {
            ToolKind::Execute => Self::Execute,
            ToolKind::Read => Self::Read,
            ToolKind::Edit => Self::Edit,
            ToolKind::Delete => Self::Delete,
            ToolKind::Fetch => Self::Fetch,
            ToolKind::Search | ToolKind::Think | ToolKind::Other => Self::Other,
        }
    }

    fn tool(self) -> ToolKind {
        match self {
            Self::Execute => ToolKind::Execute,
            Self::Read => ToolKind::Read,
            Self::Edit => ToolKind::Edit,
            Self::Delete => ToolKind::Delete,
            Self::Fetch => ToolKind::Fetch,
            Self::Other => ToolKind::Other,
        }
    }
}

impl Printed {
    fn of(bytes: &[u8]) -> Self {
        let mut printed = Self { bytes: 0, hash: 0xcbf2_9ce4_8422_2325 };
        printed.add(bytes);
        printed
    }

    fn add(&mut self, bytes: &[u8]) {
        self.bytes = self.bytes.saturating_add(bytes.len());
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// What a tool of an MCP server answered, and why it failed.
fn answer_of(call: &McpCall) -> impl Iterator<Item = Event> {
    let said = call.result.as_ref().map(|result| texts(&result.content)).unwrap_or_default();
    let error = call.error.as_ref().map(|error| error.message.clone()).unwrap_or_default();
    let told = output(&call.id, Stream::Stdout, said);
    told.into_iter().chain(output(&call.id, Stream::Stderr, error))
}

/// The texts among the parts of an answer; what is no text (an image) is named by its type.
fn texts(parts: &[Value]) -> String {
    let text = |part: &Value| match part.get("text").and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => format!("[{}]", part.get("type").and_then(Value::as_str).unwrap_or("something")),
    };
    parts.iter().map(text).collect::<Vec<_>>().join("\n")
}

fn output(id: &str, stream: Stream, text: String) -> Option<Event> {
    (!text.is_empty()).then(|| Event::ToolOutput(ToolOutput { id: id.to_owned(), stream, text }))
}

/// Adds one, and forgets the oldest where there are too many.
fn push<T>(all: &mut Vec<T>, most: usize, one: T) {
    if all.len() >= most {
        all.remove(0);
    }
    all.push(one);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn command(id: &str, status: &str, output: Option<&str>) -> Item {
        let item = json!({ "type": "commandExecution", "id": id, "command": "make", "status": status,
                           "aggregatedOutput": output });
        serde_json::from_value(item).expect("an item")
    }

    fn outputs<'a>(events: &'a [Event]) -> Vec<&'a str> {
        let text =
            |event: &'a Event| if let Event::ToolOutput(output) = event { Some(output.text.as_str()) } else { None };
        events.iter().filter_map(text).collect()
    }

    #[test]
    fn what_was_printed_before_codex_listened_is_told_at_the_end() {
        let mut work = Work::default();
        work.started(&command("1", "inProgress", None), "/w", None);
        work.printed("1", "two\n".to_owned());
        let events = work.completed(&command("1", "completed", Some("one\ntwo\n")), "/w", None);
        assert_eq!(outputs(&events), ["[printed before that]\none\n"]);
    }

    #[test]
    fn what_was_told_in_pieces_is_not_told_again() {
        let mut work = Work::default();
        work.started(&command("1", "inProgress", None), "/w", None);
        for piece in ["on", "e\ntw", "o\n"] {
            work.printed("1", piece.to_owned());
        }
        let events = work.completed(&command("1", "completed", Some("one\ntwo\n")), "/w", None);
        assert_eq!(outputs(&events), Vec::<&str>::new());
        let quick = work.completed(&command("2", "completed", Some("all\n")), "/w", None);
        assert_eq!(outputs(&quick), ["all\n"]);
    }

    #[test]
    fn output_that_does_not_fit_what_was_told_is_left_out() {
        let mut work = Work::default();
        work.started(&command("1", "inProgress", None), "/w", None);
        work.printed("1", "äöü".to_owned());
        for all in ["xyz äö", "é", "ää"] {
            assert_eq!(
                work.rest_of(match &command("1", "completed", Some(all)) {
                    Item::CommandExecution(run) => run,
                    other => panic!("{other:?}"),
                }),
                None,
                "{all}"
            );
        }
    }

    #[test]
    fn what_still_runs_when_the_turn_is_over_has_failed() {
        let mut work = Work::default();
        work.started(&command("1", "inProgress", None), "/w", None);
        let stopped = work.stop();
        assert!(matches!(&stopped[..], [Event::ToolCall(call)] if call.status == ToolStatus::Failed), "{stopped:?}");
        assert!(work.stop().is_empty());
    }

    #[test]
    fn an_agent_belongs_to_the_call_that_made_it() {
        let mut work = Work::default();
        let call = |id: &str, tool: &str| -> Item {
            let item = json!({ "type": "collabAgentToolCall", "id": id, "tool": tool, "status": "completed",
                               "model": "m", "receiverThreadIds": ["t"] });
            serde_json::from_value(item).expect("an item")
        };
        work.completed(&call("1", "spawnAgent"), "/w", None);
        work.completed(&call("2", "sendInput"), "/w", None);
        assert_eq!(work.caller("t").as_deref(), Some("1"));
        assert_eq!(work.model_of("t").as_deref(), Some("m"));
    }
}
