//! The grants of accounts, kept in the vault.

use std::{collections::BTreeMap, sync::Arc};

use sandboxed_model::{Blame, Failure, account::AccountName, provider::ProviderId, secret::Audience};
use sandboxed_oauth::{Grant, Keep, KeepError};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use tokio::sync::Mutex;

use crate::{NewSecret, models::accounts::own_secret, vault::Vault};

/// The grants of accounts, each a secret of the vault. Clones are the same.
#[derive(Clone)]
pub(super) struct Grants(Arc<Inner>);

struct Inner {
    vault: Arc<Vault>,
    /// The accounts whose grants are kept, and whose they are. Held while one is stored: what is forgotten is stored by nobody.
    providers: Mutex<BTreeMap<String, ProviderId>>,
}

impl Grants {
    pub(super) fn new(vault: Arc<Vault>) -> Self {
        Self(Arc::new(Inner { vault, providers: Mutex::default() }))
    }

    /// From now on the grant of this account is kept.
    pub(super) async fn follow(&self, account: &AccountName, provider: &ProviderId) {
        self.0.providers.lock().await.insert(account.to_string(), provider.clone());
    }

    /// From now on no grant of this account is stored.
    pub(super) async fn forget(&self, account: &str) {
        self.0.providers.lock().await.remove(account);
    }

    /// The accounts whose grants are kept.
    pub(super) async fn followed(&self) -> Vec<String> {
        self.0.providers.lock().await.keys().cloned().collect()
    }

    /// The tokens by themselves are kept out of what is told: who prints one does not print all of the grant.
    fn learn(&self, secret: &str, grant: &Grant) {
        let bytes = |token: &SecretString| SecretSlice::from(token.expose_secret().as_bytes().to_vec());
        self.0.vault.learn(secret, std::iter::once(&grant.access).chain(&grant.refresh).map(bytes));
    }
}

impl Keep for Grants {
    async fn load(&self, account: &str) -> Result<Option<Grant>, KeepError> {
        let provider = self.0.providers.lock().await.get(account).cloned().ok_or_else(|| gone(account))?;
        let secret = own_secret(account);
        if !self.0.vault.exists(&secret) {
            return Ok(None);
        }
        let text = self.0.vault.use_for_provider(&secret, provider.as_str()).await?;
        let grant = Grant::from_bytes(text.expose_secret().as_bytes())?;
        self.learn(&secret, &grant);
        Ok(Some(grant))
    }

    async fn store(&self, account: &str, grant: &Grant) -> Result<(), KeepError> {
        let providers = self.0.providers.lock().await;
        let provider = providers.get(account).ok_or_else(|| gone(account))?;
        let secret = own_secret(account);
        self.learn(&secret, grant);
        // Whoever the operator let in besides stays.
        let is_new = self.0.vault.check_for_provider(&secret, provider.as_str()).is_err();
        let new = NewSecret {
            name: secret.parse()?,
            value: grant.to_bytes().to_vec().into(),
            audience: is_new.then(|| vec![Audience::Provider(provider.to_string())]),
            description: Some(format!("grant of the account {account}")),
        };
        self.0.vault.set(new).await.map_err(|error| error.failure())?;
        Ok(())
    }
}

fn gone(account: &str) -> Failure {
    Failure::new(Blame::Config, "account.not_found", format!("there is no account {account} to which people sign in"))
}
