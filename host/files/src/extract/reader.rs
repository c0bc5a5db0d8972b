//! Reading of an archive's members with bounded memory, whatever the archive claims.

use std::io::{self, ErrorKind, Read};

use tar::{EntryType, Header};

use crate::{Error, Limits, RelativePath, Result};

/// Most bytes of a long name or of extended headers.
const MAX_EXTENSION: u64 = 64 * 1024;

/// Extended headers that may precede a member: a long name, a long link and two kinds of pax headers.
const MAX_EXTENSIONS: usize = 4;

/// How the names of extended attributes begin in extended headers (star, and GNU tar after it).
pub(crate) const ATTRIBUTE: &[u8] = b"SCHILY.xattr.";

/// Bytes of a header, and the unit to which content is filled up (POSIX ustar).
pub(crate) const BLOCK: u64 = 512;

/// One member of an archive.
pub(crate) struct Member {
    pub(crate) path: RelativePath,
    /// Permission bits, with set-user-id, set-group-id and sticky.
    pub(crate) mode: u32,
    pub(crate) user: u32,
    pub(crate) group: u32,
    /// Seconds since 1970.
    pub(crate) modified: i64,
    pub(crate) nanoseconds: u32,
    /// Extended attributes, in the order in which they come.
    pub(crate) attributes: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) content: Content,
}

pub(crate) enum Content {
    File {
        size: u64,
    },
    Directory,
    Symlink {
        target: Vec<u8>,
    },
    /// Another name of the file at this path from the start of the archive.
    Link {
        target: Vec<u8>,
    },
    Pipe,
    Refused(&'static str),
}

/// What extended headers say of the member that follows.
#[derive(Default)]
struct Extensions {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    modified: Option<(i64, u32)>,
    attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

pub(crate) struct Archive<R> {
    input: R,
    limits: Limits,
    bytes: u64,
    entries: u64,
    /// Content of the member, and the filling after it, that was not yet read.
    left: u64,
    filling: u64,
}

impl<R: Read> Archive<R> {
    pub(crate) fn new(input: R, limits: Limits) -> Self {
        Self { input, limits, bytes: 0, entries: 0, left: 0, filling: 0 }
    }

    /// The next member; the content of the one before must have been skipped.
    pub(crate) fn next(&mut self) -> Result<Option<Member>> {
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
        Err(Error::ArchiveInvalid("too many extended headers before a member".to_owned()))
    }

    fn member(&mut self, header: &Header, extensions: Extensions) -> Result<Member> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(Error::TooManyEntries { limit: self.limits.entries });
        }
        let size = match extensions.size {
            Some(size) => size,
            None => header.entry_size().map_err(invalid)?,
        };
        self.bytes = self.bytes.saturating_add(size);
        if self.bytes > self.limits.bytes {
            return Err(Error::TooLarge { limit: self.limits.bytes });
        }
        self.begin(size);
        let path = extensions.path.unwrap_or_else(|| header.path_bytes().into_owned());
        let content = match header.entry_type() {
            // A name with a slash at its end was the mark of a directory before there was a type for it (POSIX ustar).
            EntryType::Regular | EntryType::Continuous if path.ends_with(b"/") => Content::Directory,
            EntryType::Regular | EntryType::Continuous => Content::File { size },
            EntryType::Directory => Content::Directory,
            EntryType::Symlink => Content::Symlink { target: target(extensions.link, header) },
            EntryType::Link => Content::Link { target: target(extensions.link, header) },
            EntryType::Char | EntryType::Block => Content::Refused("a device"),
            EntryType::Fifo => Content::Pipe,
            _ => Content::Refused("a kind of entry that is not known here"),
        };
        let id = |id: io::Result<u64>| id.ok().and_then(|id| u32::try_from(id).ok()).unwrap_or(u32::MAX);
        let (modified, nanoseconds) = extensions.modified.unwrap_or_else(|| {
            let seconds = header.mtime().ok().and_then(|seconds| i64::try_from(seconds).ok());
            (seconds.unwrap_or(0), 0)
        });
        Ok(Member {
            path: confined(&path)?,
            mode: header.mode().map_err(invalid)? & 0o7777,
            user: id(header.uid()),
            group: id(header.gid()),
            modified,
            nanoseconds,
            attributes: extensions.attributes,
            content,
        })
    }

    /// The content of the member.
    pub(crate) fn content(&mut self) -> impl Read {
        MemberContent(self)
    }

    /// Passes over what is left of the member.
    pub(crate) fn skip(&mut self) -> Result<()> {
        let rest = self.left.saturating_add(self.filling);
        (self.left, self.filling) = (0, 0);
        let passed = io::copy(&mut (&mut self.input).take(rest), &mut io::sink()).map_err(told_io)?;
        if passed < rest { Err(ended_early()) } else { Ok(()) }
    }

    /// What comes after the mark of the end.
    pub(crate) fn into_input(self) -> R {
        self.input
    }

    /// The next header that is not all zeros; `None` at the mark of the end.
    fn header(&mut self) -> Result<Option<Header>> {
        let mut header = Header::new_old();
        self.input.read_exact(header.as_mut_bytes()).map_err(told_io)?;
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
        if header.cksum().ok() != Some(sum) {
            return Err(Error::ArchiveInvalid("the sum of a header is wrong; is the format right?".to_owned()));
        }
        Ok(Some(header))
    }

    fn extension(&mut self, size: u64) -> Result<Vec<u8>> {
        if size > MAX_EXTENSION {
            return Err(Error::ArchiveInvalid("an extended header is larger than 64 KiB".to_owned()));
        }
        self.begin(size);
        let mut bytes = Vec::new();
        self.content().read_to_end(&mut bytes).map_err(told_io)?;
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
    fn read(&mut self, mut records: &[u8]) -> Result<()> {
        while !records.is_empty() {
            let (key, value) = record(&mut records)
                .ok_or_else(|| Error::ArchiveInvalid("an extended header cannot be read".to_owned()))?;
            let text = || std::str::from_utf8(value).ok();
            match key {
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"mtime" => self.modified = text().and_then(time).or(self.modified),
                key if key.starts_with(ATTRIBUTE) => {
                    self.attributes.push((key[ATTRIBUTE.len()..].to_vec(), value.to_vec()));
                }
                b"size" => {
                    let size = text().and_then(|text| text.parse().ok());
                    self.size = Some(size.ok_or_else(|| Error::ArchiveInvalid("a size is no number".to_owned()))?);
                }
                // Sparse files of GNU tar store a map before their content.
                key if key.starts_with(b"GNU.sparse") => {
                    return Err(Error::ArchiveInvalid("sparse files are not supported; pack without them".to_owned()));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Takes one record, `LENGTH KEY=VALUE` and the end of a line (POSIX pax). A value may hold ends of lines itself.
fn record<'r>(records: &mut &'r [u8]) -> Option<(&'r [u8], &'r [u8])> {
    let space = records.iter().position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&records[..space]).ok()?.parse().ok()?;
    let (record, rest) = records.split_at_checked(length)?;
    let pair = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = pair.iter().position(|byte| *byte == b'=')?;
    *records = rest;
    Some((&pair[..equals], &pair[equals + 1..]))
}

/// Seconds since 1970 and nanoseconds.
fn time(text: &str) -> Option<(i64, u32)> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    let nanoseconds = digits.try_fold(0, |sum, digit| Some(sum * 10 + char::from(digit).to_digit(10)?))?;
    Some((seconds.parse().ok()?, nanoseconds))
}

fn target(long: Option<Vec<u8>>, header: &Header) -> Vec<u8> {
    long.or_else(|| header.link_name_bytes().map(Into::into)).unwrap_or_default()
}

/// Reads no further than the member, and reports an end that comes too soon.
struct MemberContent<'a, R>(&'a mut Archive<R>);

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
        Ok(got)
    }
}

/// The path of a member. `..` is refused wherever it leads: no honest archive has it.
fn confined(path: &[u8]) -> Result<RelativePath> {
    let outside = path.first() == Some(&b'/') || path.split(|byte| *byte == b'/').any(|part| part == b"..");
    if outside {
        let path = crate::name::escape(path);
        return Err(Error::ArchiveInvalid(format!("`{path}` leads out of the directory to unpack into")));
    }
    RelativePath::parse(path).map_err(|error| Error::ArchiveInvalid(error.to_string()))
}

/// A failure to read content, told as what it means for an archive.
pub(crate) fn told(error: Error) -> Error {
    match error {
        Error::Input(error) => told_io(error),
        error => error,
    }
}

fn told_io(error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::UnexpectedEof => ended_early(),
        ErrorKind::InvalidInput | ErrorKind::InvalidData => invalid(error),
        _ => Error::Input(error),
    }
}

fn ended_early() -> Error {
    Error::ArchiveInvalid("it ends early".to_owned())
}

fn invalid(error: io::Error) -> Error {
    Error::ArchiveInvalid(error.to_string())
}
