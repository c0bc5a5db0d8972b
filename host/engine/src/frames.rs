//! What a program in a container prints, as it comes from the engine.
//!
//! With a terminal the bytes are the program's own. Without, each piece has a head of 8 bytes: the stream (1 or 2), three
//! zeros and the length, big endian. The two forms cannot be told apart by looking, since a program may print anything:
//! which one it is must be known from how the program was started.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::Stream;
use sandboxed_model::command::OutputStream;
use tokio::io::AsyncRead;
use tokio_util::io::poll_read_buf;

use crate::Error;

/// Room for each read; what is not taken waits in the program's pipe.
const CHUNK: usize = 64 * 1024;

/// Bytes of a head.
const HEAD: usize = 8;

/// What a program prints, in pieces of about 64 KiB at most. It reads from the engine only when polled, so a slow reader makes
/// the program wait and not this memory grow. Ends when the program and all that inherited its output have closed it;
/// it also ends when the engine goes away, so ask [`ExecControl::exit`](crate::ExecControl::exit) how it ended.
pub struct ExecOutput {
    read: Box<dyn AsyncRead + Send + Unpin>,
    buffer: BytesMut,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A terminal's bytes.
    Raw,
    /// A head comes next.
    Head,
    /// So many bytes of this stream come next.
    Body(OutputStream, usize),
    /// Nothing comes any more.
    Done,
}

impl ExecOutput {
    pub(crate) fn new(read: impl AsyncRead + Send + Unpin + 'static, tty: bool) -> Self {
        let state = if tty { State::Raw } else { State::Head };
        Self { read: Box::new(read), buffer: BytesMut::new(), state }
    }

    /// The next piece of what has been read, if there is one.
    fn take(&mut self) -> Result<Option<(OutputStream, Bytes)>, String> {
        loop {
            match self.state {
                State::Raw if !self.buffer.is_empty() => {
                    return Ok(Some((OutputStream::Stdout, self.buffer.split().freeze())));
                }
                State::Head if self.buffer.len() >= HEAD => {
                    let kind = self.buffer.get_u8();
                    self.buffer.advance(3);
                    let length = self.buffer.get_u32() as usize;
                    let stream = match kind {
                        1 => OutputStream::Stdout,
                        2 => OutputStream::Stderr,
                        other => return Err(format!("the engine sent a piece of an unknown stream ({other})")),
                    };
                    self.state = State::Body(stream, length);
                }
                State::Body(_, 0) => self.state = State::Head,
                State::Body(stream, left) if !self.buffer.is_empty() => {
                    let piece = self.buffer.split_to(left.min(self.buffer.len()));
                    self.state = State::Body(stream, left - piece.len());
                    return Ok(Some((stream, piece.freeze())));
                }
                _ => return Ok(None),
            }
        }
    }

    fn fail(&mut self, reason: String) -> Error {
        self.state = State::Done;
        Error::Connection { what: "read output", reason }
    }
}

impl Stream for ExecOutput {
    type Item = Result<(OutputStream, Bytes), Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if this.state == State::Done {
                return Poll::Ready(None);
            }
            match this.take() {
                Ok(Some(piece)) => return Poll::Ready(Some(Ok(piece))),
                Ok(None) => {}
                Err(reason) => return Poll::Ready(Some(Err(this.fail(reason)))),
            }
            this.buffer.reserve(CHUNK);
            match ready!(poll_read_buf(Pin::new(&mut this.read), cx, &mut this.buffer)) {
                Ok(1..) => {}
                Ok(0) if this.buffer.is_empty() && !matches!(this.state, State::Body(..)) => {
                    this.state = State::Done;
                }
                Ok(0) => return Poll::Ready(Some(Err(this.fail("it closed in the middle of a piece".into())))),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Some(Err(this.fail(error.to_string())))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    fn piece(stream: u8, text: &[u8]) -> Vec<u8> {
        let length = u32::try_from(text.len()).unwrap().to_be_bytes();
        [&[stream, 0, 0, 0][..], &length[..], text].concat()
    }

    async fn all(bytes: Vec<u8>, tty: bool) -> Vec<Result<(OutputStream, Bytes), String>> {
        let output = ExecOutput::new(io::Cursor::new(bytes), tty);
        output.map(|piece| piece.map_err(|error| error.to_string())).collect().await
    }

    #[tokio::test]
    async fn the_two_streams_are_told_apart() {
        let pieces = all([piece(1, b"out"), piece(2, b""), piece(2, b"err")].concat(), false).await;
        let expected = [(OutputStream::Stdout, "out".into()), (OutputStream::Stderr, "err".into())];
        assert_eq!(pieces.into_iter().collect::<Result<Vec<_>, _>>().unwrap(), expected);
    }

    #[tokio::test]
    async fn a_terminal_may_show_bytes_that_look_like_a_head() {
        let shown = piece(1, b"text");
        let pieces = all(shown.clone(), true).await;
        assert_eq!(pieces, [Ok((OutputStream::Stdout, Bytes::from(shown)))]);
    }

    #[tokio::test]
    async fn a_piece_that_is_announced_huge_is_handed_on_as_it_comes() {
        let pieces = all([&[1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff][..], b"text"].concat(), false).await;
        assert_eq!(pieces[0], Ok((OutputStream::Stdout, "text".into())));
        assert!(pieces[1].is_err() && pieces.len() == 2);
    }

    #[tokio::test]
    async fn an_unknown_stream_is_one_error_and_the_end() {
        let pieces = all([piece(7, b"text"), piece(1, b"more")].concat(), false).await;
        assert!(pieces.len() == 1 && pieces[0].is_err(), "{pieces:?}");
    }
}
