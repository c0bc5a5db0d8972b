//! Reading of a tar archive's members with bounded memory, whatever the archive claims.

use std::io::{self, ErrorKind, Read};

use tar::{EntryType, Header, PaxExtensions};

use crate::{
    Error, Result,
    error::{reading, shown},
};

/// Most bytes of a long name or of extended headers.
const MAX_EXTENSION: u64 = 1 << 20;
/// Extended headers that may precede a member: a long name, a long link, two kinds of pax headers, and some to spare.
const MAX_EXTENSIONS: usize = 8;
/// The longest path, as the kernel takes one.
const MAX_PATH: usize = 4000;
/// Bytes of a header, and the unit to which content is filled up (POSIX ustar).
const BLOCK: u64 = 512;

/// What may be read on from and passed over.
pub(crate) trait Forward: Read {
    /// Passes over so many bytes; returns how many there were.
    fn forward(&mut self, bytes: u64) -> io::Result<u64>;
}

/// Something that has to be read to be passed over.
pub(crate) struct Stream<R>(pub(crate) R);

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

/// One member of an archive.
#[derive(Debug)]
pub(crate) struct Member {
    /// The names of its path, from the root of the archive on; none of them is empty, `.` or `..`.
    pub(crate) path: Vec<Vec<u8>>,
    /// Permission bits, those that give rights included.
    pub(crate) mode: u32,
    pub(crate) user: u32,
    pub(crate) group: u32,
    /// Seconds since 1970.
    pub(crate) modified: i64,
    pub(crate) content: Content,
}

/// What a member is.
#[derive(Debug)]
pub(crate) enum Content {
    File {
        size: u64,
    },
    Directory,
    Symlink {
        target: Vec<u8>,
    },
    /// Another name of a file that came before.
    Link {
        target: Vec<Vec<u8>>,
    },
    /// A device or a pipe.
    Special,
}

/// What extended headers say of the member that follows.
#[derive(Default)]
struct Extensions {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    user: Option<u64>,
    group: Option<u64>,
    modified: Option<i64>,
}

/// An archive that is read.
pub(crate) struct Tarball<R> {
    input: R,
    /// Bytes that were read or passed over.
    position: u64,
    /// Content of the member, and the filling after it, that was not yet read.
    left: u64,
    filling: u64,
}

impl<R: Forward> Tarball<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, position: 0, left: 0, filling: 0 }
    }

    /// What it was read from, at the place up to which it was.
    pub(crate) fn into_inner(self) -> R {
        self.input
    }

    /// Where the content of the member begins.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The next member. What was not read of the one before is passed over.
    pub(crate) fn next(&mut self) -> Result<Option<Member>> {
        self.skip()?;
        let mut extensions = Extensions::default();
        for _ in 0..=MAX_EXTENSIONS {
            let Some(header) = self.header()? else { return Ok(None) };
            let declared = header.entry_size().map_err(invalid)?;
            match header.entry_type() {
                EntryType::GNULongName => extensions.path = Some(self.text(declared)?),
                EntryType::GNULongLink => extensions.link = Some(self.text(declared)?),
                EntryType::XHeader => {
                    let records = self.extension(declared)?;
                    extensions.read(&records)?;
                }
                EntryType::XGlobalHeader => drop(self.extension(declared)?),
                _ => return self.member(&header, extensions).map(Some),
            }
        }
        Err(Error::invalid("there are too many extended headers before a member"))
    }

    /// The content of the member.
    pub(crate) fn content(&mut self) -> impl Read {
        MemberContent(self)
    }

    fn member(&mut self, header: &Header, extensions: Extensions) -> Result<Member> {
        let size = match extensions.size {
            Some(size) => size,
            None => header.entry_size().map_err(invalid)?,
        };
        let path = extensions.path.unwrap_or_else(|| header.path_bytes().into_owned());
        let link = || extensions.link.clone().or_else(|| header.link_name_bytes().map(Into::into)).unwrap_or_default();
        let kind = header.entry_type();
        let content = match kind {
            // A name with a slash at its end was the mark of a directory before there was a type for it (POSIX ustar).
            EntryType::Regular | EntryType::Continuous if path.ends_with(b"/") => Content::Directory,
            EntryType::Regular | EntryType::Continuous => Content::File { size },
            EntryType::Directory => Content::Directory,
            EntryType::Symlink => Content::Symlink { target: link() },
            EntryType::Link => Content::Link { target: names(&link())? },
            EntryType::Char | EntryType::Block | EntryType::Fifo => Content::Special,
            EntryType::GNUSparse => return Err(Error::invalid("sparse files are not supported; pack without them")),
            _ => return Err(Error::Invalid(format!("{} is of a kind that is not known here", shown(&path)))),
        };
        // Only a file has content; some programs write the size of what a link leads to.
        self.begin(if matches!(content, Content::File { .. }) { size } else { 0 });
        let number = |said: Option<u64>, header: io::Result<u64>| said.or_else(|| header.ok()).unwrap_or_default();
        Ok(Member {
            path: names(&path)?,
            mode: header.mode().map_err(invalid)? & 0o7777,
            user: narrow(number(extensions.user, header.uid())),
            group: narrow(number(extensions.group, header.gid())),
            modified: extensions
                .modified
                .or_else(|| header.mtime().ok().and_then(|seconds| i64::try_from(seconds).ok()))
                .unwrap_or_default(),
            content,
        })
    }

    fn skip(&mut self) -> Result<()> {
        let rest = self.left.saturating_add(self.filling);
        (self.left, self.filling) = (0, 0);
        let passed = self.input.forward(rest).map_err(reading)?;
        self.position = self.position.saturating_add(passed);
        if passed < rest { Err(reading(ErrorKind::UnexpectedEof.into())) } else { Ok(()) }
    }

    /// The next header that is not all zeros; none at the mark of the end.
    fn header(&mut self) -> Result<Option<Header>> {
        let mut header = Header::new_old();
        match self.input.read_exact(header.as_mut_bytes()) {
            // Some archives end without the mark.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof && self.position > 0 => return Ok(None),
            read => read.map_err(reading)?,
        }
        self.position += BLOCK;
        let bytes = header.as_bytes();
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        // The sum counts its own field as spaces (POSIX ustar).
        let sum: u32 = bytes
            .iter()
            .enumerate()
            .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) })
            .sum();
        match header.cksum().ok() == Some(sum) {
            true => Ok(Some(header)),
            false => Err(Error::invalid("it is no tar archive, or a damaged one: the sum of a header is wrong")),
        }
    }

    fn extension(&mut self, size: u64) -> Result<Vec<u8>> {
        if size > MAX_EXTENSION {
            return Err(Error::invalid("an extended header is larger than 1 MiB"));
        }
        self.begin(size);
        let mut bytes = Vec::new();
        self.content().read_to_end(&mut bytes).map_err(reading)?;
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

impl Extensions {
    fn read(&mut self, records: &[u8]) -> Result<()> {
        for record in PaxExtensions::new(records) {
            let record = record.map_err(invalid)?;
            let value = record.value_bytes();
            let number = || {
                let parsed = record.value().ok().and_then(|text| text.parse::<u64>().ok());
                parsed.ok_or_else(|| Error::invalid("an extended header holds no number where one has to be"))
            };
            match record.key_bytes() {
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"size" => self.size = Some(number()?),
                b"uid" => self.user = Some(number()?),
                b"gid" => self.group = Some(number()?),
                b"mtime" => {
                    let whole = record.value().ok().and_then(|text| text.split('.').next()?.parse().ok());
                    self.modified = whole;
                }
                // Sparse files of GNU tar store a map before their content.
                key if key.starts_with(b"GNU.sparse") => {
                    return Err(Error::invalid("sparse files are not supported; pack without them"));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Reads no further than the member, and reports an end that comes too soon.
struct MemberContent<'a, R>(&'a mut Tarball<R>);

impl<R: Read> Read for MemberContent<'_, R> {
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
        self.0.position += got as u64;
        Ok(got)
    }
}

/// The names of a path. It begins at the root of the archive, whether it has a slash in front or not.
///
/// # Errors
/// For `..`, wherever that leads: no honest archive has it.
pub(crate) fn names(path: &[u8]) -> Result<Vec<Vec<u8>>> {
    if path.len() > MAX_PATH || path.contains(&0) {
        return Err(Error::Invalid(format!("{} is no path", shown(path))));
    }
    let parts = path.split(|byte| *byte == b'/').filter(|part| !matches!(part, [] | [b'.']));
    let parts: Vec<Vec<u8>> = parts.map(<[u8]>::to_vec).collect();
    match parts.iter().any(|part| part == b"..") {
        true => Err(Error::Invalid(format!("{} leads out of what is unpacked", shown(path)))),
        false => Ok(parts),
    }
}

/// A system has 65,536 users; what belongs to none of them belongs to nobody.
fn narrow(id: u64) -> u32 {
    const NOBODY: u32 = 65_534;
    u32::try_from(id).ok().filter(|id| *id < 65_536).unwrap_or(NOBODY)
}

fn invalid(error: io::Error) -> Error {
    Error::Invalid(format!("it is no tar archive, or a damaged one: {error}"))
}
