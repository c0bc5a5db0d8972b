//! What the server makes of requests: lists, pages, and requests that are wrong.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, problem};

#[tokio::test]
async fn what_cannot_be_understood_is_a_problem_that_names_the_fault() {
    let api = Api::start().await;
    let json_body = |text: &'static str| {
        api.request(Method::POST, "/workspaces").header("content-type", "application/json").body(text)
    };
    let mission = format!("/missions/{}", api.mission);
    let cases = [
        (json_body("{"), 400, "http.body_invalid"),
        (json_body("[]"), 400, "http.body_invalid"),
        (json_body("[null, null, {}]"), 400, "http.body_invalid"),
        (json_body("null"), 400, "http.body_invalid"),
        (json_body(r#"{"nmae":"x"}"#), 400, "http.body_invalid"),
        (json_body(r#"{"name":"\ud800"}"#), 400, "http.body_invalid"),
        (json_body(r#"{"name":"Not A Name"}"#), 400, "http.body_invalid"),
        (json_body(r#"{"options":[]}"#), 400, "http.body_invalid"),
        (api.request(Method::POST, "/workspaces").body("{}"), 415, "http.not_json"),
        (api.request(Method::GET, "/missions?limt=5"), 400, "http.query_unknown"),
        (api.request(Method::GET, "/version?x=1"), 400, "http.query_unknown"),
        (api.request(Method::GET, "/missions?limit=0"), 400, "page.limit_invalid"),
        (api.request(Method::GET, "/missions?limit=501"), 400, "page.limit_invalid"),
        (api.request(Method::GET, "/missions?limit=many"), 400, "http.query_invalid"),
        (api.request(Method::GET, "/missions?state=gone"), 400, "mission.state_invalid"),
        (api.request(Method::GET, "/missions?cursor=mine"), 400, "page.cursor_invalid"),
        (api.request(Method::GET, "/search?q=a%00b"), 400, "http.query_invalid"),
        (api.request(Method::GET, "/search"), 400, "http.query_invalid"),
        (api.request(Method::GET, "/missions/nope"), 400, "http.path_invalid"),
        (api.request(Method::GET, &format!("{mission}/stream?after=-1")), 400, "http.query_invalid"),
        (
            api.request(Method::GET, &format!("{mission}/stream")).header("last-event-id", "x"),
            400,
            "stream.position_invalid",
        ),
        (api.request(Method::GET, "/missions/0190a5e2-0000-7000-8000-000000000000"), 404, "mission.not_found"),
        (api.request(Method::GET, "/workspaces/none"), 404, "workspace.not_found"),
        (api.request(Method::GET, "/plugins/none"), 404, "plugin.not_found"),
        (api.request(Method::GET, "/nowhere"), 404, "http.no_such_path"),
        (api.request(Method::PUT, "/version"), 405, "http.method_not_allowed"),
        (api.request(Method::OPTIONS, "/missions"), 405, "http.method_not_allowed"),
        (api.request(Method::POST, &format!("{mission}/interrupt")), 409, "mission.illegal_state"),
        (api.request(Method::PATCH, &mission).json(&json!({ "title": "two\nlines" })), 400, "mission.title_invalid"),
    ];
    for (request, status, code) in cases {
        let request = request.build().unwrap();
        let name = format!("{} {}", request.method(), request.url());
        let response = api.client.execute(request).await.unwrap();
        assert_eq!(response.status(), status, "{name}");
        if status == 405 {
            assert!(response.headers()["allow"].to_str().unwrap().contains("GET"), "{name}");
        }
        assert_eq!(problem(response).await["code"], code, "{name}");
    }
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_with_one_clear_error() {
    let api = Api::start().await;
    let path = format!("/missions/{}/messages", api.mission);

    let long = api.post(&path, &json!({ "text": "x".repeat(10 << 20) })).await;
    assert_eq!(long.status(), 413);
    let long = problem(long).await;
    assert_eq!(long["code"], "mission.message_too_long");
    assert!(long["detail"].as_str().unwrap().contains("1MiB"), "the limit is not named: {long}");

    let huge = api.post(&path, &json!({ "text": "x".repeat(17 << 20) })).await;
    assert_eq!(huge.status(), 413);
    assert_eq!(problem(huge).await["code"], "http.body_too_large");
}

#[tokio::test]
async fn a_list_is_read_page_by_page_to_its_end() {
    let api = Api::start().await;
    for number in 0..5 {
        api.post("/tokens", &json!({ "name": format!("t{number}"), "scope": "read" })).await;
    }
    let mut cursor = String::new();
    let mut seen = Vec::new();
    loop {
        let page: Value = api.get(&format!("/audit?limit=2{cursor}")).await.json().await.unwrap();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|entry| entry["action"].clone()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, vec![json!("POST /api/v1/tokens"); 5]);
}

#[tokio::test]
async fn missions_are_found_by_state_workspace_and_words() {
    let api = Api::start().await;
    let found = async |query: &str| {
        let response = api.get(&format!("/missions?{query}")).await;
        assert_eq!(response.status(), 200, "{query}");
        response.json::<Value>().await.unwrap()["items"].as_array().unwrap().len()
    };
    assert_eq!(found("").await, 1);
    assert_eq!(found("state=cancelled,done").await, 1);
    assert_eq!(found("state=done").await, 0);
    assert_eq!(found("workspace=seeded").await, 1);
    assert_eq!(found("q=seeded").await, 1);
    assert_eq!(found("q=nonsense").await, 0);
}

#[tokio::test]
async fn a_workspace_is_found_by_its_id_and_by_its_name() {
    let api = Api::start().await;
    let by_name: Value = api.get("/workspaces/seeded").await.json().await.unwrap();
    let id = by_name["id"].as_str().unwrap();
    let by_id: Value = api.get(&format!("/workspaces/{id}")).await.json().await.unwrap();
    assert_eq!(by_id, by_name);
}

#[tokio::test]
async fn events_are_listed_from_a_place_and_by_kind() {
    let api = Api::start().await;
    let path = format!("/missions/{}/events", api.mission);
    let seqs = async |query: &str| {
        let list: Value = api.get(&format!("{path}?{query}")).await.json().await.unwrap();
        list["items"].as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(seqs("").await, (1..=12).collect::<Vec<_>>());
    assert_eq!(seqs("after=5&limit=2").await, [6, 7]);
    assert_eq!(seqs("kind=state").await, [1, 12]);
    assert_eq!(seqs("kind=state,message&after=10").await, [11, 12]);
}

#[tokio::test]
async fn a_backup_stays_in_its_directory_and_replaces_nothing() {
    let api = Api::start().await;
    for escape in ["../x.db", "/tmp/x.db", ".hidden", "", "a/b"] {
        let response = api.post("/backup", &json!({ "to": escape })).await;
        assert_eq!(response.status(), 400, "{escape:?}");
        assert_eq!(problem(response).await["code"], "backup.name_invalid");
    }
    let first = api.post("/backup", &json!({ "to": "first.db" })).await;
    assert_eq!(first.status(), 201);
    assert_eq!(first.json::<Value>().await.unwrap(), json!({ "path": "backups/first.db" }));
    assert_eq!(problem(api.post("/backup", &json!({ "to": "first.db" })).await).await["code"], "backup.exists");
}

#[tokio::test]
async fn a_client_may_name_its_request() {
    let api = Api::start().await;
    let id = async |given: &str| {
        let response = api.anonymous(Method::GET, "/healthz").header("x-request-id", given).send().await.unwrap();
        response.headers()["x-request-id"].to_str().unwrap().to_owned()
    };
    assert_eq!(id("deploy-7").await, "deploy-7");
    assert_ne!(id("a b\"c").await, "a b\"c");
}

#[tokio::test]
async fn health_is_told_to_anybody_and_metrics_only_to_those_who_may_look() {
    let api = Api::start().await;
    for path in ["/healthz", "/readyz", "/"] {
        assert_eq!(api.anonymous(Method::GET, path).send().await.unwrap().status(), 200, "{path}");
    }
    assert_eq!(api.anonymous(Method::GET, "/metrics").send().await.unwrap().status(), 401);
    let metrics = api.anonymous(Method::GET, "/metrics").bearer_auth(&api.token).send().await.unwrap();
    assert!(metrics.headers()["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
}
