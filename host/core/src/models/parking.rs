//! Missions that are parked go on by themselves: first one, to see whether its models answer again, and the others one after
//! another when they do.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use sandboxed_model::{
    Failure, MissionId, Timestamp,
    mission::{Mission, Parked, ParkedReason},
    state::MissionState,
};
use sandboxed_store::MissionChange;
use tokio::time::Instant;

use crate::{Error, Result, runner::state, services::Services};

/// How long the first that goes on after a usage limit is waited for, until another may try.
const PROBE: Duration = Duration::from_secs(30);
/// The least and the most between two that go on.
const APART: std::ops::Range<u64> = 100..1000;
/// How often it is looked at least, whatever was told.
const ROUND: Duration = Duration::from_secs(60);

impl Services {
    /// Parks the mission on whose behalf models were asked, in the background: whoever asks is to be told at once.
    pub(super) fn park_asking(self: &Arc<Self>, mission: MissionId, parked: Parked, why: Failure) {
        let services = Arc::clone(self);
        tokio::spawn(async move {
            tracing::info!(%mission, reason = ?parked.reason, until = ?parked.until, "a mission is parked");
            services.park(mission, parked, why).await;
        });
    }

    /// Lets missions go on that wait for money, because a budget was changed.
    pub(super) async fn budgets_changed(self: &Arc<Self>) -> Result<()> {
        for mission in self.store.parked_missions().await? {
            if mission.parked.as_ref().is_some_and(|parked| parked.reason == ParkedReason::Budget) {
                self.go_on(&mission, "a budget was changed").await?;
            }
        }
        Ok(())
    }

    async fn go_on(self: &Arc<Self>, mission: &Mission, cause: &str) -> Result<()> {
        let changed = self
            .update(mission.id, |mission| {
                if mission.state != MissionState::Parked {
                    return Err(Error::Conflict {
                        code: "mission.not_parked",
                        message: format!("the mission is {} by now", mission.state),
                    });
                }
                Ok(MissionChange {
                    events: vec![state(MissionState::Parked, MissionState::Queued, cause)],
                    problem: Some(None),
                    ..MissionChange::default()
                })
            })
            .await;
        match changed {
            Ok(_) => self.wake(mission.id),
            // A person was faster.
            Err(Error::Conflict { .. } | Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Lets one mission go on whose time has come, and tells when to look again.
    async fn let_one_go_on(self: &Arc<Self>, probe: &mut Option<(Instant, u64)>) -> Result<Duration> {
        let now = Timestamp::now();
        let proofs = *self.models.proofs.borrow();
        // Somebody was answered since, or was never heard of again.
        if probe.is_some_and(|(since, proven)| proven != proofs || since.elapsed() >= PROBE) {
            *probe = None;
        }
        let mut next = ROUND;
        for mission in self.store.parked_missions().await? {
            let Some(Parked { reason, until: Some(until) }) = mission.parked else { continue };
            if until > now {
                let left = until.as_millis().saturating_sub(now.as_millis()).unsigned_abs();
                return Ok(next.min(Duration::from_millis(left)));
            }
            if reason == ParkedReason::UsageLimit {
                if let Some((since, _)) = probe {
                    next = next.min(PROBE.saturating_sub(since.elapsed()));
                    continue;
                }
                // Until the first answer after a limit nobody knows whether it is over.
                if self.models.is_unproven() {
                    *probe = Some((Instant::now(), proofs));
                }
            }
            self.go_on(&mission, "the time until which it was parked has come").await?;
            return Ok(Duration::from_millis(rand::random_range(APART)));
        }
        Ok(next)
    }
}

/// Lets parked missions go on, as long as the server lives.
pub(crate) async fn wake_parked(services: Weak<Services>) {
    let mut probe = None;
    let Some((mut proofs, mut parked)) =
        services.upgrade().map(|services| (services.models.proofs.subscribe(), services.models.parked.subscribe()))
    else {
        return;
    };
    loop {
        let Some(alive) = services.upgrade() else { return };
        if *alive.stop.borrow() {
            return;
        }
        let next = match alive.let_one_go_on(&mut probe).await {
            Ok(next) => next,
            Err(error) => {
                tracing::warn!(%error, "parked missions cannot be looked at for now");
                ROUND
            }
        };
        drop(alive);
        tokio::select! {
            () = tokio::time::sleep(next) => {}
            Ok(()) = proofs.changed() => {}
            Ok(()) = parked.changed() => {}
        }
    }
}
