//! Measures the store on this machine: durable events a second, and the time of a list's first page with 100,000
//! missions.
//!
//! `cargo run -p sandboxed-store --release --example store_bench -- [directory]`; without a directory it uses a
//! temporary one, which may be in memory on machines where `/tmp` is.
#![allow(clippy::unwrap_used, reason = "a measurement that cannot be taken ends")]

use std::{path::Path, time::Instant};

use sandboxed_model::{
    MessageId, MissionId, Timestamp, UserId, WorkspaceId,
    ask::{ApprovalMode, WorkMode},
    backend::WorkspacePhase,
    command::OutputStream,
    event::{EventBody, Message, MessageRole, ToolOutput},
    mission::MissionFilter,
    page::PageRequest,
    queue::QueuedMessage,
    recipe::Recipe,
    state::MissionState,
    workspace::{NetworkMode, NetworkPolicy, Workspace, WorkspaceLayers, WorkspaceLimits},
};
use sandboxed_store::{Durability, MissionChange, NewMissionRow, Options, Store};

const MISSIONS: usize = 8;
const EVENTS: usize = 32;
const CHANGES: usize = 1_000;
const LISTED: usize = 100_000;

/// Increments of 40 to 120 characters, as agents print them at 30 Hz, one in four from a tool.
fn event(number: usize) -> EventBody {
    let words = ["the", "build", "of", "crate", "store", "failed", "because", "test", "runs", "twice", "error[E0425]"];
    let mut text = String::new();
    for place in 0..8 + number % 12 {
        text.push_str(words[(number * 7 + place * 3) % words.len()]);
        text.push(' ');
    }
    text.push_str(&format!("{:x}", number * 2_654_435_761 % 1_000_003));
    if number.is_multiple_of(4) {
        EventBody::ToolOutput(ToolOutput { id: "call-1".into(), stream: OutputStream::Stdout, text, omitted_bytes: 0 })
    } else {
        EventBody::Message(Message {
            id: "message-1".into(),
            role: MessageRole::Agent,
            parent: None,
            text,
            attachments: Vec::new(),
        })
    }
}

fn first_message() -> QueuedMessage {
    QueuedMessage {
        id: MessageId::new(),
        text: "fix the build".into(),
        attachments: Vec::new(),
        steer: false,
        created_at: Timestamp::now(),
    }
}

async fn workspace(store: &Store) -> WorkspaceId {
    let id = WorkspaceId::new();
    store
        .insert_workspace(
            Workspace {
                id,
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
            },
            None,
        )
        .await
        .unwrap();
    id
}

async fn mission(store: &Store, workspace: WorkspaceId, number: usize) -> MissionId {
    let id = MissionId::new();
    let new = NewMissionRow {
        id,
        title: format!("mission number {number}"),
        harness: "shell".parse().unwrap(),
        workspace,
        model: None,
        effort: None,
        approvals: ApprovalMode::Bypass,
        mode: WorkMode::Act,
        settings: serde_json::json!({}),
        one_shot: false,
        worktree: false,
        owner: UserId::new(),
        cause: "created".into(),
    };
    store.insert_mission(new, first_message()).await.unwrap();
    id
}

async fn write(directory: &Path, durability: Durability) {
    let path = directory.join(format!("{durability:?}.db"));
    let store = Store::open_with(&path, Options { durability, ..Options::default() }).await.unwrap();
    let workspace = workspace(&store).await;
    let started = Instant::now();
    let mut tasks = Vec::new();
    for number in 0..MISSIONS {
        let id = mission(&store, workspace, number).await;
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            for change in 0..CHANGES {
                let events = (0..EVENTS).map(|event_number| event(number + change * EVENTS + event_number)).collect();
                let change = MissionChange { events, session_state: Some(vec![7; 2048]), ..MissionChange::default() };
                store.commit(id, change).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let seconds = started.elapsed().as_secs_f64();
    let events = MISSIONS * CHANGES * EVENTS;
    store.close().await;
    let size = std::fs::metadata(&path).unwrap().len() / 1024 / 1024;
    println!(
        "{durability:?}: {events} events in {seconds:.2} s = {:.0} durable events/s, database {size} MiB",
        events as f64 / seconds
    );
}

async fn list(directory: &Path) {
    let store = Store::open(directory.join("list.db")).await.unwrap();
    let workspace = workspace(&store).await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..LISTED {
        let store = store.clone();
        if tasks.len() >= 256 {
            tasks.join_next().await;
        }
        tasks.spawn(async move {
            let id = mission(&store, workspace, number).await;
            if number % 1000 != 0 {
                let to = [MissionState::Cancelled, MissionState::Failed, MissionState::AwaitingUser][number % 3];
                let state =
                    sandboxed_model::event::StateChange { from: Some(MissionState::Queued), to, cause: "".into() };
                let change = MissionChange { events: vec![EventBody::State(state)], ..MissionChange::default() };
                store.commit(id, change).await.unwrap();
            }
        });
    }
    while tasks.join_next().await.is_some() {}
    store.maintenance().await.unwrap();
    let filters = [
        ("all", MissionFilter::default()),
        ("queued", MissionFilter { states: vec![MissionState::Queued], ..MissionFilter::default() }),
        ("all states", MissionFilter { states: MissionState::ALL.to_vec(), ..MissionFilter::default() }),
        ("one workspace", MissionFilter { workspace: Some(workspace), ..MissionFilter::default() }),
        ("a common word", MissionFilter { search: Some("mission".into()), ..MissionFilter::default() }),
        ("a rare word", MissionFilter { search: Some("number 4242".into()), ..MissionFilter::default() }),
    ];
    for (name, filter) in filters {
        let mut times = Vec::new();
        for _ in 0..200 {
            let started = Instant::now();
            let page = store.missions(&filter, &PageRequest::default()).await.unwrap();
            times.push(started.elapsed());
            assert!(!page.items.is_empty());
        }
        times.sort_unstable();
        println!("first page of {LISTED} missions, {name}: p50 {:?}, p95 {:?}", times[100], times[190]);
    }
    store.close().await;
}

#[tokio::main]
async fn main() {
    let temporary = tempfile::tempdir().unwrap();
    let directory = std::env::args_os().nth(1).map_or_else(|| temporary.path().to_owned(), Into::into);
    write(&directory, Durability::Power).await;
    write(&directory, Durability::Process).await;
    list(&directory).await;
}
