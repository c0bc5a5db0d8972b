//! What of a request's headers a service in a workspace gets to see, and what of its answer a browser does.

use std::net::SocketAddr;

use axum::extract::Request;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header, uri::Authority};

use crate::{
    gate::{SESSION_COOKIE, bearer},
    hosts::authority_of,
    routes::auth::is_encrypted,
};

/// The cookie that holds a pass.
pub(super) const PASS_COOKIE: &str = "sandboxed_port";
/// What the server's tokens begin with.
const TOKEN_PREFIX: &str = "sbx_";
/// Headers that concern one connection and not the one behind it (RFC 9110, section 7.6.1), besides those that
/// `Connection` names.
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The server's own token in a header `Authorization`. Any other credential there is the service's.
pub(super) fn own_token(value: &HeaderValue) -> Option<&str> {
    bearer(value).filter(|secret| secret.starts_with(TOKEN_PREFIX))
}

/// The protocol that a message wants to go over to, or goes over to.
pub(super) fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let asked = named_by_connection(headers).any(|name| name.eq_ignore_ascii_case("upgrade"));
    asked.then(|| headers.get(header::UPGRADE).cloned()).flatten()
}

/// Makes of a request to the server one to the service.
pub(super) fn to_service(request: &mut Request, peer: SocketAddr, upgrade: Option<&HeaderValue>) {
    let host = authority_of(request.uri(), request.headers());
    let encrypted = is_encrypted(request.headers());
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = path.map_or_else(Uri::default, Uri::from);
    let headers = request.headers_mut();
    if headers.contains_key(header::TRANSFER_ENCODING) {
        headers.remove(header::CONTENT_LENGTH);
    }
    strip_hop_by_hop(headers);
    // The server has let the client go on already.
    headers.remove(header::EXPECT);
    if headers.get(header::AUTHORIZATION).and_then(own_token).is_some() {
        headers.remove(header::AUTHORIZATION);
    }
    strip_own_cookies(headers);
    forwarded(headers, host.as_ref(), encrypted, peer);
    keep_upgrade(headers, upgrade);
}

/// Makes of the service's answer one of the server.
pub(super) fn from_service(headers: &mut HeaderMap, upgrade: Option<&HeaderValue>) {
    strip_hop_by_hop(headers);
    let set: Vec<HeaderValue> = headers.get_all(header::SET_COOKIE).iter().filter_map(own_site_only).collect();
    headers.remove(header::SET_COOKIE);
    for cookie in set {
        headers.append(header::SET_COOKIE, cookie);
    }
    keep_upgrade(headers, upgrade);
}

fn named_by_connection(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::CONNECTION).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = named_by_connection(headers).filter_map(|name| name.parse().ok()).collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        // What says where a message ends is nothing that a client may have taken away.
        if *name != header::CONTENT_LENGTH && *name != header::HOST {
            headers.remove(name);
        }
    }
}

fn keep_upgrade(headers: &mut HeaderMap, upgrade: Option<&HeaderValue>) {
    if let Some(protocol) = upgrade {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, protocol.clone());
    }
}

fn is_own(cookie: &str) -> bool {
    let name = cookie.split_once('=').map_or(cookie, |(name, _)| name).trim();
    name == PASS_COOKIE || name == SESSION_COOKIE
}

fn strip_own_cookies(headers: &mut HeaderMap) {
    let kept: Vec<HeaderValue> = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| {
            // What is no text may hold anything, our own cookies too.
            let kept: Vec<&str> = value.to_str().ok()?.split(';').map(str::trim).filter(|it| !is_own(it)).collect();
            let kept = kept.join("; ");
            (!kept.is_empty()).then(|| HeaderValue::from_str(&kept).ok()).flatten()
        })
        .collect();
    headers.remove(header::COOKIE);
    for cookies in kept {
        headers.append(header::COOKIE, cookies);
    }
}

/// A cookie that a service sets, for its own name only: not for those above it, which are other ports' as well.
fn own_site_only(cookie: &HeaderValue) -> Option<HeaderValue> {
    let text = cookie.to_str().ok()?;
    let mut parts = text.split(';');
    let pair = parts.next().filter(|pair| !is_own(pair))?;
    let attributes = parts.filter(|part| {
        let name = part.split_once('=').map_or(*part, |(name, _)| name).trim();
        !name.eq_ignore_ascii_case("domain")
    });
    let kept: Vec<&str> = std::iter::once(pair).chain(attributes).collect();
    HeaderValue::from_str(&kept.join(";")).ok()
}

fn forwarded(headers: &mut HeaderMap, host: Option<&Authority>, encrypted: bool, peer: SocketAddr) {
    let before = headers.get(&FORWARDED_FOR).and_then(|value| value.to_str().ok());
    let peer = peer.ip().to_canonical();
    let chain = before.map_or_else(|| peer.to_string(), |before| format!("{before}, {peer}"));
    if let Ok(chain) = HeaderValue::from_str(&chain) {
        headers.insert(FORWARDED_FOR, chain);
    }
    let proto = if encrypted { "https" } else { "http" };
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static(proto));
    if let Some(host) = host.and_then(|host| HeaderValue::from_str(host.as_str()).ok()) {
        headers.insert(FORWARDED_HOST, host.clone());
        headers.insert(header::HOST, host);
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn passed_on(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut request = pairs.iter().fold(Request::builder().uri("http://name:1/a?b=c"), |request, (name, value)| {
            request.header(*name, *value)
        });
        request = request.header("host", "other");
        let mut request = request.body(Body::empty()).unwrap();
        let upgrade = upgrade(request.headers());
        to_service(&mut request, "[::ffff:10.0.0.9]:1".parse().unwrap(), upgrade.as_ref());
        assert_eq!(request.uri(), "/a?b=c");
        request.headers().clone()
    }

    #[test]
    fn no_credential_of_the_server_reaches_a_service_and_its_own_do() {
        let headers = passed_on(&[
            ("authorization", "bearer sbx_secret"),
            ("cookie", "a=1; sandboxed_port=secret; sandboxed_session=secret"),
            ("cookie", "sandboxed_port=secret"),
            ("cookie", "b=2"),
        ]);
        assert!(headers.values().all(|value| !value.to_str().unwrap().contains("secret")), "{headers:?}");
        assert_eq!(headers.get_all("cookie").iter().collect::<Vec<_>>(), ["a=1", "b=2"]);

        assert_eq!(passed_on(&[("authorization", "Basic dTpw")])["authorization"], "Basic dTpw");
    }

    #[test]
    fn what_concerns_one_connection_ends_with_it() {
        let headers = passed_on(&[
            ("connection", "keep-alive, X-Mine, host"),
            ("x-mine", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("upgrade", "websocket"),
            ("proxy-authorization", "x"),
        ]);
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["host", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"]);
        assert_eq!(
            (&headers["host"], &headers["x-forwarded-host"]),
            (&"name:1".parse().unwrap(), &"name:1".parse().unwrap())
        );
        assert_eq!(headers["x-forwarded-for"], "10.0.0.9");
    }

    #[test]
    fn another_protocol_is_asked_for_where_the_client_does() {
        let headers = passed_on(&[("connection", "Upgrade"), ("upgrade", "websocket"), ("x-forwarded-for", "1.2.3.4")]);
        assert_eq!(
            (&headers["connection"], &headers["upgrade"]),
            (&"upgrade".parse().unwrap(), &"websocket".parse().unwrap())
        );
        assert_eq!(headers["x-forwarded-for"], "1.2.3.4, 10.0.0.9");
    }

    #[test]
    fn a_service_sets_cookies_for_its_own_name_and_none_of_the_servers() {
        let mut headers = HeaderMap::new();
        for cookie in ["a=1; Path=/; Domain=ports.localhost; HttpOnly", "sandboxed_session=x", "b=2"] {
            headers.append(header::SET_COOKIE, HeaderValue::from_static(cookie));
        }

        from_service(&mut headers, None);

        let set: Vec<_> = headers.get_all(header::SET_COOKIE).iter().collect();
        assert_eq!(set, ["a=1; Path=/; HttpOnly", "b=2"]);
    }
}
