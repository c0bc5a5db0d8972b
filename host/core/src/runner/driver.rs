//! A mission's conversation with its harness plugin, which may trap, be replaced or be taken out of service in the
//! middle of it. None of that touches the agent.

use sandboxed_model::{
    Blame, Failure, Timestamp,
    command::Exit,
    event::{Notice, NoticeLevel},
    harness::{DriverEvent, Input, Start, StepResult, TextPiece, TurnOutcome},
};
use sandboxed_plugins::{Harness, Session, Version};

use super::handover::Handover;

/// Raw output that is shown of a batch which the plugin could not digest.
const SHOWN_OF_SKIPPED: usize = 4096;

/// The driver of one turn.
pub(crate) struct Driver {
    harness: Harness,
    start: Start,
    session: Option<Session>,
    saved: Option<Vec<u8>>,
    /// The version that broke in this turn. While it is on trial the one before goes on in its place.
    broken: Option<Version>,
    /// Where a version on trial took over.
    handover: Option<Handover>,
    /// The plugin is out of service: output is shown as it comes and the exit status decides.
    raw: bool,
}

impl Driver {
    /// Takes up the conversation where `saved` left it, or begins one.
    pub(crate) fn new(harness: Harness, start: Start, saved: Option<Vec<u8>>) -> Self {
        Self { harness, start, session: None, saved, broken: None, handover: None, raw: false }
    }

    /// The facts of the turn.
    pub(crate) fn start(&self) -> &Start {
        &self.start
    }

    /// What must be stored to take the conversation up again.
    pub(crate) fn saved(&self) -> Option<&[u8]> {
        self.saved.as_deref()
    }

    /// Tells the plugin something. It always comes to an answer: where the plugin fails, the answer says so.
    pub(crate) async fn step(&mut self, now: Timestamp, input: Input) -> StepResult {
        if self.raw {
            return raw_step(input);
        }
        match self.try_step(now, input.clone()).await {
            Ok(result) => result,
            Err(Refusal { failure, trapped: false }) => ended_by(failure),
            // The session is opened anew from what was last stored and the step repeated once, by the version before
            // where this one is on trial: a plugin that was replaced or ran short of time in between recovers.
            Err(Refusal { trapped: true, .. }) => match self.try_step(now, input.clone()).await {
                Ok(result) => result,
                Err(Refusal { failure, trapped: false }) => ended_by(failure),
                Err(Refusal { failure, trapped: true }) => self.give_up_on(input, failure).await,
            },
        }
    }

    async fn try_step(&mut self, now: Timestamp, input: Input) -> Result<StepResult, Refusal> {
        let mut session = match self.session.take() {
            Some(session) if !session.is_stale() => session,
            // The former is let go when the new one is there.
            _former => self.open().await.map_err(|failure| Refusal { failure, trapped: true })?,
        };
        let told = self.handover.take().map(|handover| (handover, input.clone()));
        match session.step(now, input).await {
            Ok((result, saved)) => {
                self.saved = Some(saved);
                self.handover =
                    told.filter(|_| session.is_on_trial()).and_then(|(handover, input)| handover.and(now, input));
                self.session = Some(session);
                Ok(result)
            }
            Err(failure) => {
                self.handover = told.map(|(handover, _)| handover);
                let trapped = session.is_poisoned();
                if trapped {
                    self.broken = Some(session.version());
                }
                // A session that failed half-way may hold half of the step: the stored one is the truth.
                Err(Refusal { failure, trapped })
            }
        }
    }

    /// Opens the conversation from what was saved last.
    async fn open(&mut self) -> Result<Session, Failure> {
        let opened = self.open_from(self.saved.clone()).await;
        let session = match (opened, self.handover.take()) {
            (Ok(session), handover) => {
                self.handover = handover;
                session
            }
            (Err(failure), None) => return Err(failure),
            (Err(_), Some(handover)) => {
                let mut session = self.open_from(handover.saved()).await?;
                self.saved = handover.tell(&mut session).await?;
                session
            }
        };
        if let Some(version) = session.instead_of() {
            self.broken = Some(version.clone());
        }
        if session.is_on_trial() {
            self.handover.get_or_insert_with(|| Handover::new(self.saved.clone()));
        } else {
            self.handover = None;
        }
        Ok(session)
    }

    async fn open_from(&mut self, saved: Option<Vec<u8>>) -> Result<Session, Failure> {
        let (start, saved) = (&self.start, saved.as_deref());
        match &self.broken {
            Some(broken) => self.harness.open_session_after(broken, start, saved).await,
            None => self.harness.open_session(start, saved).await,
        }
    }

    /// The same input failed twice. The input is skipped, shown as far as it can be, and the conversation goes on.
    async fn give_up_on(&mut self, input: Input, failure: Failure) -> StepResult {
        self.session = self.open().await.ok();
        let mut events = vec![DriverEvent::Problem(failure.clone())];
        if self.session.is_none() {
            self.raw = true;
            events.push(DriverEvent::Notice(Notice {
                level: NoticeLevel::Error,
                code: "driver.raw".to_owned(),
                text: "the harness plugin is out of service: output is shown as it comes".to_owned(),
            }));
            let mut result = raw_step(input);
            events.append(&mut result.events);
            return StepResult { events, actions: result.actions };
        }
        match input {
            Input::Frames(frames) => {
                let bytes: Vec<u8> =
                    frames.iter().flat_map(|frame| frame.bytes.iter().copied()).take(SHOWN_OF_SKIPPED).collect();
                events.push(DriverEvent::Notice(Notice {
                    level: NoticeLevel::Error,
                    code: "driver.skipped".to_owned(),
                    text: String::from_utf8_lossy(&bytes).into_owned(),
                }));
            }
            Input::Exited(exit) => events.push(end_by_exit(&exit)),
            Input::Prompt => return ended_by(failure),
            Input::Steer { .. }
            | Input::Decision { .. }
            | Input::Answer { .. }
            | Input::Gap(_)
            | Input::Interrupt
            | Input::Timer(_) => {}
        }
        StepResult { events, actions: Vec::new() }
    }
}

struct Refusal {
    failure: Failure,
    /// The plugin broke, rather than say that it cannot.
    trapped: bool,
}

fn ended_by(failure: Failure) -> StepResult {
    let reason = failure.to_string();
    let events = vec![DriverEvent::Problem(failure), DriverEvent::TurnEnd { outcome: TurnOutcome::Failed, reason }];
    StepResult { events, actions: Vec::new() }
}

fn raw_step(input: Input) -> StepResult {
    let events = match input {
        Input::Frames(frames) => frames
            .into_iter()
            .map(|frame| {
                DriverEvent::Message(TextPiece {
                    id: format!("raw-{}", frame.stream.as_str()),
                    system: true,
                    parent: None,
                    text: String::from_utf8_lossy(&frame.bytes).into_owned(),
                })
            })
            .collect(),
        Input::Exited(exit) => vec![end_by_exit(&exit)],
        Input::Prompt
        | Input::Steer { .. }
        | Input::Decision { .. }
        | Input::Answer { .. }
        | Input::Gap(_)
        | Input::Interrupt
        | Input::Timer(_) => Vec::new(),
    };
    StepResult { events, actions: Vec::new() }
}

/// How a turn ended whose driver cannot say it.
pub(crate) fn end_by_exit(exit: &Exit) -> DriverEvent {
    let (outcome, reason) = match exit {
        Exit::Code(0) => (TurnOutcome::Completed, "the process ended with status 0".to_owned()),
        Exit::Code(code) => (TurnOutcome::Failed, format!("the process ended with status {code}")),
        Exit::Signal(signal) => (TurnOutcome::Failed, format!("the process was ended by signal {signal}")),
        Exit::Lost(why) => (TurnOutcome::Failed, format!("the process was lost: {why}")),
    };
    DriverEvent::TurnEnd { outcome, reason }
}

/// The failure of a process that ended without its driver saying that the turn was over.
pub(crate) fn ended_without_word() -> Failure {
    Failure::new(
        Blame::Plugin,
        "driver.no_turn_end",
        "the process ended and the harness plugin did not say how the turn ended",
    )
}
