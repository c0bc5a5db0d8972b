//! The end of a turn: its last events, the files it changed, and where the mission stands then.

use sandboxed_model::{
    Blame, Failure,
    ask::AskStatus,
    command::{Exit, ResourceUsage},
    event::{EventBody, RunEnded, TurnEnded},
    harness::TurnOutcome,
    mission::Mission,
    state::MissionState,
};
use sandboxed_store::{AskChange, LiveAsk, MAX_QUEUE, MissionChange, QueueChange, RunChange};
use tokio::sync::oneshot;

use super::{Runner, TurnEnd, recover::run_lost, state, told, turn::Turn};
use crate::{Result, changes, contained::ContainedEnd, missions::queued, sandbox::Sandbox};

impl Turn {
    /// Stores the end of a turn whose process has ended.
    pub(super) async fn settle(mut self) -> Result<TurnEnd> {
        let exit = self.exit.clone().unwrap_or_else(|| Exit::Lost("nothing is known of the process".to_owned()));
        let lost = match &exit {
            Exit::Lost(why) if self.cancelled.is_none() => Some(run_lost(why)),
            _ => None,
        };
        let is_lost = lost.is_some();
        self.translator.close();
        let mut events = self.translator.take();
        let heard = std::mem::take(&mut self.last_words);
        let withdrawn = std::mem::take(&mut self.asks);
        let mut asks = heard.asks;
        for LiveAsk { ask, .. } in withdrawn {
            asks.push(AskChange::Close(ask.id()));
            if ask.status() == AskStatus::Open {
                events.push(told(ask.withdrawn()));
            }
        }
        let counted = self.services.supervisor.usage(self.record.id).await.unwrap_or_else(|error| {
            tracing::warn!(%error, run = %self.record.id, "what the run used is not known");
            None
        });
        let usage = counted.or(self.contained.as_ref().map(ContainedEnd::usage));
        match self.services.counted_usage(&self.mission, self.translator.reported()).await {
            Ok(counted) => events.extend(counted),
            Err(error) => tracing::warn!(%error, "what the turn used of models is not among its events"),
        }
        events.push(EventBody::RunEnded(RunEnded { run: self.record.id, exit: exit.clone(), usage }));
        if let Some(sandbox) = &self.sandbox {
            let baseline = self.services.baseline(&self.mission, self.record.id).await;
            let place = self.services.place_of(&self.mission, sandbox).await;
            events.extend(changes::since(&baseline, sandbox, &place).await);
        }
        let ended = self.failed.take().filter(|_| self.cancelled.is_none());
        let (outcome, reason) = match (&self.cancelled, &ended, self.translator.turn_end()) {
            (Some(_), ..) => (TurnOutcome::Interrupted, "cancelled".to_owned()),
            (None, Some(failure), _) => (TurnOutcome::Failed, failure.to_string()),
            (None, None, Some(end)) => end.clone(),
            (None, None, None) => (TurnOutcome::Failed, "the turn ended without a word".to_owned()),
        };
        let starved = usage.filter(|usage| usage.oom_kills > 0 && outcome == TurnOutcome::Failed);
        let starved = starved.map(|usage| out_of_memory(self.sandbox.as_ref(), usage));
        let has_failed = ended.is_some();
        let parked = self.parked.take().filter(|_| self.cancelled.is_none() && !has_failed);
        let again = match &parked {
            Some(_) => self.services.store.live_state(self.mission.id).await?.last_prompt,
            None => None,
        };
        let (parked, waits) = parked.unzip();
        let stopped = ended.or(waits).or(starved);
        // Whoever hears of the end finds the workspace free.
        self.sandbox = None;
        let reason = match &stopped {
            Some(failure) => {
                events.push(EventBody::Error(failure.clone()));
                failure.to_string()
            }
            None => reason,
        };
        let said = self.translator.problem().filter(|_| outcome == TurnOutcome::Failed).cloned();
        let problem = stopped.or(lost).or(said);
        let (cancelled, waits) = (self.cancelled.is_some(), parked.is_some());
        events.push(EventBody::TurnEnded(TurnEnded { outcome, reason: reason.clone() }));
        let run = Some(RunChange::Ended { run: self.record.id, exit });
        let forget_session = heard.forget_session;
        let change = MissionChange { run, asks, forget_session, ..self.progress() };
        let taken = heard.queue;
        self.services
            .update(self.mission.id, |mission| {
                let to = match () {
                    () if cancelled => MissionState::Cancelled,
                    () if has_failed => MissionState::Failed,
                    () if parked.is_some() => MissionState::Parked,
                    () if is_lost => MissionState::Interrupted,
                    () => after_turn(mission, outcome),
                };
                let mut from = mission.state;
                if !from.may_become(to) {
                    events.push(state(from, MissionState::Running, "the turn is over"));
                    from = MissionState::Running;
                }
                events.push(state(from, to, &reason));
                if to == MissionState::AwaitingUser && mission.queued_messages > 0 {
                    events.push(state(to, MissionState::Queued, "the next message waits"));
                }
                // Where there is no room for it the mission goes on with the next message.
                let again = again.filter(|_| (mission.queued_messages as usize) < MAX_QUEUE);
                let again = again.map(|prompt| QueueChange::AddFirst(queued(prompt)));
                let queue = taken.into_iter().chain(again).collect();
                Ok(MissionChange { events, problem: Some(problem), parked, queue, ..change })
            })
            .await?;
        if waits {
            self.services.models.parked.send_modify(|parked| *parked = parked.wrapping_add(1));
        }
        self.services.models.turn_ends(self.mission.id);
        self.services.contained.forget(self.mission.workspace, &self.record.id.to_string()).await;
        self.services.clear_inbox(&self.mission, self.record.id).await;
        Ok(match self.cancelled.take() {
            Some(done) => TurnEnd::Cancelled(done),
            None => TurnEnd::Settled,
        })
    }
}

impl Runner {
    /// Stores the end of a turn whose process could not be started.
    pub(super) async fn settle_unlaunched(&self, mission: Mission, failure: Failure) -> Result<TurnEnd> {
        let reason = failure.to_string();
        // Of a turn that a former server left.
        let left = self.services.store.asks(mission.id).await?;
        let asks = left.iter().map(|live| AskChange::Close(live.ask.id())).collect();
        self.services
            .update(mission.id, |mission| {
                let open = left.into_iter().filter(|live| live.ask.status() == AskStatus::Open);
                let mut events: Vec<EventBody> = open.map(|live| told(live.ask.withdrawn())).collect();
                events.extend([
                    EventBody::Error(failure.clone()),
                    EventBody::TurnEnded(TurnEnded { outcome: TurnOutcome::Failed, reason: reason.clone() }),
                    state(mission.state, MissionState::Failed, &reason),
                ]);
                Ok(MissionChange { events, asks, problem: Some(Some(failure)), ..MissionChange::default() })
            })
            .await?;
        Ok(TurnEnd::Settled)
    }

    /// Stores the end of a turn that was cancelled before its process was started.
    pub(super) async fn settle_cancelled(&self, mission: Mission, done: oneshot::Sender<()>) -> Result<TurnEnd> {
        self.services
            .update(mission.id, |mission| {
                let reason = "cancelled".to_owned();
                Ok(MissionChange {
                    events: vec![
                        EventBody::TurnEnded(TurnEnded { outcome: TurnOutcome::Interrupted, reason }),
                        state(mission.state, MissionState::Cancelled, "cancelled"),
                    ],
                    ..MissionChange::default()
                })
            })
            .await?;
        Ok(TurnEnd::Cancelled(done))
    }
}

/// The end of a turn of which the kernel killed processes because memory was used up.
fn out_of_memory(sandbox: Option<&Sandbox>, usage: ResourceUsage) -> Failure {
    let limit = sandbox.and_then(Sandbox::memory_limit).map(|bytes| format!("; the limit is {} MiB", bytes >> 20));
    let processes = match usage.oom_kills {
        1 => "a process was".to_owned(),
        number => format!("{number} processes were"),
    };
    let message = format!("{processes} killed because memory was used up{}", limit.unwrap_or_default());
    Failure::new(Blame::Unavailable, "run.out_of_memory", message)
        .with_hint("make the workspace with more memory (--memory), or let the work use less")
}

/// Where a mission stands after a turn that was seen to its end.
fn after_turn(mission: &Mission, outcome: TurnOutcome) -> MissionState {
    match outcome {
        TurnOutcome::Completed if mission.one_shot => MissionState::Done,
        TurnOutcome::Failed | TurnOutcome::Interrupted if mission.one_shot => MissionState::Failed,
        _ => MissionState::AwaitingUser,
    }
}
