//! One line of an allow list.

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    error::{Error, Problem},
    host::{Host, Name, Target, parse_bracketed, parse_port, split_port},
};

/// Hosts and ports that may be connected to, written as `host:port`:
///
/// | text | what it allows |
/// | --- | --- |
/// | `example.org:443` | this name, this port |
/// | `*.example.org:443` | every name below `example.org`, at any depth, but not `example.org` itself |
/// | `example.org:*` | every port |
/// | `10.0.0.5:8080`, `[::1]:80` | this address, even if it is not of the public internet |
///
/// Names are compared without regard to case and to a trailing dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rule {
    host: Hosts,
    port: Ports,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Hosts {
    One(Host),
    Below(Name),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Ports {
    One(u16),
    All,
}

impl Ports {
    fn hold(self, port: u16) -> bool {
        match self {
            Self::One(one) => one == port,
            Self::All => true,
        }
    }
}

impl Rule {
    pub(crate) fn allows(&self, target: &Target) -> bool {
        self.port.hold(target.port)
            && match (&self.host, &target.host) {
                (Hosts::One(one), host) => one == host,
                (Hosts::Below(parent), Host::Name(name)) => name.is_below(parent),
                (Hosts::Below(_), Host::Address(_)) => false,
            }
    }

    /// Whether this rule names the very address.
    pub(crate) fn names(&self, address: IpAddr, port: u16) -> bool {
        self.port.hold(port) && self.host == Hosts::One(Host::Address(address))
    }

    fn parse(text: &str) -> Result<Self, Problem> {
        if text.contains('/') {
            return Err(Problem::Slash);
        }
        let (host, port) = split_port(text);
        let host = match host.strip_prefix("*.") {
            Some(parent) => Hosts::Below(Name::parse(parent)?),
            None => Hosts::One(parse_bracketed(host)?),
        };
        if let Hosts::One(Host::Address(address)) = host
            && (address.is_unspecified() || address.is_multicast())
        {
            return Err(Problem::NoMachine);
        }
        let port = match port.ok_or(Problem::NoPort)? {
            "*" => Ports::All,
            port => Ports::One(parse_port(port)?),
        };
        Ok(Self { host, port })
    }
}

impl FromStr for Rule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text).map_err(|problem| Error::Rule { text: text.to_owned(), problem })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Hosts::One(host) => host.fmt(f)?,
            Hosts::Below(parent) => write!(f, "*.{}", parent.as_str())?,
        }
        match self.port {
            Ports::One(port) => write!(f, ":{port}"),
            Ports::All => f.write_str(":*"),
        }
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(rule: &str, target: &str) -> bool {
        rule.parse::<Rule>().unwrap().allows(&Target::parse(target, None).unwrap())
    }

    fn problem(text: &str) -> Problem {
        let Error::Rule { problem, .. } = text.parse::<Rule>().unwrap_err();
        problem
    }

    #[test]
    fn a_rule_allows_its_host_at_its_port_only() {
        assert!(allows("example.org:443", "EXAMPLE.org.:443"));
        assert!(allows("Example.Org.:443", "example.org:443"));
        assert!(!allows("example.org:443", "example.org:80"));
        assert!(!allows("example.org:443", "www.example.org:443"));
        assert!(!allows("example.org:443", "badexample.org:443"));
        assert!(allows("example.org:*", "example.org:22"));
    }

    #[test]
    fn a_wildcard_allows_subdomains_only() {
        assert!(allows("*.example.org:443", "a.example.org:443"));
        assert!(allows("*.example.org:443", "A.B.Example.org:443"));
        assert!(!allows("*.example.org:443", "example.org:443"));
        assert!(!allows("*.example.org:443", "badexample.org:443"));
        assert!(!allows("*.example.org:443", "example.org.evil.net:443"));
    }

    #[test]
    fn an_address_is_named_by_its_own_rule_and_no_other() {
        let address: IpAddr = "10.0.0.5".parse().unwrap();
        let names = |rule: &str| rule.parse::<Rule>().unwrap().names(address, 8080);
        assert!(names("10.0.0.5:8080"));
        assert!(names("10.0.0.5:*"));
        assert!(names("[::ffff:10.0.0.5]:8080"));
        assert!(!names("10.0.0.5:80"));
        assert!(!names("10.0.0.6:8080"));
        assert!(!names("example.org:*"));
    }

    #[test]
    fn what_is_no_rule_says_why() {
        for (text, expected) in [
            ("", Problem::EmptyHost),
            ("example.org", Problem::NoPort),
            ("*:443", Problem::BadWildcard),
            ("a.*.org:443", Problem::BadWildcard),
            ("*.*.org:443", Problem::BadWildcard),
            ("*example.org:443", Problem::BadWildcard),
            ("*.10.0.0.5:443", Problem::Numeric),
            ("https://example.org:443", Problem::Slash),
            ("10.0.0.0/8:443", Problem::Slash),
            ("example.org:4*", Problem::BadPort),
            ("example.org :443", Problem::BadCharacter),
            ("münchen.de:443", Problem::NotAscii),
            ("::1:80", Problem::BareIpv6),
            ("127.1:80", Problem::Numeric),
            ("0.0.0.0:80", Problem::NoMachine),
            ("[ff02::1]:80", Problem::NoMachine),
        ] {
            assert_eq!(problem(text), expected, "{text}");
        }
        let error = "example.org".parse::<Rule>().unwrap_err();
        assert!(error.to_string().contains("\"example.org\" is not a network rule: the port is missing"));
    }

    #[test]
    fn a_rule_is_a_string_in_json_and_reads_back() {
        for text in ["example.org:443", "*.example.org:443", "example.org:*", "10.0.0.5:8080", "[::1]:80"] {
            let rule: Rule = text.parse().unwrap();
            let json = serde_json::to_string(&rule).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Rule>(&json).unwrap(), rule);
        }
        assert!(serde_json::from_str::<Rule>("\"example.org\"").is_err());
    }
}
