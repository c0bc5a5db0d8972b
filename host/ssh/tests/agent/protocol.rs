//! Messages that no honest client sends.

use std::time::Duration;

use sandboxed_ssh::{Limits, Refusal, Use};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::{
    setup::{DEADLINE, Served, folder, key, key_file},
    wire::{Client, FAILURE, Host, IDENTITIES, SIGNATURE, SUCCESS, host_bound_login, login, sign},
};

const SESSION: &[u8] = b"a session of thirty-two bytes ...";
const OTHER: &[u8] = b"another session of that length ..";
const LIST: &[u8] = &[11];

/// An agent for a host of which the test has the key.
struct Scene {
    host: Host,
    other_host: Host,
    agent: Served,
    /// The public key of the agent's.
    blob: Vec<u8>,
    _folder: TempDir,
}

async fn scene(kind: &[&str], limits: Limits) -> Scene {
    let folder = folder();
    let [file, host, other_host] = ["key", "host", "other"].map(|name| folder.path().join(name));
    key_file(&file, kind, "").await;
    key_file(&host, &["-t", "ed25519"], "").await;
    key_file(&other_host, &["-t", "ed25519"], "").await;
    let (host, other_host, blob) = (Host::with(&host), Host::with(&other_host), Host::with(&file).blob());
    let agent = Served::limited(vec![key(&file)], host.keys(), "git", limits);
    Scene { host, other_host, agent, blob, _folder: folder }
}

impl Scene {
    async fn connect(&self) -> Client {
        Client::connect(&self.agent.socket).await
    }

    async fn bound(&self) -> Client {
        let mut client = self.connect().await;
        assert_eq!(client.ask(&self.host.bind(SESSION, SESSION, false)).await, Some(SUCCESS));
        client
    }

    fn login(&self) -> Vec<u8> {
        sign(&self.blob, &login(SESSION, "git", "ssh-ed25519", &self.blob), 0)
    }

    fn last_refusal(&self) -> Refusal {
        match self.agent.told().last() {
            Some(Use::Refused(refusal)) => *refusal,
            told => panic!("no refusal was told: {told:?}"),
        }
    }
}

#[tokio::test]
async fn a_login_in_the_proven_session_is_signed() {
    let scene = scene(&["-t", "ed25519"], Limits::default()).await;
    assert_eq!(scene.bound().await.ask(&scene.login()).await, Some(SIGNATURE));
}

#[tokio::test]
async fn nothing_is_signed_before_a_session_is_proven() {
    let scene = scene(&["-t", "ed25519"], Limits::default()).await;
    let mut client = scene.connect().await;
    assert_eq!(client.ask(&scene.login()).await, Some(FAILURE));
    assert_eq!(scene.last_refusal(), Refusal::NotBound);
    // One connection's session is not another's.
    let _bound = scene.bound().await;
    assert_eq!(client.ask(&scene.login()).await, Some(FAILURE));
}

#[tokio::test]
async fn a_proof_that_is_not_the_hosts_binds_nothing() {
    let scene = scene(&["-t", "ed25519"], Limits::default()).await;
    let mut borrowed = scene.other_host.bind(SESSION, SESSION, false);
    // The host's key with the signature of another: the same lengths, so the bytes can be put in place.
    let at = 1 + 4 + b"session-bind@openssh.com".len() + 4;
    borrowed[at..at + scene.host.blob().len()].copy_from_slice(&scene.host.blob());
    for (proof, refusal) in [
        (scene.other_host.bind(SESSION, SESSION, false), Refusal::OtherHost),
        (borrowed, Refusal::InvalidProof),
        (scene.host.bind(SESSION, OTHER, false), Refusal::InvalidProof),
        (scene.host.bind(b"", b"", false), Refusal::InvalidProof),
        (scene.host.bind(&[7; 129], &[7; 129], false), Refusal::InvalidProof),
        (scene.host.bind(SESSION, SESSION, true), Refusal::Forwarded),
    ] {
        let mut client = scene.connect().await;
        assert_eq!(client.ask(&proof).await, Some(FAILURE));
        assert_eq!(scene.last_refusal(), refusal);
        // There is no second try, also with a proof that is good.
        assert_eq!(client.ask(&scene.host.bind(SESSION, SESSION, false)).await, Some(FAILURE));
        assert_eq!(scene.last_refusal(), Refusal::BoundBefore);
        assert_eq!(client.ask(&scene.login()).await, Some(FAILURE));
        assert_eq!(scene.last_refusal(), Refusal::NotBound);
    }
    assert_eq!(scene.agent.agent.signatures(), 0);
}

#[tokio::test]
async fn a_bound_connection_is_not_bound_again() {
    let scene = scene(&["-t", "ed25519"], Limits::default()).await;
    let mut client = scene.bound().await;
    assert_eq!(client.ask(&scene.host.bind(OTHER, OTHER, false)).await, Some(FAILURE));
    assert_eq!(client.ask(&scene.login()).await, Some(FAILURE));
    assert_eq!(scene.last_refusal(), Refusal::NotBound);
}

#[tokio::test]
async fn only_a_login_of_the_user_in_the_session_with_the_key_is_signed() {
    let scene = scene(&["-t", "ed25519"], Limits::default()).await;
    let blob = &scene.blob;
    let mut client = scene.bound().await;
    let other_key = scene.other_host.blob();
    for (data, refusal) in [
        (login(OTHER, "git", "ssh-ed25519", blob), Refusal::OtherSession),
        (host_bound_login(SESSION, "git", "ssh-ed25519", blob, &other_key), Refusal::OtherSession),
        (login(SESSION, "root", "ssh-ed25519", blob), Refusal::OtherUser),
        (login(SESSION, "git\0", "ssh-ed25519", blob), Refusal::OtherUser),
        (login(SESSION, "git", "ssh-ed25519", &other_key), Refusal::NotLogin),
        (login(SESSION, "git", "ssh-rsa", blob), Refusal::NotLogin),
        (b"anything at all".to_vec(), Refusal::NotLogin),
        (Vec::new(), Refusal::NotLogin),
    ] {
        assert_eq!(client.ask(&sign(blob, &data, 0)).await, Some(FAILURE));
        assert_eq!(scene.last_refusal(), refusal);
    }
    let data = login(SESSION, "git", "ssh-ed25519", &other_key);
    assert_eq!(client.ask(&sign(&other_key, &data, 0)).await, Some(FAILURE));
    assert_eq!(scene.last_refusal(), Refusal::UnknownKey);
    assert_eq!(client.ask(&scene.login()).await, Some(SIGNATURE));
    let data = host_bound_login(SESSION, "git", "ssh-ed25519", blob, &scene.host.blob());
    assert_eq!(client.ask(&sign(blob, &data, 0)).await, Some(SIGNATURE));
}

#[tokio::test]
async fn an_rsa_key_never_signs_with_sha_1() {
    let scene = scene(&["-t", "rsa", "-b", "2048"], Limits::default()).await;
    let blob = &scene.blob;
    let mut client = scene.bound().await;
    for (algorithm, flags, refusal) in [
        ("ssh-rsa", 0, Refusal::UnsupportedAlgorithm),
        ("rsa-sha2-256", 8, Refusal::UnsupportedAlgorithm),
        ("ssh-rsa", 2, Refusal::NotLogin),
        ("rsa-sha2-512", 2, Refusal::NotLogin),
        ("rsa-sha2-256", 4, Refusal::NotLogin),
    ] {
        assert_eq!(client.ask(&sign(blob, &login(SESSION, "git", algorithm, blob), flags)).await, Some(FAILURE));
        assert_eq!(scene.last_refusal(), refusal, "{algorithm} {flags}");
    }
    for (algorithm, flags) in [("rsa-sha2-256", 2), ("rsa-sha2-512", 4)] {
        assert_eq!(client.ask(&sign(blob, &login(SESSION, "git", algorithm, blob), flags)).await, Some(SIGNATURE));
    }
}

#[tokio::test]
async fn a_message_that_is_none_ends_its_own_connection_only() {
    let scene = scene(&["-t", "ed25519"], Limits::default()).await;
    let mut honest = scene.connect().await;
    assert_eq!(honest.ask(LIST).await, Some(IDENTITIES));
    for bytes in [
        &[0, 0, 0, 0][..],
        &[0xff; 8],
        &[0, 4, 0, 1],
        &[0, 0, 0, 2, 11, 0],
        &[0, 0, 0, 5, 13, 0xff, 0xff, 0xff, 0xff],
        &[0, 0, 0, 1, 27],
    ] {
        let mut client = scene.connect().await;
        client.send_raw(bytes).await;
        assert_eq!(client.answer().await, None, "{bytes:?}");
    }
    assert_eq!(honest.ask(LIST).await, Some(IDENTITIES));
}

#[tokio::test]
async fn a_message_as_long_as_they_may_be_is_answered() {
    let limits = Limits::default();
    let scene = scene(&["-t", "ed25519"], limits).await;
    let mut client = scene.connect().await;
    assert_eq!(client.ask(&vec![99; limits.message_bytes]).await, Some(FAILURE));
    assert_eq!(client.ask(&vec![99; limits.message_bytes + 1]).await, None);
}

#[tokio::test]
async fn connections_over_the_limit_are_cut_off_until_one_ends() {
    let scene = scene(&["-t", "ed25519"], Limits { connections: 1, ..Limits::default() }).await;
    let mut first = scene.connect().await;
    assert_eq!(first.ask(LIST).await, Some(IDENTITIES));
    assert_eq!(scene.connect().await.ask(LIST).await, None);
    drop(first);
    let served = async { while scene.connect().await.ask(LIST).await.is_none() {} };
    timeout(DEADLINE, served).await.expect("the place of the first is free again");
}

#[tokio::test]
async fn a_client_that_says_nothing_or_half_of_something_is_cut_off() {
    let scene = scene(&["-t", "ed25519"], Limits { idle_time: Duration::from_millis(50), ..Limits::default() }).await;
    assert_eq!(scene.connect().await.answer().await, None);
    let mut half = scene.connect().await;
    half.send_raw(&[0, 0, 0, 9, 11]).await;
    assert_eq!(half.answer().await, None);
}

#[tokio::test]
async fn open_connections_end_with_the_agent() {
    let mut scene = scene(&["-t", "ed25519"], Limits::default()).await;
    let mut client = scene.connect().await;
    assert_eq!(client.ask(LIST).await, Some(IDENTITIES));
    scene.agent.stop().await;
    assert_eq!(client.answer().await, None);
}
