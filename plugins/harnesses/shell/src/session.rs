//! A script that runs, as a tool call with its output.

use sandboxed_sdk::{Session, TextDecoder, harness::*};
use serde::{Deserialize, Serialize};

/// Characters of the script's first line that become the title.
const TITLE_CHARS: usize = 120;
/// Bytes of the script that are shown as the call's input.
const SHOWN_SCRIPT: usize = 4096;
/// What an interrupt sends first, as Ctrl-C does.
const SIGINT: i32 = 2;

/// One turn's script, as it runs.
#[derive(Debug)]
pub(crate) struct ScriptSession {
    turn: u32,
    title: String,
    /// As much of the script as is shown.
    script: String,
    heard: Heard,
}

/// All that is remembered of it.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Heard {
    interrupted: bool,
    stdout: TextDecoder,
    stderr: TextDecoder,
}

impl Session for ScriptSession {
    fn open(start: Start, saved: Option<Vec<u8>>) -> Result<Self, Failure> {
        let heard = restore(saved)?;
        let line = start.prompt.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("(empty script)");
        let title = line.chars().take(TITLE_CHARS).collect();
        Ok(Self { turn: start.turn, title, script: start_of(&start.prompt), heard })
    }

    fn step(&mut self, _now_ms: u64, input: Input) -> Result<StepResult, Failure> {
        Ok(match input {
            Input::Prompt => self.begin(),
            Input::Frames(frames) => StepResult::events(frames.into_iter().filter_map(|f| self.output(&f)).collect()),
            Input::Gap(gap) => self.skip(&gap),
            Input::Interrupt => {
                self.heard.interrupted = true;
                StepResult { events: Vec::new(), actions: vec![Action::Signal(SIGINT)] }
            }
            Input::Steer(_) | Input::Decision(_) | Input::Answer(_) | Input::Timer(_) => StepResult::nothing(),
            Input::Exited(exit) => self.end(exit),
        })
    }

    fn save(&self) -> Vec<u8> {
        remember(&self.heard)
    }
}

impl ScriptSession {
    fn begin(&mut self) -> StepResult {
        self.heard = Heard::default();
        // Nobody types: a script that reads its input finds the end of it, and does not wait for ever.
        StepResult { events: vec![self.call(ToolStatus::Running, None)], actions: vec![Action::CloseInput] }
    }

    fn output(&mut self, frame: &Frame) -> Option<Event> {
        let text = self.decoder(frame.stream).push(&frame.bytes);
        self.said(frame.stream, text)
    }

    /// What comes after a hole does not complete a character from before it.
    fn skip(&mut self, gap: &Gap) -> StepResult {
        let rest = self.decoder(gap.stream).finish();
        StepResult::events(self.said(gap.stream, rest).into_iter().chain([gap_notice(gap)]).collect())
    }

    fn decoder(&mut self, stream: Stream) -> &mut TextDecoder {
        match stream {
            Stream::Stdout => &mut self.heard.stdout,
            Stream::Stderr => &mut self.heard.stderr,
        }
    }

    fn said(&self, stream: Stream, text: String) -> Option<Event> {
        (!text.is_empty()).then(|| Event::ToolOutput(ToolOutput { id: self.id(), stream, text }))
    }

    fn end(&mut self, exit: Exit) -> StepResult {
        let rests = [(Stream::Stdout, self.heard.stdout.finish()), (Stream::Stderr, self.heard.stderr.finish())];
        let mut events: Vec<Event> = rests.into_iter().filter_map(|(stream, rest)| self.said(stream, rest)).collect();
        let (status, outcome, reason) = match &exit {
            Exit::Code(0) => (ToolStatus::Completed, Outcome::Completed, "exit code 0".to_owned()),
            Exit::Code(code) => (ToolStatus::Failed, self.broken_off(), format!("the script exited with code {code}")),
            Exit::Signal(signal) => {
                (ToolStatus::Failed, self.broken_off(), format!("killed by signal {}", signal_name(*signal)))
            }
            Exit::Lost(why) => (ToolStatus::Failed, Outcome::Failed, format!("the script was lost: {why}")),
        };
        let code = match exit {
            Exit::Code(code) => Some(code),
            Exit::Signal(_) | Exit::Lost(_) => None,
        };
        events.push(self.call(status, code));
        events.push(Event::TurnEnd(TurnEnd { outcome, reason }));
        StepResult::events(events)
    }

    /// How a turn ended whose script came to no good end.
    fn broken_off(&self) -> Outcome {
        if self.heard.interrupted { Outcome::Interrupted } else { Outcome::Failed }
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
            edits: Vec::new(),
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

/// Name and number, as Linux counts them.
fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        _ => return signal.to_string(),
    };
    format!("{name} ({signal})")
}

#[cfg(test)]
mod tests {
    use sandboxed_sdk::testkit;

    use super::*;

    #[test]
    fn of_a_huge_script_the_start_is_shown_and_how_much_more_there_is() {
        let mut session = ScriptSession::open(testkit::start("ä".repeat(5_000_000)), None).expect("a huge script");
        let begun = session.step(0, Input::Prompt).expect("a prompt").events;
        let [Event::ToolCall(call)] = &begun[..] else { panic!("one call: {begun:?}") };
        assert!(call.input.len() < 8 << 10, "{} bytes", call.input.len());
        assert!(call.input.contains("more bytes"));
    }

    #[test]
    fn a_session_of_something_else_is_refused() {
        let refused = ScriptSession::open(testkit::start("true"), Some(b"[]".to_vec())).expect_err("no session");
        assert_eq!(refused.code, "session.state_invalid");
    }
}
