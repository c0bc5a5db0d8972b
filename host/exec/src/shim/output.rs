//! From the payload's streams into the spool.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::{AsFd, BorrowedFd},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, fcntl},
    poll::{PollFd, PollFlags, PollTimeout, poll},
};

use crate::spool::SpoolWriter;

/// Bytes that are read at once. More saves nothing: the time goes into copying.
pub(super) const BATCH: usize = 256 << 10;

/// One stream of the payload.
pub(super) struct Output {
    source: Option<File>,
    pub(super) spool: SpoolWriter,
}

/// What one reading came to.
#[derive(PartialEq, Eq)]
enum Pumped {
    Some,
    NothingYet,
    Ended,
}

impl Output {
    pub(super) fn new(source: Option<File>, spool: SpoolWriter) -> Self {
        Self { source, spool }
    }

    /// What to wait for, until the stream has ended.
    pub(super) fn source(&self) -> Option<BorrowedFd<'_>> {
        self.source.as_ref().map(AsFd::as_fd)
    }

    /// Moves what is there, at most one batch.
    pub(super) fn pump(&mut self, buffer: &mut [u8]) {
        self.pump_once(buffer);
    }

    /// Moves what is left when the tree is gone: what the pipe holds, and no more, because something outside of the
    /// tree may have been given the other end and write for ever.
    pub(super) fn drain(&mut self, buffer: &mut [u8]) {
        let Some(source) = &self.source else { return };
        let holds = fcntl(source, FcntlArg::F_GETPIPE_SZ).ok().and_then(|size| u64::try_from(size).ok());
        let end = self.spool.length() + holds.unwrap_or(0);
        while self.spool.length() < end && self.pump_once(buffer) == Pumped::Some {}
    }

    /// The same for a terminal whose last user is gone: what it printed arrives a moment later, and then an error.
    pub(super) fn drain_terminal(&mut self, buffer: &mut [u8], patience: Duration) {
        let until = Instant::now() + patience;
        loop {
            self.pump_once(buffer);
            let Some(source) = self.source() else { return };
            let left = until.saturating_duration_since(Instant::now());
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
            match poll(&mut [PollFd::new(source, PollFlags::POLLIN)], timeout) {
                Ok(0) => return,
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => return,
            }
        }
    }

    /// Fills the buffer as far as there is something, because a terminal gives out its bytes in small pieces, and
    /// writes it in one go.
    fn pump_once(&mut self, buffer: &mut [u8]) -> Pumped {
        let Some(source) = &mut self.source else { return Pumped::Ended };
        let mut filled = 0;
        let ended = loop {
            match source.read(&mut buffer[filled..]) {
                Ok(0) => break filled < buffer.len(),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A terminal ends with an error, and any other error ends a stream as well.
                Err(_) => break true,
            }
        };
        self.spool.append(&buffer[..filled]);
        if ended {
            self.source = None;
        }
        match (filled, ended) {
            (1.., _) => Pumped::Some,
            (0, true) => Pumped::Ended,
            (0, false) => Pumped::NothingYet,
        }
    }
}
