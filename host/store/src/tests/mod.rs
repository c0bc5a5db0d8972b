//! What the store does, shown with real database files. In these tests each statement is also checked to use an index
//! (see `statement`).

mod access;
mod accounts;
mod asks;
mod attachments;
mod backup;
mod builds;
mod concurrency;
mod crash;
mod disk_full;
mod kv;
mod lists;
mod missions;
mod opening;
mod queue;
mod runs;
mod search;
mod skills;
mod spending;
mod templates;
mod vault;
mod workspaces;

use std::{path::PathBuf, time::Duration};

use sandboxed_model::{
    MessageId, MissionId, Timestamp, UserId, WorkspaceId,
    access::{Role, User},
    ask::{ApprovalMode, WorkMode},
    backend::WorkspacePhase,
    event::{EventBody, Message, MessageRole, StateChange},
    mission::Mission,
    queue::QueuedMessage,
    recipe::Recipe,
    state::MissionState,
    workspace::{NetworkMode, NetworkPolicy, Workspace, WorkspaceLayers, WorkspaceLimits},
};
use tempfile::TempDir;

use crate::{MissionChange, NewMissionRow, Store};

/// A store in a directory of its own with one workspace.
struct Fixture {
    store: Store,
    workspace: WorkspaceId,
    dir: TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path().join(Store::FILE_NAME)).await.unwrap();
        let workspace = add_workspace(&store, "main").await;
        Self { store, workspace, dir }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join(Store::FILE_NAME)
    }

    async fn mission(&self, title: &str) -> Mission {
        self.store.insert_mission(new_mission(self.workspace, title), message("do it")).await.unwrap().mission
    }

    /// A mission that has gone through these states after `queued`.
    async fn mission_in(&self, title: &str, states: &[MissionState]) -> Mission {
        let mut mission = self.mission(title).await;
        for state in states {
            mission = self.go(&mission, *state).await;
        }
        mission
    }

    async fn go(&self, mission: &Mission, to: MissionState) -> Mission {
        let change = MissionChange { events: vec![state(mission.state, to)], ..MissionChange::default() };
        self.store.commit(mission.id, change).await.unwrap().mission
    }

    async fn say(&self, mission: MissionId, text: &str) {
        let change = MissionChange { events: vec![said(text)], ..MissionChange::default() };
        self.store.commit(mission, change).await.unwrap();
    }

    async fn reopen(&mut self) {
        self.store.close().await;
        self.store = Store::open(self.path()).await.unwrap();
    }
}

async fn add_workspace(store: &Store, name: &str) -> WorkspaceId {
    let workspace = new_workspace(name);
    let id = workspace.id;
    store.insert_workspace(workspace, None).await.unwrap();
    id
}

fn new_workspace(name: &str) -> Workspace {
    Workspace {
        id: WorkspaceId::new(),
        name: name.parse().unwrap(),
        backend: "host".parse().unwrap(),
        options: serde_json::json!({ "image": "debian" }),
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
    }
}

fn new_mission(workspace: WorkspaceId, title: &str) -> NewMissionRow {
    NewMissionRow {
        id: MissionId::new(),
        title: title.to_owned(),
        harness: "shell".parse().unwrap(),
        workspace,
        model: Some("best".to_owned()),
        effort: None,
        approvals: ApprovalMode::Bypass,
        mode: WorkMode::Act,
        settings: serde_json::json!({ "shell": "bash" }),
        one_shot: true,
        worktree: false,
        owner: UserId::new(),
        cause: "created".to_owned(),
    }
}

fn new_user(name: &str) -> User {
    User { id: UserId::new(), name: name.to_owned(), role: Role::Member, created_at: Timestamp::now() }
}

fn message(text: &str) -> QueuedMessage {
    QueuedMessage {
        id: MessageId::new(),
        text: text.to_owned(),
        attachments: Vec::new(),
        steer: false,
        created_at: Timestamp::now(),
    }
}

fn state(from: MissionState, to: MissionState) -> EventBody {
    EventBody::State(StateChange { from: Some(from), to, cause: "test".to_owned() })
}

fn said(text: &str) -> EventBody {
    let (id, text) = ("m1".to_owned(), text.to_owned());
    EventBody::Message(Message { id, role: MessageRole::Agent, parent: None, text, attachments: Vec::new() })
}

/// Waits until the condition holds; panics after half a minute.
async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while !condition().await {
        assert!(tokio::time::Instant::now() < deadline, "waited too long until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
