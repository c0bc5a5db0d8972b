//! A client that can send what OpenSSH's does not, and a host whose sessions it can prove.

use std::path::Path;

use rsa::signature::Signer as _;
use sandboxed_ssh::HostKeys;
use ssh_key::{PrivateKey, Signature, encoding::Encode as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    time::timeout,
};

use crate::setup::DEADLINE;

pub(crate) const FAILURE: u8 = 5;
pub(crate) const SUCCESS: u8 = 6;
pub(crate) const IDENTITIES: u8 = 12;
pub(crate) const SIGNATURE: u8 = 14;

/// Fields one after the other, each with its length before it.
pub(crate) fn strings(fields: &[&[u8]]) -> Vec<u8> {
    let mut all = Vec::new();
    for field in fields {
        field.encode(&mut all).unwrap();
    }
    all
}

/// A host of which only the key is real.
pub(crate) struct Host {
    key: PrivateKey,
}

impl Host {
    pub(crate) fn with(file: &Path) -> Self {
        Self { key: PrivateKey::from_openssh(std::fs::read(file).unwrap()).unwrap() }
    }

    pub(crate) fn keys(&self) -> HostKeys {
        let line = format!("git.example.org {}", self.key.public_key().to_openssh().unwrap());
        HostKeys::of("git.example.org", 22, &line).unwrap()
    }

    pub(crate) fn blob(&self) -> Vec<u8> {
        self.key.public_key().to_bytes().unwrap()
    }

    /// A message that binds to the session what was signed for the session `signed`.
    pub(crate) fn bind(&self, session: &[u8], signed: &[u8], forwarding: bool) -> Vec<u8> {
        let signature: Signature = self.key.try_sign(signed).unwrap();
        let signature = signature.encode_vec().unwrap();
        let fields = strings(&[b"session-bind@openssh.com", &self.blob(), session, &signature]);
        [&[27][..], &fields, &[u8::from(forwarding)]].concat()
    }
}

/// The data of a login with a key.
pub(crate) fn login(session: &[u8], user: &str, algorithm: &str, key: &[u8]) -> Vec<u8> {
    login_by("publickey", session, user, algorithm, &[key])
}

/// The same where it names the host's key besides.
pub(crate) fn host_bound_login(session: &[u8], user: &str, algorithm: &str, key: &[u8], host_key: &[u8]) -> Vec<u8> {
    login_by("publickey-hostbound-v00@openssh.com", session, user, algorithm, &[key, host_key])
}

fn login_by(method: &str, session: &[u8], user: &str, algorithm: &str, keys: &[&[u8]]) -> Vec<u8> {
    let before = strings(&[session]);
    let middle = strings(&[user.as_bytes(), b"ssh-connection", method.as_bytes()]);
    let after = strings(&[&[algorithm.as_bytes()], keys].concat());
    [&before, &[50][..], &middle, &[1], &after].concat()
}

/// A message that asks for a signature.
pub(crate) fn sign(key: &[u8], data: &[u8], flags: u32) -> Vec<u8> {
    [&[13][..], &strings(&[key, data]), &flags.to_be_bytes()].concat()
}

/// A connection to the agent.
pub(crate) struct Client(UnixStream);

impl Client {
    pub(crate) async fn connect(socket: &Path) -> Self {
        Self(UnixStream::connect(socket).await.unwrap())
    }

    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) {
        // The agent may have cut the connection already, which the answer tells.
        let _ = self.0.write_all(bytes).await;
    }

    /// The kind of the answer to a message; none where the connection was closed.
    pub(crate) async fn ask(&mut self, message: &[u8]) -> Option<u8> {
        self.send_raw(&strings(&[message])).await;
        self.answer().await
    }

    pub(crate) async fn answer(&mut self) -> Option<u8> {
        let read = async {
            let length = self.0.read_u32().await.ok()?;
            let mut answer = vec![0; length as usize];
            self.0.read_exact(&mut answer).await.ok()?;
            answer.first().copied()
        };
        timeout(DEADLINE, read).await.expect("the agent answers or closes the connection")
    }
}
