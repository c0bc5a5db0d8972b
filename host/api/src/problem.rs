//! Errors as they go over the wire: RFC 9457 problem documents with the fields of a failure.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use sandboxed_core::Error;
use sandboxed_model::{Blame, Failure, PluginId};
use sandboxed_vault::Redaction;
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of a problem document.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request was not done.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) detail: String,
    blame: Option<Blame>,
    code: String,
    pub(crate) hint: Option<String>,
    retry_after_ms: Option<u32>,
    plugin: Option<PluginId>,
}

/// Why a request was not done, and what would mend it (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Document {
    /// Names the kind of problem: `https://sandboxed.sh/problems/` and the code.
    #[serde(rename = "type")]
    #[schema(format = "uri-reference")]
    kind: String,
    /// The HTTP status in words.
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// One sentence for a person. Never holds a secret.
    detail: String,
    /// The id of the request; the server's log has the same.
    instance: String,
    /// Who has to act for the request to succeed next time; absent where the request itself is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    blame: Option<Blame>,
    /// Stable, dotted, lower case. Programs may match on it.
    code: String,
    /// The configuration line or command that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// Milliseconds after which a repeat may succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u32>,
    /// The plugin in which it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    plugin: Option<PluginId>,
}

impl Problem {
    /// A problem of the request itself.
    pub(crate) fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        let (detail, code) = (detail.into(), code.to_owned());
        Self { status, detail, blame: None, code, hint: None, retry_after_ms: None, plugin: None }
    }

    /// A request that cannot be understood.
    pub(crate) fn invalid(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// The same with another status, if it is of this kind.
    pub(crate) fn told_as(mut self, code: &str, status: StatusCode) -> Self {
        if self.code == code {
            self.status = status;
        }
        self
    }

    /// The same with what mends it.
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The server is at fault and says no more; the log does.
    pub(crate) fn internal() -> Self {
        let detail = "the server made a mistake; its log says more under this request's id";
        Self { blame: Some(Blame::Host), ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "http.internal", detail) }
    }

    fn of_failure(status: StatusCode, failure: Failure) -> Self {
        let Failure { blame, code, message, hint, retry_after_ms, plugin } = failure;
        Self { blame: Some(blame), hint, retry_after_ms, plugin, ..Self::new(status, &code, message) }
    }
}

/// The status of a failure: who has to act decides.
fn status_of(failure: &Failure) -> StatusCode {
    match (failure.blame, failure.code.as_str()) {
        (_, "store.disk_full" | "path.disk_full") => return StatusCode::INSUFFICIENT_STORAGE,
        // The server has room; the workspace may not have it.
        (_, "workspace.disk_full") => return StatusCode::PAYLOAD_TOO_LARGE,
        // The request itself is wrong, whatever is configured.
        (Blame::Config, code) if code.ends_with(".options_invalid") => return StatusCode::BAD_REQUEST,
        (Blame::Config, "tools.arguments_invalid" | "workspace.network_invalid" | "workspace.options_invalid") => {
            return StatusCode::BAD_REQUEST;
        }
        _ => {}
    }
    match failure.blame {
        Blame::Plugin => StatusCode::BAD_GATEWAY,
        Blame::Host => StatusCode::INTERNAL_SERVER_ERROR,
        // The request does not fit what the operator configured, and will once that is mended.
        Blame::Config => StatusCode::CONFLICT,
        Blame::Denied => StatusCode::FORBIDDEN,
        Blame::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Blame::Deadline => StatusCode::GATEWAY_TIMEOUT,
    }
}

/// The status of a request for a file that does not fit what is there.
fn status_of_file(code: &str) -> StatusCode {
    match code {
        "path.missing" | "upload.not_found" => StatusCode::NOT_FOUND,
        "path.invalid" | "path.escape" | "path.input_broken" | "archive.invalid" | "archive.version" => {
            StatusCode::BAD_REQUEST
        }
        "path.changed" => StatusCode::PRECONDITION_FAILED,
        "path.too_large" | "path.too_many_entries" => StatusCode::PAYLOAD_TOO_LARGE,
        "path.range_invalid" => StatusCode::RANGE_NOT_SATISFIABLE,
        _ => StatusCode::CONFLICT,
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let failure = error.failure();
        let status = match &error {
            Error::NotFound { .. } => StatusCode::NOT_FOUND,
            Error::Invalid {
                code: "mission.message_too_long" | "mission.attachments_too_large" | "attachment.too_large",
                ..
            } => StatusCode::PAYLOAD_TOO_LARGE,
            Error::Invalid { .. } => StatusCode::BAD_REQUEST,
            Error::Conflict { .. } => StatusCode::CONFLICT,
            Error::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            Error::Forbidden { .. } => StatusCode::FORBIDDEN,
            Error::Throttled { .. } => StatusCode::TOO_MANY_REQUESTS,
            Error::File(failure) => status_of_file(&failure.code),
            Error::Failure(failure) => status_of(failure),
        };
        let problem = Self::of_failure(status, failure);
        match &error {
            Error::Failure(_) => problem,
            _ => Self { blame: None, ..problem },
        }
    }
}

impl IntoResponse for Problem {
    /// The document itself is written by [`render`], which knows the request's id.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        if response.status() == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"sandboxed.sh\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(millis) = self.retry_after_ms {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(millis.div_ceil(1000)));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Gives every error its document: those that a handler made, and those that the router made without one.
/// Values of secrets are taken out of what it says.
pub(crate) fn render(response: Response, request_id: &str, redaction: &Redaction) -> Response {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let problem = match parts.extensions.remove::<Problem>() {
        Some(problem) => problem,
        None if is_written(&parts.headers) => return Response::from_parts(parts, body),
        None => of_status(status),
    };
    let Problem { status, detail, blame, code, hint, retry_after_ms, plugin } = problem;
    let document = Document {
        kind: format!("https://sandboxed.sh/problems/{code}"),
        title: status.canonical_reason().unwrap_or("Error"),
        status: status.as_u16(),
        detail: redaction.text(&detail).into_owned(),
        instance: request_id.to_owned(),
        blame,
        code,
        hint: hint.map(|hint| redaction.text(&hint).into_owned()),
        retry_after_ms,
        plugin,
    };
    let document = serde_json::to_vec(&document).unwrap_or_default();
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(document.len()));
    Response::from_parts(parts, Body::from(document))
}

/// Whether it has its document already, or is a page for a person.
fn is_written(headers: &http::HeaderMap) -> bool {
    let written = |value: &HeaderValue| value == MEDIA_TYPE || value.as_bytes().starts_with(b"text/html");
    headers.get(header::CONTENT_TYPE).is_some_and(written)
}

fn of_status(status: StatusCode) -> Problem {
    match status {
        StatusCode::METHOD_NOT_ALLOWED => Problem::new(
            status,
            "http.method_not_allowed",
            "this path does not know the method; the header Allow lists those it knows",
        ),
        _ => Problem::new(status, "http.error", status.canonical_reason().unwrap_or("the request failed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_to_act_decides_the_status() {
        let status =
            |blame, code| Problem::from(Error::Failure(Failure::new(blame, code, "it failed"))).status.as_u16();
        assert_eq!(status(Blame::Plugin, "plugin.trap"), 502);
        assert_eq!(status(Blame::Host, "store.sqlite"), 500);
        assert_eq!(status(Blame::Config, "plugin.config"), 409);
        assert_eq!(status(Blame::Config, "tools.arguments_invalid"), 400);
        assert_eq!(status(Blame::Denied, "run.denied"), 403);
        assert_eq!(status(Blame::Unavailable, "store.busy"), 503);
        assert_eq!(status(Blame::Unavailable, "store.disk_full"), 507);
        assert_eq!(status(Blame::Unavailable, "workspace.disk_full"), 413);
        assert_eq!(status(Blame::Deadline, "plugin.deadline"), 504);
    }

    #[test]
    fn a_throttled_request_says_when_to_come_back() {
        let response = Problem::from(Error::Throttled { retry_after_secs: 7 }).into_response();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[header::RETRY_AFTER], "7");
    }
}
