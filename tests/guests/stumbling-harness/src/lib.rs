//! A harness that runs its prompt as a script and panics whenever the script says STUMBLE. To one that says CHATTER it
//! writes more than anybody would read. A line `# NAME=secret:KEY` gives the script a secret as a variable, and one that
//! names $TOKEN gets the secret `token` so.

use sandboxed_sdk::{Driver, Session, export_harness, harness::*};

export_harness!(Stumbling);

struct Stumbling;

/// MiB that are written to a script that wants it so, each of another digit.
const CHATTER: u8 = 8;

/// Counts the frames that it came through.
struct Frames {
    script: String,
    count: u8,
}

impl Driver for Stumbling {
    type Session = Frames;

    fn describe() -> About {
        About {
            summary: "Panics whenever its script says STUMBLE.".to_owned(),
            abilities: Abilities::empty(),
            models: Vec::new(),
            efforts: Vec::new(),
            settings_schema: "{}".to_owned(),
        }
    }

    fn plan_launch(start: Start) -> Result<Launch, Failure> {
        let secrets = start.prompt.lines().filter_map(|line| line.strip_prefix("# ")?.split_once("=secret:"));
        let token = start.prompt.contains("$TOKEN").then_some(("TOKEN", "token"));
        let env = secrets.chain(token).map(|(name, key)| (name.to_owned(), Value::Secret(key.to_owned()))).collect();
        Ok(Launch {
            command: Command {
                program: "bash".to_owned(),
                args: vec![format!("{}/script", start.inbox)],
                env,
                cwd: None,
                tty: None,
            },
            files: vec![LaunchFile {
                place: LaunchPlace::Inbox,
                path: "script".to_owned(),
                bytes: start.prompt.into_bytes(),
                executable: false,
            }],
            stdout: Framing::Lines,
            stderr: Framing::Lines,
            start_within_ms: None,
            skills: None,
        })
    }
}

impl Session for Frames {
    fn open(start: Start, saved: Option<Vec<u8>>) -> Result<Self, Failure> {
        let count = saved.and_then(|bytes| bytes.first().copied()).unwrap_or(0);
        Ok(Self { script: start.prompt, count })
    }

    fn step(&mut self, _now_ms: u64, input: Input) -> Result<StepResult, Failure> {
        let events = match input {
            Input::Prompt if self.script.contains("CHATTER") => {
                let writes = (0..CHATTER).map(|number| Action::Write(vec![b'0' + number; 1 << 20]));
                let actions = writes.chain([Action::CloseInput]).collect();
                return Ok(StepResult { events: Vec::new(), actions });
            }
            Input::Frames(frames) => frames.into_iter().map(|frame| self.said(&frame)).collect(),
            Input::Exited(exit) => {
                let outcome = if exit == Exit::Code(0) { Outcome::Completed } else { Outcome::Failed };
                vec![Event::TurnEnd(TurnEnd { outcome, reason: format!("came through {} frames", self.count) })]
            }
            _ => Vec::new(),
        };
        Ok(StepResult::events(events))
    }

    fn save(&self) -> Vec<u8> {
        vec![self.count]
    }
}

impl Frames {
    fn said(&mut self, frame: &Frame) -> Event {
        let text = String::from_utf8_lossy(&frame.bytes).into_owned();
        assert!(!text.contains("STUMBLE"), "stumbled over {}", text.trim());
        self.count += 1;
        Event::Message(Text { id: format!("line-{}", self.count), role: MessageRole::Agent, parent: None, text })
    }
}
