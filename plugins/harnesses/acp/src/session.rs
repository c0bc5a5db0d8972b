//! One mission's conversation: each turn is a process that is greeted, given its session and the prompt.

use std::rc::Rc;

use sandboxed_protocol::{
    attached,
    lines::{Line, Lines},
    rpc::{Dialect, Id, Incoming, METHOD_NOT_FOUND, Requests},
    title,
    trouble::Trouble,
};
use sandboxed_sdk::{Failure, Session, harness::*};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    errors,
    handshake::{Asked, Setup},
    launch::Facts,
    mcp::Takes,
    permission::{Permission, asked_call, cancelled},
    question::Form,
    table::{AtEnd, Table},
    update::{Heard, other},
    usage::usages,
};

/// How the protocol marks its messages.
pub(crate) const RPC: Dialect = Dialect::V2;
/// Ends a process that does not end by itself: SIGTERM.
const SIGTERM: i32 = 15;
/// The wake-ups.
const GREETED: u32 = 1;
pub(crate) const SETTLED: u32 = 2;

/// One turn. All but what it began with is remembered.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct AcpSession {
    #[serde(skip)]
    pub(crate) facts: Facts,
    /// Read once by each instance.
    #[serde(skip)]
    table: Option<Rc<Table>>,
    /// What was asked of people so far.
    asked: u64,
    /// What the agent's session has cost at the end of the turn before, in millionths of a US dollar.
    cost: u64,
    pub(crate) requests: Requests<Asked>,
    lines: Lines,
    pub(crate) stage: Stage,
    pub(crate) version: u64,
    /// What the agent says that it takes.
    pub(crate) takes: Takes,
    /// The session's id as it is sent to the agent.
    pub(crate) native: String,
    pub(crate) setup: Vec<Setup>,
    heard: Heard,
    permissions: Vec<Permission>,
    forms: Vec<Form>,
    interrupted: bool,
    /// Something that the agent asked for was refused.
    refused: bool,
}

/// How far a turn is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// There is none.
    #[default]
    Over,
    /// The agent opens its session.
    Greeting,
    /// The agent tells again what was said earlier.
    Settling,
    /// The agent works.
    Working,
}

/// What follows an input.
pub(crate) type Steps = StepResult;

impl Session for AcpSession {
    fn open(start: Start, saved: Option<Vec<u8>>) -> Result<Self, Failure> {
        let table = Rc::new(sandboxed_sdk::config::<Table>()?);
        Ok(Self { facts: Facts::of(start, &table), table: Some(table), ..restore(saved)? })
    }

    fn step(&mut self, _now_ms: u64, input: Input) -> Result<StepResult, Failure> {
        let mut steps = StepResult::nothing();
        match input {
            Input::Prompt => self.begin(&mut steps)?,
            Input::Frames(frames) => {
                for frame in frames {
                    match self.lines.read(&frame) {
                        Some(Line::Json(value)) => self.line(value, &mut steps)?,
                        // What was said in earlier turns is told again, images and all.
                        Some(Line::TooLong(_)) if self.stage != Stage::Working => {}
                        Some(Line::Told(event) | Line::TooLong(event)) => steps.events.push(event),
                        None => {}
                    }
                }
            }
            Input::Gap(gap) => steps.events.push(self.lines.skip(&gap)),
            Input::Interrupt => self.interrupt(&mut steps)?,
            Input::Decision(decision) => self.decide(&decision, &mut steps),
            Input::Answer(answer) => self.answer(&answer, &mut steps),
            Input::Timer(GREETED) if matches!(self.stage, Stage::Greeting | Stage::Settling) => {
                self.fail(self.hangs(), &mut steps)?;
            }
            Input::Timer(SETTLED) if self.stage == Stage::Settling => self.set_up(&mut steps)?,
            Input::Timer(_) | Input::Steer(_) => {}
            Input::Exited(exit) => self.exited(&exit, &mut steps)?,
        }
        Ok(steps)
    }

    fn save(&self) -> Vec<u8> {
        remember(self)
    }
}

impl AcpSession {
    pub(crate) fn table(&mut self) -> Result<Rc<Table>, Failure> {
        if let Some(table) = &self.table {
            return Ok(Rc::clone(table));
        }
        let table = Rc::new(sandboxed_sdk::config::<Table>()?);
        self.table = Some(Rc::clone(&table));
        Ok(table)
    }

    fn begin(&mut self, steps: &mut Steps) -> Result<(), Failure> {
        let mut requests = std::mem::take(&mut self.requests);
        requests.forget();
        *self = Self {
            facts: std::mem::take(&mut self.facts),
            table: self.table.take(),
            asked: self.asked,
            cost: self.cost,
            requests,
            stage: Stage::Greeting,
            ..Self::default()
        };
        let after_ms = self.table()?.start_within_ms.0;
        steps.actions.push(Action::Wake(Wake { id: GREETED, after_ms }));
        self.greet(steps)
    }

    fn line(&mut self, value: Value, steps: &mut Steps) -> Result<(), Failure> {
        if self.stage == Stage::Over {
            return Ok(());
        }
        let Some(message) = Incoming::read(value) else { return Ok(()) };
        if self.stage == Stage::Settling {
            self.settle(steps)?;
        }
        match message {
            Incoming::Answer { id, outcome } => match self.requests.answered(&id) {
                Some(Asked::Prompt) => match outcome {
                    // By version 2 an agent takes the prompt, and says later that it is done.
                    Ok(_) if self.version > 1 => {}
                    Ok(result) => self.done(result.get("stopReason").and_then(Value::as_str), &result, steps)?,
                    Err(_) if self.interrupted => self.finish(Outcome::Interrupted, "it was interrupted", steps)?,
                    Err(error) => self.fail(errors::failure(&error), steps)?,
                },
                Some(asked) => self.greeted(asked, outcome, steps)?,
                None => {}
            },
            Incoming::Notification { method, params } => self.told(&method, &params, steps)?,
            Incoming::Request { id, method, params } => self.requested(id, &method, &params, steps),
        }
        Ok(())
    }

    /// What it means that an agent has not opened its session in time.
    fn hangs(&self) -> Failure {
        match (self.lines.began(), self.lines.nonsense(), self.lines.last_words()) {
            (true, ..) => Trouble::NoAnswer.failure("the agent did not open its session"),
            (false, "", words) => Trouble::Silent.failure(words),
            (false, nonsense, _) => Trouble::Protocol.failure(&format!("it printed: {nonsense}")),
        }
    }

    /// The agent is ready for the prompt.
    pub(crate) fn work(&mut self, steps: &mut Steps) {
        let Facts { prompt, attachments, .. } = &self.facts;
        let text = json!({ "type": "text", "text": attached::prompt(prompt, attachments) });
        let mut numbers = Vec::new();
        let image = |(number, image): (u32, &Attachment)| match self.takes.images {
            true => {
                numbers.push(number);
                json!({ "type": "image", "mimeType": image.media_type, "data": "" })
            }
            // All agents know links to files.
            false => {
                let uri = format!("file://{}", image.path);
                json!({ "type": "resource_link", "name": image.name, "mimeType": image.media_type, "uri": uri })
            }
        };
        let blocks: Vec<Value> = [text].into_iter().chain(attached::images(attachments).map(image)).collect();
        let prompt = json!({ "sessionId": self.native, "prompt": blocks });
        self.stage = Stage::Working;
        let line = self.requests.ask("session/prompt", prompt, Asked::Prompt);
        steps.actions.extend(attached::write(line, numbers));
    }

    fn told(&mut self, method: &str, params: &Value, steps: &mut Steps) -> Result<(), Failure> {
        // Names that begin with an underscore are the agent's own additions, for clients that know them.
        if self.stage != Stage::Working || method.starts_with('_') {
            return Ok(());
        }
        let update = match (method, params.get("update")) {
            ("session/update", Some(update)) => update,
            ("session/update" | "$/cancel_request", _) => return Ok(()),
            _ => {
                steps.events.push(other(method, params));
                return Ok(());
            }
        };
        let table = self.table()?;
        steps.events.extend(self.heard.update(self.facts.turn, &table.end_turn_errors, update));
        if self.version > 1 && update.get("state").and_then(Value::as_str) == Some("idle") {
            self.done(update.get("stopReason").and_then(Value::as_str), update, steps)?;
        }
        Ok(())
    }

    fn requested(&mut self, id: Id, method: &str, params: &Value, steps: &mut Steps) {
        let answer = |result| Action::Write(RPC.result(&id, result));
        let works = self.stage == Stage::Working && !self.interrupted;
        match method {
            "session/request_permission" => {
                let permission = Permission::of(self.next_id(), id.clone(), params, self.permissions.len());
                match permission.filter(|_| works) {
                    None => steps.actions.push(answer(cancelled())),
                    Some(permission) => self.permit(permission, params, steps),
                }
            }
            "elicitation/create" => {
                let form = Form::of(self.next_id(), id.clone(), params, self.forms.len());
                match form.filter(|_| works) {
                    None => steps.actions.push(answer(json!({ "action": "decline" }))),
                    Some(form) => {
                        steps.events.push(form.event(params));
                        self.forms.push(form);
                    }
                }
            }
            _ => steps.actions.push(Action::Write(RPC.error(&id, METHOD_NOT_FOUND, "this client has no such method"))),
        }
    }

    /// Puts a request to a person, or answers it where nobody is to be asked.
    fn permit(&mut self, permission: Permission, params: &Value, steps: &mut Steps) {
        if !self.facts.bypass {
            steps.events.extend(permission.events(params, &mut self.heard));
            self.permissions.push(permission);
            return;
        }
        // Who plans changes nothing, whether or not the agent's own mode sees to it.
        let harmless = crate::calls::Kind::of(asked_call(params)).unwrap_or_default().is_harmless();
        let approved = harmless || !self.facts.plan;
        self.refused |= !approved;
        steps.actions.push(Action::Write(RPC.result(permission.request(), permission.outcome(approved))));
    }

    /// An id that no approval and no question of the mission had.
    fn next_id(&mut self) -> String {
        self.asked = self.asked.saturating_add(1);
        format!("ask-{}", self.asked)
    }

    fn decide(&mut self, decision: &Decision, steps: &mut Steps) {
        let Some(place) = self.permissions.iter().position(|permission| permission.id == decision.id) else { return };
        let permission = self.permissions.remove(place);
        self.refused |= !decision.approved;
        let outcome = permission.outcome(decision.approved);
        steps.actions.push(Action::Write(RPC.result(permission.request(), outcome)));
    }

    fn answer(&mut self, answer: &Answer, steps: &mut Steps) {
        let Some(place) = self.forms.iter().position(|form| form.id == answer.id) else { return };
        let form = self.forms.remove(place);
        let reply = form.reply(answer.answers.as_deref());
        steps.actions.push(Action::Write(RPC.result(form.request(), reply)));
    }

    fn interrupt(&mut self, steps: &mut Steps) -> Result<(), Failure> {
        match self.stage {
            Stage::Over => return Ok(()),
            Stage::Working if self.interrupted => return Ok(()),
            Stage::Working => {}
            // Nothing was asked of the agent yet.
            Stage::Greeting | Stage::Settling => {
                return self.finish(Outcome::Interrupted, "it was interrupted before it began", steps);
            }
        }
        self.interrupted = true;
        self.withdraw(steps);
        let params = json!({ "sessionId": self.native });
        steps.actions.push(Action::Write(RPC.notification("session/cancel", Some(params))));
        Ok(())
    }

    /// Nobody answers any more what waits for an answer.
    fn withdraw(&mut self, steps: &mut Steps) {
        for permission in self.permissions.drain(..) {
            steps.actions.push(Action::Write(RPC.result(permission.request(), cancelled())));
            steps.events.push(Event::Withdrawn(permission.id));
        }
        for form in self.forms.drain(..) {
            steps.actions.push(Action::Write(RPC.result(form.request(), json!({ "action": "cancel" }))));
            steps.events.push(Event::Withdrawn(form.id));
        }
    }

    /// The agent says that the turn is over, and what it used.
    fn done(&mut self, stop: Option<&str>, result: &Value, steps: &mut Steps) -> Result<(), Failure> {
        steps.events.extend(self.used(result)?);
        let failed = |trouble: Trouble, said: &str| Some(trouble.failure(said));
        let failure = match stop {
            _ if self.interrupted => None,
            Some("end_turn") => self.heard.suspect.as_deref().map(errors::failure_in),
            Some("max_tokens") => failed(Trouble::LimitReached, "the answer became too long"),
            Some("max_turn_requests") => failed(Trouble::LimitReached, "it asked its model too often in one turn"),
            Some("refusal") => failed(Trouble::Other, "the model refuses to go on"),
            Some("error") => {
                let said = result.pointer("/error/message").and_then(Value::as_str).unwrap_or_default();
                Some(errors::failure_in(said))
            }
            _ => None,
        };
        match (failure, stop) {
            (Some(failure), _) => self.fail(failure, steps),
            (None, _) if self.interrupted => self.finish(Outcome::Interrupted, "it was interrupted", steps),
            (None, Some("cancelled")) if self.refused => {
                self.finish(Outcome::Interrupted, "the agent stopped, as what it asked for was refused", steps)
            }
            (None, Some("cancelled")) => self.finish(Outcome::Interrupted, "the agent stopped by itself", steps),
            (None, _) => self.finish(Outcome::Completed, "the agent is done", steps),
        }
    }

    /// What the turn used. What a session cost is a sum over all its turns.
    fn used(&mut self, result: &Value) -> Result<Vec<Event>, Failure> {
        let table = self.table()?;
        let Some(usage) = &table.usage else { return Ok(Vec::new()) };
        let model = self.facts.model.as_deref();
        let mut usages = usages(usage, result, model);
        if let Some(cost) = self.heard.cost.filter(|_| usage.cost) {
            let spent = if cost >= self.cost { cost - self.cost } else { cost };
            self.cost = cost;
            if let Some(first) = usages.first_mut() {
                first.cost_micro_usd = Some(spent);
            }
        }
        Ok(usages.into_iter().map(Event::Usage).collect())
    }

    pub(crate) fn fail(&mut self, failure: Failure, steps: &mut Steps) -> Result<(), Failure> {
        let reason = title::first_line(&failure.message);
        steps.events.push(Event::Problem(failure));
        self.finish(Outcome::Failed, &reason, steps)
    }

    /// Ends the turn, and then its process.
    fn finish(&mut self, outcome: Outcome, reason: &str, steps: &mut Steps) -> Result<(), Failure> {
        self.close(outcome, reason, steps);
        steps.actions.push(Action::CloseInput);
        if self.table()?.at_end == AtEnd::Terminate {
            steps.actions.push(Action::Signal(SIGTERM));
        }
        Ok(())
    }

    fn close(&mut self, outcome: Outcome, reason: &str, steps: &mut Steps) {
        self.withdraw(steps);
        steps.events.extend(self.heard.calls.end());
        steps.events.push(Event::TurnEnd(TurnEnd { outcome, reason: reason.to_owned() }));
        self.stage = Stage::Over;
        self.setup.clear();
        self.requests.forget();
    }

    fn exited(&mut self, exit: &Exit, steps: &mut Steps) -> Result<(), Failure> {
        if self.stage == Stage::Over {
            return Ok(());
        }
        // Nobody reads what would be written now.
        let mut end = StepResult::nothing();
        if self.interrupted {
            self.close(Outcome::Interrupted, "it was interrupted", &mut end);
        } else {
            self.fail(Trouble::from_exit(exit, &self.lines), &mut end)?;
        }
        steps.events.append(&mut end.events);
        Ok(())
    }
}
