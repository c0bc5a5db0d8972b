//! The body of an answer on its way down: the provider's bytes as they come, with the reader beside them.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use sandboxed_model::{Blame, Failure, request::RequestEnd};
use tokio::time::{Instant, Sleep};

use crate::{
    Desk, Reason, Refusal,
    account::{Account, Read},
    answer::Reading,
};

/// The answer breaks off, and the connection with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    #[error("the provider broke off the answer")]
    Cut,
    #[error("the provider sends nothing any more")]
    Idle,
    #[error("the answer was ended within its compression")]
    Stopped,
}

/// A body that passes.
pub(crate) struct Passing<D: Desk> {
    /// None once nothing more is to come; dropped, it ends the provider's work.
    upstream: Option<reqwest::Body>,
    /// What was read of it before.
    before: Bytes,
    /// Bytes that end an answer that was stopped.
    last: Option<Bytes>,
    reading: Reading,
    account: Account<D>,
    /// The status says that it is an error, which uses nothing.
    refused: bool,
    idle: Duration,
    timer: Pin<Box<Sleep>>,
}

impl<D: Desk> Passing<D> {
    pub(crate) fn new(
        (before, upstream): (Bytes, reqwest::Body),
        reading: Reading,
        account: Account<D>,
        refused: bool,
        idle: Duration,
    ) -> Self {
        let timer = Box::pin(tokio::time::sleep(idle));
        let mut passing = Self { upstream: Some(upstream), before, last: None, reading, account, refused, idle, timer };
        passing.end_if_all_is_here();
        passing
    }

    fn settle(&mut self, end: RequestEnd) {
        let read = Read {
            tokens: self.reading.tokens(),
            visible: self.reading.visible(),
            model: self.reading.model().map(str::to_owned),
        };
        self.account.settle(end, read);
    }

    /// A body of known length is not asked for more once all of it is here.
    fn end_if_all_is_here(&mut self) {
        if self.upstream.as_ref().is_some_and(Body::is_end_stream) && self.before.is_empty() {
            self.end();
        }
    }

    fn end(&mut self) {
        self.upstream = None;
        self.reading.end();
        self.settle(match (self.refused, self.reading.is_whole()) {
            (true, _) => RequestEnd::Refused,
            (false, true) => RequestEnd::Complete,
            (false, false) => RequestEnd::Cut,
        });
    }

    fn breaks(&mut self, why: Broken) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        self.upstream = None;
        self.settle(match (self.refused, self.reading.is_whole()) {
            (true, _) => RequestEnd::Refused,
            // All has been said; only the end was not in good form.
            (false, true) => RequestEnd::Complete,
            (false, false) => RequestEnd::Cut,
        });
        Poll::Ready(Some(Err(why)))
    }

    fn chunk(&mut self, chunk: Bytes) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        self.account.began_answer();
        let Some(used_up) = self.reading.look(&chunk) else {
            self.end_if_all_is_here();
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        };
        self.upstream = None;
        self.settle(RequestEnd::Stopped);
        let failure = Failure::new(Blame::Denied, "budget.used_up", "The budget for this answer is used up");
        let Some(words) = self.reading.farewell(&Refusal::new(Reason::Budget, failure)) else {
            return Poll::Ready(Some(Err(Broken::Stopped)));
        };
        self.last = Some(Bytes::from(words));
        Poll::Ready(Some(Ok(Frame::data(chunk.slice(..used_up.keep)))))
    }
}

impl<D: Desk> Body for Passing<D> {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = self.get_mut();
        if let Some(last) = this.last.take() {
            return Poll::Ready(Some(Ok(Frame::data(last))));
        }
        if !this.before.is_empty() {
            let before = std::mem::take(&mut this.before);
            return this.chunk(before);
        }
        loop {
            let Some(upstream) = this.upstream.as_mut() else { return Poll::Ready(None) };
            match Pin::new(upstream).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    this.timer.as_mut().reset(Instant::now() + this.idle);
                    // Trailers are about one connection; no provider sends any.
                    if let Ok(data) = frame.into_data() {
                        return this.chunk(data);
                    }
                }
                Poll::Ready(Some(Err(_))) => return this.breaks(Broken::Cut),
                Poll::Ready(None) => {
                    this.end();
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    return match this.timer.as_mut().poll(cx) {
                        Poll::Ready(()) => this.breaks(Broken::Idle),
                        Poll::Pending => Poll::Pending,
                    };
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.upstream.is_none() && self.last.is_none() && self.before.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.upstream {
            Some(upstream) if self.before.is_empty() && self.last.is_none() => upstream.size_hint(),
            _ => SizeHint::default(),
        }
    }
}

impl<D: Desk> Drop for Passing<D> {
    fn drop(&mut self) {
        if self.account.is_open() {
            let whole = self.reading.is_whole();
            let end = if whole { RequestEnd::Complete } else { Account::<D>::lost() };
            self.settle(if self.refused { RequestEnd::Refused } else { end });
        }
    }
}
