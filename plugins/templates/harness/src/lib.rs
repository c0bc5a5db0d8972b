//! A harness: drives one kind of agent program. This one runs `cat`, which says back what it is told.

use sandboxed_sdk::{Driver, Session, TextDecoder, export_harness, harness::*, manifest};
use serde::{Deserialize, Serialize};

manifest!("../plugin.toml");
export_harness!(Echo);

struct Echo;

impl Driver for Echo {
    type Session = Conversation;

    fn describe() -> About {
        About {
            summary: "Says back what it is told.".to_owned(),
            abilities: Abilities::empty(),
            models: Vec::new(),
            efforts: Vec::new(),
            settings_schema: r#"{ "type": "object", "additionalProperties": false }"#.to_owned(),
        }
    }

    fn plan_launch(start: Start) -> Result<Launch, Failure> {
        Ok(Launch {
            command: Command {
                program: "cat".to_owned(),
                args: vec![format!("{}/prompt.txt", start.inbox)],
                env: Vec::new(),
                cwd: Some(start.tree),
                tty: None,
            },
            files: vec![LaunchFile {
                place: LaunchPlace::Inbox,
                path: "prompt.txt".to_owned(),
                bytes: start.prompt.into_bytes(),
                executable: false,
            }],
            stdout: Framing::Raw,
            stderr: Framing::Raw,
            start_within_ms: None,
            skills: None,
        })
    }
}

/// What must be remembered between two inputs. The host saves it with every step, and may go on with another instance.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Conversation {
    turn: u32,
    stdout: TextDecoder,
    stderr: TextDecoder,
}

impl Session for Conversation {
    fn open(_start: Start, saved: Option<Vec<u8>>) -> Result<Self, Failure> {
        restore(saved)
    }

    fn step(&mut self, _now_ms: u64, input: Input) -> Result<StepResult, Failure> {
        let events = match input {
            Input::Prompt => {
                self.turn += 1;
                Vec::new()
            }
            Input::Frames(frames) => frames
                .into_iter()
                .filter_map(|frame| {
                    let text = match frame.stream {
                        Stream::Stdout => self.stdout.push(&frame.bytes),
                        Stream::Stderr => self.stderr.push(&frame.bytes),
                    };
                    self.said(frame.stream, text)
                })
                .collect(),
            Input::Exited(exit) => {
                let rests = [(Stream::Stdout, self.stdout.finish()), (Stream::Stderr, self.stderr.finish())];
                let (outcome, reason) = match exit {
                    Exit::Code(0) => (Outcome::Completed, "it was said back".to_owned()),
                    Exit::Code(code) => (Outcome::Failed, format!("the program exited with code {code}")),
                    Exit::Signal(signal) => (Outcome::Failed, format!("signal {signal} killed the program")),
                    Exit::Lost(why) => (Outcome::Failed, format!("the program was lost: {why}")),
                };
                let rests = rests.into_iter().filter_map(|(stream, rest)| self.said(stream, rest));
                rests.chain([Event::TurnEnd(TurnEnd { outcome, reason })]).collect()
            }
            // It hears nothing in mid-turn, and asks nothing.
            Input::Steer(_) | Input::Decision(_) | Input::Answer(_) => Vec::new(),
            Input::Gap(_) | Input::Interrupt | Input::Timer(_) => Vec::new(),
        };
        Ok(StepResult::events(events))
    }

    fn save(&self) -> Vec<u8> {
        remember(self)
    }
}

impl Conversation {
    /// Text that is appended to the answer of this turn, or to what the program itself says of it.
    fn said(&self, stream: Stream, text: String) -> Option<Event> {
        let (name, role) = match stream {
            Stream::Stdout => ("answer", MessageRole::Agent),
            Stream::Stderr => ("remark", MessageRole::System),
        };
        (!text.is_empty())
            .then(|| Event::Message(Text { id: format!("{name}-{}", self.turn), role, parent: None, text }))
    }
}

#[cfg(test)]
mod tests {
    use sandboxed_sdk::testkit;

    use super::*;

    /// What the program printed in `tests/transcripts/NAME.jsonl` leads to the events in `NAME.events.jsonl`, however
    /// the output is cut. With `SANDBOXED_SH_BLESS=1` the events are written instead.
    #[test]
    fn transcripts_lead_to_their_events() {
        testkit::golden::<Echo>(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts"));
    }
}
