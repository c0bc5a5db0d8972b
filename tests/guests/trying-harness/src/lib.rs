//! A harness that runs its prompt as a script and tells each line with a number and the name of the version that told it.
//! Tests make versions of it: they write over [`BEHAVIOUR`] in the component.

use std::hint::black_box;

use sandboxed_sdk::{Driver, Session, export_harness, failure, harness::*, manifest};

manifest!("../plugin.toml");
export_harness!(Trying);

/// What this version is called and does, behind the words by which tests find it: `name=NAME`, `open=trap`, `open=refuse`
/// (of what was saved), `over=WORD` (panics when it is to tell that), `state=new` (saves what others do not take up).
static BEHAVIOUR: [u8; 96] =
    *b"what trying-harness does: name=first                                                            ";
/// What comes before.
const FOUND_BY: usize = "what trying-harness does: ".len();
/// How a session of `state=new` begins.
const NEW: &str = "new:";

struct Trying;

/// Counts the lines that were told.
struct Lines(u32);

fn is(key: &str) -> Option<&'static str> {
    let text = std::str::from_utf8(&black_box(&BEHAVIOUR)[FOUND_BY..]).expect("tests write ASCII");
    text.split_ascii_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

impl Driver for Trying {
    type Session = Lines;

    fn describe() -> About {
        About {
            summary: "Tells what its script prints.".to_owned(),
            abilities: Abilities::INTERRUPT,
            models: Vec::new(),
            efforts: Vec::new(),
            settings_schema: "{}".to_owned(),
        }
    }

    fn plan_launch(start: Start) -> Result<Launch, Failure> {
        Ok(Launch {
            command: Command {
                program: "bash".to_owned(),
                args: vec![format!("{}/script", start.inbox)],
                env: Vec::new(),
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

impl Session for Lines {
    fn open(_start: Start, saved: Option<Vec<u8>>) -> Result<Self, Failure> {
        let Some(saved) = saved else { return Ok(Self(0)) };
        match is("open") {
            Some("trap") => panic!("it cannot open anything"),
            Some("refuse") => return Err(failure!(Plugin, "trying.refused", "what was saved is too old")),
            _ => {}
        }
        let saved = String::from_utf8_lossy(&saved);
        let count = match (saved.strip_prefix(NEW), is("state")) {
            (Some(count), Some("new")) => count,
            (Some(_), _) => return Err(failure!(Plugin, "trying.state", "what was saved is too new")),
            (None, _) => &saved,
        };
        count.parse().map(Self).map_err(|error| failure!(Plugin, "trying.state", "{error}"))
    }

    fn step(&mut self, _now_ms: u64, input: Input) -> Result<StepResult, Failure> {
        let name = is("name").unwrap_or("nobody");
        let events = match input {
            Input::Frames(frames) => frames.iter().map(|frame| self.tell(name, frame)).collect(),
            Input::Exited(_) => {
                let reason = format!("{name} told {} lines", self.0);
                vec![Event::TurnEnd(TurnEnd { outcome: Outcome::Completed, reason })]
            }
            _ => Vec::new(),
        };
        Ok(StepResult::events(events))
    }

    fn save(&self) -> Vec<u8> {
        let new = if is("state") == Some("new") { NEW } else { "" };
        format!("{new}{}", self.0).into_bytes()
    }
}

impl Lines {
    fn tell(&mut self, name: &str, frame: &Frame) -> Event {
        let line = String::from_utf8_lossy(&frame.bytes);
        assert!(!is("over").is_some_and(|word| line.contains(word)), "stumbled over {}", line.trim());
        self.0 += 1;
        let text = format!("{name} {} {line}", self.0);
        Event::Message(Text { id: format!("line-{}", self.0), role: MessageRole::Agent, parent: None, text })
    }
}
