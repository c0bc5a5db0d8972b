//! What a sign-in yields.

use std::time::Duration;

use sandboxed_model::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::{Client, Error, Result, answer, client::Exchange, pointer::Pointer};

/// The longest scope that is kept, in bytes.
const MOST_SCOPE: usize = 4 << 10;

/// What a sign-in yields: the right to act for an account. Its tokens are shown nowhere.
#[derive(Debug, Clone)]
pub struct Grant {
    /// What requests are sent with.
    pub access: SecretString,
    /// What a new access token is asked for with. None where the access token is all there is.
    pub refresh: Option<SecretString>,
    /// When the access token ends. None where that was not said, or never.
    pub expires_at: Option<Timestamp>,
    /// What was granted, where that was said.
    pub scope: Option<String>,
    /// Whose it is.
    pub owner: Owner,
}

/// Whose a grant is, as far as the provider said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The provider's id of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// A grant as it is stored.
#[derive(Serialize, Deserialize)]
struct Stored<T> {
    access: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(default)]
    owner: Owner,
}

impl Grant {
    /// The grant as bytes for the vault.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let access = self.access.expose_secret();
        let refresh = self.refresh.as_ref().map(|refresh| refresh.expose_secret());
        let (scope, owner) = (self.scope.clone(), self.owner.clone());
        let texts = [refresh.unwrap_or_default(), scope.as_deref().unwrap_or_default()];
        let owner_texts = [&owner.id, &owner.email].map(|text| text.as_ref().map_or(0, String::len));
        let length: usize = texts.iter().map(|text| text.len()).chain(owner_texts).sum();
        // Six bytes for one are the most that JSON needs. The room must do: a growing one would leave copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(6 * (access.len() + length) + 256));
        let stored = Stored { access, refresh, expires_at: self.expires_at, scope, owner };
        serde_json::to_writer(&mut *bytes, &stored).expect("texts and times are JSON, and memory takes them");
        bytes
    }

    /// The grant out of the vault.
    ///
    /// # Errors
    /// Where the bytes are none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let stored: Stored<SecretString> = serde_json::from_slice(bytes).map_err(|_| Error::Grant)?;
        Ok(Self {
            access: stored.access,
            refresh: stored.refresh,
            expires_at: stored.expires_at,
            scope: stored.scope,
            owner: stored.owner,
        })
    }

    /// The grant of a token endpoint's answer to what was asked then. What the answer leaves out of a refresh stays as it
    /// was before (RFC 6749, section 6).
    pub(crate) fn of_answer(
        client: &Client,
        mut answer: Map<String, Value>,
        asked_at: Timestamp,
        before: Option<&Self>,
    ) -> Result<Self> {
        let access = match client.exchange {
            Exchange::Tokens => answer::take_token(&mut answer, "access_token")?,
            Exchange::ApiKey => answer::take_token(&mut answer, "key")?,
        };
        let access = access.ok_or(Error::Answer("it has no access token"))?;
        if let Some(kind) = answer.get("token_type")
            && !kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"))
        {
            return Err(Error::Answer("its token is no bearer token"));
        }
        let refresh = answer::take_token(&mut answer, "refresh_token")?;
        let lifetime = answer::seconds(&answer, "expires_in")?;
        let scope = match answer.get("scope").and_then(Value::as_str) {
            Some(scope) if scope.len() > MOST_SCOPE => return Err(Error::Answer("its scope is too long")),
            scope => scope.map(str::to_owned),
        };
        let answer = Value::from(answer);
        let find = |pointer: &Option<Pointer>| pointer.as_ref().and_then(|at| at.find(&answer));
        let owner = Owner { id: find(&client.account_id), email: find(&client.account_email) };
        Ok(Self {
            access,
            refresh: refresh.or_else(|| before?.refresh.clone()),
            expires_at: lifetime.map(|seconds| asked_at.after(Duration::from_secs(seconds))),
            scope: scope.or_else(|| before?.scope.clone()),
            owner: Owner {
                id: owner.id.or_else(|| before?.owner.id.clone()),
                email: owner.email.or_else(|| before?.owner.email.clone()),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_comes_back_from_its_bytes() {
        let grant = Grant {
            access: "access\"\\".into(),
            refresh: Some("refresh".into()),
            expires_at: Some(Timestamp::from_millis(1_700_000_000_042)),
            scope: Some("a b".to_owned()),
            owner: Owner { id: Some("7".to_owned()), email: None },
        };
        let read = Grant::from_bytes(&grant.to_bytes()).unwrap();
        assert_eq!(read.to_bytes(), grant.to_bytes());
        assert_eq!(read.access.expose_secret(), "access\"\\");
        assert_eq!((read.expires_at, read.owner), (grant.expires_at, grant.owner));
        assert!(Grant::from_bytes(br#"{"access":"key"}"#).unwrap().refresh.is_none());
        assert_eq!(Grant::from_bytes(b"{\"refresh\":\"x\"}").unwrap_err(), Error::Grant);
    }

    #[test]
    fn a_grant_does_not_show_its_tokens() {
        let grant = Grant::from_bytes(br#"{"access":"hunter2","refresh":"hunter3"}"#).unwrap();
        assert!(!format!("{grant:?}").contains("hunter"));
    }
}
