//! The account of what was asked and what was served.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::{
    digest,
    key::Key,
    route::{Format, Operation},
    usage::{Lie, Usage},
};

/// One request and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// The number of the request, from 1.
    pub number: u64,
    /// When it had been read.
    pub at: jiff::Timestamp,
    /// The wire format.
    pub format: Format,
    /// What was asked for.
    pub operation: Operation,
    /// Whether it came as a message of a WebSocket.
    pub websocket: bool,
    /// The HTTP method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The query, without a key.
    pub query: Option<String>,
    /// What stands in the path before the provider's own part.
    pub prefix: String,
    /// The model.
    pub model: String,
    /// The key.
    pub key: Option<Key>,
    /// The headers; those with credentials hold only a fingerprint.
    pub headers: BTreeMap<String, String>,
    /// What was received.
    pub received: Received,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// What answered: the name or the number of a reply, `echo`, `key`, `refused`, `models`, `count`.
    pub reply: String,
    /// The status that was answered with.
    pub status: Option<u16>,
    /// What was sent.
    pub sent: Sent,
    /// What the bytes that were sent tell of the tokens. None where they tell nothing, or lie.
    pub usage: Option<Usage>,
    /// What the whole answer would tell, were it honest.
    pub meant: Option<Usage>,
    /// The lie about usage.
    pub lie: Option<Lie>,
    /// What went wrong on purpose.
    pub fault: Option<String>,
    /// How it ended.
    pub end: End,
}

/// The body of a request.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Received {
    /// Its bytes as they came.
    pub bytes: u64,
    /// SHA-256 of the bytes as they came.
    pub sha256: String,
    /// How it was compressed.
    pub encoding: Option<String>,
    /// The text, without compression, as far as it is kept.
    pub body: Option<String>,
}

/// The body of an answer. Of a WebSocket, the texts of its messages one after the other.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Sent {
    /// Bytes handed to the connection.
    pub bytes: u64,
    /// SHA-256 of them; empty as long as the answer goes on.
    pub sha256: String,
    /// Events of a stream; a body that is no stream counts as one.
    pub events: u64,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// It goes on.
    Open,
    /// All was sent.
    Complete,
    /// The scenario stopped it.
    Fault,
    /// The client was gone before the end.
    ClientVanished,
}

/// Sums over the requests of one key and model that have ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Total {
    /// The fingerprint of the key; empty for requests without one.
    pub key: String,
    /// The model.
    pub model: String,
    /// Requests.
    pub requests: u64,
    /// Those that were answered with an error status.
    pub errors: u64,
    /// Those whose answer was sent to its end.
    pub complete: u64,
    /// Those that a fault stopped.
    pub faults: u64,
    /// Those whose client vanished.
    pub vanished: u64,
    /// Those that lied about usage; their tokens are in no sum.
    pub lies: u64,
    /// Bytes of bodies sent.
    pub bytes: u64,
    /// What was told of tokens.
    pub usage: Usage,
}

/// The ledger. It keeps so many records and drops the oldest; the totals are of all.
pub(crate) struct Ledger {
    inner: Mutex<Inner>,
    open: watch::Sender<u64>,
    most: usize,
}

#[derive(Default)]
struct Inner {
    /// Grows with each reset, so that what was open then leaves no trace.
    epoch: u64,
    last: u64,
    records: VecDeque<Record>,
    totals: BTreeMap<(String, String), Total>,
}

impl Ledger {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { inner: Mutex::default(), open: watch::Sender::new(0), most })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a record; its number is given here.
    pub(crate) fn open(self: &Arc<Self>, mut record: Record) -> Entry {
        let mut inner = self.inner();
        inner.last += 1;
        record.number = inner.last;
        let entry = Entry {
            ledger: Arc::clone(self),
            epoch: inner.epoch,
            record: record.clone(),
            hash: Sha256::new(),
            stalled: false,
        };
        inner.records.push_back(record);
        if inner.records.len() > self.most {
            inner.records.pop_front();
        }
        self.open.send_modify(|open| *open += 1);
        entry
    }

    /// The records from a number on.
    pub(crate) fn records(&self, from: u64) -> Vec<Record> {
        self.inner().records.iter().filter(|record| record.number >= from).cloned().collect()
    }

    pub(crate) fn totals(&self) -> Vec<Total> {
        self.inner().totals.values().cloned().collect()
    }

    pub(crate) fn reset(&self) {
        let mut inner = self.inner();
        *inner = Inner { epoch: inner.epoch + 1, ..Inner::default() };
    }

    /// Waits until no answer goes on, for so long at most.
    pub(crate) async fn settled(&self, within: Duration) -> bool {
        let mut open = self.open.subscribe();
        tokio::time::timeout(within, open.wait_for(|open| *open == 0)).await.is_ok_and(|settled| settled.is_ok())
    }

    /// Shows how far an answer is.
    fn update(&self, epoch: u64, record: &Record) {
        let mut inner = self.inner();
        let Some(first) = inner.records.front().map(|record| record.number) else { return };
        let at = record.number.checked_sub(first).and_then(|at| usize::try_from(at).ok());
        if inner.epoch == epoch
            && let Some(kept) = at.and_then(|at| inner.records.get_mut(at))
        {
            // The rest of it does not change.
            kept.sent.clone_from(&record.sent);
            kept.usage = record.usage;
            kept.end = record.end;
        }
    }

    fn add(&self, epoch: u64, record: &Record) {
        let mut inner = self.inner();
        if inner.epoch != epoch {
            return;
        }
        let key = record.key.as_ref().map(|key| key.fingerprint.clone()).unwrap_or_default();
        let total = inner.totals.entry((key.clone(), record.model.clone())).or_default();
        total.key = key;
        total.model.clone_from(&record.model);
        total.requests += 1;
        total.errors += u64::from(record.status.is_some_and(|status| status >= 400));
        total.complete += u64::from(record.end == End::Complete);
        total.faults += u64::from(record.end == End::Fault);
        total.vanished += u64::from(record.end == End::ClientVanished);
        total.lies += u64::from(record.lie.is_some());
        total.bytes += record.sent.bytes;
        if record.lie.is_none() {
            total.usage += record.usage.unwrap_or_default();
        }
    }
}

/// A record in the making. One that is dropped before its end tells of a client that vanished.
pub(crate) struct Entry {
    ledger: Arc<Ledger>,
    epoch: u64,
    record: Record,
    hash: Sha256,
    stalled: bool,
}

impl Entry {
    /// Bytes were handed to the connection.
    pub(crate) fn sent(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.record.sent.bytes += bytes.len() as u64;
    }

    /// An event is out as a whole.
    pub(crate) fn told(&mut self, usage: Option<Usage>) {
        self.record.sent.events += 1;
        if usage.is_some() {
            self.record.usage = usage;
        }
        self.ledger.update(self.epoch, &self.record);
    }

    /// The scenario lets the answer stand still: whenever it ends now, it was the fault.
    pub(crate) fn stall(&mut self) {
        self.stalled = true;
    }

    pub(crate) fn finish(&mut self, end: End) {
        if self.record.end != End::Open {
            return;
        }
        self.record.end = end;
        self.record.sent.sha256 = digest::finish(self.hash.clone());
        self.ledger.update(self.epoch, &self.record);
        self.ledger.add(self.epoch, &self.record);
        self.ledger.open.send_modify(|open| *open = open.saturating_sub(1));
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.finish(if self.stalled { End::Fault } else { End::ClientVanished });
    }
}
