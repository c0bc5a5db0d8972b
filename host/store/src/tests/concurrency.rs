use sandboxed_model::Seq;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_writers_of_the_same_missions_leave_logs_without_gaps_or_doubles() {
    let fixture = Fixture::new().await;
    let mut missions = Vec::new();
    for number in 0..4 {
        missions.push(fixture.mission(&number.to_string()).await.id);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..32_usize {
        let (store, missions) = (fixture.store.clone(), missions.clone());
        tasks.spawn(async move {
            let mut mine = Vec::new();
            for number in 0..25_usize {
                let mission = missions[(writer + number) % missions.len()];
                let text = format!("{writer}-{number}");
                let events = vec![said(&text), said(&text), said(&text)];
                let change = MissionChange { events, ..MissionChange::default() };
                let committed = store.commit(mission, change).await.unwrap();
                // What was acknowledged can be read at once.
                let after = Seq(committed.events[0].seq.0 - 1);
                assert_eq!(store.events(mission, after, 3, &[]).await.unwrap(), committed.events);
                mine.push(committed);
            }
            mine
        });
    }
    let committed: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    let mut revisions: Vec<u64> = committed.iter().map(|committed| committed.mission.revision).collect();
    revisions.sort_unstable();
    revisions.dedup();
    assert_eq!(revisions.len(), 32 * 25, "each change has a revision of its own");
    let mut total = 0;
    for mission in missions {
        let events = fixture.store.events(mission, Seq::ZERO, 10_000, &[]).await.unwrap();
        assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == Seq(seq)));
        assert!(events.windows(2).all(|pair| pair[0].at <= pair[1].at));
        let texts: Vec<_> = events[1..].iter().map(|event| event.body.searchable_text().unwrap()).collect();
        assert!(texts.chunks(3).all(|three| three[0] == three[1] && three[1] == three[2]), "changes are not mixed");
        total += events.len() - 1;
    }
    assert_eq!(total, 32 * 25 * 3);
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_a_whole_change_or_none() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await.id;
    for _ in 0..20 {
        let (store, events) = (fixture.store.clone(), vec![said("a"), said("b")]);
        let task =
            tokio::spawn(
                async move { store.commit(mission, MissionChange { events, ..MissionChange::default() }).await },
            );
        tokio::task::yield_now().await;
        task.abort();
    }
    fixture.say(mission, "last").await;
    let events = fixture.store.events(mission, Seq::ZERO, 100, &[]).await.unwrap();
    assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == Seq(seq)));
    assert_eq!(events.len() % 2, 0);
}
