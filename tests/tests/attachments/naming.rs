//! Messages name the files that come along.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Lab, briefly, bring, id, ids, image};

#[tokio::test]
async fn a_message_that_waits_and_one_that_was_sent_tell_of_their_files() {
    let lab = Lab::start().await;
    let (first, second) = (lab.bring("a.txt", b"one").await, lab.bring("b.png", &image(50)).await);
    let mission = lab.mission("talking", "echo up; until [ -e go ]; do sleep 0.05; done", &[&first]).await;
    lab.server.api.follow(&mission, 0, |event| event["body"]["text"] == "up\n").await;

    let sent = lab.send(&mission, "echo next", &[&second, &first]).await;
    let queue = lab.server.api.get(&format!("/missions/{mission}/queue")).await;
    let both = json!([briefly(&second), briefly(&first)]);
    assert_eq!((&sent["attachments"], &queue["items"][0]["attachments"]), (&both, &both));
    let path = format!("/missions/{mission}/queue/{}", id(&sent));
    let (_, edited) = lab.server.api.call(Method::PATCH, &path, Some(json!({ "text": "echo other" }))).await;
    assert_eq!(edited["attachments"], both, "another text leaves them");

    lab.let_go(&mission).await;
    lab.over(&mission, 2).await;
    assert_eq!(lab.told(&mission).await, [json!([briefly(&first)]), both]);
    let plain = lab.send(&mission, "true", &[]).await;
    assert_eq!(plain["attachments"], Value::Null, "what is not there is not told");
}

#[tokio::test]
async fn files_that_cannot_come_along_are_refused_and_nothing_is_made() {
    let lab = Lab::with(&[("attachment_limit", "100KiB")]).await;
    let there = lab.bring("a.txt", b"one").await;
    let large = [lab.bring("b", &vec![b'x'; 60_000]).await, lab.bring("c", &vec![b'x'; 60_000]).await];
    let mut many = Vec::new();
    for number in 0..21 {
        many.push(lab.bring(&format!("{number}"), b"x").await);
    }
    let unknown = json!({ "id": "01900000-0000-7000-8000-000000000000" });
    let mission = lab.mission("talking", "true", &[]).await;
    lab.over(&mission, 1).await;
    let workspaces = lab.server.api.get("/workspaces").await["items"].as_array().unwrap().len();

    for (attachments, status, code) in [
        (vec![&unknown], 404, "attachment.not_found"),
        (vec![&there, &unknown], 404, "attachment.not_found"),
        (vec![&there, &there], 400, "mission.attachment_twice"),
        (many.iter().collect(), 400, "mission.too_many_attachments"),
        (large.iter().collect(), 413, "mission.attachments_too_large"),
    ] {
        let attachments = ids(&attachments);
        let new = json!({ "prompt": "true", "harness": "talking", "attachments": attachments });
        assert_eq!(lab.refused(Method::POST, "/missions", Some(new)).await, (status, code.to_owned()));
        let message = json!({ "text": "true", "attachments": attachments });
        let path = format!("/missions/{mission}/messages");
        assert_eq!(lab.refused(Method::POST, &path, Some(message)).await, (status, code.to_owned()));
    }
    let empty = json!({ "text": " ", "attachments": [there["id"]] });
    let path = format!("/missions/{mission}/messages");
    assert_eq!(lab.refused(Method::POST, &path, Some(empty)).await.1, "mission.message_empty");
    let no_id = json!({ "text": "true", "attachments": ["../x"] });
    assert_eq!(lab.refused(Method::POST, &path, Some(no_id)).await.0, 400);

    let after = lab.server.api.get("/workspaces").await["items"].as_array().unwrap().len();
    assert_eq!(after, workspaces);
    assert_eq!(lab.server.api.get(&format!("/missions/{mission}")).await["queued_messages"], 0);
    lab.server.api.call(Method::DELETE, &format!("/attachments/{}", id(&there)), None).await;
    assert!(!lab.kept().contains(&id(&there).to_owned()), "nobody has named it");
}

#[tokio::test]
async fn no_file_comes_with_a_message_in_the_middle_of_a_turn() {
    let lab = Lab::start().await;
    let brought = lab.bring("a.txt", b"one").await;
    let mission = lab.mission("talking", "echo up; until [ -e go ]; do sleep 0.05; done", &[]).await;

    let message = json!({ "text": "look", "steer": true, "attachments": [brought["id"]] });
    let refused = lab.refused(Method::POST, &format!("/missions/{mission}/messages"), Some(message)).await;

    assert_eq!(refused, (400, "mission.steer_with_attachments".to_owned()));
    lab.let_go(&mission).await;
    lab.over(&mission, 1).await;
}

#[tokio::test]
async fn a_file_of_one_mission_comes_with_no_message_of_another_and_cannot_be_removed() {
    let lab = Lab::start().await;
    let brought = lab.bring("a.txt", b"one").await;
    let mission = lab.mission("talking", "true", &[&brought]).await;
    lab.over(&mission, 1).await;

    let other = json!({ "prompt": "true", "harness": "talking", "attachments": [brought["id"]] });
    assert_eq!(lab.refused(Method::POST, "/missions", Some(other)).await, (409, "attachment.taken".to_owned()));
    let path = format!("/attachments/{}", id(&brought));
    assert_eq!(lab.refused(Method::DELETE, &path, None).await, (409, "attachment.in_use".to_owned()));
    lab.send(&mission, "true", &[&brought]).await;
    lab.over(&mission, 2).await;
}

#[tokio::test]
async fn what_waits_for_a_message_is_not_without_bounds() {
    let lab = Lab::start().await;
    for _ in 0..500 {
        lab.bring("x", b"x").await;
    }

    let (status, problem) = bring(&lab.server.api, "x", b"x").await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("attachment.too_many")));
    assert_eq!(lab.kept().len(), 500);
}
