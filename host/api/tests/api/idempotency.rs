//! `Idempotency-Key`.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{Api, problem};

async fn send(api: &Api, key: &str, text: &str) -> Response {
    let path = format!("/missions/{}/messages", api.mission);
    api.request(Method::POST, &path).header("idempotency-key", key).json(&json!({ "text": text })).send().await.unwrap()
}

async fn user_messages(api: &Api) -> usize {
    let list: Value = api.get("/audit?limit=500").await.json().await.unwrap();
    list["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_is_not_done_again() {
    let api = Api::start().await;
    let first = send(&api, "k1", "echo one").await;
    assert_eq!(first.status(), 201);
    assert!(!first.headers().contains_key("idempotent-replayed"));
    let first: Value = first.json().await.unwrap();

    let again = send(&api, "k1", "echo one").await;

    assert_eq!(again.status(), 201);
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(again.headers()["content-type"], "application/json");
    assert_eq!(again.json::<Value>().await.unwrap(), first);
    let other = send(&api, "k2", "echo one").await.json::<Value>().await.unwrap();
    assert_ne!(other["id"], first["id"], "another key is another request");
    assert_eq!(user_messages(&api).await, 3);
}

#[tokio::test]
async fn a_key_belongs_to_one_request() {
    let api = Api::start().await;
    send(&api, "k1", "echo one").await;
    let other = send(&api, "k1", "echo two").await;
    assert_eq!(other.status(), 422);
    assert_eq!(problem(other).await["code"], "http.idempotency_key_reused");
}

#[tokio::test]
async fn requests_with_one_key_at_the_same_time_are_done_once() {
    let api = Api::start().await;
    let answers = futures_util::future::join_all((0..20).map(|_| send(&api, "k", "echo one"))).await;
    let mut ids = std::collections::BTreeSet::new();
    for answer in answers {
        match answer.status().as_u16() {
            201 => drop(ids.insert(answer.json::<Value>().await.unwrap()["id"].to_string())),
            409 => assert_eq!(problem(answer).await["code"], "http.idempotency_in_progress"),
            status => panic!("{status}"),
        }
    }
    assert_eq!(ids.len(), 1, "it was done more than once");
}

#[tokio::test]
async fn an_error_of_the_request_is_repeated_as_well() {
    let api = Api::start().await;
    let first = send(&api, "k", "  ").await;
    assert_eq!(first.status(), 400);
    let again = send(&api, "k", "  ").await;
    assert_eq!(again.status(), 400);
    assert_eq!(again.headers()["content-type"], "application/problem+json");
    assert_eq!(again.headers()["idempotent-replayed"], "true");
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let api = Api::start().await;
    for key in ["", "with space", &"x".repeat(256)] {
        let response = send(&api, key, "echo").await;
        assert_eq!(response.status(), 400, "{key:?}");
        assert_eq!(problem(response).await["code"], "http.idempotency_key_invalid");
    }
}

#[tokio::test]
async fn the_secret_of_a_token_is_never_stored_for_a_repeat() {
    let api = Api::start().await;
    let body = json!({ "name": "ci", "scope": "read" });
    let make = || api.request(Method::POST, "/tokens").header("idempotency-key", "k").json(&body).send();
    let first: Value = make().await.unwrap().json().await.unwrap();
    let second: Value = make().await.unwrap().json().await.unwrap();
    assert_ne!(first["secret"], second["secret"]);
}
