//! What Codex says of an error, as what it means for a person.

use sandboxed_protocol::trouble::Trouble;
use sandboxed_sdk::harness::{Failure, Retry};
use serde::Deserialize;
use serde_json::Value;

/// Characters of the reason of a repeat.
const SHOWN: usize = 600;

/// An error of a turn.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct TurnError {
    message: String,
    /// A name, or an object of which the only key is the name.
    codex_error_info: Value,
    additional_details: Option<String>,
}

impl TurnError {
    /// What mends it.
    pub(crate) fn failure(&self) -> Failure {
        self.trouble().failure(&self.words())
    }

    /// The repeat that Codex makes because of it. How long it waits is not told.
    pub(crate) fn retry(&self) -> Retry {
        let reason = self.additional_details.as_deref().unwrap_or(&self.message);
        // "Reconnecting... 2/5"
        let attempt = self.message.split_whitespace().find_map(|word| word.split_once('/')?.0.parse().ok());
        Retry { attempt: attempt.unwrap_or(1), delay_ms: 0, reason: reason.chars().take(SHOWN).collect() }
    }

    fn trouble(&self) -> Trouble {
        let (name, detail) = match &self.codex_error_info {
            Value::String(name) => (name.as_str(), None),
            Value::Object(named) => {
                named.iter().next().map_or(("", None), |(name, detail)| (name.as_str(), Some(detail)))
            }
            _ => ("", None),
        };
        let status = detail.and_then(|detail| detail.get("httpStatusCode")?.as_u64());
        if let Some(trouble) = status.and_then(|status| Trouble::from_status(u16::try_from(status).ok()?)) {
            return trouble;
        }
        match name {
            "unauthorized" => Trouble::Unauthorized,
            "usageLimitExceeded" | "rateLimitExceeded" => Trouble::RateLimited,
            "serverOverloaded" | "flexUnavailable" | "policyCapacityUnavailable" => Trouble::Overloaded,
            "internalServerError" => Trouble::ServerError,
            "modelNotFound" => Trouble::ModelUnknown,
            "contextWindowExceeded" => Trouble::ContextFull,
            "sessionBudgetExceeded" | "tooManyDenials" => Trouble::LimitReached,
            "cyberPolicy" | "misalignmentPolicyViolation" => Trouble::Forbidden,
            "badRequest" => Trouble::InvalidRequest,
            "httpConnectionFailed" | "responseStreamConnectionFailed" => Trouble::Unreachable,
            "responseStreamDisconnected" => Trouble::StreamCut,
            // What a provider answers to a request that it refuses (400) has no name: its message is the body.
            _ if self.body().is_some() => Trouble::from_text(&self.message).unwrap_or(Trouble::InvalidRequest),
            _ => Trouble::from_text(&self.message).unwrap_or(Trouble::Other),
        }
    }

    fn words(&self) -> String {
        let said = self.body().unwrap_or_else(|| self.message.clone());
        match &self.additional_details {
            Some(details) if *details != said => format!("{said} ({details})"),
            _ => said,
        }
    }

    /// The provider's own words, where the message is the body of its answer.
    fn body(&self) -> Option<String> {
        let body: Value = serde_json::from_str(&self.message).ok()?;
        body.get("error")?.get("message")?.as_str().map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(message: &str, info: Value) -> TurnError {
        serde_json::from_value(json!({ "message": message, "codexErrorInfo": info })).expect("an error")
    }

    fn code(message: &str, info: Value) -> String {
        error(message, info).failure().code
    }

    #[test]
    fn a_status_decides_where_codex_tells_one() {
        assert_eq!(code("x", json!({ "httpConnectionFailed": { "httpStatusCode": 401 } })), "agent.unauthorized");
        let limited = json!({ "responseTooManyFailedAttempts": { "httpStatusCode": 429 } });
        assert_eq!(code("x", limited), "agent.rate_limited");
        assert_eq!(code("x", json!({ "httpConnectionFailed": { "httpStatusCode": 404 } })), "agent.model_unknown");
    }

    #[test]
    fn else_the_name_does() {
        assert_eq!(code("x", json!("internalServerError")), "agent.server_error");
        assert_eq!(code("x", json!({ "httpConnectionFailed": { "httpStatusCode": null } })), "agent.unreachable");
        assert_eq!(code("x", json!("contextWindowExceeded")), "agent.context_full");
    }

    #[test]
    fn else_the_words_do() {
        assert_eq!(code("stream disconnected before completion", json!("other")), "agent.stream_cut");
        let refused = error(r#"{"error": {"message": "no such parameter", "code": null}}"#, json!("other")).failure();
        assert_eq!(refused.code, "agent.invalid_request");
        assert!(refused.message.ends_with(": no such parameter"), "{}", refused.message);
        assert_eq!(code("something else", Value::Null), "agent.error");
    }

    #[test]
    fn a_repeat_says_which_it_is_and_why() {
        let retry = TurnError {
            message: "Reconnecting... 2/5".to_owned(),
            additional_details: Some("no route".to_owned()),
            ..TurnError::default()
        }
        .retry();
        assert_eq!((retry.attempt, retry.reason.as_str()), (2, "no route"));
        assert_eq!(error("again", Value::Null).retry().attempt, 1);
    }
}
