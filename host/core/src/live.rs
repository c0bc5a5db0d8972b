//! What followers of events are told, and the recent events that they share.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use sandboxed_model::{MissionId, Seq, event::Event};
use tokio::sync::watch;

use crate::StreamedEvent;

/// Recent events of one mission that are held in memory, in bytes of JSON. A follower that is further behind reads
/// from the store.
const RING_BYTES: usize = 1 << 20;

/// All missions that somebody follows or that are being worked on.
pub(crate) struct LiveHub {
    missions: Mutex<HashMap<MissionId, Weak<LiveMission>>>,
    revision: watch::Sender<u64>,
}

/// One mission.
pub(crate) struct LiveMission {
    /// Held from before a change of the mission is stored until its events are published, so that they are published
    /// in the order of their places.
    pub(crate) changing: tokio::sync::Mutex<()>,
    last: watch::Sender<Seq>,
    ring: Mutex<Ring>,
    deleted: AtomicBool,
}

#[derive(Default)]
struct Ring {
    events: VecDeque<StreamedEvent>,
    bytes: usize,
}

impl LiveHub {
    pub(crate) fn new() -> Self {
        Self { missions: Mutex::new(HashMap::new()), revision: watch::Sender::new(0) }
    }

    /// The shared state of a mission, made on first use. It lives as long as somebody holds it.
    pub(crate) fn mission(&self, id: MissionId) -> Arc<LiveMission> {
        let mut missions = self.missions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(live) = missions.get(&id).and_then(Weak::upgrade) {
            return live;
        }
        missions.retain(|_, live| live.strong_count() > 0);
        let live = Arc::new(LiveMission {
            changing: tokio::sync::Mutex::new(()),
            last: watch::Sender::new(Seq::ZERO),
            ring: Mutex::default(),
            deleted: AtomicBool::new(false),
        });
        missions.insert(id, Arc::downgrade(&live));
        live
    }

    /// Tells everybody that some mission has this revision now.
    pub(crate) fn publish_revision(&self, revision: u64) {
        self.revision.send_if_modified(|known| {
            let newer = revision > *known;
            *known = revision.max(*known);
            newer
        });
    }

    /// Tells when any mission changed, by the newest revision.
    pub(crate) fn revision(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Ends every follower of a mission that was deleted.
    pub(crate) fn forget(&self, id: MissionId) {
        let live = self.missions.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        if let Some(live) = live.and_then(|live| live.upgrade()) {
            live.deleted.store(true, Ordering::Release);
            live.last.send_modify(|_| ());
        }
    }
}

impl LiveMission {
    /// Tells the place of the newest event. `stored` is the newest that the caller knows to be in the store, which this
    /// mission may not have been told of.
    pub(crate) fn watch(&self, stored: Seq) -> watch::Receiver<Seq> {
        self.raise(stored);
        self.last.subscribe()
    }

    fn raise(&self, last: Seq) {
        self.last.send_if_modified(|known| {
            let newer = last > *known;
            *known = last.max(*known);
            newer
        });
    }

    /// Events after `after` from memory, at most `limit`; none when the first of them is not held any more.
    pub(crate) fn recent(&self, after: Seq, limit: usize) -> Option<Vec<StreamedEvent>> {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let first = ring.events.front()?.seq;
        if after.next() < first {
            return None;
        }
        let skip = usize::try_from(after.next().0 - first.0).ok()?;
        Some(ring.events.iter().skip(skip).take(limit).cloned().collect())
    }

    /// Whether the mission was deleted.
    pub(crate) fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Acquire)
    }

    /// Tells every follower that these events, in order, are in the store. The caller holds `changing`.
    pub(crate) fn publish(&self, events: &[Event]) {
        let Some(last) = events.last().map(|event| event.seq) else { return };
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events.iter().map(StreamedEvent::of) {
            ring.bytes += event.json.len();
            ring.events.push_back(event);
        }
        while ring.bytes > RING_BYTES && ring.events.len() > 1 {
            if let Some(oldest) = ring.events.pop_front() {
                ring.bytes -= oldest.json.len();
            }
        }
        drop(ring);
        self.raise(last);
    }
}

impl StreamedEvent {
    /// The event as it goes over the wire.
    pub(crate) fn of(event: &Event) -> Self {
        let json = serde_json::to_string(event).expect("an event is plain data with text keys");
        Self { seq: event.seq, kind: event.body.kind(), json: json.into() }
    }
}

#[cfg(test)]
mod tests {
    use sandboxed_model::{
        Timestamp,
        event::{EventBody, Message, MessageRole},
    };

    use super::*;

    fn event(mission: MissionId, seq: u64, text: String) -> Event {
        let message =
            Message { id: "m".to_owned(), role: MessageRole::Agent, parent: None, text, attachments: Vec::new() };
        Event { mission, seq: Seq(seq), at: Timestamp::from_millis(0), turn: 1, body: EventBody::Message(message) }
    }

    fn seqs(live: &LiveMission, after: u64) -> Option<Vec<u64>> {
        Some(live.recent(Seq(after), 100)?.iter().map(|event| event.seq.0).collect())
    }

    #[test]
    fn a_follower_that_is_up_to_date_reads_from_memory() {
        let (hub, id) = (LiveHub::new(), MissionId::new());
        let live = hub.mission(id);
        live.publish(&[event(id, 5, String::new()), event(id, 6, String::new())]);

        assert_eq!(seqs(&live, 4), Some(vec![5, 6]));
        assert_eq!(seqs(&live, 5), Some(vec![6]));
        assert_eq!(seqs(&live, 6), Some(vec![]));
        assert_eq!(seqs(&live, 3), None, "an event that was never held was claimed");
        assert_eq!(*live.watch(Seq(4)).borrow(), Seq(6));
    }

    #[test]
    fn memory_is_bounded_however_much_is_printed() {
        let (hub, id) = (LiveHub::new(), MissionId::new());
        let live = hub.mission(id);
        for seq in 1..=64 {
            live.publish(&[event(id, seq, "x".repeat(100_000))]);
        }
        assert!(live.ring.lock().unwrap().bytes <= RING_BYTES);
        assert_eq!(seqs(&live, 63), Some(vec![64]));
    }

    #[test]
    fn a_mission_that_nobody_holds_takes_no_memory() {
        let hub = LiveHub::new();
        drop(hub.mission(MissionId::new()));
        let _held = hub.mission(MissionId::new());
        assert_eq!(hub.missions.lock().unwrap().len(), 1);
    }
}
