//! What is read is held against its SHA-256.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

use crate::{Error, Result, error::reading};

/// A reader that sums up what is read, up to a limit.
pub(crate) struct Summed<R> {
    input: R,
    sum: Sha256,
    left: u64,
    limit: u64,
}

impl<R: Read> Summed<R> {
    /// Reading more than `limit` bytes fails.
    pub(crate) fn new(input: R, limit: u64) -> Self {
        Self { input, sum: Sha256::new(), left: limit, limit }
    }

    /// Reads what is left, and tells the sum of all of it.
    pub(crate) fn finish(mut self) -> Result<String> {
        io::copy(&mut self, &mut io::sink()).map_err(reading)?;
        Ok(hexadecimal(&self.sum.finalize()))
    }
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or_else(|| io::Error::other(Error::TooLarge { limit: self.limit, of: "bytes" }))?;
        self.sum.update(&buffer[..read]);
        Ok(read)
    }
}

/// The hexadecimal digits of a digest `sha256:…`.
pub(crate) fn parse(digest: &str) -> Result<&str> {
    let digits = digest.strip_prefix("sha256:").unwrap_or_default();
    match digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        true => Ok(digits),
        false => Err(Error::Invalid(format!("{digest:?} is no digest that is known here (sha256:…)"))),
    }
}

pub(crate) fn check(what: &str, expected: &str, found: String) -> Result<()> {
    match expected == found {
        true => Ok(()),
        false => Err(Error::Digest { what: what.to_owned(), expected: expected.to_owned(), found }),
    }
}

/// The sum of bytes that are there already.
pub(crate) fn of(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
