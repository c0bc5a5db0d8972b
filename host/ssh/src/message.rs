//! The messages of the agent's protocol (draft-ietf-sshm-ssh-agent) of which the agent knows.

use ssh_key::encoding::{self, Decode as _, Encode as _, Reader as _};
use tokio::io::{self, AsyncRead, AsyncReadExt as _};
use zeroize::Zeroizing;

use crate::Key;

const FAILURE: u8 = 5;
const SUCCESS: u8 = 6;
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
const EXTENSION: u8 = 27;
const SESSION_BIND: &str = "session-bind@openssh.com";

/// What a client asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Identities,
    Sign(SignRequest),
    Bind(BindRequest),
    /// Anything else: to add a key, to lock the agent, another extension …
    Other,
}

/// To sign data.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SignRequest {
    /// The public key.
    pub(crate) key: Vec<u8>,
    pub(crate) data: Vec<u8>,
    pub(crate) flags: u32,
}

/// To bind the connection to a session (OpenSSH's PROTOCOL.agent, section 1).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BindRequest {
    pub(crate) host_key: Vec<u8>,
    pub(crate) session: Vec<u8>,
    /// The host's, of the session.
    pub(crate) signature: Vec<u8>,
    pub(crate) forwarding: bool,
}

impl Request {
    /// Reads a message without its length.
    pub(crate) fn parse(mut message: &[u8]) -> encoding::Result<Self> {
        let reader = &mut message;
        let request = match u8::decode(reader)? {
            REQUEST_IDENTITIES => Self::Identities,
            SIGN_REQUEST => Self::Sign(SignRequest {
                key: Vec::decode(reader)?,
                data: Vec::decode(reader)?,
                flags: u32::decode(reader)?,
            }),
            EXTENSION if String::decode(reader)? == SESSION_BIND => Self::Bind(BindRequest {
                host_key: Vec::decode(reader)?,
                session: Vec::decode(reader)?,
                signature: Vec::decode(reader)?,
                forwarding: bool::decode(reader)?,
            }),
            _ => return Ok(Self::Other),
        };
        reader.ensure_finished()?;
        Ok(request)
    }
}

/// What the client is answered.
#[derive(Debug)]
pub(crate) enum Answer<'a> {
    Success,
    Failure,
    Identities(&'a [Key]),
    Signature(Vec<u8>),
}

impl Answer<'_> {
    /// The message with its length.
    pub(crate) fn encode(&self) -> encoding::Result<Vec<u8>> {
        let mut body = Vec::new();
        match self {
            Self::Success => body.push(SUCCESS),
            Self::Failure => body.push(FAILURE),
            Self::Identities(keys) => {
                body.push(IDENTITIES_ANSWER);
                keys.len().encode(&mut body)?;
                for key in *keys {
                    key.blob().encode(&mut body)?;
                    key.name().encode(&mut body)?;
                }
            }
            Self::Signature(signature) => {
                body.push(SIGN_RESPONSE);
                signature.encode(&mut body)?;
            }
        }
        let mut message = Vec::with_capacity(4 + body.len());
        body.encode(&mut message)?;
        Ok(message)
    }
}

/// Reads the next message; none where the client has ended. It is overwritten when it is dropped: it may carry a key that
/// somebody wanted to add.
pub(crate) async fn read<S: AsyncRead + Unpin>(stream: &mut S, most: usize) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let length = match stream.read_u32().await {
        Ok(length) => usize::try_from(length).unwrap_or(usize::MAX),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    };
    if length == 0 || length > most {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the length of a message is out of bounds"));
    }
    let mut message = Zeroizing::new(vec![0; length]);
    stream.read_exact(&mut message).await?;
    Ok(Some(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind() -> Vec<u8> {
        let mut message = vec![EXTENSION];
        for text in [SESSION_BIND, "key", "session", "signature"] {
            text.encode(&mut message).unwrap();
        }
        message.push(1);
        message
    }

    #[test]
    fn a_message_is_read_whole_or_not_at_all() {
        let message = bind();
        let expected = BindRequest {
            host_key: b"key".to_vec(),
            session: b"session".to_vec(),
            signature: b"signature".to_vec(),
            forwarding: true,
        };
        assert_eq!(Request::parse(&message), Ok(Request::Bind(expected)));
        for end in 0..message.len() {
            Request::parse(&message[..end]).unwrap_err();
        }
        Request::parse(&[message.as_slice(), &[0]].concat()).unwrap_err();
        Request::parse(&[REQUEST_IDENTITIES, 0]).unwrap_err();
    }

    #[test]
    fn what_the_agent_does_not_know_is_not_looked_into() {
        for message in
            [&[17, 1, 2, 3][..], &[19], &[22, 255], &[EXTENSION, 0, 0, 0, 5, b'q', b'u', b'e', b'r', b'y', 9]]
        {
            assert_eq!(Request::parse(message), Ok(Request::Other));
        }
    }
}
