//! Bodies of requests while they come, and bodies of answers while they go.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, BodyDataStream},
    extract::Request,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use tokio::{io::AsyncRead, time::Instant};
use tokio_util::io::StreamReader;

/// How long a client may take for the next piece of a body.
const STALL: Duration = Duration::from_secs(60);

/// When the last piece of a request's body was read.
pub(crate) struct Progress(Arc<Mutex<Instant>>);

/// Notes from here on when a piece of the request's body is read.
pub(crate) fn followed(request: Request) -> (Request, Progress) {
    let last = Arc::new(Mutex::new(Instant::now()));
    let (parts, body) = request.into_parts();
    let noted = Arc::clone(&last);
    let body = body.into_data_stream().inspect(move |_| *lock(&noted) = Instant::now());
    (Request::from_parts(parts, Body::from_stream(body)), Progress(last))
}

impl Progress {
    /// Waits for the answer, as long as less than `patience` has passed since the last piece of the body.
    pub(crate) async fn timeout<T>(&self, patience: Duration, answer: impl Future<Output = T>) -> Option<T> {
        let mut answer = std::pin::pin!(answer);
        loop {
            let last = *lock(&self.0);
            if let Ok(answer) = tokio::time::timeout_at(last + patience, answer.as_mut()).await {
                return Some(answer);
            }
            if *lock(&self.0) == last {
                return None;
            }
        }
    }
}

fn lock(last: &Mutex<Instant>) -> std::sync::MutexGuard<'_, Instant> {
    last.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The body of a request, to be read as a stream. A client that stalls has broken off.
pub(crate) fn reader(body: Body) -> impl AsyncRead + Send + Unpin + 'static {
    StreamReader::new(Incoming { body: body.into_data_stream(), stalled: None })
}

struct Incoming {
    body: BodyDataStream,
    /// Set while nothing comes.
    stalled: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Stream for Incoming {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if let Poll::Ready(piece) = self.body.poll_next_unpin(context) {
            self.stalled = None;
            return Poll::Ready(piece.map(|piece| piece.map_err(io::Error::other)));
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(STALL)));
        stalled.as_mut().poll(context).map(|()| Some(Err(io::ErrorKind::TimedOut.into())))
    }
}

/// A body of pieces, each of which is made when the one before has gone. An error breaks the connection off, so that nobody
/// takes what came for the whole.
pub(crate) fn pieces(pieces: impl Stream<Item = sandboxed_core::Result<Vec<u8>>> + Send + 'static) -> Body {
    Body::from_stream(pieces.inspect(|piece| {
        if let Err(error) = piece {
            tracing::info!(%error, "an answer broke off");
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_waited_for_as_long_as_the_body_comes() {
        let (sender, receiver) = tokio::sync::mpsc::channel::<io::Result<Bytes>>(1);
        let coming = futures_util::stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|piece| (piece, receiver))
        });
        let (request, progress) = followed(Request::new(Body::from_stream(coming)));
        let client = tokio::spawn(async move {
            for _ in 0..10 {
                tokio::time::sleep(Duration::from_secs(6)).await;
                sender.send(Ok(Bytes::from_static(b"x"))).await.unwrap();
            }
        });
        let handler = async {
            let mut body = request.into_body().into_data_stream();
            let mut pieces = 0;
            while body.next().await.is_some() {
                pieces += 1;
            }
            pieces
        };

        assert_eq!(progress.timeout(Duration::from_secs(10), handler).await, Some(10));

        client.await.unwrap();
        assert_eq!(progress.timeout(Duration::from_secs(10), std::future::pending::<()>()).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_stalls_has_broken_off() {
        let silent = futures_util::stream::pending::<io::Result<Bytes>>();

        let read = tokio::io::AsyncReadExt::read(&mut reader(Body::from_stream(silent)), &mut [0; 8]).await;

        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
