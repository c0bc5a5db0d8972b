//! One turn: what its process prints goes to the driver, what the driver says goes to the store, and what it wants
//! done is done.

use std::{collections::HashMap, sync::Arc, time::Duration};

use sandboxed_exec::{Run, SpoolReader};
use sandboxed_model::{
    Failure, RunId, Timestamp,
    command::{Exit, OutputStream},
    event::{EventBody, RunStarted},
    harness::{Action, DriverEvent, Input, TurnOutcome},
    mission::{Mission, Parked},
};
use sandboxed_store::{ActionId, MissionChange, Offsets, RunChange, RunRecord};
use tokio::{sync::oneshot, time::Instant};

use super::{
    Control, Runner, TurnEnd,
    batch::Batch,
    driver::Driver,
    framing::Framer,
    held::HeldInput,
    launch::{Launched, lost},
    saved::SavedTurn,
    spool::{PIECE, Piece, Pieces},
    translate::Translator,
};
use crate::{Result, admission::Place, contained::ContainedEnd, sandbox::Sandbox, services::Services};

/// The least time between two steps while output comes in small pieces: events are told thirty times a second, and
/// a chatty process costs thirty transactions a second and not one a line.
const STEP_INTERVAL: Duration = Duration::from_millis(33);

/// What a turn needs besides the mission.
pub(super) struct Turn {
    pub(super) services: Arc<Services>,
    pub(super) mission: Mission,
    pub(super) record: RunRecord,
    pub(super) sandbox: Option<Sandbox>,
    pub(super) run: Option<Run>,
    pub(super) driver: Driver,
    pub(super) translator: Translator,
    framers: [Framer; 2],
    timers: HashMap<u32, (Instant, ActionId)>,
    done: Vec<ActionId>,
    held: HeldInput,
    last_step: Option<Instant>,
    last_output: Instant,
    pub(super) exit: Option<Exit>,
    pub(super) cancelled: Option<oneshot::Sender<()>>,
    /// Why the server ended it.
    pub(super) failed: Option<Failure>,
    /// What the mission is to wait for when it has ended.
    pub(super) parked: Option<(Parked, Failure)>,
    kill_at: Option<Instant>,
    pub(super) place: Place,
    /// How it ended in its container, if it ran in one.
    pub(super) contained: Option<ContainedEnd>,
}

impl Runner {
    /// Launches a turn that was just begun and sees it to its end.
    pub(super) async fn work(&mut self, mission: Mission, run: RunId, prompt: String, place: Place) -> Result<TurnEnd> {
        let harness = match self.services.plugins.harness(&mission.harness) {
            Ok(harness) => harness,
            Err(failure) => return self.settle_unlaunched(mission, failure).await,
        };
        let id = run;
        let launched = {
            let services = Arc::clone(&self.services);
            let mut launching = std::pin::pin!(services.launch(&mission, &harness, run, &prompt));
            loop {
                tokio::select! {
                    launched = &mut launching => break Ok(launched),
                    control = self.controls.recv() => if let Some(Control::Cancel(done)) = control { break Err(done) },
                }
            }
        };
        let launched = match launched {
            Ok(launched) => launched,
            Err(done) => {
                // A process that was just started is killed with the attempt; what is left of it is found here.
                self.services.abandon(&mission, run).await?;
                return self.settle_cancelled(mission, done).await;
            }
        };
        let Launched { sandbox, run, record } = match launched {
            Ok(launched) => launched,
            Err(error) => {
                self.services.contained.abandon(mission.workspace, id.to_string());
                return self.settle_unlaunched(mission, error.failure()).await;
            }
        };
        let saved = self.services.store.live_state(mission.id).await?.session_state;
        let saved = SavedTurn::read(self.services.vault.open_state(mission.id, saved));
        let readers = readers(&self.services, run.id(), [0, 0]);
        let pid = run.pid();
        let mut turn = Turn::new(
            Arc::clone(&self.services),
            mission,
            record,
            Driver::new(harness, self.mission, saved.driver()),
            place,
        );
        turn.sandbox = Some(sandbox);
        turn.run = Some(run);
        turn.begin(pid, prompt).await?;
        self.follow(turn, readers).await
    }

    pub(super) async fn follow(
        &mut self,
        mut turn: Turn,
        readers: [(OutputStream, SpoolReader); 2],
    ) -> Result<TurnEnd> {
        let mut pieces = Pieces::read(readers);
        let mut stopping = self.services.stopping();
        let mut ended_streams = 0;
        while ended_streams < 2 && !turn.is_over() {
            let next_timer = turn.next_deadline();
            tokio::select! {
                biased;
                () = stopping.wait() => return Ok(TurnEnd::Left),
                control = self.controls.recv() => match control {
                    Some(Control::Interrupt) => turn.interrupt().await?,
                    Some(Control::Cancel(done)) => turn.cancel(done).await,
                    Some(Control::Fail(failure)) => turn.fail(failure).await,
                    Some(Control::Park(parked, why)) => turn.park(parked, why).await?,
                    Some(Control::Wake) | None => {}
                },
                piece = pieces.next() => {
                    let Some(piece) = piece else { break };
                    ended_streams += turn.take(piece, &mut pieces).await?;
                }
                () = tokio::time::sleep_until(next_timer) => turn.deadline_passed().await?,
            }
        }
        turn.drain_process().await?;
        turn.settle().await
    }
}

impl Turn {
    pub(super) fn new(
        services: Arc<Services>,
        mission: Mission,
        record: RunRecord,
        driver: Driver,
        place: Place,
    ) -> Self {
        let translator =
            Translator::new(services.config.missions.tool_output_limit.0, services.vault.redaction().clone());
        let framers = [
            Framer::new(OutputStream::Stdout, record.stdout_framing, record.stdout_offset),
            Framer::new(OutputStream::Stderr, record.stderr_framing, record.stderr_offset),
        ];
        Self {
            services,
            mission,
            record,
            sandbox: None,
            run: None,
            driver,
            translator,
            framers,
            timers: HashMap::new(),
            done: Vec::new(),
            held: HeldInput::default(),
            last_step: None,
            last_output: Instant::now(),
            exit: None,
            cancelled: None,
            failed: None,
            parked: None,
            kill_at: None,
            place,
            contained: None,
        }
    }

    /// Tells the driver what the person asked. Stored together with the process id, which so says that it was told.
    pub(super) async fn begin(&mut self, pid: u32, prompt: String) -> Result<()> {
        self.record.pid = Some(pid);
        let result = self.driver.step(Timestamp::now(), Input::Prompt(prompt)).await;
        self.translator.push(result.events);
        let mut events = vec![EventBody::RunStarted(RunStarted { run: self.record.id, pid })];
        events.extend(self.translator.take());
        let run = Some(RunChange::Launched { run: self.record.id, pid });
        let change = MissionChange { events, run, plan_actions: result.actions, ..self.progress() };
        self.store(change).await
    }

    /// Takes a piece of output and what follows it within a moment. Returns how many streams came to their end.
    async fn take(&mut self, first: Piece, pieces: &mut Pieces) -> Result<u32> {
        let now = Instant::now();
        let until = self.last_step.map_or(now, |last| last + STEP_INTERVAL);
        let mut batch = Batch::default();
        batch.add(first, &mut self.framers);
        while batch.bytes < PIECE && batch.holds_no_turning_point() {
            let Ok(Some(piece)) = tokio::time::timeout_at(until, pieces.next()).await else { break };
            batch.add(piece, &mut self.framers);
        }
        self.last_output = Instant::now();
        self.last_step = Some(self.last_output);
        let ended = batch.ended;
        for input in batch.inputs() {
            self.step(input).await?;
        }
        for failure in batch.failures {
            self.translator.push(vec![DriverEvent::Problem(failure)]);
        }
        Ok(ended)
    }

    async fn step(&mut self, input: Input) -> Result<()> {
        let result = self.driver.step(Timestamp::now(), input).await;
        self.translator.push(result.events);
        let events = self.translator.take();
        let change = MissionChange { events, plan_actions: result.actions, ..self.progress() };
        self.store(change).await
    }

    /// What is stored with every step: how far the output was read and what the driver knows.
    pub(super) fn progress(&mut self) -> MissionChange {
        let saved = SavedTurn::new(self.driver.saved(), &self.translator);
        let offsets = Offsets { stdout: self.framers[0].delivered(), stderr: self.framers[1].delivered() };
        MissionChange {
            session_state: Some(self.services.vault.seal_state(self.mission.id, &saved.write())),
            run: Some(RunChange::Progress { run: self.record.id, offsets }),
            actions_done: std::mem::take(&mut self.done),
            last_output_at: Some(Timestamp::now()),
            stalled: Some(false),
            ..MissionChange::default()
        }
    }

    async fn store(&mut self, change: MissionChange) -> Result<()> {
        let committed = self.services.append(self.mission.id, change).await?;
        self.mission = committed.mission;
        self.perform(committed.actions).await;
        Ok(())
    }

    /// Does what the driver wants done. Each action is stored before it is done, and repeating one is harmless.
    pub(super) async fn perform(&mut self, actions: Vec<(ActionId, Action)>) {
        for (id, action) in actions {
            let Some(run) = &self.run else {
                self.done.push(id);
                continue;
            };
            match action {
                Action::Write(_) | Action::CloseInput => {
                    match self.held.push(id, action) {
                        // Before the next is put in line: most of the time nothing waits.
                        Ok(()) => self.done.extend(self.held.flush(run).await),
                        Err(dropped) => {
                            self.translator.push(vec![DriverEvent::Problem(dropped)]);
                            self.done.push(id);
                        }
                    }
                    continue;
                }
                Action::Signal(signal) => {
                    if let Err(error) = run.signal(signal).await {
                        tracing::debug!(%error, "a signal of the driver came too late");
                    }
                }
                Action::Wake { id: timer, after_ms } => {
                    let due = Instant::now() + Duration::from_millis(after_ms.into());
                    if let Some((_, replaced)) = self.timers.insert(timer, (due, id)) {
                        self.done.push(replaced);
                    }
                    continue;
                }
            }
            self.done.push(id);
        }
    }

    async fn interrupt(&mut self) -> Result<()> {
        self.step(Input::Interrupt).await?;
        let grace = self.services.config.missions.interrupt_grace.0;
        self.kill_at.get_or_insert(Instant::now() + grace);
        Ok(())
    }

    async fn cancel(&mut self, done: oneshot::Sender<()>) {
        if let Some(earlier) = self.cancelled.replace(done) {
            let _ = earlier.send(());
        }
        self.kill().await;
    }

    async fn fail(&mut self, failure: Failure) {
        self.failed = Some(failure);
        self.kill().await;
    }

    async fn park(&mut self, parked: Parked, why: Failure) -> Result<()> {
        if self.parked.is_some() {
            return Ok(());
        }
        self.parked = Some((parked, why));
        self.interrupt().await
    }

    async fn kill(&mut self) {
        self.kill_at = None;
        if let Some(run) = &self.run
            && let Err(error) = run.kill().await
        {
            tracing::error!(%error, run = %self.record.id, "the processes of the run could not be killed");
        }
    }

    fn next_deadline(&self) -> Instant {
        let stall = (!self.mission.stalled).then(|| self.last_output + self.services.config.missions.stall_after.0);
        let timer = self.timers.values().map(|(due, _)| *due).min();
        // Without any deadline, an hour is as good as never: the loop simply comes round.
        let idle = Instant::now() + Duration::from_secs(3600);
        [stall, timer, self.kill_at, self.held.due()].into_iter().flatten().fold(idle, Instant::min)
    }

    async fn deadline_passed(&mut self) -> Result<()> {
        let now = Instant::now();
        if self.kill_at.is_some_and(|at| at <= now) {
            self.kill().await;
        }
        if self.held.due().is_some_and(|at| at <= now)
            && let Some(run) = &self.run
        {
            self.done.extend(self.held.flush(run).await);
        }
        let due: Vec<u32> = self.timers.iter().filter(|(_, (due, _))| *due <= now).map(|(&id, _)| id).collect();
        for timer in due {
            if let Some((_, action)) = self.timers.remove(&timer) {
                self.done.push(action);
            }
            self.step(Input::Timer(timer)).await?;
        }
        let stall_after = self.services.config.missions.stall_after.0;
        if !self.mission.stalled && self.last_output + stall_after <= now {
            self.store(MissionChange { stalled: Some(true), ..MissionChange::default() }).await?;
        }
        Ok(())
    }

    /// The driver said that the turn is over while its process lives.
    fn is_over(&self) -> bool {
        self.translator.turn_end().is_some() && self.exit.is_none()
    }

    /// Sees the process to its end and tells the driver.
    async fn drain_process(&mut self) -> Result<()> {
        let said_over = self.is_over();
        if said_over && let Some(run) = &self.run {
            let _ = run.close_input(u64::MAX).await;
            let grace = self.services.config.missions.interrupt_grace.0;
            if tokio::time::timeout(grace, run.exit()).await.is_err() {
                self.kill().await;
            }
        }
        if self.exit.is_none() {
            self.exit = Some(match &self.run {
                Some(run) => run.exit().await,
                None => lost("nothing is known of the process"),
            });
        }
        self.contained = self.services.contained.over(self.mission.workspace, &self.record.id.to_string()).await;
        if let Some(end) = &self.contained {
            self.exit = self.exit.take().map(|exit| end.exit(exit));
        }
        if said_over {
            return Ok(());
        }
        let rest: Vec<_> = self.framers.iter_mut().filter_map(Framer::flush).collect();
        if !rest.is_empty() {
            self.step(Input::Frames(rest)).await?;
        }
        let exit = self.exit.clone().unwrap_or_else(|| lost("nothing is known of the process"));
        let result = self.driver.step(Timestamp::now(), Input::Exited(exit.clone())).await;
        self.translator.push(result.events);
        if self.translator.turn_end().is_none() {
            self.translator.push(vec![
                DriverEvent::Problem(super::driver::ended_without_word()),
                DriverEvent::TurnEnd {
                    outcome: TurnOutcome::Failed,
                    reason: "the process ended without finishing the turn".to_owned(),
                },
            ]);
        }
        Ok(())
    }
}

/// Both streams of a run, from these places on.
pub(super) fn readers(services: &Services, run: RunId, [stdout, stderr]: [u64; 2]) -> [(OutputStream, SpoolReader); 2] {
    let reader = |stream, offset| (stream, services.supervisor.reader(run, stream, offset));
    [reader(OutputStream::Stdout, stdout), reader(OutputStream::Stderr, stderr)]
}
