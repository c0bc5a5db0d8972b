//! Whom a client wants to talk to.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use crate::error::Problem;

/// The longest name that DNS can carry (RFC 1035, section 2.3.4), written as text without the last dot.
pub(crate) const NAME_LENGTH: usize = 253;
/// The longest label of a name (RFC 1035, section 2.3.4).
const LABEL_LENGTH: usize = 63;

/// A DNS name: ASCII, lower case, without a trailing dot, and nothing that a resolver could take for an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Name(String);

impl Name {
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() {
            return Err(Problem::EmptyHost);
        }
        if !text.is_ascii() {
            return Err(Problem::NotAscii);
        }
        if text.contains('*') {
            return Err(Problem::BadWildcard);
        }
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) {
            return Err(Problem::BadCharacter);
        }
        if text.len() > NAME_LENGTH {
            return Err(Problem::TooLong);
        }
        let well_formed =
            |label: &str| (1..=LABEL_LENGTH).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
        if !text.split('.').all(well_formed) {
            return Err(Problem::BadLabel);
        }
        // getaddrinfo and inet_aton take `127.1`, `0x7f.1` and `2130706433` for addresses. No top-level domain is a
        // number, so a last label that reads as one is never part of a name.
        let last = text.rsplit('.').next().unwrap_or(text);
        if last.bytes().all(|byte| byte.is_ascii_digit()) || is_hexadecimal(last) {
            return Err(Problem::Numeric);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this name lies below `parent`, at any depth.
    pub(crate) fn is_below(&self, parent: &Self) -> bool {
        self.0.strip_suffix(&parent.0).is_some_and(|rest| rest.ends_with('.'))
    }
}

fn is_hexadecimal(label: &str) -> bool {
    let digits = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A name or an address. An IPv4 address that is mapped into IPv6 is the IPv4 address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Host {
    Name(Name),
    Address(IpAddr),
}

impl Host {
    /// Reads a host that stands without a port and without brackets.
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        // The parsers of the standard library know but the canonical forms: four decimal numbers without leading zeros.
        if let Ok(address) = text.strip_suffix('.').unwrap_or(text).parse::<Ipv4Addr>() {
            return Ok(Self::Address(address.into()));
        }
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Ok(Self::address(address.into()));
        }
        Name::parse(text).map(Self::Name)
    }

    pub(crate) fn address(address: IpAddr) -> Self {
        Self::Address(address.to_canonical())
    }

    /// The host without brackets.
    pub(crate) fn plain(&self) -> String {
        match self {
            Self::Name(name) => name.as_str().to_owned(),
            Self::Address(address) => address.to_string(),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name.as_str()),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// Reads the host of `host` or `[address]` as it stands before a port.
pub(crate) fn parse_bracketed(text: &str) -> Result<Host, Problem> {
    if let Some(inner) = text.strip_prefix('[') {
        let inner = inner.strip_suffix(']').ok_or(Problem::BadIpv6)?;
        let address = inner.parse::<Ipv6Addr>().map_err(|_| Problem::BadIpv6)?;
        return Ok(Host::address(address.into()));
    }
    if text.contains(':') {
        return Err(Problem::BareIpv6);
    }
    Host::parse(text)
}

/// Splits `host:port`. The port is missing if there is no colon behind the host.
pub(crate) fn split_port(text: &str) -> (&str, Option<&str>) {
    let host_end = text.rfind(']').map_or(0, |bracket| bracket + 1);
    match text[host_end..].rfind(':') {
        Some(colon) => (&text[..host_end + colon], Some(&text[host_end + colon + 1..])),
        None => (text, None),
    }
}

pub(crate) fn parse_port(text: &str) -> Result<u16, Problem> {
    let canonical = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    if !canonical {
        return Err(Problem::BadPort);
    }
    text.parse().map_err(|_| Problem::BadPort)
}

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    pub(crate) host: Host,
    pub(crate) port: u16,
}

impl Target {
    /// Reads `host:port`. Without `default_port`, the port must be there.
    pub(crate) fn parse(text: &str, default_port: Option<u16>) -> Result<Self, BadTarget> {
        let (host, port) = split_port(text);
        let port = match port {
            Some(port) => parse_port(port),
            None => default_port.ok_or(Problem::NoPort),
        }
        .map_err(|problem| BadTarget { problem, named: None })?;
        match parse_bracketed(host) {
            Ok(host) => Ok(Self { host, port }),
            Err(problem) => Err(BadTarget::of(problem, host, port)),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// A target that cannot be one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadTarget {
    pub(crate) problem: Problem,
    /// The host and the port, if they can be shown: what holds other characters than a host may hold a password.
    pub(crate) named: Option<(String, u16)>,
}

impl BadTarget {
    pub(crate) fn of(problem: Problem, host: &str, port: u16) -> Self {
        let shows = (1..=NAME_LENGTH).contains(&host.len())
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        Self { problem, named: shows.then(|| (host.to_owned(), port)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Result<Host, Problem> {
        Target::parse(text, None).map(|target| target.host).map_err(|bad| bad.problem)
    }

    #[test]
    fn spellings_of_an_address_that_only_c_libraries_know_are_no_hosts() {
        for text in [
            "2130706433:80",
            "0177.0.0.1:80",
            "127.1:80",
            "127.0.1:80",
            "0x7f000001:80",
            "0x7f.1:80",
            "0X7F.0.0.0x1:80",
            "127.0.0.01:80",
            "1.2.3.4.5:80",
            "256.0.0.1:80",
            "017700000001.:80",
            "a.0x:80",
        ] {
            assert_eq!(host(text), Err(Problem::Numeric), "{text}");
        }
    }

    #[test]
    fn an_address_is_read_in_its_canonical_spelling() {
        let loopback = Host::Address(Ipv4Addr::LOCALHOST.into());
        for text in ["127.0.0.1:80", "127.0.0.1.:80", "[::ffff:127.0.0.1]:80", "[::ffff:7f00:1]:80"] {
            assert_eq!(host(text), Ok(loopback.clone()), "{text}");
        }
        assert_eq!(host("[::1]:80"), Ok(Host::Address(Ipv6Addr::LOCALHOST.into())));
    }

    #[test]
    fn a_name_is_compared_without_case_and_trailing_dot() {
        assert_eq!(host("Example.ORG.:443"), host("example.org:443"));
        assert_ne!(host("example.org:443"), host("example.com:443"));
    }

    #[test]
    fn what_is_no_host_says_why() {
        for (text, problem) in [
            (":80", Problem::EmptyHost),
            (".:80", Problem::EmptyHost),
            ("exämple.org:80", Problem::NotAscii),
            ("user@example.org:80", Problem::BadCharacter),
            ("exa mple.org:80", Problem::BadCharacter),
            ("example%2eorg:80", Problem::BadCharacter),
            ("example..org:80", Problem::BadLabel),
            ("-a.org:80", Problem::BadLabel),
            ("::1:80", Problem::BareIpv6),
            ("[::1%lo]:80", Problem::BadIpv6),
            ("[127.0.0.1]:80", Problem::BadIpv6),
            ("[::1]x:80", Problem::BadIpv6),
            ("example.org", Problem::NoPort),
            ("[::1]", Problem::NoPort),
            ("example.org:", Problem::BadPort),
            ("example.org:0", Problem::BadPort),
            ("example.org:+80", Problem::BadPort),
            ("example.org:080", Problem::BadPort),
            ("example.org:65536", Problem::BadPort),
            ("*.example.org:80", Problem::BadWildcard),
        ] {
            assert_eq!(host(text), Err(problem), "{text}");
        }
        assert_eq!(host(&format!("{}a:80", "a.".repeat(127))), Err(Problem::TooLong));
        assert_eq!(host(&format!("{}.org:80", "a".repeat(64))), Err(Problem::BadLabel));
    }

    #[test]
    fn a_bad_host_is_only_shown_if_it_cannot_hold_a_password() {
        assert_eq!(Target::parse("127.1:80", None).unwrap_err().named, Some(("127.1".to_owned(), 80)));
        assert_eq!(Target::parse("user:secret@example.org:80", None).unwrap_err().named, None);
    }
}
