//! Taking up a turn that a former server left, and giving one up.

use std::sync::Arc;

use sandboxed_exec::{Attached, Run};
use sandboxed_model::{Blame, Failure, RunId, command::Exit, mission::Mission};
use sandboxed_store::{MissionChange, RunChange};

use super::{
    Runner, TurnEnd,
    driver::Driver,
    journal::Beginning,
    launch::lost,
    saved::SavedTurn,
    turn::{Turn, readers},
};
use crate::{Result, admission::Place, services::Services};

impl Runner {
    /// Takes up a turn that a former server left.
    pub(super) async fn take_up_turn(&mut self, mission: Mission, place: Place) -> Result<Option<TurnEnd>> {
        let state = self.services.store.live_state(mission.id).await?;
        let prompt = state.last_prompt.unwrap_or_default();
        let Some(record) = state.live_run else {
            return Ok(Some(self.work(mission, RunId::new(), prompt, place).await?));
        };
        let harness = match self.services.plugins.harness(&mission.harness) {
            Ok(harness) => harness,
            Err(failure) => {
                self.services.abandon(&mission, record.id).await?;
                return Ok(Some(self.settle_unlaunched(mission, failure).await?));
            }
        };
        let start = self.services.vault.open_state(mission.id, state.live_start);
        let Some(Beginning { start, .. }) = start.and_then(|bytes| serde_json::from_slice(&bytes).ok()) else {
            self.services.abandon(&mission, record.id).await?;
            return Ok(Some(self.settle_unlaunched(mission, run_lost("what it began with cannot be read")).await?));
        };
        let about = harness.describe().await;
        let saved = SavedTurn::read(self.services.vault.open_state(mission.id, state.session_state));
        let mut turn =
            Turn::new(Arc::clone(&self.services), mission, record, Driver::new(harness, start, saved.driver()), place);
        let steerable = about.is_ok_and(|about| about.steer);
        turn.restore(saved, steerable).await?;
        match self.services.supervisor.attach(turn.record.id).await.map_err(|error| error.failure())? {
            Attached::Live(run) => turn.run = Some(run),
            Attached::Ended(exit) => turn.exit = Some(exit),
            Attached::Lost { reason } => turn.exit = Some(Exit::Lost(reason)),
            Attached::Missing => {
                // The server died between storing the run and starting it: nothing ran.
                turn.services.note_end(&turn.mission, turn.record.id, lost("it was never started")).await?;
                turn.services.contained.abandon(turn.mission.workspace, turn.record.id.to_string());
                turn.services.clear_inbox(&turn.mission, turn.record.id).await;
                let Turn { mission, place, .. } = turn;
                return Ok(Some(self.work(mission, RunId::new(), prompt, place).await?));
            }
        }
        tracing::info!(run = %turn.record.id, alive = turn.run.is_some(), "taking up a turn after a restart");
        let workspace = self.services.workspace(turn.mission.workspace).await?;
        turn.sandbox = self.services.sandbox(&workspace, Some(turn.mission.id)).await.ok();
        let offsets = [turn.record.stdout_offset, turn.record.stderr_offset];
        let readers = readers(&self.services, turn.record.id, offsets);
        if turn.record.pid.is_none() {
            let pid = turn.run.as_ref().map_or(0, Run::pid);
            turn.begin(pid).await?;
        } else {
            turn.perform(state.pending_actions).await;
            turn.tell_decisions().await?;
            turn.look().await?;
        }
        Ok(Some(self.follow(turn, readers).await?))
    }
}

impl Services {
    /// Kills whatever there is of a run and stores its end.
    pub(super) async fn abandon(&self, mission: &Mission, run: RunId) -> Result<()> {
        if let Ok(Attached::Live(run)) = self.supervisor.attach(run).await {
            if let Err(error) = run.kill().await {
                tracing::error!(%error, run = %run.id(), "the processes of the run could not be killed");
            }
            run.exit().await;
        }
        self.contained.over(mission.workspace, &run.to_string()).await;
        self.contained.forget(mission.workspace, &run.to_string()).await;
        let known = self.store.live_state(mission.id).await?.live_run.is_some_and(|live| live.id == run);
        if known { self.note_end(mission, run, lost("it was given up")).await } else { Ok(()) }
    }

    /// Stores the end of a run without any event.
    pub(super) async fn note_end(&self, mission: &Mission, run: RunId, exit: Exit) -> Result<()> {
        let change = MissionChange { run: Some(RunChange::Ended { run, exit }), ..MissionChange::default() };
        self.append(mission.id, change).await?;
        Ok(())
    }
}

/// The failure of a mission whose run was lost.
pub(super) fn run_lost(why: &str) -> Failure {
    Failure::new(Blame::Unavailable, "run.lost", format!("the run was lost: {why}"))
        .with_hint("resume the mission to send its last message again")
}
