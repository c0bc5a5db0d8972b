//! A value under a key.

use std::fmt;

use chacha20poly1305::aead::{Aead as _, Payload};
use secrecy::SecretSlice;

use crate::{Error, KeyId, MasterKey, Result};

const NONCE_BYTES: usize = 24;
/// Begins what a value is bound to, so that nothing else is ever taken for it.
const DOMAIN: &[u8] = b"sandboxed.sh secret v1";

/// What a sealed value belongs to. It opens under the very same only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding<'a> {
    /// The id of the secret.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Which value of it.
    pub version: u64,
}

impl Binding<'_> {
    /// Each part has its length before it: no two bindings become the same bytes.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = DOMAIN.to_vec();
        for part in [self.id, self.name] {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part.as_bytes());
        }
        bytes.extend(self.version.to_be_bytes());
        bytes
    }
}

/// A value under a key, as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The key.
    pub key: KeyId,
    /// A random nonce, and the value with its tag.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({}, {} bytes)", self.key, self.bytes.len())
    }
}

impl MasterKey {
    pub(crate) fn seal(&self, binding: Binding<'_>, value: &[u8]) -> Result<Sealed> {
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let payload = Payload { msg: value, aad: &binding.bytes() };
        let sealed = self.cipher().encrypt(&nonce.into(), payload).map_err(|_| Error::Damaged)?;
        Ok(Sealed { key: self.id().clone(), bytes: [nonce.as_slice(), &sealed].concat() })
    }

    pub(crate) fn open(&self, binding: Binding<'_>, sealed: &Sealed) -> Result<SecretSlice<u8>> {
        let (nonce, message) = sealed.bytes.split_at_checked(NONCE_BYTES).ok_or(Error::Damaged)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| Error::Damaged)?;
        let payload = Payload { msg: message, aad: &binding.bytes() };
        let value = self.cipher().decrypt(&nonce.into(), payload).map_err(|_| Error::Damaged)?;
        Ok(value.into())
    }
}
