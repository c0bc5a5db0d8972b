//! A connection that is given up when its other end does not read.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

/// How long a write may be held up.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// A stream whose writes fail when the other end has taken nothing for [`WRITE_TIMEOUT`].
pub(crate) struct Connection<S> {
    stream: S,
    /// Set while a write is held up.
    held_up: Option<Pin<Box<Sleep>>>,
    timeout: Duration,
}

impl<S> Connection<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, held_up: None, timeout: WRITE_TIMEOUT }
    }
}

impl<S: AsyncWrite + Unpin> Connection<S> {
    fn timed<T>(
        &mut self,
        context: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if let Poll::Ready(result) = write(Pin::new(&mut self.stream), context) {
            self.held_up = None;
            return Poll::Ready(result);
        }
        let timeout = self.timeout;
        let held_up = self.held_up.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        held_up.as_mut().poll(context).map(|()| Err(io::Error::from(io::ErrorKind::TimedOut)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.timed(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.timed(context, |stream, context| stream.poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.timed(context, |stream, context| stream.poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.timed(context, |stream, context| stream.poll_shutdown(context))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_write_that_the_other_end_does_not_take_fails_in_the_end() {
        let (near, far) = tokio::io::duplex(1024);
        let mut connection = Connection::new(near);

        let error = connection.write_all(&[0; 4096]).await.unwrap_err();

        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(far);
    }
}
