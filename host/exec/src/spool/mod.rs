//! The spool: what a process printed, in files of bounded size, readable from any place while it is being written.
//!
//! Each stream is a sequence of segments, files named after the place of their first byte in all that was printed.
//! Where one segment ends before the next begins, what was in between is gone: it was dropped to stay below the limit
//! (the oldest after the beginning goes first), or the disk was full when it came. So the directory listing is the
//! whole index, and nothing has to be kept in step with it.

mod reader;
mod segment;
mod watch;
mod writer;

pub use reader::{Chunk, SpoolReader};
pub(crate) use watch::Watcher;
pub(crate) use writer::SpoolWriter;

#[cfg(test)]
mod tests;
