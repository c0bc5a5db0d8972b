//! Event streams (`text/event-stream`). A stream is pulled by its connection: what a client does not read is not
//! read from the log either, so a slow client costs one batch of memory.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use tokio_util::sync::CancellationToken;

use crate::problem::Problem;

/// Silence after which a comment is sent, so that proxies keep the connection and a dead one is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Bytes after which what is ready is written and no more is taken: few system calls for a busy stream, and little
/// memory for one whose client does not read.
const BATCH_BYTES: usize = 16 * 1024;
/// The header with which a browser takes up a broken stream.
pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// The largest number that JSON and JavaScript hold exactly, 2^53 - 1.
pub(crate) const MAX_POSITION: u64 = (1 << 53) - 1;

/// One event.
pub(crate) struct SseEvent {
    pub(crate) id: u64,
    pub(crate) kind: &'static str,
    /// JSON without a line break.
    pub(crate) data: Arc<str>,
}

/// After which event a stream begins: what the browser says in `Last-Event-ID`, else what the query says.
pub(crate) fn position(headers: &HeaderMap, after: Option<u64>) -> Result<Option<u64>, Problem> {
    let position = match headers.get(&LAST_EVENT_ID).filter(|value| !value.is_empty()) {
        None => after,
        Some(value) => {
            let number = value.to_str().ok().and_then(|text| text.parse().ok());
            let detail = "Last-Event-ID is the id of an event of this stream: a number";
            Some(number.ok_or_else(|| Problem::invalid("stream.position_invalid", detail))?)
        }
    };
    match position {
        Some(position) if position > MAX_POSITION => {
            Err(Problem::invalid("stream.position_invalid", format!("a position is at most {MAX_POSITION}")))
        }
        position => Ok(position),
    }
}

/// The answer that carries a stream of events until it ends or the server stops.
pub(crate) fn answer(
    events: impl Stream<Item = sandboxed_core::Result<SseEvent>> + Send + 'static,
    stopping: CancellationToken,
) -> Response {
    let open = OpenStream::new();
    let mut events = Box::pin(events.take_until(stopping.cancelled_owned()));
    let body = async_stream::stream! {
        let _open = open;
        yield Ok::<_, std::convert::Infallible>(Bytes::from_static(b"retry: 2000\n\n"));
        loop {
            let Ok(mut next) = tokio::time::timeout(KEEP_ALIVE, events.next()).await.map(Some) else {
                yield Ok(Bytes::from_static(b": keep-alive\n\n"));
                continue;
            };
            let mut frames = String::new();
            while let Some(Some(Ok(event))) = next {
                write(&mut frames, &event);
                next = if frames.len() < BATCH_BYTES { events.next().now_or_never() } else { None };
            }
            if !frames.is_empty() {
                yield Ok(Bytes::from(frames));
            }
            match next {
                // Nothing more is ready.
                None | Some(Some(Ok(_))) => {}
                Some(None) => break,
                // The client comes back and goes on after the last event that it got.
                Some(Some(Err(error))) => {
                    tracing::warn!(%error, "an event stream broke off");
                    break;
                }
            }
        }
    };
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, const { HeaderValue::from_static("text/event-stream") });
    headers.insert(header::CACHE_CONTROL, const { HeaderValue::from_static("no-store, no-transform") });
    headers.insert("x-accel-buffering", const { HeaderValue::from_static("no") });
    response
}

fn write(frames: &mut String, event: &SseEvent) {
    let SseEvent { id, kind, data } = event;
    // Writing to a string cannot fail.
    let _ = write!(frames, "id: {id}\nevent: {kind}\ndata: {data}\n\n");
}

/// Counts a stream as long as it is open.
struct OpenStream;

impl OpenStream {
    fn new() -> Self {
        metrics::gauge!("sandboxed_http_streams").increment(1.0);
        Self
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        metrics::gauge!("sandboxed_http_streams").decrement(1.0);
    }
}
