//! One mission's conversation with Codex: what the person says, what Codex answers, and how a turn ends.

use sandboxed_protocol::{
    lines::{Line, Lines},
    rpc::{Dialect, Incoming, METHOD_NOT_FOUND, Requests, RpcError},
    trouble::Trouble,
};
use sandboxed_sdk::{Session, harness::*};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::{
    asked::{Ask, Asked, RUN, Request, TurnOf},
    handshake::{is_lost, refused},
    launch::Facts,
    reads,
    turn::other,
    work::Work,
};

/// What Codex leaves out of its messages.
pub(crate) const DIALECT: Dialect = Dialect::Bare;

/// One turn. All but what it began with is remembered.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CodexSession {
    #[serde(skip)]
    pub(crate) facts: Facts,
    pub(crate) lines: Lines,
    requests: Requests<Purpose>,
    pub(crate) stage: Stage,
    /// The person wants the turn to end.
    pub(crate) interrupted: bool,
    /// An error ended the turn, and was told.
    pub(crate) failed: bool,
    pub(crate) work: Work,
    pub(crate) asked: Asked,
}

/// How far a turn is.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// There was none yet, or it is over.
    #[default]
    Over,
    /// Codex is greeted.
    Greeting,
    /// The thread is opened.
    Opening,
    /// Codex works.
    Running(Running),
}

/// A turn under way.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) thread: String,
    pub(crate) model: Option<String>,
    /// Absent until Codex tells it.
    pub(crate) turn: Option<String>,
}

/// What an answer is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Purpose {
    Greet,
    OpenThread {
        resumed: bool,
    },
    StartTurn,
    Steer(String),
    /// Nothing follows from the answer.
    Nothing,
}

impl Default for CodexSession {
    fn default() -> Self {
        Self {
            facts: Facts::default(),
            lines: Lines::default(),
            requests: Requests::new(DIALECT),
            stage: Stage::Over,
            interrupted: false,
            failed: false,
            work: Work::default(),
            asked: Asked::default(),
        }
    }
}

impl Session for CodexSession {
    fn open(start: Start, saved: Option<Vec<u8>>) -> Result<Self, Failure> {
        Ok(Self { facts: Facts::of(start)?, ..restore(saved)? })
    }

    fn step(&mut self, _now_ms: u64, input: Input) -> Result<StepResult, Failure> {
        let mut out = StepResult::nothing();
        match input {
            Input::Prompt => self.greet(&mut out),
            Input::Frames(frames) => frames.iter().for_each(|frame| self.read(frame, &mut out)),
            Input::Gap(gap) => out.events.push(self.lines.skip(&gap)),
            Input::Steer(steering) => self.steer(steering, &mut out),
            Input::Decision(decision) => self.decide(decision, &mut out),
            Input::Answer(answer) => {
                if let Some((id, result)) = self.asked.answer(answer) {
                    out.write(DIALECT.result(&id, result));
                }
            }
            Input::Interrupt => self.interrupt(&mut out),
            Input::Timer(_) => {}
            Input::Exited(exit) => self.exited(&exit, &mut out),
        }
        Ok(out)
    }

    fn save(&self) -> Vec<u8> {
        remember(self)
    }
}

/// What a step wants done.
pub(crate) trait Out {
    /// Bytes for Codex.
    fn write(&mut self, line: Vec<u8>);
}

impl Out for StepResult {
    fn write(&mut self, line: Vec<u8>) {
        self.actions.push(Action::Write(line));
    }
}

impl CodexSession {
    fn greet(&mut self, out: &mut StepResult) {
        *self = Self {
            facts: std::mem::take(&mut self.facts),
            requests: std::mem::take(&mut self.requests),
            asked: std::mem::take(&mut self.asked),
            stage: Stage::Greeting,
            ..Self::default()
        };
        // Stopping terminals needs the experimental interface.
        let params = json!({
            "clientInfo": { "name": "sandboxed_sh", "title": "sandboxed.sh", "version": env!("CARGO_PKG_VERSION") },
            "capabilities": { "experimentalApi": true },
        });
        self.request("initialize", params, Purpose::Greet, out);
    }

    fn read(&mut self, frame: &Frame, out: &mut StepResult) {
        match self.lines.read(frame) {
            Some(Line::Json(value)) => self.message(value, out),
            Some(Line::Told(event) | Line::TooLong(event)) => out.events.push(event),
            None => {}
        }
    }

    fn message(&mut self, value: Json, out: &mut StepResult) {
        match Incoming::read(value) {
            Some(Incoming::Answer { id, outcome }) => {
                if let Some(purpose) = self.requests.answered(&id) {
                    self.answered(purpose, outcome, out);
                }
            }
            Some(Incoming::Request { id, method, params }) => {
                let request = Request::read(&method, &params, &self.work);
                let over = matches!(self.stage, Stage::Over);
                let reply = match request {
                    Request::Ask(kind, _) if over => Some(kind.decided(false)),
                    Request::Ask(kind, Ask::Approval(approval)) if self.planning() => {
                        Some(kind.decided(approval.tool == RUN && reads::only(&approval.subject)))
                    }
                    Request::Ask(kind, ask) => {
                        let turn: TurnOf = serde_json::from_value(params).unwrap_or_default();
                        let refusal = kind.decided(false);
                        match self.asked.ask(&id, turn, kind, ask) {
                            Some(event) => {
                                out.events.push(event);
                                None
                            }
                            None => Some(refusal),
                        }
                    }
                    Request::Refuse(result) => Some(result),
                    Request::Unknown => {
                        out.write(DIALECT.error(&id, METHOD_NOT_FOUND, "this client does not do that"));
                        out.events.push(other(method, &params));
                        None
                    }
                };
                if let Some(result) = reply {
                    out.write(DIALECT.result(&id, result));
                }
            }
            Some(Incoming::Notification { method, params }) => self.told(method, params, out),
            None => {}
        }
    }

    fn answered(&mut self, purpose: Purpose, outcome: Result<Json, RpcError>, out: &mut StepResult) {
        match (purpose, outcome) {
            (Purpose::Steer(id), Ok(_)) => out.events.push(Event::Steered(id)),
            // The turn ended meanwhile: the host sends it as the next prompt.
            (Purpose::Steer(_), Err(_)) | (Purpose::Nothing, _) => {}
            (Purpose::Greet, Ok(result)) => self.greeted(&result, out),
            (Purpose::OpenThread { .. }, Ok(result)) => self.opened(&result, out),
            (Purpose::StartTurn, Ok(result)) => self.turn_started(&result, out),
            (Purpose::OpenThread { resumed: true }, Err(error)) if is_lost(&error) => {
                out.events.push(Event::SessionLost);
                self.fail(Trouble::SessionLost.failure(&error.message), out);
            }
            (Purpose::OpenThread { .. }, Err(error)) => self.fail(refused(&error), out),
            (_, Err(error)) => self.fail(Trouble::Protocol.failure(&error.message), out),
        }
    }

    fn steer(&mut self, steering: Steering, out: &mut StepResult) {
        // Until the turn runs nothing can be added to it: the host sends what was not taken as the next prompt.
        if let Stage::Running(Running { thread, turn: Some(turn), .. }) = &self.stage {
            let turn = TurnOf { thread_id: thread.clone(), turn_id: turn.clone() };
            self.add(&turn, &steering.text, Purpose::Steer(steering.id), out);
        }
    }

    fn decide(&mut self, decision: Decision, out: &mut StepResult) {
        let Some((id, result, turn)) = self.asked.decide(&decision.id, decision.approved) else { return };
        out.write(DIALECT.result(&id, result));
        // A refusal has no room for a reason.
        if let (false, Some(reason)) = (decision.approved, decision.reason) {
            self.add(&turn, &format!("That was not allowed: {reason}"), Purpose::Nothing, out);
        }
    }

    fn add(&mut self, turn: &TurnOf, text: &str, purpose: Purpose, out: &mut StepResult) {
        let params = json!({
            "threadId": turn.thread_id,
            "expectedTurnId": turn.turn_id,
            "input": [{ "type": "text", "text": text }],
        });
        self.request("turn/steer", params, purpose, out);
    }

    pub(crate) fn interrupt(&mut self, out: &mut StepResult) {
        self.interrupted = true;
        match &self.stage {
            Stage::Over => {}
            Stage::Greeting | Stage::Opening => {
                self.end(Outcome::Interrupted, "interrupted before Codex began".to_owned(), out);
            }
            // It is interrupted as soon as Codex has told its id.
            Stage::Running(Running { turn: None, .. }) => {}
            Stage::Running(Running { thread, turn: Some(turn), .. }) => {
                let interrupt = json!({ "threadId": thread, "turnId": turn });
                // A command that runs would survive.
                let clean = json!({ "threadId": thread });
                self.request("turn/interrupt", interrupt, Purpose::Nothing, out);
                self.request("thread/backgroundTerminals/clean", clean, Purpose::Nothing, out);
            }
        }
    }

    fn exited(&mut self, exit: &Exit, out: &mut StepResult) {
        if matches!(self.stage, Stage::Over) {
            return;
        }
        let failure = Trouble::from_exit(exit, &self.lines);
        match self.interrupted {
            true => self.end(Outcome::Interrupted, failure.message, out),
            false => self.fail(failure, out),
        }
    }

    /// Codex answered what its schema does not have.
    pub(crate) fn nonsense(&mut self, method: &str, out: &mut StepResult) {
        self.fail(Trouble::Protocol.failure(&format!("the answer to {method} lacks what is needed")), out);
    }

    pub(crate) fn fail(&mut self, failure: Failure, out: &mut StepResult) {
        let reason = failure.message.clone();
        out.events.push(Event::Problem(failure));
        self.end(Outcome::Failed, reason, out);
    }

    /// The turn is over; so is the process, when its standard input ends.
    pub(crate) fn end(&mut self, outcome: Outcome, reason: String, out: &mut StepResult) {
        self.stage = Stage::Over;
        self.requests.forget();
        out.events.extend(self.work.stop());
        out.events.extend(self.asked.withdraw());
        out.events.push(Event::TurnEnd(TurnEnd { outcome, reason }));
        out.actions.push(Action::CloseInput);
    }

    pub(crate) fn request(&mut self, method: &str, params: Json, purpose: Purpose, out: &mut StepResult) {
        out.write(self.requests.ask(method, params, purpose));
    }

    fn planning(&self) -> bool {
        self.facts.plan && matches!(self.stage, Stage::Running(_))
    }
}

#[cfg(test)]
mod tests {
    use sandboxed_sdk::testkit::{Step, replay};

    use super::*;

    /// The most that a session may want remembered.
    const MAX_SAVED: usize = 64 << 10;

    fn stdout(session: &mut CodexSession, message: &Json) -> StepResult {
        let bytes = format!("{message}\n").into_bytes();
        let frame = Frame { stream: Stream::Stdout, offset: 0, bytes, partial: false };
        session.step(0, Input::Frames(vec![frame])).expect("a step never fails")
    }

    fn running() -> CodexSession {
        let turn = Running { thread: "t".to_owned(), model: None, turn: Some("u".to_owned()) };
        CodexSession { stage: Stage::Running(turn), ..CodexSession::default() }
    }

    #[test]
    fn however_much_is_under_way_little_is_remembered() {
        let mut session = running();
        let id = |number: u32| format!("{number:0>128}");
        for number in 0..200 {
            let quotes = "\"\\".repeat(400);
            let item =
                json!({ "type": "commandExecution", "id": id(number), "command": quotes, "status": "inProgress" });
            let told = json!({ "threadId": id(number), "item": item });
            stdout(&mut session, &json!({ "method": "item/started", "params": told }));
            let delta = json!({ "threadId": "t", "itemId": id(number), "delta": "x".repeat(10_000) });
            stdout(&mut session, &json!({ "method": "item/agentMessage/delta", "params": delta }));
            let item = json!({ "type": "collabAgentToolCall", "id": id(number), "tool": "spawnAgent",
                               "status": "completed", "model": id(1), "receiverThreadIds": [id(number)] });
            let told = json!({ "threadId": "t", "item": item });
            stdout(&mut session, &json!({ "method": "item/completed", "params": told }));
            let item = json!({ "type": "mcpToolCall", "id": id(number), "server": "\"".repeat(200), "tool": "t",
                               "status": "inProgress", "arguments": { "a": "\u{1}".repeat(300) } });
            let told = json!({ "threadId": id(number), "item": item });
            stdout(&mut session, &json!({ "method": "item/started", "params": told }));
            let questions = json!([{ "id": id(1), "question": "?" }, { "id": id(2), "question": "?" }]);
            let asked = json!({ "threadId": id(1), "turnId": id(2), "questions": questions });
            stdout(&mut session, &json!({ "id": id(number), "method": "item/tool/requestUserInput", "params": asked }));
            let steering = Steering { id: format!("{number:0>36}"), text: "x".repeat(10_000) };
            session.step(0, Input::Steer(steering)).expect("a step never fails");
        }
        let stderr = Frame { stream: Stream::Stderr, offset: 0, bytes: vec![1; 1 << 20], partial: true };
        session.step(0, Input::Frames(vec![stderr])).expect("a step never fails");
        assert!(session.save().len() < MAX_SAVED, "{} bytes", session.save().len());
    }

    #[test]
    fn ids_that_are_none_are_not_remembered() {
        let mut session = running();
        for id in ["\u{1}".repeat(100), "x".repeat(1 << 20)] {
            let item = json!({ "type": "imageView", "id": id, "path": "a" });
            let told = json!({ "threadId": id, "item": item });
            assert_eq!(
                stdout(&mut session, &json!({ "method": "item/started", "params": told })),
                StepResult::nothing()
            );
            let delta = json!({ "threadId": "t", "itemId": id, "delta": "x" });
            let told = json!({ "method": "item/agentMessage/delta", "params": delta });
            assert_eq!(stdout(&mut session, &told), StepResult::nothing());
        }
    }

    #[test]
    fn nothing_is_told_after_the_end_of_a_turn() {
        let mut session = running();
        session.end(Outcome::Completed, "done".to_owned(), &mut StepResult::nothing());
        let delta = json!({ "threadId": "x", "itemId": "1", "delta": "more" });
        let told = json!({ "method": "item/agentMessage/delta", "params": delta });
        assert_eq!(stdout(&mut session, &told), StepResult::nothing());
        let asked = json!({ "threadId": "x", "turnId": "y", "command": "rm a" });
        let request = json!({ "id": 1, "method": "item/commandExecution/requestApproval", "params": asked });
        let result = stdout(&mut session, &request);
        let declined = b"{\"id\":1,\"result\":{\"decision\":\"decline\"}}\n".to_vec();
        assert_eq!(result, StepResult { events: Vec::new(), actions: vec![Action::Write(declined)] });
    }

    #[test]
    fn a_person_that_says_more_before_the_turn_runs_is_not_told_that_it_was_taken() {
        let steering = Steering { id: "s".to_owned(), text: "wait".to_owned() };
        let events = replay::<CodexSession>(&[Step::Prompt("go"), Step::Input(Input::Steer(steering))]);
        assert!(events.is_empty(), "{events:?}");
    }
}
