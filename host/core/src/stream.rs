//! Live streams. A follower pulls: it is told that there is something new and reads it at its own pace, from the
//! recent events in memory or from the store. So a slow one costs nothing and holds nobody up.

use std::{sync::Arc, time::Duration};

use futures_util::stream::{BoxStream, StreamExt};
use sandboxed_model::{MissionId, Seq, mission::Mission};

use crate::{Orchestrator, Result};

/// Events that a follower takes at once from memory, where they are shared.
const BATCH: usize = 256;
/// Events that a follower takes at once from the store. A thousand followers that do not read hold this many each.
const STORED_BATCH: u32 = 16;
/// Missions that a follower takes at once.
const SUMMARIES: u32 = 64;
/// The least time between two looks at all missions.
const SUMMARY_INTERVAL: Duration = Duration::from_millis(100);

/// An event as it goes over the wire.
#[derive(Debug, Clone)]
pub struct StreamedEvent {
    /// Its place in the mission's log.
    pub seq: Seq,
    /// The kind's name.
    pub kind: &'static str,
    /// The whole [`sandboxed_model::event::Event`] as JSON, shared by all followers.
    pub json: Arc<str>,
}

/// Where a follower of all missions begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowMissions {
    /// With changes from now on.
    FromNow,
    /// With all changes after this revision.
    After(u64),
}

impl Orchestrator {
    /// All events of a mission after `after`, first those that are stored, then those to come, each once and in
    /// order. It ends when the server shuts down or the mission is deleted.
    ///
    /// # Errors
    /// When there is no such mission. The stream itself fails when the store does.
    pub async fn follow_mission(&self, id: MissionId, after: Seq) -> Result<BoxStream<'static, Result<StreamedEvent>>> {
        let mission = self.mission(id).await?;
        let live = self.services.live.mission(id);
        let this = self.clone();
        let mut newest = live.watch(mission.last_seq);
        let mut stopping = self.services.stopping();
        let mut after = after;
        let stream = async_stream::try_stream! {
            loop {
                let known = *newest.borrow_and_update();
                if after < known {
                    // An event can be in the store a moment before it is in memory.
                    let events = match live.recent(after, BATCH) {
                        Some(events) if !events.is_empty() => events,
                        _ => this.stored_events(id, after).await?,
                    };
                    for event in events {
                        after = event.seq;
                        yield event;
                    }
                } else {
                    tokio::select! {
                        changed = newest.changed() => if changed.is_err() { break },
                        () = stopping.wait() => break,
                    }
                }
                if live.is_deleted() {
                    break;
                }
            }
        };
        Ok(stream.boxed())
    }

    /// Missions as they change. A mission that changes often is told at most ten times a second, each time as it
    /// then stands.
    ///
    /// # Errors
    /// When the store fails, here or in the stream.
    pub async fn follow_missions(&self, from: FollowMissions) -> Result<BoxStream<'static, Result<Arc<Mission>>>> {
        let store = self.services.store.clone();
        let mut newest = self.services.live.revision();
        let mut stopping = self.services.stopping();
        let mut after = match from {
            FollowMissions::After(revision) => revision,
            FollowMissions::FromNow => store.revision().await?,
        };
        let stream = async_stream::try_stream! {
            loop {
                newest.borrow_and_update();
                let missions = store.missions_changed_since(after, SUMMARIES).await?;
                let full = missions.len() == SUMMARIES as usize;
                for mission in missions {
                    after = mission.revision;
                    yield Arc::new(mission);
                }
                if full {
                    continue;
                }
                tokio::select! {
                    changed = newest.changed() => if changed.is_err() { break },
                    () = stopping.wait() => break,
                }
                tokio::time::sleep(SUMMARY_INTERVAL).await;
            }
        };
        Ok(stream.boxed())
    }

    async fn stored_events(&self, id: MissionId, after: Seq) -> Result<Vec<StreamedEvent>> {
        let events = self.services.store.events(id, after, STORED_BATCH, &[]).await?;
        Ok(events.iter().map(StreamedEvent::of).collect())
    }
}
