//! All master keys that are in use.

use secrecy::SecretSlice;

use crate::{Binding, Error, KeyId, MasterKey, Result, Sealed};

/// Master keys. The newest seals, all open.
#[derive(Debug, Clone)]
pub struct Keyring {
    newest: MasterKey,
    former: Vec<MasterKey>,
}

impl Keyring {
    /// A ring of one key.
    pub fn new(key: MasterKey) -> Self {
        Self { newest: key, former: Vec::new() }
    }

    /// The same with a key that still opens what it sealed.
    #[must_use]
    pub fn with_former(mut self, key: MasterKey) -> Self {
        if !self.holds(key.id()) {
            self.former.push(key);
        }
        self
    }

    /// The same with a newer key, which seals from now on.
    #[must_use]
    pub fn with_newest(self, key: MasterKey) -> Self {
        let former = std::iter::once(self.newest).chain(self.former);
        let former = former.filter(|former| former.id() != key.id()).collect();
        Self { newest: key, former }
    }

    /// The same without the keys that no longer seal.
    #[must_use]
    pub fn with_newest_only(self) -> Self {
        Self { newest: self.newest, former: Vec::new() }
    }

    /// The key that seals.
    pub fn newest(&self) -> &MasterKey {
        &self.newest
    }

    /// All keys, the newest first.
    pub fn keys(&self) -> impl Iterator<Item = &MasterKey> {
        std::iter::once(&self.newest).chain(&self.former)
    }

    /// Whether it holds the key of this id.
    pub fn holds(&self, id: &KeyId) -> bool {
        self.keys().any(|key| key.id() == id)
    }

    /// Seals a value with the newest key.
    ///
    /// # Errors
    /// For a value that is larger than any memory.
    pub fn seal(&self, binding: Binding<'_>, value: &[u8]) -> Result<Sealed> {
        self.newest.seal(binding, value)
    }

    /// Opens what was sealed under this binding.
    ///
    /// # Errors
    /// Where the key is not there, or the bytes are not those that were sealed.
    pub fn open(&self, binding: Binding<'_>, sealed: &Sealed) -> Result<SecretSlice<u8>> {
        let key = self.keys().find(|key| *key.id() == sealed.key);
        key.ok_or_else(|| Error::UnknownKey(sealed.key.clone()))?.open(binding, sealed)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    const BINDING: Binding<'_> = Binding { id: "1", name: "deploy-key", version: 1 };

    fn opened(ring: &Keyring, binding: Binding<'_>, sealed: &Sealed) -> Result<Vec<u8>> {
        ring.open(binding, sealed).map(|value| value.expose_secret().to_vec())
    }

    #[test]
    fn a_value_opens_under_its_own_name_and_version_only() {
        let ring = Keyring::new(MasterKey::generate());
        let sealed = ring.seal(BINDING, b"hunter2").unwrap();
        assert_eq!(opened(&ring, BINDING, &sealed).unwrap(), b"hunter2");
        for other in [
            Binding { id: "2", ..BINDING },
            Binding { name: "other-key", ..BINDING },
            Binding { version: 2, ..BINDING },
            Binding { id: "1d", name: "eploy-key", version: 1 },
        ] {
            assert!(matches!(opened(&ring, other, &sealed), Err(Error::Damaged)), "{other:?}");
        }
    }

    #[test]
    fn one_changed_bit_or_a_missing_end_is_told_as_damage() {
        let ring = Keyring::new(MasterKey::generate());
        let sealed = ring.seal(BINDING, b"hunter2").unwrap();
        for place in 0..sealed.bytes.len() {
            let mut changed = sealed.clone();
            changed.bytes[place] ^= 1;
            assert!(matches!(opened(&ring, BINDING, &changed), Err(Error::Damaged)), "{place}");
            let cut = Sealed { bytes: sealed.bytes[..place].to_vec(), ..sealed.clone() };
            assert!(matches!(opened(&ring, BINDING, &cut), Err(Error::Damaged)), "{place}");
        }
    }

    #[test]
    fn while_a_key_is_replaced_both_open_and_afterwards_the_newest_alone() {
        let (old, new) = (MasterKey::generate(), MasterKey::generate());
        let ring = Keyring::new(old);
        let before = ring.seal(BINDING, b"hunter2").unwrap();
        let both = ring.with_newest(new.clone());
        let after = both.seal(BINDING, b"hunter2").unwrap();
        assert_eq!(&after.key, new.id());
        assert_eq!(opened(&both, BINDING, &before).unwrap(), b"hunter2");
        assert_eq!(opened(&both, BINDING, &after).unwrap(), b"hunter2");
        let newest = both.with_newest_only();
        assert!(matches!(opened(&newest, BINDING, &before), Err(Error::UnknownKey(key)) if key == before.key));
    }

    #[test]
    fn the_same_value_is_sealed_otherwise_each_time() {
        let ring = Keyring::new(MasterKey::generate());
        assert_ne!(ring.seal(BINDING, b"x").unwrap().bytes, ring.seal(BINDING, b"x").unwrap().bytes);
        assert!(!format!("{:?}", ring.seal(BINDING, b"hunter2").unwrap()).contains("hunter2"));
    }
}
