//! What an agent's error means.

use sandboxed_protocol::{rpc::RpcError, trouble::Trouble};
use sandboxed_sdk::Failure;
use serde_json::Value;

/// The protocol's code for "authentication required".
const AUTH_REQUIRED: i64 = -32000;

/// What agents say when they do not know a session.
const LOST: [&str; 7] = [
    "not found",
    "not_found",
    "no previous sessions",
    "no rollout",
    "no conversation",
    "does not exist",
    "invalid session identifier",
];

/// Why a request failed.
pub(crate) fn failure(error: &RpcError) -> Failure {
    let said = words(error);
    trouble(error, &said).failure(&said)
}

/// Why a turn failed of which the agent tells in words alone.
pub(crate) fn failure_in(text: &str) -> Failure {
    from_words(text).failure(text)
}

/// Whether an answer to `session/load` says that there is no such session.
pub(crate) fn is_lost(error: &RpcError) -> bool {
    let said = format!("{} {}", words(error), error.data).to_ascii_lowercase();
    LOST.iter().any(|pattern| said.contains(pattern))
}

/// What is more certain stands first.
fn trouble(error: &RpcError, said: &str) -> Trouble {
    let status = |value: Option<&Value>| value.and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
    let told = status(error.data.get("http_status")).or_else(|| u16::try_from(error.code).ok());
    told.and_then(Trouble::from_status)
        .map(|trouble| match (trouble, from_words(said)) {
            // Some agents give each error of theirs the status 500.
            (Trouble::ServerError, sharper @ (Trouble::Unreachable | Trouble::StreamCut | Trouble::ModelUnknown)) => {
                sharper
            }
            (trouble, _) => trouble,
        })
        .or_else(|| of_kind(error.data.get("errorKind")?.as_str()?))
        .or_else(|| (error.code == AUTH_REQUIRED).then_some(Trouble::Unauthorized))
        .unwrap_or_else(|| from_words(said))
}

fn from_words(text: &str) -> Trouble {
    let unreachable = ["Could not connect", "Network error"].iter().any(|words| text.contains(words));
    if unreachable { Trouble::Unreachable } else { Trouble::from_text(text).unwrap_or(Trouble::Other) }
}

/// The kinds of errors that the adapter of Claude Code tells.
fn of_kind(kind: &str) -> Option<Trouble> {
    Some(match kind {
        "authentication_failed" | "authentication" => Trouble::Unauthorized,
        "billing_error" => Trouble::NoCredit,
        "rate_limit" => Trouble::RateLimited,
        "overloaded" => Trouble::Overloaded,
        "server_error" => Trouble::ServerError,
        "invalid_request" => Trouble::InvalidRequest,
        _ => return None,
    })
}

/// The most telling of the texts in an error: what an agent knows is often in its data.
fn words(error: &RpcError) -> String {
    let data = &error.data;
    let told =
        [Some(data), data.get("details"), data.get("message"), data.get("detail"), data.pointer("/error/message")];
    let told = told.into_iter().flatten().find_map(Value::as_str).unwrap_or_default();
    // Some agents hand on the provider's body as it came.
    let inner = serde_json::from_str::<Value>(&error.message).ok();
    let message = inner.as_ref().and_then(|body| body.pointer("/error/message")?.as_str()).unwrap_or(&error.message);
    match (message, told) {
        (message, "") => message.to_owned(),
        ("" | "Internal error", told) => told.to_owned(),
        (message, told) => format!("{message}: {told}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(code: i64, message: &str, data: Value) -> (String, String) {
        let failure = failure(&RpcError { code, message: message.to_owned(), data });
        (failure.code, failure.message)
    }

    #[test]
    fn a_status_is_found_wherever_an_agent_puts_it() {
        let gemini = r#"{"error":{"code":401,"message":"bad key","status":"UNAUTHENTICATED"}}"#;
        let (code, message) = told(401, gemini, Value::Null);
        assert_eq!(code, "agent.unauthorized");
        assert!(message.ends_with(": bad key"), "{message}");
        for (error, code) in [
            ((429, "slow down", Value::Null), "agent.rate_limited"),
            ((-32603, "Internal error", json!({ "message": "x", "http_status": 500 })), "agent.server_error"),
            ((-32603, "Internal error", json!("Unauthorized (401) from http://x")), "agent.unauthorized"),
            ((-32603, "Internal error: x", json!({ "errorKind": "rate_limit" })), "agent.rate_limited"),
            ((-32000, "Authentication required", Value::Null), "agent.unauthorized"),
            ((500, "exception TypeError: fetch failed sending request", Value::Null), "agent.unreachable"),
            ((-32603, "Internal error: mock", json!({ "errorName": "APIError" })), "agent.error"),
        ] {
            assert_eq!(told(error.0, error.1, error.2).0, code);
        }
    }

    #[test]
    fn a_session_that_is_gone_is_told_from_other_errors() {
        let error = |message: &str, data: Value| RpcError { code: -32603, message: message.to_owned(), data };
        let gone = json!({ "details": "No previous sessions found for this project." });
        assert!(is_lost(&error("Internal error", gone)));
        assert!(is_lost(&error("Path not found.", json!({ "code": "FS_NOT_FOUND" }))));
        assert!(!is_lost(&error("Authentication required", Value::Null)));
    }
}
