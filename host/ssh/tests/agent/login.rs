//! `ssh` logs in through the agent.

use sandboxed_ssh::{Key, Use};

use crate::setup::{Served, Sshd, expect_failure, expect_success, folder, key, key_file, user};

const SIGNED: &str = "deploy";

fn signed() -> Use {
    Use::Signed { key: SIGNED.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_logs_in_with_a_key_of_every_kind() {
    for kind in [
        &["-t", "ed25519"][..],
        &["-t", "ecdsa", "-b", "256"],
        &["-t", "ecdsa", "-b", "384"],
        &["-t", "rsa", "-b", "2048"],
    ] {
        let (folder, user) = (folder(), user().await);
        let file = folder.path().join("key");
        key_file(&file, kind, "").await;
        let sshd = Sshd::start(&["-t", "ed25519"], &file.with_extension("pub")).await;
        let agent = Served::new(vec![key(&file)], sshd.host_keys(), &user);

        let output = sshd.login(&agent, &user, &[], "echo in by $SSH_CONNECTION").await;

        assert!(expect_success(&output).starts_with("in by 127.0.0.1"), "{kind:?}");
        assert_eq!(agent.told(), [signed()], "{kind:?}");
        assert_eq!(agent.agent.signatures(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_proves_itself_with_a_key_of_every_kind() {
    let (folder, user) = (folder(), user().await);
    let file = folder.path().join("key");
    key_file(&file, &["-t", "ed25519"], "").await;
    for (kind, algorithm) in [
        (&["-t", "ecdsa", "-b", "256"][..], "ecdsa-sha2-nistp256"),
        (&["-t", "ecdsa", "-b", "384"], "ecdsa-sha2-nistp384"),
        (&["-t", "rsa", "-b", "2048"], "rsa-sha2-256"),
        (&["-t", "rsa", "-b", "2048"], "rsa-sha2-512"),
    ] {
        let sshd = Sshd::start(kind, &file.with_extension("pub")).await;
        let agent = Served::new(vec![key(&file)], sshd.host_keys(), &user);

        let option = format!("HostKeyAlgorithms={algorithm}");
        let output = sshd.login(&agent, &user, &["-o", &option], "true").await;

        expect_success(&output);
        assert_eq!(agent.told(), [signed()], "{algorithm}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ways_to_log_in_with_a_key_are_signed() {
    let (folder, user) = (folder(), user().await);
    let file = folder.path().join("key");
    key_file(&file, &["-t", "rsa", "-b", "2048"], "").await;
    let sshd = Sshd::start(&["-t", "ed25519"], &file.with_extension("pub")).await;
    let agent = Served::new(vec![key(&file)], sshd.host_keys(), &user);

    for options in [
        ["-o", "PubkeyAuthentication=unbound", "-o", "PubkeyAcceptedAlgorithms=rsa-sha2-256"],
        ["-o", "PubkeyAuthentication=host-bound", "-o", "PubkeyAcceptedAlgorithms=rsa-sha2-512"],
    ] {
        expect_success(&sshd.login(&agent, &user, &options, "true").await);
    }

    assert_eq!(agent.told(), [signed(), signed()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_key_logs_in_once_its_passphrase_opened_it() {
    let (folder, user) = (folder(), user().await);
    let file = folder.path().join("key");
    key_file(&file, &["-t", "ed25519", "-a", "2"], "correct horse").await;
    let sshd = Sshd::start(&["-t", "ed25519"], &file.with_extension("pub")).await;
    let opened = Key::from_openssh(SIGNED, &std::fs::read(&file).unwrap(), Some(b"correct horse")).unwrap();
    let agent = Served::new(vec![opened], sshd.host_keys(), &user);

    expect_success(&sshd.login(&agent, &user, &[], "true").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_logs_in_once_the_agent_has_ended() {
    let (folder, user) = (folder(), user().await);
    let file = folder.path().join("key");
    key_file(&file, &["-t", "ed25519"], "").await;
    let sshd = Sshd::start(&["-t", "ed25519"], &file.with_extension("pub")).await;
    let mut agent = Served::new(vec![key(&file)], sshd.host_keys(), &user);
    expect_success(&sshd.login(&agent, &user, &[], "true").await);

    agent.stop().await;

    assert!(expect_failure(&sshd.login(&agent, &user, &[], "true").await).contains("Permission denied"));
}
