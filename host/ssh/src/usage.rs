//! What is told of the uses of keys.

use std::fmt;

/// One use of the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// A login was signed.
    Signed {
        /// What the key is called.
        key: String,
    },
    /// A connection was not bound to a session, or a signature was not made.
    Refused(Refusal),
}

/// Why the agent refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The session is at a host that is not the agent's.
    OtherHost,
    /// The host's proof of the session is not valid.
    InvalidProof,
    /// The connection leads to another machine.
    Forwarded,
    /// The connection had its one try to be bound.
    BoundBefore,
    /// A signature was asked for on a connection that is bound to no session of the host.
    NotBound,
    /// The agent has no such key.
    UnknownKey,
    /// The signature was to be made with SHA-1, or in a way that nobody knows.
    UnsupportedAlgorithm,
    /// What was to be signed is no login, or one with another key or algorithm than was asked for.
    NotLogin,
    /// The login is one in another session.
    OtherSession,
    /// The login is one as another user.
    OtherUser,
    /// The agent made all its signatures.
    Spent,
    /// The key does not sign.
    Failed,
}

impl Refusal {
    /// The reason in one word, as it is written to logs.
    pub fn code(self) -> &'static str {
        match self {
            Self::OtherHost => "other_host",
            Self::InvalidProof => "invalid_proof",
            Self::Forwarded => "forwarded",
            Self::BoundBefore => "bound_before",
            Self::NotBound => "not_bound",
            Self::UnknownKey => "unknown_key",
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
            Self::NotLogin => "not_login",
            Self::OtherSession => "other_session",
            Self::OtherUser => "other_user",
            Self::Spent => "spent",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Who is told of uses. A signature is told before it is given out. It is called between two messages and must not block.
pub type UseSink = Box<dyn Fn(Use) + Send + Sync>;
