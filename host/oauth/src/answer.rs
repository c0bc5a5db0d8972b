//! What a provider answered.

use reqwest::StatusCode;
use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::{Error, Result};

/// The longest token in bytes: what fits a header everywhere.
const MOST_TOKEN: usize = 16 << 10;
/// The longest life of a token that is believed, in seconds: ten years.
const MOST_SECONDS: u64 = 10 * 365 * 24 * 60 * 60;

/// Whether a content type is that of JSON.
pub(crate) fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
    essence.eq_ignore_ascii_case(b"application/json")
        || (essence.len() > 5 && essence[essence.len() - 5..].eq_ignore_ascii_case(b"+json"))
}

/// The object of an answer, whose body is given where it says that it is JSON.
pub(crate) fn read(status: StatusCode, json: Option<&[u8]>) -> Result<Map<String, Value>> {
    let object = json.and_then(|body| serde_json::from_slice::<Map<String, Value>>(body).ok());
    if status.is_success() {
        let object = match (json, object) {
            (None, _) => return Err(Error::Answer("it is not JSON")),
            (Some(_), None) => return Err(Error::Answer("it is no JSON object")),
            (Some(_), Some(object)) => object,
        };
        // Some providers refuse with a success.
        return match code(&object) {
            Some(code) => Err(Error::refused(code)),
            None => Ok(object),
        };
    }
    if status.is_redirection() {
        return Err(Error::Answer("it is a redirect"));
    }
    if status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS) {
        return Err(Error::Unavailable(status.as_u16()));
    }
    Err(match object.as_ref().and_then(code) {
        Some(code) => Error::refused(code),
        None => Error::refused(&format!("HTTP status {}", status.as_u16())),
    })
}

/// The error code: the text of RFC 6749, or the kind of an error object.
fn code(object: &Map<String, Value>) -> Option<&str> {
    let error = object.get("error")?;
    error.as_str().or_else(|| ["code", "type"].iter().find_map(|key| error.get(key)?.as_str()))
}

/// Takes a token out of an answer. None where it is not there or null.
pub(crate) fn take_token(answer: &mut Map<String, Value>, key: &str) -> Result<Option<SecretString>> {
    match answer.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(token))
            if (1..=MOST_TOKEN).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            Ok(Some(token.into()))
        }
        Some(_) => Err(Error::Answer("a token in it is no token")),
    }
}

/// A number of seconds; some providers write it as text.
pub(crate) fn seconds(answer: &Map<String, Value>, key: &str) -> Result<Option<u64>> {
    let seconds = match answer.get(key) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.parse().ok(),
        Some(_) => None,
    };
    seconds.map(|seconds| Some(seconds.min(MOST_SECONDS))).ok_or(Error::Answer("a time in it is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &str) -> Result<Map<String, Value>> {
        read(StatusCode::from_u16(status).unwrap(), Some(body.as_bytes()))
    }

    #[test]
    fn of_a_refusal_the_code_is_told_however_it_is_written() {
        for (status, body, told) in [
            (400, r#"{"error":"invalid_grant","error_description":"secret"}"#, "invalid_grant"),
            (200, r#"{"error":"bad_verification_code"}"#, "bad_verification_code"),
            (
                400,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"secret"}}"#,
                "invalid_request_error",
            ),
            (403, r#"{"detail":"secret"}"#, "HTTP status 403"),
            (404, "[", "HTTP status 404"),
        ] {
            assert_eq!(answered(status, body), Err(Error::Refused(told.to_owned())), "{body}");
        }
        assert_eq!(answered(503, "{}"), Err(Error::Unavailable(503)));
        assert_eq!(answered(429, r#"{"error":"invalid_grant"}"#), Err(Error::Unavailable(429)));
        assert_eq!(answered(302, "{}"), Err(Error::Answer("it is a redirect")));
        assert_eq!(answered(200, "[]"), Err(Error::Answer("it is no JSON object")));
        assert_eq!(read(StatusCode::OK, None), Err(Error::Answer("it is not JSON")));
    }

    #[test]
    fn json_is_told_by_its_type() {
        for content_type in ["application/json", "Application/JSON; charset=utf-8", "application/x+json"] {
            assert!(is_json(content_type.as_bytes()), "{content_type}");
        }
        for content_type in ["", "text/html", "text/json", "application/jsonp", "+json"] {
            assert!(!is_json(content_type.as_bytes()), "{content_type}");
        }
    }

    #[test]
    fn a_token_is_plain_and_a_time_a_number() {
        let mut answer =
            answered(200, r#"{"a":"tok","b":"","c":"x\ny","d":7,"e":"60","f":-1,"g":99999999999}"#).unwrap();
        assert!(take_token(&mut answer, "a").unwrap().is_some());
        assert!(take_token(&mut answer, "z").unwrap().is_none());
        for key in ["b", "c", "f"] {
            take_token(&mut answer.clone(), key).unwrap_err();
        }
        assert_eq!(seconds(&answer, "d"), Ok(Some(7)));
        assert_eq!(seconds(&answer, "e"), Ok(Some(60)));
        assert_eq!(seconds(&answer, "g"), Ok(Some(MOST_SECONDS)));
        seconds(&answer, "f").unwrap_err();
    }
}
