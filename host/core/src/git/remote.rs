//! Where a repository is, and what opens it.

use std::{collections::BTreeMap, net::IpAddr};

use sandboxed_model::config::GitCredential;
use url::Url;

use crate::{Error, Result};

/// A repository that is reached over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remote {
    url: Url,
    /// As git tells it to whoever gives credentials: with the port if it is not the usual one.
    host: String,
}

impl Remote {
    /// # Errors
    /// When it is no URL of a repository over HTTP, or holds a credential itself.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let invalid = |message: &str| Error::Invalid { code: "git.url_invalid", message: message.to_owned() };
        let url = Url::parse(text).map_err(|error| invalid(&format!("it is no URL of a repository: {error}")))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(invalid("a repository is reached by https:// (or http:// on this machine)"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("the URL holds a credential: leave it away, and name a secret in [git.credentials]"));
        }
        if url.query().is_some() || url.fragment().is_some() || text.len() > 2000 {
            return Err(invalid("the URL of a repository has no query and no fragment, and at most 2000 bytes"));
        }
        let name = url.host_str().ok_or_else(|| invalid("the URL names no host"))?;
        let host = match url.port() {
            Some(port) => format!("{name}:{port}"),
            None => name.to_owned(),
        };
        Ok(Self { url, host })
    }

    pub(super) fn as_str(&self) -> &str {
        self.url.as_str()
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn scheme(&self) -> &str {
        self.url.scheme()
    }

    /// What lets a workspace reach it.
    pub(super) fn rule(&self) -> String {
        let (name, port) = (self.url.host_str().unwrap_or_default(), self.url.port_or_known_default().unwrap_or(443));
        format!("{name}:{port}")
    }

    /// What the operator has given for this host.
    ///
    /// # Errors
    /// When it would go over a network in clear text.
    pub(super) fn credential<'a>(
        &self,
        known: &'a BTreeMap<String, GitCredential>,
    ) -> Result<Option<&'a GitCredential>> {
        let Some(credential) = known.get(&self.host) else { return Ok(None) };
        let here = match self.url.host() {
            Some(url::Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
            Some(url::Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost",
            None => false,
        };
        if self.scheme() == "http" && !here {
            return Err(Error::Invalid {
                code: "git.clear_text",
                message: format!("the credential of {} is not sent over http://: take https://", self.host),
            });
        }
        Ok(Some(credential))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(url: &str) -> String {
        Remote::parse(url).unwrap_err().failure().code
    }

    #[test]
    fn a_repository_is_reached_over_http_and_its_url_holds_no_credential() {
        assert_eq!(Remote::parse("https://example.org:8443/a/b.git").unwrap().host(), "example.org:8443");
        assert_eq!(Remote::parse("https://example.org:443/a").unwrap().host(), "example.org");
        assert_eq!(Remote::parse("https://example.org/a").unwrap().rule(), "example.org:443");
        for wrong in [
            "https://user:secret@example.org/a",
            "https://token@example.org/a",
            "ssh://git@example.org/a",
            "file:///etc",
            "ext::sh -c id",
            "--upload-pack=id",
            "/etc",
            "https://example.org/a?x=1",
        ] {
            assert_eq!(code(wrong), "git.url_invalid", "{wrong}");
        }
    }

    #[test]
    fn a_credential_is_for_one_host_and_goes_over_no_network_in_clear_text() {
        let credential = GitCredential { secret: "s".to_owned(), username: "git".to_owned() };
        let known: BTreeMap<_, _> =
            ["example.org", "127.0.0.1:8080"].map(|host| (host.to_owned(), credential.clone())).into();
        let of = |url: &str| Remote::parse(url).unwrap().credential(&known).map(|found| found.is_some()).ok();

        assert_eq!(of("https://example.org/a"), Some(true));
        assert_eq!(of("http://127.0.0.1:8080/a"), Some(true));
        assert_eq!(of("http://example.org/a"), None);
        for other in ["https://example.org.evil.net/a", "https://evil.net/example.org", "https://example.org:8443/a"] {
            assert_eq!(of(other), Some(false), "{other}");
        }
    }
}
