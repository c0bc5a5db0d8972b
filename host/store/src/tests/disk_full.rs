//! A real file system that gets full. The test starts itself again in a mount namespace of its own, so that the file
//! system goes away with the process whatever happens.

use std::{env, fs, path::Path, process::Command};

use sandboxed_model::{Seq, page::PageRequest};

use super::*;
use crate::Error;

const PLACE: &str = "SANDBOXED_TEST_SMALL_DISK";
const TEST: &str = "tests::disk_full::a_full_disk_refuses_writes_serves_reads_and_is_forgotten_when_there_is_room";

#[tokio::test]
async fn a_full_disk_refuses_writes_serves_reads_and_is_forgotten_when_there_is_room() {
    if let Some(place) = env::var_os(PLACE) {
        return fill_disk(Path::new(&place)).await;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    command.arg("--mount");
    // An ordinary user may mount in a user namespace of their own.
    if std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap()) != 0 {
        command.args(["--user", "--map-root-user"]);
    }
    let output = command
        .args(["sh", "-c", "mount -t tmpfs -o size=3m none \"$0\" && exec \"$@\""])
        .arg(dir.path())
        .arg(env::current_exe().unwrap())
        .args(["--exact", TEST, "--nocapture"])
        .env(PLACE, dir.path())
        .output()
        .unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

async fn fill_disk(place: &Path) {
    let ballast = place.join("ballast");
    fs::write(&ballast, vec![0; 512 * 1024]).unwrap();
    let store = Store::open(place.join(Store::FILE_NAME)).await.unwrap();
    let workspace = add_workspace(&store, "main").await;
    let mission = store.insert_mission(new_mission(workspace, "x"), message("x")).await.unwrap().mission.id;

    let mut acknowledged = Seq(1);
    let error = loop {
        let events = (0..20).map(|_| said(&"full of words ".repeat(30))).collect();
        match store.commit(mission, MissionChange { events, ..MissionChange::default() }).await {
            Ok(committed) => acknowledged = committed.mission.last_seq,
            Err(error) => break error,
        }
    };
    assert_eq!(error, Error::DiskFull);
    assert!(error.failure().hint.is_some());
    assert!(acknowledged > Seq(1));

    assert_eq!(store.last_seq(mission).await.unwrap(), acknowledged, "nothing of the refused change is there");
    let events = store.events(mission, Seq::ZERO, 10_000, &[]).await.unwrap();
    assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == Seq(seq)));
    let hits = store.search_events("words", None, &PageRequest::default()).await.unwrap();
    assert_eq!(hits.items.len(), 50);

    fs::remove_file(&ballast).unwrap();
    let change = MissionChange { events: vec![said("room again")], ..MissionChange::default() };
    let committed = store.commit(mission, change).await.expect("there is room again");
    assert_eq!(committed.mission.last_seq, acknowledged.next());
    store.close().await;
    Store::verify(&place.join(Store::FILE_NAME)).unwrap();
}
