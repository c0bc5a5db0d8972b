//! Reading on from one entry to the next.

use std::io::{self, ErrorKind, Read};

use tar::{EntryType, Header};

use crate::pax::{Extensions, SPARSE};
use crate::{BLOCK, Entry, Error, Forward, Kind, Result};

/// What is taken of an archive. What one entry takes of memory is bounded by the first two.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Most bytes of a long name, or of the records of one extended header.
    pub extension: u64,
    /// Long names and extended headers that may precede an entry.
    pub extensions: usize,
    /// Whether an archive may end without the mark of its end, where the next header would be.
    pub unmarked_end: bool,
}

/// An archive that is read.
#[derive(Debug)]
pub struct Entries<R> {
    input: R,
    rules: Rules,
    position: u64,
    /// Content of the entry, and the filling after it, that was not yet read.
    left: u64,
    filling: u64,
}

impl<R: Forward> Entries<R> {
    /// An archive that begins where `input` stands.
    pub fn new(input: R, rules: Rules) -> Self {
        Self { input, rules, position: 0, left: 0, filling: 0 }
    }

    /// What it was read from, at the place up to which it was.
    pub fn into_inner(self) -> R {
        self.input
    }

    /// Bytes that were read or passed over: where the content of the entry begins, before any of it was read.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next entry. What was not read of the one before is passed over. Nothing at a block of zeros: the mark of the end is two
    /// of them, and whoever wants to see the second asks once more.
    ///
    /// # Errors
    /// For what is no tar archive, is damaged, ends early or breaks the rules; for sparse files; and those of reading. There is no
    /// going on after an error.
    pub fn next_entry(&mut self) -> Result<Option<Entry>> {
        self.skip()?;
        let (mut said, mut is_announced) = (Extensions::default(), false);
        for _ in 0..=self.rules.extensions {
            let Some(header) = self.header()? else {
                return if is_announced { Err(Error::EndsEarly) } else { Ok(None) };
            };
            let declared = header.entry_size().map_err(unreadable)?;
            match header.entry_type() {
                EntryType::GNULongName => said.path = Some(self.text(declared)?),
                EntryType::GNULongLink => said.link = Some(self.text(declared)?),
                EntryType::XHeader => said.read(&self.extension(declared)?)?,
                // What it says is for all that follow, of which there may be none.
                EntryType::XGlobalHeader => {
                    self.extension(declared)?;
                    continue;
                }
                _ => return self.entry(&header, declared, said).map(Some),
            }
            is_announced = true;
        }
        Err(Error::Refused("there are too many extended headers before a member".to_owned()))
    }

    /// The content of the entry. It ends where the entry does; an archive that ends before is an error.
    pub fn content(&mut self) -> impl Read {
        Content(self)
    }

    fn entry(&mut self, header: &Header, declared: u64, said: Extensions) -> Result<Entry> {
        let path = said.path.unwrap_or_else(|| header.path_bytes().into_owned());
        let kind = match header.entry_type() {
            // A name with a slash at its end was the mark of a directory before there was a type for it (POSIX ustar).
            EntryType::Regular | EntryType::Continuous if path.ends_with(b"/") => Kind::Directory,
            EntryType::Regular | EntryType::Continuous => Kind::File,
            EntryType::Directory => Kind::Directory,
            EntryType::Symlink => Kind::Symlink,
            EntryType::Link => Kind::Link,
            EntryType::Fifo => Kind::Pipe,
            EntryType::Char | EntryType::Block => Kind::Device,
            EntryType::GNUSparse => return Err(Error::Refused(SPARSE.to_owned())),
            _ => Kind::Other,
        };
        let size = match kind {
            Kind::File | Kind::Other => said.size.unwrap_or(declared),
            _ => 0,
        };
        self.begin(size);
        let (modified, nanoseconds) = said.modified.unwrap_or_else(|| {
            let seconds = header.mtime().ok().and_then(|seconds| i64::try_from(seconds).ok());
            (seconds.unwrap_or(0), 0)
        });
        Ok(Entry {
            path,
            link: said.link.or_else(|| header.link_name_bytes().map(Into::into)).unwrap_or_default(),
            kind,
            size,
            mode: header.mode().map_err(unreadable)? & 0o7777,
            user: said.user.or_else(|| header.uid().ok()),
            group: said.group.or_else(|| header.gid().ok()),
            modified,
            nanoseconds,
            attributes: said.attributes,
        })
    }

    fn skip(&mut self) -> Result<()> {
        let rest = self.left.saturating_add(self.filling);
        (self.left, self.filling) = (0, 0);
        let passed = self.input.forward(rest).map_err(Error::reading)?;
        self.position = self.position.saturating_add(passed);
        if passed < rest { Err(Error::EndsEarly) } else { Ok(()) }
    }

    /// The next header; none at a block of zeros.
    fn header(&mut self) -> Result<Option<Header>> {
        let mut block = Vec::with_capacity(BLOCK as usize);
        (&mut self.input).take(BLOCK).read_to_end(&mut block).map_err(Error::reading)?;
        match block.len() as u64 {
            BLOCK => {}
            0 if self.rules.unmarked_end && self.position > 0 => return Ok(None),
            _ => return Err(Error::EndsEarly),
        }
        self.position = self.position.saturating_add(BLOCK);
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let header = Header::from_byte_slice(&block);
        match header.cksum().ok() == Some(sum(&block)) {
            true => Ok(Some(header.clone())),
            false => Err(Error::Sum),
        }
    }

    fn extension(&mut self, size: u64) -> Result<Vec<u8>> {
        if size > self.rules.extension {
            let limit = shown(self.rules.extension);
            return Err(Error::Refused(format!("an extended header is larger than {limit}")));
        }
        self.begin(size);
        let mut bytes = Vec::new();
        self.content().read_to_end(&mut bytes).map_err(Error::reading)?;
        self.skip()?;
        Ok(bytes)
    }

    /// A long name: it ends with its first NUL.
    fn text(&mut self, size: u64) -> Result<Vec<u8>> {
        let mut bytes = self.extension(size)?;
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        bytes.truncate(end);
        Ok(bytes)
    }

    fn begin(&mut self, size: u64) {
        self.left = size;
        self.filling = size.wrapping_neg() % BLOCK;
    }
}

/// Reads no further than the entry, and reports an end that comes too soon.
struct Content<'a, R>(&'a mut Entries<R>);

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = buffer.len().min(usize::try_from(self.0.left).unwrap_or(usize::MAX));
        if want == 0 {
            return Ok(0);
        }
        let got = self.0.input.read(&mut buffer[..want])?;
        if got == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.0.left -= got as u64;
        self.0.position = self.0.position.saturating_add(got as u64);
        Ok(got)
    }
}

/// The sum of a header, which counts its own field as spaces (POSIX ustar).
fn sum(header: &[u8]) -> u32 {
    let counted = header.iter().enumerate();
    counted.map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) }).sum()
}

/// A limit, for a person.
fn shown(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    match bytes % MIB {
        0 => format!("{} MiB", bytes / MIB),
        _ => format!("{} KiB", bytes >> 10),
    }
}

fn unreadable(error: io::Error) -> Error {
    Error::Unreadable(error.to_string())
}
