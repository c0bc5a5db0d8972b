//! What can go wrong with keys and with lines of `known_hosts`.

use sandboxed_model::{Blame, Failure};

/// A key or a `known_hosts` that cannot be used. No error holds a part of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes are no private key of OpenSSH.
    #[error("the key {name} is no OpenSSH private key")]
    NoKey {
        /// What the key is called.
        name: String,
    },
    /// The key is encrypted, and there is no passphrase.
    #[error("the key {name} needs a passphrase")]
    Encrypted {
        /// What the key is called.
        name: String,
    },
    /// The passphrase does not open the key.
    #[error("the passphrase does not open the key {name}")]
    Passphrase {
        /// What the key is called.
        name: String,
    },
    /// The key is encrypted in a way that would take minutes to open.
    #[error("the key {name} is encrypted with {rounds} rounds")]
    Rounds {
        /// What the key is called.
        name: String,
        /// How many rounds of bcrypt.
        rounds: u32,
    },
    /// The key is of a kind with which the agent does not sign.
    #[error("the key {name} is of the kind {kind}")]
    Kind {
        /// What the key is called.
        name: String,
        /// The kind: `ssh-dss`, `sk-ssh-ed25519@openssh.com` …
        kind: String,
    },
    /// The RSA key is too short to be safe, or longer than anyone's.
    #[error("the RSA key {name} has {bits} bits")]
    Size {
        /// What the key is called.
        name: String,
        /// Bits of its modulus.
        bits: u32,
    },
    /// A line of `known_hosts` cannot be understood.
    #[error("line {0} of known_hosts cannot be understood")]
    Line(usize),
    /// The `known_hosts` is larger than anyone's.
    #[error("known_hosts is larger than {0} bytes")]
    Large(usize),
    /// The host is known by an authority for certificates, which is not supported.
    #[error("line {line} of known_hosts knows {host} by a certificate authority")]
    Authority {
        /// The line, from 1.
        line: usize,
        /// The host as it is looked for.
        host: String,
    },
    /// The `known_hosts` has no key of the host that is not revoked.
    #[error("known_hosts has no key of {0}")]
    Unknown(String),
}

/// The result of reading keys and lines.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The same as a failure.
    pub fn failure(&self) -> Failure {
        let (code, hint) = match self {
            Self::NoKey { .. } => {
                ("ssh.key_invalid", "convert it with `ssh-keygen -p -f FILE` and set the secret to the file's contents")
            }
            Self::Encrypted { .. } => ("ssh.key_encrypted", "name the secret that holds the key's passphrase"),
            Self::Passphrase { .. } => ("ssh.key_passphrase", "set the secret with the key's passphrase anew"),
            Self::Rounds { .. } => ("ssh.key_rounds", "encrypt it with fewer rounds: `ssh-keygen -p -a 100 -f FILE`"),
            Self::Kind { .. } => ("ssh.key_kind", "use a key of the kind ed25519, ecdsa (256 or 384 bits) or rsa"),
            Self::Size { .. } => ("ssh.key_size", "use a key of the kind ed25519, or an RSA key of 2048 to 8192 bits"),
            Self::Line(_) | Self::Large(_) => ("ssh.known_hosts", "give lines as `ssh-keyscan HOST` prints them"),
            Self::Authority { .. } => ("ssh.known_hosts_authority", "give the host's own keys instead"),
            Self::Unknown(_) => {
                ("ssh.host_unknown", "add the host's keys, as its operator publishes them or `ssh-keyscan` prints them")
            }
        };
        Failure::new(Blame::Config, code, self.to_string()).with_hint(hint)
    }
}
