//! What a run printed, read again in the pieces in which its driver was told of it.

use sandboxed_exec::{Chunk, SpoolReader};
use sandboxed_model::{
    Blame, Failure,
    command::OutputStream,
    harness::{Frame, Framing},
};

use crate::runner::{Framer, PIECE, Printed};

/// One stream of a run.
pub(super) struct Output {
    stream: OutputStream,
    framing: Framing,
    reader: SpoolReader,
    /// Bytes that were read too early.
    ahead: Vec<u8>,
}

impl Output {
    pub(super) fn new(stream: OutputStream, framing: Framing, reader: SpoolReader) -> Self {
        Self { stream, framing, reader, ahead: Vec::new() }
    }

    /// The frames of a part of the stream. Parts follow each other.
    ///
    /// # Errors
    /// `replay.spool` where the spool does not have them.
    pub(super) async fn frames(&mut self, printed: Printed) -> Result<Vec<Frame>, Failure> {
        let mut bytes = std::mem::take(&mut self.ahead);
        let begins = self.reader.offset() - bytes.len() as u64;
        if begins != printed.from {
            return Err(missing(&format!("byte {} follows byte {begins}", printed.from)));
        }
        let length = usize::try_from(printed.to.saturating_sub(printed.from)).unwrap_or(usize::MAX);
        while bytes.len() < length {
            match self.reader.next(PIECE).await {
                Ok(Chunk::Bytes { bytes: more, .. }) => bytes.extend(more),
                Ok(Chunk::Gap { .. } | Chunk::End) => return Err(missing("it ends too early")),
                Err(error) => return Err(missing(&error.to_string())),
            }
        }
        self.ahead = bytes.split_off(length);
        let mut framer = Framer::new(self.stream, self.framing, printed.from);
        let mut frames = framer.push(bytes);
        frames.extend(framer.flush());
        Ok(frames)
    }

    /// Passes over what was printed and is gone.
    pub(super) async fn skip(&mut self) -> Result<(), Failure> {
        match self.reader.next(1).await {
            Ok(Chunk::Gap { .. }) if self.ahead.is_empty() => Ok(()),
            Ok(_) => Err(missing("a hole is not where it was")),
            Err(error) => Err(missing(&error.to_string())),
        }
    }
}

fn missing(why: &str) -> Failure {
    Failure::new(Blame::Unavailable, "replay.spool", format!("what the process printed is not kept as it was: {why}"))
}
