//! `[git]`: who commits, and what opens repositories.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;

/// `[git]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GitConfig {
    /// Who makes the commits: `Name <address>`.
    pub author: String,
    /// What opens repositories, by host, with a port where it is not the usual one. No other host is ever given it.
    pub credentials: BTreeMap<String, GitCredential>,
}

impl Default for GitConfig {
    fn default() -> Self {
        Self { author: "sandboxed.sh <sandboxed-sh@localhost>".to_owned(), credentials: BTreeMap::new() }
    }
}

/// One entry of `[git.credentials]`, as it is written. What it opens with is [`GitCredential::access`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GitCredential {
    /// The name of the secret that is the password or token, over HTTP.
    pub secret: Option<String>,
    /// The user; over HTTP most hosts take any with a token.
    #[serde(default = "git_user")]
    pub username: String,
    /// The name of the secret that is the private key, over SSH.
    pub ssh_key: Option<String>,
    /// The keys by which the host is known, over SSH.
    pub known_hosts: Option<KnownHosts>,
    /// The name of the secret that opens the private key, if it is encrypted.
    pub passphrase: Option<String>,
}

fn git_user() -> String {
    "git".to_owned()
}

/// Keys of hosts, as `ssh` has them in `known_hosts`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum KnownHosts {
    /// A file of such lines, read at each use.
    File(PathBuf),
    /// The lines themselves.
    Lines(String),
}

impl From<String> for KnownHosts {
    /// Every line has fields, and so a space between them; the path of a file has none.
    fn from(text: String) -> Self {
        match text.trim() {
            path if !path.is_empty() && !path.contains(char::is_whitespace) => Self::File(path.into()),
            _ => Self::Lines(text),
        }
    }
}

/// How an entry of `[git.credentials]` opens repositories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitAccess<'a> {
    /// Over HTTP.
    Password {
        /// The secret that is the password.
        secret: &'a str,
        /// The user.
        username: &'a str,
    },
    /// Over SSH.
    Key(GitKey<'a>),
}

/// A key for one user at one host of SSH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GitKey<'a> {
    /// The secret that is the key.
    pub ssh_key: &'a str,
    /// The secret that opens the key.
    pub passphrase: Option<&'a str>,
    /// The user there. No other is ever logged in.
    pub username: &'a str,
    /// What the host's own keys are.
    pub known_hosts: &'a KnownHosts,
}

impl GitCredential {
    /// How it opens repositories.
    ///
    /// # Errors
    /// What is wrong with it: it is of neither kind, of both, or a part is missing.
    pub fn access(&self) -> Result<GitAccess<'_>, &'static str> {
        let Self { secret, username, ssh_key, known_hosts, passphrase } = self;
        if self.secrets().any(str::is_empty) || (secret.is_none() && ssh_key.is_none()) {
            return Err("it names no secret");
        }
        match (secret, ssh_key, known_hosts) {
            (Some(_), Some(_), _) => {
                Err("it has `secret`, for https, and `ssh_key`: give each an entry, that of the key as \"HOST:22\"")
            }
            (Some(_), None, Some(_)) => Err("`known_hosts` goes with `ssh_key`"),
            (Some(_), None, None) if passphrase.is_some() => Err("`passphrase` goes with `ssh_key`"),
            (Some(secret), None, None) => Ok(GitAccess::Password { secret, username }),
            (None, Some(_), Some(KnownHosts::Lines(lines))) if lines.trim().is_empty() => Err("`known_hosts` is empty"),
            (None, Some(ssh_key), Some(known_hosts)) if is_ssh_user(username) => {
                Ok(GitAccess::Key(GitKey { ssh_key, passphrase: passphrase.as_deref(), username, known_hosts }))
            }
            (None, Some(_), Some(_)) => Err("`username` is letters, digits, `.`, `_` and `-`, the first no `-`"),
            (None, ..) => Err("it says with `known_hosts` by which keys the host is known: a file, or lines of one"),
        }
    }

    /// The names of all secrets that it names.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        [&self.secret, &self.ssh_key, &self.passphrase].into_iter().filter_map(Option::as_deref)
    }
}

/// Whether it is a user of SSH which nothing takes for an option or a part of an address.
pub fn is_ssh_user(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && !text.starts_with('-')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}
