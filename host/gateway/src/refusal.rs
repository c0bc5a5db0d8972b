//! What the gateway itself answers where a model does not, in the words of the format that was asked in.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use sandboxed_model::{Blame, Failure, RequestId, wire::WireFormat};
use serde_json::{Value, json};

/// The header that holds the failure's code.
const CODE: HeaderName = HeaderName::from_static("x-sandboxed-sh-code");

/// The official clients do as it says, whatever the status.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// The longest wait that clients make by themselves; what takes longer is not to be retried by them.
const PATIENCE_S: u64 = 60;

/// Why a request is not served. It decides the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The token is missing, unknown or has ended: 401.
    Token,
    /// The model is not allowed: 403.
    ModelDenied,
    /// The model, or the path, is unknown: 404.
    Unknown,
    /// A budget is used up: 400, as there is no other status of that meaning which no client retries (402 and 429 make some
    /// wait, ask for a payment or for another login).
    Budget,
    /// A limit is reached or the mission is parked: 429, with `retry-after` where the time is known.
    Limited,
    /// The request is wrong: 400.
    Invalid,
    /// The body is too large: 413.
    TooLarge,
    /// The body came too slowly: 408.
    TooSlow,
    /// The body's compression is unknown: 415.
    Encoding,
    /// The provider does not take the operator's key: 400, as a client must neither retry nor ask for a login of its own.
    Credential,
    /// The provider cannot be reached, or answers with what is no answer: 502.
    Unreachable,
    /// Something that the request needs is not there now: 503.
    Unavailable,
    /// The provider did not answer in time: 504.
    Deadline,
    /// The gateway or the desk fails: 500.
    Internal,
}

impl Reason {
    const fn status(self) -> StatusCode {
        match self {
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::ModelDenied => StatusCode::FORBIDDEN,
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::Budget | Self::Invalid | Self::Credential => StatusCode::BAD_REQUEST,
            Self::Limited => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unreachable => StatusCode::BAD_GATEWAY,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Deadline => StatusCode::GATEWAY_TIMEOUT,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// A request is not served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{failure}")]
pub struct Refusal {
    /// Which kind of refusal it is.
    pub reason: Reason,
    /// What the client is told.
    pub failure: Failure,
}

impl Refusal {
    /// A refusal of a kind.
    pub fn new(reason: Reason, failure: Failure) -> Self {
        Self { reason, failure }
    }

    pub(crate) fn invalid(code: &str, message: impl Into<String>) -> Self {
        Self::new(Reason::Invalid, Failure::new(Blame::Denied, code, message))
    }

    /// The answer to a request of a format.
    pub(crate) fn answer(&self, format: WireFormat) -> Response<Bytes> {
        let id = RequestId::new().to_string();
        let status = self.reason.status();
        let mut response = Response::new(Bytes::from(self.body(format, &id).to_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Ok(id) = HeaderValue::from_str(&id) {
            let name = if format == WireFormat::Messages { "request-id" } else { "x-request-id" };
            headers.insert(HeaderName::from_static(name), id);
        }
        if let Ok(code) = HeaderValue::from_str(&self.failure.code) {
            headers.insert(CODE, code);
        }
        let seconds = self.failure.retry_after_ms.map(|ms| u64::from(ms).div_ceil(1000));
        if let Some(seconds) = seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status.is_client_error() && (self.reason != Reason::Limited || seconds.is_some_and(|s| s > PATIENCE_S)) {
            headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        response
    }

    /// The message with the hint.
    pub(crate) fn message(&self) -> String {
        match &self.failure.hint {
            Some(hint) => format!("{} ({hint})", self.failure.message),
            None => self.failure.message.clone(),
        }
    }

    fn body(&self, format: WireFormat, id: &str) -> Value {
        let message = self.message();
        let status = self.reason.status().as_u16();
        match format {
            WireFormat::Messages => {
                json!({ "type": "error", "error": { "type": self.anthropic(), "message": message }, "request_id": id })
            }
            WireFormat::Chat | WireFormat::Responses => json!({ "error": self.openai() }),
            WireFormat::Gemini => json!({ "error": self.google(status) }),
        }
    }

    /// The error that ends a WebSocket's request.
    pub(crate) fn socket_event(&self) -> String {
        json!({ "type": "error", "status": self.reason.status().as_u16(), "error": self.openai() }).to_string()
    }

    pub(crate) fn anthropic(&self) -> &'static str {
        match self.reason {
            Reason::Token => "authentication_error",
            Reason::ModelDenied => "permission_error",
            Reason::Unknown => "not_found_error",
            Reason::Limited => "rate_limit_error",
            Reason::TooLarge => "request_too_large",
            Reason::Budget | Reason::Invalid | Reason::TooSlow | Reason::Encoding | Reason::Credential => {
                "invalid_request_error"
            }
            Reason::Unavailable => "overloaded_error",
            Reason::Deadline => "timeout_error",
            Reason::Unreachable | Reason::Internal => "api_error",
        }
    }

    pub(crate) fn openai(&self) -> Value {
        let kind = match self.reason {
            Reason::Limited => "rate_limit_error",
            Reason::Unreachable | Reason::Unavailable | Reason::Deadline | Reason::Internal => "server_error",
            _ => "invalid_request_error",
        };
        json!({ "message": self.message(), "type": kind, "param": null, "code": self.failure.code })
    }

    pub(crate) fn google(&self, code: u16) -> Value {
        let status = match self.reason {
            Reason::Token => "UNAUTHENTICATED",
            Reason::ModelDenied => "PERMISSION_DENIED",
            Reason::Unknown => "NOT_FOUND",
            Reason::Limited => "RESOURCE_EXHAUSTED",
            Reason::Unavailable | Reason::Unreachable => "UNAVAILABLE",
            Reason::Deadline => "DEADLINE_EXCEEDED",
            Reason::Internal => "INTERNAL",
            _ => "INVALID_ARGUMENT",
        };
        let info = json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": self.failure.code,
            "domain": "sandboxed.sh",
        });
        let retry = self.failure.retry_after_ms.map(|ms| {
            json!({
                "@type": "type.googleapis.com/google.rpc.RetryInfo",
                "retryDelay": format!("{}s", u64::from(ms).div_ceil(1000)),
            })
        });
        let details: Vec<Value> = [Some(info), retry].into_iter().flatten().collect();
        json!({ "code": code, "message": self.message(), "status": status, "details": details })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(ms: u32) -> Refusal {
        let mut failure = Failure::new(Blame::Unavailable, "mission.parked", "The window is used up").with_hint("wait");
        failure.retry_after_ms = Some(ms);
        Refusal::new(Reason::Limited, failure)
    }

    #[test]
    fn a_refusal_is_told_in_the_words_of_each_format() {
        let told = |format| {
            let answer = limited(1500).answer(format);
            assert_eq!(answer.status(), 429);
            assert_eq!(answer.headers()["retry-after"], "2");
            assert_eq!(answer.headers()["x-sandboxed-sh-code"], "mission.parked");
            serde_json::from_slice::<Value>(answer.body()).unwrap()
        };
        assert_eq!(told(WireFormat::Messages)["error"]["type"], "rate_limit_error");
        assert_eq!(told(WireFormat::Messages)["error"]["message"], "The window is used up (wait)");
        assert_eq!(told(WireFormat::Chat)["error"]["code"], "mission.parked");
        assert_eq!(told(WireFormat::Gemini)["error"]["status"], "RESOURCE_EXHAUSTED");
        assert_eq!(told(WireFormat::Gemini)["error"]["details"][1]["retryDelay"], "2s");
    }

    #[test]
    fn clients_retry_what_passes_soon_and_nothing_else() {
        assert!(!limited(60_000).answer(WireFormat::Messages).headers().contains_key(SHOULD_RETRY));
        assert_eq!(limited(61_000).answer(WireFormat::Messages).headers()[SHOULD_RETRY], "false");
        let budget = Refusal::new(Reason::Budget, Failure::new(Blame::Denied, "budget.used_up", "No money left"));
        let answer = budget.answer(WireFormat::Chat);
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()[SHOULD_RETRY]),
            (400, &HeaderValue::from_static("false"))
        );
    }
}
