//! The account of one request, which becomes its verdict.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use sandboxed_model::Timestamp;
use tokio::time::Instant;

use crate::verdict::{Reason, Verdict, VerdictSink};

/// The account of one request. Its verdict goes out when it is dropped, so that no way in which a connection can end,
/// be it a panic or the end of the server, leaves it out.
pub(crate) struct Tally {
    sink: VerdictSink,
    at: Timestamp,
    host: String,
    port: u16,
    pub(crate) reason: Reason,
    pub(crate) addresses: Vec<IpAddr>,
    up: AtomicU64,
    down: AtomicU64,
    since: Instant,
    /// When the last byte moved, in milliseconds after `since`.
    moved: AtomicU64,
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    /// From the client to the target.
    Up,
    /// From the target to the client.
    Down,
}

impl Tally {
    pub(crate) fn new(sink: &VerdictSink, host: String, port: u16, reason: Reason) -> Self {
        Self {
            sink: sink.clone(),
            at: Timestamp::now(),
            host,
            port,
            reason,
            addresses: Vec::new(),
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            since: Instant::now(),
            moved: AtomicU64::new(0),
        }
    }

    pub(crate) fn count(&self, way: Way, bytes: usize) {
        let counter = match way {
            Way::Up => &self.up,
            Way::Down => &self.down,
        };
        counter.fetch_add(bytes as u64, Ordering::Relaxed);
        let now = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(now, Ordering::Relaxed);
    }

    /// Ends when no byte has moved for this long.
    pub(crate) async fn idle(&self, limit: Duration) {
        // A connection counts as alive from here on, however long the connecting took.
        let mut last = Instant::now();
        while last.elapsed() < limit {
            tokio::time::sleep_until(last + limit).await;
            let moved = self.since + Duration::from_millis(self.moved.load(Ordering::Relaxed));
            last = last.max(moved);
        }
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.sink.send(Verdict {
            at: self.at,
            host: std::mem::take(&mut self.host),
            port: self.port,
            decision: self.reason.decision(),
            reason: self.reason,
            addresses: std::mem::take(&mut self.addresses),
            bytes_up: *self.up.get_mut(),
            bytes_down: *self.down.get_mut(),
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{sleep, timeout};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(600);
    const SECOND: Duration = Duration::from_secs(1);

    fn tally() -> Tally {
        let (sink, _) = VerdictSink::channel(1);
        Tally::new(&sink, "example.org".to_owned(), 443, Reason::Rule)
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_when_the_time_is_over() {
        let tally = tally();
        sleep(2 * LIMIT).await;
        assert!(timeout(LIMIT - SECOND, tally.idle(LIMIT)).await.is_err(), "what came before does not count");
        assert!(timeout(LIMIT + SECOND, tally.idle(LIMIT)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_byte_in_either_direction_starts_the_time_anew() {
        let tally = tally();
        let idle = tally.idle(LIMIT);
        tokio::pin!(idle);
        for way in [Way::Up, Way::Down] {
            assert!(timeout(LIMIT - SECOND, &mut idle).await.is_err());
            tally.count(way, 1);
        }
        assert!(timeout(LIMIT - SECOND, &mut idle).await.is_err());
        assert!(timeout(2 * SECOND, &mut idle).await.is_ok());
    }
}
