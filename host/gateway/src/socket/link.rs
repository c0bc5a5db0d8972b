//! The connection to a provider that a WebSocket is passed on to.

use std::time::Duration;

use futures_util::SinkExt;
use http::{HeaderMap, StatusCode};
use sandboxed_model::{Blame, Failure, Timestamp};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config,
    tungstenite::{Error, Message, client::IntoClientRequest, protocol::WebSocketConfig},
};
use url::Url;

use crate::{
    Desk, Reason, Refusal,
    desk::{Route, Trouble},
    gateway::Inner,
    limits, relay, trouble,
    upstream::{self, Silence},
};

/// Time in which the end of a conversation has to be told.
pub(super) const FAREWELL: Duration = Duration::from_secs(2);

/// A connection to a provider.
pub(super) struct Link {
    pub(super) route: Route,
    pub(super) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// There is no connection.
pub(super) struct Unlinked {
    pub(super) refusal: Refusal,
    /// None where the provider is well, but has no WebSockets.
    pub(super) trouble: Option<Trouble>,
}

impl Link {
    /// Whether it leads where a route leads.
    pub(super) fn is_to(&self, route: &Route) -> bool {
        (&self.route.account, &self.route.base_url) == (&route.account, &route.base_url)
    }

    /// Sends a message, and tells whether that was possible in time.
    pub(super) async fn send(&mut self, message: Message, within: Duration) -> bool {
        tokio::time::timeout(within, self.socket.send(message)).await.is_ok_and(|sent| sent.is_ok())
    }
}

/// Bounds of messages.
pub(super) fn config() -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(limits::MESSAGE)).max_frame_size(Some(limits::MESSAGE))
}

/// Opens a connection to a provider. The desk is told of trouble with it.
pub(super) async fn connect<D: Desk>(
    inner: &Inner<D>,
    route: &Route,
    url: Url,
    headers: &HeaderMap,
) -> Result<Link, Unlinked> {
    match open(inner, route, &url, headers).await {
        Err((Unlinked { trouble: Some(Trouble::Refused { status: 401 }), .. }, Some(shown)))
            if inner.desk.renew(route, shown).await =>
        {
            open(inner, route, &url, headers).await.map_err(|(unlinked, _)| unlinked)
        }
        opened => opened.map_err(|(unlinked, _)| unlinked),
    }
    .inspect_err(|unlinked| {
        // The desk knows of its own trouble.
        if let Some(trouble) = unlinked.trouble.as_ref().filter(|trouble| **trouble != Trouble::NoCredential) {
            inner.desk.trouble(route, trouble);
        }
    })
}

/// Opens it once. Where that failed, it says which credential was shown.
async fn open<D: Desk>(
    inner: &Inner<D>,
    route: &Route,
    url: &Url,
    headers: &HeaderMap,
) -> Result<Link, (Unlinked, Option<u64>)> {
    let credential = match inner.desk.credential(route).await {
        Ok(credential) => credential,
        Err(refusal) => return Err((Unlinked { refusal, trouble: Some(Trouble::NoCredential) }, None)),
    };
    let shown = credential.generation;
    let trouble = |trouble: Trouble, refusal| (Unlinked { refusal, trouble: Some(trouble) }, Some(shown));
    let Some(headers) = upstream::with_credential(headers, &route.headers, &credential) else {
        return Err(trouble(Trouble::Refused { status: 401 }, relay::refused_key(route)));
    };
    let Some((mut request, address)) = request(url.clone()) else {
        return Err(trouble(Trouble::Failing, broken(route)));
    };
    request.headers_mut().extend(headers);
    let connector = Connector::Rustls(std::sync::Arc::clone(&inner.upstream.tls));
    let opening = async {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        client_async_tls_with_config(request, stream, Some(config()), Some(connector)).await
    };
    match tokio::time::timeout(inner.limits.connect_time, opening).await {
        Ok(Ok((socket, _))) => Ok(Link { route: route.clone(), socket }),
        Ok(Err(Error::Http(response))) => {
            let body = response.body().as_deref().unwrap_or_default();
            Err(match trouble::of(response.status(), response.headers(), body, Timestamp::now()) {
                None => (Unlinked { refusal: no_websocket(), trouble: None }, Some(shown)),
                Some(refused @ Trouble::Refused { status }) => trouble(refused, relay::refused(route, status)),
                Some(found) => trouble(found, not_now(response.status(), route)),
            })
        }
        Ok(Err(_)) => Err(trouble(Trouble::Failing, broken(route))),
        Err(_) => Err(trouble(Trouble::Failing, relay::silent(route, Silence::Late))),
    }
}

/// The handshake's request, and where to connect to.
fn request(mut url: Url) -> Option<(http::Request<()>, (String, u16))> {
    let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
    let port = url.port_or_known_default()?;
    url.set_scheme(scheme).ok()?;
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']').to_owned();
    Some((url.as_str().into_client_request().ok()?, (host, port)))
}

/// The client falls back to HTTP when it is told this.
pub(super) fn no_websocket() -> Refusal {
    let failure = Failure::new(Blame::Unavailable, "gateway.no_websocket", "The provider has no WebSockets")
        .with_hint("ask by HTTP instead");
    Refusal::new(Reason::Unknown, failure)
}

/// The provider cannot be reached.
pub(super) fn broken(route: &Route) -> Refusal {
    relay::silent(route, Silence::Broken)
}

fn not_now(status: StatusCode, route: &Route) -> Refusal {
    let message = format!("The provider {} opens no WebSocket now ({status})", route.provider);
    let reason = if status == StatusCode::TOO_MANY_REQUESTS { Reason::Limited } else { Reason::Unavailable };
    Refusal::new(reason, Failure::new(Blame::Unavailable, "gateway.not_now", message))
}
