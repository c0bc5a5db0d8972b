use std::os::unix::fs::PermissionsExt as _;

use rusqlite::Connection;
use sandboxed_model::{Seq, state::MissionState::Running};

use super::*;
use crate::{Durability, Error, Options, migration::known_version};

#[tokio::test]
async fn the_files_are_readable_by_the_servers_user_only() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new").join(Store::FILE_NAME);
    let store = Store::open(&path).await.unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for entry in std::fs::read_dir(path.parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(mode(&entry.path()), 0o600, "{:?}", entry.file_name());
    }
    store.close().await;
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart() {
    let mut fixture = Fixture::new().await;
    let mission = fixture.mission_in("x", &[Running]).await;
    fixture.say(mission.id, "kept").await;
    let before = (fixture.store.mission(mission.id).await, fixture.store.events(mission.id, Seq::ZERO, 9, &[]).await);
    fixture.reopen().await;
    let after = (fixture.store.mission(mission.id).await, fixture.store.events(mission.id, Seq::ZERO, 9, &[]).await);
    assert_eq!(before, after);
    assert!(before.0.is_ok());
}

#[tokio::test]
async fn a_second_server_is_refused_until_the_first_has_closed() {
    let fixture = Fixture::new().await;
    let error = Store::open(fixture.path()).await.unwrap_err();
    assert_eq!(error, Error::Locked { path: fixture.path() });
    let failure = error.failure();
    assert_eq!(failure.code, "store.locked");
    assert!(failure.hint.unwrap().contains("server.data_dir"));
    fixture.store.close().await;
    Store::open(fixture.path()).await.unwrap().close().await;
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let fixture = Fixture::new().await;
    let clone = fixture.store.clone();
    assert!(clone.is_open());
    fixture.store.close().await;
    fixture.store.close().await;
    assert!(!clone.is_open());
    assert_eq!(clone.revision().await, Err(Error::Closed));
    assert_eq!(clone.insert_workspace(new_workspace("x"), None).await, Err(Error::Closed));
    assert_eq!(clone.checkpoint().await, Err(Error::Closed));
    let leftovers: Vec<_> = std::fs::read_dir(fixture.dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with("-wal") || name.ends_with("-shm"))
        .collect();
    assert_eq!(leftovers, Vec::<String>::new(), "the log is in the database");
}

#[tokio::test]
async fn a_store_that_is_dropped_frees_its_lock() {
    let fixture = Fixture::new().await;
    let path = fixture.path();
    drop(fixture.store);
    until("the lock is free", || async { Store::open(&path).await.is_ok() }).await;
}

#[tokio::test]
async fn a_database_of_a_newer_release_is_refused_with_the_remedy() {
    let fixture = Fixture::new().await;
    fixture.store.close().await;
    Connection::open(fixture.path()).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = Store::open(fixture.path()).await.unwrap_err();
    assert_eq!(error, Error::NewerVersion { found: 99, known: known_version() });
    assert!(error.failure().hint.unwrap().contains("newer release"));
}

#[tokio::test]
async fn a_file_that_is_no_database_of_this_program_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("text.db");
    std::fs::write(&text, "this is certainly not a database, however long one looks at it").unwrap();
    let foreign = dir.path().join("foreign.db");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    for path in [text, foreign] {
        let before = std::fs::read(&path).unwrap();
        let error = Store::open(&path).await.unwrap_err();
        assert!(matches!(error, Error::Corrupt(_)), "{error:?}");
        assert_eq!(error.failure().code, "store.corrupt");
        assert!(std::fs::read(&path).unwrap() == before, "{} was changed", path.display());
    }
}

#[tokio::test]
async fn a_damaged_database_is_told_as_such() {
    let fixture = Fixture::new().await;
    for number in 0..50 {
        fixture.mission(&format!("mission {number} {}", "long title ".repeat(20))).await;
    }
    fixture.store.close().await;
    let mut bytes = std::fs::read(fixture.path()).unwrap();
    // All but the header page, which alone is needed to open it.
    bytes[4096..].fill(0xA5);
    std::fs::write(fixture.path(), bytes).unwrap();
    let error = match Store::open(fixture.path()).await {
        Ok(store) => store.missions(&Default::default(), &Default::default()).await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(error, Error::Corrupt(_)), "{error:?}");
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_told_as_such() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let error = Store::open(file.join("below").join(Store::FILE_NAME)).await.unwrap_err();
    assert!(matches!(error, Error::Io { .. } | Error::NotWritable { .. }), "{error:?}");
    // No user, not even root, can make a file here.
    let error = Store::open("/proc/sandboxed/sandboxed.db").await.unwrap_err();
    assert!(matches!(error, Error::Io { .. } | Error::NotWritable { .. }), "{error:?}");
}

#[tokio::test]
async fn commits_wait_for_the_disk_unless_the_operator_says_otherwise() {
    let dir = tempfile::tempdir().unwrap();
    for (durability, expected) in [(Durability::Power, 2), (Durability::Process, 1)] {
        let path = dir.path().join(format!("{durability:?}.db"));
        let store = Store::open_with(path, Options { durability, ..Options::default() }).await.unwrap();
        let found: i64 =
            store.write(|write| Ok(write.conn.query_row("PRAGMA synchronous", [], |row| row.get(0))?)).await.unwrap();
        assert_eq!(found, expected);
        store.close().await;
    }
    assert_eq!(Options::default().durability, Durability::Power);
}

#[tokio::test]
async fn every_error_has_a_stable_code() {
    let errors = [
        (Error::not_found("mission", "x"), "mission.not_found"),
        (Error::conflict("a.b", "x"), "a.b"),
        (Error::IllegalTransition { from: "queued", to: Running }, "mission.illegal_transition"),
        (Error::InvalidCursor, "store.invalid_cursor"),
        (Error::QueueFull { limit: 1 }, "store.queue_full"),
        (Error::DiskFull, "store.disk_full"),
        (Error::Locked { path: "x".into() }, "store.locked"),
        (Error::Busy, "store.busy"),
        (Error::NewerVersion { found: 2, known: 1 }, "store.newer_version"),
        (Error::NotWritable { path: "x".into(), reason: "r".to_owned() }, "store.not_writable"),
        (Error::Corrupt("x".to_owned()), "store.corrupt"),
        (Error::Closed, "store.closed"),
        (Error::Io { what: "x".to_owned(), reason: "r".to_owned() }, "store.io"),
        (Error::Sqlite("x".to_owned()), "store.sqlite"),
    ];
    for (error, code) in errors {
        let failure = error.failure();
        assert_eq!(failure.code, code);
        assert_eq!(failure.message, error.to_string());
    }
}
