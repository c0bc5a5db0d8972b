//! One mission's conversation with OpenCode: what the person says, what the server answers, and how a turn ends.

use sandboxed_protocol::{
    lines::{Line, Lines},
    trouble::Trouble,
};
use sandboxed_sdk::{Session, harness::*};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::{
    agent,
    asked::{Asked, Reply},
    launch::Facts,
    told::other,
    work::{Work, is_id},
};

/// Messages of the person's in mid-turn that are not taken yet.
const MAX_STEERING: usize = 16;
/// How long a turn that was broken off may take to come to rest.
const REST_MS: u32 = 2000;

/// One turn. All but what it began with is remembered.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct OpencodeSession {
    #[serde(skip)]
    pub(crate) facts: Facts,
    lines: Lines,
    /// The number of the last request to the bridge.
    requests: u64,
    pub(crate) stage: Stage,
    /// The person wants the turn to end.
    pub(crate) interrupted: bool,
    /// An error ended the turn, and was told.
    pub(crate) failed: Option<String>,
    pub(crate) work: Work,
    pub(crate) asked: Asked,
    pub(crate) steering: Vec<Steered>,
}

/// How far a turn is.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// There was none yet, or it is over.
    #[default]
    Over,
    /// OpenCode starts, and its session is made, or looked up, by this request.
    Opening { request: u64, resumed: bool },
    /// It works.
    Running { prompt: u64, session: String },
    /// It was broken off, and has told so once: it will tell once more when everything is stored.
    Resting { session: String },
}

/// A message of the person's that OpenCode was given in mid-turn.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Steered {
    pub(crate) id: String,
    /// The bytes of its text: OpenCode tells the text, and not who wrote it.
    pub(crate) length: usize,
    /// OpenCode's id of the message.
    pub(crate) message: Option<String>,
}

/// What the bridge prints.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Printed {
    Event(Json),
    Answer(Answered),
}

#[derive(Debug, Deserialize)]
struct Answered {
    id: u64,
    status: u16,
    #[serde(default)]
    body: Json,
}

impl Session for OpencodeSession {
    fn open(start: Start, saved: Option<Vec<u8>>) -> Result<Self, Failure> {
        Ok(Self { facts: Facts::of(start, &agent()), ..restore(saved)? })
    }

    fn step(&mut self, now_ms: u64, input: Input) -> Result<StepResult, Failure> {
        let mut out = StepResult::nothing();
        match input {
            Input::Prompt => self.begin(&mut out),
            Input::Frames(frames) => frames.iter().for_each(|frame| self.read(now_ms, frame, &mut out)),
            Input::Gap(gap) => out.events.push(self.lines.skip(&gap)),
            Input::Steer(steering) => self.steer(steering, &mut out),
            Input::Decision(decision) => {
                if let Some(reply) = self.asked.decide(&decision) {
                    self.reply(reply, &mut out);
                }
            }
            Input::Answer(answer) => {
                if let Some(reply) = self.asked.answer(answer) {
                    self.reply(reply, &mut out);
                }
            }
            Input::Interrupt => self.interrupt(&mut out),
            Input::Timer(_) => self.rested(&mut out),
            Input::Exited(exit) => self.exited(&exit, &mut out),
        }
        Ok(out)
    }

    fn save(&self) -> Vec<u8> {
        remember(self)
    }
}

impl OpencodeSession {
    fn read(&mut self, now_ms: u64, frame: &Frame, out: &mut StepResult) {
        match self.lines.read(frame) {
            Some(Line::Json(_)) if matches!(self.stage, Stage::Over) => {}
            Some(Line::Json(value)) => match serde_json::from_value(value.clone()) {
                Ok(Printed::Event(event)) => self.told(now_ms, event, out),
                Ok(Printed::Answer(answer)) => self.answered(answer, out),
                Err(_) => out.events.push(other("line".to_owned(), &value)),
            },
            Some(Line::Told(event) | Line::TooLong(event)) => out.events.push(event),
            None => {}
        }
    }

    /// What is asked now waits until OpenCode listens.
    fn begin(&mut self, out: &mut StepResult) {
        *self = Self { facts: std::mem::take(&mut self.facts), ..Self::default() };
        let resume = self.facts.resume.take().filter(|id| is_id(id));
        let request = match &resume {
            Some(id) => self.request("GET", &format!("/session/{id}"), Json::Null, out),
            None => self.request("POST", "/session", json!({}), out),
        };
        self.stage = Stage::Opening { request, resumed: resume.is_some() };
    }

    fn answered(&mut self, answer: Answered, out: &mut StepResult) {
        let good = (200..300).contains(&answer.status);
        match &self.stage {
            Stage::Opening { request, resumed } if *request == answer.id => {
                let resumed = *resumed;
                let session = answer.body["id"].as_str().filter(|id| good && is_id(id)).map(str::to_owned);
                match session {
                    Some(session) => self.opened(session, out),
                    None if resumed && answer.status == 404 => {
                        out.events.push(Event::SessionLost);
                        self.fail(Trouble::SessionLost.failure(""), out);
                    }
                    None => self.refused("its session", &answer, out),
                }
            }
            Stage::Running { prompt, .. } if *prompt == answer.id && !good => self.refused("the prompt", &answer, out),
            _ => {}
        }
    }

    fn opened(&mut self, session: String, out: &mut StepResult) {
        out.events.push(Event::Session(session.clone()));
        let path = format!("/session/{session}/prompt_async");
        let body = std::mem::take(&mut self.facts.prompt);
        let prompt = self.request("POST", &path, body, out);
        self.stage = Stage::Running { prompt, session };
    }

    fn refused(&mut self, what: &str, answer: &Answered, out: &mut StepResult) {
        let said = match &answer.body {
            Json::String(text) => text.clone(),
            body => body["data"]["message"].as_str().map_or_else(|| body.to_string(), str::to_owned),
        };
        self.fail(Trouble::Protocol.failure(&format!("{what} was answered with {}: {said}", answer.status)), out);
    }

    fn steer(&mut self, steering: Steering, out: &mut StepResult) {
        // Until the turn runs nothing can be added to it: the host sends what was not taken as the next prompt.
        let Stage::Running { session, .. } = &self.stage else { return };
        if self.steering.len() >= MAX_STEERING || self.interrupted || self.failed.is_some() {
            return;
        }
        let path = format!("/session/{session}/prompt_async");
        let length = steering.text.len();
        let body = json!({ "parts": [{ "type": "text", "text": steering.text }] });
        self.request("POST", &path, body, out);
        self.steering.push(Steered { id: steering.id, length, message: None });
    }

    fn interrupt(&mut self, out: &mut StepResult) {
        self.interrupted = true;
        match &self.stage {
            Stage::Over | Stage::Resting { .. } => {}
            Stage::Opening { .. } => {
                self.end(Outcome::Interrupted, "interrupted before OpenCode began".to_owned(), out);
            }
            Stage::Running { session, .. } => {
                let path = format!("/session/{session}/abort");
                self.request("POST", &path, json!({}), out);
            }
        }
    }

    /// The session has nothing to do.
    pub(crate) fn idle(&mut self, out: &mut StepResult) {
        match &self.stage {
            Stage::Running { session, .. } if self.interrupted || self.failed.is_some() => {
                self.stage = Stage::Resting { session: session.clone() };
                out.actions.push(Action::Wake(Wake { id: 1, after_ms: REST_MS }));
            }
            Stage::Running { .. } => self.end(Outcome::Completed, "the agent is done".to_owned(), out),
            Stage::Resting { .. } => self.rested(out),
            _ => {}
        }
    }

    fn rested(&mut self, out: &mut StepResult) {
        if !matches!(self.stage, Stage::Resting { .. }) {
            return;
        }
        match self.failed.take() {
            Some(reason) if !self.interrupted => self.end(Outcome::Failed, reason, out),
            _ => self.end(Outcome::Interrupted, "interrupted".to_owned(), out),
        }
    }

    fn exited(&mut self, exit: &Exit, out: &mut StepResult) {
        match (&self.stage, self.interrupted) {
            (Stage::Over, _) => {}
            (Stage::Resting { .. }, _) => self.rested(out),
            (_, true) => self.end(Outcome::Interrupted, "interrupted".to_owned(), out),
            _ => self.fail(Trouble::from_exit(exit, &self.lines), out),
        }
    }

    pub(crate) fn fail(&mut self, failure: Failure, out: &mut StepResult) {
        let reason = failure.message.clone();
        out.events.push(Event::Problem(failure));
        self.end(Outcome::Failed, reason, out);
    }

    /// The turn is over; so is the process, when its standard input ends.
    fn end(&mut self, outcome: Outcome, reason: String, out: &mut StepResult) {
        self.stage = Stage::Over;
        self.steering.clear();
        out.events.extend(self.work.stop());
        out.events.extend(self.asked.withdraw());
        out.events.push(Event::TurnEnd(TurnEnd { outcome, reason }));
        out.actions.push(Action::CloseInput);
    }

    pub(crate) fn reply(&mut self, reply: Reply, out: &mut StepResult) {
        self.request("POST", &reply.path, reply.body, out);
    }

    fn request(&mut self, method: &str, path: &str, body: Json, out: &mut StepResult) -> u64 {
        self.requests += 1;
        let mut line = json!({ "id": self.requests, "method": method, "path": path });
        if !body.is_null() {
            line["body"] = body;
        }
        out.actions.push(Action::Write(format!("{line}\n").into_bytes()));
        self.requests
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most that a session may want remembered.
    const MAX_SAVED: usize = 64 << 10;

    fn stdout(session: &mut OpencodeSession, line: &Json) -> StepResult {
        let bytes = format!("{line}\n").into_bytes();
        let frame = Frame { stream: Stream::Stdout, offset: 0, bytes, partial: false };
        session.step(0, Input::Frames(vec![frame])).expect("a step never fails")
    }

    fn event(session: &mut OpencodeSession, kind: &str, about: Json) -> StepResult {
        stdout(session, &json!({ "event": { "type": kind, "properties": about } }))
    }

    fn running() -> OpencodeSession {
        let facts = Facts { tree: "/w".to_owned(), ask: true, ..Facts::default() };
        let stage = Stage::Running { prompt: 2, session: "main".to_owned() };
        OpencodeSession { facts, stage, ..OpencodeSession::default() }
    }

    #[test]
    fn a_request_is_repeated_as_often_as_the_mission_wants() {
        let mut session = running();
        session.facts.max_retries = Some(1);
        let again = |session: &mut OpencodeSession, attempt| {
            let status = json!({ "type": "retry", "attempt": attempt, "message": "Overloaded", "next": 0 });
            event(session, "session.status", json!({ "sessionID": "main", "status": status }))
        };
        assert!(matches!(again(&mut session, 1).events[..], [Event::Retry(_)]));
        let steps = again(&mut session, 2);
        assert!(matches!(&steps.events[0], Event::Problem(failure) if failure.code == "agent.overloaded"), "{steps:?}");
        assert!(steps.actions.iter().any(|action| matches!(action, Action::CloseInput)), "{steps:?}");
    }

    #[test]
    fn however_much_is_under_way_little_is_remembered() {
        let mut session = running();
        let id = |number: u32| format!("{number:0>128}");
        for number in 0..200 {
            let message = json!({ "id": id(number), "role": "assistant", "modelID": "m".repeat(128) });
            event(&mut session, "message.updated", json!({ "sessionID": "main", "info": message }));
            for kind in ["text", "reasoning"] {
                let part = json!({ "id": id(number), "messageID": id(number), "type": kind, "text": "x".repeat(9000) });
                event(&mut session, "message.part.updated", json!({ "sessionID": "main", "part": part }));
            }
            let state = json!({ "status": "running", "input": { "filePath": format!("/{}", "p".repeat(511)) },
                                "metadata": { "sessionId": id(number + 1), "output": "\u{1}".repeat(9000) } });
            for tool in ["read", "\"".repeat(1000).as_str()] {
                let part =
                    json!({ "id": id(number), "callID": id(number), "type": "tool", "tool": tool, "state": state });
                event(&mut session, "message.part.updated", json!({ "sessionID": id(number), "part": part }));
            }
            event(&mut session, "permission.asked", json!({ "id": id(number), "permission": "x".repeat(9000) }));
            let steering = Steering { id: format!("{number:0>36}"), text: "x".repeat(9000) };
            session.step(0, Input::Steer(steering)).expect("a step never fails");
        }
        let error = json!({ "name": "APIError", "data": { "message": "\"".repeat(9000) } });
        event(&mut session, "session.error", json!({ "sessionID": "main", "error": error }));
        let stderr = Frame { stream: Stream::Stderr, offset: 0, bytes: vec![b'"'; 1 << 20], partial: true };
        session.step(0, Input::Frames(vec![stderr])).expect("a step never fails");
        assert!(session.save().len() < MAX_SAVED, "{} bytes", session.save().len());
    }

    #[test]
    fn ids_that_are_none_are_not_remembered() {
        let mut session = running();
        for id in ["\u{1}".repeat(100), "x".repeat(1 << 20), "../a".to_owned()] {
            let message = json!({ "id": id, "role": "assistant" });
            let told = json!({ "sessionID": "main", "info": message });
            assert_eq!(event(&mut session, "message.updated", told), StepResult::nothing());
            let part = json!({ "id": id, "callID": "c", "type": "tool", "tool": "bash", "state": {} });
            let told = json!({ "sessionID": "main", "part": part });
            assert_eq!(event(&mut session, "message.part.updated", told), StepResult::nothing());
        }
    }

    #[test]
    fn what_the_bridge_made_shorter_is_read_as_far_as_it_goes() {
        let mut session = running();
        let part = json!({ "id": "prt_1", "callID": "c", "type": "tool", "tool": "bash",
                           "state": { "status": "completed", "output": "x…", "metadata": { "exit": 0 } } });
        let told = json!({ "type": "message.part.updated", "cut": 3_000_000,
                           "properties": { "sessionID": "main", "part": part } });
        let result = stdout(&mut session, &json!({ "event": told }));
        assert!(matches!(&result.events[..], [Event::ToolOutput(_), Event::ToolCall(_)]), "{result:?}");
    }

    #[test]
    fn nothing_is_told_after_the_end_of_a_turn() {
        let mut session = running();
        session.end(Outcome::Completed, "done".to_owned(), &mut StepResult::nothing());
        let asked = json!({ "sessionID": "main", "id": "per_1", "permission": "bash" });
        assert_eq!(event(&mut session, "permission.asked", asked), StepResult::nothing());
        assert_eq!(event(&mut session, "session.idle", json!({ "sessionID": "main" })), StepResult::nothing());
    }

    #[test]
    fn a_person_that_says_more_before_the_turn_runs_is_not_told_that_it_was_taken() {
        let stage = Stage::Opening { request: 1, resumed: false };
        let mut session = OpencodeSession { stage, ..OpencodeSession::default() };
        let steering = Steering { id: "s".to_owned(), text: "wait".to_owned() };
        assert_eq!(session.step(0, Input::Steer(steering)).expect("a step never fails"), StepResult::nothing());
    }

    #[test]
    fn where_nobody_is_to_be_asked_a_rule_of_the_workspace_does_not_stop_the_agent() {
        let mut session = running();
        session.facts.ask = false;
        let result = event(&mut session, "permission.asked", json!({ "id": "per_1", "permission": "bash" }));
        assert_eq!(result.events, []);
        let [Action::Write(line)] = &result.actions[..] else { panic!("a reply: {result:?}") };
        assert!(String::from_utf8_lossy(line).contains("\"once\""));
    }

    #[test]
    fn a_server_that_takes_no_prompt_fails_the_turn_with_its_words() {
        let mut session = running();
        let body = json!({ "name": "BadRequest", "data": { "message": "no such agent" } });
        let result = stdout(&mut session, &json!({ "answer": { "id": 2, "status": 400, "body": body } }));
        let [Event::Problem(failure), Event::TurnEnd(_)] = &result.events[..] else { panic!("{result:?}") };
        assert_eq!(failure.code, "agent.protocol");
        assert!(failure.message.ends_with("no such agent"), "{}", failure.message);
    }
}
