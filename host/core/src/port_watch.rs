//! Telling missions that something began to listen on a port of their workspace.

use std::{
    collections::BTreeSet,
    sync::{PoisonError, Weak},
    time::Duration,
};

use sandboxed_exec::Listening;
use sandboxed_model::{
    WorkspaceId,
    event::{EventBody, OpenedPort, PortsOpened},
    mission::MissionFilter,
    page::PageRequest,
    state::MissionState,
};
use sandboxed_store::MissionChange;

use crate::{
    Result,
    leaders::Leader,
    services::Services,
    workspace_ports::{listeners, name_ports},
};

/// How often it is looked, in networks that somebody uses. A look is two questions to the kernel.
const ROUND: Duration = Duration::from_secs(2);
/// Ports that one event names.
const NAMED: usize = 32;
/// Missions of one workspace that are told.
const TOLD: u32 = 16;

/// Looks what listens as long as the server lives.
pub(crate) async fn watch(services: Weak<Services>) {
    let mut rounds = tokio::time::interval(ROUND);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        let Some(services) = services.upgrade() else { return };
        if *services.stop.borrow() {
            return;
        }
        for (workspace, leader) in services.held_leaders() {
            if let Err(error) = services.look_at(workspace, &leader).await
                && !*services.stop.borrow()
            {
                tracing::debug!(%error, %workspace, "what listens in a workspace was not told");
            }
        }
    }
}

impl Services {
    async fn look_at(&self, workspace: WorkspaceId, leader: &Leader) -> Result<()> {
        let found = listeners(leader).await?;
        let new = leader.newly_listening(&found);
        if new.is_empty() {
            return Ok(());
        }
        let filter = MissionFilter {
            states: vec![MissionState::Running],
            workspace: Some(workspace),
            ..MissionFilter::default()
        };
        let missions = self.store.missions(&filter, &PageRequest { cursor: None, limit: TOLD }).await?.items;
        if missions.is_empty() {
            return Ok(());
        }
        let found = found.into_iter().filter(|found| new.contains(&found.address.port())).collect();
        let mut opened = name_ports(leader.process(), found).await?;
        let more = opened.len().saturating_sub(NAMED) as u64;
        opened.truncate(NAMED);
        let opened = opened.into_iter().map(|(port, process)| OpenedPort { port, process }).collect();
        let event = EventBody::Ports(PortsOpened { opened, more });
        for mission in missions {
            let change = MissionChange { events: vec![event.clone()], ..MissionChange::default() };
            self.append(mission.id, change).await?;
        }
        Ok(())
    }
}

impl Leader {
    /// The ports on which nothing listened when it was last looked. What listened before the first look is not new.
    fn newly_listening(&self, found: &[Listening]) -> BTreeSet<u16> {
        let now: BTreeSet<u16> = found.iter().map(|found| found.address.port()).collect();
        let before = self.seen.lock().unwrap_or_else(PoisonError::into_inner).replace(now.clone());
        before.map_or_else(BTreeSet::new, |before| &now - &before)
    }
}
