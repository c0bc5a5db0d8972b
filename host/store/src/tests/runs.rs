use sandboxed_model::{RunId, command::Exit, harness::Framing, state::MissionState::*};

use super::*;
use crate::{Offsets, RunChange, RunRecord};

fn run(mission: MissionId) -> RunRecord {
    RunRecord {
        id: RunId::new(),
        mission,
        turn: 1,
        pid: None,
        started_at: Timestamp::from_millis(1000),
        ended_at: None,
        exit: None,
        stdout_offset: 0,
        stderr_offset: 0,
        stdout_framing: Framing::Lines,
        stderr_framing: Framing::Raw,
        speaks_by: None,
    }
}

fn started(record: RunRecord) -> RunChange {
    RunChange::Started { record, start: b"its start".to_vec() }
}

fn change(run: RunChange) -> MissionChange {
    MissionChange { run: Some(run), ..MissionChange::default() }
}

fn progress(run: RunId, stdout: u64, stderr: u64) -> MissionChange {
    change(RunChange::Progress { run, offsets: Offsets { stdout, stderr } })
}

#[tokio::test]
async fn a_run_is_followed_from_its_start_to_its_end() {
    let mut fixture = Fixture::new().await;
    let mission = fixture.mission("x").await.id;
    let mut record = run(mission);
    let store = &fixture.store;
    store.commit(mission, change(started(record.clone()))).await.unwrap();
    store.commit(mission, progress(record.id, 10, 0)).await.unwrap();
    store.commit(mission, progress(record.id, 10, 7)).await.unwrap();
    store.commit(mission, change(RunChange::Launched { run: record.id, pid: 4242 })).await.unwrap();
    (record.stdout_offset, record.stderr_offset) = (10, 7);
    record.pid = Some(4242);

    fixture.reopen().await;
    let live = fixture.store.live_state(mission).await.unwrap();
    assert_eq!((live.live_run, live.live_start), (Some(record.clone()), Some(b"its start".to_vec())));
    let ended = RunChange::Ended { run: record.id, exit: Exit::Lost("the machine went down".to_owned()) };
    fixture.store.commit(mission, change(ended.clone())).await.unwrap();
    assert_eq!(fixture.store.live_state(mission).await.unwrap().live_run, None);
    let runs = fixture.store.runs(mission).await.unwrap();
    assert_eq!(runs[0].exit, Some(Exit::Lost("the machine went down".to_owned())));
    assert!(runs[0].ended_at.is_some());
    let error = fixture.store.commit(mission, change(ended)).await.unwrap_err();
    assert_eq!(error.failure().code, "run.ended");
}

#[tokio::test]
async fn a_mission_has_one_live_run_at_most() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await.id;
    let first = run(mission);
    fixture.store.commit(mission, change(started(first.clone()))).await.unwrap();
    let error = fixture.store.commit(mission, change(started(run(mission)))).await.unwrap_err();
    assert_eq!(error.failure().code, "run.exists");
    let ended = RunChange::Ended { run: first.id, exit: Exit::Code(0) };
    fixture.store.commit(mission, change(ended)).await.unwrap();
    fixture.store.commit(mission, change(started(run(mission)))).await.unwrap();
    assert_eq!(fixture.store.runs(mission).await.unwrap().len(), 2);
}

#[tokio::test]
async fn offsets_never_go_back_and_other_missions_runs_are_out_of_reach() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await.id;
    let other = fixture.mission("other").await.id;
    let record = run(mission);
    fixture.store.commit(mission, change(started(record.clone()))).await.unwrap();
    fixture.store.commit(mission, progress(record.id, 10, 10)).await.unwrap();
    let error = fixture.store.commit(mission, progress(record.id, 11, 9)).await.unwrap_err();
    assert_eq!(error.failure().code, "run.offset");
    for (mission, run) in [(other, record.id), (mission, RunId::new())] {
        let error = fixture.store.commit(mission, progress(run, 20, 20)).await.unwrap_err();
        assert_eq!(error.failure().code, "run.not_found");
    }
    let error = fixture.store.commit(other, change(started(run(mission)))).await.unwrap_err();
    assert_eq!(error.failure().code, "run.other_mission");
    let live = fixture.store.live_state(mission).await.unwrap().live_run.unwrap();
    assert_eq!((live.stdout_offset, live.stderr_offset), (10, 10));
}

#[tokio::test]
async fn ended_runs_are_found_by_age_and_forgotten_and_live_ones_are_not() {
    let fixture = Fixture::new().await;
    let (mut ids, later) = (Vec::new(), Timestamp::from_millis(Timestamp::now().as_millis() + 60_000));
    for number in 0..3 {
        let mission = fixture.mission(&number.to_string()).await.id;
        let record = run(mission);
        ids.push(record.id);
        fixture.store.commit(mission, change(started(record.clone()))).await.unwrap();
        if number < 2 {
            let ended = RunChange::Ended { run: record.id, exit: Exit::Code(0) };
            fixture.store.commit(mission, change(ended)).await.unwrap();
        }
    }
    let store = &fixture.store;
    let found = |runs: Vec<RunRecord>| runs.into_iter().map(|run| run.id).collect::<Vec<_>>();
    assert_eq!(found(store.ended_runs_before(later, 10).await.unwrap()), ids[..2]);
    assert_eq!(found(store.ended_runs_before(later, 1).await.unwrap()), ids[..1]);
    assert_eq!(found(store.ended_runs_before(Timestamp::from_millis(2000), 10).await.unwrap()), []);
    store.forget_run(ids[0]).await.unwrap();
    assert_eq!(found(store.ended_runs_before(later, 10).await.unwrap()), ids[1..2]);
    assert_eq!(store.forget_run(ids[2]).await.unwrap_err().failure().code, "run.not_found");
}

#[tokio::test]
async fn a_mission_that_had_runs_can_be_deleted() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission_in("x", &[Cancelled]).await.id;
    let record = run(mission);
    fixture.store.commit(mission, change(started(record.clone()))).await.unwrap();
    let ended = RunChange::Ended { run: record.id, exit: Exit::Code(0) };
    fixture.store.commit(mission, change(ended)).await.unwrap();
    fixture.store.delete_mission(mission).await.unwrap();
    assert_eq!(fixture.store.forget_run(record.id).await.unwrap_err().failure().code, "run.not_found");
}
