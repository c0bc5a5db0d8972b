//! Repositories over SSH, with a key that stays in the server.

use sandboxed_tests::{config, root};

use super::*;
use crate::sshd::Sshd;

/// The entry of a host in `[git.credentials]`.
fn entry(sshd: &Sshd, known_hosts: &str, more: &str) -> String {
    format!(
        "\"{}\" = {{ ssh_key = \"deploy\", known_hosts = \"{known_hosts}\", username = \"{}\"{more} }}",
        sshd.host(),
        sshd.user
    )
}

async fn server_with_entry(entry: &str, config: Option<String>) -> Server {
    let environment = vec![("SANDBOXED_SH__GIT__CREDENTIALS".to_owned(), format!("{{ {entry} }}"))];
    Server::start_with(Options { environment, config, ..Options::default() }).await
}

/// A server that has the key for this sshd, and knows it by its own.
async fn server(sshd: &Sshd) -> Server {
    let server = server_with_entry(&entry(sshd, &sshd.known_hosts(), ""), None).await;
    set(&server, "deploy", &sshd.key(), &[&format!("git:{}", sshd.host())]).await;
    server
}

async fn set(server: &Server, name: &str, value: &str, audience: &[&str]) {
    let body = json!({ "value": value, "audience": audience });
    let (status, answer) = server.api.call(Method::PUT, &format!("/secrets/{name}"), Some(body)).await;
    assert!(status.is_success(), "{status} {answer}");
}

/// How often a secret was used, by whom.
async fn uses(server: &Server, name: &str) -> Vec<(String, u64)> {
    let uses = server.api.get(&format!("/secrets/{name}/uses")).await;
    let items = uses["items"].as_array().unwrap().iter();
    items.map(|used| (used["user"].as_str().unwrap().to_owned(), used["count"].as_u64().unwrap())).collect()
}

/// A line of the key that only the key has.
fn line_of(key: &str) -> &str {
    key.lines().nth(2).unwrap()
}

fn assert_no_key_below(directory: &Path, key: &str) {
    let found = std::process::Command::new("grep").args(["-rlaF", line_of(key)]).arg(directory).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "", "the key is in a file");
}

/// Clones with a key, lets a mission change something, and pushes it.
async fn cloned_changed_and_pushed(server: &Server, sshd: &Sshd, forge: &Forge) {
    let (status, cloned) = clone(server, &sshd.url(&forge.directory())).await;
    assert_eq!((status, &cloned["branch"]), (StatusCode::CREATED, &json!("main")), "{cloned}");
    assert_eq!(run(server, "git status --short; cat README.md").await, "hello\n");
    let mission = mission(server, "echo more >> README.md", true).await;
    let commit = server.api.post(&format!("/missions/{mission}/commit"), json!({ "message": "More" })).await;

    let pushed = server.api.post(&format!("/missions/{mission}/push"), json!({})).await;

    assert_eq!(pushed["url"], sshd.url(&forge.directory()));
    assert_eq!(forge.git("project.git", &["rev-parse", &format!("sandboxed/{mission}")]), commit["commit"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_is_cloned_and_pushed_to_with_a_key_and_each_login_is_noted() {
    let (forge, sshd) = (Forge::start(), Sshd::start().await);
    let server = server(&sshd).await;
    workspace(&server, &[&sshd.host()]).await;

    cloned_changed_and_pushed(&server, &sshd, &forge).await;

    until("both logins to be noted", async || {
        (uses(&server, "deploy").await == [(format!("git:{}", sshd.host()), 2)]).then_some(())
    })
    .await;
    assert_no_key_below(&server.data_dir(), &sshd.key());
    assert!(!server.log().contains(line_of(&sshd.key())));
    // The agent itself has no way in.
    let script = "env | grep -c SSH; git -c core.sshCommand='ssh -o StrictHostKeyChecking=no' fetch 2>&1";
    let fetched = server.cli(&["exec", "demo", "--", "bash", "-c", script]);
    assert!(fetched.code != 0 && fetched.stdout.starts_with("0\n"), "{fetched:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_the_server_has_the_key_while_it_is_used() {
    let (forge, sshd) = (Forge::start(), Sshd::start().await);
    let server = server(&sshd).await;
    workspace(&server, &[&sshd.host()]).await;
    sshd.hold();
    let (api, url) = (server.api.clone(), sshd.url(&forge.directory()));
    let cloning =
        tokio::spawn(
            async move { api.call(Method::POST, "/workspaces/demo/clone", Some(json!({ "url": url }))).await },
        );
    sshd.entered().await;

    let key = sshd.key();
    let mut looked_at = 0;
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        for part in ["cmdline", "environ"] {
            let Ok(text) = std::fs::read(process.path().join(part)) else { continue };
            looked_at += usize::from(text.windows(4).any(|window| window == b"ssh "));
            assert!(!String::from_utf8_lossy(&text).contains(line_of(&key)), "the key is in {:?}", process.path());
        }
    }
    assert_no_key_below(&server.data_dir(), &key);
    let seen = run(&server, "find / -xdev -type s 2>/dev/null; find /workspace \"$HOME\" -mindepth 1; ls /proc").await;
    sshd.release();

    assert!(looked_at > 0, "git with its ssh was not there to be looked at");
    let mut seen = seen.lines().filter(|line| !line.bytes().all(|byte| byte.is_ascii_digit()));
    assert!(!seen.any(|line| line.starts_with('/')), "{seen:?}");
    let (status, cloned) = within("the clone", cloning).await.unwrap();
    assert_eq!(status, StatusCode::CREATED, "{cloned}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_with_another_key_than_the_known_one_gets_no_login() {
    let (forge, sshd) = (Forge::start(), Sshd::start().await);
    let server = server_with_entry(&entry(&sshd, &sshd.wrong_known_hosts(), ""), None).await;
    set(&server, "deploy", &sshd.key(), &[&format!("git:{}", sshd.host())]).await;
    workspace(&server, &[&sshd.host()]).await;

    let (status, refused) = clone(&server, &sshd.url(&forge.directory())).await;

    assert_eq!((status, refused["code"].as_str()), (StatusCode::FORBIDDEN, Some("git.host_key")), "{refused}");
    assert!(refused["hint"].as_str().unwrap().contains("known_hosts"), "{refused}");
    assert!(sshd.log().contains("Connection from") && !sshd.log().contains("publickey"), "{}", sshd.log());
    assert_eq!(uses(&server, "deploy").await, []);
    assert_eq!(run(&server, "ls -A").await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_opens_its_own_host_and_no_other() {
    let (forge, sshd, other) = (Forge::start(), Sshd::start().await, Sshd::start().await);
    let server = server(&sshd).await;
    workspace(&server, &[&sshd.host(), &other.host()]).await;

    let (status, refused) = clone(&server, &other.url(&forge.directory())).await;
    assert_eq!((status, refused["code"].as_str()), (StatusCode::CONFLICT, Some("git.no_key")), "{refused}");
    assert!(refused["hint"].as_str().unwrap().contains(&format!("\"{}\" = {{ ssh_key", other.host())), "{refused}");
    let as_another = sshd.url(&forge.directory()).replace(&format!("{}@", sshd.user), "somebody@");
    let (_, refused) = clone(&server, &as_another).await;
    assert_eq!(refused["code"], "git.ssh_user", "{refused}");

    assert!(!other.log().contains("Connection from") && !sshd.log().contains("Connection from"));
    assert_eq!(uses(&server, "deploy").await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_for_the_host_signs_nothing_there() {
    let (forge, sshd) = (Forge::start(), Sshd::start().await);
    let server = server_with_entry(&entry(&sshd, &sshd.known_hosts(), ""), None).await;
    set(&server, "deploy", &sshd.key(), &["git:elsewhere.example.org", "workspaces"]).await;
    workspace(&server, &[&sshd.host()]).await;

    let (status, denied) = clone(&server, &sshd.url(&forge.directory())).await;

    assert_eq!((status, denied["code"].as_str()), (StatusCode::FORBIDDEN, Some("secrets.denied")), "{denied}");
    assert_eq!(denied["hint"], format!("sandboxed-sh secret allow deploy git:{}", sshd.host()));
    assert!(!sshd.log().contains("Connection from"), "{}", sshd.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_of_ssh_is_reached_under_the_workspaces_policy() {
    let (forge, sshd) = (Forge::start(), Sshd::start().await);
    let server = server(&sshd).await;
    workspace(&server, &["example.org:443"]).await;

    let (_, refused) = clone(&server, &sshd.url(&forge.directory())).await;

    assert_eq!(refused["code"], "git.not_allowed", "{refused}");
    assert_eq!(refused["hint"], format!("make the workspace with --allow {}", sshd.host()));
    assert!(!sshd.log().contains("Connection from"), "{}", sshd.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_that_shares_the_machines_network_reaches_a_host_of_ssh_as_the_machine_does() {
    let (forge, sshd) = (Forge::start(), Sshd::start().await);
    let server = server(&sshd).await;
    server.api.post("/workspaces", json!({ "name": "demo", "network": { "mode": "shared" } })).await;

    let (status, cloned) = clone(&server, &sshd.url(&forge.directory())).await;

    assert_eq!(status, StatusCode::CREATED, "{cloned}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_key_is_opened_by_its_passphrase_and_a_host_is_known_by_a_file() {
    let (forge, sshd) = (Forge::start(), Sshd::start().await);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("known_hosts");
    std::fs::write(&file, format!("# hosts\n{}\n", sshd.known_hosts())).unwrap();
    let more = ", passphrase = \"opens\"";
    let server = server_with_entry(&entry(&sshd, file.to_str().unwrap(), more), None).await;
    let host = format!("git:{}", sshd.host());
    set(&server, "deploy", &sshd.encrypted_key("correct horse"), &[&host]).await;
    set(&server, "opens", "another horse", &[&host]).await;
    workspace(&server, &[&sshd.host()]).await;
    let (_, refused) = clone(&server, &sshd.url(&forge.directory())).await;
    assert_eq!(refused["code"], "ssh.key_passphrase", "{refused}");

    set(&server, "opens", "correct horse", &[&host]).await;
    let (status, cloned) = clone(&server, &sshd.url(&forge.directory())).await;

    assert_eq!(status, StatusCode::CREATED, "{cloned}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_ssh_is_told_what_it_lacks() {
    let (forge, sshd) = (Forge::start(), Sshd::start().await);
    // All that git needs but ssh.
    let programs = tempfile::tempdir_in("/opt").unwrap();
    for program in ["sh", "bash", "git", "cat", "true"] {
        std::os::unix::fs::symlink(format!("/usr/bin/{program}"), programs.path().join(program)).unwrap();
    }
    std::fs::set_permissions(programs.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let component = "component = \"bubblewrap.wasm\"\n";
    let path = format!("{component}config = {{ path = \"{}\" }}\n", programs.path().display());
    let config = config::changed(&[(component, &path)]);
    let server = server_with_entry(&entry(&sshd, &sshd.known_hosts(), ""), Some(config)).await;
    set(&server, "deploy", &sshd.key(), &[&format!("git:{}", sshd.host())]).await;
    workspace(&server, &[&sshd.host()]).await;

    let (status, missing) = clone(&server, &sshd.url(&forge.directory())).await;

    assert_eq!(
        (status, missing["code"].as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, Some("git.ssh_missing")),
        "{missing}"
    );
    assert!(missing["hint"].as_str().unwrap().contains("openssh-client"), "{missing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_other_backends_git_over_ssh_is_in_a_sandbox_of_bubblewrap() {
    root::archive();
    for (backend, options) in [("host", json!({})), ("nspawn", json!({ "image": root::IMAGE }))] {
        let (forge, sshd) = (Forge::start(), Sshd::start().await);
        let server = server(&sshd).await;
        let network = json!({ "mode": "allow", "allow": [sshd.host()] });
        let wanted = json!({ "name": "demo", "backend": backend, "options": options, "network": network });
        server.api.post("/workspaces", wanted).await;
        until("the workspace to be made", async || {
            (server.api.get("/workspaces/demo").await["phase"] == "ready").then_some(())
        })
        .await;

        cloned_changed_and_pushed(&server, &sshd, &forge).await;
    }
}
