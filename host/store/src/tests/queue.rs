use super::*;
use crate::{Error, MAX_QUEUE, QueueChange};

fn change(queue: Vec<QueueChange>) -> MissionChange {
    MissionChange { queue, ..MissionChange::default() }
}

async fn texts(fixture: &Fixture, mission: MissionId) -> Vec<String> {
    fixture.store.queue(mission).await.unwrap().into_iter().map(|message| message.text).collect()
}

#[tokio::test]
async fn messages_are_added_edited_ordered_taken_and_removed() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    let first = fixture.store.queue(mission.id).await.unwrap()[0].id;
    let (b, c) = (message("b"), message("c"));
    let changes = vec![
        QueueChange::Add(b.clone()),
        QueueChange::Add(c.clone()),
        QueueChange::Edit { id: b.id, text: "B".to_owned() },
        QueueChange::Order(vec![c.id, first, b.id]),
    ];
    let after = fixture.store.commit(mission.id, change(changes)).await.unwrap().mission;
    assert_eq!(after.queued_messages, 3);
    assert_eq!(texts(&fixture, mission.id).await, ["c", "do it", "B"]);

    let changes = vec![QueueChange::Take(c.id), QueueChange::Remove(b.id), QueueChange::Add(c)];
    let after = fixture.store.commit(mission.id, change(changes)).await.unwrap().mission;
    assert_eq!(after.queued_messages, 2);
    assert_eq!(texts(&fixture, mission.id).await, ["do it", "c"], "a message that was taken can come back");
}

#[tokio::test]
async fn an_order_must_name_each_present_message_once() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    let first = fixture.store.queue(mission.id).await.unwrap()[0].id;
    let second = message("b");
    fixture.store.commit(mission.id, change(vec![QueueChange::Add(second.clone())])).await.unwrap();
    for wrong in [vec![first], vec![first, first], vec![first, second.id, MessageId::new()], vec![]] {
        let error = fixture.store.commit(mission.id, change(vec![QueueChange::Order(wrong)])).await.unwrap_err();
        assert_eq!(error.failure().code, "queue.changed");
    }
    assert_eq!(texts(&fixture, mission.id).await, ["do it", "b"]);
}

#[tokio::test]
async fn a_message_of_no_or_another_queue_is_not_found() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    let other = fixture.mission("other").await;
    let others = fixture.store.queue(other.id).await.unwrap()[0].id;
    for id in [MessageId::new(), others] {
        let edit = QueueChange::Edit { id, text: "stolen".to_owned() };
        for wrong in [edit, QueueChange::Remove(id), QueueChange::Take(id)] {
            let error = fixture.store.commit(mission.id, change(vec![wrong])).await.unwrap_err();
            assert_eq!(error.failure().code, "message.not_found");
        }
    }
    assert_eq!(texts(&fixture, other.id).await, ["do it"]);
}

#[tokio::test]
async fn the_same_message_is_not_queued_twice() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    let twice = message("b");
    let changes = vec![QueueChange::Add(twice.clone()), QueueChange::Add(twice)];
    let error = fixture.store.commit(mission.id, change(changes)).await.unwrap_err();
    assert_eq!(error.failure().code, "message.exists");
    assert_eq!(texts(&fixture, mission.id).await.len(), 1);
}

#[tokio::test]
async fn a_queue_holds_a_thousand_messages_and_not_one_more() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    let add = |number| change((0..number).map(|_| QueueChange::Add(message("x"))).collect());
    let full = fixture.store.commit(mission.id, add(MAX_QUEUE - 1)).await.unwrap().mission;
    assert_eq!(full.queued_messages, 1000);
    let error = fixture.store.commit(mission.id, add(1)).await.unwrap_err();
    assert_eq!(error, Error::QueueFull { limit: 1000 });
    assert_eq!(fixture.store.mission(mission.id).await.unwrap(), full);
}
