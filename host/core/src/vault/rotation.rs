//! Another master key in place of the one before, while the server works.
//!
//! The new key is in its file beside the old one before anything is sealed with it, and the old one is taken from there when
//! nothing is sealed with it any more. At each moment between, all keys that are needed are in the file; a server that is
//! started then goes on.

use std::sync::{Arc, PoisonError};

use sandboxed_model::secret::VaultStatus;
use sandboxed_vault::{Binding, Keyring, MasterKey};
use secrecy::ExposeSecret as _;
use tokio::sync::OwnedMutexGuard;

use super::{
    Vault,
    keys::{self, KeyPlace},
};
use crate::{Error, Result};

/// Values that are put under the new key in one transaction.
const BATCH: u32 = 16;

impl Vault {
    /// How the vault stands.
    pub(crate) async fn status(&self) -> Result<VaultStatus> {
        let key_id = self.ring().newest().id().to_string();
        let to_reseal = self.store.sealed_otherwise(&key_id).await?;
        Ok(VaultStatus { key: self.place.kind(), key_id, to_reseal })
    }

    /// Begins to replace the master key. Values are put under the new one in the background.
    ///
    /// # Errors
    /// Where the key is being replaced already, or is not the server's to write.
    pub(crate) async fn rotate(self: &Arc<Self>) -> Result<VaultStatus> {
        let KeyPlace::File(file) = &self.place else {
            return Err(Error::Conflict {
                code: "vault.key_fixed",
                message:
                    "the key is in no file that the server writes: set [vault] key to the new one and former_key to \
                          this one, and start the server again"
                        .to_owned(),
            });
        };
        let busy = || Error::Conflict {
            code: "vault.rotating",
            message: "the master key is being replaced already; GET /api/v1/vault says how far that is".to_owned(),
        };
        let turn = Arc::clone(&self.resealing).try_lock_owned().map_err(|_| busy())?;
        let changing = self.changing.lock().await;
        let ring = self.ring().with_newest(MasterKey::generate());
        let all: Vec<_> = ring.keys().cloned().collect();
        keys::write(file, &all).await?;
        self.store.add_vault_key(keys::noted_key(ring.newest(), None)).await?;
        self.put_ring(ring);
        drop(changing);
        tracing::info!(key = %self.ring().newest().id(), "the vault gets a new master key");
        let status = self.status().await?;
        self.reseal(turn);
        Ok(status)
    }

    /// Goes on with what a former server began, or what the configuration asks for by naming a former key.
    pub(super) async fn resume_rotation(vault: &Arc<Self>) -> Result<()> {
        let ring = vault.ring();
        let noted = vault.store.vault_keys().await?.len();
        if (ring.keys().count() > 1 || noted > 1)
            && let Ok(turn) = Arc::clone(&vault.resealing).try_lock_owned()
        {
            vault.reseal(turn);
        }
        Ok(())
    }

    fn put_ring(&self, ring: Keyring) {
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
    }

    /// Puts all values under the newest key, in a task of its own.
    fn reseal(self: &Arc<Self>, turn: OwnedMutexGuard<()>) {
        let vault = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = vault.reseal_all().await {
                tracing::error!(%error, "the master key could not be replaced to the end; the next start goes on with it");
            }
            drop(turn);
        });
    }

    async fn reseal_all(&self) -> Result<()> {
        let ring = self.ring();
        let newest = ring.newest().id().to_string();
        loop {
            let rows = self.store.secrets_to_reseal(&newest, BATCH).await?;
            if rows.is_empty() {
                break;
            }
            let mut resealed = Vec::with_capacity(rows.len());
            for row in rows {
                let id = row.id.to_string();
                let sealed = self.open_row(&row).ok().and_then(|value| {
                    let binding = Binding { id: &id, name: &row.name, version: row.version };
                    ring.seal(binding, value.expose_secret()).ok()
                });
                // What is damaged opens with no key, and so needs none.
                let bytes = sealed.map_or(row.sealed, |sealed| sealed.bytes);
                resealed.push((row.id, row.version, newest.clone(), bytes));
            }
            self.store.reseal_secrets(resealed).await?;
        }
        let _changing = self.changing.lock().await;
        self.store.keep_vault_key(&newest).await?;
        let alone = ring.with_newest_only();
        if let KeyPlace::File(file) = &self.place {
            keys::write(file, std::slice::from_ref(alone.newest())).await?;
        }
        self.put_ring(alone);
        tracing::info!(key = newest, "all secrets are sealed with the new master key");
        Ok(())
    }
}
