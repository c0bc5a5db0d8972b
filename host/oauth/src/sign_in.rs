//! Signing in with a browser: the authorization code grant with PKCE (RFC 6749, 7636).

use std::{fmt, time::Duration};

use sandboxed_model::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;
use url::Url;

use crate::{Client, Error, Grant, Http, Reply, Result, client::Exchange, pkce};

/// How long a person may take to sign in.
const LIFETIME: Duration = Duration::from_secs(600);

/// A sign-in that has begun. The caller holds it until its [`Reply`] comes, and drops it once it has ended: it can be
/// finished again where the provider did not answer, until it expires.
#[derive(Clone)]
pub struct Pending {
    url: Url,
    redirect_url: Url,
    state: SecretString,
    verifier: SecretString,
    expires_at: Timestamp,
}

impl Pending {
    /// The address that the person opens.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The state, by which a reply is told to belong here. It is for the browser of this one person.
    pub fn state(&self) -> &SecretString {
        &self.state
    }

    /// When it is too late to finish, ten minutes after the beginning.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// The same with another end.
    #[must_use]
    pub fn until(self, expires_at: Timestamp) -> Self {
        Self { expires_at, ..self }
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

impl Client {
    /// Begins a sign-in.
    ///
    /// # Errors
    /// Where the client has a callback without an address.
    pub fn begin(&self) -> Result<Pending> {
        let (state, verifier) = (pkce::random_text(), pkce::random_text());
        let mut redirect_url = self.redirect_url()?.clone();
        let mut url = self.authorize_url.url().clone();
        {
            let mut query = url.query_pairs_mut();
            query.extend_pairs(&self.authorize_parameters);
            query.append_pair("code_challenge", &pkce::challenge(&verifier));
            query.append_pair("code_challenge_method", pkce::CHALLENGE_METHOD);
            match self.exchange {
                Exchange::Tokens => {
                    query.append_pair("response_type", "code");
                    query.append_pair("client_id", self.client_id.as_deref().unwrap_or_default());
                    query.append_pair("redirect_uri", redirect_url.as_str());
                    query.append_pair("state", state.expose_secret());
                    if !self.scopes.is_empty() {
                        query.append_pair("scope", &self.scopes.join(" "));
                    }
                }
                Exchange::ApiKey => {
                    redirect_url.query_pairs_mut().append_pair("state", state.expose_secret());
                    query.append_pair("callback_url", redirect_url.as_str());
                }
            }
        }
        Ok(Pending { url, redirect_url, state, verifier, expires_at: Timestamp::now().after(LIFETIME) })
    }

    /// Ends a sign-in with what came back.
    ///
    /// # Errors
    /// Where the reply is not this sign-in's or came too late, the person did not agree, or the provider does not give a
    /// grant for it.
    pub async fn finish(&self, http: &Http, pending: &Pending, reply: &Reply) -> Result<Grant> {
        // Before all else: a reply of somebody else's must not tell whether the sign-in is still open.
        if !bool::from(pending.state.expose_secret().as_bytes().ct_eq(reply.state().as_bytes())) {
            return Err(Error::State);
        }
        if Timestamp::now() >= pending.expires_at {
            return Err(Error::Expired);
        }
        let code = reply.code()?.expose_secret();
        let verifier = pending.verifier.expose_secret();
        let mut fields = vec![("code", code), ("code_verifier", verifier)];
        match self.exchange {
            Exchange::Tokens => {
                fields.extend([("grant_type", "authorization_code"), ("redirect_uri", pending.redirect_url.as_str())]);
            }
            Exchange::ApiKey => fields.push(("code_challenge_method", pkce::CHALLENGE_METHOD)),
        }
        if self.token_state {
            fields.push(("state", pending.state.expose_secret()));
        }
        self.ask_tokens(http, fields, None).await
    }

    /// A new access token for a grant that has a refresh token.
    pub(crate) async fn refresh(&self, http: &Http, grant: &Grant, refresh: &SecretString) -> Result<Grant> {
        let fields = vec![("grant_type", "refresh_token"), ("refresh_token", refresh.expose_secret())];
        self.ask_tokens(http, fields, Some(grant)).await
    }

    /// Asks the token endpoint, as this client.
    pub(crate) async fn ask_tokens<'a>(
        &'a self,
        http: &Http,
        mut fields: Vec<(&'a str, &'a str)>,
        before: Option<&Grant>,
    ) -> Result<Grant> {
        if let Some(id) = &self.client_id {
            fields.push(("client_id", id));
        }
        if let Some(secret) = &self.client_secret {
            fields.push(("client_secret", secret.expose_secret()));
        }
        let asked_at = Timestamp::now();
        let answer = http.post(&self.token_url, self.token_encoding, &fields).await?;
        Grant::of_answer(self, answer, asked_at, before)
    }
}
