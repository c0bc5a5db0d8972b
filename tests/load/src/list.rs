//! The first page of 100,000 missions.

use std::time::Instant;

use sandboxed_model::{
    MessageId, MissionId, Timestamp, UserId, WorkspaceId,
    ask::{ApprovalMode, WorkMode},
    backend::WorkspacePhase,
    queue::QueuedMessage,
    recipe::Recipe,
    workspace::{NetworkMode, NetworkPolicy, Workspace, WorkspaceLayers, WorkspaceLimits},
};
use sandboxed_store::{MissionChange, NewMissionRow, Store};
use sandboxed_tests::Server;

use crate::figures::{millis, quantile, show};

const MISSIONS: usize = 100_000;

pub(crate) async fn measure() {
    let mut server = Server::start().await;
    server.stop().await;
    fill(&server.data_dir().join(Store::FILE_NAME)).await;
    server.restart().await;
    let mut first = Vec::new();
    let mut search = Vec::new();
    for _ in 0..200 {
        let begun = Instant::now();
        server.api.get("/missions?limit=50").await;
        first.push(begun.elapsed());
        let begun = Instant::now();
        server.api.get("/missions?limit=50&q=number77777").await;
        search.push(begun.elapsed());
    }
    show("first page of 100,000 missions over HTTP, p95", &millis(quantile(&mut first, 0.95)), "< 20 ms");
    show("search among 100,000 missions over HTTP, p95", &millis(quantile(&mut search, 0.95)), "");
}

/// Missions that ended, so that the server takes none of them up.
async fn fill(database: &std::path::Path) {
    use sandboxed_model::{
        event::{EventBody, StateChange},
        state::MissionState,
    };
    let store = Store::open(database).await.unwrap();
    let owner: UserId = store.account("admin").await.unwrap().unwrap().user.id;
    let workspace = WorkspaceId::new();
    store
        .insert_workspace(
            Workspace {
                id: workspace,
                name: "load".parse().unwrap(),
                backend: "host".parse().unwrap(),
                options: serde_json::json!({}),
                network: NetworkPolicy { mode: NetworkMode::None, allow: Vec::new(), via: None },
                limits: WorkspaceLimits::default(),
                user: None,
                root: None,
                layers: WorkspaceLayers::default(),
                ports: Vec::new(),
                phase: WorkspacePhase::Absent,
                problem: None,
                build: None,
                recipe: Recipe::default(),
                template: None,
                drift: None,
                owner,
                created_at: Timestamp::now(),
            },
            None,
        )
        .await
        .unwrap();
    let work = futures_util::stream::iter(0..MISSIONS);
    futures_util::StreamExt::for_each_concurrent(work, 256, async |number| {
        let id = MissionId::new();
        let row = NewMissionRow {
            id,
            title: format!("mission number{number}"),
            harness: "shell".parse().unwrap(),
            workspace,
            model: None,
            effort: None,
            approvals: ApprovalMode::Bypass,
            mode: WorkMode::Act,
            settings: serde_json::json!({}),
            one_shot: true,
            worktree: false,
            owner,
            cause: "load".to_owned(),
        };
        let first = QueuedMessage {
            id: MessageId::new(),
            text: "true".to_owned(),
            attachments: Vec::new(),
            steer: false,
            created_at: Timestamp::now(),
        };
        store.insert_mission(row, first).await.unwrap();
        let cancelled =
            StateChange { from: Some(MissionState::Queued), to: MissionState::Cancelled, cause: "load".to_owned() };
        let change = MissionChange { events: vec![EventBody::State(cancelled)], ..MissionChange::default() };
        store.commit(id, change).await.unwrap();
    })
    .await;
    store.close().await;
}
