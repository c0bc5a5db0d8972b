//! Files go with their missions, and those that nobody named after a day.

use reqwest::Method;
use sandboxed_tests::until;
use serde_json::Value;

use super::{Lab, id};

#[tokio::test]
async fn the_files_of_a_mission_go_with_it_and_no_others() {
    let lab = Lab::start().await;
    let [used, unsent, other] = [lab.bring("a", b"1").await, lab.bring("b", b"2").await, lab.bring("c", b"3").await];
    let mission = lab.mission("talking", "echo up; sleep 600", &[&used]).await;
    lab.server.api.follow(&mission, 0, |event| event["body"]["text"] == "up\n").await;
    lab.send(&mission, "true", &[&unsent]).await;
    lab.server.api.post(&format!("/missions/{mission}/cancel"), Value::Null).await;

    let (status, _) = lab.server.api.call(Method::DELETE, &format!("/missions/{mission}"), None).await;

    assert_eq!(status, 204);
    assert_eq!(lab.kept(), [id(&other)]);
    for gone in [&used, &unsent] {
        let path = format!("/attachments/{}/content", id(gone));
        assert_eq!(lab.refused(Method::GET, &path, None).await, (404, "attachment.not_found".to_owned()));
    }
}

#[tokio::test]
async fn a_file_that_no_message_names_goes_after_a_day() {
    let mut lab = Lab::start().await;
    let [old, used, young] = [lab.bring("a", b"1").await, lab.bring("b", b"2").await, lab.bring("c", b"3").await];
    let mission = lab.mission("talking", "true", &[&used]).await;
    lab.over(&mission, 1).await;
    lab.server.crash();
    let database = rusqlite::Connection::open(lab.server.data_dir().join("sandboxed.db")).unwrap();
    for attachment in [&old, &used] {
        let sql = "UPDATE attachments SET created_at = created_at - 25 * 3600 * 1000 WHERE id = ?1";
        assert_eq!(database.execute(sql, [id(attachment)]).unwrap(), 1);
    }
    drop(database);

    lab.server.restart().await;
    let mut left = [id(&used), id(&young)];
    left.sort_unstable();
    until("it to go", async || (lab.kept() == left).then_some(())).await;

    let path = format!("/attachments/{}", id(&old));
    assert_eq!(lab.refused(Method::GET, &path, None).await, (404, "attachment.not_found".to_owned()));
}
