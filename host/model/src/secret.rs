//! Secrets, and who may use them. Values are no part of any type here.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, Type},
    },
};

use crate::{Failure, Timestamp};

/// The name of a secret in the vault: 1 to 100 of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`, starting with a letter or digit.
/// Unique on a server, those of `[secrets]` included.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
pub struct SecretName(String);

/// A text that is not the name of a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a secret's name is 1 to 100 of A-Z, a-z, 0-9, ., _ and -, starting with a letter or digit")]
pub struct InvalidSecretName;

impl SecretName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretName {
    type Err = InvalidSecretName;

    fn from_str(text: &str) -> Result<Self, InvalidSecretName> {
        let valid = (1..=100).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidSecretName) }
    }
}

impl TryFrom<String> for SecretName {
    type Error = InvalidSecretName;

    fn try_from(text: String) -> Result<Self, InvalidSecretName> {
        text.parse()
    }
}

impl From<SecretName> for String {
    fn from(name: SecretName) -> Self {
        name.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who may use a secret, as text: `workspaces`, `git:HOST`, `provider:NAME`, `plugin:ID` or `host:HOST`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Audience {
    /// Variables and files of workspaces. Every process of such a workspace can read it.
    Workspaces,
    /// Git with this host, apart from workspaces, where `[git.credentials]` names the secret for it.
    Git(String),
    /// The gateway, for requests to this provider.
    Provider(String),
    /// This plugin, where its `grants.secrets` name the secret.
    Plugin(String),
    /// Requests of plugins to this host, `NAME:PORT`.
    Host(String),
}

impl PartialSchema for Audience {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^(workspaces|(git|provider|plugin|host):[!-~]{1,200})$"))
            .description(Some(
                "Who may use a secret: `workspaces`, `git:HOST`, `provider:NAME`, `plugin:ID` or `host:HOST`.",
            ));
        text.into()
    }
}

impl ToSchema for Audience {}

/// A text that names nobody who may use a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("who may use a secret is one of: workspaces, git:HOST, provider:NAME, plugin:ID, host:HOST")]
pub struct InvalidAudience;

impl FromStr for Audience {
    type Err = InvalidAudience;

    fn from_str(text: &str) -> Result<Self, InvalidAudience> {
        if text == "workspaces" {
            return Ok(Self::Workspaces);
        }
        let (kind, name) = text.split_once(':').ok_or(InvalidAudience)?;
        if !(1..=200).contains(&name.len()) || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidAudience);
        }
        match kind {
            "git" => Ok(Self::Git(name.to_ascii_lowercase())),
            "provider" => Ok(Self::Provider(name.to_owned())),
            "plugin" => Ok(Self::Plugin(name.to_owned())),
            "host" => Ok(Self::Host(name.to_ascii_lowercase())),
            _ => Err(InvalidAudience),
        }
    }
}

impl TryFrom<String> for Audience {
    type Error = InvalidAudience;

    fn try_from(text: String) -> Result<Self, InvalidAudience> {
        text.parse()
    }
}

impl From<Audience> for String {
    fn from(audience: Audience) -> Self {
        audience.to_string()
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workspaces => f.write_str("workspaces"),
            Self::Git(host) => write!(f, "git:{host}"),
            Self::Provider(name) => write!(f, "provider:{name}"),
            Self::Plugin(id) => write!(f, "plugin:{id}"),
            Self::Host(host) => write!(f, "host:{host}"),
        }
    }
}

/// Where a secret's value is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretKept {
    /// In the vault.
    Vault,
    /// In a file that `[secrets]` names. Only the configuration changes it.
    File,
    /// In a variable of the server that `[secrets]` names. Only the configuration changes it.
    Variable,
}

/// A secret, without its value: no operation returns that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Secret {
    /// Its name.
    pub name: String,
    /// Where its value is kept.
    pub kept: SecretKept,
    /// Who may use it. Of one of `[secrets]` the configuration says that: `workspaces.secrets`, `[git.credentials]` and the
    /// grants of plugins.
    pub audience: Vec<Audience>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Which value it has, counted from 1. Only of one in the vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// When it was made. Only of one in the vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// When it got its value. Only of one in the vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// When it was last used, as far as that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// Why it cannot be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Failure>,
}

/// Uses of a secret by one user within one hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecretUse {
    /// Who: `mission:ID`, `workspace:ID`, `plugin:ID`, `git:HOST` or `provider:NAME`.
    pub user: String,
    /// What for, where there is more to say: the workspace, or the host of a request.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub purpose: String,
    /// How often.
    pub count: u64,
    /// The first time.
    pub first_at: Timestamp,
    /// The last time.
    pub last_at: Timestamp,
}

/// What the vault's master key is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// A file that the server writes when the key is replaced.
    File,
    /// A variable of the server.
    Variable,
    /// A passphrase.
    Passphrase,
}

/// How the vault stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VaultStatus {
    /// What its master key is made of.
    pub key: KeyKind,
    /// The name of the key that seals; it tells nothing of the key.
    pub key_id: String,
    /// Values that are still sealed with a former key: while there are any, the key is being replaced.
    pub to_reseal: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_use_a_secret_is_read_as_it_is_written() {
        for text in
            ["workspaces", "git:example.org:8443", "provider:anthropic", "plugin:docker", "host:api.example.org:443"]
        {
            assert_eq!(text.parse::<Audience>().unwrap().to_string(), text);
        }
        for text in ["", "everyone", "git:", "git", "user:x", "host:a b", "Workspaces", "workspaces:x"] {
            assert!(text.parse::<Audience>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_plain() {
        for name in ["npm", "NPM_TOKEN", "a.b-c", "1"] {
            assert!(name.parse::<SecretName>().is_ok(), "{name}");
        }
        for name in ["", ".turns", "-a", "a b", "a/b", "ä", &"x".repeat(101)] {
            assert!(name.parse::<SecretName>().is_err(), "{name}");
        }
    }
}
