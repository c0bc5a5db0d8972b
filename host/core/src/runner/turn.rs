//! One turn: what its process prints goes to the driver, what the driver says goes to the store, and what it wants
//! done is done.

use std::{
    collections::{HashMap, btree_map::Entry},
    sync::Arc,
    time::Duration,
};

use sandboxed_exec::{Run, SpoolReader};
use sandboxed_model::{
    Blame, Failure, RunId, Timestamp,
    ask::AskStatus,
    attachment::Prompt,
    command::{Exit, OutputStream},
    config::Span,
    event::{EventBody, RunStarted},
    harness::{Action, DriverEvent, Input, StepResult, TurnOutcome},
    mission::{Mission, Parked},
};
use sandboxed_store::{ActionId, AskChange, LiveAsk, MissionChange, Offsets, RunChange, RunRecord, ToldInputs};
use tokio::{sync::oneshot, time::Instant};

use super::{
    Control, Runner, TurnEnd,
    batch::Batch,
    belongings::Belongings,
    driver::Driver,
    framing::Framer,
    hear::{Heard, Steering, decided, told},
    held::HeldInput,
    journal::Told,
    launch::{Launched, lost},
    saved::SavedTurn,
    spool::{PIECE, Piece, Pieces},
    translate::Translator,
};
use crate::{Error, Result, admission::Place, contained::ContainedEnd, sandbox::Sandbox, services::Services};

/// The least time between two steps while output comes in small pieces: events are told thirty times a second, and
/// a chatty process costs thirty transactions a second and not one a line.
const STEP_INTERVAL: Duration = Duration::from_millis(33);

/// How long a process whose turn is taken up has at least until it has to have printed something.
const TAKE_UP: Duration = Duration::from_secs(10);

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
    /// What the driver was told and is not kept yet.
    told: Vec<Vec<u8>>,
    held: HeldInput,
    belongings: Belongings,
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
    /// What the agent asked and was not told.
    pub(super) asks: Vec<LiveAsk>,
    /// What the agent was told in the middle of the turn and has not confirmed.
    pub(super) steering: Steering,
    /// The agent can be told something in the middle of a turn.
    steerable: bool,
    /// What followed from what the driver said at the very end.
    pub(super) last_words: Heard,
    /// When the process has to have printed something, or it hangs.
    pub(super) speaks_by: Option<Instant>,
    /// When the turn has taken too long.
    ends_by: Instant,
    /// How it ended in its container, if it ran in one.
    pub(super) contained: Option<ContainedEnd>,
}

impl Runner {
    /// Launches a turn that was just begun and sees it to its end.
    pub(super) async fn work(&mut self, mission: Mission, run: RunId, prompt: Prompt, place: Place) -> Result<TurnEnd> {
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
                self.services.clear_local_inbox(&mission, run).await;
                return self.settle_cancelled(mission, done).await;
            }
        };
        let Launched { sandbox, run, record, start, saved } = match launched {
            Ok(launched) => launched,
            Err(error) => {
                self.services.contained.abandon(mission.workspace, id.to_string());
                self.services.clear_local_inbox(&mission, id).await;
                return self.settle_unlaunched(mission, error.failure()).await;
            }
        };
        let steerable = harness.describe().await.is_ok_and(|about| about.steer);
        let readers = readers(&self.services, run.id(), [0, 0]);
        let pid = run.pid();
        let mut turn =
            Turn::new(Arc::clone(&self.services), mission, record, Driver::new(harness, start, saved), place);
        turn.sandbox = Some(sandbox);
        turn.run = Some(run);
        turn.steerable = steerable;
        turn.begin(pid).await?;
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
                    Some(Control::Wake) => turn.look().await?,
                    None => {}
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
        services.models.turn_begins(mission.id);
        let translator =
            Translator::new(services.config.missions.tool_output_limit.0, services.vault.redaction().clone());
        let framers = [
            Framer::new(OutputStream::Stdout, record.stdout_framing, record.stdout_offset),
            Framer::new(OutputStream::Stderr, record.stderr_framing, record.stderr_offset),
        ];
        let belongings = Belongings::of(&services.paths, driver.start());
        let from_now = |at: Timestamp| Instant::now() + until(at);
        // One that is taken up may have said something before.
        let is_silent = record.stdout_offset == 0 && record.stderr_offset == 0;
        let speaks_by = record.speaks_by.filter(|_| is_silent).map(from_now);
        let ends_by = from_now(record.started_at.after(services.config.missions.turn_within.0));
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
            told: Vec::new(),
            held: HeldInput::default(),
            belongings,
            last_step: None,
            last_output: Instant::now(),
            exit: None,
            cancelled: None,
            failed: None,
            parked: None,
            kill_at: None,
            place,
            asks: Vec::new(),
            steering: Steering::new(),
            steerable: false,
            last_words: Heard::default(),
            speaks_by,
            ends_by,
            contained: None,
        }
    }

    /// Tells the driver that the turn begins. Stored together with the process id, which so says that it was told.
    pub(super) async fn begin(&mut self, pid: u32) -> Result<()> {
        self.record.pid = Some(pid);
        self.translator.tell(EventBody::RunStarted(RunStarted { run: self.record.id, pid }));
        let mut change = self.stepped(Input::Prompt).await?;
        change.run = Some(RunChange::Launched { run: self.record.id, pid });
        self.store(change).await?;
        self.tell_decisions().await?;
        // What came for it while its process was being started.
        self.look().await
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
        if batch.bytes > 0 {
            self.speaks_by = None;
        }
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
        let change = self.stepped(input).await?;
        self.store(change).await?;
        self.tell_decisions().await
    }

    /// Tells the driver something; what follows from it is to be stored.
    async fn stepped(&mut self, input: Input) -> Result<MissionChange> {
        let result = self.tell_driver(input).await;
        let heard = self.hear(result.events).await?;
        let mut events = self.translator.take();
        events.extend(self.waits());
        let (asks, queue, forget_session) = (heard.asks, heard.queue, heard.forget_session);
        Ok(MissionChange { events, asks, queue, forget_session, plan_actions: result.actions, ..self.progress() })
    }

    async fn tell_driver(&mut self, input: Input) -> StepResult {
        let now = Timestamp::now();
        let told = Told::of(now, &input).write();
        self.told.push(self.services.vault.seal_state(self.mission.id, &told));
        self.driver.step(now, input).await
    }

    /// Tells the driver what was decided meanwhile, one thing after the other.
    pub(super) async fn tell_decisions(&mut self) -> Result<()> {
        while let Some(at) = self.asks.iter().position(|live| live.ask.status() != AskStatus::Open) {
            let live = self.asks.remove(at);
            let closed = AskChange::Close(live.ask.id());
            let mut change = self.stepped(decided(live)).await?;
            change.asks.insert(0, closed);
            self.store(change).await?;
        }
        Ok(())
    }

    /// Looks for what people decided and said since.
    pub(super) async fn look(&mut self) -> Result<()> {
        if !self.asks.is_empty() {
            self.asks = self.services.store.asks(self.mission.id).await?;
            self.tell_decisions().await?;
        }
        if !self.steerable || self.is_over() {
            return Ok(());
        }
        let queue = self.services.store.queue(self.mission.id).await?;
        for message in queue.into_iter().filter(|message| message.steer) {
            let told = self.steering.entry(message.id);
            if let Entry::Vacant(vacant) = told {
                vacant.insert(message.text.clone());
                self.step(Input::Steer { id: message.id.to_string(), text: message.text }).await?;
            }
        }
        Ok(())
    }

    /// Takes up what a former server knew of what was asked and said.
    pub(super) async fn restore(&mut self, saved: SavedTurn, steerable: bool) -> Result<()> {
        self.asks = self.services.store.asks(self.mission.id).await?;
        if !saved.steering.is_empty() {
            let queue = self.services.store.queue(self.mission.id).await?;
            let told = queue.into_iter().filter(|message| saved.steering.contains(&message.id));
            self.steering = told.map(|message| (message.id, message.text)).collect();
        }
        self.steerable = steerable;
        // What it printed before may not have been read.
        let patience = Instant::now() + TAKE_UP;
        self.speaks_by = self.speaks_by.map(|at| at.max(patience));
        self.translator.restore(saved);
        Ok(())
    }

    /// What nobody decided in time counts as denied.
    async fn expire(&mut self) -> Result<()> {
        let now = Timestamp::now();
        let late =
            |live: &&LiveAsk| live.ask.status() == AskStatus::Open && live.ask.expires_at().is_some_and(|at| at <= now);
        let expired: Vec<_> = self.asks.iter().filter(late).map(|live| live.ask.clone().expired()).collect();
        for ask in expired {
            let asks = vec![AskChange::Decide(ask.clone())];
            let change = MissionChange { asks, events: vec![told(ask)], ..MissionChange::default() };
            match self.services.append(self.mission.id, change).await {
                // Somebody answered in this very moment.
                Ok(_) | Err(Error::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        self.look().await
    }

    /// What is stored with every step: how far the output was read and what the driver knows.
    pub(super) fn progress(&mut self) -> MissionChange {
        let saved = SavedTurn::new(self.driver.saved(), &self.translator, &self.steering);
        let offsets = Offsets { stdout: self.framers[0].delivered(), stderr: self.framers[1].delivered() };
        MissionChange {
            session_state: Some(self.services.vault.seal_state(self.mission.id, &saved.write())),
            run: Some(RunChange::Progress { run: self.record.id, offsets }),
            actions_done: std::mem::take(&mut self.done),
            inputs: ToldInputs { run: Some(self.record.id), told: std::mem::take(&mut self.told) },
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
                Action::Write(_) | Action::WriteAttachment(_) | Action::CloseInput => {
                    match self.held.push(id, action) {
                        // Before the next is put in line: most of the time nothing waits.
                        Ok(()) => self.write_on().await,
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

    /// Writes what the process takes now.
    async fn write_on(&mut self) {
        let Some(run) = &self.run else { return };
        let flushed = self.held.flush(run, &self.belongings).await;
        self.done.extend(flushed.done);
        self.translator.push(flushed.failures.into_iter().map(DriverEvent::Problem).collect());
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
        let now = Instant::now();
        let waits = self.asks.iter().filter_map(|live| live.ask.expires_at()).min().map(|at| now + until(at));
        // An agent that waits for a person is silent, and does not stall.
        let may_stall = !self.mission.stalled && self.asks.is_empty();
        let stall = may_stall.then(|| self.last_output + self.services.config.missions.stall_after.0);
        let ends = self.failed.is_none().then_some(self.ends_by);
        let timer = self.timers.values().map(|(due, _)| *due).min();
        // Without any deadline, an hour is as good as never: the loop simply comes round.
        let idle = now + Duration::from_secs(3600);
        let all = [stall, timer, self.kill_at, self.held.due(), waits, self.speaks_by, ends];
        all.into_iter().flatten().fold(idle, Instant::min)
    }

    async fn deadline_passed(&mut self) -> Result<()> {
        let now = Instant::now();
        if self.kill_at.is_some_and(|at| at <= now) {
            self.kill().await;
        }
        if self.speaks_by.is_some_and(|at| at <= now) {
            self.speaks_by = None;
            self.fail(silent()).await;
        }
        if self.ends_by <= now && self.failed.is_none() {
            self.fail(too_long(self.services.config.missions.turn_within)).await;
        }
        self.expire().await?;
        if self.held.due().is_some_and(|at| at <= now) {
            self.write_on().await;
        }
        let due: Vec<u32> = self.timers.iter().filter(|(_, (due, _))| *due <= now).map(|(&id, _)| id).collect();
        for timer in due {
            if let Some((_, action)) = self.timers.remove(&timer) {
                self.done.push(action);
            }
            self.step(Input::Timer(timer)).await?;
        }
        let stall_after = self.services.config.missions.stall_after.0;
        if !self.mission.stalled && self.asks.is_empty() && self.last_output + stall_after <= now {
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
        let result = self.tell_driver(Input::Exited(exit)).await;
        self.last_words = self.hear(result.events).await?;
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

/// The failure of an agent that hangs before it says anything.
fn silent() -> Failure {
    Failure::new(Blame::Unavailable, "agent.silent", "the agent's program was started and said nothing: it hangs")
        .with_hint("send the message again; `sandboxed-sh harness show NAME` says how it is installed")
}

/// The failure of a turn that does not end.
fn too_long(limit: Span) -> Failure {
    let message = format!("the turn took longer than {} seconds", limit.0.as_secs());
    Failure::new(Blame::Deadline, "agent.too_long", message)
        .with_hint("raise missions.turn_within, or give the agent smaller tasks")
}

/// How long it is until then; nothing where it has passed.
fn until(at: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(at.as_millis() - Timestamp::now().as_millis()).unwrap_or(0))
}

/// Both streams of a run, from these places on.
pub(super) fn readers(services: &Services, run: RunId, [stdout, stderr]: [u64; 2]) -> [(OutputStream, SpoolReader); 2] {
    let reader = |stream, offset| (stream, services.supervisor.reader(run, stream, offset));
    [reader(OutputStream::Stdout, stdout), reader(OutputStream::Stderr, stderr)]
}
