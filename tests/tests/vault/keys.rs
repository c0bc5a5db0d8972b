//! The master key: replaced, killed in between, wrong and gone.

use std::time::Duration;

use rand::RngExt as _;
use reqwest::{Method, StatusCode};
use sandboxed_tests::{Server, cli, until};
use serde_json::json;

use super::{mission, read, set, workspace};

const SECRETS: usize = 40;

/// Reads all secrets in a workspace and says how many are right.
async fn right(server: &Server, workspace: &str) -> usize {
    let script = (0..SECRETS).map(|number| format!("[ \"$V{number}\" = value-of-{number} ] && echo right\n"));
    let mission = mission(server, workspace, &script.collect::<String>()).await;
    server.api.printed(&mission).await.matches("right").count()
}

#[tokio::test]
async fn the_key_is_replaced_through_twenty_crashes_and_every_secret_is_kept() {
    let mut server = Server::start().await;
    let mut env = serde_json::Map::new();
    for number in 0..SECRETS {
        set(&server, &format!("key-{number}"), &format!("value-of-{number}"), &["workspaces"]).await;
        env.insert(format!("V{number}"), json!({ "secret": format!("key-{number}") }));
    }
    let workspace = workspace(&server, env.into()).await;
    let first = server.api.get("/vault").await["key_id"].clone();
    let mut random = rand::rng();
    for _ in 0..20 {
        let (status, answer) = server.api.call(Method::POST, "/vault/rotate-key", None).await;
        // What the server before began may still be under way.
        assert!(matches!(status, StatusCode::ACCEPTED | StatusCode::CONFLICT), "{status} {answer}");
        // The moment of the crash is what is being varied; nothing is waited for.
        tokio::time::sleep(Duration::from_millis(random.random_range(0..15))).await;
        server.crash();
        server.restart().await;
    }
    let key = until("all secrets to be under the newest key", async || {
        let keys = String::from_utf8(read(&server.data_dir().join("vault.key"))).unwrap();
        let alone = keys.lines().filter(|line| !line.starts_with('#')).count() == 1;
        let status = server.api.get("/vault").await;
        (alone && status["to_reseal"] == 0).then(|| status["key_id"].clone())
    })
    .await;
    assert_ne!(key, first);
    assert_eq!(right(&server, &workspace).await, SECRETS);
    let listed = server.api.get("/secrets").await;
    assert!(listed["items"].as_array().unwrap().iter().all(|secret| secret["problem"].is_null()), "{listed}");
}

#[tokio::test]
async fn a_server_does_not_start_with_a_wrong_key_or_without_the_one_it_needs_and_says_what_to_do() {
    let mut server = Server::start().await;
    set(&server, "key", "hunter2-hunter2", &["workspaces"]).await;
    server.stop().await;
    let file = server.data_dir().join("vault.key");
    let right = read(&file);
    let start = || {
        let config = server.data_dir().parent().unwrap().join("sandboxed.toml");
        cli::cli(&server.data_dir(), &["--config", config.to_str().unwrap(), "serve", "--listen", "127.0.0.1:0"])
    };
    std::fs::remove_file(&file).unwrap();
    let refused = start();
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("vault.key_missing") && refused.stderr.contains("bring back"), "{refused:?}");
    assert!(!file.exists());

    use std::os::unix::fs::OpenOptionsExt as _;
    let mut other = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file).unwrap();
    std::io::Write::write_all(&mut other, "AA".repeat(32).as_bytes()).unwrap();
    let refused = start();
    assert!(refused.stderr.contains("vault.key_wrong") && refused.stderr.contains("former_key"), "{refused:?}");

    std::fs::write(&file, right).unwrap();
    server.restart().await;
    assert_eq!(server.api.get("/secrets/key").await["version"], 1);
}
