//! What can go wrong with signing in and with refreshing.

use sandboxed_model::{Blame, Failure};

/// The longest error code of a provider that is told, in characters.
const MOST_CODE: usize = 100;

/// A sign-in or a refresh that did not succeed. No error holds a token, a code, or the text of an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The description of a client cannot be meant.
    #[error("the description of the sign-in is not valid: {0}")]
    Description(String),
    /// The client has no address to which the provider could send the browser back.
    #[error("the sign-in has no callback address")]
    NoCallback,
    /// The client does not sign in by device codes.
    #[error("the provider has no sign-in by device code here")]
    NoDevice,
    /// What was given to end the sign-in is neither a code with a state nor an address with both.
    #[error("that is not what the provider shows at the end of a sign-in")]
    Reply,
    /// The reply belongs to another sign-in.
    #[error("the reply does not belong to this sign-in")]
    State,
    /// The sign-in took too long.
    #[error("the sign-in has expired")]
    Expired,
    /// The person, or the provider, did not agree.
    #[error("the provider did not sign in: {0}")]
    Denied(String),
    /// The provider refused the request for a token, with this error code.
    #[error("the provider refused: {0}")]
    Refused(String),
    /// The provider does not work for now.
    #[error("the provider does not work for now: it answered {0}")]
    Unavailable(u16),
    /// The provider does not answer.
    #[error("the provider does not answer: {0}")]
    Unreachable(String),
    /// The provider's answer is not one of a token endpoint.
    #[error("the provider's answer is not valid: {0}")]
    Answer(&'static str),
    /// The bytes are no grant.
    #[error("what is stored of the account is no grant")]
    Grant,
    /// The broker has no account of that name.
    #[error("there is no account {0}")]
    NoAccount(String),
    /// Nobody is signed in, or the provider ended it.
    #[error("nobody is signed in to the account {0}")]
    SignedOut(String),
    /// The grant could not be read or stored.
    #[error("the grant of the account {account} cannot be kept: {reason}")]
    Keep {
        /// The account.
        account: String,
        /// Why.
        reason: String,
    },
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made: {0}")]
    Http(String),
    /// The refresh was cut off with the server.
    #[error("the refresh was cut off")]
    Cut,
}

/// The result of signing in or refreshing.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A refusal of a token endpoint.
    pub(crate) fn refused(code: &str) -> Self {
        Self::Refused(told_code(code))
    }

    /// A refusal of an authorization endpoint.
    pub(crate) fn denied(code: &str) -> Self {
        Self::Denied(told_code(code))
    }

    /// Whether the grant itself is not valid any more (RFC 6749, section 5.2).
    pub(crate) fn ends_grant(&self) -> bool {
        matches!(self, Self::Refused(code) if code == "invalid_grant")
    }

    /// The same as a failure.
    pub fn failure(&self) -> Failure {
        let (blame, code, hint) = match self {
            Self::Description(_) => (Blame::Config, "oauth.description", "mend the provider's table"),
            Self::NoCallback => (Blame::Config, "oauth.no_callback", "set the server's public address"),
            Self::NoDevice => (Blame::Config, "oauth.no_device", "sign in with a browser"),
            Self::Reply => (Blame::Config, "oauth.reply", "paste the whole code, with what comes after the #"),
            Self::State => (Blame::Denied, "oauth.state", "begin the sign-in again and end it in the same window"),
            Self::Expired => (Blame::Deadline, "oauth.expired", "begin the sign-in again"),
            Self::Denied(_) => (Blame::Denied, "oauth.denied", "begin the sign-in again and agree"),
            Self::Refused(_) => (Blame::Denied, "oauth.refused", "sign in again, or look at the provider's table"),
            Self::Unavailable(_) | Self::Unreachable(_) => {
                (Blame::Unavailable, "oauth.unavailable", "try again, or look at the provider's status page")
            }
            Self::Answer(_) => {
                (Blame::Unavailable, "oauth.answer", "look at the token address in the provider's table")
            }
            Self::Grant => (Blame::Host, "oauth.grant", "sign in again"),
            Self::NoAccount(_) => (Blame::Config, "oauth.no_account", "add the account first"),
            Self::SignedOut(_) => (Blame::Denied, "oauth.signed_out", "sign in again"),
            Self::Keep { .. } => (Blame::Host, "oauth.keep", "look at the vault: sandboxed-sh doctor"),
            Self::Http(_) => (Blame::Host, "oauth.http", "look at the machine's certificates and proxy settings"),
            Self::Cut => (Blame::Host, "oauth.cut", "try again"),
        };
        Failure::new(blame, code, self.to_string()).with_hint(hint)
    }
}

/// An error code as it may be told: short, and nothing that a terminal or a page would obey.
fn told_code(code: &str) -> String {
    let told: String = code.chars().filter(|char| char.is_ascii_graphic() || *char == ' ').take(MOST_CODE).collect();
    if told.is_empty() { "no reason".to_owned() } else { told }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_told_short_and_plain() {
        assert_eq!(Error::refused("invalid_grant").to_string(), "the provider refused: invalid_grant");
        assert_eq!(Error::refused("\u{1b}[31mred\r\n"), Error::Refused("[31mred".to_owned()));
        assert_eq!(Error::denied(&"x".repeat(500)), Error::Denied("x".repeat(100)));
        assert_eq!(Error::denied("\0"), Error::Denied("no reason".to_owned()));
    }
}
