//! Request ids, one tracing span a request, and request metrics.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderName, HeaderValue, Method};
use tracing::{Instrument as _, field::Empty};

use crate::{problem, state::Shared};

/// The header that carries the request's id in both directions.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that is taken from a client.
const MAX_ID_LENGTH: usize = 128;

/// The id of a request.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// Gives the request an id and a span, counts it, and renders the problem if it comes to one.
pub(crate) async fn observe(State(server): Shared, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = request_id(request.headers().get(&REQUEST_ID));
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = method_name(request.method());
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("unmatched", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", id, method, route, mission = Empty, status = Empty, latency_ms = Empty);
    if let Some(mission) = mission_in(&route, request.uri().path()) {
        span.record("mission", mission);
    }
    async {
        let response = problem::render(next.run(request).await, &id, server.orchestrator.redaction());
        let (status, took) = (response.status().as_u16(), begun.elapsed());
        let span = tracing::Span::current();
        span.record("status", status);
        span.record("latency_ms", took.as_secs_f64() * 1e3);
        match response.status().is_server_error() {
            true => tracing::warn!("the request failed"),
            false => tracing::debug!("the request was answered"),
        }
        let labels = [("method", method.to_owned()), ("route", route.clone()), ("status", status.to_string())];
        metrics::counter!("sandboxed_http_requests_total", &labels).increment(1);
        metrics::histogram!("sandboxed_http_request_seconds", "method" => method, "route" => route.clone())
            .record(took);
        with_id(response, &id)
    }
    .instrument(span.clone())
    .await
}

fn with_id(mut response: Response, id: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The client's own id if it can do no harm in a log, else a new one.
fn request_id(given: Option<&HeaderValue>) -> String {
    let sane = |id: &&str| {
        !id.is_empty()
            && id.len() <= MAX_ID_LENGTH
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    match given.and_then(|id| id.to_str().ok()).filter(sane) {
        Some(id) => id.to_owned(),
        None => uuid::Uuid::now_v7().to_string(),
    }
}

/// A label with few values: clients can invent methods.
fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

fn mission_in<'a>(route: &str, path: &'a str) -> Option<&'a str> {
    route.starts_with("/api/v1/missions/{").then(|| path.split('/').nth(4)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_forge_log_lines_is_replaced() {
        assert_eq!(request_id(Some(&HeaderValue::from_static("abc-1.2_3"))), "abc-1.2_3");
        for id in ["", "a b", "a\"b", &"a".repeat(129)] {
            assert_ne!(request_id(Some(&HeaderValue::from_str(id).unwrap())), id);
        }
    }
}
