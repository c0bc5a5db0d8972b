//! What can go wrong.

use std::io;

/// Why an archive is not read on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The reader below failed.
    #[error("the archive cannot be read: {0}")]
    Input(#[source] io::Error),
    /// There are fewer bytes than were announced.
    #[error("it ends early")]
    EndsEarly,
    /// The sum of a header is not that of its bytes: these may be no tar archive at all.
    #[error("the sum of a header is wrong")]
    Sum,
    /// A header or an extended header means nothing.
    #[error("{0}")]
    Unreadable(String),
    /// It can be read, and is not taken.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    pub(crate) fn reading(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::EndsEarly,
            _ => Self::Input(error),
        }
    }
}
