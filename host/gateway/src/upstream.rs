//! Connections to providers.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use reqwest::{Client, redirect::Policy};
use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, pem::PemObject},
};
use rustls_platform_verifier::Verifier;
use secrecy::ExposeSecret;
use url::Url;

use crate::{Error, Limits, desk::Credential, intake};

/// Bytes of an error's body that are read to understand it.
const ERROR: usize = 1024 * 1024;

/// Time that the body of an error may take.
const ERROR_TIME: Duration = Duration::from_secs(10);

/// TLS as the machine trusts it, and further roots in PEM that an operator trusts.
///
/// # Errors
///
/// [`Error::Tls`] if the roots cannot be read or the machine's cannot be had.
pub fn trust(further_roots: &str) -> Result<ClientConfig, Error> {
    let wrong = |error: &dyn std::fmt::Display| Error::Tls(error.to_string());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = CertificateDer::pem_slice_iter(further_roots.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| wrong(&error))?;
    let verifier = Verifier::new_with_extra_roots(roots, Arc::clone(&provider)).map_err(|error| wrong(&error))?;
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error))?
        // The verifier is the machine's own.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

/// Sends requests to providers.
#[derive(Clone)]
pub(crate) struct Upstream {
    pooled: Client,
    /// Takes a new connection for each request.
    fresh: Client,
    pub(crate) tls: Arc<ClientConfig>,
    answer_time: Duration,
}

/// An answer whose head is here.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// What was read of the body already.
    pub(crate) before: Bytes,
    /// The same without its compression.
    pub(crate) plain: Bytes,
    pub(crate) body: reqwest::Body,
}

/// There is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silence {
    /// The provider cannot be reached, or the connection broke.
    Broken,
    /// The time is over.
    Late,
}

impl Upstream {
    pub(crate) fn new(tls: ClientConfig, limits: &Limits) -> Result<Self, Error> {
        // reqwest wants one to be installed even where it is given all of TLS. A second installation changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = |idle: usize| {
            Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .redirect(Policy::none())
                .retry(reqwest::retry::never())
                .no_proxy()
                .http1_only()
                .tcp_nodelay(true)
                .connect_timeout(limits.connect_time)
                .pool_max_idle_per_host(idle)
                .build()
                .map_err(|error| Error::Client(error.to_string()))
        };
        Ok(Self { pooled: client(32)?, fresh: client(0)?, tls: Arc::new(tls.clone()), answer_time: limits.answer_time })
    }

    /// Reads something small.
    pub(crate) async fn get(
        &self,
        url: &Url,
        further: &HeaderMap,
        credential: &Credential,
    ) -> Result<(StatusCode, Bytes), Error> {
        let headers = with_credential(&HeaderMap::new(), further, credential).ok_or(Error::Unreachable)?;
        let asking = async {
            let answer = self.fresh.get(url.clone()).headers(headers).send().await.map_err(|_| Error::Unreachable)?;
            let status = answer.status();
            let body =
                Limited::new(reqwest::Body::from(answer), ERROR).collect().await.map_err(|_| Error::Unreachable)?;
            Ok((status, body.to_bytes()))
        };
        tokio::time::timeout(self.answer_time, asking).await.map_err(|_| Error::Unreachable)?
    }

    /// Sends a request and waits for the head of its answer. A connection that breaks is tried once more with a new one.
    pub(crate) async fn send(&self, url: &Url, headers: &HeaderMap, body: &Bytes) -> Result<Answer, Silence> {
        let asking = async {
            let mut sent = self.pooled.execute(request(url, headers, body)).await;
            if sent.is_err() {
                sent = self.fresh.execute(request(url, headers, body)).await;
            }
            sent.map_err(|error| {
                tracing::debug!(host = url.host_str(), error = %error.without_url(), "a provider cannot be reached");
                Silence::Broken
            })
        };
        let response = tokio::time::timeout(self.answer_time, asking).await.map_err(|_| Silence::Late)??;
        let (parts, body) = http::Response::<reqwest::Body>::from(response).into_parts();
        Ok(Answer { status: parts.status, headers: parts.headers, before: Bytes::new(), plain: Bytes::new(), body })
    }
}

fn request(url: &Url, headers: &HeaderMap, body: &Bytes) -> reqwest::Request {
    let mut request = reqwest::Request::new(Method::POST, url.clone());
    headers.clone_into(request.headers_mut());
    *request.body_mut() = Some(body.clone().into());
    request
}

/// The headers of a request with an account's credential. None if it can be in no header.
pub(crate) fn with_credential(headers: &HeaderMap, further: &HeaderMap, credential: &Credential) -> Option<HeaderMap> {
    let mut value = HeaderValue::from_str(credential.value.expose_secret()).ok()?;
    value.set_sensitive(true);
    let mut all = headers.clone();
    for name in further.keys() {
        all.remove(name);
    }
    all.extend(further.iter().map(|(name, value)| (name.clone(), value.clone())));
    all.insert(credential.header.clone(), value);
    Some(all)
}

impl Answer {
    /// Reads the body of an error as far as is needed to understand it. It still passes as it came.
    pub(crate) async fn read_error(&mut self) {
        let mut held = BytesMut::new();
        let reading = async {
            while held.len() < ERROR {
                match self.body.frame().await {
                    Some(Ok(frame)) => held.extend_from_slice(&frame.into_data().unwrap_or_default()),
                    Some(Err(_)) | None => break,
                }
            }
        };
        // What has come by then has to do.
        let _ = tokio::time::timeout(ERROR_TIME, reading).await;
        self.before = held.freeze();
        self.plain = intake::plain(&self.headers, &self.before, ERROR).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;
    use secrecy::SecretString;

    use super::*;

    #[test]
    fn a_routes_headers_take_the_place_of_the_clients_and_the_credential_of_both() {
        let map = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            let pair = |(name, value): &(&'static str, &'static str)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            };
            pairs.iter().map(pair).collect()
        };
        let credential = |value: &str| Credential {
            header: http::header::AUTHORIZATION,
            value: SecretString::from(value),
            generation: 1,
        };
        let client = map(&[("openai-project", "theirs"), ("user-agent", "cli")]);
        let route = map(&[("openai-project", "ours"), ("authorization", "none")]);
        let all = with_credential(&client, &route, &credential("Bearer sk-real")).unwrap();
        assert_eq!(
            (all.len(), &all["openai-project"], &all["user-agent"]),
            (3, &route["openai-project"], &client["user-agent"])
        );
        assert_eq!(all["authorization"], "Bearer sk-real");
        assert!(!format!("{all:?}").contains("sk-real"));
        assert!(with_credential(&client, &route, &credential("sk-\nreal")).is_none());
    }
}
