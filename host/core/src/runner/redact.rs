//! Values of secrets in the texts of a turn, which come in pieces.
//!
//! Each message, thought and stream of a tool call is a text of its own. What more text could make a value of is held back,
//! and told before anything else is told of the turn that cannot go on with it.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sandboxed_model::{
    command::OutputStream,
    harness::{DriverEvent, TextPiece},
};
use sandboxed_vault::{Redaction, Redactor, TextRedactor};
use serde::{Deserialize, Serialize};

/// One text of a turn.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Text {
    Message { id: String, system: bool, parent: Option<String> },
    Thought { id: String, parent: Option<String> },
    Output { id: String, stream: OutputStream },
}

impl Text {
    fn of(event: &DriverEvent) -> Option<Self> {
        Some(match event {
            DriverEvent::Message(piece) => {
                Self::Message { id: piece.id.clone(), system: piece.system, parent: piece.parent.clone() }
            }
            DriverEvent::Thought(piece) => Self::Thought { id: piece.id.clone(), parent: piece.parent.clone() },
            DriverEvent::ToolOutput { id, stream, .. } => Self::Output { id: id.clone(), stream: *stream },
            _ => return None,
        })
    }

    fn told(self, text: String) -> DriverEvent {
        match self {
            Self::Message { id, system, parent } => DriverEvent::Message(TextPiece { id, system, parent, text }),
            Self::Thought { id, parent } => DriverEvent::Thought(TextPiece { id, system: false, parent, text }),
            Self::Output { id, stream } => DriverEvent::ToolOutput { id, stream, text },
        }
    }
}

/// An end of a text that is held back, as it is kept for a server that takes the turn up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct HeldText {
    text: Text,
    end: String,
}

/// The texts of one turn.
#[derive(Default)]
pub(super) struct TurnRedactor {
    redaction: Redaction,
    /// Texts of which an end is held back.
    open: BTreeMap<Text, TextRedactor>,
}

impl TurnRedactor {
    pub(super) fn new(redaction: Redaction) -> Self {
        Self { redaction, open: BTreeMap::new() }
    }

    /// What is held back.
    pub(super) fn held(&self) -> Vec<HeldText> {
        let held = |(text, open): (&Text, &TextRedactor)| HeldText {
            text: text.clone(),
            end: BASE64_STANDARD.encode(open.held()),
        };
        self.open.iter().map(held).collect()
    }

    /// Goes on after a crash.
    pub(super) fn restore(&mut self, held: Vec<HeldText>) {
        for HeldText { text, end } in held {
            let end = BASE64_STANDARD.decode(end).unwrap_or_default();
            self.open.insert(text, TextRedactor::going_on(end));
        }
    }

    /// What can be told once this was said.
    pub(super) fn push(&mut self, event: DriverEvent, told: &mut Vec<DriverEvent>) {
        let redactor = self.redaction.current();
        let Some(text) = Text::of(&event) else {
            // Nothing of a call comes after its end, nothing of a turn after its own; the rest stands between texts.
            match &event {
                DriverEvent::ToolCall(call) => {
                    self.end(&redactor, told, |text| matches!(text, Text::Output { id, .. } if *id == call.id));
                }
                DriverEvent::TurnEnd { .. } => self.end(&redactor, told, |_| true),
                _ => {}
            }
            return told.push(event);
        };
        // An agent that begins another message has ended the one before.
        match &text {
            Text::Message { .. } => {
                self.end(&redactor, told, |open| matches!(open, Text::Message { .. }) && *open != text)
            }
            Text::Thought { .. } => {
                self.end(&redactor, told, |open| matches!(open, Text::Thought { .. }) && *open != text)
            }
            Text::Output { .. } => {}
        }
        if redactor.is_none() && self.open.is_empty() {
            return told.push(event);
        }
        let piece = match event {
            DriverEvent::Message(piece) | DriverEvent::Thought(piece) => piece.text,
            DriverEvent::ToolOutput { text, .. } => text,
            other => return told.push(other),
        };
        let mut open = self.open.remove(&text).unwrap_or_default();
        let clean = open.push(redactor.as_deref(), piece);
        if !open.held().is_empty() {
            self.open.insert(text.clone(), open);
        }
        if !clean.is_empty() {
            told.push(text.told(clean));
        }
    }

    /// The turn is over.
    pub(super) fn close(&mut self) -> Vec<DriverEvent> {
        let mut told = Vec::new();
        self.end(&self.redaction.current(), &mut told, |_| true);
        told
    }

    fn end(&mut self, redactor: &Option<Arc<Redactor>>, told: &mut Vec<DriverEvent>, which: impl Fn(&Text) -> bool) {
        let ended: Vec<Text> = self.open.keys().filter(|text| which(text)).cloned().collect();
        for text in ended {
            let rest = self.open.remove(&text).map(|mut open| open.finish(redactor.as_deref())).unwrap_or_default();
            if !rest.is_empty() {
                told.push(text.told(rest));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use sandboxed_vault::Known;

    use super::*;

    const CANARY: &str = "hunter2-hunter2-hunter2";

    fn redactor() -> TurnRedactor {
        let redaction = Redaction::default();
        redaction.set(&[Known { name: "canary".to_owned(), value: CANARY.as_bytes().to_vec().into() }]);
        TurnRedactor::new(redaction)
    }

    fn said(id: &str, text: &str) -> DriverEvent {
        DriverEvent::Message(TextPiece { id: id.to_owned(), system: false, parent: None, text: text.to_owned() })
    }

    fn printed(stream: OutputStream, text: &str) -> DriverEvent {
        DriverEvent::ToolOutput { id: "call".to_owned(), stream, text: text.to_owned() }
    }

    fn texts(told: &[DriverEvent]) -> String {
        let text = |event: &DriverEvent| match event {
            DriverEvent::Message(piece) | DriverEvent::Thought(piece) => piece.text.clone(),
            DriverEvent::ToolOutput { text, .. } => text.clone(),
            _ => "|".to_owned(),
        };
        told.iter().map(text).collect()
    }

    #[test]
    fn a_value_that_is_said_one_letter_an_event_is_not_told() {
        let mut redactor = redactor();
        let mut told = Vec::new();
        for letter in format!("it is {CANARY}.").chars() {
            redactor.push(said("m", &letter.to_string()), &mut told);
        }
        assert_eq!(texts(&told), "it is [secret canary].");
    }

    #[test]
    fn a_value_is_found_though_other_events_stand_between_its_pieces() {
        let mut redactor = redactor();
        let mut told = Vec::new();
        redactor.push(printed(OutputStream::Stdout, &CANARY[..9]), &mut told);
        redactor.push(printed(OutputStream::Stderr, "oops "), &mut told);
        redactor.push(DriverEvent::Session("s".to_owned()), &mut told);
        redactor.push(said("m", "meanwhile "), &mut told);
        redactor.push(printed(OutputStream::Stdout, &CANARY[9..]), &mut told);
        assert_eq!(texts(&told), "oops |meanwhile [secret canary]");
    }

    #[test]
    fn a_server_that_takes_the_turn_up_goes_on_in_the_middle_of_a_value() {
        let mut before = redactor();
        let mut told = Vec::new();
        before.push(said("m", &CANARY[..9]), &mut told);
        let kept = serde_json::to_vec(&before.held()).unwrap();
        let mut after = redactor();
        after.restore(serde_json::from_slice(&kept).unwrap());
        after.push(said("m", &CANARY[9..]), &mut told);
        assert_eq!(texts(&told), "[secret canary]");
    }

    #[test]
    fn what_was_held_back_is_told_when_its_text_has_ended() {
        let mut redactor = redactor();
        let mut told = Vec::new();
        redactor.push(said("m1", "a hunter"), &mut told);
        redactor.push(said("m2", "b hunter"), &mut told);
        assert_eq!(texts(&told), "a hunterb ");
        assert_eq!(texts(&redactor.close()), "hunter");
        assert!(redactor.held().is_empty());
    }
}
