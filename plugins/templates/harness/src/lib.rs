//! A harness: drives one kind of agent program. This one runs `cat`, which says back what it is told.

use sandboxed_sdk::{Driver, Session, TextDecoder, export_harness, failure, harness::*, manifest};
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
            lifetime: Lifetime::Turn,
            models: Vec::new(),
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
                path: "prompt.txt".to_owned(),
                bytes: start.prompt.into_bytes(),
                executable: false,
            }],
            stdout: Framing::Raw,
            stderr: Framing::Lines,
        })
    }
}

/// What must be remembered between two inputs. The host saves it with every step.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Conversation {
    turn: u32,
    decoder: TextDecoder,
}

impl Session for Conversation {
    fn open(_mission: String, saved: Option<Vec<u8>>) -> Result<Self, Failure> {
        match saved {
            None => Ok(Self::default()),
            Some(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| failure!(Plugin, "state.invalid", error.to_string())),
        }
    }

    fn step(&mut self, _now_ms: u64, input: Input) -> Result<StepResult, Failure> {
        let events = match input {
            Input::Prompt(_) => {
                self.turn += 1;
                Vec::new()
            }
            Input::Frames(frames) => frames
                .into_iter()
                .filter(|frame| frame.stream == Stream::Stdout)
                .map(|frame| {
                    let text = self.decoder.push(&frame.bytes);
                    let id = format!("answer-{}", self.turn);
                    Event::Message(Text { id, role: MessageRole::Agent, text })
                })
                .collect(),
            Input::Exited(exit) => {
                let (outcome, reason) = match exit {
                    Exit::Code(0) => (Outcome::Completed, "it was said back".to_owned()),
                    other => (Outcome::Failed, format!("the program ended with {other:?}")),
                };
                vec![Event::TurnEnd(TurnEnd { outcome, reason })]
            }
            Input::Gap(_) | Input::Interrupt | Input::Timer(_) => Vec::new(),
        };
        Ok(StepResult::events(events))
    }

    fn save(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use sandboxed_sdk::testkit::{Step, replay};

    use super::*;

    #[test]
    fn what_the_program_prints_becomes_the_answer() {
        let events = replay::<Conversation>(&[
            Step::Prompt("grüß dich"),
            Step::Stdout("grüß dich".as_bytes()),
            Step::Input(Input::Exited(Exit::Code(0))),
        ]);
        assert!(matches!(&events[0], Event::Message(text) if text.text == "grüß dich"), "{events:?}");
        assert!(matches!(&events[1], Event::TurnEnd(end) if end.outcome == Outcome::Completed), "{events:?}");
    }
}
