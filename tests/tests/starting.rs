//! A server that finds its files or its configuration not as they should be.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{fs, path::Path};

use sandboxed_tests::{Server, cli, cli::Finished};

/// The compiled plugins, which are there once a server has run.
fn compiled(server: &Server) -> Vec<std::path::PathBuf> {
    let files = fs::read_dir(server.data_dir().join("cache/plugins")).unwrap().flatten().map(|file| file.path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "cwasm")).collect()
}

#[tokio::test]
async fn compiled_plugins_that_were_cut_emptied_or_altered_are_compiled_anew() {
    let mut server = Server::start().await;
    server.stop().await;
    // Of those that tests share some may be of plugins as they were once.
    fs::remove_dir_all(server.data_dir().join("cache")).unwrap();
    server.restart().await;
    server.stop().await;
    let files = compiled(&server);
    let whole: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    assert!(files.len() >= 4, "{files:?}");
    for (number, (file, bytes)) in files.iter().zip(&whole).enumerate() {
        let mut bytes = bytes.clone();
        match number % 4 {
            0 => bytes.truncate(bytes.len() / 2),
            1 => bytes.clear(),
            2 => bytes[1000] ^= 1,
            _ => bytes.truncate(16),
        }
        fs::write(file, bytes).unwrap();
    }

    server.restart().await;
    let mission = server.api.mission("echo compiled anew").await;
    server.api.reaches(&mission, &["awaiting_user"]).await;

    assert_eq!(server.api.printed(&mission).await, "compiled anew\n");
    assert!(server.log().contains("altered"), "nothing is said of it");
    let lengths = |files: Vec<Vec<u8>>| files.iter().map(Vec::len).collect::<Vec<_>>();
    let now = files.iter().map(|file| fs::read(file).unwrap()).collect();
    assert_eq!(lengths(now), lengths(whole), "a file was not replaced");
}

#[tokio::test]
async fn a_database_of_a_newer_release_is_left_alone() {
    let mut server = Server::start().await;
    assert_eq!(server.stop().await, 0);
    let database = server.data_dir().join("sandboxed.db");
    let mut bytes = fs::read(&database).unwrap();
    // Where SQLite keeps `PRAGMA user_version`.
    bytes[60..64].copy_from_slice(&999_u32.to_be_bytes());
    fs::write(&database, &bytes).unwrap();

    let started = serve(&server.data_dir(), &[]);

    assert_ne!(started.code, 0);
    assert!(started.stderr.contains("newer") && started.stderr.contains("hint"), "{started:?}");
    assert_eq!(fs::read(&database).unwrap(), bytes, "the database was touched");
}

#[tokio::test]
async fn what_is_no_database_is_refused_and_left_alone() {
    let mut server = Server::start().await;
    assert_eq!(server.stop().await, 0);
    let database = server.data_dir().join("sandboxed.db");
    fs::write(&database, "this is no database, whatever its name says").unwrap();

    let started = serve(&server.data_dir(), &[]);

    assert_ne!(started.code, 0);
    assert!(started.stderr.contains("database"), "{started:?}");
    assert!(fs::read_to_string(&database).unwrap().starts_with("this is no database"));
}

fn serve(data: &Path, before: &[&str]) -> Finished {
    cli(data, &[before, &["serve", "--no-welcome", "--listen", "127.0.0.1:0"]].concat())
}

/// Checks a configuration that has this beside what comes with the server.
fn check(added: &str) -> Finished {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("sandboxed.toml");
    fs::write(&file, format!("{}\n{added}", include_str!("../../config/sandboxed.toml"))).unwrap();
    cli(&home.path().join("data"), &["--config", file.to_str().unwrap(), "serve", "--check"])
}

#[test]
fn a_plugin_that_is_there_twice_is_refused_by_name_and_line() {
    let checked = check("[[plugin]]\nid = \"shell\"\nkind = \"harness\"\ncomponent = \"other.wasm\"\n");

    assert_ne!(checked.code, 0);
    assert!(checked.stderr.contains("\"shell\"") && checked.stderr.contains("sandboxed.toml:"), "{checked:?}");
}

#[test]
fn memory_that_no_plugin_can_be_given_is_refused_with_the_most_there_is() {
    let table = "[[plugin]]\nid = \"greedy\"\nkind = \"tools\"\ncomponent = \"other.wasm\"\nlimits.memory = ";
    let checked = check(&format!("{table}\"2GiB\"\n"));

    assert_ne!(checked.code, 0);
    assert!(checked.stderr.contains("limits.memory") && checked.stderr.contains("1GiB"), "{checked:?}");
    check(&format!("{table}\"1GiB\"\n")).success();
}
