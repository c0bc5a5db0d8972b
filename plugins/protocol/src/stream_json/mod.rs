//! The stream-json that Claude Code speaks in both directions, and what is compatible with it.
//!
//! One process is one turn: it gets the prompt as a line of JSON, prints what happens as lines of JSON, and ends the
//! turn with a line of the type `result`. Claude Code also takes *control requests* on its standard input and makes
//! some of its own, by which it asks a person; what it takes and tells was read from version 2.1.330.

mod ask;
mod calls;
mod crop;
mod result;
mod session;
mod system;
mod text;
mod tool;
mod write;

pub use session::StreamJson;

/// What a program knows of the protocol, and what it leaves open.
pub trait Dialect: 'static {
    /// It takes control requests, asks by them, and takes further messages in mid-turn. One that does not gets its
    /// prompt, the end of its input, and is interrupted by a signal.
    const CONTROL: bool;
    /// What mends a key that is not taken, where that is not the key of an account of the server's.
    const KEY_HINT: Option<&'static str> = None;
}
