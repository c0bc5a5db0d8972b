use sandboxed_model::{
    Blame, BuildId, Failure,
    build::{Build, BuildState},
    page::PageRequest,
    state::MissionState::*,
};

use super::*;
use crate::Error;

fn build(workspace: WorkspaceId) -> Build {
    Build {
        id: BuildId::new(),
        workspace,
        state: BuildState::Running,
        problem: None,
        in_place: false,
        steps: Vec::new(),
        owner: UserId::new(),
        created_at: Timestamp::now(),
        ended_at: None,
    }
}

fn ended(build: &Build, state: BuildState) -> Build {
    Build { state, ended_at: Some(Timestamp::now()), ..build.clone() }
}

#[tokio::test]
async fn a_workspace_is_built_by_one_build_at_a_time_and_says_so() {
    let mut fixture = Fixture::new().await;
    let first = build(fixture.workspace);
    fixture.store.begin_build(first.clone()).await.unwrap();

    let error = fixture.store.begin_build(build(fixture.workspace)).await.unwrap_err();
    assert_eq!(error.failure().code, "build.under_way");
    fixture.reopen().await;
    let workspace = fixture.store.workspace(fixture.workspace).await.unwrap();
    assert_eq!((workspace.phase, workspace.build), (WorkspacePhase::Building, Some(first.id)));
    assert_eq!(fixture.store.live_builds().await.unwrap(), std::slice::from_ref(&first));

    let problem = Failure::new(Blame::Host, "build.interrupted", "the server was lost");
    let failed = ended(&first, BuildState::Failed);
    fixture.store.end_build(failed, WorkspacePhase::Failed, Some(problem.clone())).await.unwrap();
    let workspace = fixture.store.workspace(fixture.workspace).await.unwrap();
    assert_eq!((workspace.phase, workspace.problem), (WorkspacePhase::Failed, Some(problem)));
    assert!(fixture.store.live_builds().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_workspace_in_use_is_not_built_and_stays_as_it_is() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission_in("busy", &[Running]).await;

    let error = fixture.store.begin_build(build(fixture.workspace)).await.unwrap_err();

    assert_eq!(error.failure().code, "workspace.in_use");
    assert!(error.to_string().contains(&mission.id.to_string()), "{error}");
    assert_eq!(fixture.store.workspace(fixture.workspace).await.unwrap().phase, WorkspacePhase::Ready);
}

#[tokio::test]
async fn old_builds_are_outlived_but_never_the_last_of_a_workspace() {
    let fixture = Fixture::new().await;
    let other = add_workspace(&fixture.store, "other").await;
    let (first, second, lone) = (build(fixture.workspace), build(fixture.workspace), build(other));
    for one in [&first, &second, &lone] {
        fixture.store.begin_build(one.clone()).await.unwrap();
        fixture.store.end_build(ended(one, BuildState::Done), WorkspacePhase::Ready, None).await.unwrap();
    }
    let later = Timestamp::from_millis(Timestamp::now().as_millis() + 1000);

    let outlived = fixture.store.outlived_builds(later, 10).await.unwrap();

    assert_eq!(outlived.iter().map(|build| build.id).collect::<Vec<_>>(), [first.id]);
    fixture.store.delete_build(first.id).await.unwrap();
    let page = fixture.store.builds(fixture.workspace, &PageRequest { cursor: None, limit: 10 }).await.unwrap();
    assert_eq!(page.items.iter().map(|build| build.id).collect::<Vec<_>>(), [second.id]);
    assert!(matches!(fixture.store.build(first.id).await, Err(Error::NotFound { .. })));
}
