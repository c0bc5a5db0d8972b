//! Signing in where no browser reaches us: the device authorization grant (RFC 8628).

use std::{fmt, time::Duration};

use sandboxed_model::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use url::Url;

use crate::{Client, Error, Grant, Http, Result, answer};

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// The pause between two questions where the provider names none, and what `slow_down` adds to it (section 3.5).
const INTERVAL: Duration = Duration::from_secs(5);
/// The longest pause that is believed.
const MOST_INTERVAL: Duration = Duration::from_secs(300);
/// How long a code lives where the provider does not say, and at most.
const LIFETIME: Duration = Duration::from_secs(1800);
/// The longest code that a person is asked to type, in bytes.
const MOST_USER_CODE: usize = 64;

/// A sign-in by device code that has begun. The caller shows the code and the address, and polls until it has ended.
#[derive(Clone)]
pub struct DeviceSignIn {
    /// What the person types.
    pub user_code: String,
    /// Where.
    pub url: Url,
    /// The same address with the code in it, where the provider has one.
    pub complete_url: Option<Url>,
    /// When it is too late.
    pub expires_at: Timestamp,
    device_code: SecretString,
    interval: Duration,
}

/// What a poll found.
#[derive(Debug)]
pub enum Polled {
    /// The person has not agreed yet.
    NotYet,
    /// The sign-in has ended.
    SignedIn(Grant),
}

impl DeviceSignIn {
    /// How long to wait before the next poll.
    pub fn interval(&self) -> Duration {
        self.interval
    }
}

impl fmt::Debug for DeviceSignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceSignIn").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

impl Client {
    /// Begins a sign-in by device code.
    ///
    /// # Errors
    /// Where the client has no `device_url`, or the provider begins none.
    pub async fn begin_device(&self, http: &Http) -> Result<DeviceSignIn> {
        let (Some(endpoint), Some(client_id)) = (&self.device_url, &self.client_id) else {
            return Err(Error::NoDevice);
        };
        let scope = self.scopes.join(" ");
        let mut fields = vec![("client_id", client_id.as_str())];
        if !scope.is_empty() {
            fields.push(("scope", &scope));
        }
        let asked_at = Timestamp::now();
        let mut answer = http.post(endpoint, self.token_encoding, &fields).await?;
        let device_code =
            answer::take_token(&mut answer, "device_code")?.ok_or(Error::Answer("it has no device code"))?;
        let user_code = answer.get("user_code").and_then(Value::as_str).filter(|code| {
            (1..=MOST_USER_CODE).contains(&code.len())
                && code.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
        });
        let user_code = user_code.ok_or(Error::Answer("it has no user code"))?.to_owned();
        // Google's name for it comes second.
        let url = page(&answer, "verification_uri").or_else(|| page(&answer, "verification_url"));
        let url = url.ok_or(Error::Answer("it has no https address for the person"))?;
        let lifetime = answer::seconds(&answer, "expires_in")?.map_or(LIFETIME, Duration::from_secs).min(LIFETIME);
        let interval = answer::seconds(&answer, "interval")?.map_or(INTERVAL, Duration::from_secs).min(MOST_INTERVAL);
        Ok(DeviceSignIn {
            user_code,
            url,
            complete_url: page(&answer, "verification_uri_complete"),
            expires_at: asked_at.after(lifetime),
            device_code,
            interval,
        })
    }

    /// Asks whether the person has agreed. To be called no more often than [`DeviceSignIn::interval`] says.
    ///
    /// # Errors
    /// Where the sign-in has expired or was denied, which ends it; or where the provider does not answer, after which it
    /// can be asked again.
    pub async fn poll_device(&self, http: &Http, sign_in: &mut DeviceSignIn) -> Result<Polled> {
        if Timestamp::now() >= sign_in.expires_at {
            return Err(Error::Expired);
        }
        let fields = vec![("grant_type", GRANT_TYPE), ("device_code", sign_in.device_code.expose_secret())];
        match self.ask_tokens(http, fields, None).await {
            Ok(grant) => Ok(Polled::SignedIn(grant)),
            Err(Error::Refused(code)) => match code.as_str() {
                "authorization_pending" => Ok(Polled::NotYet),
                "slow_down" => {
                    sign_in.interval = (sign_in.interval + INTERVAL).min(MOST_INTERVAL);
                    Ok(Polled::NotYet)
                }
                "expired_token" => Err(Error::Expired),
                "access_denied" => Err(Error::denied(&code)),
                _ => Err(Error::Refused(code)),
            },
            Err(error) => Err(error),
        }
    }
}

/// An address that a person can be sent to.
fn page(answer: &Map<String, Value>, key: &str) -> Option<Url> {
    let url: Url = answer.get(key)?.as_str()?.parse().ok()?;
    (url.scheme() == "https" && url.has_host()).then_some(url)
}
