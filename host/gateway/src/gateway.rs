//! Serves connections.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ClientConfig;
use sandboxed_model::{Blame, Failure, wire::WireFormat};
use secrecy::SecretString;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    sync::Semaphore,
};
use url::Url;

use crate::{
    Desk, Error, Limits, Operation, Reason, Refusal,
    desk::Credential,
    headers,
    inbound::Inbound,
    intake::Room,
    limits, listing,
    passing::Broken,
    relay::Relay,
    socket::Opening,
    target::{self, Target},
    upstream::Upstream,
};

/// The body of an answer.
pub(crate) type Body = UnsyncBoxBody<Bytes, Broken>;

/// What goes on with a connection after an upgrade.
type Afterwards = Arc<Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>>;

/// The model gateway. Clones are the same gateway.
pub struct Gateway<D: Desk> {
    inner: Arc<Inner<D>>,
}

impl<D: Desk> Clone for Gateway<D> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

/// What all connections share.
pub(crate) struct Inner<D: Desk> {
    pub(crate) desk: Arc<D>,
    pub(crate) upstream: Upstream,
    pub(crate) limits: Limits,
    pub(crate) room: Room,
    connections: Arc<Semaphore>,
}

impl<D: Desk> Gateway<D> {
    /// A gateway that asks this desk. `tls` is for connections to providers, see [`trust`](crate::trust).
    ///
    /// # Errors
    ///
    /// [`Error::Client`] if the HTTP client cannot be made.
    pub fn new(desk: Arc<D>, tls: ClientConfig, limits: Limits) -> Result<Self, Error> {
        let upstream = Upstream::new(tls, &limits)?;
        let room = Room::new(limits.bodies);
        let connections = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
        Ok(Self { inner: Arc::new(Inner { desk, upstream, limits, room, connections }) })
    }

    /// Reads something of a provider's with a credential, whatever the desk says: its list of models, to try an account.
    /// `further` are headers besides.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] if there is no answer.
    pub async fn get(
        &self,
        url: &Url,
        further: &HeaderMap,
        credential: &Credential,
    ) -> Result<(StatusCode, Bytes), Error> {
        self.inner.upstream.get(url, further, credential).await
    }

    /// Serves a connection until it ends. `early` are bytes that were read from it already, `origin` is from where it came.
    /// Dropping the future ends the connection and all that it asked for.
    pub fn serve<S>(&self, stream: S, early: Bytes, origin: D::Origin) -> impl Future<Output = ()> + Send + use<D, S>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let inner = Arc::clone(&self.inner);
        async move {
            let mut stream = Inbound::new(stream, early, inner.limits.idle_time);
            let Ok(_permit) = Arc::clone(&inner.connections).try_acquire_owned() else {
                let answer = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                // Who is turned away need not have heard it.
                let _ = stream.write_all(answer).await;
                let _ = stream.shutdown().await;
                return;
            };
            let afterwards = Afterwards::default();
            let service = service_fn(|request| {
                let (inner, origin, afterwards) = (Arc::clone(&inner), origin.clone(), Arc::clone(&afterwards));
                async move { Ok::<_, Infallible>(inner.answer(request, origin, &afterwards).await) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(inner.limits.header_time)
                .max_buf_size(limits::HEAD)
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            // Clients vanish, and providers break off: neither is news.
            let _ = connection.await;
            let then = afterwards.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(then) = then {
                then.await;
            }
        }
    }
}

impl<D: Desk> Inner<D> {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        origin: D::Origin,
        afterwards: &Afterwards,
    ) -> Response<Body> {
        let (format, target) = target::target(request.method(), request.uri(), request.headers());
        let answered = Arc::clone(&self).fulfil(request, origin, format, target, afterwards).await;
        answered.unwrap_or_else(|refusal| {
            tracing::debug!(code = refusal.failure.code, "a request is refused");
            full(refusal.answer(format))
        })
    }

    async fn fulfil(
        self: Arc<Self>,
        mut request: Request<Incoming>,
        origin: D::Origin,
        format: WireFormat,
        target: Target,
        afterwards: &Afterwards,
    ) -> Result<Response<Body>, Refusal> {
        let endpoint = match target {
            Target::Probe => return Ok(full(Response::new(Bytes::new()))),
            Target::Unknown => {
                let message = "There is no such path here";
                return Err(Refusal::new(
                    Reason::Unknown,
                    Failure::new(Blame::Config, "gateway.path_unknown", message),
                ));
            }
            Target::Models(one) => {
                let (_, caller) = self.admit(&request, &origin).await?;
                let models = self.desk.models(&caller).await?;
                return listing::answer(format, &models, one.as_deref()).map(full);
            }
            Target::Model(endpoint) => endpoint,
        };
        let (token, caller) = self.admit(&request, &origin).await?;
        if endpoint.operation == Operation::Connect {
            let upgrade = hyper::upgrade::on(&mut request);
            let (head, _) = request.into_parts();
            let opening = Opening { inner: self, origin, token, caller, endpoint, head };
            let (response, conversation) = opening.open(upgrade).await?;
            *afterwards.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::pin(conversation));
            return Ok(response);
        }
        drop(token);
        let (head, body) = request.into_parts();
        Relay { inner: &self, caller, format, endpoint, head }.relay(body).await
    }

    async fn admit<B>(&self, request: &Request<B>, origin: &D::Origin) -> Result<(SecretString, D::Caller), Refusal> {
        let token = headers::token(request.headers(), request.uri().query()).ok_or_else(|| {
            let failure = Failure::new(Blame::Denied, "gateway.token_missing", "The request has no token")
                .with_hint("send the token that the mission was given as the API key");
            Refusal::new(Reason::Token, failure)
        })?;
        let caller = self.desk.admit(&token, origin).await?;
        Ok((token, caller))
    }
}

/// An answer that is here as a whole.
pub(crate) fn full(response: Response<Bytes>) -> Response<Body> {
    response.map(|body| Full::new(body).map_err(|never| match never {}).boxed_unsync())
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = full(Response::new(Bytes::new()));
    *response.status_mut() = status;
    response
}
