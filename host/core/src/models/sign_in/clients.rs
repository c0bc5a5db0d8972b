//! How people sign in to each provider, out of the catalogue.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use sandboxed_model::{
    Blame, Failure,
    catalogue::Catalogue,
    provider::{ProviderId, Redirect, SignIn, SignInYield},
};
use sandboxed_oauth::Client;
use serde_json::json;

/// How people sign in to a provider.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// How it is asked, without its secret.
    pub(super) client: Client,
    /// The name of the secret that the client has.
    pub(super) secret: Option<String>,
    /// What requests carry besides the token.
    pub(super) headers: HeaderMap,
    pub(super) yields: SignInYield,
    /// Whether it gives codes for other devices.
    pub(super) device: bool,
}

/// How people sign in to each provider that the catalogue says it of.
#[derive(Debug)]
pub(super) struct Clients(BTreeMap<ProviderId, Entry>);

impl Clients {
    /// # Errors
    /// When a description cannot be meant.
    pub(super) fn of(catalogue: &Catalogue) -> Result<Self, Failure> {
        let described =
            catalogue.providers().iter().filter_map(|provider| Some((provider, provider.sign_in.as_ref()?)));
        let entries = described.map(|(provider, sign_in)| {
            let entry = entry(sign_in).map_err(|why| {
                let message = format!("the catalogue cannot be used: sign_in of {}: {why}", provider.id);
                Failure::new(Blame::Config, "models.catalogue_invalid", message)
                    .with_hint("config/models.toml explains the fields of sign_in")
            })?;
            Ok((provider.id.clone(), entry))
        });
        Ok(Self(entries.collect::<Result<_, Failure>>()?))
    }

    pub(super) fn entry(&self, provider: &ProviderId) -> Option<&Entry> {
        self.0.get(provider)
    }
}

fn entry(sign_in: &SignIn) -> Result<Entry, String> {
    let redirect = match &sign_in.redirect {
        Redirect::Callback => json!({ "kind": "callback" }),
        Redirect::CopyPaste(url) => json!({ "kind": "copy_paste", "url": url }),
    };
    let exchange = match sign_in.yields {
        SignInYield::Grant => "tokens",
        SignInYield::Key => "api_key",
    };
    let table = json!({
        "authorize_url": sign_in.authorize_url,
        "token_url": sign_in.token_url,
        "device_url": sign_in.device_url,
        "client_id": sign_in.client_id,
        "scopes": sign_in.scopes,
        "redirect": redirect,
        "authorize_parameters": sign_in.parameters,
        "token_encoding": sign_in.encoding,
        "token_state": sign_in.token_state,
        "exchange": exchange,
        "account_email": sign_in.account_pointer,
        // The operator wrote the address, and what goes there stays on this machine.
        "http_on_loopback": true,
    });
    let headers = sign_in.headers.iter().map(|(name, value)| {
        let header = (name.parse::<HeaderName>().ok(), HeaderValue::from_str(value).ok());
        let (Some(name), Some(value)) = header else { return Err(format!("{name} is no header")) };
        Ok((name, value))
    });
    Ok(Entry {
        client: serde_json::from_value(table).map_err(|error| error.to_string())?,
        secret: sign_in.client_secret.clone(),
        headers: headers.collect::<Result<_, _>>()?,
        yields: sign_in.yields,
        device: sign_in.device_url.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clients(sign_in: &str) -> Result<Clients, Failure> {
        let shipped = Catalogue::embedded();
        let text = format!(
            "[providers.own]\ntitle = \"Own\"\nkey = \"bearer\"\nendpoints.chat = \"https://own.example/v1\"\n\
             [providers.own.sign_in]\nauthorize_url = \"https://own.example/a\"\nredirect = \"callback\"\n{sign_in}"
        );
        Clients::of(&shipped.clone().overlay(Catalogue::parse("own.toml", &text, &shipped).unwrap()))
    }

    #[test]
    fn the_catalogue_that_comes_with_the_server_describes_clients() {
        let clients = Clients::of(&Catalogue::embedded()).unwrap();
        let entry = clients.entry(&"openrouter".parse().unwrap()).unwrap();
        assert_eq!((entry.yields, entry.device), (SignInYield::Key, false));
        assert!(clients.entry(&"azure".parse().unwrap()).is_none());
    }

    #[test]
    fn a_description_that_cannot_be_meant_is_told_by_its_provider() {
        clients("token_url = \"http://127.0.0.1:1/t\"\nclient_id = \"us\"\nheaders = { x-a = \"b\" }").unwrap();
        for (wrong, told) in [
            ("token_url = \"http://own.example/t\"\nclient_id = \"us\"", "token_url is not https"),
            ("token_url = \"https://own.example/t\"", "client_id is missing"),
            ("token_url = \"https://own.example/t\"\nclient_id = \"us\"\nheaders = { \"x a\" = \"b\" }", "no header"),
        ] {
            let failure = clients(wrong).unwrap_err();
            assert_eq!(failure.code, "models.catalogue_invalid");
            assert!(failure.message.contains("own") && failure.message.contains(told), "{failure}");
        }
    }
}
