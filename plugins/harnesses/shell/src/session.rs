//! A script that runs, as a tool call with its output.

use sandboxed_sdk::{Session, TextDecoder, failure, harness::*};
use serde::{Deserialize, Serialize};

/// Characters of the script's first line that become the title.
const TITLE_CHARS: usize = 120;
/// Bytes of the script that are shown as the call's input.
const SHOWN_SCRIPT: usize = 4096;
/// What an interrupt sends first, as Ctrl-C does.
const SIGINT: i32 = 2;

/// All that is remembered of a mission: a few hundred bytes and at most one script's start.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct ScriptSession {
    turn: u32,
    title: String,
    script: String,
    interrupted: bool,
    stdout: TextDecoder,
    stderr: TextDecoder,
}

impl Session for ScriptSession {
    fn open(_mission: String, saved: Option<Vec<u8>>) -> Result<Self, Failure> {
        match saved {
            None => Ok(Self::default()),
            Some(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| failure!(Plugin, "shell.state_invalid", error.to_string())),
        }
    }

    fn step(&mut self, _now_ms: u64, input: Input) -> Result<StepResult, Failure> {
        Ok(match input {
            Input::Prompt(script) => self.begin(&script),
            Input::Frames(frames) => StepResult::events(frames.into_iter().filter_map(|f| self.output(&f)).collect()),
            Input::Gap(gap) => StepResult::events(vec![gap_notice(&gap)]),
            Input::Interrupt => {
                self.interrupted = true;
                StepResult { events: Vec::new(), actions: vec![Action::Signal(SIGINT)] }
            }
            Input::Timer(_) => StepResult::nothing(),
            Input::Exited(exit) => self.end(exit),
        })
    }

    fn save(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers and texts with text keys")
    }
}

impl ScriptSession {
    fn begin(&mut self, script: &str) -> StepResult {
        let line = script.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("(empty script)");
        *self = Self {
            turn: self.turn + 1,
            title: line.chars().take(TITLE_CHARS).collect(),
            script: start_of(script),
            ..Self::default()
        };
        StepResult::events(vec![self.call(ToolStatus::Running, None)])
    }

    fn output(&mut self, frame: &Frame) -> Option<Event> {
        let decoder = match frame.stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        let text = decoder.push(&frame.bytes);
        self.said(frame.stream, text)
    }

    fn said(&self, stream: Stream, text: String) -> Option<Event> {
        (!text.is_empty()).then(|| Event::ToolOutput(ToolOutput { id: self.id(), stream, text }))
    }

    fn end(&mut self, exit: Exit) -> StepResult {
        let rests = [(Stream::Stdout, self.stdout.finish()), (Stream::Stderr, self.stderr.finish())];
        let mut events: Vec<Event> = rests.into_iter().filter_map(|(stream, rest)| self.said(stream, rest)).collect();
        let (status, outcome, reason) = match &exit {
            Exit::Code(0) => (ToolStatus::Completed, Outcome::Completed, "exit code 0".to_owned()),
            Exit::Code(code) => (ToolStatus::Failed, Outcome::Failed, format!("the script exited with code {code}")),
            Exit::Signal(signal) => {
                (ToolStatus::Failed, Outcome::Failed, format!("the script was ended by {}", signal_name(*signal)))
            }
            Exit::Lost(why) => (ToolStatus::Failed, Outcome::Failed, format!("the script was lost: {why}")),
        };
        let code = match exit {
            Exit::Code(code) => Some(code),
            Exit::Signal(_) | Exit::Lost(_) => None,
        };
        events.push(self.call(status, code));
        let outcome = if self.interrupted { Outcome::Interrupted } else { outcome };
        events.push(Event::TurnEnd(TurnEnd { outcome, reason }));
        StepResult::events(events)
    }

    fn call(&self, status: ToolStatus, exit_code: Option<i32>) -> Event {
        Event::ToolCall(ToolCall {
            id: self.id(),
            parent: None,
            title: self.title.clone(),
            kind: ToolKind::Execute,
            status,
            input: serde_json::json!({ "script": self.script }).to_string(),
            exit_code,
        })
    }

    fn id(&self) -> String {
        format!("turn-{}", self.turn)
    }
}

fn start_of(script: &str) -> String {
    let mut end = script.len().min(SHOWN_SCRIPT);
    while !script.is_char_boundary(end) {
        end -= 1;
    }
    match script.len() - end {
        0 => script.to_owned(),
        more => format!("{}\n# … {more} more bytes", &script[..end]),
    }
}

fn gap_notice(gap: &Gap) -> Event {
    let stream = match gap.stream {
        Stream::Stdout => "standard output",
        Stream::Stderr => "standard error",
    };
    Event::Notice(Notice {
        level: NoticeLevel::Warning,
        code: "shell.output_dropped".to_owned(),
        text: format!("{} bytes of {stream} were dropped: the script printed more than is kept", gap.length),
    })
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        6 => "SIGABRT",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        _ => return format!("signal {signal}"),
    };
    format!("{name} (signal {signal})")
}

#[cfg(test)]
mod tests {
    use sandboxed_sdk::testkit::{Step, replay};

    use super::*;

    fn outputs(events: &[Event], wanted: Stream) -> String {
        let texts = events.iter().filter_map(|event| match event {
            Event::ToolOutput(output) if output.stream == wanted => Some(output.text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    fn end(events: &[Event]) -> (&ToolCall, &TurnEnd) {
        match events {
            [.., Event::ToolCall(call), Event::TurnEnd(end)] => (call, end),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_script_is_a_tool_call_with_its_output_and_its_exit_code() {
        let events = replay::<ScriptSession>(&[
            Step::Prompt("\n  echo ä\necho oops >&2"),
            Step::Stdout("ä\n".as_bytes()),
            Step::Stderr(b"oops\n"),
            Step::Input(Input::Exited(Exit::Code(0))),
        ]);
        assert!(matches!(&events[0], Event::ToolCall(call)
            if call.title == "echo ä" && call.status == ToolStatus::Running && call.id == "turn-1"));
        assert_eq!(
            (outputs(&events, Stream::Stdout).as_str(), outputs(&events, Stream::Stderr).as_str()),
            ("ä\n", "oops\n")
        );
        let (call, end) = end(&events);
        assert_eq!((call.status, call.exit_code), (ToolStatus::Completed, Some(0)));
        assert_eq!((end.outcome, end.reason.as_str()), (Outcome::Completed, "exit code 0"));
    }

    #[test]
    fn a_failing_script_names_its_exit_code() {
        let events = replay::<ScriptSession>(&[Step::Prompt("exit 7"), Step::Input(Input::Exited(Exit::Code(7)))]);
        let (call, end) = end(&events);
        assert_eq!((call.status, call.exit_code), (ToolStatus::Failed, Some(7)));
        assert_eq!((end.outcome, end.reason.as_str()), (Outcome::Failed, "the script exited with code 7"));
    }

    #[test]
    fn bytes_that_are_no_text_are_marked_and_lose_no_neighbour() {
        let events = replay::<ScriptSession>(&[
            Step::Prompt("cat blob"),
            Step::Stdout(b"a\xff\xc3b\0c\xe2\x82"),
            Step::Input(Input::Exited(Exit::Code(0))),
        ]);
        assert_eq!(outputs(&events, Stream::Stdout), "a\u{fffd}\u{fffd}b\0c\u{fffd}");
    }

    #[test]
    fn an_interrupt_is_sent_on_and_remembered_until_the_end() {
        let mut session = ScriptSession::default();
        session.step(0, Input::Prompt("sleep 9".to_owned())).expect("a prompt");
        let interrupted = session.step(0, Input::Interrupt).expect("an interrupt");
        assert!(matches!(interrupted.actions[..], [Action::Signal(2)]));
        let result = session.step(0, Input::Exited(Exit::Signal(2))).expect("the end");
        let (_, end) = end(&result.events);
        assert_eq!(end.outcome, Outcome::Interrupted);
        assert_eq!(end.reason, "the script was ended by SIGINT (signal 2)");
    }

    #[test]
    fn each_turn_is_a_call_of_its_own_and_forgets_the_last() {
        let events = replay::<ScriptSession>(&[
            Step::Prompt("one"),
            Step::Input(Input::Interrupt),
            Step::Stdout(b"\xe2"),
            Step::Input(Input::Exited(Exit::Code(1))),
            Step::Prompt("two"),
            Step::Stdout(b"ok"),
            Step::Input(Input::Exited(Exit::Code(0))),
        ]);
        let (call, end) = end(&events);
        assert_eq!((call.id.as_str(), call.title.as_str(), end.outcome), ("turn-2", "two", Outcome::Completed));
        assert!(outputs(&events, Stream::Stdout).ends_with("ok"));
    }

    #[test]
    fn what_is_remembered_of_a_huge_script_is_small() {
        let mut session = ScriptSession::default();
        session.step(0, Input::Prompt("ä".repeat(5_000_000))).expect("a huge prompt");
        assert!(session.save().len() < 16 << 10, "{} bytes", session.save().len());
        assert!(session.script.ends_with("more bytes"));
    }

    #[test]
    fn dropped_output_is_told() {
        let events = replay::<ScriptSession>(&[
            Step::Prompt("yes"),
            Step::Input(Input::Gap(Gap { stream: Stream::Stdout, offset: 10, length: 1000 })),
            Step::Input(Input::Exited(Exit::Signal(9))),
        ]);
        assert!(matches!(&events[1], Event::Notice(notice) if notice.text.contains("1000 bytes")));
        assert_eq!(end(&events).1.reason, "the script was ended by SIGKILL (signal 9)");
    }
}
