//! One build, from its first step to its end. What is stored says how it stands, so it can be taken up by another server.

use std::{sync::Arc, time::Duration};

use sandboxed_exec::{Attached, Run, RunSpec, StdinMode};
use sandboxed_model::{
    Blame, Failure, RunId, Timestamp,
    backend::WorkspacePhase,
    build::{Build, BuildState, StepState},
    command::{Command, Exit},
    recipe::InitStep,
    workspace::Workspace,
};
use tokio_util::sync::CancellationToken;

use super::plan::{PlannedStep, Work};
use crate::{
    Error, Result,
    roots::Turn,
    sandbox::{Sandbox, Speaker},
    services::Services,
};

/// How long to wait before what the store refused is tried again: the disk may have room by then.
const RETRY: Duration = Duration::from_secs(2);

/// A build under way.
pub(super) struct Execution {
    pub(super) services: Arc<Services>,
    pub(super) workspace: Workspace,
    pub(super) build: Build,
    pub(super) plan: Vec<PlannedStep>,
    /// Whether the workspace was made, and entered, a moment ago.
    pub(super) entered: bool,
    /// The right to make the workspace's system, if it makes it already.
    pub(super) turn: Option<Turn>,
    pub(super) cancel: CancellationToken,
}

/// Why a build does not go on.
pub(super) enum Halt {
    /// The server stops; the build goes on with the next one.
    Left,
    /// It has ended so, for this reason.
    Ended(BuildState, StepState, Failure),
    /// It was forgotten with its workspace.
    Gone,
}

/// How a run came to its end.
enum End {
    Exited(Exit),
    Cancelled,
    TimedOut,
    Left,
}

impl Execution {
    /// Does the steps that are not done, and stores the end.
    pub(super) async fn run(mut self) {
        match self.go().await {
            Ok(()) => self.end(BuildState::Done, None).await,
            Err(Halt::Ended(state, step, failure)) => {
                if self.wanted_system().is_some() {
                    self.services.give_up_system(self.build.id).await;
                }
                self.stop_steps(step);
                self.end(state, Some(failure)).await;
            }
            Err(Halt::Left | Halt::Gone) => {}
        }
    }

    async fn go(&mut self) -> Result<(), Halt> {
        let services = Arc::clone(&self.services);
        let system = self.wanted_system();
        // Before the place: who waits for another build must not keep that one from going on.
        let turn = match &system {
            Some(system) => self.find_or_wait(system).await?,
            None => None,
        };
        let place = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Err(cancelled()),
            () = services.stopped() => return Err(Halt::Left),
            place = services.builds.place() => place,
        };
        if self.build.state == BuildState::Queued {
            self.build.state = BuildState::Running;
            self.store().await?;
        }
        let own = self.plan.iter().take_while(|step| step.comes_first()).count();
        let begun = self.build.steps[own..].iter().any(|step| step.state != StepState::Queued);
        if turn.is_some() {
            self.step(0).await?;
        }
        drop(turn);
        for number in 0..own {
            self.do_step(number).await?;
        }
        let anew = !self.build.in_place && !begun;
        if !self.entered && !self.build.steps[own..].iter().any(|step| step.run.is_some()) {
            self.make_workspace(anew).await?;
        } else if anew {
            self.begin_with_what_is_kept().await?;
        }
        // Time that was spent since the workspace was last as somebody else may have it as well.
        let mut spent = Duration::ZERO;
        for number in own..self.plan.len() {
            if self.do_step(number).await? {
                let step = &self.build.steps[number];
                spent += took(step.started_at, step.ended_at);
                self.keep(number, &mut spent).await;
            }
        }
        drop(place);
        Ok(())
    }

    /// Makes the workspace, and has a first process enter it.
    async fn make_workspace(&mut self, anew: bool) -> Result<(), Halt> {
        let services = Arc::clone(&self.services);
        let id = self.workspace.id;
        let prepared = async {
            services.make_directories(&self.workspace).await?;
            if anew {
                // One that is there holds the directories as they were.
                let leader = services.store.workspace_leader(id).await?;
                services.end_leader(id, leader).await?;
            }
            Ok(())
        };
        prepared.await.map_err(|error: Error| failed(error.failure()))?;
        if anew {
            self.begin_with_what_is_kept().await?;
        }
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(cancelled()),
            made = services.make_workspace(&self.workspace) => made.map_err(|error| failed(error.failure())),
        }
    }

    /// Does a step, unless it is done. True: it was done now.
    async fn do_step(&mut self, number: usize) -> Result<bool, Halt> {
        if self.cancel.is_cancelled() {
            return Err(cancelled());
        }
        if *self.services.stop.borrow() {
            return Err(Halt::Left);
        }
        if self.build.steps[number].state.is_made() {
            return Ok(false);
        }
        self.step(number).await?;
        Ok(true)
    }

    /// Does one step, or sees one to its end that a former server began.
    async fn step(&mut self, number: usize) -> Result<(), Halt> {
        let (run, sandbox) = match self.build.steps[number].run {
            Some(run) => self.take_up(number, run).await?,
            None => self.begin(number).await?,
        };
        let end = match &run {
            Ok(run) => self.follow(number, run).await,
            Err(exit) => End::Exited(exit.clone()),
        };
        drop(sandbox);
        let id = self.build.steps[number].run;
        let printed = match id {
            Some(id) => self.services.supervisor.printed(id).await.ok().flatten(),
            None => None,
        };
        let (state, halt) = match &end {
            End::Left => return Err(Halt::Left),
            End::Cancelled => (StepState::Cancelled, Some(cancelled())),
            End::TimedOut => (StepState::TimedOut, Some(self.timed_out(number))),
            End::Exited(Exit::Code(0)) => match self.keep_made(number).await {
                Ok(()) => (StepState::Done, None),
                Err(halt) => (StepState::Failed, Some(halt)),
            },
            End::Exited(exit) => (StepState::Failed, Some(self.step_failed(number, exit).await)),
        };
        let step = &mut self.build.steps[number];
        step.state = state;
        step.ended_at = Some(Timestamp::now());
        step.output_bytes = printed;
        step.exit = match end {
            End::Exited(exit) => Some(exit),
            End::Cancelled | End::TimedOut | End::Left => None,
        };
        match halt {
            // The end of the build is stored together with this.
            Some(halt) => Err(halt),
            None => self.store().await,
        }
    }

    /// Starts a step's run, which is stored first, so that no process can exist of which the store knows nothing.
    async fn begin(&mut self, number: usize) -> Result<(Result<Run, Exit>, Option<Sandbox>), Halt> {
        let id = RunId::new();
        let step = &mut self.build.steps[number];
        step.state = StepState::Running;
        step.waits_for = None;
        step.started_at = Some(Timestamp::now());
        step.run = Some(id);
        self.store().await?;
        let started = match &self.plan[number].work {
            Work::System(_) => {
                self.services.start_system(id, self.build.id, &self.workspace).await.map(|run| (run, None))
            }
            Work::Script(step) => self.start_script(id, step).await.map(|(run, sandbox)| (run, Some(sandbox))),
            Work::Image(missing) => self.services.start_image(id, missing).await.map(|run| (run, None)),
        };
        let (run, sandbox) = started.map_err(|error| failed(error.failure()))?;
        // Who waits for its log finds it now.
        self.services.builds.tell();
        Ok((Ok(run), sandbox))
    }

    async fn start_script(&self, id: RunId, step: &InitStep) -> Result<(Run, Sandbox)> {
        let sandbox = self.services.sandbox(&self.workspace, None).await?.with_secrets_only(&step.secrets);
        let command = Command {
            program: "sh".to_owned(),
            // One log, in the order of printing.
            args: vec!["-e".to_owned(), "-c".to_owned(), format!("exec 2>&1; {}", step.script), "init".to_owned()],
            cwd: Some(sandbox.observed().tree.clone()),
            ..Command::default()
        };
        let process = sandbox.process(command, Speaker::SERVER, &id.to_string()).await?;
        let spec = RunSpec {
            id,
            program: process.program,
            args: process.args,
            env: process.env,
            cwd: process.cwd,
            tty: None,
            stdin: StdinMode::Null,
            guard: process.guard,
        };
        let run = self.services.supervisor.start(spec).await.map_err(|error| error.failure())?;
        Ok((run, sandbox))
    }

    /// Finds the run of a step that a former server began.
    async fn take_up(&self, number: usize, run: RunId) -> Result<(Result<Run, Exit>, Option<Sandbox>), Halt> {
        let attached = self.services.supervisor.attach(run).await.map_err(|error| failed(error.failure()))?;
        let reason = match attached {
            Attached::Live(run) => {
                let sandbox = match &self.plan[number].work {
                    Work::System(_) => None,
                    Work::Script(_) => self.services.sandbox(&self.workspace, None).await.ok(),
                    Work::Image(_) => None,
                };
                return Ok((Ok(run), sandbox));
            }
            Attached::Ended(exit) => return Ok((Err(exit), None)),
            Attached::Lost { reason } => reason,
            Attached::Missing => "it was not started".to_owned(),
        };
        let message = format!("the server was lost while step {} was under way: {reason}", self.name(number));
        Err(failed(Failure::new(Blame::Host, "build.interrupted", message).with_hint(self.again())))
    }

    /// What has to be done with the result of a step besides leaving it where it is.
    async fn keep_made(&mut self, number: usize) -> Result<(), Halt> {
        match &self.plan[number].work {
            Work::Script(_) | Work::Image(_) => Ok(()),
            Work::System(system) => {
                let system = system.clone();
                self.keep_system(&system).await
            }
        }
    }

    async fn follow(&self, number: usize, run: &Run) -> End {
        let step = &self.build.steps[number];
        let spent = took(step.started_at, Some(Timestamp::now()));
        let left = self.plan[number].timeout.saturating_sub(spent);
        let end = tokio::select! {
            biased;
            exit = run.exit() => return End::Exited(exit),
            () = self.services.stopped() => return End::Left,
            () = self.cancel.cancelled() => End::Cancelled,
            () = tokio::time::sleep(left) => End::TimedOut,
        };
        if let Err(error) = run.kill().await {
            tracing::error!(%error, run = %run.id(), "the processes of a step could not be killed");
        }
        run.exit().await;
        end
    }

    /// `2 of 3 (install)`
    fn name(&self, number: usize) -> String {
        format!("{} of {} ({})", number + 1, self.plan.len(), self.plan[number].title)
    }

    fn again(&self) -> String {
        format!("`sandboxed-sh workspaces build {}` goes on after the last step that was done", self.workspace.name)
    }

    pub(super) fn log(&self) -> String {
        format!("`sandboxed-sh workspaces log {}` shows what it printed", self.workspace.name)
    }

    fn timed_out(&self, number: usize) -> Halt {
        let limit = self.plan[number].timeout.as_secs();
        let message = format!("step {} did not end within its {limit} s and was killed", self.name(number));
        let failure = Failure::new(Blame::Deadline, "build.step_timed_out", message);
        let hint = match self.plan[number].work {
            Work::System(_) => format!("{}; workspaces.system_timeout gives it more time", self.log()),
            Work::Script(_) => {
                format!("{}; timeout_secs of the step or workspaces.step_timeout gives it more time", self.log())
            }
            Work::Image(_) => self.log(),
        };
        Halt::Ended(BuildState::Failed, StepState::TimedOut, failure.with_hint(hint))
    }

    async fn step_failed(&self, number: usize, exit: &Exit) -> Halt {
        let run = self.build.steps[number].run;
        let usage = match run {
            Some(run) => self.services.supervisor.usage(run).await.ok().flatten(),
            None => None,
        };
        let how = match exit {
            _ if usage.is_some_and(|usage| usage.oom_kills > 0) => "was killed because memory was used up".to_owned(),
            Exit::Code(code) => format!("ended with status {code}"),
            Exit::Signal(signal) => format!("was ended by signal {signal}"),
            Exit::Lost(reason) => {
                let message = format!("step {} was lost: {reason}", self.name(number));
                return failed(Failure::new(Blame::Host, "build.interrupted", message).with_hint(self.again()));
            }
        };
        if let Work::System(system) = &self.plan[number].work {
            return failed(self.system_failed(system, run, exit).await);
        }
        let message = format!("step {} {how}", self.name(number));
        failed(Failure::new(Blame::Config, "build.step_failed", message).with_hint(self.log()))
    }

    /// A step that is under way ends with the build, and those after it never begin.
    fn stop_steps(&mut self, under_way: StepState) {
        for step in self.build.steps.iter_mut().filter(|step| !step.state.has_ended()) {
            step.state = match step.state {
                StepState::Running => under_way,
                _ if under_way == StepState::Cancelled => StepState::Cancelled,
                other => other,
            };
            step.waits_for = None;
            if step.state.has_ended() {
                step.ended_at = Some(Timestamp::now());
            }
        }
    }

    /// Stores how the build stands, as soon as the store takes it.
    pub(super) async fn store(&self) -> Result<(), Halt> {
        loop {
            match self.services.store.update_build(self.build.clone()).await {
                Ok(()) => {
                    self.services.builds.tell();
                    return Ok(());
                }
                Err(error) => self.wait_for_store(error.into()).await?,
            }
        }
    }

    async fn end(&mut self, state: BuildState, mut problem: Option<Failure>) {
        if let Some(problem) = &mut problem {
            self.services.vault.clean_failure(problem);
        }
        self.build.state = state;
        self.build.ended_at = Some(Timestamp::now());
        self.build.problem.clone_from(&problem);
        let phase = if problem.is_none() { WorkspacePhase::Ready } else { WorkspacePhase::Failed };
        loop {
            let Err(error) = self.services.store.end_build(self.build.clone(), phase, problem.clone()).await else {
                return;
            };
            if self.wait_for_store(error.into()).await.is_err() {
                // What is stored still says what is to be done.
                return;
            }
        }
    }

    async fn wait_for_store(&self, error: Error) -> Result<(), Halt> {
        if matches!(error, Error::NotFound { .. }) {
            return Err(Halt::Gone);
        }
        tracing::error!(%error, build = %self.build.id, "the build cannot go on for now");
        tokio::select! {
            () = self.services.stopped() => Err(Halt::Left),
            () = tokio::time::sleep(RETRY) => Ok(()),
        }
    }
}

pub(super) fn failed(failure: Failure) -> Halt {
    Halt::Ended(BuildState::Failed, StepState::Failed, failure)
}

pub(super) fn cancelled() -> Halt {
    let failure = Failure::new(Blame::Config, "build.cancelled", "the build was cancelled");
    Halt::Ended(BuildState::Cancelled, StepState::Cancelled, failure)
}

fn took(from: Option<Timestamp>, to: Option<Timestamp>) -> Duration {
    let millis = from.zip(to).map_or(0, |(from, to)| to.as_millis().saturating_sub(from.as_millis()));
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}
