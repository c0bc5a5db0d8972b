//! What a client is told when it is not let through.

use std::{fmt, io};

use crate::{
    dial::Denied,
    host::{Host, Target},
    verdict::Reason,
};

/// Why a target is not reached, and what can be done about it, in words. It tells no address that the client did not
/// name itself: what the names of internal networks resolve to is not for a workspace to know.
pub(crate) struct Refusal<'a> {
    pub(crate) target: &'a Target,
    pub(crate) denied: &'a Denied,
}

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, denied } = self;
        match denied.reason {
            Reason::NoNetwork => write!(
                f,
                "\"{target}\" was refused: the workspace has no network. To let it through, add \"{target}\" to the \
                 workspace's network.allow."
            ),
            Reason::NotListed => write!(
                f,
                "\"{target}\" was refused: it is not in the workspace's network.allow. To let it through, add \
                 \"{target}\" to the workspace's network.allow."
            ),
            Reason::OwnAddress => write!(
                f,
                "\"{target}\" was refused: it is the server that the workspace runs on. No setting opens it; use what \
                 the server offers inside the workspace."
            ),
            Reason::PrivateAddress | Reason::MetadataAddress => {
                write!(f, "\"{target}\" was refused: its address is ")?;
                match denied.special {
                    Some(special) => special.fmt(f)?,
                    None => f.write_str("not of the public internet")?,
                }
                match &denied.why {
                    Some(why) => write!(f, "; {why}."),
                    None => self.address_remedy(f),
                }
            }
            Reason::NameNotResolved => write!(
                f,
                "\"{target}\" could not be reached: its name has no address or could not be looked up. Check the name, \
                 and the server's name resolution."
            ),
            Reason::TooManyConnections => write!(
                f,
                "\"{target}\" was refused: the workspace has too many open connections. Close some and try again."
            ),
            Reason::ConnectFailed => write!(
                f,
                "\"{target}\" is allowed but could not be reached: {}. Check that it is up and that the server can \
                 reach it.",
                match denied.error {
                    Some(io::ErrorKind::ConnectionRefused) => "it refused the connection",
                    Some(io::ErrorKind::TimedOut) => "it did not answer in time",
                    _ => "there is no way to it",
                }
            ),
            Reason::NotMember => write!(
                f,
                "\"{target}\" was refused: the workspace reaches the machines of a tailnet only, by their full names or \
                 addresses, and this is none of them."
            ),
            Reason::UpstreamDown => write!(
                f,
                "\"{target}\" was refused: the way out that the workspace's network names is not there: {}. Nothing takes \
                 its place.",
                denied.why.as_deref().unwrap_or("it does not answer")
            ),
            Reason::InvalidHost | Reason::UnsupportedCommand | Reason::Rule | Reason::Open => {
                write!(f, "\"{target}\" was refused: {}.", denied.reason)
            }
        }
    }
}

impl Refusal<'_> {
    fn address_remedy(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, denied } = self;
        let listed = match target.host {
            Host::Address(_) => format!("\"{target}\""),
            Host::Name(_) if denied.open => format!("\"{target}\" and its \"ADDRESS:{}\"", target.port),
            Host::Name(_) => format!("its \"ADDRESS:{}\"", target.port),
        };
        let switch = if denied.open { ", which an open network does not have, so that it must be a list" } else { "" };
        write!(f, ". To let it through, add {listed} to the workspace's network.allow{switch}.")
    }
}
