//! One master key.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, aead::Aead as _};
use secrecy::{ExposeSecret as _, SecretBox};
use zeroize::Zeroizing;

use crate::{Error, Result};

/// Bytes of a key.
pub(crate) const KEY_BYTES: usize = 32;
/// Bytes of a passphrase's salt.
const SALT_BYTES: usize = 16;
/// What a key's id is made of: sealed with a fixed nonce, which is used for nothing else.
const ID_NONCE: [u8; 24] = *b"sandboxed.sh key id v1\0\0";

/// Names a key and tells nothing of it. Two keys do not have the same.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(String);

impl KeyId {
    /// The id as it was stored.
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// 32 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a passphrase becomes a key. It is no secret and is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Salted {
    /// Random bytes.
    pub salt: Vec<u8>,
    /// KiB of memory.
    pub memory: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Salted {
    /// The most memory, in KiB, that stored parameters may ask for.
    const MOST_MEMORY: u32 = 1 << 20;
    /// The most passes that stored parameters may ask for.
    const MOST_PASSES: u32 = 64;

    /// A fresh salt, with 64 MiB and three passes.
    pub fn fresh() -> Self {
        Self { salt: rand::random::<[u8; SALT_BYTES]>().to_vec(), memory: 64 << 10, passes: 3 }
    }
}

/// A master key. It is shown nowhere, and overwritten when it is dropped.
#[derive(Clone)]
pub struct MasterKey {
    id: KeyId,
    bytes: std::sync::Arc<SecretBox<[u8; KEY_BYTES]>>,
}

impl MasterKey {
    /// A new random key.
    pub fn generate() -> Self {
        Self::of_bytes(Zeroizing::new(rand::random()))
    }

    /// The key that a text stands for: 32 bytes in base64 or hexadecimal.
    ///
    /// # Errors
    /// Where it stands for none; the error says of `source_name` that it does.
    pub fn parse(text: &str, source_name: &str) -> Result<Self> {
        let text = text.trim();
        let no_key = |reason| Error::NoKey { source_name: source_name.to_owned(), reason };
        let decoded = match text.len() {
            0 => return Err(no_key("it is empty")),
            64 => Zeroizing::new(from_hex(text).ok_or_else(|| no_key("it is not hexadecimal"))?),
            _ => Zeroizing::new(BASE64_STANDARD.decode(text).map_err(|_| no_key("it is not base64"))?),
        };
        let bytes = decoded.as_slice().try_into().map_err(|_| no_key("a key is 32 bytes in base64 or hexadecimal"))?;
        Ok(Self::of_bytes(Zeroizing::new(bytes)))
    }

    /// The key that a passphrase becomes (Argon2id).
    ///
    /// # Errors
    /// Where the stored parameters cannot be meant, or there is not enough memory.
    pub fn of_passphrase(passphrase: &str, salted: &Salted) -> Result<Self> {
        let failed = |reason: &dyn fmt::Display| Error::Passphrase(reason.to_string());
        if salted.memory > Salted::MOST_MEMORY || salted.passes > Salted::MOST_PASSES {
            return Err(failed(&"its stored parameters were changed"));
        }
        let params = Params::new(salted.memory, salted.passes, 1, Some(KEY_BYTES)).map_err(|error| failed(&error))?;
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), &salted.salt, bytes.as_mut())
            .map_err(|error| failed(&error))?;
        Ok(Self::of_bytes(bytes))
    }

    fn of_bytes(bytes: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let bytes = SecretBox::new(Box::new(*bytes));
        let cipher = XChaCha20Poly1305::new(&(*bytes.expose_secret()).into());
        // The tag of an empty message: 128 bits that depend on the whole key.
        let tag = cipher.encrypt(&ID_NONCE.into(), &b""[..]).unwrap_or_default();
        Self { id: KeyId(to_hex(&tag)), bytes: std::sync::Arc::new(bytes) }
    }

    /// Its name.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    pub(crate) fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&(*self.bytes.expose_secret()).into())
    }

    /// The key in base64, to be written where only its owner reads it and nowhere else.
    pub fn as_text(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64_STANDARD.encode(self.bytes.expose_secret()))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id)
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_told_by_its_id_and_never_shown() {
        let key = MasterKey::generate();
        assert_eq!(format!("{key:?}"), format!("MasterKey({})", key.id()));
        assert!(!format!("{key:?}").contains(key.as_text().as_str()));
        assert_ne!(key.id(), MasterKey::generate().id());
        assert_eq!(MasterKey::parse(&key.as_text(), "a file").unwrap().id(), key.id());
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_told() {
        for (text, reason) in [
            ("", "it is empty"),
            ("c2hvcnQ=", "a key is 32 bytes in base64 or hexadecimal"),
            ("hunter2-hunter2", "it is not base64"),
        ] {
            let error = MasterKey::parse(text, "KEY").unwrap_err();
            assert_eq!(error.failure().code, "vault.key_invalid");
            assert_eq!(error.to_string(), format!("KEY holds no master key: {reason}"));
        }
    }

    #[test]
    fn a_passphrase_becomes_the_same_key_with_the_same_salt_only() {
        let salted = Salted { memory: 64, passes: 1, ..Salted::fresh() };
        let key = MasterKey::of_passphrase("correct horse", &salted).unwrap();
        assert_eq!(MasterKey::of_passphrase("correct horse", &salted).unwrap().id(), key.id());
        assert_ne!(MasterKey::of_passphrase("wrong horse", &salted).unwrap().id(), key.id());
        let other = Salted { salt: Salted::fresh().salt, ..salted.clone() };
        assert_ne!(MasterKey::of_passphrase("correct horse", &other).unwrap().id(), key.id());
    }

    #[test]
    fn stored_parameters_that_would_take_all_memory_are_refused() {
        let salted = Salted { memory: u32::MAX, ..Salted::fresh() };
        assert_eq!(MasterKey::of_passphrase("x", &salted).unwrap_err().failure().code, "vault.passphrase");
    }
}
