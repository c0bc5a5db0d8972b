//! The session to which a connection is bound.

use rsa::signature::Verifier as _;
use ssh_key::Signature;

use crate::{HostKeys, Refusal, login::Login, message::BindRequest};

/// The longest id of a session in bytes: that of the longest hash that key exchanges use, twice.
const MOST_SESSION_BYTES: usize = 128;

/// A session at the agent's host.
#[derive(Debug)]
pub(crate) struct Session {
    id: Vec<u8>,
    host_key: Vec<u8>,
}

impl Session {
    /// The session that a request proves.
    pub(crate) fn prove(request: BindRequest, hosts: &HostKeys) -> Result<Self, Refusal> {
        if request.forwarding {
            return Err(Refusal::Forwarded);
        }
        let key = hosts.find(&request.host_key).ok_or(Refusal::OtherHost)?;
        if !(1..=MOST_SESSION_BYTES).contains(&request.session.len()) {
            return Err(Refusal::InvalidProof);
        }
        let signature = Signature::try_from(request.signature.as_slice()).map_err(|_| Refusal::InvalidProof)?;
        key.verify(&request.session, &signature).map_err(|_| Refusal::InvalidProof)?;
        Ok(Self { id: request.session, host_key: request.host_key })
    }

    /// Whether a login is one in this session.
    pub(crate) fn holds(&self, login: &Login) -> bool {
        login.session == self.id && login.host_key.as_ref().is_none_or(|key| *key == self.host_key)
    }
}
