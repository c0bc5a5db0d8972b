//! The process is killed in the middle of its work. The test starts itself again as the process that writes.

use std::{
    collections::HashMap,
    env,
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};

use sandboxed_model::Seq;

use super::*;
use crate::{Durability, Options, QueueChange};

const DATABASE: &str = "SANDBOXED_TEST_CRASH_DATABASE";
const TEST: &str = "tests::crash::every_acknowledged_event_is_there_after_kill_9";

/// Commits to four missions at once and prints each acknowledged place, until it is killed.
async fn write_until_killed(path: &str) {
    let durability = if path.contains("Process") { Durability::Process } else { Durability::Power };
    let store = Store::open_with(path, Options { durability, ..Options::default() }).await.unwrap();
    let page = store.missions(&Default::default(), &Default::default()).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for mission in page.items {
        let store = store.clone();
        tasks.spawn(async move {
            for number in 0_u64.. {
                let sent = message("x");
                let change = MissionChange {
                    events: (0..1 + number % 40).map(|_| said(&format!("event after {number}"))).collect(),
                    session_state: Some(vec![0; 1000]),
                    // Leaves the queue as it was: a change that is half kept would show in its length.
                    queue: vec![QueueChange::Add(sent.clone()), QueueChange::Take(sent.id)],
                    ..MissionChange::default()
                };
                let committed = store.commit(mission.id, change).await.unwrap();
                let line = format!("ack {} {}\n", mission.id, committed.mission.last_seq);
                std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_event_is_there_after_kill_9() {
    if let Ok(path) = env::var(DATABASE) {
        return write_until_killed(&path).await;
    }
    let dir = tempfile::tempdir().unwrap();
    for durability in [Durability::Power, Durability::Process] {
        let path = dir.path().join(format!("{durability:?}.db"));
        let store = Store::open(&path).await.unwrap();
        let workspace = add_workspace(&store, "main").await;
        for number in 0..4 {
            store.insert_mission(new_mission(workspace, &number.to_string()), message("x")).await.unwrap();
        }
        store.close().await;
        // After a different number of acknowledgements each time, so at another point of the writer's work.
        for acknowledgements in [1, 7, 40, 133, 260] {
            let mut child = Command::new(env::current_exe().unwrap())
                .args(["--exact", TEST, "--nocapture"])
                .env(DATABASE, &path)
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut acknowledged: HashMap<MissionId, u64> = HashMap::new();
            let mut seen = 0;
            for line in BufReader::new(child.stdout.take().unwrap()).lines() {
                let line = line.unwrap();
                // The test harness may print the test's name in front of the first.
                let Some((_, ack)) = line.split_once("ack ") else { continue };
                let Some((mission, seq)) = ack.split_once(' ') else { continue };
                acknowledged.insert(mission.parse().unwrap(), seq.parse().unwrap());
                seen += 1;
                if seen == acknowledgements {
                    child.kill().unwrap();
                }
            }
            child.wait().unwrap();
            assert!(seen >= acknowledgements, "the writer ended by itself after {seen}");

            let store = Store::open(&path).await.unwrap();
            for (mission, seq) in acknowledged {
                let row = store.mission(mission).await.unwrap();
                assert!(row.last_seq.0 >= seq, "{seq} was acknowledged, {} is there", row.last_seq);
                assert_eq!(row.queued_messages, 1);
                let mut expected = 1;
                loop {
                    let events = store.events(mission, Seq(expected - 1), 10_000, &[]).await.unwrap();
                    if events.is_empty() {
                        break;
                    }
                    for event in events {
                        assert_eq!(event.seq, Seq(expected));
                        expected += 1;
                    }
                }
                assert_eq!(row.last_seq, Seq(expected - 1), "the row and the log agree");
            }
            store.close().await;
            Store::verify(&path).unwrap();
        }
    }
}
