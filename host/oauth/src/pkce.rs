//! What ties the end of a sign-in to its beginning.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The method by which a challenge is made of a verifier (RFC 7636, section 4.2).
pub(crate) const CHALLENGE_METHOD: &str = "S256";

/// 256 random bits as text: what RFC 7636 wants of a verifier (section 4.1), and plenty for a state.
pub(crate) fn random_text() -> SecretString {
    let bytes = Zeroizing::new(rand::random::<[u8; 32]>());
    BASE64_URL_SAFE_NO_PAD.encode(*bytes).into()
}

/// The challenge of a verifier.
pub(crate) fn challenge(verifier: &SecretString) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose_secret()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_rfcs_example() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned().into();
        assert_eq!(challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn no_two_are_the_same() {
        let (first, second) = (random_text(), random_text());
        assert_eq!(first.expose_secret().len(), 43);
        assert_ne!(first.expose_secret(), second.expose_secret());
    }
}
