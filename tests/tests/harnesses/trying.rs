//! Trying a harness out.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{
    registry::{Answer, Registry},
    start,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_harness_that_works_says_so_and_leaves_one_mission_in_one_workspace() {
    let registry = Registry::start(&["1.0.0"]).await;
    let server = start(&registry, "1.0.0", "").await;
    assert_eq!(server.api.get("/harnesses/shell").await["test"], json!(null));

    let (status, first) = server.api.call(Method::POST, "/harnesses/shell/test", Some(json!({}))).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let first = server.api.reaches(first["id"].as_str().unwrap(), &["done"]).await;
    let tried = server.cli(&["harness", "test", "shell"]).success();

    assert_eq!(tried.stdout.trim(), "ready", "{tried:?}");
    let info = server.api.get("/harnesses/shell").await;
    assert_eq!(info["test"]["state"], "done");
    let path = format!("/missions/{}", info["test"]["mission"].as_str().unwrap());
    assert_eq!(server.api.get(&path).await["workspace"], first["workspace"]);
    let path = format!("/missions/{}", first["id"].as_str().unwrap());
    assert_eq!(server.api.call(Method::GET, &path, None).await.0, StatusCode::NOT_FOUND);
    let shown = server.cli(&["harness", "show", "shell"]).success();
    assert!(shown.stdout.contains("works, "), "{shown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_harness_that_does_not_work_says_why() {
    let registry = Registry::start(&["1.0.0"]).await;
    let server = start(&registry, "1.0.0", "").await;

    let tried = server.cli(&["harness", "test", "tiny"]);

    assert_ne!(tried.code, 0);
    let test = server.api.get("/harnesses/tiny").await["test"].take();
    assert_eq!((&test["state"], &test["problem"]["code"]), (&json!("failed"), &json!("agent.start_failed")), "{test}");
    let listed = server.cli(&["harness", "list"]).success();
    let row = listed.stdout.lines().find(|line| line.starts_with("tiny")).unwrap();
    assert!(row.contains("failed, "), "{listed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_harness_is_tried_out_once_at_a_time_and_only_where_there_is_one() {
    let registry = Registry::start(&["1.0.0"]).await;
    let server = start(&registry, "1.0.0", "").await;
    registry.answer(Answer::Half);
    let (_, first) = server.api.call(Method::POST, "/harnesses/tiny/test", Some(json!({}))).await;
    registry.half_sent().await;

    let (status, refused) = server.api.call(Method::POST, "/harnesses/tiny/test", Some(json!({}))).await;

    assert_eq!((status, &refused["code"]), (StatusCode::CONFLICT, &json!("harness.test_under_way")));
    for (harness, wanted, status) in [
        ("nobody", json!({}), StatusCode::NOT_FOUND),
        ("bubblewrap", json!({}), StatusCode::NOT_FOUND),
        ("shell", json!({ "model": "large" }), StatusCode::BAD_REQUEST),
    ] {
        let path = format!("/harnesses/{harness}/test");
        assert_eq!(server.api.call(Method::POST, &path, Some(wanted)).await.0, status, "{harness}");
    }
    server.cli(&["missions", "cancel", first["id"].as_str().unwrap()]).success();
    let (status, _) = server.api.call(Method::POST, "/harnesses/tiny/test", Some(json!({}))).await;
    assert_eq!(status, StatusCode::ACCEPTED, "the one before was cancelled");
}
