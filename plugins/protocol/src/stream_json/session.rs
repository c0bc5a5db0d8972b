//! One mission's conversation over stream-json.

use std::marker::PhantomData;

use sandboxed_sdk::{
    Session,
    harness::{
        Action, Attachment, Event, Exit, Failure, Frame, Gap, Input, Outcome, Start, Steering, StepResult, TurnEnd,
        remember, restore,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Dialect,
    ask::Asked,
    calls::Calls,
    crop, result,
    result::{Ended, Tally},
    system,
    text::{Kind, Streamed, Whole},
    write,
};
use crate::{
    attached,
    lines::{Line, Lines},
    trouble::Trouble,
};

/// What an interrupt sends where the program takes no control requests.
const SIGINT: i32 = 2;
/// Messages in mid-turn that may wait to be taken.
const STEERING: usize = 32;

/// A session of a program that speaks stream-json: at most some 60 KiB are remembered of it.
#[derive(Debug)]
pub struct StreamJson<D> {
    /// What the turn began with: it is given at each opening, and never saved.
    prompt: String,
    attachments: Vec<Attachment>,
    turn: Turn,
    dialect: PhantomData<D>,
}

/// What is remembered of a turn.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Turn {
    /// 1 for the mission's first.
    number: u32,
    /// Texts that the program gave no ids.
    texts: u32,
    /// Its end has not been told. What the process prints after that belongs to nothing.
    running: bool,
    interrupted: bool,
    /// The program will print the prompt again, with images that may be longer than a line that is read.
    echo: bool,
    lines: Lines,
    /// The agent's session, once it is told.
    session: Option<String>,
    /// Where the agent works.
    tree: String,
    /// It asks nobody for leave.
    free: bool,
    streamed: Streamed,
    calls: Calls,
    asked: Asked,
    /// Messages in mid-turn that the agent does not have yet.
    steering: Vec<String>,
    /// A result that came while such messages waited.
    held: Option<String>,
    tally: Tally,
}

impl<D: Dialect> Session for StreamJson<D> {
    fn open(start: Start, saved: Option<Vec<u8>>) -> Result<Self, Failure> {
        Ok(Self { prompt: start.prompt, attachments: start.attachments, turn: restore(saved)?, dialect: PhantomData })
    }

    fn step(&mut self, _now_ms: u64, input: Input) -> Result<StepResult, Failure> {
        let turn = &mut self.turn;
        let mut result = match input {
            Input::Prompt => {
                let number = turn.number.saturating_add(1);
                let echo = attached::images(&self.attachments).next().is_some();
                *turn = Turn { number, running: true, echo, ..Turn::default() };
                let prompt = write::prompt(&self.prompt, &self.attachments);
                let actions = match D::CONTROL {
                    true => [write::initialize()].into_iter().chain(prompt).collect(),
                    false => prompt.into_iter().chain([Action::CloseInput]).collect(),
                };
                StepResult { events: Vec::new(), actions }
            }
            Input::Frames(frames) => turn.frames(&frames, D::CONTROL),
            Input::Gap(gap) => turn.gap(&gap),
            Input::Exited(exit) => turn.exited(&exit),
            _ if !turn.running => StepResult::nothing(),
            Input::Steer(steering) => turn.steer(steering),
            Input::Decision(decision) => actions(turn.asked.decide(&decision)),
            Input::Answer(answer) => actions(turn.asked.answer(&answer)),
            Input::Interrupt => turn.interrupt(D::CONTROL),
            Input::Timer(_) => StepResult::nothing(),
        };
        for event in &mut result.events {
            match (event, D::KEY_HINT) {
                (Event::Problem(problem), Some(hint)) if problem.code == Trouble::Unauthorized.code() => {
                    problem.hint = Some(hint.to_owned());
                }
                _ => {}
            }
        }
        Ok(result)
    }

    fn save(&self) -> Vec<u8> {
        remember(&self.turn)
    }
}

fn actions(actions: impl IntoIterator<Item = Action>) -> StepResult {
    StepResult { events: Vec::new(), actions: actions.into_iter().collect() }
}

impl Turn {
    fn steer(&mut self, steering: Steering) -> StepResult {
        // What is not taken here is the next prompt.
        if self.interrupted || self.steering.len() >= STEERING || steering.id.len() > 128 {
            return StepResult::nothing();
        }
        let line = write::more(&steering.text, &steering.id);
        self.steering.push(steering.id);
        actions([line])
    }

    fn interrupt(&mut self, control: bool) -> StepResult {
        self.interrupted = true;
        if !control {
            return actions([Action::Signal(SIGINT)]);
        }
        // The agent would begin with what waits as soon as it has stopped.
        actions(self.steering.iter().map(|id| write::take_back(id)).chain([write::interrupt()]))
    }

    fn gap(&mut self, gap: &Gap) -> StepResult {
        let told = self.lines.skip(gap);
        StepResult::events(if self.running { vec![told] } else { Vec::new() })
    }

    fn frames(&mut self, frames: &[Frame], control: bool) -> StepResult {
        let mut out = StepResult::nothing();
        for frame in frames {
            match self.lines.read(frame) {
                _ if !self.running => {}
                Some(Line::Json(line)) => self.line(&line, control, &mut out),
                Some(Line::TooLong(_)) if std::mem::take(&mut self.echo) => {}
                Some(Line::Told(event) | Line::TooLong(event)) => out.events.push(event),
                None => {}
            }
        }
        out
    }

    fn line(&mut self, line: &Value, control: bool, out: &mut StepResult) {
        let id = || line["request_id"].as_str().unwrap_or_default();
        match line["type"].as_str().unwrap_or_default() {
            "system" => self.system(line, out),
            "assistant" => self.assistant(line, out),
            "user" => self.user(line, out),
            "stream_event" if line["parent_tool_use_id"].is_null() => {
                out.events.extend(self.streamed.piece(&line["event"]));
            }
            "stream_event" | "keep_alive" => {}
            "result" => self.result(line, control, out),
            "control_request" if control => {
                let mut asked = self.asked.request(id(), &line["request"], self.free, &self.tree);
                out.events.append(&mut asked.events);
                out.actions.append(&mut asked.actions);
            }
            "control_response" => self.response(&line["response"], out),
            "control_cancel_request" => out.events.extend(self.asked.withdraw(id())),
            "command_lifecycle" => {
                if line["state"] == "started" {
                    self.taken(&line["command_uuid"], out);
                }
            }
            "rate_limit_event" => out.events.extend(system::limit(line)),
            other => {
                let name = if other.is_empty() { "unnamed".to_owned() } else { crop::name(other) };
                out.events.push(Event::Other((name, crop::value(line).to_string())));
            }
        }
    }

    fn system(&mut self, line: &Value, out: &mut StepResult) {
        match line["subtype"].as_str().unwrap_or_default() {
            "init" => {
                self.tree = line["cwd"].as_str().filter(|tree| tree.len() <= 1 << 10).unwrap_or_default().to_owned();
                self.free = line["permissionMode"] == "bypassPermissions";
                let id = line["session_id"].as_str().map(crop::name);
                if id.is_some() && self.session != id {
                    out.events.extend(id.clone().map(Event::Session));
                    out.events.extend(system::missing_servers(line));
                    self.session = id;
                }
            }
            subtype => out.events.extend(system::event(subtype, line)),
        }
    }

    fn assistant(&mut self, line: &Value, out: &mut StepResult) {
        // The program's own words for an error, which the result tells as well.
        if line["is_api_error_message"] == true {
            return;
        }
        let message = &line["message"];
        self.tally.add(&message["usage"]);
        let message_id = message["id"].as_str().map(crop::name).unwrap_or_default();
        let parent = parent(line);
        for (number, block) in message["content"].as_array().into_iter().flatten().enumerate() {
            let tag = block["type"].as_str().unwrap_or_default();
            if tag == "tool_use" {
                out.events.extend(self.calls.begin(block, parent.clone(), &self.tree));
                continue;
            }
            let (kind, field) = Kind::of(tag);
            let id = match line["uuid"].as_str() {
                Some(uuid) => format!("{}/{number}", crop::name(uuid)),
                None => self.unnamed(),
            };
            let text = block[field].as_str().unwrap_or_default();
            let whole = Whole { message: &message_id, id: &id, parent: parent.clone(), kind, text };
            out.events.extend(self.streamed.whole(whole));
        }
    }

    /// An id for a text of a program that gives none.
    fn unnamed(&mut self) -> String {
        self.texts = self.texts.saturating_add(1);
        format!("turn-{}/{}", self.number, self.texts)
    }

    fn user(&mut self, line: &Value, out: &mut StepResult) {
        if line["isReplay"] == true {
            self.echo = false;
            return self.taken(&line["uuid"], out);
        }
        let Some(blocks) = line["message"]["content"].as_array() else { return };
        let results = blocks.iter().filter(|block| block["type"] == "tool_result");
        // What the line tells besides belongs to its one result.
        let beside = if results.clone().count() == 1 { &line["tool_use_result"] } else { &Value::Null };
        for block in results {
            out.events.extend(self.calls.end(block, beside, parent(line)));
        }
    }

    fn response(&mut self, response: &Value, out: &mut StepResult) {
        if response["subtype"] == "error" && response["request_id"] == write::INITIALIZE {
            let said = response["error"].as_str().unwrap_or_default();
            out.events.push(Event::Problem(Trouble::Protocol.failure(said)));
        }
    }

    /// The agent has a message of mid-turn.
    fn taken(&mut self, id: &Value, out: &mut StepResult) {
        if let Some(place) = self.steering.iter().position(|waiting| id == waiting) {
            out.events.push(Event::Steered(self.steering.remove(place)));
        }
    }

    fn result(&mut self, line: &Value, control: bool, out: &mut StepResult) {
        let tally = self.tally.take();
        match (line.get("model_usage_since_last_result"), control) {
            (None, false) => out.events.extend(tally),
            _ => out.events.extend(result::usage(line)),
        }
        let ended = Ended::read(line);
        // The agent takes up what waits in a turn of its own, which to the person is still this one.
        if ended.end.outcome == Outcome::Completed && !self.interrupted && !self.steering.is_empty() {
            self.held = Some(ended.end.reason);
            return;
        }
        if ended.end.outcome == Outcome::Failed {
            out.actions.extend(self.steering.iter().map(|id| write::take_back(id)));
        }
        if control {
            out.actions.push(Action::CloseInput);
        }
        out.events.extend(ended.lost.then_some(Event::SessionLost));
        self.end(ended.end, ended.problem, &mut out.events);
    }

    fn exited(&mut self, exit: &Exit) -> StepResult {
        let mut events = Vec::new();
        if self.running {
            let (outcome, reason, problem) = match self.held.take() {
                _ if self.interrupted => (Outcome::Interrupted, "the agent was stopped".to_owned(), None),
                Some(reason) => (Outcome::Completed, reason, None),
                None => {
                    let trouble = Trouble::of_exit(exit, &self.lines);
                    events.extend((trouble == Trouble::SessionLost).then_some(Event::SessionLost));
                    let problem = Trouble::from_exit(exit, &self.lines);
                    (Outcome::Failed, problem.message.clone(), Some(problem))
                }
            };
            self.end(TurnEnd { outcome, reason }, problem, &mut events);
        }
        StepResult::events(events)
    }

    fn end(&mut self, end: TurnEnd, problem: Option<Failure>, events: &mut Vec<Event>) {
        self.running = false;
        events.extend(self.asked.abandon());
        events.extend(self.calls.abandon());
        events.extend(problem.map(Event::Problem));
        events.push(Event::TurnEnd(end));
    }
}

/// The call within which a line was printed.
fn parent(line: &Value) -> Option<String> {
    line["parent_tool_use_id"].as_str().map(crop::name)
}

#[cfg(test)]
mod tests {
    use sandboxed_sdk::{harness::Stream, testkit};
    use serde_json::json;

    use super::*;

    #[derive(Debug)]
    struct Asking;

    impl Dialect for Asking {
        const CONTROL: bool = true;
    }

    fn prompted() -> StreamJson<Asking> {
        let mut session = StreamJson::open(testkit::start("go"), None).expect("a new session");
        session.step(0, Input::Prompt).expect("a prompt");
        session
    }

    fn print(session: &mut StreamJson<Asking>, stream: Stream, bytes: Vec<u8>) -> StepResult {
        let frame = Frame { stream, offset: 0, bytes, partial: false };
        session.step(0, Input::Frames(vec![frame])).expect("output")
    }

    fn say(session: &mut StreamJson<Asking>, line: &Value) -> StepResult {
        print(session, Stream::Stdout, line.to_string().into_bytes())
    }

    #[test]
    fn whatever_is_printed_what_is_remembered_fits() {
        let mut session = prompted();
        for filler in ["\u{1}", "\"", "ä", "x"] {
            let long = |tail: usize| format!("{tail}{}", filler.repeat(3000));
            say(&mut session, &json!({ "type": "system", "subtype": "init", "session_id": long(0), "cwd": long(0) }));
            for number in 0..200 {
                let block =
                    json!({ "type": "tool_use", "id": long(number), "name": long(0), "input": { "a": long(0) } });
                let message = json!({ "id": long(0), "content": [block] });
                let line = json!({ "type": "assistant", "message": message, "parent_tool_use_id": long(1) });
                say(&mut session, &line);
                let request =
                    json!({ "subtype": "can_use_tool", "tool_name": "AskUserQuestion", "input": filler.repeat(900) });
                let id = format!("{number}{}", filler.repeat(60));
                say(&mut session, &json!({ "type": "control_request", "request_id": id, "request": request }));
                let steering = Steering { id: format!("{number}{}", filler.repeat(60)), text: long(0) };
                session.step(0, Input::Steer(steering)).expect("a message");
            }
            print(&mut session, Stream::Stderr, filler.repeat(10_000).into_bytes());
            assert!(session.save().len() <= 64 << 10, "{} bytes of {filler:?}", session.save().len());
        }
    }

    #[test]
    fn a_prompt_with_large_images_that_is_printed_again_is_no_news() {
        let path = "/inbox/a.png".to_owned();
        let image = Attachment { name: "a.png".to_owned(), media_type: "image/png".to_owned(), path, size: 3 << 20 };
        let start = Start { attachments: vec![image], ..testkit::start("look") };
        let mut session = StreamJson::<Asking>::open(start, None).expect("a new session");
        session.step(0, Input::Prompt).expect("a prompt");
        let mut long_line = || {
            let frame = |partial| Frame { stream: Stream::Stdout, offset: 0, bytes: b"x".to_vec(), partial };
            session.step(0, Input::Frames(vec![frame(true), frame(false)])).expect("output").events
        };
        assert_eq!(long_line(), []);
        assert!(matches!(&long_line()[..], [Event::Notice(notice)] if notice.code == "agent.line_too_long"));
    }

    #[test]
    fn what_is_printed_after_the_turn_belongs_to_nothing() {
        let mut session = prompted();
        let end = json!({ "type": "result", "subtype": "success", "is_error": false });
        assert!(matches!(say(&mut session, &end).events.as_slice(), [Event::TurnEnd(_)]));
        assert_eq!(say(&mut session, &end), StepResult::nothing());
        let exited = session.step(0, Input::Exited(Exit::Code(1))).expect("an exit");
        assert_eq!(exited, StepResult::nothing());
    }

    #[test]
    fn a_process_that_ends_instead_of_taking_what_waits_has_done_its_turn() {
        let mut session = prompted();
        session.step(0, Input::Steer(Steering { id: "s".to_owned(), text: "more".to_owned() })).expect("a message");
        say(&mut session, &json!({ "type": "result", "subtype": "success", "is_error": false }));
        let exited = session.step(0, Input::Exited(Exit::Code(0))).expect("an exit");
        let [Event::TurnEnd(end)] = exited.events.as_slice() else { panic!("not one end: {exited:?}") };
        assert_eq!(end.outcome, Outcome::Completed);
    }

    #[test]
    fn a_stopped_process_was_interrupted_and_has_not_failed() {
        let mut session = prompted();
        session.step(0, Input::Interrupt).expect("an interrupt");
        let exited = session.step(0, Input::Exited(Exit::Signal(9))).expect("an exit");
        let [Event::TurnEnd(end)] = exited.events.as_slice() else { panic!("not one end: {exited:?}") };
        assert_eq!(end.outcome, Outcome::Interrupted);
    }
}
