//! Responses over a WebSocket: each `response.create` is a request of its own, each event of its answer a message.

mod answering;
mod create;
mod link;
mod talk;

use std::{collections::VecDeque, sync::Arc};

use http::{HeaderMap, HeaderValue, Response, StatusCode, header, request::Parts};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use sandboxed_model::wire::WireFormat;
use secrecy::SecretString;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{handshake::derive_accept_key, protocol::Role},
};

use self::{link::Unlinked, talk::Talk};
use crate::{
    Desk, Refusal,
    desk::{Operation, Wanted},
    gateway::{Body, Inner, empty},
    headers, relay,
    target::Endpoint,
};

/// A WebSocket that a client asks for.
pub(crate) struct Opening<D: Desk> {
    pub(crate) inner: Arc<Inner<D>>,
    pub(crate) origin: D::Origin,
    pub(crate) token: SecretString,
    pub(crate) caller: D::Caller,
    pub(crate) endpoint: Endpoint,
    pub(crate) head: Parts,
}

impl<D: Desk> Opening<D> {
    /// Opens a connection to a provider, then answers the client. The future is the conversation.
    ///
    /// # Errors
    ///
    /// What the client is told instead; 404 where the provider has no WebSockets.
    pub(crate) async fn open(
        self,
        upgrade: OnUpgrade,
    ) -> Result<(Response<Body>, impl Future<Output = ()> + Send + use<D>), Refusal> {
        let Self { inner, origin, token, caller, endpoint, head } = self;
        let accept = head.headers.get(header::SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
        let accept = accept.and_then(|accept| HeaderValue::from_str(&accept).ok());
        let accept = accept.ok_or_else(|| Refusal::invalid("gateway.websocket", "The request has no WebSocket key"))?;
        let wanted = Wanted { format: WireFormat::Responses, model: None, stream: true, operation: Operation::Connect };
        let routes = relay::routes(&*inner.desk, &caller, &wanted).await?;
        let headers = upward(&head.headers);
        let query = head.uri.query().map(str::to_owned);
        let mut talk = Talk {
            inner,
            origin,
            token,
            caller,
            endpoint,
            headers,
            query,
            link: None,
            fresh: true,
            waiting: VecDeque::new(),
            current: None,
        };
        let mut troubles = Vec::new();
        let mut last = None;
        for route in routes {
            match talk.connect(&route).await {
                Ok(link) => {
                    talk.link = Some(link);
                    break;
                }
                // The client falls back to HTTP, and with it to the other routes.
                Err(Unlinked { refusal, trouble: None }) => return Err(refusal),
                Err(Unlinked { refusal, trouble: Some(trouble) }) => {
                    troubles.push((route, trouble));
                    last = Some(refusal);
                }
            }
        }
        if talk.link.is_none() {
            let told = talk.inner.desk.exhausted(&talk.caller, &wanted, &troubles).await;
            return Err(told.or(last).unwrap_or_else(link::no_websocket));
        }
        let mut response = empty(StatusCode::SWITCHING_PROTOCOLS);
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        let conversation = async move {
            if let Ok(upgraded) = upgrade.await {
                let io = TokioIo::new(upgraded);
                let client = WebSocketStream::from_raw_socket(io, Role::Server, Some(link::config())).await;
                talk.go(client).await;
            }
        };
        Ok((response, conversation))
    }
}

/// The headers of a handshake that go up.
fn upward(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers::upward(headers);
    kept.remove(header::ACCEPT_ENCODING);
    for name in [
        header::SEC_WEBSOCKET_KEY,
        header::SEC_WEBSOCKET_VERSION,
        header::SEC_WEBSOCKET_EXTENSIONS,
        header::SEC_WEBSOCKET_PROTOCOL,
        header::SEC_WEBSOCKET_ACCEPT,
    ] {
        kept.remove(name);
    }
    kept
}
