//! What the real clients are refused.

use sandboxed_ssh::{Limits, Refusal, Use};
use tokio::process::Command;

use crate::setup::{Served, Sshd, expect_failure, expect_success, folder, key, key_file, run_with, user};

#[tokio::test(flavor = "multi_thread")]
async fn another_host_gets_no_signature() {
    let (folder, user) = (folder(), user().await);
    let file = folder.path().join("key");
    key_file(&file, &["-t", "ed25519"], "").await;
    let own = Sshd::start(&["-t", "ed25519"], &file.with_extension("pub")).await;
    let other = Sshd::start(&["-t", "ed25519"], &file.with_extension("pub")).await;
    let agent = Served::new(vec![key(&file)], own.host_keys(), &user);

    let output = other.login(&agent, &user, &[], "true").await;

    assert!(expect_failure(&output).contains("Permission denied"));
    assert_eq!(agent.told(), [Use::Refused(Refusal::OtherHost), Use::Refused(Refusal::NotBound)]);
    assert_eq!(agent.agent.signatures(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_user_gets_no_signature() {
    let (folder, user) = (folder(), user().await);
    let file = folder.path().join("key");
    key_file(&file, &["-t", "ed25519"], "").await;
    let sshd = Sshd::start(&["-t", "ed25519"], &file.with_extension("pub")).await;
    let agent = Served::new(vec![key(&file)], sshd.host_keys(), "git");

    // The host says that it would take the key, so the client asks for the signature.
    let output = sshd.login(&agent, &user, &[], "true").await;

    expect_failure(&output);
    assert_eq!(agent.told(), [Use::Refused(Refusal::OtherUser)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_forwarded_signs_nothing_over_there() {
    let (folder, user) = (folder(), user().await);
    let file = folder.path().join("key");
    key_file(&file, &["-t", "ed25519"], "").await;
    let sshd = Sshd::start(&["-t", "ed25519"], &file.with_extension("pub")).await;
    let agent = Served::new(vec![key(&file)], sshd.host_keys(), &user);

    let inner = format!("{} -l {user} 127.0.0.1 echo twice", sshd.ssh().join(" "));
    let output = sshd.login(&agent, &user, &["-A"], &inner).await;

    assert!(expect_failure(&output).contains("Permission denied"));
    let told = agent.told();
    assert_eq!(told[0], Use::Signed { key: "deploy".to_owned() });
    assert!(told[1..].contains(&Use::Refused(Refusal::Forwarded)), "{told:?}");
    assert!(told[1..].contains(&Use::Refused(Refusal::NotBound)), "{told:?}");
    assert_eq!(agent.agent.signatures(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_can_be_listed_and_neither_added_nor_removed() {
    let (folder, user) = (folder(), user().await);
    let (file, other) = (folder.path().join("key"), folder.path().join("other"));
    key_file(&file, &["-t", "ed25519"], "").await;
    key_file(&other, &["-t", "ed25519"], "").await;
    let sshd = Sshd::start(&["-t", "ed25519"], &file.with_extension("pub")).await;
    let agent = Served::new(vec![key(&file)], sshd.host_keys(), &user);
    let listed = expect_success(&run_with(&agent, Command::new("ssh-add").arg("-L")).await);
    let public = std::fs::read_to_string(file.with_extension("pub")).unwrap();
    assert_eq!(listed.split_whitespace().nth(1), public.split_whitespace().nth(1));
    assert!(listed.ends_with(" deploy\n"), "{listed}");

    expect_failure(&run_with(&agent, Command::new("ssh-add").arg("-D")).await);
    expect_failure(&run_with(&agent, Command::new("ssh-add").arg("-d").arg(&file)).await);
    expect_failure(&run_with(&agent, Command::new("ssh-add").arg(&other)).await);

    assert_eq!(expect_success(&run_with(&agent, Command::new("ssh-add").arg("-L")).await), listed);
    expect_success(&sshd.login(&agent, &user, &[], "true").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_not_signed() {
    let folder = folder();
    let (file, signed) = (folder.path().join("key"), folder.path().join("signed"));
    key_file(&file, &["-t", "ed25519"], "").await;
    let sshd = Sshd::start(&["-t", "ed25519"], &file.with_extension("pub")).await;
    let agent = Served::new(vec![key(&file)], sshd.host_keys(), "git");
    std::fs::write(&signed, "a text").unwrap();
    std::fs::remove_file(&file).unwrap();

    let mut sign = Command::new("ssh-keygen");
    sign.args(["-Y", "sign", "-n", "file", "-f"]).arg(file.with_extension("pub")).arg(&signed);
    expect_failure(&run_with(&agent, &mut sign).await);

    assert_eq!(agent.told(), [Use::Refused(Refusal::NotBound)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_logins_are_signed_than_the_agent_may() {
    let (folder, user) = (folder(), user().await);
    let file = folder.path().join("key");
    key_file(&file, &["-t", "ed25519"], "").await;
    let sshd = Sshd::start(&["-t", "ed25519"], &file.with_extension("pub")).await;
    let limits = Limits { signatures: 1, told_refusals: 1, ..Limits::default() };
    let agent = Served::limited(vec![key(&file)], sshd.host_keys(), &user, limits);
    expect_success(&sshd.login(&agent, &user, &[], "true").await);

    expect_failure(&sshd.login(&agent, &user, &[], "true").await);
    expect_failure(&sshd.login(&agent, &user, &[], "true").await);

    // The third is not told: one refusal was.
    assert_eq!(agent.told(), [Use::Signed { key: "deploy".to_owned() }, Use::Refused(Refusal::Spent)]);
    assert_eq!(agent.agent.signatures(), 1);
}
