//! Reading a mission's raw output again, by its harness as it is now, and holding what it says against the log.

mod facts;
mod output;

use std::collections::HashSet;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sandboxed_model::{
    Blame, Failure, MissionId, Seq,
    command::OutputStream,
    event::{Event, EventBody, ToolKind},
    harness::{DriverEvent, Gap, Input, TurnOutcome},
    mission::Mission,
    replay::{Replay, ReplayResult, ReplayedTurn},
};
use sandboxed_plugins::{Harness, Session};
use sandboxed_store::{MAX_STEPS, RunRecord};
use sandboxed_vault::Redaction;
use serde_json::{Value, json};

use self::{facts::Facts, output::Output};
use crate::{
    Orchestrator, Result,
    runner::{Beginning, Told, Translator, What},
    services::Services,
};

/// Bytes that a turn may come to.
const MAX_BYTES: usize = 64 << 20;
/// Steps that are read from the store at once.
const STEPS: u32 = 256;
/// Events that are read from the store at once.
const EVENTS: u32 = 1000;

impl Orchestrator {
    /// Reads what a mission's processes printed again, by its harness as it is now, and says what it would tell otherwise.
    /// Nothing of the mission changes.
    ///
    /// # Errors
    /// When there is no such mission, or its harness is out of service.
    pub async fn replay_mission(&self, id: MissionId) -> Result<Replay> {
        let mission = self.mission(id).await?;
        let harness = self.services.plugins.harness(&mission.harness)?;
        // It keeps a processor busy.
        let _alone = self.services.replays.lock().await;
        let mut runs = self.services.store.runs(id).await?.into_iter().filter(|run| run.ended_at.is_some()).peekable();
        let mut log = Log { services: &self.services, mission: id, after: Seq::ZERO, events: Vec::new().into_iter() };
        let mut turns = Vec::new();
        while let Some(run) = runs.next() {
            let recorded = log.facts(&run, runs.peek()).await?;
            turns.push(self.services.replay_run(&mission, &harness, run, recorded).await?);
        }
        Ok(Replay { mission: id, harness: mission.harness, turns })
    }
}

impl Services {
    async fn replay_run(
        &self,
        mission: &Mission,
        harness: &Harness,
        run: RunRecord,
        recorded: Facts,
    ) -> Result<ReplayedTurn> {
        let mut turn = ReplayedTurn {
            turn: run.turn,
            run: run.id,
            result: ReplayResult::Same,
            problem: None,
            differences: Vec::new(),
        };
        let begun = self.vault.open_state(mission.id, self.store.run_start(run.id).await?);
        let begun = begun.and_then(|bytes| serde_json::from_slice::<Beginning>(&bytes).ok());
        let derived = match begun {
            None => Err(Broken::NotKept(not_kept("what it began with is not kept"))),
            Some(_) if recorded.bytes() > MAX_BYTES => Err(Broken::NotKept(not_kept("it is too long"))),
            Some(begun) => self.derive(mission, harness, &run, begun).await?,
        };
        match derived {
            Ok(derived) => {
                turn.differences = recorded.differences(&derived);
                if !turn.differences.is_empty() {
                    turn.result = ReplayResult::Different;
                }
            }
            Err(broken) => {
                let (result, problem) = match broken {
                    Broken::NotKept(problem) => (ReplayResult::NotKept, problem),
                    Broken::Failed(problem) => (ReplayResult::Failed, problem),
                };
                (turn.result, turn.problem) = (result, Some(problem));
            }
        }
        Ok(turn)
    }

    async fn derive(
        &self,
        mission: &Mission,
        harness: &Harness,
        run: &RunRecord,
        begun: Beginning,
    ) -> Result<Result<Facts, Broken>> {
        let saved = begun.saved.and_then(|saved| BASE64_STANDARD.decode(saved).ok());
        let session = match harness.open_session(&begun.start, saved.as_deref()).await {
            Ok(session) => session,
            Err(failure) => return Ok(Err(Broken::Failed(failure))),
        };
        let output = |stream, framing| Output::new(stream, framing, self.supervisor.reader(run.id, stream, 0));
        let mut reading = Reading {
            session,
            stdout: output(OutputStream::Stdout, run.stdout_framing),
            stderr: output(OutputStream::Stderr, run.stderr_framing),
            translator: Translator::new(self.config.missions.tool_output_limit.0, self.vault.redaction().clone()),
            redaction: self.vault.redaction().clone(),
            facts: Facts::default(),
        };
        let mut steps = 0;
        loop {
            let told = self.store.inputs(run.id, steps, STEPS).await?;
            let count = u32::try_from(told.len()).unwrap_or(u32::MAX);
            steps += count;
            for told in told {
                let told = self.vault.open_state(mission.id, Some(told));
                let told = told.and_then(|bytes| serde_json::from_slice::<Told>(&bytes).ok());
                let Some(told) = told else { return Ok(Err(Broken::NotKept(not_kept("a step of it cannot be read")))) };
                if let Err(broken) = reading.step(told).await {
                    return Ok(Err(broken));
                }
            }
            if steps >= MAX_STEPS {
                return Ok(Err(Broken::NotKept(not_kept("it had more steps than are kept"))));
            }
            if count < STEPS {
                break;
            }
        }
        if steps == 0 {
            return Ok(Err(Broken::NotKept(not_kept("its steps are not kept"))));
        }
        Ok(Ok(reading.close()))
    }
}

/// Why a turn could not be read again.
enum Broken {
    NotKept(Failure),
    Failed(Failure),
}

fn not_kept(why: &str) -> Failure {
    Failure::new(Blame::Unavailable, "replay.not_kept", format!("the turn cannot be read again: {why}"))
}

/// A turn that is read again.
struct Reading {
    session: Session,
    stdout: Output,
    stderr: Output,
    translator: Translator,
    redaction: Redaction,
    facts: Facts,
}

impl Reading {
    async fn step(&mut self, Told { at, what }: Told) -> Result<(), Broken> {
        let input = self.input(what).await.map_err(Broken::NotKept)?;
        let (result, _) = self.session.step(at, input).await.map_err(Broken::Failed)?;
        self.hear(result.events);
        if self.facts.bytes() > MAX_BYTES {
            return Err(Broken::NotKept(not_kept("it comes to more than can be compared")));
        }
        Ok(())
    }

    async fn input(&mut self, what: What) -> Result<Input, Failure> {
        Ok(match what {
            What::Prompt => Input::Prompt,
            What::Steer { id, text } => Input::Steer { id, text },
            What::Decision { id, approved, reason } => Input::Decision { id, approved, reason },
            What::Answer { id, answers } => Input::Answer { id, answers },
            What::Output(all) => {
                let mut frames = Vec::new();
                for printed in all {
                    frames.extend(self.stream(printed.stream).frames(printed).await?);
                }
                Input::Frames(frames)
            }
            What::Gap { stream, offset, length } => {
                self.stream(stream).skip().await?;
                Input::Gap(Gap { stream, offset, length })
            }
            What::Interrupt => Input::Interrupt,
            What::Timer(id) => Input::Timer(id),
            What::Exited(exit) => Input::Exited(exit),
        })
    }

    fn stream(&mut self, stream: OutputStream) -> &mut Output {
        match stream {
            OutputStream::Stdout => &mut self.stdout,
            OutputStream::Stderr => &mut self.stderr,
        }
    }

    fn hear(&mut self, events: Vec<DriverEvent>) {
        for event in events {
            match event {
                DriverEvent::Approval(asked) => {
                    let told = |text: &str| self.redaction.text(text).into_owned();
                    self.facts.asked(approval(asked.kind, &told(&asked.tool), &told(&asked.title)));
                }
                DriverEvent::Question(asked) => self.facts.asked(json!(asked.items)),
                event => self.translator.push(vec![event]),
            }
        }
        self.tell();
    }

    fn tell(&mut self) {
        for body in self.translator.take() {
            self.facts.add(&body);
        }
    }

    fn close(mut self) -> Facts {
        self.translator.close();
        self.tell();
        if let Some((outcome, reason)) = self.translator.turn_end() {
            self.facts.ended(name(*outcome), reason);
        }
        self.facts
    }
}

fn approval(kind: ToolKind, tool: &str, title: &str) -> Value {
    json!({ "tool_kind": kind, "tool": tool, "title": title })
}

const fn name(outcome: TurnOutcome) -> &'static str {
    match outcome {
        TurnOutcome::Completed => "completed",
        TurnOutcome::Failed => "failed",
        TurnOutcome::Interrupted => "interrupted",
    }
}

/// A mission's log, read once from its beginning to its end.
struct Log<'a> {
    services: &'a Services,
    mission: MissionId,
    after: Seq,
    events: std::vec::IntoIter<Event>,
}

impl Log<'_> {
    /// What was told of a run: what comes from its start to the start of the next.
    async fn facts(&mut self, run: &RunRecord, next: Option<&RunRecord>) -> Result<Facts> {
        let mut facts = Facts::default();
        let (mut within, mut seen) = (false, HashSet::new());
        while let Some(event) = self.peek().await? {
            match &event.body {
                EventBody::RunStarted(started) if next.is_some_and(|next| next.id == started.run) => break,
                EventBody::RunStarted(started) => within = started.run == run.id,
                EventBody::TurnEnded(ended) if within => facts.ended(name(ended.outcome), &ended.reason),
                // Of later states of the same the agent knows nothing.
                EventBody::Approval(asked) if within && seen.insert(asked.id) => {
                    facts.asked(approval(asked.tool_kind, &asked.tool, &asked.title));
                }
                EventBody::Question(asked) if within && seen.insert(asked.id) => facts.asked(json!(asked.items)),
                body if within => facts.add(body),
                _ => {}
            }
            self.after = event.seq;
            self.events.next();
        }
        Ok(facts)
    }

    async fn peek(&mut self) -> Result<Option<Event>> {
        if self.events.len() == 0 {
            let events = self.services.store.events(self.mission, self.after, EVENTS, &[]).await?;
            self.events = events.into_iter();
        }
        Ok(self.events.as_slice().first().cloned())
    }
}
