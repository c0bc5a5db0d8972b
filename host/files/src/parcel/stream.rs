//! How an archive lies in a stream of bytes.

use std::io::{self, BufWriter, Chain, Cursor, Read, Write};

use crate::{Error, Result};

/// The level at which zstd is fast.
const LEVEL: i32 = 3;
/// The first bytes of what zstd writes (RFC 8878).
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The largest window that a stream may ask for, as a power of two: it takes so much memory.
const WINDOW: u32 = 24;

/// How an archive is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParcelFormat {
    /// tar.
    Tar,
    /// The same, compressed with zstd.
    TarZst,
}

/// Where an archive goes.
pub(super) enum Output<W: Write> {
    Tar(BufWriter<W>),
    Zst(zstd::Encoder<'static, BufWriter<W>>),
}

impl<W: Write> Output<W> {
    pub(super) fn new(writer: W, format: ParcelFormat) -> Result<Self> {
        let writer = BufWriter::with_capacity(64 << 10, writer);
        Ok(match format {
            ParcelFormat::Tar => Self::Tar(writer),
            ParcelFormat::TarZst => {
                let mut encoder = zstd::Encoder::new(writer, LEVEL).map_err(Error::Output)?;
                encoder.include_checksum(true).map_err(Error::Output)?;
                Self::Zst(encoder)
            }
        })
    }

    /// Ends the stream. One that is dropped instead is cut off.
    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Self::Tar(mut writer) => writer.flush(),
            Self::Zst(encoder) => encoder.finish()?.flush(),
        }
    }
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tar(writer) => writer.write(bytes),
            Self::Zst(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tar(writer) => writer.flush(),
            Self::Zst(encoder) => encoder.flush(),
        }
    }
}

type Begun<R> = Chain<Cursor<Vec<u8>>, R>;

/// Where an archive comes from: packed however its first bytes say.
pub(super) enum Input<R: Read> {
    Tar(Begun<R>),
    Zst(Box<zstd::Decoder<'static, io::BufReader<Begun<R>>>>),
}

impl<R: Read> Input<R> {
    pub(super) fn new(mut reader: R) -> Result<Self> {
        let mut first = Vec::new();
        reader.by_ref().take(ZSTD.len() as u64).read_to_end(&mut first).map_err(Error::Input)?;
        let compressed = first == ZSTD;
        let reader = Cursor::new(first).chain(reader);
        if !compressed {
            return Ok(Self::Tar(reader));
        }
        let mut decoder = zstd::Decoder::new(reader).map_err(Error::Input)?;
        decoder.window_log_max(WINDOW).map_err(Error::Input)?;
        Ok(Self::Zst(Box::new(decoder)))
    }
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tar(reader) => reader.read(buffer),
            // So it tells of what it cannot read.
            Self::Zst(decoder) => decoder.read(buffer).map_err(|error| match error.kind() {
                io::ErrorKind::Other => io::Error::new(io::ErrorKind::InvalidData, error),
                _ => error,
            }),
        }
    }
}
