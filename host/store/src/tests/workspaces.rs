use sandboxed_model::{
    SnapshotId,
    page::PageRequest,
    port::{DeclaredPort, PortProtocol},
    snapshot::Snapshot,
    state::MissionState::*,
    workspace::{WorkspaceLayers, WorkspaceRoot},
};

use super::*;
use crate::{Error, UserPool};

#[tokio::test]
async fn declared_ports_are_kept_and_replaced() {
    let fixture = Fixture::new().await;
    let port = |name: &str, port: u16| DeclaredPort {
        name: name.parse().unwrap(),
        port: port.try_into().unwrap(),
        protocol: PortProtocol::Https,
        label: Some("a label".to_owned()),
    };
    let made = Workspace { ports: vec![port("web", 3000)], ..new_workspace("ported") };
    fixture.store.insert_workspace(made.clone(), None).await.unwrap();
    assert_eq!(fixture.store.workspace(made.id).await.unwrap(), made);

    fixture.store.set_workspace_ports(made.id, vec![port("api", 4000)]).await.unwrap();

    assert_eq!(fixture.store.workspace(made.id).await.unwrap().ports, [port("api", 4000)]);
    let gone = fixture.store.set_workspace_ports(WorkspaceId::new(), Vec::new()).await.unwrap_err();
    assert_eq!(gone.failure().code, "workspace.not_found");
}

#[tokio::test]
async fn a_workspace_is_found_by_id_and_by_name() {
    let mut fixture = Fixture::new().await;
    let workspace = new_workspace("second");
    fixture.store.insert_workspace(workspace.clone(), None).await.unwrap();
    fixture.reopen().await;
    assert_eq!(fixture.store.workspace(workspace.id).await.unwrap(), workspace);
    assert_eq!(fixture.store.workspace_by_name(&workspace.name).await.unwrap(), workspace);
    let missing = fixture.store.workspace_by_name(&"nope".parse().unwrap()).await.unwrap_err();
    assert_eq!(missing.failure().code, "workspace.not_found");
}

#[tokio::test]
async fn workspaces_that_are_not_there_are_told_apart() {
    let fixture = Fixture::new().await;
    let (one, other) = (WorkspaceId::new(), WorkspaceId::new());
    let missing = fixture.store.missing_workspaces(vec![one, fixture.workspace, other]).await.unwrap();
    assert_eq!(missing, [one, other]);
    assert!(fixture.store.missing_workspaces(Vec::new()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let fixture = Fixture::new().await;
    let error = fixture.store.insert_workspace(new_workspace("main"), None).await.unwrap_err();
    assert_eq!(error.failure().code, "workspace.exists");
}

#[tokio::test]
async fn workspaces_are_listed_in_pages_newest_first() {
    let fixture = Fixture::new().await;
    for name in ["b", "c"] {
        add_workspace(&fixture.store, name).await;
    }
    let first = fixture.store.workspaces(&PageRequest { cursor: None, limit: 2 }).await.unwrap();
    add_workspace(&fixture.store, "d").await;
    let second = fixture.store.workspaces(&PageRequest { cursor: first.next_cursor, limit: 2 }).await.unwrap();
    let names: Vec<_> = first.items.iter().chain(&second.items).map(|workspace| workspace.name.as_str()).collect();
    assert_eq!(names, ["c", "b", "main"]);
    assert_eq!(second.next_cursor, None);
}

#[tokio::test]
async fn the_phase_is_noted() {
    let fixture = Fixture::new().await;
    fixture.store.set_workspace_phase(fixture.workspace, WorkspacePhase::Broken).await.unwrap();
    assert_eq!(fixture.store.workspace(fixture.workspace).await.unwrap().phase, WorkspacePhase::Broken);
    let error = fixture.store.set_workspace_phase(WorkspaceId::new(), WorkspacePhase::Ready).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }));
}

#[tokio::test]
async fn a_workspace_in_use_is_not_deleted_and_ended_missions_keep_its_id() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("busy one").await;
    let error = fixture.store.delete_workspace(fixture.workspace).await.unwrap_err();
    assert_eq!(error.failure().code, "workspace.in_use");
    assert!(error.to_string().contains(&mission.id.to_string()), "{error}");

    fixture.go(&mission, Cancelled).await;
    fixture.store.delete_workspace(fixture.workspace).await.unwrap();
    assert_eq!(fixture.store.mission(mission.id).await.unwrap().workspace, fixture.workspace);
    let error = fixture.store.delete_workspace(fixture.workspace).await.unwrap_err();
    assert_eq!(error.failure().code, "workspace.not_found");
}

#[tokio::test]
async fn every_workspace_gets_a_user_of_its_own_and_a_freed_one_is_given_again() {
    let fixture = Fixture::new().await;
    let users = Some(UserPool { first: 500, last: 502, step: 1 });
    let mut given = Vec::new();
    for name in ["a", "b", "c"] {
        given.push(fixture.store.insert_workspace(new_workspace(name), users).await.unwrap());
    }
    assert_eq!(given.iter().map(|workspace| workspace.user).collect::<Vec<_>>(), [Some(500), Some(501), Some(502)]);
    assert_eq!(fixture.store.workspace(given[1].id).await.unwrap().user, Some(501));
    let error = fixture.store.insert_workspace(new_workspace("d"), users).await.unwrap_err();
    assert_eq!(error.failure().code, "workspace.users_exhausted");

    for freed in [&given[1], &given[0]] {
        fixture.store.delete_workspace(freed.id).await.unwrap();
        let next = fixture.store.insert_workspace(new_workspace(freed.name.as_str()), users).await.unwrap();
        assert_eq!(next.user, freed.user);
    }
}

#[tokio::test]
async fn users_of_a_pool_are_a_step_apart() {
    let fixture = Fixture::new().await;
    let users = Some(UserPool { first: 1000, last: 1250, step: 100 });
    for (name, user) in [("a", 1000), ("b", 1100), ("c", 1200)] {
        assert_eq!(fixture.store.insert_workspace(new_workspace(name), users).await.unwrap().user, Some(user));
    }

    let error = fixture.store.insert_workspace(new_workspace("d"), users).await.unwrap_err();

    assert_eq!(error.failure().code, "workspace.users_exhausted");
}

#[tokio::test]
async fn a_root_that_was_made_later_is_kept_and_counts_as_used() {
    let mut fixture = Fixture::new().await;
    let workspace = new_workspace("second");
    fixture.store.insert_workspace(workspace.clone(), None).await.unwrap();
    let root = WorkspaceRoot {
        title: "Debian".to_owned(),
        layers: vec!["a".to_owned()],
        env: [("A".parse().unwrap(), "b".to_owned())].into(),
        in_place_of: None,
    };

    let layers = WorkspaceLayers { tree: vec!["b".to_owned()], home: Vec::new() };
    fixture.store.set_workspace_layers(workspace.id, Some(root.clone()), layers.clone()).await.unwrap();

    fixture.reopen().await;
    assert_eq!(fixture.store.workspace(workspace.id).await.unwrap().root, Some(root.clone()));
    assert!(fixture.store.used_layers().await.unwrap().contains(&(Some(root), layers)));
}

#[tokio::test]
async fn a_snapshot_is_found_once_it_is_finished_and_counts_as_a_user_of_its_layers() {
    let fixture = Fixture::new().await;
    let workspace = fixture.store.workspace(fixture.workspace).await.unwrap();
    let snapshot = Snapshot {
        id: SnapshotId::new(),
        label: Some("before".to_owned()),
        workspace: workspace.clone(),
        owner: workspace.owner,
        created_at: Timestamp::now(),
    };
    fixture.store.insert_snapshot(snapshot.clone(), false).await.unwrap();
    assert_eq!(fixture.store.unfinished_snapshots().await.unwrap(), std::slice::from_ref(&snapshot));
    assert!(fixture.store.snapshot(snapshot.id).await.is_err());

    let layers = WorkspaceLayers { tree: vec!["t".to_owned()], home: vec!["h".to_owned()] };
    let origin = Workspace { layers: layers.clone(), ..workspace.clone() };
    fixture.store.finish_snapshot(snapshot.id, origin.clone(), "kept".to_owned(), true).await.unwrap();

    let page = PageRequest { cursor: None, limit: 10 };
    let (found, kept) = fixture.store.snapshot(snapshot.id).await.unwrap();
    assert_eq!((&found.workspace, kept.as_str()), (&origin, "kept"));
    assert_eq!(fixture.store.workspace(workspace.id).await.unwrap().layers, layers);
    assert_eq!(fixture.store.snapshots(Some(workspace.id), &page).await.unwrap().items, [found]);
    assert_eq!(fixture.store.snapshots(None, &page).await.unwrap().items.len(), 1);
    fixture.store.set_workspace_layers(workspace.id, None, WorkspaceLayers::default()).await.unwrap();
    assert!(fixture.store.used_layers().await.unwrap().contains(&(None, layers)));
    fixture.store.delete_snapshot(snapshot.id).await.unwrap();
    assert!(fixture.store.snapshots(None, &page).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn a_hidden_snapshot_is_in_no_list() {
    let fixture = Fixture::new().await;
    let workspace = fixture.store.workspace(fixture.workspace).await.unwrap();
    let (id, owner) = (SnapshotId::new(), workspace.owner);
    let snapshot = Snapshot { id, label: None, workspace: workspace.clone(), owner, created_at: Timestamp::now() };
    fixture.store.insert_snapshot(snapshot, true).await.unwrap();
    fixture.store.finish_snapshot(id, workspace.clone(), String::new(), false).await.unwrap();

    let page = PageRequest { cursor: None, limit: 10 };
    assert!(fixture.store.snapshots(Some(workspace.id), &page).await.unwrap().items.is_empty());
    assert_eq!(fixture.store.snapshot(id).await.unwrap().0.id, id);
}
