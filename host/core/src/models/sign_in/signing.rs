//! What a person can do to sign in to accounts and out of them.

use std::sync::Arc;

use sandboxed_model::{
    Blame, Failure, Timestamp,
    account::{Account, AccountChange, AccountHealth, AccountName, Credential, NewAccount},
    provider::{ProviderId, SignInYield},
};
use sandboxed_oauth::{Client, DeviceSignIn, Error as OAuth, Grant, Polled, Reply};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{
    NewSignIn, SignInBegun, SignInKind, SignInStatus, client,
    clients::Entry,
    signed_out,
    under_way::{Target, Waiting},
};
use crate::{
    Error, Orchestrator, Result,
    models::{
        AccountKey, NewProviderAccount,
        accounts::{check_base_url, own_secret, own_secret_name},
    },
};

impl Orchestrator {
    /// Begins to sign in to an account, which may be one that is to be added once that is done. `callback` is the address of
    /// this server to which the provider can send the browser, where there is one.
    ///
    /// # Errors
    /// When the provider is not known or has no sign-in, the account is another provider's, the browser could not come back,
    /// too many sign-ins are under way, or the provider begins none.
    pub async fn begin_sign_in(
        &self,
        account: &AccountName,
        new: NewSignIn,
        callback: Option<Url>,
    ) -> Result<SignInBegun> {
        let NewSignIn { provider, base_url, browser } = new;
        let target = self.target(account, provider, base_url).await?;
        let (entry, client) = self.sign_in_client(&target.provider).await?;
        let sign_ins = &self.services.models.sign_ins;
        let account = account.clone();
        if entry.device && !browser {
            let device = client.begin_device(&sign_ins.http).await.map_err(|error| error.failure())?;
            let (url, code, expires_at) = (device.url.to_string(), device.user_code.clone(), device.expires_at);
            let number = sign_ins.under_way.begin(target.clone(), None, expires_at)?;
            tokio::spawn(poll(Arc::downgrade(&self.services), target, number, client, device));
            return Ok(SignInBegun { account, kind: SignInKind::Device, url, code: Some(code), expires_at });
        }
        let kind = match client.ends_with_paste() {
            true => SignInKind::CopyPaste,
            false => SignInKind::Callback,
        };
        let client = callback.into_iter().fold(client, Client::with_callback);
        let pending = client.begin().map_err(|error| match error {
            OAuth::NoCallback => error.failure().with_hint(
                "`sandboxed-sh serve` starts a server to which the browser can come back; begin the sign-in there",
            ),
            error => error.failure(),
        })?;
        let (url, expires_at) = (pending.url().to_string(), pending.expires_at());
        sign_ins.under_way.begin(target, Some(pending), expires_at)?;
        Ok(SignInBegun { account, kind, url, code: None, expires_at })
    }

    /// Ends a sign-in with what the provider's page showed: `CODE#STATE`, or the address of that page.
    ///
    /// # Errors
    /// When none is under way to this account, the code is not its, or the provider does not take it.
    pub async fn finish_sign_in(&self, account: &AccountName, code: &SecretString) -> Result<Account> {
        let reply = Reply::pasted(code.expose_secret()).map_err(|error| error.failure())?;
        let waiting = self.services.models.sign_ins.under_way.take(account).ok_or_else(|| Error::Conflict {
            code: "sign_in.none",
            message: format!("no sign-in to the account {account} is under way that a code could end: begin one"),
        })?;
        self.end_sign_in(waiting, reply).await
    }

    /// Ends the sign-in with whose state the browser came back.
    ///
    /// # Errors
    /// When the query is none of a provider's answer, no sign-in of this state is under way, or the provider does not take
    /// the code.
    pub async fn sign_in_callback(&self, query: &str) -> Result<Account> {
        let reply = Reply::callback(query).map_err(|error| error.failure())?;
        let waiting = self.services.models.sign_ins.under_way.take_for(&reply).ok_or_else(|| {
            Failure::new(Blame::Denied, "sign_in.unknown", "this sign-in is not known, or has ended already")
                .with_hint("begin the sign-in again")
        })?;
        self.end_sign_in(waiting, reply).await
    }

    /// How the last sign-in to an account stands. It is remembered for ten minutes or so.
    ///
    /// # Errors
    /// When nobody began one.
    pub fn sign_in_status(&self, account: &AccountName) -> Result<SignInStatus> {
        let status = self.services.models.sign_ins.under_way.status(account);
        status.ok_or_else(|| Error::NotFound { what: "sign_in", id: account.to_string() })
    }

    /// Forgets what a sign-in granted. The account stays, and is not used before somebody signs in again.
    ///
    /// # Errors
    /// When there is no such account, or it is not one that people sign in to.
    pub async fn sign_out(&self, account: &AccountName) -> Result<()> {
        let services = &self.services;
        let sign_ins = &services.models.sign_ins;
        let known = services.store.provider_account(account).await?;
        if !matches!(known.credential, Credential::SignIn { .. }) {
            let message = format!("the account {account} shows a key: nobody is signed in to it");
            return Err(Error::Conflict { code: "account.no_sign_in", message });
        }
        sign_ins.under_way.drop(account);
        {
            let _changing = sign_ins.changing().await;
            // In this order, so that a refresh that is under way brings nothing back.
            sign_ins.grants.forget(account.as_str()).await;
            match sign_ins.broker.signed_out(account.as_str()).await {
                Ok(()) | Err(OAuth::NoAccount(_)) => {}
                Err(error) => return Err(error.failure().into()),
            }
            self.delete_grant(account).await?;
            let health = AccountHealth::Refused { why: signed_out(account), since: Timestamp::now() };
            services.store.set_account_health(account, health).await?;
        }
        services.accounts_changed().await
    }

    /// Removes the secret that was made for an account.
    pub(in crate::models) async fn delete_grant(&self, account: &AccountName) -> Result<()> {
        match self.delete_secret(&own_secret_name(account)?, true).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// To which account of whom somebody signs in.
    async fn target(
        &self,
        account: &AccountName,
        provider: Option<ProviderId>,
        base_url: Option<String>,
    ) -> Result<Target> {
        let services = &self.services;
        own_secret_name(account)?;
        let provider = match (services.models.book.account(account.as_str()), provider) {
            (Some(known), provider) => {
                if provider.is_some_and(|provider| provider != known.provider) {
                    let message = format!("there is an account {account} already, at {}", known.provider);
                    return Err(Error::Conflict { code: "account.exists", message });
                }
                if base_url.is_some() {
                    let message = format!("the account {account} is there: `provider set` changes its base URL");
                    return Err(Error::Conflict { code: "account.exists", message });
                }
                known.provider
            }
            (None, Some(provider)) => {
                check_base_url(services.provider(&provider)?, base_url.as_deref(), true)?;
                provider
            }
            (None, None) => return Err(Error::NotFound { what: "account", id: account.to_string() }),
        };
        Ok(Target { account: account.clone(), provider, base_url })
    }

    async fn sign_in_client(&self, provider: &ProviderId) -> Result<(&Entry, Client)> {
        let entry = self.services.models.sign_ins.clients.entry(provider).ok_or_else(|| {
            let message = format!("the catalogue does not say how people sign in to {provider}");
            Failure::new(Blame::Config, "account.no_sign_in", message).with_hint(format!(
                "`sandboxed-sh provider add {provider}` takes a key; a catalogue of your own can describe a sign-in"
            ))
        })?;
        Ok((entry, client(entry, provider, &self.services.vault).await?))
    }

    /// Takes the provider's answer to a sign-in to its end, whoever goes away meanwhile.
    async fn end_sign_in(&self, waiting: Waiting, reply: Reply) -> Result<Account> {
        let this = self.clone();
        let ending = self.services.models.sign_ins.tasks.spawn(async move {
            let sign_ins = &this.services.models.sign_ins;
            let Target { account, provider, .. } = waiting.target.clone();
            let number = waiting.number;
            let ended = async {
                let Some(pending) = &waiting.pending else { return Err(Failed::For(OAuth::State.failure().into())) };
                let (_, client) = this.sign_in_client(&provider).await.map_err(Failed::Now)?;
                let grant = client.finish(&sign_ins.http, pending, &reply).await.map_err(Failed::of)?;
                this.signed_in(&waiting.target, grant).await.map_err(Failed::For)
            };
            match ended.await {
                Ok(signed_in) => {
                    sign_ins.under_way.end(&account, number, Ok(()));
                    Ok(signed_in)
                }
                Err(Failed::Now(error)) => {
                    sign_ins.under_way.give_back(waiting);
                    Err(error)
                }
                Err(Failed::For(error)) => {
                    sign_ins.under_way.end(&account, number, Err(error.failure()));
                    Err(error)
                }
            }
        });
        let cut = |_| Failure::new(Blame::Host, "sign_in.failed", "the sign-in broke off; the server's log says why");
        ending.await.map_err(cut)?
    }

    /// Uses what a sign-in granted from now on.
    async fn signed_in(&self, target: &Target, grant: Grant) -> Result<Account> {
        let Target { account, provider, base_url } = target.clone();
        let services = &self.services;
        let sign_ins = &services.models.sign_ins;
        let known = match services.store.provider_account(&account).await.map_err(Error::from) {
            Ok(known) if known.provider == provider => Some(known),
            Ok(_) => {
                let message = format!("the account {account} is another provider's by now");
                return Err(Error::Conflict { code: "account.exists", message });
            }
            Err(Error::NotFound { .. }) => None,
            Err(error) => return Err(error),
        };
        if self.sign_in_client(&provider).await?.0.yields == SignInYield::Key {
            let key = AccountKey::Value(grant.access.expose_secret().as_bytes().to_vec().into());
            return match known {
                Some(_) => self.change_account(&account, Some(key), AccountChange::default()).await,
                None => {
                    let (models, enabled, owner) = (Vec::new(), true, None);
                    let new = NewProviderAccount { name: account, provider, key, base_url, models, enabled, owner };
                    self.add_account(new).await
                }
            };
        }
        let credential = Credential::SignIn { secret: own_secret(account.as_str()) };
        let kept = {
            let _changing = sign_ins.changing().await;
            let signs_in = known.as_ref().is_some_and(|known| known.credential == credential);
            let to_this = || AccountChange { credential: Some(credential.clone()), ..AccountChange::default() };
            if known.is_some() && !signs_in {
                // Before its key becomes a grant: that must never be shown as a key.
                services.store.change_account(&account, to_this()).await?;
                services.models.book.replace(services.store.accounts().await?);
            }
            sign_ins.follow_one(&account, &provider, &services.vault).await;
            match sign_ins.broker.signed_in(account.as_str(), grant).await {
                Ok(()) if known.is_some() => {
                    services.store.change_account(&account, to_this()).await.map_err(Error::from)
                }
                Ok(()) => {
                    let new = NewAccount {
                        name: account,
                        provider,
                        credential,
                        base_url,
                        models: Vec::new(),
                        enabled: true,
                        owner: None,
                    };
                    services.store.insert_account(new).await.map_err(Error::from)
                }
                Err(error) => Err(error.failure().into()),
            }
        };
        services.accounts_changed().await?;
        kept
    }
}

/// Why a sign-in did not end well.
enum Failed {
    /// It can be tried again.
    Now(Error),
    /// For good.
    For(Error),
}

impl Failed {
    fn of(error: OAuth) -> Self {
        let failure = error.failure().into();
        match error {
            OAuth::State | OAuth::Unavailable(_) | OAuth::Unreachable(_) => Self::Now(failure),
            _ => Self::For(failure),
        }
    }
}

/// Asks the provider whether the person has agreed, for as long as that can be.
async fn poll(
    services: std::sync::Weak<crate::services::Services>,
    target: Target,
    number: u64,
    client: Client,
    mut device: DeviceSignIn,
) {
    let Some(mut stopping) = services.upgrade().map(|services| services.stopping()) else { return };
    loop {
        tokio::select! {
            () = tokio::time::sleep(device.interval()) => {}
            () = stopping.wait() => return,
        }
        let Some(services) = services.upgrade() else { return };
        let this = Orchestrator { services };
        let sign_ins = &this.services.models.sign_ins;
        if !sign_ins.under_way.waits(&target.account, number) {
            return;
        }
        // What the provider gives must be stored, also while the server stops.
        let polling = sign_ins.tasks.token();
        let outcome = match client.poll_device(&sign_ins.http, &mut device).await {
            Ok(Polled::NotYet) => continue,
            Ok(Polled::SignedIn(grant)) => this.signed_in(&target, grant).await.map(drop),
            Err(OAuth::Unavailable(_) | OAuth::Unreachable(_)) => continue,
            Err(error) => Err(error.failure().into()),
        };
        sign_ins.under_way.end(&target.account, number, outcome.map_err(|error| error.failure()));
        drop(polling);
        return;
    }
}
