//! Requests that are under way.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use sandboxed_model::{MissionId, RequestId, price::Price};
use tokio::sync::watch;

/// What has to be known when a request ends.
pub(super) struct OpenRequest {
    pub(super) mission: MissionId,
    /// What its model cost when it began, where that is known.
    pub(super) price: Option<Price>,
}

/// Requests that are under way, and word of each that has ended.
pub(super) struct OpenRequests {
    requests: Mutex<HashMap<RequestId, OpenRequest>>,
    ended: watch::Sender<u64>,
}

impl Default for OpenRequests {
    fn default() -> Self {
        Self { requests: Mutex::default(), ended: watch::Sender::new(0) }
    }
}

impl OpenRequests {
    pub(super) fn begin(&self, id: RequestId, request: OpenRequest) {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).insert(id, request);
    }

    /// What is known of a request.
    pub(super) fn look<T>(&self, id: RequestId, look: impl FnOnce(&OpenRequest) -> T) -> Option<T> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).get(&id).map(look)
    }

    /// A request has ended, and what it used is stored.
    pub(super) fn end(&self, id: RequestId) {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        self.ended.send_modify(|ended| *ended = ended.wrapping_add(1));
    }

    /// Tells of each that ends from now on.
    pub(super) fn ends(&self) -> watch::Receiver<u64> {
        self.ended.subscribe()
    }

    /// Waits until none of a mission's is under way, and for so long at most.
    pub(super) async fn none_of(&self, mission: MissionId, patience: Duration) {
        if !self.none(patience, |request| request.mission == mission).await {
            tracing::warn!(%mission, "a request to a model is still under way at the end of its turn");
        }
    }

    /// Waits until none is under way, and for so long at most.
    pub(super) async fn none_at_all(&self, patience: Duration) {
        if !self.none(patience, |_| true).await {
            tracing::warn!("requests to models are still under way: they count what was set aside for them");
        }
    }

    /// Waits until there is none like this. False where that takes longer.
    async fn none(&self, patience: Duration, like: impl Fn(&OpenRequest) -> bool) -> bool {
        let mut ends = self.ends();
        let none = async {
            while self.requests.lock().unwrap_or_else(PoisonError::into_inner).values().any(&like) {
                if ends.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(patience, none).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn the_end_of_a_turn_waits_for_its_own_requests_only() {
        let open = OpenRequests::default();
        let (mine, other) = (MissionId::new(), MissionId::new());
        let request = |mission| OpenRequest { mission, price: None };
        let id = RequestId::new();
        open.begin(id, request(mine));
        open.begin(RequestId::new(), request(other));

        let mut waiting = Box::pin(open.none_of(mine, Duration::from_secs(60)));
        assert!((&mut waiting).now_or_never().is_none());
        open.end(id);

        assert!(waiting.now_or_never().is_some());
    }
}
