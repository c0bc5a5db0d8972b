//! What is under way in a turn: who speaks, which texts and calls were told how far, and which other agents work.

use sandboxed_sdk::harness::{Event, MessageRole, Stream, Text, ToolCall, ToolOutput, ToolStatus};
use serde::{Deserialize, Serialize};

use crate::part::{ToolPart, kind};

/// Messages, texts, calls and agents that are remembered; the oldest are forgotten.
const MAX_MESSAGES: usize = 16;
const MAX_TEXTS: usize = 32;
const MAX_CALLS: usize = 16;
const MAX_AGENTS: usize = 32;
/// Bytes of the path of a call that is remembered.
const MAX_PATH: usize = 512;
/// Bytes of a title that is remembered until its call ends.
const MAX_TITLE: usize = 256;

/// An id of OpenCode's: short, and safe within an address.
pub(crate) fn is_id(text: &str) -> bool {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=128).contains(&text.len()) && text.bytes().all(safe)
}

/// All of it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Work {
    messages: Vec<Message>,
    texts: Vec<Told>,
    calls: Vec<Running>,
    agents: Vec<Agent>,
}

/// A message of the agent's.
#[derive(Debug, Serialize, Deserialize)]
struct Message {
    id: String,
    model: String,
}

/// A text, and how much of it was told.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    id: String,
    voice: Voice,
    printed: Printed,
}

/// A call that is not over.
#[derive(Debug, Serialize, Deserialize)]
struct Running {
    id: String,
    call_id: String,
    parent: Option<String>,
    tool: String,
    title: String,
    /// What is read, where it is a path of an ordinary length.
    path: Option<String>,
    /// It was told that it runs.
    begun: bool,
    printed: Printed,
}

/// Another agent, and the call that it works for.
#[derive(Debug, Serialize, Deserialize)]
struct Agent {
    session: String,
    call: String,
}

/// The beginning of a text that was told.
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
struct Printed {
    bytes: usize,
    hash: u64,
}

/// Which kind of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Voice {
    Message,
    Thought,
}

impl Printed {
    /// What of a whole text was not told yet; nothing where the text does not begin as it was told.
    fn rest<'a>(&mut self, whole: &'a str) -> &'a str {
        match whole.split_at_checked(self.bytes) {
            Some((told, rest)) if hash(0, told) == self.hash => {
                self.add(rest);
                rest
            }
            _ => "",
        }
    }

    fn add(&mut self, text: &str) {
        self.bytes += text.len();
        self.hash = hash(self.hash, text);
    }
}

/// FNV-1a, <http://www.isthe.com/chongo/tech/comp/fnv/>; it goes on from `hash`.
fn hash(hash: u64, text: &str) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    text.bytes().fold(hash ^ OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME)) ^ OFFSET
}

impl Work {
    /// A message is the agent's.
    pub(crate) fn speaks(&mut self, id: &str, model: &str) {
        if self.messages.iter().all(|message| message.id != id) {
            let model = if is_model(model) { model.to_owned() } else { String::new() };
            push(&mut self.messages, MAX_MESSAGES, Message { id: id.to_owned(), model });
        }
    }

    /// The model of a message, where that is the agent's and tells it.
    pub(crate) fn model(&self, message: &str) -> Option<String> {
        let known = self.messages.iter().find(|known| known.id == message)?;
        (!known.model.is_empty()).then(|| known.model.clone())
    }

    /// The message is the agent's.
    pub(crate) fn is_agents(&self, message: &str) -> bool {
        self.messages.iter().any(|known| known.id == message)
    }

    /// A text as far as it is. What was told of it in pieces is not told again.
    pub(crate) fn text(&mut self, voice: Voice, id: &str, parent: Option<String>, whole: &str) -> Option<Event> {
        if self.texts.iter().all(|text| text.id != id) {
            let told = Told { id: id.to_owned(), voice, printed: Printed::default() };
            push(&mut self.texts, MAX_TEXTS, told);
        }
        let text = self.texts.iter_mut().find(|text| text.id == id)?;
        say(voice, id, parent, text.printed.rest(whole))
    }

    /// A piece of a text that has begun.
    pub(crate) fn delta(&mut self, id: &str, parent: Option<String>, piece: &str) -> Option<Event> {
        let text = self.texts.iter_mut().find(|text| text.id == id)?;
        text.printed.add(piece);
        say(text.voice, id, parent, piece)
    }

    /// A tool call as far as it is.
    pub(crate) fn call(&mut self, part: &ToolPart, tree: &str, parent: Option<String>) -> Vec<Event> {
        if let Some(session) = part.session().filter(|session| is_id(session)) {
            self.hired(session, &part.id);
        }
        let call = part.call(tree, parent.clone());
        let status = part.status();
        let known = self.calls.iter().any(|running| running.id == part.id);
        let over = matches!(status, ToolStatus::Completed | ToolStatus::Failed);
        if !known {
            push(&mut self.calls, MAX_CALLS, Running::new(part, &call.title, parent));
        }
        let mut events = Vec::new();
        if let Some(running) = self.calls.iter_mut().find(|running| running.id == part.id) {
            let begins = status == ToolStatus::Running && !running.begun;
            running.begun |= begins;
            running.title = short(&call.title);
            running.path = part.subject().filter(|path| part.tool == "read" && is_path(path)).map(str::to_owned);
            let rest = running.printed.rest(part.output()).to_owned();
            if begins || !known && !over {
                events.push(Event::ToolCall(call.clone()));
            }
            if !rest.is_empty() {
                events.push(Event::ToolOutput(ToolOutput { id: part.id.clone(), stream: Stream::Stdout, text: rest }));
            }
        }
        if over {
            self.calls.retain(|running| running.id != part.id);
            events.push(Event::ToolCall(call));
        }
        events
    }

    /// The call that OpenCode's own id names.
    pub(crate) fn call_named(&self, call_id: &str) -> Option<String> {
        self.calls.iter().rev().find(|running| running.call_id == call_id).map(|running| running.id.clone())
    }

    /// The file that a call reads, where that is known.
    pub(crate) fn path(&self, call: &str) -> Option<&str> {
        self.calls.iter().find(|running| running.id == call)?.path.as_deref()
    }

    fn hired(&mut self, session: &str, call: &str) {
        self.agents.retain(|agent| agent.session != session);
        push(&mut self.agents, MAX_AGENTS, Agent { session: session.to_owned(), call: call.to_owned() });
    }

    /// The call that a session's agent works for.
    pub(crate) fn employer(&self, session: &str) -> Option<String> {
        self.agents.iter().find(|agent| agent.session == session).map(|agent| agent.call.clone())
    }

    /// Nothing goes on: what is not over will never be.
    pub(crate) fn stop(&mut self) -> Vec<Event> {
        let calls = std::mem::take(&mut self.calls);
        *self = Self::default();
        calls.into_iter().map(Running::stopped).map(Event::ToolCall).collect()
    }
}

impl Running {
    fn new(part: &ToolPart, title: &str, parent: Option<String>) -> Self {
        Self {
            id: part.id.clone(),
            call_id: if is_id(&part.call_id) { part.call_id.clone() } else { String::new() },
            parent,
            tool: short(&part.tool),
            title: short(title),
            path: None,
            begun: false,
            printed: Printed::default(),
        }
    }

    fn stopped(self) -> ToolCall {
        ToolCall {
            id: self.id,
            parent: self.parent,
            title: self.title,
            kind: kind(&self.tool),
            status: ToolStatus::Failed,
            input: "null".to_owned(),
            exit_code: None,
            edits: Vec::new(),
        }
    }
}

fn say(voice: Voice, id: &str, parent: Option<String>, text: &str) -> Option<Event> {
    if text.is_empty() {
        return None;
    }
    let text = Text { id: id.to_owned(), role: MessageRole::Agent, parent, text: text.to_owned() };
    Some(match voice {
        Voice::Message => Event::Message(text),
        Voice::Thought => Event::Thought(text),
    })
}

fn is_path(path: &str) -> bool {
    path.starts_with('/') && path.len() <= MAX_PATH && !path.contains(|c: char| c.is_control() || c == '"' || c == '\\')
}

fn is_model(name: &str) -> bool {
    name.len() <= 128 && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

/// The beginning of a text.
fn short(text: &str) -> String {
    let fits = |at: usize| if text.is_char_boundary(at) { Some(&text[..at]) } else { None };
    (0..=MAX_TITLE.min(text.len())).rev().find_map(fits).unwrap_or_default().to_owned()
}

fn push<T>(list: &mut Vec<T>, most: usize, item: T) {
    if list.len() >= most {
        list.remove(0);
    }
    list.push(item);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(events: impl IntoIterator<Item = Event>) -> String {
        let text = |event| match event {
            Event::Message(text) => text.text,
            other => panic!("no message: {other:?}"),
        };
        events.into_iter().map(text).collect()
    }

    #[test]
    fn a_text_is_told_once_whether_it_comes_in_pieces_or_whole() {
        let mut work = Work::default();
        let mut said = Vec::new();
        said.extend(work.text(Voice::Message, "t", None, ""));
        said.extend(work.delta("t", None, "one "));
        said.extend(work.delta("t", None, "two"));
        said.extend(work.text(Voice::Message, "t", None, "one two three"));
        said.extend(work.text(Voice::Message, "t", None, "one two three"));
        assert_eq!(texts(said), "one two three");
    }

    #[test]
    fn a_text_of_which_a_piece_was_lost_is_not_told_twice() {
        let mut work = Work::default();
        let mut said = Vec::new();
        said.extend(work.text(Voice::Message, "t", None, ""));
        said.extend(work.delta("t", None, "two"));
        said.extend(work.text(Voice::Message, "t", None, "one two three"));
        assert_eq!(texts(said), "two");
    }

    #[test]
    fn an_id_is_short_and_safe_within_an_address() {
        assert!(is_id("ses_df8b6e827ffeIkGDwftT1c4fd1"));
        for id in ["", "a/b", "..", "a?b", "ä", &"x".repeat(129)] {
            assert!(!is_id(id), "{id}");
        }
    }
}
