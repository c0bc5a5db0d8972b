//! The members of an archive as an image has them: below its root, and of its users.

use std::io::Read;

use sandboxed_tarball::{Entries, Entry, Forward, Kind, Rules};

use crate::{Error, Result, error::shown};

/// The attributes of an image's files may be long, and some archives end without the mark.
const RULES: Rules = Rules { extension: 1 << 20, extensions: 8, unmarked_end: true };
/// The longest path, as the kernel takes one.
const MAX_PATH: usize = 4000;

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

/// The members of an archive, one after the other.
pub(crate) struct Members<R>(Entries<R>);

impl<R: Forward> Members<R> {
    pub(crate) fn new(input: R) -> Self {
        Self(Entries::new(input, RULES))
    }

    /// What it was read from, at the place up to which it was.
    pub(crate) fn into_inner(self) -> R {
        self.0.into_inner()
    }

    /// Where the content of the member begins.
    pub(crate) fn position(&self) -> u64 {
        self.0.position()
    }

    /// The next member. What was not read of the one before is passed over.
    pub(crate) fn next(&mut self) -> Result<Option<Member>> {
        self.0.next_entry()?.map(member).transpose()
    }

    /// The content of the member.
    pub(crate) fn content(&mut self) -> impl Read {
        self.0.content()
    }
}

fn member(entry: Entry) -> Result<Member> {
    let content = match entry.kind {
        Kind::File => Content::File { size: entry.size },
        Kind::Directory => Content::Directory,
        Kind::Symlink => Content::Symlink { target: entry.link },
        Kind::Link => Content::Link { target: names(&entry.link)? },
        Kind::Pipe | Kind::Device => Content::Special,
        Kind::Other => {
            return Err(Error::Invalid(format!("{} is of a kind that is not known here", shown(&entry.path))));
        }
    };
    Ok(Member {
        path: names(&entry.path)?,
        mode: entry.mode,
        user: narrow(entry.user.unwrap_or_default()),
        group: narrow(entry.group.unwrap_or_default()),
        modified: entry.modified,
        content,
    })
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
