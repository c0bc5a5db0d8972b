//! Where the master keys come from, and whether they are the right ones.

use std::{collections::BTreeSet, path::Path};

use sandboxed_model::{
    Blame, Failure, Timestamp,
    config::{KeySource, VaultConfig},
    secret::KeyKind,
};
use sandboxed_store::{Store, VaultKey};
use sandboxed_vault::{KeyFile, KeyId, Keyring, MasterKey, Salted};
use zeroize::Zeroizing;

use crate::{Result, paths::Paths};

/// Where the key that seals is.
pub(super) enum KeyPlace {
    /// In a file that the server writes.
    File(KeyFile),
    /// Where the server only reads it.
    Given(KeyKind),
}

impl KeyPlace {
    pub(super) fn kind(&self) -> KeyKind {
        match self {
            Self::File(_) => KeyKind::File,
            Self::Given(kind) => *kind,
        }
    }
}

/// Finds the keys and holds them against what is sealed. Nothing is written before they are known to be right.
pub(super) async fn open(config: &VaultConfig, paths: &Paths, store: &Store) -> Result<(KeyPlace, Keyring)> {
    let noted = store.vault_keys().await?;
    let sealed = store.secrets().await?;
    // What the server itself keeps can be lost.
    let used: BTreeSet<&str> = sealed.iter().filter(|row| !row.internal).map(|row| row.sealed_by.as_str()).collect();
    let source = config.key.clone().unwrap_or_else(|| KeySource::File(paths.vault_key()));
    let (mut keys, salted) = match found(&source, &noted).await? {
        Found::Keys(keys, salted) => (keys, salted),
        Found::NoFile(file) if used.is_empty() => {
            let key = MasterKey::generate();
            write(&file, std::slice::from_ref(&key)).await?;
            tracing::info!(file = %file.path().display(), "the vault has a new master key");
            (vec![key], None)
        }
        Found::NoFile(file) => return Err(key_missing(file.path(), used.len()).into()),
    };
    if let Some(former) = &config.former_key {
        match found(former, &noted).await? {
            Found::Keys(former, _) => keys.extend(former),
            Found::NoFile(file) => return Err(key_missing(file.path(), used.len()).into()),
        }
    }
    let mut keys = keys.into_iter();
    let newest = keys.next().ok_or_else(|| Failure::new(Blame::Host, "vault.key_invalid", "there is no master key"))?;
    let ring = keys.fold(Keyring::new(newest), Keyring::with_former);
    let held = |id: &str| ring.holds(&KeyId::from_stored(id));
    // Where the key opens others, one under a key that never was is damaged, and is told as that when it is used.
    let never_was = |id: &str| used.iter().any(|id| held(id)) && !noted.iter().any(|key| key.id == id);
    if let Some(unknown) = used.iter().find(|id| !held(id) && !never_was(id)) {
        return Err(key_wrong(unknown, ring.newest().id()).into());
    }
    store.add_vault_key(noted_key(ring.newest(), salted)).await?;
    let place = match source {
        KeySource::File(path) => KeyPlace::File(KeyFile::at(path)),
        KeySource::Env(_) => KeyPlace::Given(KeyKind::Variable),
        KeySource::PassphraseEnv(_) | KeySource::PassphraseFile(_) => KeyPlace::Given(KeyKind::Passphrase),
    };
    Ok((place, ring))
}

/// A key as the store notes it.
pub(super) fn noted_key(key: &MasterKey, salted: Option<Salted>) -> VaultKey {
    let (memory, passes) = salted.as_ref().map_or((0, 0), |salted| (salted.memory, salted.passes));
    let salt = salted.map(|salted| salted.salt);
    VaultKey { id: key.id().to_string(), salt, memory, passes, created_at: Timestamp::now() }
}

/// Puts keys into their file.
pub(super) async fn write(file: &KeyFile, keys: &[MasterKey]) -> Result<()> {
    let (file, keys) = (file.clone(), keys.to_vec());
    let written = tokio::task::spawn_blocking(move || file.write(&keys).map_err(|error| error.failure())).await;
    written.map_err(|error| Failure::new(Blame::Host, "vault.key_file", error.to_string()))??;
    Ok(())
}

enum Found {
    Keys(Vec<MasterKey>, Option<Salted>),
    NoFile(KeyFile),
}

async fn found(source: &KeySource, noted: &[VaultKey]) -> Result<Found> {
    let (source, noted) = (source.clone(), noted.to_vec());
    // A passphrase takes its time.
    let work = move || match source {
        KeySource::File(path) => {
            let file = KeyFile::at(path);
            let keys = file.read().map_err(|error| error.failure())?;
            Ok(keys.map_or(Found::NoFile(file), |keys| Found::Keys(keys, None)))
        }
        KeySource::Env(variable) => {
            let text = variable_of(&variable)?;
            let key = MasterKey::parse(&text, &format!("the variable {variable}")).map_err(|error| error.failure())?;
            Ok(Found::Keys(vec![key], None))
        }
        KeySource::PassphraseEnv(variable) => of_passphrase(&variable_of(&variable)?, &noted),
        KeySource::PassphraseFile(path) => of_passphrase(&line_of(&path)?, &noted),
    };
    let found = tokio::task::spawn_blocking(work).await;
    Ok(found.map_err(|error| Failure::new(Blame::Host, "vault.key_file", error.to_string()))??)
}

fn of_passphrase(passphrase: &str, noted: &[VaultKey]) -> Result<Found, Failure> {
    if passphrase.is_empty() {
        return Err(Failure::new(Blame::Config, "vault.passphrase", "the passphrase of the vault is empty")
            .with_hint("look at [vault] key in sandboxed.toml"));
    }
    let make = |salted: &Salted| MasterKey::of_passphrase(passphrase, salted).map_err(|error| error.failure());
    for key in noted {
        let Some(salt) = key.salt.clone() else { continue };
        let salted = Salted { salt, memory: key.memory, passes: key.passes };
        let made = make(&salted)?;
        if made.id().as_str() == key.id {
            return Ok(Found::Keys(vec![made], Some(salted)));
        }
    }
    let salted = Salted::fresh();
    Ok(Found::Keys(vec![make(&salted)?], Some(salted)))
}

fn variable_of(name: &str) -> Result<Zeroizing<String>, Failure> {
    std::env::var(name).map(Zeroizing::new).map_err(|_| {
        Failure::new(Blame::Config, "vault.key_unset", format!("the variable {name} of [vault] is not set"))
            .with_hint(format!("set {name} for the server, or mend [vault] key in sandboxed.toml"))
    })
}

fn line_of(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let text = std::fs::read_to_string(path).map(Zeroizing::new).map_err(|error| {
        let message = format!("the file of the vault's passphrase, {}, cannot be read: {error}", path.display());
        Failure::new(Blame::Config, "vault.key_file", message).with_hint("mend [vault] key in sandboxed.toml")
    })?;
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn key_missing(path: &Path, keys: usize) -> Failure {
    let message = format!("the vault holds secrets under {keys} master key, and {} is not there", path.display());
    Failure::new(Blame::Config, "vault.key_missing", message).with_hint(
        "bring back the file from where its copy is kept, or name the key's place in [vault] key; a new key would open nothing",
    )
}

fn key_wrong(needed: &str, given: &KeyId) -> Failure {
    let message =
        format!("secrets of the vault are sealed with the key {needed}, and the key that was given is {given}");
    Failure::new(Blame::Config, "vault.key_wrong", message)
        .with_hint("give the right key in [vault] key, or the one before besides it in [vault] former_key")
}
