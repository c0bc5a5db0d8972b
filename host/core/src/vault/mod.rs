//! The server's secrets: those in the vault and those of `[secrets]`, under one set of names.
//!
//! Whoever needs a value comes here and says who asks. A secret of the vault is given to those that it is for and to nobody
//! else; each use is noted. Every value that could be told is known to the redaction.

mod clean;
mod configured;
mod keys;
mod live;
mod manage;
mod rotation;
mod states;
#[cfg(test)]
mod tests;
mod uses;

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use sandboxed_model::{
    Blame, Failure, MissionId, PluginId, WorkspaceId,
    config::Config,
    secret::{Audience, Secret},
};
use sandboxed_store::{SecretRow, Store};
use sandboxed_vault::{Binding, Keyring, Redaction, Sealed};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

pub use manage::NewSecret;

use crate::{Result, paths::Paths};
use configured::Configured;
use keys::KeyPlace;
use live::Live;
use uses::Tally;

/// All secrets of a server.
pub(crate) struct Vault {
    store: Store,
    configured: Configured,
    place: KeyPlace,
    ring: RwLock<Keyring>,
    /// Those in the vault, by name.
    entries: RwLock<BTreeMap<String, Entry>>,
    live: Live,
    tally: Tally,
    states: Keyring,
    /// Held while a secret or a key is changed.
    changing: tokio::sync::Mutex<()>,
    /// Held while values are put under another key.
    resealing: Arc<tokio::sync::Mutex<()>>,
}

/// What is known of a secret without asking the store.
#[derive(Clone)]
struct Entry {
    audience: Vec<Audience>,
    problem: Option<Failure>,
}

/// Who asks for a value.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// As which of these it asks.
    any: Vec<Audience>,
    /// As whom it asks besides.
    also: Option<Audience>,
    user: String,
    purpose: String,
}

impl Asked {
    /// A process of a workspace, for which the secret was named by those of `any`.
    pub(crate) fn by_process(any: Vec<Audience>, workspace: WorkspaceId, mission: Option<MissionId>) -> Self {
        let (user, purpose) = match mission {
            Some(mission) => (format!("mission:{mission}"), format!("workspace:{workspace}")),
            None => (format!("workspace:{workspace}"), String::new()),
        };
        Self { any, also: None, user, purpose }
    }

    /// Git apart from a workspace.
    pub(crate) fn by_git(host: &str, workspace: WorkspaceId) -> Self {
        let audience = Audience::Git(host.to_ascii_lowercase());
        let user = audience.to_string();
        Self { any: vec![audience], also: None, user, purpose: format!("workspace:{workspace}") }
    }

    /// A plugin, for a program.
    pub(crate) fn by_plugin(plugin: &PluginId) -> Self {
        let audience = Audience::Plugin(plugin.to_string());
        let user = audience.to_string();
        Self { any: vec![audience], also: None, user, purpose: String::new() }
    }

    /// A plugin, for a request to `host`, a name and a port.
    pub(crate) fn by_request(plugin: &PluginId, host: &str) -> Self {
        let host = Audience::Host(host.to_ascii_lowercase());
        Self { purpose: host.to_string(), also: Some(host), ..Self::by_plugin(plugin) }
    }

    fn by_provider(provider: &str) -> Self {
        let audience = Audience::Provider(provider.to_owned());
        let user = audience.to_string();
        Self { any: vec![audience], also: None, user, purpose: String::new() }
    }

    /// As whom it would have to be let in, if it is not.
    fn missing<'a>(&'a self, audience: &[Audience]) -> Option<&'a Audience> {
        let any = self.any.iter().any(|asked| audience.contains(asked));
        let also = self.also.as_ref().filter(|asked| !audience.contains(asked));
        if any { also } else { self.any.first().or(also) }
    }
}

impl Vault {
    /// Opens the vault: finds its keys, and tells the redaction of every value.
    ///
    /// # Errors
    /// Where a key is missing, wrong or not usable; nothing is written then. A secret that is damaged is no error.
    pub(crate) async fn open(config: &Config, paths: &Paths, store: Store, redaction: Redaction) -> Result<Arc<Self>> {
        let (place, ring) = keys::open(&config.vault, paths, &store).await?;
        let states = states::keyring(&ring, &store).await?;
        let vault = Arc::new(Self {
            store,
            configured: Configured::new(config.secrets.clone()),
            place,
            ring: RwLock::new(ring),
            entries: RwLock::default(),
            live: Live::new(redaction),
            tally: Tally::default(),
            states,
            changing: tokio::sync::Mutex::default(),
            resealing: Arc::default(),
        });
        vault.load().await?;
        uses::keep(&vault);
        Self::resume_rotation(&vault).await?;
        Ok(vault)
    }

    /// Looks at all secrets once.
    async fn load(&self) -> Result<()> {
        let mut known = Vec::new();
        for row in self.store.secrets().await?.into_iter().filter(|row| !row.internal) {
            let problem = match self.open_row(&row) {
                Ok(value) => {
                    known.push((row.name.clone(), value));
                    None
                }
                Err(failure) => {
                    tracing::error!(secret = row.name, %failure, "a secret cannot be used");
                    Some(failure)
                }
            };
            if self.configured.holds(&row.name) {
                // The configuration was changed since.
                return Err(Failure::new(Blame::Config, "secrets.name_taken", shadowed(&row.name))
                    .with_hint(format!("give the one in [secrets] of sandboxed.toml another name than {:?}", row.name))
                    .into());
            }
            self.remember(&row, problem);
        }
        for name in self.configured.names() {
            match self.configured.read(name).await {
                Ok(value) => known.push((name.to_owned(), value)),
                Err(failure) => tracing::debug!(%failure, "a value is not there to be kept out of what is told"),
            }
        }
        self.live.learn(known);
        Ok(())
    }

    fn remember(&self, row: &SecretRow, problem: Option<Failure>) {
        let entry = Entry { audience: row.audience.clone(), problem };
        self.entries.write().unwrap_or_else(PoisonError::into_inner).insert(row.name.clone(), entry);
    }

    fn entry(&self, name: &str) -> Option<Entry> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn ring(&self) -> Keyring {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn open_row(&self, row: &SecretRow) -> Result<SecretSlice<u8>, Failure> {
        let id = row.id.to_string();
        let sealed = Sealed { key: sandboxed_vault::KeyId::from_stored(&row.sealed_by), bytes: row.sealed.clone() };
        self.ring().open(Binding { id: &id, name: &row.name, version: row.version }, &sealed).map_err(|error| {
            let mut failure = error.failure();
            failure.message = format!("the secret {:?} cannot be read: {}", row.name, failure.message);
            failure.hint = failure.hint.map(|hint| hint.replace("NAME", &row.name));
            failure
        })
    }

    /// What is kept out of all that is told.
    pub(crate) fn redaction(&self) -> &Redaction {
        self.live.redaction()
    }

    /// Keeps these out of what is told as well, under the name of a secret of which they are parts.
    pub(crate) fn learn(&self, name: &str, parts: impl IntoIterator<Item = SecretSlice<u8>>) {
        self.live.learn(parts.into_iter().map(|part| (name.to_owned(), part)).collect());
    }

    /// Whether there is a secret of this name.
    pub(crate) fn exists(&self, name: &str) -> bool {
        self.configured.holds(name) || self.entry(name).is_some()
    }

    /// Whether there is a secret of this name which this plugin could be given.
    pub(crate) fn exists_for(&self, plugin: &PluginId, name: &str) -> bool {
        let asked = Asked::by_plugin(plugin);
        self.configured.holds(name) || self.entry(name).is_some_and(|entry| asked.missing(&entry.audience).is_none())
    }

    /// Whether variables of workspaces may name this secret: `listed` says whether the configuration lists it.
    pub(crate) fn check_for_workspaces(&self, name: &str, listed: bool) -> Result<(), Failure> {
        match self.entry(name) {
            Some(entry) if entry.audience.contains(&Audience::Workspaces) => Ok(()),
            Some(_) => Err(denied(name, &Audience::Workspaces)),
            None if !listed => {
                let message = format!("variables of workspaces may not name the secret {name:?}");
                Err(Failure::new(Blame::Denied, "workspace.secret_denied", message)
                    .with_hint(format!("workspaces.secrets = [{name:?}] in sandboxed.toml")))
            }
            None if !self.exists(name) => Err(missing(name)),
            None => Ok(()),
        }
    }

    /// The value for one who may have it. It is read anew each time.
    ///
    /// # Errors
    /// Where there is no such secret, it is not for whoever asks, or it cannot be read.
    pub(crate) async fn read_bytes(&self, name: &str, asked: &Asked) -> Result<SecretSlice<u8>, Failure> {
        let value = self.lend(name, asked).await?;
        self.note_use(name, asked);
        Ok(value)
    }

    /// The same for one who uses the value many times, and tells of each with [`Self::note_use`].
    ///
    /// # Errors
    /// As [`Self::read_bytes`].
    pub(crate) async fn lend(&self, name: &str, asked: &Asked) -> Result<SecretSlice<u8>, Failure> {
        if self.configured.holds(name) {
            let value = self.configured.read(name).await?;
            self.live.learn(vec![(name.to_owned(), value.clone())]);
            Ok(value)
        } else {
            let row = self.store.secret(name).await.map_err(|error| error.failure())?;
            let row = row.filter(|row| !row.internal).ok_or_else(|| missing(name))?;
            if let Some(missing) = asked.missing(&row.audience) {
                return Err(denied(name, missing));
            }
            self.open_row(&row)
        }
    }

    /// Counts a use of a value. Waits for nothing.
    pub(crate) fn note_use(&self, name: &str, asked: &Asked) {
        self.tally.note(name, &asked.user, &asked.purpose);
    }

    /// The same for one who needs a text.
    ///
    /// # Errors
    /// Besides, where the value is no text that a variable can hold.
    pub(crate) async fn read(&self, name: &str, asked: &Asked) -> Result<SecretString, Failure> {
        let value = self.read_bytes(name, asked).await?;
        match std::str::from_utf8(value.expose_secret()) {
            Ok(text) if !text.contains('\0') => Ok(text.into()),
            _ => {
                let message = format!("the value of the secret {name:?} is no text, and cannot be put into a variable");
                Err(Failure::new(Blame::Config, "secrets.not_text", message)
                    .with_hint(format!("name it as a file: {{ secret_file = {name:?} }}")))
            }
        }
    }

    /// The value for a request to a provider of models.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(crate) async fn use_for_provider(&self, name: &str, provider: &str) -> Result<SecretString, Failure> {
        self.read(name, &Asked::by_provider(provider)).await
    }

    /// Whether this secret may be used for requests to a provider of models.
    pub(crate) fn check_for_provider(&self, name: &str, provider: &str) -> Result<(), Failure> {
        let asked = Asked::by_provider(provider);
        match self.entry(name) {
            Some(entry) => asked.missing(&entry.audience).map_or(Ok(()), |missing| Err(denied(name, missing))),
            None if self.configured.holds(name) => Ok(()),
            None => Err(missing(name)),
        }
    }

    /// The names of secrets that cannot be read.
    pub(crate) fn damaged(&self) -> Vec<String> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.iter().filter(|(_, entry)| entry.problem.is_some()).map(|(name, _)| name.clone()).collect()
    }

    /// Where the master key is and who can read it, and whether it lies with what it seals.
    pub(crate) fn key_place(&self, data_dir: &std::path::Path) -> (String, bool) {
        let count = self.entries.read().unwrap_or_else(PoisonError::into_inner).len();
        match &self.place {
            KeyPlace::File(file) => {
                let beside = file.path().starts_with(data_dir) && count > 0;
                let path = file.path().display();
                let detail = match beside {
                    true => format!(
                        "{count} secrets; the master key in {path} lies with what it seals, readable by the server's user"
                    ),
                    false => format!("{count} secrets; the master key is in {path}, readable by the server's user"),
                };
                (detail, beside)
            }
            KeyPlace::Given(sandboxed_model::secret::KeyKind::Passphrase) => {
                (format!("{count} secrets; the master key is made of a passphrase"), false)
            }
            KeyPlace::Given(_) => (
                format!(
                    "{count} secrets; the master key is in a variable of the server, readable by its user in /proc"
                ),
                false,
            ),
        }
    }

    /// Writes what is only in memory so far.
    pub(crate) async fn close(&self) {
        self.flush_uses().await;
    }

    fn shown(&self, row: SecretRow) -> Secret {
        Secret {
            problem: self.entry(&row.name).and_then(|entry| entry.problem),
            name: row.name,
            kept: sandboxed_model::secret::SecretKept::Vault,
            audience: row.audience,
            description: row.description,
            version: Some(row.version),
            created_at: Some(row.created_at),
            updated_at: Some(row.updated_at),
            last_used_at: None,
        }
    }
}

fn shadowed(name: &str) -> String {
    format!("[secrets] in sandboxed.toml has a secret {name:?}, which the vault cannot hide")
}

fn missing(name: &str) -> Failure {
    Failure::new(Blame::Config, "secrets.missing", format!("there is no secret {name:?}")).with_hint(format!(
        "`sandboxed-sh secret set {name}`, or [secrets] {name} = {{ file = \"…\" }} in sandboxed.toml"
    ))
}

fn denied(name: &str, asked: &Audience) -> Failure {
    Failure::new(Blame::Denied, "secrets.denied", format!("the secret {name:?} is not for {asked}"))
        .with_hint(format!("sandboxed-sh secret allow {name} {asked}"))
}
