//! What may be signed: a request to log in with a key.

use ssh_key::encoding::{Decode as _, Reader as _, Result};

/// `SSH_MSG_USERAUTH_REQUEST` of RFC 4252.
const USERAUTH_REQUEST: u8 = 50;
const SERVICE: &str = "ssh-connection";
const METHOD: &str = "publickey";
/// OpenSSH's method that names the host's key besides.
const HOST_BOUND_METHOD: &str = "publickey-hostbound-v00@openssh.com";

/// A request to log in with a key: what a client signs by RFC 4252, section 7.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) session: Vec<u8>,
    pub(crate) user: String,
    /// How the signature is to be made.
    pub(crate) algorithm: String,
    /// The public key.
    pub(crate) key: Vec<u8>,
    /// The host's key, where the request names it.
    pub(crate) host_key: Option<Vec<u8>>,
}

impl Login {
    /// Reads the data of a signature; none where they are anything but a whole login.
    pub(crate) fn parse(data: &[u8]) -> Option<Self> {
        Self::decode(data).ok().flatten()
    }

    fn decode(mut data: &[u8]) -> Result<Option<Self>> {
        let reader = &mut data;
        let session = Vec::decode(reader)?;
        let kind = u8::decode(reader)?;
        let user = String::decode(reader)?;
        let service = String::decode(reader)?;
        let method = String::decode(reader)?;
        // RFC 4252 has the byte 1 here; another true value would be another message to sign.
        let signed = u8::decode(reader)?;
        if kind != USERAUTH_REQUEST || service != SERVICE || signed != 1 {
            return Ok(None);
        }
        let algorithm = String::decode(reader)?;
        let key = Vec::decode(reader)?;
        let host_key = match method.as_str() {
            METHOD => None,
            HOST_BOUND_METHOD => Some(Vec::decode(reader)?),
            _ => return Ok(None),
        };
        reader.ensure_finished()?;
        Ok(Some(Self { session, user, algorithm, key, host_key }))
    }
}

#[cfg(test)]
mod tests {
    use ssh_key::encoding::Encode as _;

    use super::*;

    fn login(kind: u8, service: &str, method: &str, signed: u8, host_key: Option<&str>) -> Vec<u8> {
        let mut data = Vec::new();
        "session".encode(&mut data).unwrap();
        data.push(kind);
        for text in ["git", service, method] {
            text.encode(&mut data).unwrap();
        }
        data.push(signed);
        "ssh-ed25519".encode(&mut data).unwrap();
        "key".encode(&mut data).unwrap();
        if let Some(host_key) = host_key {
            host_key.encode(&mut data).unwrap();
        }
        data
    }

    #[test]
    fn a_login_is_read_with_and_without_the_hosts_key() {
        let plain = Login::parse(&login(50, SERVICE, METHOD, 1, None)).unwrap();
        let expected = Login {
            session: b"session".to_vec(),
            user: "git".to_owned(),
            algorithm: "ssh-ed25519".to_owned(),
            key: b"key".to_vec(),
            host_key: None,
        };
        assert_eq!(plain, expected);
        let bound = Login::parse(&login(50, SERVICE, HOST_BOUND_METHOD, 1, Some("host"))).unwrap();
        assert_eq!(bound, Login { host_key: Some(b"host".to_vec()), ..expected });
    }

    #[test]
    fn anything_but_a_whole_login_is_none() {
        let whole = login(50, SERVICE, METHOD, 1, None);
        for end in 0..whole.len() {
            assert_eq!(Login::parse(&whole[..end]), None);
        }
        for data in [
            login(51, SERVICE, METHOD, 1, None),
            login(50, "ssh-userauth", METHOD, 1, None),
            login(50, SERVICE, "hostbased", 1, None),
            login(50, SERVICE, METHOD, 0, None),
            login(50, SERVICE, METHOD, 2, None),
            login(50, SERVICE, METHOD, 1, Some("trailing")),
            login(50, SERVICE, HOST_BOUND_METHOD, 1, None),
            // What `ssh-keygen -Y sign` asks an agent to sign.
            b"SSHSIG\0\0\0\x04file\0\0\0\0".to_vec(),
        ] {
            assert_eq!(Login::parse(&data), None);
        }
    }
}
