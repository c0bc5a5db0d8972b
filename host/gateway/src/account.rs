//! The account of one reservation: it is settled once, whatever happens.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sandboxed_model::{RequestId, request::RequestEnd, wire::Tokens};

use crate::{Desk, desk::Settled};

/// A reservation that is not settled yet. One that is dropped was abandoned.
pub(crate) struct Account<D: Desk> {
    desk: Arc<D>,
    /// None once it is settled, and for what is not reserved at all.
    id: Option<RequestId>,
    began: Instant,
    pub(crate) status: Option<u16>,
    pub(crate) upstream_request_id: Option<String>,
    first_byte: Option<Duration>,
}

/// What was read of an answer.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) tokens: Option<Tokens>,
    pub(crate) visible: u64,
    pub(crate) model: Option<String>,
}

impl<D: Desk> Account<D> {
    pub(crate) fn new(desk: Arc<D>, id: Option<RequestId>) -> Self {
        Self { desk, id, began: Instant::now(), status: None, upstream_request_id: None, first_byte: None }
    }

    /// Bytes of the answer's body have come.
    pub(crate) fn began_answer(&mut self) {
        self.first_byte.get_or_insert_with(|| self.began.elapsed());
    }

    pub(crate) fn is_open(&self) -> bool {
        self.id.is_some()
    }

    /// Settles, the first time that it is called.
    pub(crate) fn settle(&mut self, end: RequestEnd, read: Read) {
        let Some(id) = self.id.take() else { return };
        self.desk.settle(
            id,
            Settled {
                end,
                status: self.status,
                tokens: read.tokens,
                visible_output: read.visible,
                answered_model: read.model,
                first_byte: self.first_byte,
                took: self.began.elapsed(),
                upstream_request_id: self.upstream_request_id.take(),
            },
        );
    }

    /// The end of what is dropped before its end.
    pub(crate) fn lost() -> RequestEnd {
        if std::thread::panicking() { RequestEnd::Lost } else { RequestEnd::Abandoned }
    }
}

impl<D: Desk> Drop for Account<D> {
    fn drop(&mut self) {
        self.settle(Self::lost(), Read::default());
    }
}
