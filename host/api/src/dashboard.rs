//! The dashboard: files that were made when the server was built.
//!
//! A path that is no file is a place within the dashboard and gets its one page. What cannot be such a place (a path of
//! the API, a name with a dot) stays an error: a missing script that is answered with a page would only fail later.

use std::{collections::HashMap, sync::Arc};

use axum::{
    body::Body,
    extract::State,
    response::{Html, IntoResponse as _, Response},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use sha2::{Digest as _, Sha256};

use crate::{problem::Problem, state::Server};

/// Everything comes from this server. Styles may be inline, because terminals and editors place what they show by them;
/// scripts may not.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
     font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);
/// The name of a file below this holds a digest of its content.
const UNCHANGING: &str = "assets/";
const PAGE: &str = "index.html";
/// First parts of paths that are never places within the dashboard.
const NOT_PLACES: [&str; 5] = ["api", "healthz", "readyz", "metrics", "mcp"];

/// A file of the dashboard, whole and compressed.
#[derive(Debug, Clone, Copy)]
pub struct DashboardFile {
    /// Relative, with `/` between its parts.
    pub path: &'static str,
    /// Its content.
    pub content: &'static [u8],
    /// The same compressed with gzip, where that is smaller.
    pub gzip: Option<&'static [u8]>,
    /// The same compressed with Brotli, where that is smaller.
    pub brotli: Option<&'static [u8]>,
}

/// The files by their paths.
pub(crate) struct Dashboard {
    files: HashMap<&'static str, (DashboardFile, HeaderValue)>,
}

impl Dashboard {
    pub(crate) fn new(files: &[DashboardFile]) -> Self {
        let tagged = files.iter().map(|file| (file.path, (*file, tag(file.content))));
        Self { files: tagged.collect() }
    }

    fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return None;
        }
        let path = uri.path().trim_start_matches('/');
        if let Some((file, tag)) = self.files.get(path) {
            return Some(send(file, tag, headers));
        }
        let mut parts = path.split('/');
        let is_place = !parts.next().is_some_and(|first| NOT_PLACES.contains(&first))
            && !path.starts_with(UNCHANGING)
            && !path.rsplit('/').next().is_some_and(|last| last.contains('.'));
        let (file, tag) = self.files.get(PAGE).filter(|_| is_place)?;
        Some(send(file, tag, headers))
    }
}

/// Answers what no route of the API does.
pub(crate) async fn fallback(
    State(server): State<Arc<Server>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if let Some(response) = server.dashboard.answer(&method, &uri, &headers) {
        return response;
    }
    if method == Method::GET && uri.path() == "/" {
        return Html(include_str!("without_dashboard.html")).into_response();
    }
    Problem::new(StatusCode::NOT_FOUND, "http.no_such_path", "there is nothing at this path")
        .with_hint("GET /api/v1/openapi.json lists the paths")
        .into_response()
}

fn send(file: &DashboardFile, tag: &HeaderValue, request: &HeaderMap) -> Response {
    let unchanging = file.path.starts_with(UNCHANGING);
    let caching = if unchanging { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = request.get(header::IF_NONE_MATCH).is_some_and(|known| names(known, tag));
    let (content, encoding) = encoded(file, request);
    let mut response = match known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => Response::new(Body::from(Bytes::from_static(content))),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(header::ETAG, tag.clone());
    headers.insert(header::VARY, const { HeaderValue::from_static("accept-encoding") });
    headers.insert(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    headers.insert(
        const { HeaderName::from_static("cross-origin-resource-policy") },
        const { HeaderValue::from_static("same-origin") },
    );
    if !known {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(file.path)));
        if let Some(encoding) = encoding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
    }
    response
}

/// The smallest form that the client takes. Browsers take Brotli over TLS and from the same machine only.
fn encoded(file: &DashboardFile, request: &HeaderMap) -> (&'static [u8], Option<&'static str>) {
    let takes = |encoding: &str| {
        let accepted = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        accepted.flat_map(|value| value.split(',')).any(|one| {
            let (name, weight) = one.split_once(';').unwrap_or((one, ""));
            let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0));
            name.trim().eq_ignore_ascii_case(encoding) && !refused
        })
    };
    match (file.brotli, file.gzip) {
        (Some(brotli), _) if takes("br") => (brotli, Some("br")),
        (_, Some(gzip)) if takes("gzip") => (gzip, Some("gzip")),
        _ => (file.content, None),
    }
}

/// Weak: the same page may have been sent in another encoding.
fn tag(content: &[u8]) -> HeaderValue {
    let digest = Sha256::digest(content);
    let number = u128::from_be_bytes(digest[..16].try_into().unwrap_or_default());
    HeaderValue::from_str(&format!("W/\"{number:032x}\"")).unwrap_or(const { HeaderValue::from_static("W/\"\"") })
}

fn names(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let known = known.to_str().unwrap_or_default();
    known.split(',').any(|one| one.trim() == "*" || one.trim().as_bytes() == tag.as_bytes())
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}
