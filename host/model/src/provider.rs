//! Providers of models: where they are asked, and how a key is shown to them.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::WireFormat;

/// The name of a provider as the catalogue gives it: 1 to 64 of `a-z`, `0-9` and `-`, starting with a letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[a-z][a-z0-9-]{0,63}$")]
pub struct ProviderId(String);

/// A text that is not the name of a provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a provider's name is 1 to 64 of a-z, 0-9 and -, starting with a letter")]
pub struct InvalidProviderId;

impl ProviderId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ProviderId {
    type Err = InvalidProviderId;

    fn from_str(text: &str) -> Result<Self, InvalidProviderId> {
        let valid = text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidProviderId) }
    }
}

impl TryFrom<String> for ProviderId {
    type Error = InvalidProviderId;

    fn try_from(text: String) -> Result<Self, InvalidProviderId> {
        text.parse()
    }
}

impl From<ProviderId> for String {
    fn from(id: ProviderId) -> Self {
        id.0
    }
}

/// Where in a request a provider wants its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyPlace {
    /// `x-api-key: KEY`
    XApiKey,
    /// `authorization: Bearer KEY`
    Bearer,
    /// `x-goog-api-key: KEY`
    XGoogApiKey,
    /// `api-key: KEY`
    ApiKey,
    /// It wants none.
    None,
}

/// A provider of models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Provider {
    /// Its name.
    pub id: ProviderId,
    /// Its name for people.
    pub title: String,
    /// In which formats it is asked, and where: what stands before the format's own path, as the official clients of the format
    /// take it, without a slash at its end. What follows is `/v1/messages`, `/chat/completions`, `/responses` or
    /// `/v1beta/models/MODEL:generateContent`. A URL may begin with `{base}`, which is the base URL that the account gives.
    pub endpoints: BTreeMap<WireFormat, String>,
    /// Where it wants its key.
    pub key: KeyPlace,
    /// Formats in which it wants it elsewhere.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub format_keys: BTreeMap<WireFormat, KeyPlace>,
    /// Whether models that the catalogue does not know may be asked.
    pub unlisted_models: bool,
    /// Whether it charges nothing, whatever the model.
    #[serde(default)]
    pub free: bool,
    /// Where it lists its models to whoever shows a key. May begin with `{base}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models_url: Option<String>,
    /// How a person signs in to it instead of giving a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<SignIn>,
    /// The variable in which its programs look for a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_variable: Option<String>,
    /// The page where people get keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys_page: Option<String>,
}

impl Provider {
    /// What stands for the account's base URL.
    pub const BASE: &str = "{base}";

    /// Whether accounts have to give a base URL.
    pub fn needs_base_url(&self) -> bool {
        self.endpoints.values().any(|url| url.starts_with(Self::BASE))
    }

    /// Where it is asked in a format, by an account with this base URL. The base URL of an account takes the place of
    /// [`Provider::BASE`]; it changes no other URL. `None` where it does not know the format, or needs a base URL.
    pub fn endpoint(&self, format: WireFormat, base_url: Option<&str>) -> Option<String> {
        with_base(self.endpoints.get(&format)?, base_url)
    }

    /// Where it lists its models, for an account with this base URL.
    pub fn models_url(&self, base_url: Option<&str>) -> Option<String> {
        with_base(self.models_url.as_deref()?, base_url)
    }

    /// Where it wants its key in requests of a format.
    pub fn key_place(&self, format: WireFormat) -> KeyPlace {
        self.format_keys.get(&format).copied().unwrap_or(self.key)
    }
}

fn with_base(url: &str, base_url: Option<&str>) -> Option<String> {
    match url.strip_prefix(Provider::BASE) {
        None => Some(url.to_owned()),
        Some(rest) => Some(format!("{}{rest}", base_url?.trim_end_matches('/'))),
    }
}

/// How a person signs in to a provider: OAuth 2 with PKCE, as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The page where the person agrees.
    pub authorize_url: String,
    /// Where a code is exchanged for a grant, and a grant is refreshed.
    pub token_url: String,
    /// Where a code for another device is asked for (RFC 8628), where the provider has that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_url: Option<String>,
    /// Who asks. Absent only where the exchange yields a key and the provider knows no clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The name of the vault's secret that holds the client's own secret, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// What is asked for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// How the code comes back.
    pub redirect: Redirect,
    /// Parameters of the page besides those of OAuth.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// How token requests are written.
    #[serde(default)]
    pub encoding: TokenEncoding,
    /// Whether the exchange of a code sends the state besides, which some providers want.
    #[serde(default)]
    pub token_state: bool,
    /// What the exchange yields.
    #[serde(default)]
    pub yields: SignInYield,
    /// JSON pointer to the person's name or address in the token's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_pointer: Option<String>,
    /// Headers that requests with such a grant carry.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// How the code of a sign-in comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Redirect {
    /// The browser is sent to a URL of this server.
    Callback,
    /// This page of the provider's shows it, and the person copies it.
    CopyPaste(String),
}

/// How token requests are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenEncoding {
    /// As a form, which is the standard.
    #[default]
    Form,
    /// As JSON.
    Json,
}

/// What a sign-in yields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignInYield {
    /// A grant that has to be refreshed.
    #[default]
    Grant,
    /// An API key that lasts.
    Key,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(url: &str) -> Provider {
        Provider {
            id: "azure".parse().unwrap(),
            title: "Azure".to_owned(),
            endpoints: BTreeMap::from([(WireFormat::Chat, url.to_owned())]),
            key: KeyPlace::ApiKey,
            format_keys: BTreeMap::from([(WireFormat::Messages, KeyPlace::XApiKey)]),
            unlisted_models: true,
            free: false,
            models_url: None,
            sign_in: None,
            key_variable: None,
            keys_page: None,
        }
    }

    #[test]
    fn the_base_url_of_an_account_takes_its_place() {
        let azure = provider("{base}/openai/v1");
        assert!(azure.needs_base_url());
        let url = azure.endpoint(WireFormat::Chat, Some("https://mine.openai.azure.com/"));
        assert_eq!(url.as_deref(), Some("https://mine.openai.azure.com/openai/v1"));
        assert_eq!(azure.endpoint(WireFormat::Chat, None), None);
        assert_eq!(azure.endpoint(WireFormat::Gemini, Some("https://x")), None);
    }

    #[test]
    fn a_provider_with_an_address_of_its_own_is_asked_nowhere_else() {
        let provider = provider("https://api.openai.com/v1");
        assert!(!provider.needs_base_url());
        let url = provider.endpoint(WireFormat::Chat, Some("https://elsewhere.example"));
        assert_eq!(url.as_deref(), Some("https://api.openai.com/v1"));
    }

    #[test]
    fn a_format_may_want_the_key_elsewhere() {
        let provider = provider("https://x");
        assert_eq!(provider.key_place(WireFormat::Chat), KeyPlace::ApiKey);
        assert_eq!(provider.key_place(WireFormat::Messages), KeyPlace::XApiKey);
    }

    #[test]
    fn a_providers_name_is_lower_case_letters_digits_and_dashes() {
        assert_eq!("x9-a".parse::<ProviderId>().unwrap().as_str(), "x9-a");
        for wrong in ["", "9x", "A", "a_b", "a/b", &"a".repeat(65)] {
            assert!(wrong.parse::<ProviderId>().is_err(), "{wrong:?}");
        }
    }
}
