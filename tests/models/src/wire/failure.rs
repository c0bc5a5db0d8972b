//! Error bodies as each provider writes them.

use serde_json::Value;

use crate::json::Obj;

/// Anthropic's error, which is also the data of its `error` event.
pub(crate) fn anthropic(status: u16, kind: Option<&str>, message: Option<&str>, request_id: &str) -> String {
    let (known, words) = match status {
        401 => ("authentication_error", "invalid x-api-key"),
        402 => ("billing_error", "Your credit balance is too low to access the Anthropic API."),
        403 => ("permission_error", "Your API key does not have permission to use the specified resource."),
        404 => ("not_found_error", "Not found"),
        413 => ("request_too_large", "Request exceeds the maximum size"),
        429 => ("rate_limit_error", "This request would exceed your account's rate limit. Please try again later."),
        504 => ("timeout_error", "The request timed out"),
        529 => ("overloaded_error", "Overloaded"),
        400..500 => ("invalid_request_error", "Invalid request"),
        _ => ("api_error", "Internal server error"),
    };
    let error = Obj::of(kind.unwrap_or(known)).put("message", message.unwrap_or(words));
    Obj::of("error").put("error", error).put("request_id", request_id).text()
}

/// OpenAI's code and message for a status.
pub(crate) fn openai_words(status: u16) -> (&'static str, &'static str) {
    match status {
        401 => ("invalid_api_key", "Incorrect API key provided."),
        403 => ("unsupported_country_region_territory", "You are not allowed to do this."),
        404 => ("model_not_found", "The model does not exist or you do not have access to it."),
        413 => ("request_too_large", "The request is too large."),
        429 => ("rate_limit_exceeded", "Rate limit reached for requests. Please try again later."),
        400..500 => ("invalid_request", "Invalid request."),
        _ => ("server_error", "The server had an error while processing your request."),
    }
}

/// What goes into an OpenAI error: its type, message and code.
fn openai_error(status: u16, kind: Option<&str>, code: Option<&str>, message: Option<&str>) -> Obj {
    let (known, words) = openai_words(status);
    let kind = kind.unwrap_or(match status {
        429 => "requests",
        400..500 => "invalid_request_error",
        _ => "server_error",
    });
    let code = code.or(if status == 400 { None } else { Some(known) });
    Obj::new().put("message", message.unwrap_or(words)).put("type", kind).put("param", Value::Null).put("code", code)
}

/// OpenAI's error. `extra` are further fields.
pub(crate) fn openai(status: u16, kind: Option<&str>, code: Option<&str>, message: Option<&str>) -> String {
    Obj::new().put("error", openai_error(status, kind, code, message)).text()
}

/// OpenAI's error for a used-up window.
pub(crate) fn openai_used_up(message: Option<&str>, resets_at: i64, resets_in: i64) -> String {
    let error = Obj::of("usage_limit_reached")
        .put("message", message.unwrap_or("The usage limit has been reached"))
        .put("code", "usage_limit_reached")
        .put("resets_at", resets_at)
        .put("resets_in_seconds", resets_in);
    Obj::new().put("error", error).text()
}

/// An error of OpenAI as a message of a WebSocket. `body` is the same error as a body.
pub(crate) fn openai_message(status: u16, body: &str, headers: &[(String, String)], lane: Option<&str>) -> String {
    let error = serde_json::from_str::<Value>(body).ok().and_then(|mut body| body.get_mut("error").map(Value::take));
    let headers = headers.iter().fold(Obj::new(), |all, (name, value)| all.put(name, value));
    Obj::of("error")
        .put("status", status)
        .put("error", error.unwrap_or_else(|| Value::String(body.to_owned())))
        .put("headers", headers)
        .put_some("stream_id", lane)
        .text()
}

/// Google's error.
pub(crate) fn google(status: u16, kind: Option<&str>, message: Option<&str>, retry_in: Option<i64>) -> String {
    let (known, words) = match status {
        401 => ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
        403 => ("PERMISSION_DENIED", "The caller does not have permission"),
        404 => ("NOT_FOUND", "The model is not found or is not supported."),
        429 => ("RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details."),
        503 => ("UNAVAILABLE", "The model is overloaded. Please try again later."),
        504 => ("DEADLINE_EXCEEDED", "The deadline has expired before the operation could complete."),
        400 | 402 | 405..429 | 430..500 => ("INVALID_ARGUMENT", "Request contains an invalid argument."),
        _ => ("INTERNAL", "An internal error has occurred. Please retry."),
    };
    let error = Obj::new()
        .put("code", status)
        .put("message", message.unwrap_or(words))
        .put("status", kind.unwrap_or(known))
        .put_some(
            "details",
            retry_in.map(|seconds| {
                [Obj::new()
                    .put("@type", "type.googleapis.com/google.rpc.RetryInfo")
                    .put("retryDelay", format!("{seconds}s"))]
            }),
        );
    Obj::new().put("error", error).text()
}

/// Google's error for a key that it does not know, which is no 401.
pub(crate) fn google_unknown_key() -> String {
    let info = Obj::new()
        .put("@type", "type.googleapis.com/google.rpc.ErrorInfo")
        .put("reason", "API_KEY_INVALID")
        .put("domain", "googleapis.com")
        .put("metadata", Obj::new().put("service", "generativelanguage.googleapis.com"));
    let error = Obj::new()
        .put("code", 400)
        .put("message", "API key not valid. Please pass a valid API key.")
        .put("status", "INVALID_ARGUMENT")
        .put("details", [info]);
    Obj::new().put("error", error).text()
}
