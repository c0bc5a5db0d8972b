//! `git` over SSH.

use sandboxed_ssh::Use;
use tokio::process::Command;

use crate::setup::{Served, Sshd, expect_success, folder, key, key_file, run, run_with, user};

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_is_cloned_and_pushed_to() {
    let (folder, user) = (folder(), user().await);
    let at = folder.path();
    key_file(&at.join("key"), &["-t", "ed25519"], "").await;
    let sshd = Sshd::start(&["-t", "ed25519"], &at.join("key.pub")).await;
    let agent = Served::new(vec![key(&at.join("key"))], sshd.host_keys(), &user);
    let git = || {
        let mut git = Command::new("git");
        git.current_dir(at).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        git.env("GIT_SSH_COMMAND", sshd.ssh().join(" "));
        git
    };
    expect_success(&run(git().args(["init", "--quiet", "--bare", "--initial-branch=main", "bare.git"])).await);
    let url = format!("ssh://{user}@127.0.0.1{}/bare.git", at.display());

    expect_success(&run_with(&agent, git().args(["clone", "--quiet", &url, "work"])).await);
    std::fs::write(at.join("work/file"), "contents").unwrap();
    expect_success(&run(git().args(["-C", "work", "add", "file"])).await);
    let who = ["-c", "user.name=A Test", "-c", "user.email=test@example.org"];
    expect_success(&run(git().args(["-C", "work"]).args(who).args(["commit", "--quiet", "--message=A file"])).await);
    expect_success(&run_with(&agent, git().args(["-C", "work", "push", "--quiet", "origin", "HEAD:main"])).await);

    let shown = expect_success(&run(git().args(["-C", "bare.git", "show", "main:file"])).await);
    assert_eq!(shown, "contents");
    assert_eq!(agent.told(), vec![Use::Signed { key: "deploy".to_owned() }; 2]);
}
