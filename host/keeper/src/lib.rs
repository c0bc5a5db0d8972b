//! What the server and its keeper say to each other. The keeper is a small program without any library of its own that the
//! server puts into containers of engines on other machines. It starts programs and keeps what they print until the server has
//! it, however often the connection breaks, and it serves the workspace's files.
//!
//! The server speaks to it through the standard input and output of a program that the engine starts. Both directions are
//! frames: a kind, the length (4 bytes, big endian), and so many bytes.
//!
//! The keeper runs as the workspace's user. Whatever it says may as well be said by an agent.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod files;
mod frame;
mod run;

pub use files::{Condition, FileAnswer, FileRequest, Stamp};
pub use frame::{Broken, Decoder, Frame, Kind, LONGEST};
pub use run::{RunEnd, RunExit, RunRequest, is_mark};

/// Where a container finds the workspace's files.
pub const TREE: &str = "/workspace";
/// Where it finds what is the server's: the keeper, and the directories below.
pub const STATE: &str = "/sandboxed";
/// Where it finds what the server leaves for runs. The workspace's user cannot write there.
pub const INBOX: &str = "/sandboxed/inbox";
/// Where what programs print is kept.
pub const RUNS: &str = "/sandboxed/runs";
/// Where it finds the keeper.
pub const PROGRAM: &str = "/sandboxed/bin/keeper";

/// How often each side tells the other that it is there, in seconds.
pub const BEAT_SECS: u64 = 2;
/// After so many seconds without a word the other side is gone.
pub const SILENCE_SECS: u64 = 12;
