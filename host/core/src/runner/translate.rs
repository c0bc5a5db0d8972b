//! From what a driver says to what the event log keeps.

use std::collections::BTreeMap;

use sandboxed_model::{
    Failure,
    event::{EventBody, Message, MessageRole, Other, Plan, ReportedUsage, Session, Thought, ToolOutput, ToolStatus},
    harness::{DriverEvent, TextPiece, TurnOutcome},
};
use sandboxed_vault::Redaction;

use super::{
    output_limit::{OutputLimit, Printed},
    redact::{HeldText, TurnRedactor},
    saved::SavedTurn,
};

/// Translates the events of one turn, merging neighbouring pieces of one text.
pub(crate) struct Translator {
    redactor: TurnRedactor,
    limit: OutputLimit,
    bodies: Vec<EventBody>,
    turn_end: Option<(TurnOutcome, String)>,
    reported: Option<ReportedUsage>,
    problem: Option<Failure>,
}

impl Translator {
    /// For a turn in which `tool_output_limit` bytes of each tool call's output are kept.
    pub(crate) fn new(tool_output_limit: u64, redaction: Redaction) -> Self {
        let redactor = TurnRedactor::new(redaction);
        Self {
            redactor,
            limit: OutputLimit::new(tool_output_limit),
            bodies: Vec::new(),
            turn_end: None,
            reported: None,
            problem: None,
        }
    }

    /// What a server that takes the turn up after a crash must know.
    pub(super) fn printed(&self) -> BTreeMap<String, Printed> {
        self.limit.printed()
    }

    /// Ends of texts that are not told yet, for the same.
    pub(super) fn held(&self) -> Vec<HeldText> {
        self.redactor.held()
    }

    /// What the agent said in this turn that it used; none where it said nothing.
    pub(super) fn reported(&self) -> Option<ReportedUsage> {
        self.reported
    }

    /// What the agent last said that went wrong.
    pub(super) fn problem(&self) -> Option<&Failure> {
        self.problem.as_ref()
    }

    /// Puts an event of the server's own behind what was said.
    pub(super) fn tell(&mut self, body: EventBody) {
        self.bodies.push(body);
    }

    /// Goes on after a crash.
    pub(super) fn restore(&mut self, saved: SavedTurn) {
        self.limit.restore(saved.printed);
        self.redactor.restore(saved.held);
        self.reported = saved.reported;
        self.problem = saved.problem;
    }

    /// Takes what a step said.
    pub(crate) fn push(&mut self, events: Vec<DriverEvent>) {
        let mut told = Vec::with_capacity(events.len());
        for event in events {
            self.redactor.push(event, &mut told);
        }
        for event in told {
            self.push_one(event);
        }
    }

    /// The log's events of all that was pushed since the last call.
    pub(crate) fn take(&mut self) -> Vec<EventBody> {
        std::mem::take(&mut self.bodies)
    }

    /// How the turn ended, once a driver said so. The first word counts.
    pub(crate) fn turn_end(&self) -> Option<&(TurnOutcome, String)> {
        self.turn_end.as_ref()
    }

    /// The turn is over: what is left of texts, and of tool calls that were not finished.
    pub(crate) fn close(&mut self) {
        for event in self.redactor.close() {
            self.push_one(event);
        }
        for output in self.limit.finish_all() {
            self.bodies.push(EventBody::ToolOutput(output));
        }
    }

    fn push_one(&mut self, event: DriverEvent) {
        match event {
            DriverEvent::Session(id) => self.bodies.push(EventBody::Session(Session { id })),
            DriverEvent::Message(piece) => {
                let role = if piece.system { MessageRole::System } else { MessageRole::Agent };
                match self.bodies.last_mut() {
                    Some(EventBody::Message(last)) if last.id == piece.id && last.role == role => {
                        last.text.push_str(&piece.text);
                    }
                    _ => {
                        let TextPiece { id, parent, text, .. } = piece;
                        self.bodies.push(EventBody::Message(Message {
                            id,
                            role,
                            parent,
                            text,
                            attachments: Vec::new(),
                        }));
                    }
                }
            }
            DriverEvent::Thought(piece) => match self.bodies.last_mut() {
                Some(EventBody::Thought(last)) if last.id == piece.id => last.text.push_str(&piece.text),
                _ => {
                    let TextPiece { id, parent, text, .. } = piece;
                    self.bodies.push(EventBody::Thought(Thought { id, parent, text }));
                }
            },
            DriverEvent::ToolCall(call) => {
                if matches!(call.status, ToolStatus::Completed | ToolStatus::Failed) {
                    for output in self.limit.finish(&call.id) {
                        self.bodies.push(EventBody::ToolOutput(output));
                    }
                }
                self.bodies.push(EventBody::ToolCall(call));
            }
            DriverEvent::ToolOutput { id, stream, text } => {
                if let Some(output) = self.limit.admit(id, stream, text) {
                    self.push_output(output);
                }
            }
            DriverEvent::Plan(entries) => self.bodies.push(EventBody::Plan(Plan { entries })),
            DriverEvent::Usage(usage) => {
                self.reported = Some(self.reported.unwrap_or_default().and(&usage));
                self.bodies.push(EventBody::Usage(usage));
            }
            DriverEvent::Notice(notice) => self.bodies.push(EventBody::Notice(notice)),
            DriverEvent::Retry(retry) => self.bodies.push(EventBody::Retry(retry)),
            DriverEvent::Problem(failure) => {
                self.problem = Some(failure.clone());
                self.bodies.push(EventBody::Error(failure));
            }
            DriverEvent::TurnEnd { outcome, reason } => {
                self.turn_end.get_or_insert((outcome, reason));
            }
            // The turn itself acts on these: see `hear`.
            DriverEvent::Approval(_)
            | DriverEvent::Question(_)
            | DriverEvent::Withdrawn(_)
            | DriverEvent::Steered(_)
            | DriverEvent::SessionLost => {}
            DriverEvent::Other { name, json } => {
                // What an agent prints may be anything; a text is the one JSON value that can hold it all.
                let value = serde_json::from_str(&json).unwrap_or(serde_json::Value::String(json));
                self.bodies.push(EventBody::Other(Other { name, value }));
            }
        }
    }

    fn push_output(&mut self, output: ToolOutput) {
        match self.bodies.last_mut() {
            Some(EventBody::ToolOutput(last)) if last.id == output.id && last.stream == output.stream => {
                last.text.push_str(&output.text);
            }
            _ => self.bodies.push(EventBody::ToolOutput(output)),
        }
    }
}

#[cfg(test)]
mod tests {
    use sandboxed_model::{
        command::OutputStream,
        event::{ToolCall, ToolKind},
    };

    use super::*;

    fn said(id: &str, text: &str) -> DriverEvent {
        DriverEvent::Message(TextPiece { id: id.to_owned(), system: false, parent: None, text: text.to_owned() })
    }

    #[test]
    fn neighbouring_pieces_of_one_message_become_one_event() {
        let mut translator = Translator::new(100, Redaction::default());
        translator.push(vec![said("m1", "hel"), said("m1", "lo"), said("m2", "!")]);
        let texts: Vec<_> = translator
            .take()
            .into_iter()
            .map(|body| match body {
                EventBody::Message(message) => message.text,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(texts, ["hello", "!"]);
    }

    #[test]
    fn the_end_of_long_output_stands_before_the_end_of_its_call() {
        let mut translator = Translator::new(16, Redaction::default());
        translator.push(vec![
            DriverEvent::ToolOutput { id: "c".to_owned(), stream: OutputStream::Stdout, text: "x".repeat(50) },
            DriverEvent::ToolCall(ToolCall {
                id: "c".to_owned(),
                parent: None,
                title: "t".to_owned(),
                kind: ToolKind::Execute,
                status: ToolStatus::Completed,
                input: serde_json::Value::Null,
                exit_code: Some(0),
                edits: Vec::new(),
            }),
        ]);
        let bodies = translator.take();
        assert!(matches!(&bodies[0], EventBody::ToolOutput(output) if output.omitted_bytes == 49), "{bodies:?}");
        assert!(matches!(&bodies[1], EventBody::ToolCall(_)));
    }

    #[test]
    fn the_first_word_on_how_a_turn_ended_counts() {
        let mut translator = Translator::new(100, Redaction::default());
        let end = |outcome, reason: &str| DriverEvent::TurnEnd { outcome, reason: reason.to_owned() };
        translator.push(vec![end(TurnOutcome::Failed, "first"), end(TurnOutcome::Completed, "second")]);
        assert_eq!(translator.turn_end(), Some(&(TurnOutcome::Failed, "first".to_owned())));
    }

    #[test]
    fn what_is_not_json_is_kept_as_text() {
        let mut translator = Translator::new(100, Redaction::default());
        translator.push(vec![DriverEvent::Other { name: "x".to_owned(), json: "{oops".to_owned() }]);
        assert_eq!(
            translator.take(),
            [EventBody::Other(Other { name: "x".to_owned(), value: serde_json::json!("{oops") })]
        );
    }
}
