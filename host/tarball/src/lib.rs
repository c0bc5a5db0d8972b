//! Reads what a tar archive holds, entry by entry, in one pass and with bounded memory, whatever the archive claims.
//!
//! An archive is hostile: its headers are held against their sums, its sizes are taken for claims until the bytes have come, and
//! what would fill the memory is refused by [`Rules`] that the caller makes. Names are given as the bytes that they are.
//!
//! This crate may not know of files, directories, workspaces or images, nor of compression: it opens and writes nothing, and what a
//! path may be, where an entry goes and how much an archive may hold is the caller's to say.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod entries;
mod entry;
mod error;
mod forward;
mod pax;

pub use entries::{Entries, Rules};
pub use entry::{Entry, Kind};
pub use error::Error;
pub use forward::{Forward, Stream};
pub use pax::ATTRIBUTE;

/// Bytes of a header, and the unit to which content is filled up (POSIX ustar).
pub const BLOCK: u64 = 512;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;
