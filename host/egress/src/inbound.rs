//! Reading what a peer opens with.

use bytes::{BufMut, Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::{Instant, timeout_at},
};

/// A peer that has not yet said all of what it opens with. That has a size, and a deadline if nothing else watches it.
pub(crate) struct Inbound<S> {
    stream: S,
    buffer: BytesMut,
    limit: usize,
    deadline: Option<Instant>,
}

/// Why a peer's opening did not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    TooLarge,
    TooSlow,
    /// The peer went away, so that there is nobody to tell.
    Gone,
}

/// By how much the buffer grows.
const STEP: usize = 4096;

impl<S: AsyncRead + Unpin> Inbound<S> {
    pub(crate) fn new(stream: S, limit: usize, deadline: Option<Instant>) -> Self {
        Self { stream, buffer: BytesMut::new(), limit, deadline }
    }

    async fn fill(&mut self) -> Result<(), Cut> {
        let room = self.limit.saturating_sub(self.buffer.len());
        if room == 0 {
            return Err(Cut::TooLarge);
        }
        self.buffer.reserve(room.min(STEP));
        let mut space = (&mut self.buffer).limit(room);
        let reading = self.stream.read_buf(&mut space);
        let read = match self.deadline {
            Some(deadline) => timeout_at(deadline, reading).await.map_err(|_| Cut::TooSlow)?,
            None => reading.await,
        };
        match read {
            Ok(0) | Err(_) => Err(Cut::Gone),
            Ok(_) => Ok(()),
        }
    }

    /// The first byte, which stays where it is.
    pub(crate) async fn first(&mut self) -> Result<u8, Cut> {
        loop {
            if let Some(first) = self.buffer.first() {
                return Ok(*first);
            }
            self.fill().await?;
        }
    }

    /// The next `count` bytes.
    pub(crate) async fn take(&mut self, count: usize) -> Result<Bytes, Cut> {
        while self.buffer.len() < count {
            self.fill().await?;
        }
        Ok(self.buffer.split_to(count).freeze())
    }

    /// Everything up to and with the first empty line.
    pub(crate) async fn head(&mut self) -> Result<Bytes, Cut> {
        const END: &[u8] = b"\r\n\r\n";
        let mut searched = 0;
        loop {
            if let Some(found) = self.buffer[searched..].windows(END.len()).position(|window| window == END) {
                return Ok(self.buffer.split_to(searched + found + END.len()).freeze());
            }
            searched = self.buffer.len().saturating_sub(END.len() - 1);
            self.fill().await?;
        }
    }

    pub(crate) fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The stream, and what was read of it but not taken.
    pub(crate) fn into_parts(self) -> (S, Bytes) {
        (self.stream, self.buffer.freeze())
    }
}
