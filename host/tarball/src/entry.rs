//! What an archive holds.

/// One entry of an archive, as the archive tells it. Nothing of it was looked at for what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name: any bytes, which may lead anywhere.
    pub path: Vec<u8>,
    /// Where a link leads; without a meaning for what is none.
    pub link: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// Bytes of content that follow it. Only files have any, and what is [`Kind::Other`]: some programs write the size of what a
    /// link leads to, and no content (POSIX ustar).
    pub size: u64,
    /// Permission bits, with set-user-id, set-group-id and sticky.
    pub mode: u32,
    /// The id of the owner; absent where the archive has no number for it.
    pub user: Option<u64>,
    /// The id of the group, likewise.
    pub group: Option<u64>,
    /// Seconds since 1970, rounded down.
    pub modified: i64,
    /// Nanoseconds after them.
    pub nanoseconds: u32,
    /// Names and values of extended attributes, in the order in which they come.
    pub attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Another name of a file that came before.
    Link,
    /// A named pipe.
    Pipe,
    /// A device.
    Device,
    /// Something that is not known here.
    Other,
}
