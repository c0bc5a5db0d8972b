//! What is compressed, and how: told by how it begins.

use std::{
    io::{self, BufReader, ErrorKind, Read},
    process::{Child, ChildStdout, Command, Stdio},
    thread::JoinHandle,
};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

/// Bytes by which the formats are told apart.
const BEGINNING: u64 = 6;
/// What frames of zstd begin with, and, after any byte from 0x50 to 0x5f, those that are to be passed over (RFC 8878).
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];
/// How far back in a frame of zstd its content may refer, which is kept in memory.
const MAX_WINDOW: u64 = 128 << 20;
const BUFFER: usize = 128 << 10;

/// The bytes of `input` as they are when they are not compressed, and whether they were.
pub(crate) fn decompress(input: impl Read + Send + 'static) -> io::Result<(Box<dyn Read>, bool)> {
    let mut whole = Peeked::new(BufReader::with_capacity(BUFFER, input));
    Ok(match *whole.peek(BEGINNING)? {
        [0x1f, 0x8b, ..] => (Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, whole))), true),
        [a, b, c, d, ..] if [a, b, c, d] == ZSTD || is_skippable([a, b, c, d]) => {
            (Box::new(Zstd { between: Some(whole), frame: None }), true)
        }
        [0xfd, b'7', b'z', b'X', b'Z', 0] => (Box::new(Filter::start("xz", whole)?), true),
        [b'B', b'Z', b'h', ..] => (Box::new(Filter::start("bzip2", whole)?), true),
        _ => (Box::new(whole), false),
    })
}

fn is_skippable([first, rest @ ..]: [u8; 4]) -> bool {
    first & 0xf0 == 0x50 && rest == SKIPPABLE
}

/// A reader of which the next bytes can be looked at.
struct Peeked<R> {
    ahead: Vec<u8>,
    /// How many of them were read.
    taken: usize,
    input: R,
}

impl<R: Read> Peeked<R> {
    fn new(input: R) -> Self {
        Self { ahead: Vec::new(), taken: 0, input }
    }

    /// The next bytes; fewer where the input ends.
    fn peek(&mut self, bytes: u64) -> io::Result<&[u8]> {
        self.ahead.drain(..self.taken);
        self.taken = 0;
        let missing = bytes.saturating_sub(self.ahead.len() as u64);
        (&mut self.input).take(missing).read_to_end(&mut self.ahead)?;
        Ok(&self.ahead)
    }
}

impl<R: Read> Read for Peeked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let ahead = &self.ahead[self.taken..];
        if ahead.is_empty() {
            return self.input.read(buffer);
        }
        let read = ahead.len().min(buffer.len());
        buffer[..read].copy_from_slice(&ahead[..read]);
        self.taken += read;
        Ok(read)
    }
}

/// One frame of zstd after the other.
struct Zstd<R: Read> {
    /// What comes next; absent within a frame.
    between: Option<Peeked<R>>,
    frame: Option<Box<StreamingDecoder<Peeked<R>, FrameDecoder>>>,
}

impl<R: Read> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some(frame) = &mut self.frame {
                match frame.read(buffer)? {
                    0 => self.between = self.frame.take().map(|frame| frame.into_inner()),
                    read => return Ok(read),
                }
            }
            let Some(mut next) = self.between.take() else { return Ok(0) };
            match *next.peek(4)? {
                [] => return Ok(0),
                [a, b, c, d, ..] if is_skippable([a, b, c, d]) => {
                    let mut head = [0; 8];
                    next.read_exact(&mut head)?;
                    let length = u64::from(u32::from_le_bytes([head[4], head[5], head[6], head[7]]));
                    if io::copy(&mut (&mut next).take(length), &mut io::sink())? < length {
                        return Err(ErrorKind::UnexpectedEof.into());
                    }
                    self.between = Some(next);
                }
                _ => {
                    let frame = StreamingDecoder::new_with_max_window_size(next, MAX_WINDOW);
                    self.frame = Some(Box::new(frame.map_err(io::Error::other)?));
                }
            }
        }
    }
}

/// A program that decompresses.
struct Filter {
    name: &'static str,
    child: Child,
    output: ChildStdout,
    feeding: Option<JoinHandle<io::Result<u64>>>,
}

impl Filter {
    fn start(name: &'static str, mut input: impl Read + Send + 'static) -> io::Result<Self> {
        let child = Command::new(name).args(["-d", "-c"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| match error.kind() {
            ErrorKind::NotFound => io::Error::other(format!("it is compressed with {name}, which is not installed")),
            _ => error,
        })?;
        let streams = child.stdin.take().zip(child.stdout.take());
        let (mut stdin, output) = streams.ok_or_else(|| io::Error::other("the pipes that were asked for"))?;
        let feeding = std::thread::spawn(move || io::copy(&mut input, &mut stdin));
        Ok(Self { name, child, output, feeding: Some(feeding) })
    }
}

impl Read for Filter {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.output.read(buffer)?;
        if read == 0
            && !buffer.is_empty()
            && let Some(feeding) = self.feeding.take()
        {
            let status = self.child.wait()?;
            if !status.success() {
                return Err(io::Error::other(format!("{} could not decompress it: {status}", self.name)));
            }
            feeding.join().map_err(|_| io::Error::other("the thread that reads it panicked"))??;
        }
        Ok(read)
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn read(bytes: Vec<u8>) -> io::Result<(Vec<u8>, bool)> {
        let (mut reader, compressed) = decompress(io::Cursor::new(bytes))?;
        let mut plain = Vec::new();
        reader.read_to_end(&mut plain)?;
        Ok((plain, compressed))
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        compress_to_vec(bytes, CompressionLevel::Fastest)
    }

    #[test]
    fn each_format_is_known_by_how_it_begins() {
        let text = b"some text ".repeat(1000);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&text).unwrap();

        assert_eq!(read(gzip.finish().unwrap()).unwrap(), (text.clone(), true));
        assert_eq!(read(zstd(&text)).unwrap(), (text.clone(), true));
        assert_eq!(read(text.clone()).unwrap(), (text, false));
        assert_eq!(read(Vec::new()).unwrap(), (Vec::new(), false));
    }

    #[test]
    fn frames_of_zstd_follow_one_another_and_some_hold_nothing() {
        let mut bytes = vec![0x51, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, b'x', b'y', b'z'];
        bytes.extend(zstd(b"one, "));
        bytes.extend([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
        bytes.extend(zstd(b"two"));

        assert_eq!(read(bytes).unwrap(), (b"one, two".to_vec(), true));
    }

    #[test]
    fn what_ends_too_early_is_an_error() {
        let whole = zstd(&b"some text ".repeat(1000));

        assert!(read(whole[..whole.len() / 2].to_vec()).is_err());
        assert!(read(vec![0x51, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, b'x']).is_err());
    }
}
