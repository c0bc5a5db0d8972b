//! From the bytes of an answer to the body of a response, at the pace of the scenario.

use std::{future::pending, sync::atomic::Ordering, time::Duration};

use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;

use crate::{
    fault::{Halt, How},
    flow::{Flow, Next},
    ledger::{End, Entry},
    scenario::Pace,
    wiretap::Reset,
};

/// The scenario gives the connection up.
#[derive(Debug, thiserror::Error)]
#[error("the scenario gives the connection up")]
pub(crate) struct GivenUp;

/// The body of a response.
pub(crate) type Body = UnsyncBoxBody<Bytes, GivenUp>;

/// Waits so many milliseconds.
pub(crate) async fn wait(milliseconds: u64) {
    if milliseconds > 0 {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }
}

/// The body that a flow makes. The ledger learns of each part as it is handed over, and of the end with the last one, so
/// that whoever has read it all finds it there.
pub(crate) fn body(mut flow: Flow, pace: Pace, split: Option<u32>, mut entry: Entry, reset: Reset) -> Body {
    let stream = async_stream::stream! {
        wait(pace.first_ms).await;
        let mut first = true;
        loop {
            // A client that reads fast is not to keep the others waiting.
            tokio::task::coop::consume_budget().await;
            match flow.next() {
                Next::Bytes { bytes, tells, whole, last } => {
                    if !std::mem::take(&mut first) {
                        wait(pace.between_ms).await;
                    }
                    let size = split.map_or(usize::MAX, |split| split as usize);
                    let mut rest = bytes;
                    while !rest.is_empty() {
                        let part = rest.split_to(rest.len().min(size));
                        entry.sent(&part);
                        if rest.is_empty() {
                            if whole {
                                entry.told(tells);
                            }
                            if last {
                                entry.finish(End::Complete);
                            }
                        }
                        yield Ok(Frame::data(part));
                    }
                }
                Next::Halt(Halt::Stall) => {
                    entry.stall();
                    pending::<()>().await;
                }
                Next::Halt(Halt::Cut(how)) => {
                    entry.finish(End::Fault);
                    if how != How::End {
                        reset.fetch_or(how == How::Reset, Ordering::AcqRel);
                        // What was handed over before is written while this waits.
                        tokio::task::yield_now().await;
                        yield Err(GivenUp);
                    }
                    break;
                }
                Next::End => {
                    entry.finish(End::Complete);
                    break;
                }
            }
        }
    };
    StreamBody::new(stream.boxed()).boxed_unsync()
}
