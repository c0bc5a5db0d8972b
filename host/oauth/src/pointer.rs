//! Where in an answer something lies.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::{Error, Result};

/// The longest text that is taken, in bytes.
const MOST_TEXT: usize = 256;

/// Where in the answer of a token endpoint a text lies: a JSON pointer (RFC 6901) into the answer, or, after `id_token`,
/// into the claims of the token of that name.
///
/// Its signature is not checked: the token comes from the token endpoint itself, over TLS (OpenID Connect Core, 3.1.3.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pointer {
    in_id_token: bool,
    pointer: String,
}

impl Pointer {
    pub(crate) fn parse(what: &str, text: &str) -> Result<Self> {
        let (in_id_token, pointer) = match text.strip_prefix("id_token") {
            Some(pointer) => (true, pointer),
            None => (false, text),
        };
        if !pointer.starts_with('/') {
            return Err(Error::Description(format!("{what} is no JSON pointer")));
        }
        Ok(Self { in_id_token, pointer: pointer.to_owned() })
    }

    /// The text, where there is one that can be shown.
    pub(crate) fn find(&self, answer: &Value) -> Option<String> {
        let claims;
        let root = if self.in_id_token {
            claims = claims_of(answer.get("id_token")?.as_str()?)?;
            &claims
        } else {
            answer
        };
        let text = root.pointer(&self.pointer)?.as_str()?;
        let shown = !text.is_empty() && text.len() <= MOST_TEXT && !text.contains(char::is_control);
        shown.then(|| text.to_owned())
    }
}

fn claims_of(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn find(pointer: &str, answer: &Value) -> Option<String> {
        Pointer::parse("account_id", pointer).unwrap().find(answer)
    }

    #[test]
    fn a_text_is_found_in_the_answer_and_in_its_id_token() {
        let claims = BASE64_URL_SAFE_NO_PAD.encode(r#"{"email":"a@example.org","https://x/auth":{"id":"7"}}"#);
        let answer = json!({ "account": { "uuid": "42" }, "id_token": format!("e30.{claims}.c2ln") });
        assert_eq!(find("/account/uuid", &answer).as_deref(), Some("42"));
        assert_eq!(find("id_token/email", &answer).as_deref(), Some("a@example.org"));
        assert_eq!(find("id_token/https:~1~1x~1auth/id", &answer).as_deref(), Some("7"));
        assert_eq!(find("/account/email", &answer), None);
        Pointer::parse("account_id", "account").unwrap_err();
    }

    #[test]
    fn what_cannot_be_shown_is_not_found() {
        for text in ["", "a\u{1b}[0m", &"x".repeat(257)] {
            assert_eq!(find("/x", &json!({ "x": text })), None);
        }
        for token in ["", "a.b", "a.!!.c", "..", "a.bnVsbA.c"] {
            assert_eq!(find("id_token/email", &json!({ "id_token": token })), None);
        }
    }
}
