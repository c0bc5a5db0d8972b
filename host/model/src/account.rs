//! Accounts at providers of models: whose key is used, for which models, and how each stands.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::{Failure, Timestamp, UserId, provider::ProviderId};

/// The name of an account: 1 to 100 of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`, starting with a letter or digit. Unique on a
/// server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
pub struct AccountName(String);

/// A text that is not the name of an account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an account's name is 1 to 100 of A-Z, a-z, 0-9, ., _ and -, starting with a letter or digit")]
pub struct InvalidAccountName;

impl AccountName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountName {
    type Err = InvalidAccountName;

    fn from_str(text: &str) -> Result<Self, InvalidAccountName> {
        let valid = (1..=100).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidAccountName) }
    }
}

impl TryFrom<String> for AccountName {
    type Error = InvalidAccountName;

    fn try_from(text: String) -> Result<Self, InvalidAccountName> {
        text.parse()
    }
}

impl From<AccountName> for String {
    fn from(name: AccountName) -> Self {
        name.0
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names of models: 1 to 200 visible ASCII characters, of which each `*` stands for any characters or none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[!-~]{1,200}$")]
pub struct ModelPattern(String);

/// A text that is no pattern of names of models.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a model is named by 1 to 200 visible ASCII characters, * for any")]
pub struct InvalidModelPattern;

impl ModelPattern {
    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name of a model is one of these.
    pub fn matches(&self, model: &str) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(last) = parts.next_back() else { return first == model };
        let Some(mut rest) = model.strip_prefix(first).and_then(|rest| rest.strip_suffix(last)) else { return false };
        // The earliest place of each part leaves the most for those after it.
        for part in parts {
            match rest.find(part) {
                Some(place) => rest = &rest[place + part.len()..],
                None => return false,
            }
        }
        true
    }
}

impl FromStr for ModelPattern {
    type Err = InvalidModelPattern;

    fn from_str(text: &str) -> Result<Self, InvalidModelPattern> {
        let valid = (1..=200).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidModelPattern) }
    }
}

impl TryFrom<String> for ModelPattern {
    type Error = InvalidModelPattern;

    fn try_from(text: String) -> Result<Self, InvalidModelPattern> {
        text.parse()
    }
}

impl From<ModelPattern> for String {
    fn from(pattern: ModelPattern) -> Self {
        pattern.0
    }
}

/// What an account shows to its provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Credential {
    /// An API key.
    ApiKey {
        /// The name of the vault's secret that holds it.
        secret: String,
    },
    /// What a person's sign-in granted.
    SignIn {
        /// The name of the vault's secret that holds it.
        secret: String,
    },
    /// Nothing.
    None,
}

impl Credential {
    /// The name of the vault's secret that holds it.
    pub fn secret(&self) -> Option<&str> {
        match self {
            Self::ApiKey { secret } | Self::SignIn { secret } => Some(secret),
            Self::None => None,
        }
    }
}

/// An account at a provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// Its name.
    pub name: AccountName,
    /// Whose it is.
    pub provider: ProviderId,
    /// What it shows there.
    pub credential: Credential,
    /// Where the provider is, of those that are not in one place for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The models that it is used for. Empty: all.
    #[serde(default)]
    pub models: Vec<ModelPattern>,
    /// Its place among all accounts: those before it are used first.
    pub position: u32,
    /// Whether it is used.
    pub enabled: bool,
    /// The only user whose missions use it. Absent: everybody's do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
    /// How it stands.
    pub health: AccountHealth,
    /// When it was added.
    pub created_at: Timestamp,
    /// When anything of it but its health and its place was last changed.
    pub updated_at: Timestamp,
}

impl Account {
    /// The most patterns of models that one has.
    pub const MAX_MODELS: usize = 100;

    /// Whether it is used for a model, as far as `models` says.
    pub fn serves(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|pattern| pattern.matches(model))
    }
}

/// How an account stands.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum AccountHealth {
    /// It can be used.
    #[default]
    Ready,
    /// It is left alone for a while.
    Cooling {
        /// Until when.
        until: Timestamp,
        /// Why.
        why: Failure,
    },
    /// The provider refused what it shows. It is left alone until that is changed.
    Refused {
        /// Why.
        why: Failure,
        /// Since when.
        since: Timestamp,
    },
}

impl AccountHealth {
    /// Whether it can be used at this time.
    pub fn is_usable(&self, at: Timestamp) -> bool {
        match self {
            Self::Ready => true,
            Self::Cooling { until, .. } => *until <= at,
            Self::Refused { .. } => false,
        }
    }
}

/// An account that is to be added. It comes after all others.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// Its name.
    pub name: AccountName,
    /// Whose it is.
    pub provider: ProviderId,
    /// What it shows there.
    pub credential: Credential,
    /// Where the provider is, of those that are not in one place for all.
    #[serde(default)]
    pub base_url: Option<String>,
    /// The models that it is used for. Empty: all.
    #[serde(default)]
    pub models: Vec<ModelPattern>,
    /// Whether it is used.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The only user whose missions use it. Absent: everybody's do.
    #[serde(default)]
    pub owner: Option<UserId>,
}

fn yes() -> bool {
    true
}

/// What is to be changed of an account. What is absent stays.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AccountChange {
    /// What it shows. A new one makes a refused account ready.
    pub credential: Option<Credential>,
    /// Where the provider is; null takes it away.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub base_url: Option<Option<String>>,
    /// The models that it is used for.
    pub models: Option<Vec<ModelPattern>>,
    /// Whether it is used.
    pub enabled: Option<bool>,
    /// The only user whose missions use it; null gives it to everybody.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<UserId>)]
    pub owner: Option<Option<UserId>>,
}

/// Tells null from nothing.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Blame;

    #[test]
    fn a_star_in_a_pattern_stands_for_any_characters() {
        let matches = |pattern: &str, model: &str| pattern.parse::<ModelPattern>().unwrap().matches(model);
        for (pattern, model) in [
            ("*", "x"),
            ("claude-*", "claude-opus"),
            ("claude-*", "claude-"),
            ("*-mini", "gpt-5-mini"),
            ("a*b*c", "aXbXbXc"),
            ("a*bc*bc", "abcbc"),
            ("gpt-5", "gpt-5"),
            ("**", "x"),
        ] {
            assert!(matches(pattern, model), "{pattern} {model}");
        }
        for (pattern, model) in
            [("gpt-5", "gpt-5-mini"), ("a*a", "a"), ("a*b*c", "acb"), ("*x", "y"), ("a*bc*bc", "abc")]
        {
            assert!(!matches(pattern, model), "{pattern} {model}");
        }
    }

    #[test]
    fn a_change_tells_null_from_nothing() {
        let change: AccountChange = serde_json::from_str(r#"{"base_url":null,"enabled":false}"#).unwrap();
        assert_eq!((change.base_url, change.owner, change.enabled), (Some(None), None, Some(false)));
    }

    #[test]
    fn a_cooling_account_is_usable_again_after_its_time() {
        let why = Failure::new(Blame::Unavailable, "provider.limited", "too many requests");
        let health = AccountHealth::Cooling { until: Timestamp::from_millis(10), why: why.clone() };
        assert!(!health.is_usable(Timestamp::from_millis(9)));
        assert!(health.is_usable(Timestamp::from_millis(10)));
        let refused = AccountHealth::Refused { why, since: Timestamp::from_millis(1) };
        assert!(!refused.is_usable(Timestamp::from_millis(i64::MAX)));
        let json = serde_json::to_value(&health).unwrap();
        assert_eq!(json["state"], "cooling");
        assert_eq!(serde_json::from_value::<AccountHealth>(json).unwrap(), health);
    }
}
