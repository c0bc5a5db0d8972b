use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use sandboxed_model::{Seq, page::PageRequest};

use super::*;
use crate::{Error, migration::known_version};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_made_while_missions_run_is_a_whole_database_of_one_moment() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await.id;
    let stop = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (store, stop) = (fixture.store.clone(), Arc::clone(&stop));
        async move {
            while !stop.load(Ordering::Relaxed) {
                let change = MissionChange { events: vec![said("one"), said("two")], ..MissionChange::default() };
                store.commit(mission, change).await.unwrap();
            }
        }
    });
    until("there is something to copy", || async { fixture.store.last_seq(mission).await.unwrap() > Seq(100) }).await;
    let copy = fixture.dir.path().join("backup.db");
    let before = fixture.store.last_seq(mission).await.unwrap();
    fixture.store.backup(&copy).await.unwrap();
    fixture.store.backup(&copy).await.expect("an older backup is replaced");
    stop.store(true, Ordering::Relaxed);
    writer.await.unwrap();

    let info = Store::verify(&copy).unwrap();
    assert_eq!((info.version, info.missions), (known_version(), 1));
    let files: Vec<_> = std::fs::read_dir(fixture.dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("backup"))
        .collect();
    assert_eq!(files, ["backup.db"], "one file, and nothing is left beside it");
    let opened = Store::open(&copy).await.unwrap();
    let last = opened.last_seq(mission).await.unwrap();
    assert!(last >= before && last.0 % 2 == 1, "{last}");
    let events = opened.events(mission, Seq::ZERO, 10_000, &[]).await.unwrap();
    assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == Seq(seq)));
    opened.close().await;
}

#[tokio::test]
async fn a_restored_backup_takes_the_place_of_the_database_and_the_old_one_is_kept() {
    let mut fixture = Fixture::new().await;
    let old = fixture.mission("old").await;
    let copy = fixture.dir.path().join("backup.db");
    fixture.store.backup(&copy).await.unwrap();
    let newer = fixture.mission("newer").await;
    assert!(matches!(Store::restore(&copy, &fixture.path()), Err(Error::Locked { .. })), "a server uses it");
    fixture.store.close().await;

    Store::restore(&copy, &fixture.path()).unwrap();

    fixture.store = Store::open(fixture.path()).await.unwrap();
    let page = fixture.store.missions(&Default::default(), &PageRequest::default()).await.unwrap();
    assert_eq!(page.items, [old]);
    let kept = Store::open(fixture.dir.path().join("sandboxed.db.before-restore")).await.unwrap();
    assert!(kept.mission(newer.id).await.is_ok());
    kept.close().await;
}

#[tokio::test]
async fn a_backup_can_be_restored_where_there_was_nothing_and_over_a_damaged_database() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    let copy = fixture.dir.path().join("backup.db");
    fixture.store.backup(&copy).await.unwrap();
    let damaged = fixture.dir.path().join("damaged.db");
    std::fs::write(&damaged, "garbage garbage garbage garbage").unwrap();
    for to in [fixture.dir.path().join("elsewhere").join("new.db"), damaged] {
        Store::restore(&copy, &to).unwrap();
        let store = Store::open(&to).await.unwrap();
        assert_eq!(store.mission(mission.id).await.unwrap(), mission);
        store.close().await;
    }
    let kept = std::fs::read_to_string(fixture.dir.path().join("damaged.db.before-restore")).unwrap();
    assert_eq!(kept, "garbage garbage garbage garbage");
}

#[tokio::test]
async fn what_is_not_a_whole_backup_is_refused_and_the_database_is_left_alone() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    for number in 0..200 {
        fixture.say(mission.id, &format!("event {number} {}", "text ".repeat(20))).await;
    }
    let whole = fixture.dir.path().join("backup.db");
    fixture.store.backup(&whole).await.unwrap();
    let (cut, text, empty) =
        (fixture.dir.path().join("cut"), fixture.dir.path().join("text"), fixture.dir.path().join("empty"));
    let bytes = std::fs::read(&whole).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    std::fs::write(&text, "not a database at all, not even a little").unwrap();
    std::fs::write(&empty, "").unwrap();
    fixture.store.close().await;
    for wrong in [cut, text, empty] {
        let error = Store::restore(&wrong, &fixture.path()).unwrap_err();
        assert!(matches!(error, Error::Corrupt(_)), "{}: {error:?}", wrong.display());
    }
    assert!(matches!(Store::verify(&fixture.dir.path().join("missing")), Err(Error::Io { .. })));
    let store = Store::open(fixture.path()).await.unwrap();
    assert_eq!(store.last_seq(mission.id).await.unwrap(), Seq(201));
    store.close().await;
}

#[tokio::test]
async fn a_backup_over_the_database_itself_is_refused() {
    let fixture = Fixture::new().await;
    let error = fixture.store.backup(&fixture.path()).await.unwrap_err();
    assert_eq!(error.failure().code, "backup.target");
}

#[tokio::test]
async fn a_backup_into_a_directory_that_is_not_there_is_told_as_such() {
    let fixture = Fixture::new().await;
    let error = fixture.store.backup(&fixture.dir.path().join("no").join("backup.db")).await.unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error:?}");
}
