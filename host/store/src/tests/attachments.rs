use sandboxed_model::{
    AttachmentId,
    attachment::Attachment,
    event::{MessageRole, TurnStarted},
};

use super::*;
use crate::QueueChange;

fn attachment(created_at: Timestamp) -> Attachment {
    let (name, media_type) = ("a.png".to_owned(), "image/png".to_owned());
    Attachment { id: AttachmentId::new(), name, media_type, size: 7, created_at }
}

async fn kept(fixture: &Fixture) -> Attachment {
    let kept = attachment(Timestamp::now());
    fixture.store.insert_attachment(kept.clone(), UserId::new()).await.unwrap();
    kept
}

fn bringing(attachments: Vec<Attachment>) -> (QueuedMessage, MissionChange) {
    let message =
        QueuedMessage { attachments: attachments.into_iter().map(Into::into).collect(), ..message("look at this") };
    let change = MissionChange { queue: vec![QueueChange::Add(message.clone())], ..MissionChange::default() };
    (message, change)
}

#[tokio::test]
async fn a_message_takes_its_attachments_along_and_they_are_its_missions_then() {
    let fixture = Fixture::new().await;
    let (mission, other) = (fixture.mission("x").await.id, fixture.mission("y").await.id);
    let (first, second) = (kept(&fixture).await, kept(&fixture).await);
    let (message, change) = bringing(vec![first.clone(), second.clone()]);
    fixture.store.commit(mission, change.clone()).await.unwrap();

    assert_eq!(fixture.store.queue(mission).await.unwrap()[1], message);
    let rows = fixture.store.attachments(&[second.id, AttachmentId::new(), first.id]).await.unwrap();
    let told: Vec<_> = rows.iter().map(|row| (&row.attachment, row.mission)).collect();
    assert_eq!(told, [(&second, Some(mission)), (&first, Some(mission))]);
    assert_eq!(fixture.store.commit(other, change).await.unwrap_err().failure().code, "attachment.taken");
    let (_, again) = bringing(vec![first]);
    fixture.store.commit(mission, again).await.unwrap();
}

#[tokio::test]
async fn a_message_with_an_attachment_that_is_gone_is_not_kept() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await.id;
    let (there, gone) = (kept(&fixture).await, attachment(Timestamp::now()));

    let (_, change) = bringing(vec![there.clone(), gone]);
    assert_eq!(fixture.store.commit(mission, change).await.unwrap_err().failure().code, "attachment.not_found");
    assert_eq!(fixture.store.queue(mission).await.unwrap().len(), 1);
    assert_eq!(fixture.store.attachment(there.id).await.unwrap().mission, None);
}

#[tokio::test]
async fn the_prompt_of_the_last_turn_has_its_attachments() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await.id;
    let (message, _) = bringing(vec![kept(&fixture).await]);
    let started = EventBody::TurnStarted(TurnStarted { message: message.id });
    let (id, attachments) = (message.id.to_string(), message.attachments.clone());
    let said = Message { id, role: MessageRole::User, parent: None, text: message.text, attachments };
    let change = MissionChange { events: vec![started, EventBody::Message(said)], ..MissionChange::default() };
    fixture.store.commit(mission, change).await.unwrap();

    let prompt = fixture.store.live_state(mission).await.unwrap().last_prompt.unwrap();
    assert_eq!((prompt.text.as_str(), prompt.attachments), ("look at this", message.attachments));
}

#[tokio::test]
async fn only_what_no_message_names_can_be_removed_or_expires() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await.id;
    let old = |_| attachment(Timestamp::from_millis(1000));
    let [named, expired, removed] = [(), (), ()].map(old);
    for each in [&named, &expired, &removed] {
        fixture.store.insert_attachment(each.clone(), UserId::new()).await.unwrap();
    }
    let young = kept(&fixture).await;
    fixture.store.commit(mission, bringing(vec![named.clone()]).1).await.unwrap();

    fixture.store.delete_attachment(removed.id).await.unwrap();
    let refused = async |id| fixture.store.delete_attachment(id).await.unwrap_err().failure().code;
    assert_eq!(refused(removed.id).await, "attachment.not_found");
    assert_eq!(refused(named.id).await, "attachment.in_use");
    assert_eq!(fixture.store.expire_attachments(Timestamp::from_millis(2000), 10).await.unwrap(), [expired.id]);
    let all = vec![named.id, expired.id, removed.id, young.id];
    assert_eq!(fixture.store.missing_attachments(all).await.unwrap(), [expired.id, removed.id]);
}

#[tokio::test]
async fn the_attachments_of_a_mission_go_with_it() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await.id;
    let (named, other) = (kept(&fixture).await, kept(&fixture).await);
    let change = MissionChange {
        events: vec![state(MissionState::Queued, MissionState::Cancelled)],
        ..bringing(vec![named.clone()]).1
    };
    fixture.store.commit(mission, change).await.unwrap();

    assert_eq!(fixture.store.delete_mission(mission).await.unwrap(), [named.id]);
    assert_eq!(fixture.store.missing_attachments(vec![named.id, other.id]).await.unwrap(), [named.id]);
}
