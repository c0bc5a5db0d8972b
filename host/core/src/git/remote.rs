//! Where a repository is, and what opens it.

use std::{collections::BTreeMap, net::IpAddr, ops::RangeInclusive};

use sandboxed_model::{
    Blame, Failure,
    config::{GitAccess, GitCredential, is_ssh_user},
};
use url::Url;

use crate::{Error, Result};

/// The longest URL in bytes.
const LONGEST: usize = 2000;
/// The port that is left out of URLs of SSH.
const SSH_PORT: u16 = 22;
/// The length of a name of a host (RFC 1035).
const NAME_BYTES: RangeInclusive<usize> = 1..=253;

/// A repository that is reached over HTTP or SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remote {
    /// As git is given it.
    url: String,
    /// As the configuration names it: with the port if it is not the usual one.
    host: String,
    way: Way,
}

/// How it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    Http(Url),
    Ssh(Login),
}

/// Who comes to which host of SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Login {
    user: String,
    /// An IPv6 address is in brackets.
    name: String,
    port: u16,
}

impl Login {
    /// The host as `known_hosts` has it.
    pub(super) fn known_as(&self) -> &str {
        self.name.trim_matches(['[', ']'])
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

/// What the operator has given for a remote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Credential<'a> {
    /// The host under which it stands in the configuration.
    pub(super) host: &'a str,
    pub(super) access: GitAccess<'a>,
}

fn invalid(message: &str) -> Error {
    Error::Invalid { code: "git.url_invalid", message: message.to_owned() }
}

impl Remote {
    /// # Errors
    /// When it is no URL of a repository over HTTP or SSH, or holds a credential itself.
    pub(super) fn parse(text: &str) -> Result<Self> {
        if text.len() > LONGEST || text.chars().any(char::is_control) {
            return Err(invalid("the URL of a repository has at most 2000 bytes, on one line"));
        }
        if let Some((user, name, path)) = short_ssh(text) {
            let login = login(user, name, SSH_PORT)?;
            return Ok(Self {
                url: format!("{user}@{}:{path}", login.name),
                host: login.name.clone(),
                way: Way::Ssh(login),
            });
        }
        let url = Url::parse(text).map_err(|error| invalid(&format!("it is no URL of a repository: {error}")))?;
        if url.password().is_some() || (url.scheme() != "ssh" && !url.username().is_empty()) {
            return Err(invalid("the URL holds a credential: leave it away, and name a secret in [git.credentials]"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("the URL of a repository has no query and no fragment"));
        }
        let name = url.host_str().ok_or_else(|| invalid("the URL names no host"))?;
        match url.scheme() {
            "https" | "http" => {
                let host = with_port(name, url.port());
                Ok(Self { url: url.to_string(), host, way: Way::Http(url) })
            }
            "ssh" => {
                let login = login(url.username(), name, url.port().unwrap_or(SSH_PORT))?;
                if url.path().len() < 2 {
                    return Err(invalid("the URL names no repository"));
                }
                let host = with_port(&login.name, (login.port != SSH_PORT).then_some(login.port));
                Ok(Self { url: format!("ssh://{}@{host}{}", login.user, url.path()), host, way: Way::Ssh(login) })
            }
            _ => Err(invalid(
                "a repository is reached by https:// (or http:// on this machine), ssh://USER@HOST/PATH or USER@HOST:PATH",
            )),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.url
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn scheme(&self) -> &str {
        match &self.way {
            Way::Http(url) => url.scheme(),
            Way::Ssh(_) => "ssh",
        }
    }

    /// What git may speak with it.
    pub(super) fn protocols(&self) -> &'static str {
        match self.way {
            Way::Http(_) => "https:http",
            Way::Ssh(_) => "ssh",
        }
    }

    /// Who comes to it, if it is reached over SSH.
    pub(super) fn login(&self) -> Option<&Login> {
        match &self.way {
            Way::Http(_) => None,
            Way::Ssh(login) => Some(login),
        }
    }

    /// What lets a workspace reach it.
    pub(super) fn rule(&self) -> String {
        match &self.way {
            Way::Http(url) => {
                with_port(url.host_str().unwrap_or_default(), Some(url.port_or_known_default().unwrap_or(443)))
            }
            Way::Ssh(Login { name, port, .. }) => with_port(name, Some(*port)),
        }
    }

    /// What the operator has given for this host. Over SSH there is something always.
    ///
    /// # Errors
    /// When it would go over a network in clear text, or there is no key for this user at a host of SSH.
    pub(super) fn credential<'a>(&self, known: &'a BTreeMap<String, GitCredential>) -> Result<Option<Credential<'a>>> {
        let found = |host: &str| {
            let (host, credential) = known.get_key_value(host)?;
            // One that is neither was refused when the configuration was read.
            Some(Credential { host, access: credential.access().ok()? })
        };
        match &self.way {
            Way::Http(url) => {
                let password = |given: &Credential<'_>| matches!(given.access, GitAccess::Password { .. });
                let Some(credential) = found(&self.host).filter(password) else { return Ok(None) };
                if url.scheme() == "http" && !is_here(url) {
                    return Err(Error::Invalid {
                        code: "git.clear_text",
                        message: format!("the credential of {} is not sent over http://: take https://", self.host),
                    });
                }
                Ok(Some(credential))
            }
            Way::Ssh(login) => {
                let key = |given: &Credential<'_>| matches!(given.access, GitAccess::Key(_));
                // A host that has a token too has its key under its port.
                let credential = found(&self.rule()).filter(key).or_else(|| found(&self.host).filter(key));
                match credential {
                    Some(Credential { access: GitAccess::Key(key), .. }) if key.username == login.user => {
                        Ok(credential)
                    }
                    Some(Credential { access: GitAccess::Key(key), host }) => {
                        let message = format!("the key for {host} is for the user {:?} there", key.username);
                        Err(Failure::new(Blame::Config, "git.ssh_user", message)
                            .with_hint(format!(
                                "{}@{} in the URL, or another username in [git.credentials]",
                                key.username, login.name
                            ))
                            .into())
                    }
                    _ => {
                        let message = format!("there is no key with which git logs in at {}", self.host);
                        Err(Failure::new(Blame::Config, "git.no_key", message)
                            .with_hint(format!(
                                "[git.credentials] \"{}\" = {{ ssh_key = \"…\", known_hosts = \"…\", username = \"{}\" }} in \
                                 sandboxed.toml",
                                self.host, login.user
                            ))
                            .into())
                    }
                }
            }
        }
    }
}

/// The parts of `USER@HOST:PATH`, if it is written so.
fn short_ssh(text: &str) -> Option<(&str, &str, &str)> {
    let (before, path) = text.split_once(':')?;
    let (user, name) = before.split_once('@')?;
    (!path.is_empty() && !path.starts_with(['-', ':']) && !before.contains('/')).then_some((user, name, path))
}

fn login(user: &str, name: &str, port: u16) -> Result<Login> {
    if !is_ssh_user(user) {
        return Err(invalid("the URL of a repository over SSH names a user, mostly git: ssh://git@HOST/PATH"));
    }
    let name = name.to_ascii_lowercase();
    let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let good = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            NAME_BYTES.contains(&name.len())
                && !name.starts_with(['-', '.'])
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        }
    };
    if !good || port == 0 {
        return Err(invalid("the URL names no host"));
    }
    Ok(Login { user: user.to_owned(), name, port })
}

fn with_port(name: &str, port: Option<u16>) -> String {
    port.map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}

/// Whether it is on this machine.
fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(url::Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use sandboxed_model::config::KnownHosts;

    use super::*;

    fn code(url: &str) -> String {
        Remote::parse(url).unwrap_err().failure().code
    }

    fn password() -> GitCredential {
        GitCredential {
            secret: Some("s".to_owned()),
            username: "git".to_owned(),
            ssh_key: None,
            known_hosts: None,
            passphrase: None,
        }
    }

    fn key(username: &str) -> GitCredential {
        let known_hosts = Some(KnownHosts::File("/known_hosts".into()));
        GitCredential {
            secret: None,
            username: username.to_owned(),
            ssh_key: Some("k".to_owned()),
            known_hosts,
            passphrase: None,
        }
    }

    #[test]
    fn a_repository_is_reached_over_http_and_its_url_holds_no_credential() {
        assert_eq!(Remote::parse("https://example.org:8443/a/b.git").unwrap().host(), "example.org:8443");
        assert_eq!(Remote::parse("https://example.org:443/a").unwrap().host(), "example.org");
        assert_eq!(Remote::parse("https://example.org/a").unwrap().rule(), "example.org:443");
        for wrong in [
            "https://user:secret@example.org/a",
            "https://token@example.org/a",
            "file:///etc",
            "ext::sh -c id",
            "ext::sh -c id@x:y",
            "--upload-pack=id",
            "/etc",
            "https://example.org/a?x=1",
        ] {
            assert_eq!(code(wrong), "git.url_invalid", "{wrong}");
        }
    }

    #[test]
    fn a_repository_is_reached_over_ssh_in_both_ways_of_writing_it() {
        for (text, url, host, rule) in [
            ("git@Example.org:a/b.git", "git@example.org:a/b.git", "example.org", "example.org:22"),
            ("ssh://git@Example.org/a", "ssh://git@example.org/a", "example.org", "example.org:22"),
            ("ssh://git@example.org:22/a", "ssh://git@example.org/a", "example.org", "example.org:22"),
            ("ssh://me.x@10.0.0.5:2222/a", "ssh://me.x@10.0.0.5:2222/a", "10.0.0.5:2222", "10.0.0.5:2222"),
            ("ssh://git@[::1]:2222/a", "ssh://git@[::1]:2222/a", "[::1]:2222", "[::1]:2222"),
        ] {
            let remote = Remote::parse(text).unwrap();
            assert_eq!((remote.as_str(), remote.host(), remote.rule()), (url, host, rule.to_owned()), "{text}");
        }
        assert_eq!(Remote::parse("ssh://git@[::1]/a").unwrap().login().unwrap().known_as(), "::1");
    }

    #[test]
    fn nothing_of_a_url_of_ssh_is_taken_for_an_option_or_a_command() {
        for wrong in [
            "ssh://example.org/a",
            "ssh://git:secret@example.org/a",
            "ssh://-oProxyCommand=id@example.org/a",
            "ssh://git@-oProxyCommand=id/a",
            "ssh://git@example.org%20-oProxyCommand=id/a",
            "ssh://git@example.org",
            "ssh://git@example.org:0/a",
            "git@-oProxyCommand=id:a",
            "-git@example.org:a",
            "git@example.org:-a",
            "git@example.org:",
            "git@example.org::a",
            "git@[::zz]:a",
            "git@example.org:a\nb",
            "g it@example.org:a",
            "git@exa mple.org:a",
            "git+ssh://git@example.org/a",
        ] {
            assert_eq!(code(wrong), "git.url_invalid", "{wrong}");
        }
    }

    #[test]
    fn a_credential_is_for_one_host_and_goes_over_no_network_in_clear_text() {
        let known: BTreeMap<_, _> = ["example.org", "127.0.0.1:8080"].map(|host| (host.to_owned(), password())).into();
        let of = |url: &str| Remote::parse(url).unwrap().credential(&known).map(|found| found.is_some()).ok();

        assert_eq!(of("https://example.org/a"), Some(true));
        assert_eq!(of("http://127.0.0.1:8080/a"), Some(true));
        assert_eq!(of("http://example.org/a"), None);
        for other in ["https://example.org.evil.net/a", "https://evil.net/example.org", "https://example.org:8443/a"] {
            assert_eq!(of(other), Some(false), "{other}");
        }
    }

    #[test]
    fn a_key_is_for_one_user_at_one_host_and_a_password_is_for_http() {
        let known: BTreeMap<_, _> = [
            ("example.org", password()),
            ("example.org:22", key("git")),
            ("example.net", key("me")),
            ("example.com:2222", key("git")),
        ]
        .map(|(host, credential)| (host.to_owned(), credential))
        .into();
        let of = |url: &str| match Remote::parse(url).unwrap().credential(&known) {
            Ok(found) => found.map_or("none", |found| found.host).to_owned(),
            Err(error) => error.failure().code,
        };

        assert_eq!(of("https://example.org/a"), "example.org");
        assert_eq!(of("git@example.org:a"), "example.org:22");
        assert_eq!(of("me@example.net:a"), "example.net");
        assert_eq!(of("ssh://me@example.net:22/a"), "example.net");
        assert_eq!(of("https://example.net/a"), "none");
        assert_eq!(of("git@example.net:a"), "git.ssh_user");
        assert_eq!(of("ssh://git@example.com:2222/a"), "example.com:2222");
        for other in ["git@example.com:a", "ssh://git@example.org:2222/a", "git@evil.net:a"] {
            assert_eq!(of(other), "git.no_key", "{other}");
        }
    }
}
