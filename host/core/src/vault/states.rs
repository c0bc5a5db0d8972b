//! What is kept of turns between two steps, under a key of its own: it may hold a piece of a value, as the driver saw it or
//! as it is held back until more is known. That key is a secret of the vault which nobody sees.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sandboxed_model::{MissionId, SecretId, Timestamp};
use sandboxed_store::{SecretRow, Store};
use sandboxed_vault::{Binding, KeyId, Keyring, MasterKey, Sealed};
use secrecy::{ExposeSecret as _, SecretBox};
use sha2::Sha256;

use super::Vault;
use crate::Result;

/// No secret that people make can have this name.
const NAME: &str = ".turns";
/// What begins a state that is sealed.
const MARK: &[u8] = b"sealed1\n";

/// The key for states of turns; made where there is none that can be read.
pub(super) async fn keyring(ring: &Keyring, store: &Store) -> Result<Keyring> {
    let kept = store.secret(NAME).await?;
    let opened = kept.as_ref().and_then(|row| {
        let (id, sealed) = (row.id.to_string(), sealed(row));
        let value = ring.open(Binding { id: &id, name: NAME, version: row.version }, &sealed).ok()?;
        MasterKey::parse(std::str::from_utf8(value.expose_secret()).ok()?, NAME).ok()
    });
    if let Some(key) = opened {
        return Ok(Keyring::new(key));
    }
    if kept.is_some() {
        tracing::warn!("what was kept of turns under way cannot be read: their drivers begin anew");
    }
    let key = MasterKey::generate();
    let now = Timestamp::now();
    let (id, version) = kept.map_or_else(|| (SecretId::new(), 1), |row| (row.id, row.version + 1));
    let binding = Binding { id: &id.to_string(), name: NAME, version };
    let sealed = ring.seal(binding, key.as_text().as_bytes()).map_err(|error| error.failure())?;
    store
        .put_secret(SecretRow {
            id,
            name: NAME.to_owned(),
            version,
            audience: Vec::new(),
            description: String::new(),
            sealed_by: sealed.key.to_string(),
            sealed: sealed.bytes,
            internal: true,
            created_at: now,
            updated_at: now,
        })
        .await?;
    Ok(Keyring::new(key))
}

fn sealed(row: &SecretRow) -> Sealed {
    Sealed { key: KeyId::from_stored(&row.sealed_by), bytes: row.sealed.clone() }
}

impl Vault {
    /// A key for one purpose, which is the same as long as the vault is.
    pub(crate) fn derived_key(&self, purpose: &str) -> SecretBox<[u8; 32]> {
        let key = self.states.newest().as_text();
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("a key of any length is one for HMAC");
        mac.update(purpose.as_bytes());
        SecretBox::new(Box::new(mac.finalize().into_bytes().into()))
    }

    /// A state as it is stored.
    pub(crate) fn seal_state(&self, mission: MissionId, state: &[u8]) -> Vec<u8> {
        let id = mission.to_string();
        match self.states.seal(Binding { id: &id, name: NAME, version: 0 }, state) {
            Ok(sealed) => [MARK, sealed.bytes.as_slice()].concat(),
            // Then the driver begins anew after a crash.
            Err(error) => {
                tracing::error!(%error, "the state of a turn could not be sealed");
                Vec::new()
            }
        }
    }

    /// The state that was sealed; none where it cannot be opened.
    pub(crate) fn open_state(&self, mission: MissionId, stored: Option<Vec<u8>>) -> Option<Vec<u8>> {
        let id = mission.to_string();
        let bytes = stored?.strip_prefix(MARK)?.to_vec();
        let sealed = Sealed { key: self.states.newest().id().clone(), bytes };
        let opened = self.states.open(Binding { id: &id, name: NAME, version: 0 }, &sealed).ok()?;
        Some(opened.expose_secret().to_vec())
    }
}
