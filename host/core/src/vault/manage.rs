//! What a person can do with secrets. There is no way to get a value back.

use sandboxed_model::{
    SecretId, Timestamp,
    page::{Page, PageRequest},
    secret::{Audience, Secret, SecretName, SecretUse, VaultStatus},
    template::Template,
};
use sandboxed_store::SecretRow;
use sandboxed_vault::{Binding, MAX_VALUE, MIN_REDACTED};
use secrecy::{ExposeSecret as _, SecretSlice};

use super::{Vault, shadowed};
use crate::{Error, Orchestrator, Result};

/// The most that may use one secret.
const MAX_AUDIENCE: usize = 64;
/// The longest description, in bytes.
const MAX_DESCRIPTION: usize = 1024;

/// A secret that is to be kept.
#[derive(Debug)]
pub struct NewSecret {
    /// Its name.
    pub name: SecretName,
    /// Its value.
    pub value: SecretSlice<u8>,
    /// Who may use it; absent means those who may already, and nobody for a new one.
    pub audience: Option<Vec<Audience>>,
    /// What it is for; absent leaves what is said already.
    pub description: Option<String>,
}

impl Orchestrator {
    /// Keeps a secret, or gives another value to the one of this name. Says whether it is new.
    ///
    /// # Errors
    /// When the value is none that can be kept, or the configuration has a secret of this name.
    pub async fn set_secret(&self, new: NewSecret) -> Result<(Secret, bool)> {
        self.services.vault.set(new).await
    }

    /// Says anew who may use a secret, or what it is for; what is absent stays.
    ///
    /// # Errors
    /// When there is no such secret in the vault.
    pub async fn describe_secret(
        &self,
        name: &SecretName,
        audience: Option<Vec<Audience>>,
        description: Option<String>,
    ) -> Result<Secret> {
        self.services.vault.describe(name, audience, description).await
    }

    /// All secrets by their names, those of the configuration included.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn secrets(&self) -> Result<Vec<Secret>> {
        let vault = &self.services.vault;
        vault.flush_uses().await;
        let rows = vault.store.secrets().await?;
        let mut secrets: Vec<_> = rows.into_iter().filter(|row| !row.internal).map(|row| vault.shown(row)).collect();
        for name in vault.configured.names() {
            secrets.extend(vault.configured.shown(name).await);
        }
        for secret in &mut secrets {
            secret.last_used_at = vault.store.secret_last_used(&secret.name).await?;
        }
        secrets.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(secrets)
    }

    /// A secret.
    ///
    /// # Errors
    /// When there is none of this name.
    pub async fn secret(&self, name: &str) -> Result<Secret> {
        let vault = &self.services.vault;
        vault.flush_uses().await;
        let shown = match vault.configured.shown(name).await {
            Some(shown) => shown,
            None => vault.shown(vault.row(name).await?),
        };
        Ok(Secret { last_used_at: vault.store.secret_last_used(name).await?, ..shown })
    }

    /// Uses of a secret, the newest first. Those of a secret that is gone stay for their time.
    ///
    /// # Errors
    /// When the cursor is none of this list.
    pub async fn secret_uses(&self, name: &str, page: &PageRequest) -> Result<Page<SecretUse>> {
        self.services.vault.flush_uses().await;
        Ok(self.services.vault.store.secret_uses(name, page).await?)
    }

    /// Forgets a secret.
    ///
    /// # Errors
    /// When there is no such secret in the vault, or something names it: then only with `force`.
    pub async fn delete_secret(&self, name: &SecretName, force: bool) -> Result<()> {
        let vault = &self.services.vault;
        let _changing = vault.changing.lock().await;
        vault.row(name.as_str()).await?;
        if !force {
            let named_by = self.named_by(name.as_str()).await?;
            if !named_by.is_empty() {
                let message = format!("the secret {:?} is named by {}", name.as_str(), named_by.join(", "));
                return Err(Error::Conflict { code: "secrets.in_use", message });
            }
        }
        vault.store.delete_secret(name.as_str()).await?;
        vault.forget(name.as_str());
        Ok(())
    }

    /// How the vault stands.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn vault_status(&self) -> Result<VaultStatus> {
        self.services.vault.status().await
    }

    /// Begins to replace the vault's master key, while everything goes on.
    ///
    /// # Errors
    /// When it is being replaced already, or is in no file that the server writes.
    pub async fn rotate_vault_key(&self) -> Result<VaultStatus> {
        self.services.vault.rotate().await
    }

    /// What keeps values of secrets out of what this server tells.
    pub fn redaction(&self) -> &sandboxed_vault::Redaction {
        self.services.vault.redaction()
    }

    /// What names a secret.
    async fn named_by(&self, name: &str) -> Result<Vec<String>> {
        let config = &self.services.config;
        let names = |value: &sandboxed_model::recipe::EnvValue| value.secret() == Some(name);
        let mut found = Vec::new();
        for (host, credential) in &config.git.credentials {
            if credential.secrets().any(|named| named == name) {
                found.push(format!("[git.credentials] {host:?}"));
            }
        }
        for account in self.accounts().await? {
            if account.credential.secret() == Some(name) {
                found.push(format!("the account {}", account.name));
            }
        }
        for plugin in config.plugin.iter().filter(|plugin| plugin.grants.secrets.iter().any(|granted| granted == name))
        {
            found.push(format!("the grants of the plugin {}", plugin.id));
        }
        let mut page = PageRequest { cursor: None, limit: PageRequest::MAX_LIMIT };
        loop {
            let workspaces = self.services.store.workspaces(&page).await?;
            let naming = workspaces.items.iter().filter(|workspace| workspace.recipe.env.values().any(names));
            found.extend(naming.map(|workspace| format!("the workspace {}", workspace.name)));
            page.cursor = workspaces.next_cursor;
            if page.cursor.is_none() {
                break;
            }
        }
        loop {
            let templates = self.services.store.templates(&page).await?;
            let naming = |template: &&Template| template.workspace.env.values().any(names);
            found.extend(
                templates.items.iter().filter(naming).map(|template| format!("the template {}", template.name)),
            );
            page.cursor = templates.next_cursor;
            if page.cursor.is_none() {
                break;
            }
        }
        Ok(found)
    }
}

impl Vault {
    async fn row(&self, name: &str) -> Result<SecretRow> {
        let row = self.store.secret(name).await?.filter(|row| !row.internal);
        match row {
            Some(row) => Ok(row),
            None if self.configured.holds(name) => {
                Err(Error::Conflict { code: "secrets.configured", message: configured(name) })
            }
            None => Err(Error::NotFound { what: "secret", id: name.to_owned() }),
        }
    }

    /// Keeps a secret, or gives another value to the one of this name. Says whether it is new.
    pub(crate) async fn set(&self, new: NewSecret) -> Result<(Secret, bool)> {
        let NewSecret { name, value, audience, description } = new;
        check_value(value.expose_secret())?;
        check_terms(audience.as_deref(), description.as_deref())?;
        let name = String::from(name);
        if self.configured.holds(&name) {
            return Err(Error::Conflict { code: "secrets.name_taken", message: shadowed(&name) });
        }
        let _changing = self.changing.lock().await;
        let old = self.store.secret(&name).await?;
        let is_new = old.is_none();
        let now = Timestamp::now();
        let (id, version, created_at, old_audience, old_description) = match old {
            Some(old) => (old.id, old.version + 1, old.created_at, old.audience, old.description),
            None => (SecretId::new(), 1, now, Vec::new(), String::new()),
        };
        let binding = Binding { id: &id.to_string(), name: &name, version };
        let sealed = self.ring().seal(binding, value.expose_secret()).map_err(|error| error.failure())?;
        let row = SecretRow {
            id,
            name: name.clone(),
            version,
            audience: audience.map_or(old_audience, in_order),
            description: description.unwrap_or(old_description),
            sealed_by: sealed.key.to_string(),
            sealed: sealed.bytes,
            internal: false,
            created_at,
            updated_at: now,
        };
        // Before it can be used it is kept out of what is told.
        self.live.learn(vec![(name, value)]);
        self.store.put_secret(row.clone()).await?;
        self.remember(&row, None);
        Ok((self.shown(row), is_new))
    }

    async fn describe(
        &self,
        name: &SecretName,
        audience: Option<Vec<Audience>>,
        description: Option<String>,
    ) -> Result<Secret> {
        check_terms(audience.as_deref(), description.as_deref())?;
        let _changing = self.changing.lock().await;
        let mut row = self.row(name.as_str()).await?;
        row.audience = audience.map_or(row.audience, in_order);
        row.description = description.unwrap_or(row.description);
        self.store.describe_secret(&row.name, row.audience.clone(), row.description.clone()).await?;
        let problem = self.entry(&row.name).and_then(|entry| entry.problem);
        self.remember(&row, problem);
        Ok(self.shown(row))
    }

    /// Its values stay unknown to all that is told as long as the server lives: processes may still have them.
    fn forget(&self, name: &str) {
        self.entries.write().unwrap_or_else(std::sync::PoisonError::into_inner).remove(name);
    }
}

fn in_order(mut audience: Vec<Audience>) -> Vec<Audience> {
    audience.sort();
    audience.dedup();
    audience
}

fn check_value(value: &[u8]) -> Result<()> {
    let (code, message) = match value.len() {
        0 => ("secrets.value_empty", "the value is empty".to_owned()),
        length if length < MIN_REDACTED => (
            "secrets.value_too_short",
            format!("a value of less than {MIN_REDACTED} bytes cannot be kept out of what is told: it is in too much"),
        ),
        length if length > MAX_VALUE => (
            "secrets.value_too_long",
            format!("a value has {} KiB at most, to be kept out of what is told", MAX_VALUE >> 10),
        ),
        _ => return Ok(()),
    };
    Err(Error::Invalid { code, message })
}

fn check_terms(audience: Option<&[Audience]>, description: Option<&str>) -> Result<()> {
    if audience.is_some_and(|audience| audience.len() > MAX_AUDIENCE) {
        let message = format!("a secret is for {MAX_AUDIENCE} users at most");
        return Err(Error::Invalid { code: "secrets.audience_too_long", message });
    }
    if description.is_some_and(|text| text.len() > MAX_DESCRIPTION || text.chars().any(char::is_control)) {
        let message = format!("a description is one line of {MAX_DESCRIPTION} bytes at most");
        return Err(Error::Invalid { code: "secrets.description_invalid", message });
    }
    Ok(())
}

fn configured(name: &str) -> String {
    format!("the secret {name:?} is one of [secrets] in sandboxed.toml, and is changed there only")
}
