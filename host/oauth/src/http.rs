//! Requests to a provider.

use std::{error::Error as _, time::Duration};

use reqwest::{
    Client, ClientBuilder,
    header::{ACCEPT, CONTENT_TYPE},
    redirect::Policy,
};
use serde_json::{Map, Value};
use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::{Error, Result, answer, client::Encoding, endpoint::Endpoint};

/// The longest answer in bytes.
const MOST_ANSWER: usize = 64 << 10;
/// The time that a request may take, with its answer.
const DEADLINE: Duration = Duration::from_secs(30);

/// An HTTP client for providers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
    deadline: Duration,
}

impl Http {
    /// A client out of the caller's settings: its proxies, its names, its roots. Redirects are never followed, whatever the
    /// settings say: an exchange that was sent on would hand the code or the token to somebody else.
    ///
    /// # Errors
    /// Where the settings make no client.
    pub fn new(settings: ClientBuilder) -> Result<Self> {
        // A second installation of the provider fails and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = settings.redirect(Policy::none()).build().map_err(|error| Error::Http(cause(error)))?;
        Ok(Self { client, deadline: DEADLINE })
    }

    /// The same with another time limit than 30 s.
    #[must_use]
    pub fn within(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Posts fields and reads the JSON object that is answered.
    pub(crate) async fn post(
        &self,
        endpoint: &Endpoint,
        encoding: Encoding,
        fields: &[(&str, &str)],
    ) -> Result<Map<String, Value>> {
        let (content_type, body) = match encoding {
            Encoding::Form => {
                let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
                ("application/x-www-form-urlencoded", form)
            }
            Encoding::Json => {
                let object: Map<String, Value> =
                    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
                ("application/json", Value::from(object).to_string())
            }
        };
        let request = self
            .client
            .post(endpoint.url().clone())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, content_type)
            .timeout(self.deadline)
            .body(body);
        let mut response = request.send().await.map_err(|error| Error::Unreachable(cause(error)))?;
        let status = response.status();
        let is_json = response.headers().get(CONTENT_TYPE).is_some_and(|value| answer::is_json(value.as_bytes()));
        // With its whole room from the start: a growing one would leave copies of tokens behind.
        let mut body = Zeroizing::new(Vec::with_capacity(MOST_ANSWER));
        while let Some(chunk) = response.chunk().await.map_err(|error| Error::Unreachable(cause(error)))? {
            if body.len() + chunk.len() > MOST_ANSWER {
                return Err(Error::Answer("it is larger than 64 KiB"));
            }
            body.extend_from_slice(&chunk);
        }
        answer::read(status, is_json.then_some(body.as_slice()))
    }
}

/// What lies at the bottom of an error, without the address.
fn cause(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "it takes too long".to_owned();
    }
    let error = error.without_url();
    let mut cause: Option<&dyn std::error::Error> = error.source();
    while let Some(next) = cause.and_then(std::error::Error::source) {
        cause = Some(next);
    }
    cause.map_or_else(|| error.to_string(), ToString::to_string)
}
