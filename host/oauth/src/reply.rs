//! What comes back at the end of a sign-in.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use url::form_urlencoded;

use crate::{Error, Result};

/// The longest reply in bytes: as long as addresses may be at most web servers.
const MOST_BYTES: usize = 8 << 10;

/// What comes back at the end of a sign-in: the state of the sign-in it belongs to, and a code or a refusal.
#[derive(Clone)]
pub struct Reply {
    state: SecretString,
    outcome: Outcome,
}

#[derive(Clone)]
enum Outcome {
    Code(SecretString),
    Denied(String),
}

impl Reply {
    /// What a person copied: `CODE#STATE` as the provider's page shows it, or the whole address of the page.
    ///
    /// # Errors
    /// Where it is neither.
    pub fn pasted(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.len() > MOST_BYTES {
            return Err(Error::Reply);
        }
        if text.starts_with("https://") || text.starts_with("http://") {
            let (_, query) = text.split_once('?').ok_or(Error::Reply)?;
            return Self::callback(query.split('#').next().unwrap_or_default());
        }
        let (code, state) = text.split_once('#').ok_or(Error::Reply)?;
        Self::new(state.to_owned(), Outcome::Code(code.to_owned().into()))
    }

    /// The query with which the browser came to our callback: `code=…&state=…`, or `error=…&state=…`.
    ///
    /// # Errors
    /// Where it is neither, or says one of them twice.
    pub fn callback(query: &str) -> Result<Self> {
        if query.len() > MOST_BYTES {
            return Err(Error::Reply);
        }
        let (mut code, mut state, mut error) = (None, None, None);
        for (name, value) in form_urlencoded::parse(query.trim_start_matches('?').as_bytes()) {
            let place = match &*name {
                "code" => &mut code,
                "state" => &mut state,
                "error" => &mut error,
                _ => continue,
            };
            if place.replace(value.into_owned()).is_some() {
                return Err(Error::Reply);
            }
        }
        let outcome = match (code, error) {
            (Some(code), None) => Outcome::Code(code.into()),
            (None, Some(error)) => Outcome::Denied(error),
            _ => return Err(Error::Reply),
        };
        Self::new(state.ok_or(Error::Reply)?, outcome)
    }

    fn new(state: String, outcome: Outcome) -> Result<Self> {
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let whole = match &outcome {
            Outcome::Code(code) => plain(code.expose_secret()),
            Outcome::Denied(_) => true,
        };
        if whole && plain(&state) { Ok(Self { state: state.into(), outcome }) } else { Err(Error::Reply) }
    }

    /// The state, by which the sign-in is found that the reply belongs to.
    pub fn state(&self) -> &str {
        self.state.expose_secret()
    }

    /// The code.
    pub(crate) fn code(&self) -> Result<&SecretString> {
        match &self.outcome {
            Outcome::Code(code) => Ok(code),
            Outcome::Denied(error) => Err(Error::denied(error)),
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(reply: Result<Reply>) -> (String, String) {
        let reply = reply.unwrap();
        (reply.code().unwrap().expose_secret().to_owned(), reply.state().to_owned())
    }

    #[test]
    fn a_code_comes_with_its_state() {
        let expected = ("a-code".to_owned(), "a-state".to_owned());
        assert_eq!(parts(Reply::pasted(" a-code#a-state\n")), expected);
        assert_eq!(parts(Reply::pasted("https://x.example.org/cb?code=a-code&state=a-state#frag")), expected);
        assert_eq!(parts(Reply::callback("code=a%2Dcode&iss=x&state=a-state")), expected);
        assert_eq!(format!("{:?}", Reply::pasted("a-code#a-state").unwrap()), "Reply { .. }");
    }

    #[test]
    fn a_refusal_comes_with_its_state() {
        let reply = Reply::callback("error=access_denied&error_description=no&state=a-state").unwrap();
        assert_eq!(reply.state(), "a-state");
        assert_eq!(reply.code().unwrap_err(), Error::Denied("access_denied".to_owned()));
    }

    #[test]
    fn anything_else_is_no_reply() {
        let long = format!("code={}&state=s", "x".repeat(MOST_BYTES));
        for query in ["", "code=c", "state=s", "code=c&state=", "code=&state=s", "code=c&code=d&state=s"] {
            assert_eq!(Reply::callback(query).unwrap_err(), Error::Reply, "{query}");
        }
        for query in ["code=c&error=e&state=s", "code=c&state=s&state=t", "code=c%0D%0A&state=s", &long] {
            assert_eq!(Reply::callback(query).unwrap_err(), Error::Reply, "{query}");
        }
        for text in ["", "a-code", "#", "code#", "#state", "two words#state", "https://x.example.org/cb", &long] {
            assert_eq!(Reply::pasted(text).unwrap_err(), Error::Reply, "{text}");
        }
    }
}
