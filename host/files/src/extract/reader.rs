//! The members of an archive as this crate takes them: within limits, and below where they are unpacked.

use std::io::{self, ErrorKind, Read};

use sandboxed_tarball::{Entries, Entry, Kind, Rules, Stream};

use crate::{Error, Limits, RelativePath, Result};

/// A long name, a long link and two kinds of extended headers may precede a member. None of them has to hold more than this
/// crate's own archives do.
const RULES: Rules = Rules { extension: 64 << 10, extensions: 4, unmarked_end: false };

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

/// The members of an archive, up to a number of them and of their bytes.
pub(crate) struct Archive<R> {
    entries: Entries<Stream<R>>,
    limits: Limits,
    bytes: u64,
    count: u64,
}

impl<R: Read> Archive<R> {
    pub(crate) fn new(input: R, limits: Limits) -> Self {
        Self { entries: Entries::new(Stream(input), RULES), limits, bytes: 0, count: 0 }
    }

    /// The next member. What was not read of the one before is passed over.
    pub(crate) fn next(&mut self) -> Result<Option<Member>> {
        let Some(entry) = self.entries.next_entry()? else { return Ok(None) };
        self.count += 1;
        if self.count > self.limits.entries {
            return Err(Error::TooManyEntries { limit: self.limits.entries });
        }
        self.bytes = self.bytes.saturating_add(entry.size);
        if self.bytes > self.limits.bytes {
            return Err(Error::TooLarge { limit: self.limits.bytes });
        }
        member(entry).map(Some)
    }

    /// The content of the member.
    pub(crate) fn content(&mut self) -> impl Read {
        self.entries.content()
    }

    /// What comes after the mark of the end.
    pub(crate) fn into_input(self) -> R {
        self.entries.into_inner().0
    }
}

fn member(entry: Entry) -> Result<Member> {
    let id = |id: Option<u64>| id.and_then(|id| u32::try_from(id).ok()).unwrap_or(u32::MAX);
    Ok(Member {
        path: confined(&entry.path)?,
        mode: entry.mode,
        user: id(entry.user),
        group: id(entry.group),
        modified: entry.modified,
        nanoseconds: entry.nanoseconds,
        attributes: entry.attributes,
        content: match entry.kind {
            Kind::File => Content::File { size: entry.size },
            Kind::Directory => Content::Directory,
            Kind::Symlink => Content::Symlink { target: entry.link },
            Kind::Link => Content::Link { target: entry.link },
            Kind::Pipe => Content::Pipe,
            Kind::Device => Content::Refused("a device"),
            Kind::Other => Content::Refused("a kind of entry that is not known here"),
        },
    })
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
        ErrorKind::InvalidInput | ErrorKind::InvalidData => Error::ArchiveInvalid(error.to_string()),
        _ => Error::Input(error),
    }
}

fn ended_early() -> Error {
    Error::ArchiveInvalid(sandboxed_tarball::Error::EndsEarly.to_string())
}

impl From<sandboxed_tarball::Error> for Error {
    fn from(error: sandboxed_tarball::Error) -> Self {
        match error {
            sandboxed_tarball::Error::Input(error) => told_io(error),
            sandboxed_tarball::Error::Sum => Self::ArchiveInvalid(format!("{error}; is the format right?")),
            error => Self::ArchiveInvalid(error.to_string()),
        }
    }
}
