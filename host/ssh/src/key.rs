//! One private key.

use std::fmt;

use rsa::{
    pkcs1v15,
    signature::{SignatureEncoding as _, Signer as _},
};
use ssh_key::{
    Algorithm, EcdsaCurve, HashAlg, Kdf, PrivateKey, Signature,
    private::KeypairData,
    sha2::{Sha256, Sha512},
};

use crate::{Error, Result};

/// `SSH_AGENT_RSA_SHA2_256` and `SSH_AGENT_RSA_SHA2_512` of the agent's protocol.
const RSA_SHA2_256: u32 = 2;
const RSA_SHA2_512: u32 = 4;
/// Bits of an RSA key. Fewer are not safe (NIST SP 800-57), and no server takes more.
const RSA_BITS: std::ops::RangeInclusive<u32> = 2048..=8192;
/// The most rounds of bcrypt with which a key may be encrypted. `ssh-keygen` takes 24 where it is not told otherwise.
const MOST_ROUNDS: u32 = 1024;

/// A private key with which logins are signed. It is shown nowhere, and overwritten when it is dropped.
pub struct Key {
    name: String,
    blob: Vec<u8>,
    secret: Secret,
}

enum Secret {
    /// Ed25519 or ECDSA.
    Curve(PrivateKey),
    Rsa {
        sha256: pkcs1v15::SigningKey<Sha256>,
        sha512: pkcs1v15::SigningKey<Sha512>,
    },
}

impl Key {
    /// The key out of a file of OpenSSH's (`-----BEGIN OPENSSH PRIVATE KEY-----`). The name is what it is called in lists
    /// of keys and in what is told.
    ///
    /// An encrypted key takes its time, some seconds at worst: call this where it may block.
    ///
    /// # Errors
    /// Where it is no such key, does not open, or is of a kind or size with which the agent does not sign.
    pub fn from_openssh(name: &str, file: &[u8], passphrase: Option<&[u8]>) -> Result<Self> {
        let name = name.to_owned();
        let Ok(read) = PrivateKey::from_openssh(file.trim_ascii()) else { return Err(Error::NoKey { name }) };
        let key = if read.is_encrypted() {
            let Some(passphrase) = passphrase else { return Err(Error::Encrypted { name }) };
            if let Kdf::Bcrypt { rounds, .. } = read.kdf()
                && *rounds > MOST_ROUNDS
            {
                return Err(Error::Rounds { name, rounds: *rounds });
            }
            read.decrypt(passphrase).map_err(|_| Error::Passphrase { name: name.clone() })?
        } else {
            read
        };
        let invalid = || Error::NoKey { name: name.clone() };
        let blob = key.public_key().to_bytes().map_err(|_| invalid())?;
        let secret = match key.algorithm() {
            Algorithm::Ed25519 | Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 | EcdsaCurve::NistP384 } => {
                Secret::Curve(key)
            }
            Algorithm::Rsa { .. } => {
                let KeypairData::Rsa(pair) = key.key_data() else { return Err(invalid()) };
                let bits = pair.key_size();
                if !RSA_BITS.contains(&bits) {
                    return Err(Error::Size { name, bits });
                }
                Secret::Rsa {
                    sha256: pair.try_into().map_err(|_| invalid())?,
                    sha512: pair.try_into().map_err(|_| invalid())?,
                }
            }
            other => return Err(Error::Kind { name, kind: other.as_str().to_owned() }),
        };
        Ok(Self { name, blob, secret })
    }

    /// What the key is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The public key as it is sent.
    pub(crate) fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// How to sign by the flags of a request; none where that would be with SHA-1 or is not known.
    pub(crate) fn algorithm(&self, flags: u32) -> Option<Algorithm> {
        if flags & !(RSA_SHA2_256 | RSA_SHA2_512) != 0 {
            return None;
        }
        match &self.secret {
            Secret::Curve(key) => Some(key.algorithm()),
            Secret::Rsa { .. } if flags & RSA_SHA2_256 != 0 => Some(Algorithm::Rsa { hash: Some(HashAlg::Sha256) }),
            Secret::Rsa { .. } if flags & RSA_SHA2_512 != 0 => Some(Algorithm::Rsa { hash: Some(HashAlg::Sha512) }),
            Secret::Rsa { .. } => None,
        }
    }

    /// The signature, as it is sent.
    pub(crate) fn sign(&self, algorithm: &Algorithm, data: &[u8]) -> Option<Vec<u8>> {
        let signature: Signature = match (&self.secret, algorithm) {
            (Secret::Curve(key), _) => key.try_sign(data).ok()?,
            (Secret::Rsa { sha256, .. }, Algorithm::Rsa { hash: Some(HashAlg::Sha256) }) => {
                Signature::new(algorithm.clone(), sha256.try_sign(data).ok()?.to_vec()).ok()?
            }
            (Secret::Rsa { sha512, .. }, Algorithm::Rsa { hash: Some(HashAlg::Sha512) }) => {
                Signature::new(algorithm.clone(), sha512.try_sign(data).ok()?.to_vec()).ok()?
            }
            (Secret::Rsa { .. }, _) => return None,
        };
        signature.try_into().ok()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key_of_openssh_is_refused_without_being_told() {
        for file in ["", "hunter2", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n"] {
            let error = Key::from_openssh("deploy", file.as_bytes(), None).unwrap_err();
            assert_eq!(error.to_string(), "the key deploy is no OpenSSH private key");
            assert_eq!(error.failure().code, "ssh.key_invalid");
        }
    }
}
