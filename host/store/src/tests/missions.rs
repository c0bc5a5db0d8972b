use sandboxed_model::{
    Blame, Failure, MessageId, Seq, Timestamp,
    command::{Exit, OutputStream},
    event::*,
    harness::{Action, TurnOutcome},
    mission::{MissionEdit, ParkedReason},
    state::MissionState::{self, *},
};

use super::*;
use crate::{Error, QueueChange};

#[tokio::test]
async fn a_new_mission_is_queued_with_its_message_and_its_first_event() {
    let fixture = Fixture::new().await;
    let new = new_mission(fixture.workspace, "fix it");
    let id = new.id;
    let first = message("please");
    let committed = fixture.store.insert_mission(new.clone(), first.clone()).await.unwrap();

    let mission = fixture.store.mission(id).await.unwrap();
    assert_eq!(committed.mission, mission);
    assert_eq!((mission.state, mission.turns, mission.queued_messages), (Queued, 0, 1));
    assert_eq!((mission.title.as_str(), &mission.settings, mission.one_shot), ("fix it", &new.settings, true));
    assert_eq!(mission.usage, Usage::default());
    assert_eq!(fixture.store.queue(id).await.unwrap(), [first]);
    let events = fixture.store.events(id, Seq::ZERO, 10, &[]).await.unwrap();
    assert_eq!(events, committed.events);
    let first = StateChange { from: None, to: Queued, cause: "created".to_owned() };
    assert_eq!((events[0].seq, &events[0].body), (Seq(1), &EventBody::State(first)));
}

#[tokio::test]
async fn a_mission_needs_a_workspace_that_is_there_and_an_id_of_its_own() {
    let fixture = Fixture::new().await;
    let nowhere = new_mission(WorkspaceId::new(), "x");
    let error = fixture.store.insert_mission(nowhere, message("x")).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { what: "workspace", .. }), "{error:?}");

    let new = new_mission(fixture.workspace, "x");
    fixture.store.insert_mission(new.clone(), message("x")).await.unwrap();
    let error = fixture.store.insert_mission(new, message("x")).await.unwrap_err();
    assert_eq!(error.failure().code, "mission.exists");
}

#[tokio::test]
async fn the_mission_follows_from_its_events() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    let turn = |outcome| EventBody::TurnEnded(TurnEnded { outcome, reason: "so".to_owned() });
    let used = |cost| {
        EventBody::Usage(Usage {
            model: Some("m".to_owned()),
            input: 10,
            output: 5,
            cache_read: 3,
            cache_write: 2,
            reasoning: 1,
            cost_micro_usd: cost,
            ..Usage::default()
        })
    };
    let change = MissionChange {
        events: vec![
            state(Queued, Running),
            EventBody::TurnStarted(TurnStarted { message: MessageId::new() }),
            EventBody::Session(Session { id: "native-7".to_owned() }),
            used(None),
            turn(TurnOutcome::Failed),
            state(Running, AwaitingUser),
        ],
        ..MissionChange::default()
    };
    let first = fixture.store.commit(mission.id, change).await.unwrap();
    let turns: Vec<u32> = first.events.iter().map(|event| event.turn).collect();
    assert_eq!(turns, [0, 1, 1, 1, 1, 1], "events carry the turn that they belong to");
    assert_eq!(first.mission.usage.cost_micro_usd, None, "a cost that nobody named stays unknown");
    assert_eq!(first.mission.last_outcome, Some(TurnOutcome::Failed));
    assert_eq!((first.mission.state, first.mission.turns, first.mission.last_seq), (AwaitingUser, 1, Seq(7)));

    let change = MissionChange {
        events: vec![
            state(AwaitingUser, Queued),
            state(Queued, Running),
            EventBody::TurnStarted(TurnStarted { message: MessageId::new() }),
            used(Some(40)),
            used(Some(2)),
            turn(TurnOutcome::Completed),
            state(Running, Done),
        ],
        ..MissionChange::default()
    };
    let second = fixture.store.commit(mission.id, change).await.unwrap().mission;
    assert_eq!((second.state, second.turns, second.last_outcome), (Done, 2, Some(TurnOutcome::Completed)));
    let total = Usage {
        model: Some("m".to_owned()),
        input: 30,
        output: 15,
        cache_read: 9,
        cache_write: 6,
        reasoning: 3,
        cost_micro_usd: Some(42),
        ..Usage::default()
    };
    assert_eq!(second.usage, total);
    assert_eq!(fixture.store.mission(mission.id).await.unwrap(), second);
    let live = fixture.store.live_state(mission.id).await.unwrap();
    assert_eq!(live.native_session.as_deref(), Some("native-7"));
}

#[tokio::test]
async fn what_the_gateway_counted_takes_the_place_of_what_the_agent_reported() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    let said = Usage { input: 7, output: 2, cost_micro_usd: Some(90), ..Usage::default() };
    let reported = ReportedUsage::default().and(&said).and(&said);
    let counted = |cost| {
        let (source, reported) = (UsageSource::Gateway, Some(reported));
        Usage { input: 100, output: 20, cost_micro_usd: cost, source, reported, ..Usage::default() }
    };
    let change = |cost| MissionChange {
        events: [said.clone(), said.clone(), counted(cost)].map(EventBody::Usage).into(),
        ..MissionChange::default()
    };

    let unpriced = fixture.store.commit(mission.id, change(None)).await.unwrap().mission.usage;
    assert_eq!((unpriced.input, unpriced.output, unpriced.cost_micro_usd), (100, 20, None));
    let priced = fixture.store.commit(mission.id, change(Some(5))).await.unwrap().mission.usage;

    assert_eq!((priced.input, priced.output, priced.cost_micro_usd), (200, 40, Some(5)));
}

#[tokio::test]
async fn a_parked_mission_waits_for_something_until_it_is_parked_no_more() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    let parked =
        sandboxed_model::mission::Parked { reason: ParkedReason::UsageLimit, until: Some(Timestamp::from_millis(5)) };
    let change = MissionChange {
        events: vec![state(Queued, Running), state(Running, MissionState::Parked)],
        parked: Some(parked.clone()),
        ..MissionChange::default()
    };
    let waits = fixture.store.commit(mission.id, change).await.unwrap().mission;
    assert_eq!(waits.parked, Some(parked));
    assert_eq!(fixture.store.parked_missions().await.unwrap(), [waits]);

    let change = MissionChange { events: vec![state(MissionState::Parked, Queued)], ..MissionChange::default() };
    assert_eq!(fixture.store.commit(mission.id, change).await.unwrap().mission.parked, None);
    assert!(fixture.store.parked_missions().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_an_agent_says_it_used_cannot_overflow_a_sum() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    let usage = EventBody::Usage(Usage { input: u64::MAX, cost_micro_usd: Some(u64::MAX), ..Usage::default() });
    let change = MissionChange { events: vec![usage.clone(), usage], ..MissionChange::default() };
    let after = fixture.store.commit(mission.id, change).await.unwrap().mission;
    assert_eq!(after.usage.input, i64::MAX as u64);
    assert_eq!(fixture.store.mission(mission.id).await.unwrap(), after);
}

#[tokio::test]
async fn every_kind_of_event_reads_back_as_it_was_written() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    let run = sandboxed_model::RunId::new();
    let bodies = vec![
        state(Queued, Running),
        EventBody::TurnStarted(TurnStarted { message: MessageId::new() }),
        EventBody::RunStarted(RunStarted { run, pid: 42 }),
        EventBody::Session(Session { id: "s".to_owned() }),
        said("quote \" back \\ nul \0 newline \n emoji 🦀"),
        EventBody::Thought(Thought { id: "t".to_owned(), parent: None, text: "hm".to_owned() }),
        EventBody::ToolCall(ToolCall {
            id: "c".to_owned(),
            parent: Some("p".to_owned()),
            title: "ls".to_owned(),
            kind: ToolKind::Execute,
            status: ToolStatus::Running,
            input: serde_json::json!({ "a": [1, null, "x"], "n": 1.5 }),
            exit_code: Some(-1),
            edits: Vec::new(),
        }),
        EventBody::ToolOutput(ToolOutput {
            id: "c".to_owned(),
            stream: OutputStream::Stderr,
            text: "out".to_owned(),
            omitted_bytes: 9,
        }),
        EventBody::Plan(Plan { entries: vec![PlanEntry { text: "do".to_owned(), status: ToolStatus::Pending }] }),
        EventBody::Usage(Usage { input: u64::MAX, ..Usage::default() }),
        EventBody::FileChange(FileChange {
            path: "a/b".to_owned(),
            change: ChangeKind::Modified,
            size: 3,
            added_lines: Some(1),
            removed_lines: None,
            diff: Some("@@".to_owned()),
        }),
        EventBody::Notice(Notice { level: NoticeLevel::Warning, code: "a.b".to_owned(), text: "n".to_owned() }),
        EventBody::Connections(Connections {
            host: "example.org".to_owned(),
            port: 443,
            allowed: false,
            reason: "not_listed".to_owned(),
            count: 2,
            bytes_up: 0,
            bytes_down: 0,
        }),
        EventBody::Ports(PortsOpened {
            opened: vec![OpenedPort { port: 8080.try_into().unwrap(), process: Some("node".to_owned()) }],
            more: 1,
        }),
        EventBody::Retry(Retry { attempt: 1, delay_ms: 2, reason: "r".to_owned() }),
        EventBody::Error(Failure::new(Blame::Plugin, "a.b", "m").with_hint("h")),
        EventBody::Other(Other { name: "x".to_owned(), value: serde_json::json!(null) }),
        EventBody::RunEnded(RunEnded { run, exit: Exit::Signal(9), usage: None }),
        EventBody::TurnEnded(TurnEnded { outcome: TurnOutcome::Completed, reason: "done".to_owned() }),
    ];
    let change = MissionChange { events: bodies.clone(), ..MissionChange::default() };
    let committed = fixture.store.commit(mission.id, change).await.unwrap();
    let read = fixture.store.events(mission.id, Seq(1), 100, &[]).await.unwrap();
    assert_eq!(read, committed.events);
    assert_eq!(read.into_iter().map(|event| event.body).collect::<Vec<_>>(), bodies);
}

#[tokio::test]
async fn an_illegal_transition_keeps_nothing_of_its_change() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    let wrong = [
        // Not the present state.
        (Running, Done, Error::IllegalTransition { from: "queued", to: Done }),
        // Not a successor.
        (Queued, Done, Error::IllegalTransition { from: "queued", to: Done }),
    ];
    for (from, to, expected) in wrong {
        let change = MissionChange {
            events: vec![said("lost"), state(from, to)],
            edit: MissionEdit { title: Some("lost".to_owned()), ..MissionEdit::default() },
            queue: vec![QueueChange::Add(message("lost"))],
            plan_actions: vec![Action::CloseInput],
            session_state: Some(vec![1]),
            ..MissionChange::default()
        };
        assert_eq!(fixture.store.commit(mission.id, change).await.unwrap_err(), expected);
    }
    let again = EventBody::State(StateChange { from: None, to: Queued, cause: "again".to_owned() });
    let change = MissionChange { events: vec![again], ..MissionChange::default() };
    fixture.store.commit(mission.id, change).await.unwrap_err();

    assert_eq!(fixture.store.mission(mission.id).await.unwrap(), mission);
    assert_eq!(fixture.store.last_seq(mission.id).await.unwrap(), Seq(1));
    assert_eq!(fixture.store.queue(mission.id).await.unwrap().len(), 1);
    let live = fixture.store.live_state(mission.id).await.unwrap();
    assert_eq!((live.session_state, live.pending_actions), (None, Vec::new()));
    // The next event takes the place that the refused one would have had.
    fixture.say(mission.id, "kept").await;
    let found = fixture.store.search_events("lost", None, &Default::default()).await.unwrap();
    assert_eq!(found.items, []);
    let found = fixture.store.search_events("kept", None, &Default::default()).await.unwrap();
    assert_eq!(found.items.len(), 1);
}

#[tokio::test]
async fn a_failed_operation_does_not_hurt_those_that_share_its_commit() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    // All are sent before the first is awaited, so that many share a transaction.
    let commits: Vec<_> = (0..60)
        .map(|number| {
            let event = if number % 2 == 0 { said("good") } else { state(Done, Queued) };
            let change = MissionChange { events: vec![event], ..MissionChange::default() };
            let store = fixture.store.clone();
            let id = mission.id;
            tokio::spawn(async move { store.commit(id, change).await })
        })
        .collect();
    let mut good = 0;
    for (number, commit) in commits.into_iter().enumerate() {
        match commit.await.unwrap() {
            Ok(_) => good += 1,
            Err(error) => {
                assert!(number % 2 == 1, "{error}");
                assert!(matches!(error, Error::IllegalTransition { .. }), "{error:?}");
            }
        }
    }
    assert_eq!(good, 30);
    let events = fixture.store.events(mission.id, Seq::ZERO, 100, &[]).await.unwrap();
    let seqs: Vec<u64> = events.iter().map(|event| event.seq.0).collect();
    assert_eq!(seqs, (1..=31).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_not_an_event_is_changed_too_and_a_problem_can_be_taken_away() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("old").await;
    let problem = Failure::new(Blame::Unavailable, "a.b", "gone");
    let at = Timestamp::from_millis(5);
    let change = MissionChange {
        edit: MissionEdit { title: Some("new".to_owned()), ..MissionEdit::default() },
        problem: Some(Some(problem.clone())),
        stalled: Some(true),
        last_output_at: Some(at),
        session_state: Some(vec![0, 255]),
        ..MissionChange::default()
    };
    let after = fixture.store.commit(mission.id, change).await.unwrap().mission;
    assert_eq!((after.title.as_str(), after.stalled, after.last_output_at), ("new", true, Some(at)));
    assert_eq!(after.problem, Some(problem));
    assert_eq!(fixture.store.mission(mission.id).await.unwrap(), after);
    assert_eq!(fixture.store.live_state(mission.id).await.unwrap().session_state, Some(vec![0, 255]));

    let change = MissionChange { problem: Some(None), ..MissionChange::default() };
    assert_eq!(fixture.store.commit(mission.id, change).await.unwrap().mission.problem, None);
}

#[tokio::test]
async fn actions_are_pending_until_they_are_done_and_their_ids_are_never_used_again() {
    let mut fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    let plan = |actions| MissionChange { plan_actions: actions, ..MissionChange::default() };
    let done = |actions| MissionChange { actions_done: actions, ..MissionChange::default() };
    let wake = Action::Wake { id: 1, after_ms: 5 };

    let first = vec![Action::Write(vec![0, 200]), wake.clone()];
    let planned = fixture.store.commit(mission.id, plan(first)).await.unwrap().actions;
    assert_eq!(planned.iter().map(|(id, _)| id.0).collect::<Vec<_>>(), [1, 2]);
    fixture.store.commit(mission.id, done(vec![planned[0].0])).await.unwrap();
    fixture.store.commit(mission.id, done(vec![planned[0].0])).await.expect("done twice is done");
    fixture.reopen().await;
    let pending = fixture.store.live_state(mission.id).await.unwrap().pending_actions;
    assert_eq!(pending, [(planned[1].0, wake)]);

    fixture.store.commit(mission.id, done(vec![planned[1].0])).await.unwrap();
    let later = fixture.store.commit(mission.id, plan(vec![Action::Signal(15)])).await.unwrap().actions;
    assert_eq!(later[0].0.0, 3);
}

#[tokio::test]
async fn time_never_goes_back_within_a_log() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    // As if the clock had been an hour ahead when the last event was written.
    let ahead = Timestamp::from_millis(Timestamp::now().as_millis() + 3_600_000);
    let id = mission.id;
    fixture
        .store
        .write(move |write| {
            let sql = "UPDATE missions SET updated_at = ?1 WHERE id = ?2";
            write.conn.execute(sql, rusqlite::params![ahead.as_millis(), id.to_string()])?;
            Ok(())
        })
        .await
        .unwrap();
    fixture.say(mission.id, "later").await;
    let events = fixture.store.events(mission.id, Seq(1), 10, &[]).await.unwrap();
    assert_eq!(events[0].at, ahead);
}

#[tokio::test]
async fn events_are_read_from_a_place_up_to_a_limit_and_of_chosen_kinds() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    let other = fixture.mission("other").await;
    for number in 0..10 {
        fixture.say(mission.id, &format!("text {number}")).await;
        fixture.say(other.id, "other").await;
    }
    fixture.go(&mission, Cancelled).await;
    let seqs = |events: Vec<Event>| events.into_iter().map(|event| event.seq.0).collect::<Vec<_>>();
    let store = &fixture.store;
    assert_eq!(seqs(store.events(mission.id, Seq(3), 4, &[]).await.unwrap()), [4, 5, 6, 7]);
    assert_eq!(seqs(store.events(mission.id, Seq(12), 4, &[]).await.unwrap()), Vec::<u64>::new());
    assert_eq!(seqs(store.events(mission.id, Seq(u64::MAX), 4, &[]).await.unwrap()), Vec::<u64>::new());
    let kinds = ["state".to_owned(), "no such kind".to_owned()];
    assert_eq!(seqs(store.events(mission.id, Seq::ZERO, 10, &kinds).await.unwrap()), [1, 12]);
    assert_eq!(store.last_seq(mission.id).await.unwrap(), Seq(12));
    let error = store.events(sandboxed_model::MissionId::new(), Seq::ZERO, 1, &[]).await.unwrap_err();
    assert_eq!(error.failure().code, "mission.not_found");
}

#[tokio::test]
async fn only_an_ended_mission_can_be_deleted_and_then_nothing_of_it_is_left() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission_in("deleteme", &[]).await;
    let kept = fixture.mission("kept").await;
    let error = fixture.store.delete_mission(mission.id).await.unwrap_err();
    assert_eq!(error.failure().code, "mission.not_ended");
    // More than one piece.
    for _ in 0..3 {
        let events = (0..900).map(|_| said("deleteme")).collect();
        let change = MissionChange {
            events,
            session_state: Some(vec![1]),
            plan_actions: vec![Action::CloseInput],
            ..MissionChange::default()
        };
        fixture.store.commit(mission.id, change).await.unwrap();
    }
    fixture.say(kept.id, "deleteme not").await;
    fixture.go(&mission, Cancelled).await;
    let revision = fixture.store.revision().await.unwrap();

    fixture.store.delete_mission(mission.id).await.unwrap();

    assert!(matches!(fixture.store.mission(mission.id).await, Err(Error::NotFound { .. })));
    let hits = fixture.store.search_events("deleteme", None, &Default::default()).await.unwrap();
    assert_eq!(hits.items.iter().map(|hit| hit.event.mission).collect::<Vec<_>>(), [kept.id]);
    until("all rows are gone", || async {
        fixture
            .store
            .read(|conn| {
                let count = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0));
                // What is left belongs to the mission that was kept: two events, of which one has words, and a title.
                Ok(count("SELECT count(*) FROM events")? == 2
                    && count("SELECT count(*) FROM search_docsize")? == 2
                    && count("SELECT count(*) FROM queue")? == 1
                    && count("SELECT count(*) FROM session_states")? == 0
                    && count("SELECT count(*) FROM pending_actions")? == 0
                    && count("SELECT count(*) FROM purges")? == 0)
            })
            .await
            .unwrap()
    })
    .await;
    assert!(fixture.mission("next").await.revision > revision, "revisions grow over deletions");
}

#[tokio::test]
async fn a_removal_that_was_cut_short_goes_on_after_a_restart() {
    let mut fixture = Fixture::new().await;
    let mission = fixture.mission_in("x", &[Cancelled]).await;
    fixture.say(mission.id, "gone").await;
    fixture.store.delete_mission(mission.id).await.unwrap();
    fixture.reopen().await;
    until("the events are gone", || async {
        fixture
            .store
            .read(|conn| Ok(conn.query_row("SELECT count(*) FROM events", [], |row| row.get::<_, i64>(0))? == 0))
            .await
            .unwrap()
    })
    .await;
}

#[tokio::test]
async fn revisions_tell_what_changed_and_in_which_order() {
    let mut fixture = Fixture::new().await;
    let first = fixture.mission("first").await;
    let second = fixture.mission("second").await;
    let start = fixture.store.revision().await.unwrap();
    assert_eq!(start, second.revision);
    assert_eq!(fixture.store.missions_changed_since(start, 10).await.unwrap(), []);

    fixture.say(second.id, "a").await;
    fixture.say(first.id, "b").await;
    fixture.say(second.id, "c").await;
    fixture.reopen().await;
    let changed = fixture.store.missions_changed_since(start, 10).await.unwrap();
    assert_eq!(changed.iter().map(|mission| mission.id).collect::<Vec<_>>(), [first.id, second.id]);
    let rest = fixture.store.missions_changed_since(changed[0].revision, 10).await.unwrap();
    assert_eq!(rest, changed[1..]);
    assert_eq!(fixture.store.missions_changed_since(start, 1).await.unwrap(), changed[..1]);

    let before = fixture.store.revision().await.unwrap();
    let unseen = MissionChange { session_state: Some(vec![1]), ..MissionChange::default() };
    fixture.store.commit(first.id, unseen).await.unwrap();
    assert_eq!(fixture.store.revision().await.unwrap(), before, "what nobody sees is no change of the mission");
}

#[tokio::test]
async fn missions_that_something_must_still_happen_to_are_unsettled() {
    let fixture = Fixture::new().await;
    let paths: &[(&str, &[MissionState])] = &[
        ("queued", &[]),
        ("done", &[Running, Done]),
        ("running", &[Running]),
        ("awaiting user", &[Running, AwaitingUser]),
        ("approval", &[Running, AwaitingApproval]),
        ("interrupted", &[Running, Interrupted]),
        ("parked", &[Parked]),
    ];
    for (title, states) in paths {
        fixture.mission_in(title, states).await;
    }
    let titles: Vec<String> =
        fixture.store.unsettled_missions().await.unwrap().into_iter().map(|mission| mission.title).collect();
    assert_eq!(titles, ["queued", "running", "approval", "parked"]);
}
