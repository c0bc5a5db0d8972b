//! Which headers pass, and which do not.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use secrecy::SecretString;

/// Headers in which clients send their token.
const TOKENS: [&str; 4] = ["x-api-key", "authorization", "x-goog-api-key", "api-key"];

/// What is about one connection only (RFC 9110, 7.6.1), or is written anew.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What says more of the client than the provider is to know, or is written anew.
const OWN: [&str; 9] =
    ["host", "cookie", "cookie2", "forwarded", "x-real-ip", "via", "expect", "content-length", "accept-encoding"];

/// Codings of answers from which usage can be read on the way.
const READABLE: [&str; 4] = ["gzip", "deflate", "zstd", "identity"];

/// The token of a request. Of several the first counts, in the order in which the providers look.
pub(crate) fn token(headers: &HeaderMap, query: Option<&str>) -> Option<SecretString> {
    let text = TOKENS.iter().find_map(|name| {
        let value = headers.get(*name)?.to_str().ok()?.trim();
        let bare = match value.split_once(' ') {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim(),
            _ => value,
        };
        (!bare.is_empty()).then(|| bare.to_owned())
    });
    text.or_else(|| crate::target::key(query).filter(|key| !key.is_empty())).map(SecretString::from)
}

/// The headers of a request that go up.
pub(crate) fn upward(headers: &HeaderMap) -> HeaderMap {
    let mut kept =
        passing(headers, |name| !TOKENS.contains(&name) && !OWN.contains(&name) && !name.starts_with("x-forwarded-"));
    let codings: Vec<&str> = headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|coding| READABLE.contains(&coding.split(';').next().unwrap_or_default().trim()))
        .collect();
    // Without the header any coding would do.
    let value = HeaderValue::from_str(&codings.join(", ")).ok().filter(|value| !value.is_empty());
    kept.insert(header::ACCEPT_ENCODING, value.unwrap_or(HeaderValue::from_static("identity")));
    kept
}

/// The headers of an answer that go down. A header that holds the secret does not.
pub(crate) fn downward(headers: &HeaderMap, secret: &str) -> HeaderMap {
    let mut kept = passing(headers, |name| name != "set-cookie" && name != "set-cookie2" && name != "alt-svc");
    if !secret.is_empty() {
        let told: Vec<HeaderName> = kept
            .iter()
            .filter(|(_, value)| memchr::memmem::find(value.as_bytes(), secret.as_bytes()).is_some())
            .map(|(name, _)| name.clone())
            .collect();
        for name in told {
            kept.remove(name);
        }
    }
    kept
}

/// All headers but those about one connection, and those that are not wanted.
fn passing(headers: &HeaderMap, wanted: impl Fn(&str) -> bool) -> HeaderMap {
    let named: Vec<String> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let passes = |name: &str| !HOP_BY_HOP.contains(&name) && !named.iter().any(|named| named == name) && wanted(name);
    headers
        .iter()
        .filter(|(name, _)| passes(name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn a_token_is_found_wherever_clients_put_it() {
        let found = |pairs: &[(&'static str, &'static str)], query| {
            token(&map(pairs), query).map(|token| token.expose_secret().to_owned())
        };
        for pairs in [
            [("x-api-key", "t")],
            [("authorization", "Bearer t")],
            [("authorization", "bearer  t ")],
            [("x-goog-api-key", "t")],
            [("api-key", "t")],
        ] {
            assert_eq!(found(&pairs, None).as_deref(), Some("t"), "{pairs:?}");
        }
        assert_eq!(found(&[], Some("alt=sse&key=t")).as_deref(), Some("t"));
        assert_eq!(found(&[("x-api-key", "")], None), None);
    }

    #[test]
    fn credentials_and_what_is_about_one_connection_do_not_go_up() {
        let up = upward(&map(&[
            ("x-api-key", "t"),
            ("authorization", "Bearer t"),
            ("x-goog-api-key", "t"),
            ("api-key", "t"),
            ("cookie", "a=b"),
            ("host", "here"),
            ("forwarded", "for=1.2.3.4"),
            ("x-forwarded-for", "1.2.3.4"),
            ("connection", "close, X-Mine"),
            ("x-mine", "1"),
            ("te", "trailers"),
            ("content-length", "3"),
            ("anthropic-beta", "one"),
            ("anthropic-beta", "two"),
            ("traceparent", "00-1-2-01"),
            ("idempotency-key", "i"),
            ("user-agent", "cli"),
        ]));
        let mut names: Vec<&str> = up.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            ["accept-encoding", "anthropic-beta", "anthropic-beta", "idempotency-key", "traceparent", "user-agent"]
        );
    }

    #[test]
    fn only_codings_that_can_be_read_are_asked_for() {
        for (given, sent) in [
            ("gzip, deflate, br, zstd", "gzip, deflate, zstd"),
            ("br;q=1.0, gzip;q=0.5, *;q=0.1", "gzip;q=0.5"),
            ("br", "identity"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(given));
            assert_eq!(upward(&headers)[header::ACCEPT_ENCODING], sent);
        }
        assert_eq!(upward(&HeaderMap::new())[header::ACCEPT_ENCODING], "identity");
    }

    #[test]
    fn a_header_that_tells_the_key_does_not_go_down() {
        let down = downward(&map(&[("x-echo", "key=sk-real!"), ("set-cookie", "a=b"), ("request-id", "r")]), "sk-real");
        assert_eq!(down.len(), 1);
        assert_eq!(down["request-id"], "r");
    }
}
