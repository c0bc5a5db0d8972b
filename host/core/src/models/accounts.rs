//! What a person can do with accounts at providers.

use std::sync::Arc;

use sandboxed_model::{
    Blame, Failure, UserId,
    account::{Account, AccountChange, AccountHealth, AccountName, Credential, ModelPattern, NewAccount},
    catalogue::Model,
    provider::{KeyPlace, Provider, ProviderId},
    secret::{Audience, SecretName},
    wire::WireFormat,
};
use secrecy::{SecretSlice, SecretString};
use url::Url;

use crate::{Error, NewSecret, Orchestrator, Result, services::Services};

/// What begins the name of a secret that was made for an account.
const OWN_SECRET: &str = "account.";
/// The longest base URL.
const MAX_URL: usize = 2000;

/// What an account is to show to its provider.
#[derive(Debug)]
pub enum AccountKey {
    /// This key. It goes into the vault under a name of the account's.
    Value(SecretSlice<u8>),
    /// A secret that is there already, and is for the provider.
    Secret(SecretName),
    /// Nothing.
    None,
}

/// An account that is to be added.
#[derive(Debug)]
pub struct NewProviderAccount {
    /// Its name.
    pub name: AccountName,
    /// Whose it is.
    pub provider: ProviderId,
    /// What it shows there.
    pub key: AccountKey,
    /// Where the provider is, of those that are not in one place for all.
    pub base_url: Option<String>,
    /// The models that it is used for. Empty: all.
    pub models: Vec<ModelPattern>,
    /// Whether it is used.
    pub enabled: bool,
    /// The only user whose missions use it. Absent: everybody's do.
    pub owner: Option<UserId>,
}

impl Orchestrator {
    /// The providers that the catalogue knows.
    pub fn providers(&self) -> &[Provider] {
        self.services.models.catalogue.providers()
    }

    /// The models of the catalogue: of one provider, or all.
    pub fn catalogue_models(&self, provider: Option<&ProviderId>) -> &[Model] {
        let catalogue = &self.services.models.catalogue;
        provider.map_or_else(|| catalogue.models(), |provider| catalogue.models_of(provider))
    }

    /// All accounts, in the order in which they are used.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn accounts(&self) -> Result<Vec<Account>> {
        Ok(self.services.store.accounts().await?)
    }

    /// An account.
    ///
    /// # Errors
    /// When there is none of this name.
    pub async fn account(&self, name: &AccountName) -> Result<Account> {
        Ok(self.services.store.provider_account(name).await?)
    }

    /// Adds an account. It is used after all others.
    ///
    /// # Errors
    /// When the name is taken, the provider is not known, a base URL is missing or of no use, or the secret is not for the
    /// provider.
    pub async fn add_account(&self, new: NewProviderAccount) -> Result<Account> {
        let services = &self.services;
        let provider = services.provider(&new.provider)?;
        let has_key = !matches!(new.key, AccountKey::None);
        check_base_url(provider, new.base_url.as_deref(), has_key)?;
        check_models(&new.models)?;
        if services.models.book.account(new.name.as_str()).is_some() {
            let message = format!("there is an account {} already", new.name);
            return Err(Error::Conflict { code: "account.exists", message });
        }
        let credential = self.keep_key(&new.name, &new.provider, new.key).await?;
        let account = services
            .store
            .insert_account(NewAccount {
                name: new.name,
                provider: new.provider,
                credential,
                base_url: new.base_url,
                models: new.models,
                enabled: new.enabled,
                owner: new.owner,
            })
            .await?;
        services.accounts_changed().await?;
        Ok(account)
    }

    /// Changes an account; what is absent stays. Another key makes one ready that was refused.
    ///
    /// # Errors
    /// As [`Orchestrator::add_account`].
    pub async fn change_account(
        &self,
        name: &AccountName,
        key: Option<AccountKey>,
        mut change: AccountChange,
    ) -> Result<Account> {
        let services = &self.services;
        let account = services.store.provider_account(name).await?;
        let provider = services.provider(&account.provider)?;
        let has_key = match &key {
            Some(key) => !matches!(key, AccountKey::None),
            None => account.credential != Credential::None,
        };
        let base_url = change.base_url.clone().unwrap_or(account.base_url);
        check_base_url(provider, base_url.as_deref(), has_key)?;
        if let Some(models) = &change.models {
            check_models(models)?;
        }
        let signed_in = key.is_some() && matches!(account.credential, Credential::SignIn { .. });
        if signed_in {
            // No refresh may put a grant in the key's place.
            services.models.sign_ins.let_go(name.as_str()).await;
        }
        let changed = async {
            if let Some(key) = key {
                change.credential = Some(self.keep_key(name, &account.provider, key).await?);
            }
            Ok(services.store.change_account(name, change).await?)
        };
        let changed: Result<Account> = changed.await;
        services.accounts_changed().await?;
        let changed = changed?;
        if signed_in && changed.credential.secret() != Some(own_secret(name.as_str()).as_str()) {
            self.delete_grant(name).await?;
        }
        Ok(changed)
    }

    /// Uses accounts in another order; `order` names each once.
    ///
    /// # Errors
    /// When it does not.
    pub async fn order_accounts(&self, order: Vec<AccountName>) -> Result<Vec<Account>> {
        self.services.store.reorder_accounts(order).await?;
        self.services.accounts_changed().await?;
        self.accounts().await
    }

    /// Removes an account, and its key if that was made for it. What was used by it stays in the sums.
    ///
    /// # Errors
    /// When there is none of this name.
    pub async fn delete_account(&self, name: &AccountName) -> Result<()> {
        let account = self.services.store.provider_account(name).await?;
        self.services.store.delete_account(name).await?;
        self.services.models.sign_ins.drop_under_way(name);
        self.services.accounts_changed().await?;
        if let Some(secret) = account.credential.secret()
            && secret == own_secret(name.as_str())
            && let Ok(secret) = secret.parse()
        {
            // Someone else may name it by now; then it stays.
            match self.delete_secret(&secret, false).await {
                Ok(()) | Err(Error::NotFound { .. } | Error::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Puts a key into the vault, or looks whether the secret may be used.
    async fn keep_key(&self, name: &AccountName, provider: &ProviderId, key: AccountKey) -> Result<Credential> {
        let audience = Audience::Provider(provider.to_string());
        match key {
            AccountKey::None => Ok(Credential::None),
            AccountKey::Secret(secret) => {
                self.services.vault.check_for_provider(secret.as_str(), provider.as_str())?;
                Ok(Credential::ApiKey { secret: secret.to_string() })
            }
            AccountKey::Value(value) => {
                let secret_name = own_secret_name(name)?;
                let secret = secret_name.to_string();
                check_key(&value)?;
                let new = NewSecret {
                    name: secret_name,
                    value,
                    audience: Some(vec![audience]),
                    description: Some(format!("key of the account {name}")),
                };
                self.set_secret(new).await?;
                Ok(Credential::ApiKey { secret })
            }
        }
    }
}

impl Services {
    pub(super) fn provider(&self, id: &ProviderId) -> Result<&Provider> {
        let found = self.models.catalogue.provider(id);
        found.ok_or_else(|| Error::NotFound { what: "provider", id: id.to_string() })
    }

    pub(super) async fn accounts_changed(&self) -> Result<()> {
        let sign_ins = &self.models.sign_ins;
        let _changing = sign_ins.changing().await;
        let accounts = self.store.accounts().await?;
        sign_ins.follow(&accounts, &self.vault).await;
        self.models.book.replace(accounts);
        Ok(())
    }

    /// Stores how an account stands, in the background.
    pub(super) fn keep_health(self: &Arc<Self>, name: AccountName, health: AccountHealth) {
        let services = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = services.store.set_account_health(&name, health).await {
                tracing::warn!(%error, account = %name, "how an account stands could not be stored");
            }
        });
    }

    /// What an account shows, and a number that grows with each other value of it.
    pub(super) async fn account_key(self: &Arc<Self>, account: &Account) -> Result<(SecretString, u64), Failure> {
        match &account.credential {
            Credential::ApiKey { secret } => {
                Ok((self.vault.use_for_provider(secret, account.provider.as_str()).await?, 0))
            }
            Credential::None => Ok(("none".into(), 0)),
            Credential::SignIn { .. } => {
                let token = self.account_token(account).await?;
                Ok((token.access, token.generation))
            }
        }
    }

    /// The models of the catalogue that missions of this user can ask for.
    pub(super) fn askable(&self, owner: UserId) -> Vec<Model> {
        let mut askable: Vec<Model> = Vec::new();
        for account in self.models.book.accounts() {
            if !account.enabled || account.owner.is_some_and(|only| only != owner) {
                continue;
            }
            for model in self.models.catalogue.models_of(&account.provider) {
                let allow = &self.models.allow;
                let allowed = allow.is_empty() || allow.iter().any(|pattern| pattern.matches(&model.id));
                if allowed && account.serves(&model.id) && !askable.iter().any(|known| known.id == model.id) {
                    askable.push(model.clone());
                }
            }
        }
        askable
    }
}

/// The name of the secret that is made for an account.
pub(super) fn own_secret(account: &str) -> String {
    format!("{OWN_SECRET}{account}")
}

/// The same, where a secret can have that name.
pub(super) fn own_secret_name(account: &AccountName) -> Result<SecretName> {
    own_secret(account.as_str()).parse().map_err(|_| Error::Invalid {
        code: "account.name_too_long",
        message: format!(
            "with a secret of its own, an account's name has {} characters at most",
            100 - OWN_SECRET.len()
        ),
    })
}

/// Where an account wants what it shows: what a sign-in granted is a bearer token, wherever the provider wants keys.
pub(super) fn key_place(account: &Account, provider: &Provider, format: WireFormat) -> KeyPlace {
    match account.credential {
        Credential::SignIn { .. } => KeyPlace::Bearer,
        Credential::ApiKey { .. } | Credential::None => provider.key_place(format),
    }
}

fn check_models(models: &[ModelPattern]) -> Result<()> {
    if models.len() > Account::MAX_MODELS {
        let message = format!("an account has {} patterns of models at most", Account::MAX_MODELS);
        return Err(Error::Invalid { code: "account.too_many_models", message });
    }
    Ok(())
}

/// A key goes into a header: it is text of one line.
fn check_key(value: &SecretSlice<u8>) -> Result<()> {
    use secrecy::ExposeSecret as _;

    if value.expose_secret().iter().all(u8::is_ascii_graphic) {
        return Ok(());
    }
    let message = "a key is one line of visible ASCII characters, without spaces".to_owned();
    Err(Error::Invalid { code: "account.key_invalid", message })
}

pub(super) fn check_base_url(provider: &Provider, base_url: Option<&str>, has_key: bool) -> Result<()> {
    let invalid = |message: String| Err(Error::Invalid { code: "account.base_url_invalid", message });
    let Some(text) = base_url else {
        return match provider.needs_base_url() {
            true => invalid(format!("an account of {} has a base URL: --base-url", provider.id)),
            false => Ok(()),
        };
    };
    if !provider.needs_base_url() {
        return invalid(format!("{} is in one place for all accounts: leave the base URL away", provider.id));
    }
    let Ok(url) = Url::parse(text) else { return invalid("the base URL is no URL".to_owned()) };
    let plain = matches!(url.scheme(), "https" | "http")
        && url.host().is_some()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
        && text.len() <= MAX_URL;
    if !plain {
        return invalid("a base URL is https://HOST[:PORT][/PATH], without a user, a query or a fragment".to_owned());
    }
    let here = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if url.scheme() == "http" && has_key && !here {
        return Err(Failure::new(
            Blame::Denied,
            "account.clear_text",
            "a key is not sent over http:// to another machine",
        )
        .with_hint("take https://, or add the account without a key")
        .into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use sandboxed_model::catalogue::Catalogue;

    use super::*;

    fn checked(provider: &str, base_url: Option<&str>, has_key: bool) -> Option<String> {
        let catalogue = Catalogue::embedded();
        let provider = catalogue.provider(&provider.parse().unwrap()).unwrap();
        check_base_url(provider, base_url, has_key).err().map(|error| error.failure().code)
    }

    #[test]
    fn a_base_url_is_there_where_the_provider_needs_one_and_nowhere_else() {
        assert_eq!(checked("anthropic", None, true), None);
        assert_eq!(
            checked("anthropic", Some("https://other.example"), true).as_deref(),
            Some("account.base_url_invalid")
        );
        assert_eq!(checked("azure", None, true).as_deref(), Some("account.base_url_invalid"));
        assert_eq!(checked("azure", Some("https://mine.openai.azure.com"), true), None);
        for wrong in ["ftp://x", "https://u:p@x", "https://x?a", "https://x#a", "x", "https://"] {
            assert_eq!(checked("azure", Some(wrong), true).as_deref(), Some("account.base_url_invalid"), "{wrong}");
        }
    }

    #[test]
    fn a_key_goes_over_no_network_in_clear_text() {
        assert_eq!(
            checked("openai-compatible", Some("http://10.0.0.5:8000/v1"), true).as_deref(),
            Some("account.clear_text")
        );
        assert_eq!(checked("openai-compatible", Some("http://10.0.0.5:8000/v1"), false), None);
        assert_eq!(checked("openai-compatible", Some("http://127.0.0.1:8000/v1"), true), None);
    }
}
