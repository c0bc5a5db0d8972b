//! The server ends while requests are under way.

use std::{
    collections::HashSet,
    env,
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};

use sandboxed_model::{
    budget::{BudgetPeriod, BudgetScope},
    page::PageRequest,
};

use super::*;
use crate::spending::totals_agree;

const DATABASE: &str = "SANDBOXED_TEST_SPENDING_DATABASE";
const TEST: &str = "tests::spending::lost::every_acknowledged_request_is_accounted_for_after_kill_9";

#[tokio::test]
async fn lost_requests_cost_what_was_set_aside_and_later_ones_are_left() {
    let mut fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    fixture.store.set_budget(BudgetScope::Server, BudgetPeriod::Total, 1_000_000).await.unwrap();
    let settled = asked(&mission, 10);
    spend(&fixture.store, &settled, answered(5)).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..1100 {
        let (store, new) = (fixture.store.clone(), asked(&mission, 10));
        tasks.spawn(async move { granted(&store, &new).await });
    }
    tasks.join_all().await;
    fixture.reopen().await;
    let later = NewRequest { at: on("2026-06-02"), ..asked(&mission, 10) };
    granted(&fixture.store, &later).await;
    assert_eq!(fixture.store.settle_lost(on("2026-06-01")).await.unwrap(), 1100);
    assert_eq!(fixture.store.settle_lost(on("2026-06-01")).await.unwrap(), 0);
    let sum = fixture.store.mission_spending(mission.id).await.unwrap();
    assert_eq!((sum.requests, sum.failed_requests, sum.estimated_requests), (1101, 1100, 1100));
    assert_eq!(sum.cost_micro_usd, 11_005);
    totals_agree(&fixture.store).await;
    let page = fixture.store.model_requests(None, &PageRequest { cursor: None, limit: 2 }).await.unwrap();
    assert_eq!(page.items[0].end, None);
    assert_eq!((page.items[1].end, page.items[1].took_ms), (Some(RequestEnd::Lost), Some(24 * 3_600_000)));
}

/// Reserves and settles and prints each acknowledgement, until it is killed.
async fn spend_until_killed(path: &str) {
    let store = Store::open(path).await.unwrap();
    let mission = store.missions(&Default::default(), &Default::default()).await.unwrap().items.remove(0);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (store, mission) = (store.clone(), mission.clone());
        tasks.spawn(async move {
            loop {
                let new = asked(&mission, 10);
                granted(&store, &new).await;
                let print = |what: &str| {
                    let line = format!("ack {what} {}\n", new.id);
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                };
                print("reserved");
                store.settle(new.id, answered(4)).await.unwrap();
                print("settled");
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_request_is_accounted_for_after_kill_9() {
    if let Ok(path) = env::var(DATABASE) {
        return spend_until_killed(&path).await;
    }
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    fixture.store.set_budget(BudgetScope::User(mission.owner), BudgetPeriod::Month, 1_000_000_000).await.unwrap();
    fixture.store.close().await;
    let (mut reserved, mut settled) = (HashSet::new(), HashSet::new());
    for acknowledgements in [1, 30, 171] {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", TEST, "--nocapture"])
            .env(DATABASE, fixture.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut seen = 0;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            // The test harness may print the test's name in front of the first.
            let Some((_, ack)) = line.split_once("ack ") else { continue };
            match ack.split_once(' ') {
                Some(("reserved", id)) => reserved.insert(id.to_owned()),
                Some(("settled", id)) => settled.insert(id.to_owned()),
                _ => continue,
            };
            seen += 1;
            if seen == acknowledgements {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(seen >= acknowledgements, "the writer ended by itself after {seen}");

        let store = Store::open(fixture.path()).await.unwrap();
        totals_agree(&store).await;
        store.settle_lost(on("2026-06-01")).await.unwrap();
        totals_agree(&store).await;
        let (mut there, mut cost, mut page) = (HashSet::new(), 0, PageRequest { cursor: None, limit: 500 });
        loop {
            let part = store.model_requests(Some(mission.id), &page).await.unwrap();
            for request in part.items {
                let id = request.id.to_string();
                match request.end {
                    Some(RequestEnd::Complete) => assert_eq!(request.cost_micro_usd, Some(4)),
                    Some(RequestEnd::Lost) => {
                        assert!(!settled.contains(&id), "the end of {id} was acknowledged");
                        assert_eq!(request.cost_micro_usd, Some(10));
                    }
                    other => panic!("{id} ended with {other:?}"),
                }
                cost += request.cost_micro_usd.unwrap();
                there.insert(id);
            }
            match part.next_cursor {
                Some(cursor) => page.cursor = Some(cursor),
                None => break,
            }
        }
        assert!(reserved.is_subset(&there));
        let sum = store.mission_spending(mission.id).await.unwrap();
        assert_eq!((sum.requests, sum.cost_micro_usd), (there.len() as u64, cost));
        store.close().await;
        Store::verify(&fixture.path()).unwrap();
    }
}
