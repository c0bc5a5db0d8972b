//! Measures spending on this machine with ten million requests: the time of sums by day, mission, model and account, of a
//! page of requests, and how many requests a second can be reserved and settled under budgets.
//!
//! `cargo run -p sandboxed-store --release --example spending_bench -- [directory] [requests]`; without a directory it uses a
//! temporary one, which may be in memory on machines where `/tmp` is. The database takes about 1.5 GB.
#![allow(clippy::unwrap_used, reason = "a measurement that cannot be taken ends")]

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rusqlite::{Connection, params};
use sandboxed_model::{
    MessageId, MissionId, RequestId, Timestamp, UserId, WorkspaceId,
    ask::{ApprovalMode, WorkMode},
    backend::WorkspacePhase,
    budget::{BudgetPeriod, BudgetScope},
    day::Day,
    mission::Mission,
    page::PageRequest,
    price::Cost,
    queue::QueuedMessage,
    recipe::Recipe,
    request::RequestEnd,
    spending::{NewRequest, RequestSettled, Reserved, SpendingFilter, SpendingGroup},
    wire::{Tokens, WireFormat},
    workspace::{NetworkMode, NetworkPolicy, Workspace, WorkspaceLayers, WorkspaceLimits},
};
use sandboxed_store::{NewMissionRow, Options, Store};

const REQUESTS: i64 = 10_000_000;
/// Requests of one mission: all of one day, a tenth of them by a second model.
const OF_A_MISSION: i64 = 100;
const DAYS: i64 = 365;
const USERS: usize = 20;
const ACCOUNTS: usize = 5;
const MODELS: usize = 8;
const WORKERS: usize = 64;
const RESERVED: usize = 400;

/// Fills the tables with what `reserve` and `settle` would have left, in SQL: each row of requests is written, and the sums
/// are made of them.
fn fill(path: &Path, mission: &Mission, users: &[UserId], requests: i64) -> Vec<MissionId> {
    let mut conn = Connection::open(path).unwrap();
    conn.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -262144; PRAGMA wal_autocheckpoint = 65536")
        .unwrap();
    let today = Timestamp::now().day().number();
    let missions = requests / OF_A_MISSION;
    let mut ids = Vec::new();
    for piece in 0..(missions + 999) / 1000 {
        let tx = conn.transaction().unwrap();
        {
            let mut sum = tx
                .prepare_cached(
                    "INSERT INTO spending VALUES (NULL, ?1, ?2, ?3, ?4, ?5, 'shell', 'anthropic', ?6, ?7, 0, 0, 0, 0, 0, 0, \
                     0, 0, 0, 0, 0)",
                )
                .unwrap();
            let mut request = tx
                .prepare_cached(
                    "INSERT INTO model_requests (id, spending, mission, turn, format, started_at, reserved, request_end, status, \
                     first_byte_ms, took_ms, upstream_request_id, input, cache_read, cache_write, cache_write_1h, output, \
                     reasoning, cost, price_from, estimated, has_failed) VALUES (?1, ?2, ?3, ?4, 'messages', ?5, 500000, \
                     'complete', 200, 900, 14000, ?6, 120, 48000, 1900, 0, 700, 300, ?7, 20000, 0, 0)",
                )
                .unwrap();
            for number in piece * 1000..missions.min((piece + 1) * 1000) {
                let id = MissionId::new();
                ids.push(id);
                let day = today - u32::try_from(DAYS - 1 - number * DAYS / missions).unwrap();
                let place = usize::try_from(number).unwrap();
                let user = users[place % users.len()].to_string();
                let account = format!("account-{}", place % ACCOUNTS);
                let mut sums = [0, 0];
                for (second, key) in sums.iter_mut().enumerate() {
                    let model = format!("model-{}", (place + second) % MODELS);
                    let key_of_mission = number + 1_000_000;
                    *key = sum
                        .insert(params![
                            id.to_string(),
                            day,
                            model,
                            account,
                            user,
                            mission.workspace.to_string(),
                            key_of_mission
                        ])
                        .unwrap();
                }
                let start = Day::from_number(day).start().as_millis();
                for at in 0..OF_A_MISSION {
                    request
                        .execute(params![
                            RequestId::new().to_string(),
                            sums[usize::from(at % 10 == 9)],
                            number + 1_000_000,
                            at / 10,
                            start + at * 20_000,
                            format!("req_{number:x}_{at:x}"),
                            20_000 + at * 37,
                        ])
                        .unwrap();
                }
            }
        }
        tx.commit().unwrap();
    }
    let sums = "count(*), 0, 0, 0, sum(r.input), sum(r.cache_read), sum(r.cache_write), sum(r.cache_write_1h), sum(r.output), \
                sum(r.reasoning), sum(r.cost)";
    conn.execute_batch(&format!(
        "UPDATE spending SET (requests, failed, estimated, unpriced, input, cache_read, cache_write, cache_write_1h, output, \
         reasoning, cost) = (SELECT {sums} FROM model_requests AS r WHERE r.mission = spending.mission_key \
         AND r.spending = spending.key)"
    ))
    .unwrap();
    let sums = "sum(requests), 0, 0, 0, sum(input), sum(cache_read), sum(cache_write), sum(cache_write_1h), sum(output), \
                sum(reasoning), sum(cost)";
    conn.execute_batch(&format!(
        "INSERT INTO spending_of_all SELECT day, model, account, user, harness, {sums} FROM spending GROUP BY 1, 2, 3, 4, 5"
    ))
    .unwrap();
    for (dimension, name) in
        [("server", "''"), ("model", "model"), ("account", "account"), ("user", "user"), ("harness", "harness")]
    {
        conn.execute_batch(&format!(
            "INSERT INTO spending_days SELECT '{dimension}', {name}, day, {sums} FROM spending GROUP BY {name}, day"
        ))
        .unwrap();
    }
    ids
}

async fn mission(store: &Store) -> Mission {
    let workspace = Workspace {
        id: WorkspaceId::new(),
        name: "bench".parse().unwrap(),
        backend: "host".parse().unwrap(),
        options: serde_json::json!({}),
        network: NetworkPolicy { mode: NetworkMode::None, allow: Vec::new(), via: None },
        limits: WorkspaceLimits::default(),
        ports: Vec::new(),
        user: None,
        root: None,
        layers: WorkspaceLayers::default(),
        phase: WorkspacePhase::Ready,
        problem: None,
        build: None,
        recipe: Recipe::default(),
        template: None,
        drift: None,
        owner: UserId::new(),
        created_at: Timestamp::now(),
    };
    let new = NewMissionRow {
        id: MissionId::new(),
        title: "bench".into(),
        harness: "shell".parse().unwrap(),
        workspace: workspace.id,
        model: None,
        effort: None,
        approvals: ApprovalMode::Bypass,
        mode: WorkMode::Act,
        settings: serde_json::json!({}),
        one_shot: false,
        worktree: false,
        owner: workspace.owner,
        cause: "created".into(),
    };
    store.insert_workspace(workspace, None).await.unwrap();
    let first = QueuedMessage {
        id: MessageId::new(),
        text: "fix the build".into(),
        attachments: Vec::new(),
        steer: false,
        created_at: Timestamp::now(),
    };
    store.insert_mission(new, first).await.unwrap().mission
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    println!("{what}: p50 {:.2?}, p95 {:.2?}", times[times.len() / 2], times[times.len() * 95 / 100]);
}

async fn sums(store: &Store, user: UserId, missions: &[MissionId]) {
    let today = Timestamp::now().day();
    let month = SpendingFilter { from: Some(Day::from_number(today.number() - 29)), ..SpendingFilter::default() };
    let of_user = SpendingFilter { user: Some(user), ..month.clone() };
    let of_account = SpendingFilter { account: Some("account-1".parse().unwrap()), ..SpendingFilter::default() };
    for (what, filter, group) in [
        ("by day, a year", SpendingFilter::default(), SpendingGroup::Day),
        ("by mission, newest 50", SpendingFilter::default(), SpendingGroup::Mission),
        ("by model, a year", SpendingFilter::default(), SpendingGroup::Model),
        ("by account, a year", SpendingFilter::default(), SpendingGroup::Account),
        ("by user, a year", SpendingFilter::default(), SpendingGroup::User),
        ("by model, 30 days", month, SpendingGroup::Model),
        ("by model of one user, 30 days", of_user.clone(), SpendingGroup::Model),
        ("by mission of one user, 30 days", of_user, SpendingGroup::Mission),
        ("by day of one account, a year", of_account.clone(), SpendingGroup::Day),
        ("by mission of one account, newest 50", of_account.clone(), SpendingGroup::Mission),
        ("by model of one account, a year", of_account, SpendingGroup::Model),
    ] {
        let mut times = Vec::new();
        for _ in 0..100 {
            let started = Instant::now();
            let page = store.spending(&filter, group, &PageRequest::default()).await.unwrap();
            times.push(started.elapsed());
            assert!(!page.items.is_empty());
        }
        print(&format!("spending {what}"), times);
    }
    let (mut sum, mut turn, mut list) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..100 {
        let mission = missions[number * 7919 % missions.len()];
        let started = Instant::now();
        assert_eq!(store.mission_spending(mission).await.unwrap().requests, OF_A_MISSION.unsigned_abs());
        sum.push(started.elapsed());
        let started = Instant::now();
        assert!(!store.turn_usage(mission, 3).await.unwrap().is_empty());
        turn.push(started.elapsed());
        let started = Instant::now();
        assert_eq!(store.model_requests(Some(mission), &PageRequest::default()).await.unwrap().items.len(), 50);
        list.push(started.elapsed());
    }
    print("sum of a mission", sum);
    print("usage of a turn", turn);
    print("first page of a mission's requests", list);
}

async fn reserve(store: &Store, mission: &Mission) {
    for scope in [BudgetScope::Server, BudgetScope::User(mission.owner), BudgetScope::Mission(mission.id)] {
        for period in BudgetPeriod::ALL {
            store.set_budget(scope.clone(), period, 1_000_000_000_000).await.unwrap();
        }
    }
    let new = |number: usize| NewRequest {
        id: RequestId::new(),
        mission: mission.id,
        turn: 1,
        owner: mission.owner,
        workspace: mission.workspace,
        harness: mission.harness.clone(),
        account: format!("account-{}", number % ACCOUNTS).parse().unwrap(),
        provider: "anthropic".parse().unwrap(),
        model: format!("model-{}", number % MODELS),
        format: WireFormat::Messages,
        at: Timestamp::now(),
        worst: Some(500_000),
        least: None,
    };
    let settled = RequestSettled {
        end: RequestEnd::Complete,
        status: Some(200),
        tokens: Some(Tokens { input: 120, cache_read: 48_000, cache_write: 1900, output: 700, ..Tokens::default() }),
        cost: Some(Cost { micro_usd: 25_000, price_from: Day::from_number(20_000) }),
        answered_model: None,
        first_byte_ms: Some(900),
        took_ms: 14_000,
        upstream_request_id: Some("req_0123456789".into()),
    };
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..WORKERS {
        let store = store.clone();
        let requests: Vec<_> = (0..RESERVED).map(|number| new(worker + number)).collect();
        let settled = settled.clone();
        tasks.spawn(async move {
            let mut times = Vec::new();
            for request in requests {
                let id = request.id;
                let started = Instant::now();
                assert!(matches!(store.reserve(request).await.unwrap(), Reserved::Granted { .. }));
                times.push(started.elapsed());
                assert!(store.settle(id, settled.clone()).await.unwrap());
            }
            times
        });
    }
    let times: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    let rate = (WORKERS * RESERVED) as f64 / started.elapsed().as_secs_f64();
    println!("{WORKERS} at once, 9 budgets: {rate:.0} requests/s reserved and settled");
    print("one reservation among them", times);
    let mut times = Vec::new();
    for number in 0..RESERVED {
        let request = new(number);
        let (id, started) = (request.id, Instant::now());
        assert!(matches!(store.reserve(request).await.unwrap(), Reserved::Granted { .. }));
        times.push(started.elapsed());
        store.settle(id, settled.clone()).await.unwrap();
    }
    print("one reservation alone", times);
}

#[tokio::main]
async fn main() {
    let temporary = tempfile::tempdir().unwrap();
    let mut arguments = std::env::args_os().skip(1);
    let directory = arguments.next().map_or_else(|| temporary.path().to_owned(), Into::into);
    let requests = arguments.next().map_or(REQUESTS, |number| number.to_str().unwrap().parse().unwrap());
    let path = directory.join("spending.db");
    let store = Store::open(&path).await.unwrap();
    let mission = mission(&store).await;
    store.close().await;

    let users: Vec<_> = (0..USERS).map(|_| UserId::new()).collect();
    let started = Instant::now();
    let missions = fill(&path, &mission, &users, requests);
    let size = std::fs::metadata(&path).unwrap().len() >> 20;
    println!(
        "{requests} requests of {} missions filled in {:.1?}, database {size} MiB",
        missions.len(),
        started.elapsed()
    );

    let started = Instant::now();
    let store = Store::open_with(&path, Options::default()).await.unwrap();
    println!("opened in {:.1?}", started.elapsed());
    sums(&store, users[3], &missions).await;
    reserve(&store, &mission).await;
    store.close().await;
}
