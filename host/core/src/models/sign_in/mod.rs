//! Accounts that people sign in to: their grants, and the one broker that keeps the tokens fresh.

mod clients;
mod grants;
mod signing;
mod under_way;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use http::HeaderMap;
use sandboxed_gateway::trust;
use sandboxed_model::{
    Blame, Failure, Timestamp,
    account::{Account, AccountName, Credential},
    catalogue::Catalogue,
    config::ModelsConfig,
    provider::ProviderId,
};
use sandboxed_oauth::{Broker, Client, Error, Http, Keep as _, Timing, Token};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, MutexGuard};
use tokio_util::task::TaskTracker;
use utoipa::ToSchema;

use super::{further_roots, unopened};
use crate::{Result, services::Services, vault::Vault};
use clients::{Clients, Entry};
use grants::Grants;
use under_way::UnderWay;

/// How long a provider may take to take a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How a sign-in goes on that somebody began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignInKind {
    /// The provider's page shows a code at the end, which ends the sign-in.
    CopyPaste,
    /// The browser comes back to this server, which ends it.
    Callback,
    /// The person types `code` there, and the server asks the provider whether it happened.
    Device,
}

/// A sign-in that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignInBegun {
    /// The account to which it leads.
    pub account: AccountName,
    /// How it goes on.
    pub kind: SignInKind,
    /// The address that the person opens.
    pub url: String,
    /// What the person types there, of the kind `device`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// When it is too late.
    pub expires_at: Timestamp,
}

/// How far a sign-in has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignInState {
    /// The person has not ended it.
    Waiting,
    /// The account is signed in.
    Done,
    /// It came to nothing, or is too late.
    Failed,
}

/// How a sign-in stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignInStatus {
    /// How far it has come.
    pub state: SignInState,
    /// When it is too late.
    pub expires_at: Timestamp,
    /// Why it came to nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Failure>,
}

/// To what somebody wants to sign in.
#[derive(Debug, Clone, Default)]
pub struct NewSignIn {
    /// Whose account it is; needed for one that is to be added.
    pub provider: Option<ProviderId>,
    /// Where the provider is, of an account that is to be added.
    pub base_url: Option<String>,
    /// Use a browser also where the provider has codes for other devices.
    pub browser: bool,
}

/// What the server knows of accounts that people sign in to.
pub(crate) struct SignIns {
    clients: Clients,
    grants: Grants,
    broker: Broker<Grants>,
    http: Http,
    under_way: UnderWay,
    /// Held while it changes which accounts there are, so that none is followed that is gone.
    changing: Mutex<()>,
    /// Ends of sign-ins: what a provider gave must be stored, also where whoever brought the code is gone.
    tasks: TaskTracker,
}

impl SignIns {
    /// # Errors
    /// When the catalogue describes a sign-in that cannot be meant, or this machine has no certificates to know providers by.
    pub(super) fn open(config: &ModelsConfig, catalogue: &Catalogue, vault: &Arc<Vault>) -> Result<Self> {
        let tls = trust(&further_roots(config)?).map_err(unopened)?;
        let settings = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .http1_only()
            .connect_timeout(CONNECT_TIMEOUT);
        let http = Http::new(settings).map_err(|error| error.failure())?;
        let grants = Grants::new(Arc::clone(vault));
        Ok(Self {
            clients: Clients::of(catalogue)?,
            broker: Broker::new(http.clone(), grants.clone(), Timing::default()),
            grants,
            http,
            under_way: UnderWay::default(),
            changing: Mutex::default(),
            tasks: TaskTracker::new(),
        })
    }

    /// Held while it changes which accounts there are.
    pub(super) async fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    /// Follows those of these accounts that people sign in to, and no others.
    pub(super) async fn follow(&self, accounts: &[Account], vault: &Vault) {
        let signing = accounts.iter().filter(|account| matches!(account.credential, Credential::SignIn { .. }));
        let followed: BTreeSet<String> = self.grants.followed().await.into_iter().collect();
        let mut stays = BTreeSet::new();
        for account in signing {
            stays.insert(account.name.to_string());
            if !followed.contains(account.name.as_str()) {
                self.follow_one(&account.name, &account.provider, vault).await;
                // Its tokens are kept out of what is told from the start.
                if let Err(error) = self.grants.load(account.name.as_str()).await {
                    tracing::error!(account = %account.name, %error, "what a sign-in granted cannot be read");
                }
            }
        }
        for gone in followed.difference(&stays) {
            self.let_go(gone).await;
        }
    }

    async fn follow_one(&self, account: &AccountName, provider: &ProviderId, vault: &Vault) {
        let Some(entry) = self.clients.entry(provider) else {
            tracing::warn!(%account, %provider, "the catalogue does not say any more how people sign in to an account");
            return;
        };
        let client = match client(entry, provider, vault).await {
            Ok(client) => client,
            Err(failure) => {
                tracing::error!(%account, %failure, "the secret of the client cannot be had by which an account is signed in to");
                entry.client.clone()
            }
        };
        self.grants.follow(account, provider).await;
        self.broker.add(account.as_str(), client);
    }

    /// From now on the account has no grant, and none is stored for it.
    pub(super) async fn let_go(&self, account: &str) {
        self.grants.forget(account).await;
        self.broker.remove(account);
    }

    /// Forgets the sign-in to an account that is gone.
    pub(super) fn drop_under_way(&self, account: &AccountName) {
        self.under_way.drop(account);
    }

    /// What requests by an account carry besides its token.
    pub(super) fn headers(&self, account: &Account) -> HeaderMap {
        match account.credential {
            Credential::SignIn { .. } => {
                self.clients.entry(&account.provider).map(|entry| entry.headers.clone()).unwrap_or_default()
            }
            _ => HeaderMap::new(),
        }
    }

    /// Waits until what providers gave is stored.
    pub(super) async fn settle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.broker.settle().await;
    }
}

impl Services {
    /// A token of an account that people sign in to. Where the provider ended the grant, the account is refused.
    pub(super) async fn account_token(self: &Arc<Self>, account: &Account) -> Result<Token, Failure> {
        self.models.sign_ins.broker.token(account.name.as_str()).await.map_err(|error| match error {
            Error::SignedOut(_) | Error::NoAccount(_) => {
                let failure = signed_out(&account.name);
                if let Some((name, health)) = self.models.book.refuse(account.name.as_str(), &failure) {
                    self.keep_health(name, health);
                }
                failure
            }
            error => error.failure(),
        })
    }

    /// The provider did not take a token. Whether there may be another.
    pub(super) async fn renew(&self, account: &Account, generation: u64) -> bool {
        matches!(account.credential, Credential::SignIn { .. })
            && self.models.sign_ins.broker.refused(account.name.as_str(), generation).await.is_ok()
    }
}

/// How a provider is asked, with the client's secret where it has one.
async fn client(entry: &Entry, provider: &ProviderId, vault: &Vault) -> Result<Client, Failure> {
    let client = entry.client.clone();
    match &entry.secret {
        Some(secret) => Ok(client.with_secret(vault.use_for_provider(secret, provider.as_str()).await?)),
        None => Ok(client),
    }
}

/// Nobody is signed in to an account.
pub(super) fn signed_out(account: &AccountName) -> Failure {
    Failure::new(Blame::Config, "account.signed_out", format!("nobody is signed in to the account {account} any more"))
        .with_hint(format!("sandboxed-sh provider sign-in {account}"))
}
