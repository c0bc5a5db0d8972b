//! Where an archive comes from.

use std::io::{self, Read};

/// What may be read on from and passed over.
pub trait Forward: Read {
    /// Passes over so many bytes; returns how many there were.
    ///
    /// # Errors
    /// Those of reading.
    fn forward(&mut self, bytes: u64) -> io::Result<u64>;
}

/// Something that has to be read to be passed over.
#[derive(Debug)]
pub struct Stream<R>(pub R);

impl<R: Read> Read for Stream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read> Forward for Stream<R> {
    fn forward(&mut self, bytes: u64) -> io::Result<u64> {
        io::copy(&mut (&mut self.0).take(bytes), &mut io::sink())
    }
}
