//! What can go wrong.

/// Anything that can go wrong for the one who sets a proxy up. What goes wrong with a connection is told to the client
/// that opened it and in its [`Verdict`](crate::Verdict).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A text is not a rule.
    #[error("\"{text}\" is not a network rule: {problem}")]
    Rule {
        /// The text.
        text: String,
        /// What is wrong with it.
        problem: Problem,
    },
}

/// What is wrong with a host, a port, or a rule made of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// There is no host.
    #[error("the host is missing; write it as \"host:port\"")]
    EmptyHost,
    /// The name has letters outside ASCII.
    #[error("the host has letters outside ASCII; write an international name in its \"xn--\" form")]
    NotAscii,
    /// The name has a character that no name has.
    #[error(
        "the host has a character that is in no host name; write only the host and the port, like \"example.org:443\""
    )]
    BadCharacter,
    /// A label of the name is empty, too long, or starts or ends with a hyphen.
    #[error("a part of the host name is empty, longer than 63 letters, or starts or ends with a hyphen")]
    BadLabel,
    /// The name is too long.
    #[error("the host name is longer than 253 letters")]
    TooLong,
    /// The host ends in a number and is no IPv4 address in its usual spelling.
    #[error(
        "the host ends in a number and is no IPv4 address; write an address as four decimal numbers, like \"10.0.0.5\""
    )]
    Numeric,
    /// An IPv6 address stands without its brackets.
    #[error("an IPv6 address needs brackets, like \"[2001:db8::1]:443\"")]
    BareIpv6,
    /// What stands in brackets is no IPv6 address.
    #[error("what stands in brackets is no IPv6 address")]
    BadIpv6,
    /// There is no port.
    #[error("the port is missing; write it as \"host:port\", or \"host:*\" in a rule for every port")]
    NoPort,
    /// The port is no number from 1 to 65535.
    #[error("the port is no number from 1 to 65535")]
    BadPort,
    /// A `*` stands where it has no meaning.
    #[error(
        "\"*\" may only stand for all subdomains, as in \"*.example.org:443\", or for all ports, as in \"example.org:*\""
    )]
    BadWildcard,
    /// The rule holds a `/`: it is a URL or a range of addresses.
    #[error("a rule is neither a URL nor a range of addresses; name each host as \"host:port\"")]
    Slash,
    /// The address belongs to no single machine.
    #[error("the address stands for no machine that one could connect to")]
    NoMachine,
}
