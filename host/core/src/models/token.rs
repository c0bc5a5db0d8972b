//! The token by which a mission's processes ask models. It opens nothing but the gateway, and that only while a turn of the
//! mission is under way.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sandboxed_model::MissionId;
use secrecy::{ExposeSecret as _, SecretBox, SecretString};
use sha2::Sha256;

/// What every token begins with, so that one that was found somewhere is known for what it is.
const PREFIX: &str = "sbxm_";
/// Bytes of a mission's id, and of what proves that the server wrote it beside: half of a SHA-256.
const ID: usize = 16;
const PROOF: usize = 16;

/// Makes tokens and tells whose they are.
pub(crate) struct Tokens {
    key: SecretBox<[u8; 32]>,
}

impl Tokens {
    /// With a key that nobody else has.
    pub(crate) fn new(key: SecretBox<[u8; 32]>) -> Self {
        Self { key }
    }

    /// The token of a mission.
    pub(crate) fn of(&self, mission: MissionId) -> SecretString {
        let id = mission.as_bytes();
        let proof = self.mac(id).finalize().into_bytes();
        let bytes = [id.as_slice(), &proof[..PROOF]].concat();
        format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes)).into()
    }

    /// The mission whose token this is; none where the server did not make it.
    pub(crate) fn mission(&self, token: &SecretString) -> Option<MissionId> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token.expose_secret().strip_prefix(PREFIX)?).ok()?;
        let (id, proof) = bytes.split_at_checked(ID)?;
        if proof.len() != PROOF {
            return None;
        }
        self.mac(id).verify_truncated_left(proof).ok()?;
        Some(MissionId::from_bytes(id.try_into().ok()?))
    }

    fn mac(&self, id: &[u8]) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.key.expose_secret()).expect("a key of any length is one for HMAC");
        mac.update(b"sandboxed.sh models\0");
        mac.update(id);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(key: u8) -> Tokens {
        Tokens::new(SecretBox::new(Box::new([key; 32])))
    }

    #[test]
    fn a_token_tells_its_mission() {
        let mission = MissionId::new();

        assert_eq!(tokens(1).mission(&tokens(1).of(mission)), Some(mission));
    }

    #[test]
    fn what_the_server_did_not_make_is_nobodys_token() {
        let token = tokens(1).of(MissionId::new());
        let token = token.expose_secret();
        let last = if token.ends_with('A') { "B" } else { "A" };
        let other = format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode([0_u8; ID]));

        for wrong in
            ["", PREFIX, "sbx_abc", &token[..token.len() - 1], &format!("{}{last}", &token[..token.len() - 2]), &other]
        {
            assert_eq!(tokens(1).mission(&wrong.into()), None, "{wrong}");
        }
        assert_eq!(tokens(2).mission(&token.into()), None, "with another server's key");
    }
}
