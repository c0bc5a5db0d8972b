//! The key that a request came with.

use http::HeaderMap;
use serde::Serialize;

use crate::{digest, route};

/// A key, as far as a ledger may know it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Key {
    /// The first 16 hexadecimal digits of its SHA-256, see [`fingerprint`].
    pub fingerprint: String,
    /// The header that it came by, or `query`.
    pub by: String,
}

/// What the ledger calls a key.
pub fn fingerprint(key: &str) -> String {
    let mut hex = digest::hex(key.as_bytes());
    hex.truncate(16);
    hex
}

/// Headers that hold credentials and are therefore in no ledger.
pub(crate) const SECRET_HEADERS: [&str; 6] =
    ["authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "proxy-authorization"];

/// The key of a request and the header it came by.
pub(crate) fn of(headers: &HeaderMap, query: Option<&str>) -> Option<(String, &'static str)> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    for name in ["x-api-key", "x-goog-api-key", "api-key"] {
        if let Some(value) = header(name) {
            return Some((value, name));
        }
    }
    if let Some(value) = header("authorization") {
        let bare = value.strip_prefix("Bearer ").or(value.strip_prefix("bearer ")).unwrap_or(&value);
        return Some((bare.trim().to_owned(), "authorization"));
    }
    let pair = query?.split('&').find_map(|pair| pair.strip_prefix("key="))?;
    Some((route::decode(pair), "query"))
}

/// A query without the key in it.
pub(crate) fn redacted(query: &str) -> String {
    let pairs: Vec<&str> =
        query.split('&').map(|pair| if pair.starts_with("key=") { "key=REDACTED" } else { pair }).collect();
    pairs.join("&")
}
