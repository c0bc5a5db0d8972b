//! Frames on standard input and output.

use std::{
    io::{self, Read, Write},
    time::Duration,
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sandboxed_keeper::{Decoder, Frame, Kind};

/// Bytes that are read at once.
const PIECE: usize = 64 << 10;

/// What the server says.
pub(super) struct Heard<R> {
    from: R,
    decoder: Decoder,
}

impl<R: Read> Heard<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, decoder: Decoder::default() }
    }

    /// The next frame; none when no more will come.
    pub(super) fn next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.decoder.frame().map_err(io::Error::other)? {
                return Ok(Some(frame));
            }
            let mut piece = vec![0; PIECE];
            match self.from.read(&mut piece) {
                Ok(0) => return Ok(None),
                Ok(length) => self.decoder.push(&piece[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next frame, which is one of these words.
    pub(super) fn request<T: serde::de::DeserializeOwned>(&mut self) -> io::Result<T> {
        match self.next()? {
            Some(Frame { kind: Kind::Request, bytes }) => Ok(serde_json::from_slice(&bytes)?),
            _ => Err(io::Error::other("nothing was asked for")),
        }
    }
}

/// Standard input, which is over when nothing comes for so long: whoever is gone cannot say so.
pub(super) struct Patient {
    pub(super) patience: Duration,
}

impl Read for Patient {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let stdin = rustix::stdio::stdin();
        let patience = Timespec::try_from(self.patience).map_err(io::Error::other)?;
        let mut wanted = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut wanted, Some(&patience)) {
            Ok(0) => Err(io::ErrorKind::TimedOut.into()),
            Ok(_) => Ok(rustix::io::read(stdin, into)?),
            Err(error) => Err(error.into()),
        }
    }
}

/// Says something to the server.
pub(super) fn say(kind: Kind, bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(&Frame::encode(kind, bytes))?;
    stdout.flush()
}
