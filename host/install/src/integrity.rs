//! Digests as npm and browsers write them.

use std::{
    fmt,
    io::{self, Read},
    sync::atomic::{AtomicBool, Ordering},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256, Sha512};

/// Bytes that are read at once.
const CHUNK: usize = 256 << 10;

/// The digest that a download has to have: one of the hashes of Subresource Integrity (W3C, 3.1), which are what npm's
/// lock files hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Integrity {
    algorithm: Algorithm,
    digest: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Algorithm {
    Sha256,
    Sha512,
}

impl Algorithm {
    const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    const fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

impl Integrity {
    /// Reads `sha512-` or `sha256-` and the digest in base64. Nothing for anything else: weaker digests prove nothing.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (name, digest) = text.split_once('-')?;
        let algorithm = [Algorithm::Sha256, Algorithm::Sha512].into_iter().find(|known| known.name() == name)?;
        let digest = BASE64_STANDARD.decode(digest).ok()?;
        (digest.len() == algorithm.length()).then_some(Self { algorithm, digest })
    }

    /// The digest of the same kind of what is read.
    ///
    /// # Errors
    /// Those of reading, and one of the kind `Interrupted` when `stop` is set.
    pub(crate) fn of_same_kind(&self, reader: impl Read, stop: &AtomicBool) -> io::Result<Self> {
        let digest = match self.algorithm {
            Algorithm::Sha256 => digest::<Sha256>(reader, stop)?,
            Algorithm::Sha512 => digest::<Sha512>(reader, stop)?,
        };
        Ok(Self { algorithm: self.algorithm, digest })
    }

    /// The same as the name of a file.
    pub(crate) fn file_name(&self) -> String {
        let digits: String = self.digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{digits}", self.algorithm.name())
    }
}

fn digest<D: Digest>(mut reader: impl Read, stop: &AtomicBool) -> io::Result<Vec<u8>> {
    let mut digest = D::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(digest.finalize().to_vec()),
            Ok(read) => digest.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

impl fmt::Display for Integrity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.algorithm.name(), BASE64_STANDARD.encode(&self.digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_again_and_names_a_file() {
        let text = "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
        let integrity = Integrity::parse(text).unwrap();
        let found = integrity.of_same_kind(b"abc".as_slice(), &AtomicBool::new(false)).unwrap();
        assert_eq!(found, integrity);
        assert_eq!(integrity.to_string(), text);
        assert_eq!(integrity.file_name(), "sha256-ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn weak_short_and_broken_digests_are_none() {
        for text in ["", "sha512", "sha1-qUqP5cyxm6YcTAhz05Hph5gvu9M=", "sha512-AAAA", "sha256-!", "sha256-AAAA AAAA"] {
            assert_eq!(Integrity::parse(text), None, "{text}");
        }
    }
}
