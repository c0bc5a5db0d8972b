//! Secrets at rest, and secrets out of sight: values are sealed with a master key, and what is told is searched for them.
//!
//! - [`Keyring`] holds the master keys. The newest seals; all that are known open, so that a key can be replaced while both
//!   are in use.
//! - [`Sealed`] is a value under a key, as it is stored. It is bound to its name and version ([`Binding`]): one that is put
//!   into the place of another does not open.
//! - [`Redaction`] is what all parts of a server share to keep values out of what they tell, whole texts and texts that
//!   come in pieces ([`TextRedactor`]).
//!
//! This crate may not know of SQL, HTTP, missions or workspaces: it is given bytes and names, and gives bytes and texts. It
//! does not decide who may use a secret. No type of it shows a value or a key when it is printed, and memory that held one
//! is overwritten when it is given up.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod error;
mod key;
mod key_file;
mod keyring;
mod redact;
mod seal;

pub use error::{Error, Result};
pub use key::{KeyId, MasterKey, Salted};
pub use key_file::KeyFile;
pub use keyring::Keyring;
pub use redact::{ByteMask, Known, MIN_REDACTED, Redaction, Redactor, TextRedactor};
pub use seal::{Binding, Sealed};

/// The largest value of a secret, in bytes: a larger one cannot be kept out of what is told.
pub const MAX_VALUE: usize = 64 << 10;
