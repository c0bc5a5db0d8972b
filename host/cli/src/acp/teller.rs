//! From a mission's events to what the client is told.

use std::time::Duration;

use sandboxed_model::{
    Failure,
    ask::Question,
    event::{
        ChangeKind, Connections, Event, EventBody, FileChange, Message, MessageRole, Notice, NoticeLevel, PlanEntry,
        PortsOpened, Retry, Thought, ToolStatus,
    },
    harness::TurnOutcome,
};
use tokio::time::Instant;

use super::{
    diff,
    protocol::{self, Block, Chunk, ClientAbilities, Location, Parent, ToolCall, Update},
    tools::{Tools, absolute},
};

/// How long what a tool prints may wait, so that more of it is told at once.
const PAUSE: Duration = Duration::from_millis(200);

/// Remembers what the client was told of the present turn.
pub(super) struct Teller {
    client: ClientAbilities,
    tools: Tools,
    /// When what tools printed is told.
    due: Option<Instant>,
    /// What the agent last said that went wrong, until it is known whether its turn ends with it.
    problem: Option<Failure>,
    /// A message that the client has sent itself and shows already.
    known_message: Option<String>,
    remarks: u64,
}

impl Teller {
    pub(super) fn new(client: ClientAbilities) -> Self {
        Self { client, tools: Tools::default(), due: None, problem: None, known_message: None, remarks: 0 }
    }

    /// The message of this id is the client's own.
    pub(super) fn knows_message(&mut self, id: String) {
        self.known_message = Some(id);
    }

    /// What went wrong in the turn that has just ended.
    pub(super) fn take_problem(&mut self) -> Option<Failure> {
        self.problem.take()
    }

    /// Whether a tool call was shown in this turn.
    pub(super) fn knows_call(&self, call: &str) -> bool {
        self.tools.knows(call)
    }

    /// Returns when something is to be told that waited for more.
    pub(super) async fn due(&self) {
        match self.due {
            Some(due) => tokio::time::sleep_until(due).await,
            None => std::future::pending().await,
        }
    }

    /// What tools printed and was not told yet.
    pub(super) fn printed(&mut self) -> Vec<Update> {
        self.due = None;
        self.tools.printed().into_iter().map(Update::ToolCallUpdate).collect()
    }

    /// What an event is to the client.
    pub(super) fn tell(&mut self, event: &Event) -> Vec<Update> {
        let mut told = Vec::new();
        // An error after which something else happens than the end of the turn did not end it.
        let goes_on = !matches!(
            event.body,
            EventBody::Error(_) | EventBody::TurnEnded(_) | EventBody::Usage(_) | EventBody::RunEnded(_)
        );
        if let Some(failure) = self.problem.take_if(|_| goes_on) {
            told.push(self.remark("warning", failure.to_string()));
        }
        match &event.body {
            EventBody::Message(message) => told.extend(self.message(message)),
            EventBody::Thought(Thought { id, parent, text }) => {
                told.push(Update::AgentThoughtChunk(chunk(text, Some(id), parent)));
            }
            EventBody::ToolCall(call) => {
                let (is_new, call) = self.tools.call(call);
                told.push(if is_new { Update::ToolCall(call) } else { Update::ToolCallUpdate(call) });
            }
            EventBody::ToolOutput(output) => {
                told.extend(self.tools.print(output).map(Update::ToolCall));
                self.due.get_or_insert_with(|| Instant::now() + PAUSE);
            }
            EventBody::Plan(plan) => told.push(Update::Plan { entries: plan.entries.iter().map(entry).collect() }),
            EventBody::FileChange(change) => told.extend(self.file_change(event, change)),
            EventBody::Notice(Notice { level, text, .. }) => {
                let severity = match level {
                    NoticeLevel::Info => "info",
                    NoticeLevel::Warning => "warning",
                    NoticeLevel::Error => "error",
                };
                told.push(self.remark(severity, text.clone()));
            }
            EventBody::Retry(Retry { attempt, delay_ms, reason }) => {
                let seconds = f64::from(*delay_ms) / 1000.0;
                told.push(self.remark("warning", format!("attempt {} in {seconds:.1} s: {reason}", attempt + 1)));
            }
            EventBody::Connections(Connections { host, port, allowed: false, reason, .. }) => {
                let reason = reason.replace('_', " ");
                told.push(self.remark("warning", format!("the workspace was kept from {host}:{port}: {reason}")));
            }
            EventBody::Ports(PortsOpened { opened, .. }) => {
                for opened in opened {
                    let text = format!("something listens on port {} of the workspace", opened.port);
                    told.push(self.remark("info", text));
                }
            }
            EventBody::Error(failure) => {
                let earlier = self.problem.replace(failure.clone());
                told.extend(
                    earlier
                        .filter(|earlier| earlier != failure)
                        .map(|earlier| self.remark("warning", earlier.to_string())),
                );
            }
            EventBody::TurnEnded(_) => {
                told.extend(self.printed());
                self.tools.forget();
            }
            EventBody::State(_)
            | EventBody::TurnStarted(_)
            | EventBody::RunStarted(_)
            | EventBody::RunEnded(_)
            | EventBody::Session(_)
            | EventBody::Approval(_)
            | EventBody::Question(_)
            | EventBody::Usage(_)
            | EventBody::Connections(_)
            | EventBody::Other(_) => {}
        }
        told
    }

    /// How a turn ended that no prompt of this client waits for.
    pub(super) fn tell_end(&mut self, outcome: TurnOutcome, reason: &str) -> Option<Update> {
        let problem = self.take_problem().map_or_else(|| reason.to_owned(), |failure| failure.to_string());
        match outcome {
            TurnOutcome::Completed => None,
            TurnOutcome::Failed => Some(self.remark("error", format!("the turn failed: {problem}"))),
            TurnOutcome::Interrupted => Some(self.remark("warning", "the turn was interrupted".to_owned())),
        }
    }

    /// Something that is no part of the conversation: a notice, or a thought where the client shows no notices.
    pub(super) fn remark(&mut self, severity: &'static str, text: String) -> Update {
        if self.client.notices && !text.is_empty() {
            return Update::Notice { severity, title: text };
        }
        self.remarks += 1;
        Update::AgentThoughtChunk(chunk(&text, Some(&format!("remark-{}", self.remarks)), &None))
    }

    /// Something that the agent asks and that is answered by the next prompt.
    pub(super) fn spoken(&mut self, question: &Question) -> Update {
        let mut text = String::new();
        for item in &question.items {
            text.push_str(&format!("\n{}\n", item.text));
            for choice in &item.choices {
                let more = choice.description.as_deref().map(|more| format!(": {more}")).unwrap_or_default();
                text.push_str(&format!("- {}{more}\n", choice.label));
            }
        }
        text.push_str(match question.items.len() {
            1 => "\nThe next message is the answer.\n",
            _ => "\nThe next message is the answer, a line for each question.\n",
        });
        if question.items.iter().any(|item| item.multiple) {
            text.push_str("Several choices are separated by \";\".\n");
        }
        Update::AgentMessageChunk(chunk(&text, Some(&format!("question-{}", question.id)), &None))
    }

    fn message(&mut self, message: &Message) -> Option<Update> {
        let Message { id, role, parent, text, .. } = message;
        match role {
            MessageRole::User if self.known_message.as_ref() == Some(id) => None,
            MessageRole::User => Some(Update::UserMessageChunk(chunk(text, Some(id), &None))),
            // What a sub-agent says is for the agent that asked it.
            MessageRole::Agent if parent.is_some() => Some(Update::AgentThoughtChunk(chunk(text, Some(id), parent))),
            MessageRole::Agent => Some(Update::AgentMessageChunk(chunk(text, Some(id), &None))),
            MessageRole::System => Some(Update::AgentThoughtChunk(chunk(text, Some(id), parent))),
        }
    }

    /// What the server found changed, unless a tool call has told of it: the protocol shows changes as tool calls only.
    fn file_change(&mut self, event: &Event, change: &FileChange) -> Option<Update> {
        if self.tools.changed(&change.path) {
            return None;
        }
        let (word, kind) = match change.change {
            ChangeKind::Created => ("Created", "edit"),
            ChangeKind::Modified => ("Changed", "edit"),
            ChangeKind::Deleted => ("Deleted", "delete"),
        };
        let path = absolute(&change.path);
        let content = diff::changes(&path, change.diff.as_deref().unwrap_or_default());
        Some(Update::ToolCall(ToolCall {
            tool_call_id: format!("change-{}", event.seq),
            title: Some(format!("{word} {}", change.path)),
            kind: Some(kind),
            status: Some("completed"),
            content: Some(content).filter(|content| !content.is_empty()),
            locations: Some(vec![Location { path }]),
            ..ToolCall::default()
        }))
    }
}

fn chunk(text: &str, id: Option<&str>, parent: &Option<String>) -> Chunk {
    let content = Block::Text { text: text.to_owned() };
    Chunk { content, message_id: id.map(str::to_owned), parent: Parent::of(parent) }
}

fn entry(entry: &PlanEntry) -> protocol::PlanEntry {
    let status = match entry.status {
        ToolStatus::Pending => "pending",
        ToolStatus::Running => "in_progress",
        // There is no word for a step that failed; it is over.
        ToolStatus::Completed | ToolStatus::Failed => "completed",
    };
    protocol::PlanEntry { content: entry.text.clone(), priority: "medium", status }
}

#[cfg(test)]
mod tests {
    use sandboxed_model::{
        Blame, MissionId, Seq, Timestamp,
        event::{Edit, Plan, ToolCall, ToolKind, TurnEnded},
    };
    use serde_json::{Value, json};

    use super::*;

    fn told_by(teller: &mut Teller, bodies: impl IntoIterator<Item = EventBody>) -> Vec<Value> {
        let event =
            |body| Event { mission: MissionId::new(), seq: Seq(9), at: Timestamp::from_millis(0), turn: 1, body };
        bodies.into_iter().flat_map(|body| teller.tell(&event(body))).map(|update| json!(update)).collect()
    }

    fn told(bodies: impl IntoIterator<Item = EventBody>) -> Vec<Value> {
        told_by(&mut Teller::new(ClientAbilities::default()), bodies)
    }

    fn said(parent: Option<&str>) -> EventBody {
        let parent = parent.map(str::to_owned);
        EventBody::Message(Message {
            id: "m".to_owned(),
            role: MessageRole::Agent,
            parent,
            text: "hello".to_owned(),
            attachments: Vec::new(),
        })
    }

    fn failure(message: &str) -> EventBody {
        EventBody::Error(Failure::new(Blame::Unavailable, "agent.overloaded", message))
    }

    fn end(outcome: TurnOutcome) -> EventBody {
        EventBody::TurnEnded(TurnEnded { outcome, reason: "so".to_owned() })
    }

    #[test]
    fn a_sub_agent_thinks_aloud_within_its_call() {
        let told = told([said(None), said(Some("call-1"))]);
        assert_eq!(told[0]["sessionUpdate"], "agent_message_chunk");
        assert_eq!(told[1]["sessionUpdate"], "agent_thought_chunk");
        assert_eq!(told[1]["_meta"], json!({ "sandboxed.sh/parentToolCallId": "call-1" }));
    }

    #[test]
    fn a_plan_is_told_as_a_whole() {
        let entry = |text: &str, status| PlanEntry { text: text.to_owned(), status };
        let entries = vec![entry("look", ToolStatus::Completed), entry("mend", ToolStatus::Running)];
        let expected = json!([
            { "content": "look", "priority": "medium", "status": "completed" },
            { "content": "mend", "priority": "medium", "status": "in_progress" },
        ]);
        assert_eq!(told([EventBody::Plan(Plan { entries })])[0]["entries"], expected);
    }

    #[test]
    fn a_change_that_a_call_has_told_is_not_told_again() {
        let call = ToolCall {
            id: "1".to_owned(),
            parent: None,
            title: "edit a".to_owned(),
            kind: ToolKind::Edit,
            status: ToolStatus::Completed,
            input: Value::Null,
            exit_code: None,
            edits: vec![Edit { path: "/workspace/a".to_owned(), diff: "@@ -1 +1 @@\n-x\n+y\n".to_owned() }],
        };
        let change = |path: &str| {
            let (added_lines, removed_lines, diff) = (None, None, None);
            let change = ChangeKind::Modified;
            EventBody::FileChange(FileChange {
                path: path.to_owned(),
                change,
                size: 1,
                added_lines,
                removed_lines,
                diff,
            })
        };
        let told = told([EventBody::ToolCall(call), change("a"), change("b")]);
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!(told[1]["title"], "Changed b");
    }

    #[test]
    fn an_error_is_a_remark_unless_the_turn_ends_with_it() {
        let mut teller = Teller::new(ClientAbilities { notices: true, ..ClientAbilities::default() });
        let went_on = told_by(&mut teller, [failure("once"), said(None)]);
        assert_eq!(went_on[0]["sessionUpdate"], "notice");
        assert_eq!(went_on.len(), 2);
        let ended = told_by(&mut teller, [failure("at last"), end(TurnOutcome::Failed)]);
        assert_eq!(ended, Vec::<Value>::new());
        assert_eq!(teller.take_problem().unwrap().message, "at last");
    }

    #[test]
    fn a_client_without_notices_is_told_remarks_as_thoughts() {
        let notice = Notice { level: NoticeLevel::Info, code: "some.code".to_owned(), text: "by the way".to_owned() };
        let told = told([EventBody::Notice(notice)]);
        assert_eq!(
            (&told[0]["sessionUpdate"], &told[0]["content"]["text"]),
            (&json!("agent_thought_chunk"), &json!("by the way"))
        );
    }
}
