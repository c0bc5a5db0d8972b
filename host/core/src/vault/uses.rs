//! Who used which secret: counted in memory and written now and then, so that no request waits for it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sandboxed_model::{Timestamp, secret::SecretUse};
use sandboxed_store::UseRecord;

use super::Vault;

/// How often uses are written.
const INTERVAL: Duration = Duration::from_secs(1);
const HOUR: i64 = 3_600_000;

/// Uses that are not written yet.
#[derive(Default)]
pub(super) struct Tally(Mutex<HashMap<(String, String, String, i64), SecretUse>>);

impl Tally {
    pub(super) fn note(&self, secret: &str, user: &str, purpose: &str) {
        let now = Timestamp::now();
        let key = (secret.to_owned(), user.to_owned(), purpose.to_owned(), now.as_millis().div_euclid(HOUR));
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let used = uses.entry(key).or_insert_with(|| SecretUse {
            user: user.to_owned(),
            purpose: purpose.to_owned(),
            count: 0,
            first_at: now,
            last_at: now,
        });
        used.count += 1;
        used.last_at = used.last_at.max(now);
    }

    fn take(&self) -> Vec<UseRecord> {
        let uses = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        uses.into_iter().map(|((secret, ..), used)| UseRecord { secret, used }).collect()
    }
}

impl Vault {
    pub(super) async fn flush_uses(&self) {
        let uses = self.tally.take();
        if uses.is_empty() {
            return;
        }
        if let Err(error) = self.store.note_secret_uses(uses).await {
            tracing::error!(%error, "uses of secrets could not be noted");
        }
    }
}

/// Writes uses as long as there is the vault.
pub(super) fn keep(vault: &Arc<Vault>) {
    let vault = Arc::downgrade(vault);
    tokio::spawn(async move {
        let mut interval = tokio::time::interval(INTERVAL);
        loop {
            interval.tick().await;
            let Some(vault) = vault.upgrade() else { return };
            vault.flush_uses().await;
        }
    });
}
