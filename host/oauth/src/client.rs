//! How a provider is asked.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use crate::{Error, Result, endpoint::Endpoint, pointer::Pointer};

/// Parameters of the authorization request that a description may not set: they are the sign-in's own.
const OWN_PARAMETERS: [&str; 9] = [
    "callback_url",
    "client_id",
    "client_secret",
    "code_challenge",
    "code_challenge_method",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
];

/// How a provider is asked, read from a table:
///
/// | key | meaning |
/// | --- | --- |
/// | `authorize_url` | where a person signs in |
/// | `token_url` | where codes and refresh tokens are exchanged |
/// | `device_url` | where a sign-in by device code begins (RFC 8628); optional |
/// | `client_id` | who we are to the provider; optional where `exchange` is `api_key` |
/// | `scopes` | what is asked for |
/// | `redirect` | `{ kind = "callback", url = … }`: back to us, the address optional ([`Client::with_callback`]); or `{ kind = "copy_paste", url = … }`: to a page of the provider's that shows a code |
/// | `authorize_parameters` | more parameters of the authorization request |
/// | `token_encoding` | of requests to `token_url`: `form` (default) or `json` |
/// | `token_state` | whether the exchange of a code sends the state besides, which some providers want |
/// | `exchange` | what a code is exchanged for: `tokens` (default), or `api_key`, one that lasts |
/// | `account_id`, `account_email` | where in the answer the account is named: a JSON pointer, after `id_token` one into its claims |
/// | `http_on_loopback` | whether the addresses may be `http` on a loopback address |
///
/// An `api_key` exchange is as OpenRouter has it: the authorization request names a `callback_url`, which carries the
/// state, and the answer is `{ "key": … }`.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Table")]
pub struct Client {
    pub(crate) authorize_url: Endpoint,
    pub(crate) token_url: Endpoint,
    pub(crate) device_url: Option<Endpoint>,
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<SecretString>,
    pub(crate) scopes: Vec<String>,
    pub(crate) redirect: Redirect,
    pub(crate) authorize_parameters: BTreeMap<String, String>,
    pub(crate) token_encoding: Encoding,
    pub(crate) token_state: bool,
    pub(crate) exchange: Exchange,
    pub(crate) account_id: Option<Pointer>,
    pub(crate) account_email: Option<Pointer>,
}

/// Where the provider sends the browser.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Redirect {
    /// To us.
    Callback { url: Option<Url> },
    /// To a page of its own that shows a code.
    CopyPaste { url: Url },
}

/// How the fields of a request are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Encoding {
    #[default]
    Form,
    Json,
}

/// What a code is exchanged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Exchange {
    #[default]
    Tokens,
    ApiKey,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    authorize_url: String,
    token_url: String,
    device_url: Option<String>,
    client_id: Option<String>,
    #[serde(default)]
    scopes: Vec<String>,
    redirect: Redirect,
    #[serde(default)]
    authorize_parameters: BTreeMap<String, String>,
    #[serde(default)]
    token_encoding: Encoding,
    #[serde(default)]
    token_state: bool,
    #[serde(default)]
    exchange: Exchange,
    account_id: Option<String>,
    account_email: Option<String>,
    #[serde(default)]
    http_on_loopback: bool,
}

impl TryFrom<Table> for Client {
    type Error = Error;

    fn try_from(table: Table) -> Result<Self> {
        let endpoint = |what: &str, text: &str| Endpoint::parse(what, text, table.http_on_loopback);
        let pointer = |what: &str, text: Option<String>| text.map(|text| Pointer::parse(what, &text)).transpose();
        if let Some(name) = table.authorize_parameters.keys().find(|name| OWN_PARAMETERS.contains(&name.as_str())) {
            return Err(Error::Description(format!("authorize_parameters may not set {name}")));
        }
        if table.client_id.is_none() && table.exchange == Exchange::Tokens {
            return Err(Error::Description("client_id is missing".to_owned()));
        }
        if let Some(scope) = table.scopes.iter().find(|scope| scope.is_empty() || scope.contains(' ')) {
            return Err(Error::Description(format!("{scope:?} is no scope")));
        }
        Ok(Self {
            authorize_url: endpoint("authorize_url", &table.authorize_url)?,
            token_url: endpoint("token_url", &table.token_url)?,
            device_url: table.device_url.as_deref().map(|text| endpoint("device_url", text)).transpose()?,
            client_id: table.client_id,
            client_secret: None,
            scopes: table.scopes,
            redirect: table.redirect,
            authorize_parameters: table.authorize_parameters,
            token_encoding: table.token_encoding,
            token_state: table.token_state,
            exchange: table.exchange,
            account_id: pointer("account_id", table.account_id)?,
            account_email: pointer("account_email", table.account_email)?,
        })
    }
}

impl Client {
    /// The same with a client secret. It is no part of the table: secrets are kept elsewhere.
    #[must_use]
    pub fn with_secret(self, secret: SecretString) -> Self {
        Self { client_secret: Some(secret), ..self }
    }

    /// The same with this address of ours, where its table has a callback without one.
    #[must_use]
    pub fn with_callback(mut self, address: Url) -> Self {
        if let Redirect::Callback { url: url @ None } = &mut self.redirect {
            *url = Some(address);
        }
        self
    }

    /// Whether the sign-in ends with a code that the person copies, and not at our callback.
    pub fn ends_with_paste(&self) -> bool {
        matches!(self.redirect, Redirect::CopyPaste { .. })
    }

    pub(crate) fn redirect_url(&self) -> Result<&Url> {
        match &self.redirect {
            Redirect::Callback { url: Some(url) } | Redirect::CopyPaste { url } => Ok(url),
            Redirect::Callback { url: None } => Err(Error::NoCallback),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn table() -> Value {
        json!({
            "authorize_url": "https://auth.example.org/authorize",
            "token_url": "https://auth.example.org/token",
            "client_id": "us",
            "redirect": { "kind": "copy_paste", "url": "https://auth.example.org/code" },
        })
    }

    fn with(key: &str, value: Value) -> Result<Client, String> {
        let mut table = table();
        table[key] = value;
        serde_json::from_value(table).map_err(|error| error.to_string())
    }

    #[test]
    fn a_table_with_what_is_needed_is_a_client() {
        let client: Client = serde_json::from_value(table()).unwrap();
        assert!(client.ends_with_paste());
        assert!(!format!("{:?}", client.with_secret("hunter2".to_owned().into())).contains("hunter2"));
    }

    #[test]
    fn what_cannot_be_meant_is_told() {
        for (key, value, told) in [
            ("token_url", json!("http://auth.example.org/token"), "token_url is not https"),
            ("client_id", Value::Null, "client_id is missing"),
            ("authorize_parameters", json!({ "state": "x" }), "may not set state"),
            ("account_id", json!("uuid"), "account_id is no JSON pointer"),
            ("scopes", json!(["a b"]), "is no scope"),
            ("token_encodin", json!("json"), "unknown field"),
        ] {
            let error = with(key, value).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn a_callback_without_an_address_gets_ours() {
        let client = with("redirect", json!({ "kind": "callback" })).unwrap();
        assert_eq!(client.redirect_url(), Err(Error::NoCallback));
        let ours: Url = "https://us.example.org/callback".parse().unwrap();
        assert_eq!(client.with_callback(ours.clone()).redirect_url(), Ok(&ours));
    }
}
