//! What can go wrong.

use std::{
    io,
    path::{Path, PathBuf},
};

use rustix::io::Errno;

/// Anything that can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or directory of the machine could not be used.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was being done.
        what: &'static str,
        /// With which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What was read is no image, or a damaged or a hostile one.
    #[error("{0}")]
    Invalid(String),
    /// It is not what its digest says.
    #[error("{what} is not what its digest says: it should be sha256:{expected} and is sha256:{found}")]
    Digest {
        /// Which part.
        what: String,
        /// What was named.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The source holds no image that was asked for, or more than one.
    #[error("{0}")]
    Choice(String),
    /// It is larger than it may be.
    #[error("it unpacks to more than {limit} {of}")]
    TooLarge {
        /// How much it may be.
        limit: u64,
        /// Of what.
        of: &'static str,
    },
    /// Something of it could not be written.
    #[error("writing {path}: {source}")]
    Write {
        /// Its path in the image.
        path: String,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }

    pub(crate) fn invalid(reason: impl Into<String>) -> Self {
        Self::Invalid(reason.into())
    }

    /// A member that could not be written.
    pub(crate) fn write(path: &[u8]) -> impl FnOnce(Errno) -> Self {
        let path = shown(path);
        move |errno| match errno {
            Errno::LOOP => Self::Invalid(format!("the way to {path} is a circle of links")),
            Errno::EXIST => Self::Invalid(format!("a link that leads nowhere is on the way to {path}")),
            Errno::NOTDIR => Self::Invalid(format!("a file is on the way to {path}")),
            Errno::NAMETOOLONG => Self::Invalid(format!("the name of {path} is too long")),
            errno => Self::Write { path, source: errno.into() },
        }
    }
}

/// A path of an archive, for a person.
pub(crate) fn shown(path: &[u8]) -> String {
    const LONGEST: usize = 200;
    let cut = &path[..path.len().min(LONGEST)];
    let text: String = String::from_utf8_lossy(cut).chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    if cut.len() < path.len() { format!("`{text}…`") } else { format!("`{text}`") }
}

/// A failure to read, told as what it means.
pub(crate) fn reading(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Error::invalid("the archive ends too early"),
        _ => match error.downcast::<Error>() {
            Ok(own) => own,
            Err(error) => Error::Invalid(format!("the archive cannot be read: {error}")),
        },
    }
}

impl From<sandboxed_tarball::Error> for Error {
    fn from(error: sandboxed_tarball::Error) -> Self {
        use sandboxed_tarball::Error as Tarball;
        match error {
            Tarball::Input(error) => reading(error),
            Tarball::EndsEarly => reading(io::ErrorKind::UnexpectedEof.into()),
            Tarball::Sum | Tarball::Unreadable(_) => {
                Self::Invalid(format!("it is no tar archive, or a damaged one: {error}"))
            }
            Tarball::Refused(reason) => Self::Invalid(reason),
        }
    }
}
