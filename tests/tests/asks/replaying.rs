//! What an agent printed is read again by its harness as it is now.

use reqwest::StatusCode;
use sandboxed_tests::until;
use serde_json::{Value, json};

use super::{HEARS, Lab};

impl Lab {
    async fn replay(&self, mission: &str) -> Value {
        self.server.api.post(&format!("/missions/{mission}/replay"), Value::Null).await
    }
}

#[tokio::test]
async fn a_mission_that_was_asked_steered_and_crashed_says_the_same_when_it_is_read_again() {
    let mut lab = Lab::start().await;
    let asks = r#"echo '{"approval":{"id":"a","tool":"sh","subject":"rm x"}}'"#;
    let takes = r#"read -r word id text; printf '\n{"steered":"%s"}\n' "$id""#;
    let mission = lab.mission(&format!("{asks}\n{HEARS}echo grüße; printf 'no line'; echo oops >&2; {takes}")).await;
    lab.decide(&mission, json!({ "approved": false, "reason": "no" })).await;
    until("the decision to be heard", async || lab.said(&mission).await.contains("heard: decision").then_some(()))
        .await;
    lab.server.crash();
    lab.server.restart().await;
    lab.steer(&mission, "go on").await;
    lab.over(&mission, 1).await;
    lab.send(&mission, r#"echo '{"session":"s-2"}'; echo second; echo '{"end":{"outcome":"failed","reason":"so"}}'"#)
        .await;
    lab.over(&mission, 2).await;

    let replay = lab.replay(&mission).await;

    let results: Vec<_> = replay["turns"].as_array().unwrap().iter().map(|turn| turn["result"].as_str()).collect();
    assert_eq!(results, [Some("same"), Some("same")], "{replay:#}");
    let shown = lab.server.cli(&["replay", &mission]).success();
    assert_eq!(shown.stdout, "turn 1: says the same\nturn 2: says the same\n");
}

#[tokio::test]
async fn what_is_not_kept_is_told_and_a_mission_that_is_none_is_not_found() {
    let lab = Lab::start().await;
    let mission = lab.mission("echo one").await;
    lab.over(&mission, 1).await;
    for run in std::fs::read_dir(lab.server.data_dir().join("runs")).unwrap() {
        std::fs::remove_dir_all(run.unwrap().path()).unwrap();
    }

    let replay = lab.replay(&mission).await;

    let turn = &replay["turns"][0];
    assert_eq!((&turn["result"], &turn["problem"]["code"]), (&json!("not_kept"), &json!("replay.spool")), "{replay}");
    assert_eq!(lab.server.cli(&["replay", &mission]).code, 1);
    let nobody = "/missions/01900000-0000-7000-8000-000000000000/replay";
    let (status, problem) = lab.server.api.call(reqwest::Method::POST, nobody, None).await;
    assert_eq!((status, &problem["code"]), (StatusCode::NOT_FOUND, &json!("mission.not_found")));
}

/// The log is changed behind the server's back, as if the harness of that time had told it so.
#[tokio::test]
async fn what_the_harness_tells_otherwise_now_is_shown_beside_what_the_log_has() {
    let mut lab = Lab::start().await;
    let mission = lab.mission("echo one").await;
    lab.over(&mission, 1).await;
    lab.server.stop().await;
    let database = rusqlite::Connection::open(lab.server.data_dir().join("sandboxed.db")).unwrap();
    let changed = database
        .execute(
            "UPDATE events SET body = replace(body, 'one', 'two') WHERE kind = 'message' AND body LIKE '%agent%'",
            [],
        )
        .unwrap();
    assert_eq!(changed, 1);
    drop(database);
    lab.server.restart().await;

    let shown = lab.server.cli(&["replay", &mission]);

    assert_eq!(
        (shown.code, shown.stdout.as_str()),
        (1, "turn 1: says something else\n  message line-2\n    - two\n    + one\n")
    );
}
