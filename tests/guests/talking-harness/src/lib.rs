//! A harness whose agent is its prompt, run as a script by `sh`. A line that the script prints is what the agent does, in
//! JSON (see [`lines::Said`]), or else a message. What the agent is told it reads as a line (see [`lines::told`]). What the
//! driver was told of the launch is the event `start`.

mod lines;
mod settings;

use sandboxed_sdk::{
    Driver, Session, export_harness, failure,
    harness::{remember, restore, *},
};
use serde::{Deserialize, Serialize};

use settings::Settings;

export_harness!(Talking);

struct Talking;

/// What is remembered of a mission.
#[derive(Default, Serialize, Deserialize)]
struct Talk {
    /// Lines that the agent printed, for the ids of messages.
    lines: u32,
    /// The person wanted the turn to end.
    interrupted: bool,
    /// The agent said how the turn ended.
    ended: bool,
}

impl Driver for Talking {
    type Session = Talk;

    fn describe() -> About {
        About {
            summary: "Says and asks what its script prints.".to_owned(),
            abilities: Abilities::RESUME
                | Abilities::INTERRUPT
                | Abilities::STEER
                | Abilities::MODELS
                | Abilities::EFFORTS
                | Abilities::APPROVALS
                | Abilities::PLANNING
                | Abilities::IMAGES,
            models: vec!["small".to_owned(), "large".to_owned()],
            settings_schema: settings::SCHEMA.to_owned(),
            efforts: vec!["low".to_owned(), "high".to_owned()],
        }
    }

    fn plan_launch(start: Start) -> Result<Launch, Failure> {
        let settings: Settings = serde_json::from_str(&start.settings)
            .map_err(|error| failure!(Config, "talking.settings", "the settings are none: {error}"))?;
        let facts = (!settings.quiet).then(|| format!("{}\n", lines::started(&start)));
        let inbox = |path: &str, text: String| LaunchFile {
            place: LaunchPlace::Inbox,
            path: path.to_owned(),
            bytes: text.into_bytes(),
            executable: false,
        };
        let mut files = vec![inbox("start", facts.unwrap_or_default()), inbox("script", start.prompt)];
        files.extend(
            settings.home.into_iter().map(|(path, text)| LaunchFile { place: LaunchPlace::Home, ..inbox(&path, text) }),
        );
        let script = format!("cat '{0}/start'; exec sh '{0}/script'", start.inbox);
        Ok(Launch {
            command: Command {
                program: "sh".to_owned(),
                args: vec!["-c".to_owned(), script],
                env: Vec::new(),
                cwd: None,
                tty: None,
            },
            files,
            stdout: Framing::Lines,
            stderr: Framing::Lines,
            start_within_ms: settings.start_within_ms,
            skills: settings.skills,
        })
    }
}

impl Session for Talk {
    fn open(_start: Start, saved: Option<Vec<u8>>) -> Result<Self, Failure> {
        restore(saved)
    }

    fn step(&mut self, _now_ms: u64, input: Input) -> Result<StepResult, Failure> {
        let events = match input {
            Input::Prompt => {
                (self.interrupted, self.ended) = (false, false);
                Vec::new()
            }
            Input::Frames(frames) => {
                let (mut events, mut actions) = (Vec::new(), Vec::new());
                for frame in &frames {
                    match lines::wants_attachment(&frame.bytes) {
                        Some(index) => actions.extend([
                            Action::Write(format!("attachment {index} ").into_bytes()),
                            Action::WriteAttachment(index),
                            Action::Write(b"\n".to_vec()),
                        ]),
                        None => events.push(self.heard(frame)),
                    }
                }
                return Ok(StepResult { events, actions });
            }
            Input::Exited(exit) if !self.ended => vec![self.end(&exit)],
            input => {
                self.interrupted |= input == Input::Interrupt;
                let line = lines::told(input).map(|line| Action::Write(format!("{line}\n").into_bytes()));
                return Ok(StepResult { events: Vec::new(), actions: line.into_iter().collect() });
            }
        };
        Ok(StepResult::events(events))
    }

    fn save(&self) -> Vec<u8> {
        remember(self)
    }
}

impl Talk {
    fn heard(&mut self, frame: &Frame) -> Event {
        self.lines += 1;
        let line = String::from_utf8_lossy(&frame.bytes);
        let event = lines::said(&line).unwrap_or_else(|| {
            Event::Message(Text {
                id: format!("line-{}", self.lines),
                role: MessageRole::Agent,
                parent: None,
                text: line.into_owned(),
            })
        });
        self.ended |= matches!(event, Event::TurnEnd(_));
        event
    }

    fn end(&self, exit: &Exit) -> Event {
        let (outcome, reason) = match (self.interrupted, exit) {
            (true, _) => (Outcome::Interrupted, "interrupted".to_owned()),
            (false, Exit::Code(0)) => (Outcome::Completed, "the script is over".to_owned()),
            (false, exit) => (Outcome::Failed, format!("the script ended with {exit:?}")),
        };
        Event::TurnEnd(TurnEnd { outcome, reason })
    }
}
