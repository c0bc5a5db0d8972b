//! What the proxy decided, for those who keep records.

use std::{
    fmt,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use sandboxed_model::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// What became of one request of a client. It holds nothing of what was sent: no path, no header, no password.
///
/// A refusal is told at once, a connection that was let through when it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// When it was decided.
    pub at: Timestamp,
    /// The name or address that the client asked for; an IPv6 address without brackets.
    pub host: String,
    /// The port that the client asked for.
    pub port: u16,
    /// Whether it was let through.
    pub decision: Decision,
    /// Why.
    pub reason: Reason,
    /// The addresses that passed the check, or, in a refusal for its addresses, those that did not.
    pub addresses: Vec<IpAddr>,
    /// Bytes sent to the target.
    pub bytes_up: u64,
    /// Bytes received from the target.
    pub bytes_down: u64,
}

/// Whether a request was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It was.
    Allowed,
    /// It was not.
    Refused,
}

/// Why a request was let through or not. [`Reason::code`] is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Allowed: a rule names it.
    Rule,
    /// Allowed: the policy is open.
    Open,
    /// Allowed, but none of its addresses answered.
    ConnectFailed,
    /// Refused: the workspace has no network.
    NoNetwork,
    /// Refused: no rule names it.
    NotListed,
    /// Refused: it is the server itself.
    OwnAddress,
    /// Refused: its addresses are not of the public internet, and no rule names one of them.
    PrivateAddress,
    /// Refused: its address is where clouds hand credentials to machines, and no rule names it.
    MetadataAddress,
    /// Refused: its name has no addresses, or they could not be found out.
    NameNotResolved,
    /// Refused: it is neither a name nor an address.
    InvalidHost,
    /// Refused: the client asked for something else than an outgoing TCP connection.
    UnsupportedCommand,
    /// Refused: too many connections are open.
    TooManyConnections,
    /// Refused: the network that connections go by does not have it.
    NotMember,
    /// Refused: the network that connections go by is not there.
    UpstreamDown,
}

impl Reason {
    /// The decision that goes with this reason.
    pub const fn decision(self) -> Decision {
        match self {
            Self::Rule | Self::Open | Self::ConnectFailed => Decision::Allowed,
            Self::NoNetwork
            | Self::NotListed
            | Self::OwnAddress
            | Self::PrivateAddress
            | Self::MetadataAddress
            | Self::NameNotResolved
            | Self::InvalidHost
            | Self::UnsupportedCommand
            | Self::TooManyConnections
            | Self::NotMember
            | Self::UpstreamDown => Decision::Refused,
        }
    }

    /// A word for programs, the same as in JSON.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Open => "open",
            Self::ConnectFailed => "connect_failed",
            Self::NoNetwork => "no_network",
            Self::NotListed => "not_listed",
            Self::OwnAddress => "own_address",
            Self::PrivateAddress => "private_address",
            Self::MetadataAddress => "metadata_address",
            Self::NameNotResolved => "name_not_resolved",
            Self::InvalidHost => "invalid_host",
            Self::UnsupportedCommand => "unsupported_command",
            Self::TooManyConnections => "too_many_connections",
            Self::NotMember => "not_member",
            Self::UpstreamDown => "upstream_down",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Where verdicts go: a bounded channel that the proxy never waits for. What does not fit is counted and dropped.
#[derive(Debug, Clone)]
pub struct VerdictSink {
    sender: mpsc::Sender<Verdict>,
    dropped: Arc<AtomicU64>,
}

impl VerdictSink {
    /// A sink and the end at which its verdicts come out. At most `capacity` of them (at least one) wait to be taken.
    pub fn channel(capacity: usize) -> (Self, mpsc::Receiver<Verdict>) {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        (Self { sender, dropped: Arc::default() }, receiver)
    }

    /// How many verdicts were dropped since the start because nobody took them in time.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub(crate) fn send(&self, verdict: Verdict) {
        if self.sender.try_send(verdict).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_a_reason_is_its_json() {
        for reason in [
            Reason::Rule,
            Reason::Open,
            Reason::ConnectFailed,
            Reason::NoNetwork,
            Reason::NotListed,
            Reason::OwnAddress,
            Reason::PrivateAddress,
            Reason::MetadataAddress,
            Reason::NameNotResolved,
            Reason::InvalidHost,
            Reason::UnsupportedCommand,
            Reason::TooManyConnections,
            Reason::NotMember,
            Reason::UpstreamDown,
        ] {
            assert_eq!(serde_json::to_string(&reason).unwrap(), format!("\"{}\"", reason.code()));
        }
    }
}
