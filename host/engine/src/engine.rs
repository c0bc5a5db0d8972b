//! The connection to an engine and the rule that guards it.

use std::{
    future::Future,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bollard::{API_DEFAULT_VERSION, BollardRequest, ClientVersion, Docker, errors::Error as EngineError};
use bytes::Bytes;
use http::{Method, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Limited};
use hyper::{Response, body::Incoming};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Endpoint, Error, Owner,
    known::Known,
    transport::{CONNECT_WITHIN, Transport},
};

/// A container engine, as one server sees it. Clones share it.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    docker: Docker,
    transport: Transport,
    endpoint: String,
    socket: Option<PathBuf>,
    owner: Owner,
    known: Known,
}

/// An ordinary request ends within this. A busy machine was seen to need seconds for the start of a container.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// The library's own limit, which must not be the shorter one.
const LIBRARY_LIMIT: u64 = 24 * 60 * 60;

/// More of an answer to a request made here is not read.
const LONGEST_ANSWER: usize = 1 << 20;

impl Engine {
    /// Connects to an engine and agrees on a version of the API with it.
    ///
    /// # Errors
    /// No socket, no permission, an unusable address or certificate, or no answer within 5 s.
    pub async fn connect(endpoint: Endpoint, owner: Owner) -> Result<Self, Error> {
        Self::speaking(endpoint, owner, None).await
    }

    /// The same with a version that was agreed on before, if that is known. Then nothing is sent yet.
    pub(crate) async fn speaking(endpoint: Endpoint, owner: Owner, version: Option<&str>) -> Result<Self, Error> {
        let version = version.and_then(|version| {
            let (major, minor) = version.split_once('.')?;
            Some(ClientVersion { major_version: major.parse().ok()?, minor_version: minor.parse().ok()? })
        });
        let transport = Transport::new(&endpoint)?;
        let (endpoint, socket) = match endpoint {
            Endpoint::Socket(path) => (path.display().to_string(), Some(path)),
            remote @ Endpoint::Tcp { .. } => (remote.to_string(), None),
        };
        let send = transport.clone();
        let docker = Docker::connect_with_custom_transport(
            move |request: BollardRequest| {
                let send = send.clone();
                async move { send.request(request).await }
            },
            Some("http://engine"),
            LIBRARY_LIMIT,
            version.as_ref().unwrap_or(API_DEFAULT_VERSION),
        )
        .map_err(|error| Error::from_engine(&endpoint, "connect", &error))?;
        let agreed = async {
            match version {
                Some(_) => Ok(docker),
                None => docker.negotiate_version().await,
            }
        };
        let docker = match tokio::time::timeout(CONNECT_WITHIN, agreed).await {
            Err(_) => return Err(Error::silent(endpoint)),
            Ok(Err(error)) => {
                return Err(match Error::from_engine(&endpoint, "connect", &error) {
                    Error::Connection { reason, .. } | Error::Unreadable { reason, .. } => {
                        Error::NotAnswering { endpoint, reason }
                    }
                    Error::Refused { status, message, .. } => {
                        Error::NotAnswering { endpoint, reason: format!("it answers {status}: {message}") }
                    }
                    other => other,
                });
            }
            Ok(Ok(docker)) => docker,
        };
        tracing::debug!(%endpoint, api = %docker.client_version(), "connected to the container engine");
        let known = Known::default();
        Ok(Self { inner: Arc::new(Inner { docker, transport, endpoint, socket, owner, known }) })
    }

    /// The version of the API that both sides speak: `1.41`.
    pub fn api_version(&self) -> String {
        self.inner.docker.client_version().to_string()
    }

    pub(crate) fn docker(&self) -> &Docker {
        &self.inner.docker
    }

    pub(crate) fn known(&self) -> &Known {
        &self.inner.known
    }

    pub(crate) fn owner(&self) -> &Owner {
        &self.inner.owner
    }

    /// Its socket, if it is on this machine.
    pub(crate) fn socket(&self) -> Option<&Path> {
        self.inner.socket.as_deref()
    }

    pub(crate) fn error(&self, what: &'static str, error: &EngineError) -> Error {
        Error::from_engine(&self.inner.endpoint, what, error)
    }

    /// An ordinary request.
    pub(crate) async fn call<T>(
        &self,
        what: &'static str,
        request: impl Future<Output = Result<T, EngineError>>,
    ) -> Result<T, Error> {
        self.call_within(what, ANSWER_WITHIN, request).await
    }

    /// A request that may take its time.
    pub(crate) async fn call_within<T>(
        &self,
        what: &'static str,
        after: Duration,
        request: impl Future<Output = Result<T, EngineError>>,
    ) -> Result<T, Error> {
        match tokio::time::timeout(after, request).await {
            Ok(answer) => answer.map_err(|error| self.error(what, &error)),
            Err(_) => Err(Error::Deadline { what, after }),
        }
    }

    /// Sends what the library must not see (it logs what it sends), or whose answer it would misread. Answers other
    /// than a success are errors.
    pub(crate) async fn post(
        &self,
        what: &'static str,
        path: &str,
        body: &impl Serialize,
        upgrade: bool,
    ) -> Result<Response<Incoming>, Error> {
        let json = serde_json::to_vec(body)
            .map_err(|error| Error::Connection { what, reason: crate::error::chain(&error) })?;
        let mut request = http::Request::builder().header(CONTENT_TYPE, "application/json");
        if upgrade {
            request = request.header(http::header::CONNECTION, "Upgrade").header(http::header::UPGRADE, "tcp");
        }
        self.request(what, request.method(Method::POST), path, Bytes::from(json)).await
    }

    /// The same with any body.
    pub(crate) async fn send(
        &self,
        what: &'static str,
        method: Method,
        path: &str,
        content_type: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, Error> {
        let request = http::Request::builder().method(method).header(CONTENT_TYPE, content_type);
        self.request(what, request, path, body).await
    }

    async fn request(
        &self,
        what: &'static str,
        request: http::request::Builder,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, Error> {
        let request = request
            .uri(format!("/v{}{path}", self.api_version()))
            .body(bollard::body_full(body))
            .map_err(|error| Error::Connection { what, reason: crate::error::chain(&error) })?;
        let response = self.call(what, self.inner.transport.request(request)).await?;
        let status = response.status();
        if status.is_success() || status == http::StatusCode::SWITCHING_PROTOCOLS {
            return Ok(response);
        }
        #[derive(Deserialize)]
        struct Refusal {
            message: String,
        }
        let text = self.text(what, response).await?;
        let message = match serde_json::from_slice::<Refusal>(&text) {
            Ok(refusal) => refusal.message,
            Err(_) => String::from_utf8_lossy(&text).into_owned(),
        };
        Err(Error::Refused { what, status: status.as_u16(), message })
    }

    /// The answer to [`Engine::post`].
    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        what: &'static str,
        response: Response<Incoming>,
    ) -> Result<T, Error> {
        let text = self.text(what, response).await?;
        serde_json::from_slice(&text).map_err(|error| Error::Connection { what, reason: error.to_string() })
    }

    async fn text(&self, what: &'static str, response: Response<Incoming>) -> Result<Bytes, Error> {
        match tokio::time::timeout(ANSWER_WITHIN, Limited::new(response.into_body(), LONGEST_ANSWER).collect()).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) => Err(Error::Connection { what, reason: error.to_string() }),
            Err(_) => Err(Error::Deadline { what, after: ANSWER_WITHIN }),
        }
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Inner { endpoint, owner, .. } = &*self.inner;
        f.debug_struct("Engine").field("endpoint", endpoint).field("owner", owner).finish_non_exhaustive()
    }
}
