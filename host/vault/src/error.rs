//! What can go wrong with keys and sealed values.

use std::path::PathBuf;

use sandboxed_model::{Blame, Failure};

use crate::KeyId;

/// A key or a sealed value that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A key's file cannot be read or written.
    #[error("the key file {} cannot be {doing}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// `read`, `written` …
        doing: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// A key's file is there and holds no key.
    #[error("{source_name} holds no master key: {reason}")]
    NoKey {
        /// Where the key was looked for.
        source_name: String,
        /// What it holds instead; never a part of it.
        reason: &'static str,
    },
    /// What was sealed was sealed with a key that is not there.
    #[error("it is sealed with the key {0}, which is not there")]
    UnknownKey(KeyId),
    /// The sealed bytes are not what was sealed under this name and version.
    #[error("it was changed or cut off since it was sealed")]
    Damaged,
    /// The passphrase cannot be turned into a key.
    #[error("the passphrase cannot be turned into a key: {0}")]
    Passphrase(String),
}

/// The result of using a key or a sealed value.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The same as a failure.
    pub fn failure(&self) -> Failure {
        let (code, hint) = match self {
            Self::File { .. } => (
                "vault.key_file",
                "make the file readable and writable for the server's user alone, or mend [vault] key",
            ),
            Self::NoKey { .. } => {
                ("vault.key_invalid", "bring back the key from where it is kept, or mend [vault] key")
            }
            Self::UnknownKey(_) => {
                ("vault.key_wrong", "bring back the key with which the vault was sealed ([vault] key)")
            }
            Self::Damaged => ("vault.damaged", "set the secret anew: sandboxed-sh secret set NAME"),
            Self::Passphrase(_) => ("vault.passphrase", "look at [vault] key in sandboxed.toml"),
        };
        Failure::new(Blame::Config, code, self.to_string()).with_hint(hint)
    }
}
