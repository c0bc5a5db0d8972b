//! An address of a provider.

use std::fmt;

use url::{Host, Url};

use crate::{Error, Result};

/// An address of a provider to which secrets are sent: `https`, or `http` on a loopback address where that was allowed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Endpoint(Url);

impl Endpoint {
    pub(crate) fn parse(what: &str, text: &str, http_on_loopback: bool) -> Result<Self> {
        let invalid = |why: &str| Err(Error::Description(format!("{what} {why}")));
        let Ok(url) = Url::parse(text) else { return invalid("is no URL") };
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return invalid("has a user, a password or a fragment");
        }
        match (url.scheme(), url.host()) {
            ("https", Some(_)) => Ok(Self(url)),
            ("http", Some(host)) if on_loopback(&host) => {
                if http_on_loopback {
                    Ok(Self(url))
                } else {
                    invalid("is http: set http_on_loopback to allow that")
                }
            }
            _ => invalid("is not https"),
        }
    }

    pub(crate) fn url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

/// By its address: a name might lead anywhere.
fn on_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_https_or_on_loopback_where_that_is_allowed() {
        for (text, allowed) in [
            ("https://auth.example.org/token?x=1", false),
            ("http://127.0.0.1:8080/token", true),
            ("http://[::1]:8080/token", true),
        ] {
            Endpoint::parse("token_url", text, allowed).unwrap();
        }
        for (text, allowed) in [
            ("http://auth.example.org/token", true),
            ("http://127.0.0.1:8080/token", false),
            ("http://localhost:8080/token", true),
            ("https://user@auth.example.org/token", true),
            ("https://auth.example.org/token#x", true),
            ("ftp://auth.example.org", true),
            ("auth.example.org", true),
        ] {
            let error = Endpoint::parse("token_url", text, allowed).unwrap_err();
            assert!(matches!(error, Error::Description(_)), "{text}");
        }
    }
}
