//! The OpenAPI document against the server.

use reqwest::Method;
use serde_json::Value;

use crate::support::{Api, problem};

/// What anybody may ask.
const PUBLIC: [&str; 5] = [
    "GET /api/v1/openapi.json",
    "POST /api/v1/auth/login",
    // It needs the state of a sign-in that is under way.
    "GET /api/v1/sign-in/callback",
    "GET /healthz",
    "GET /readyz",
];

fn operations(document: &Value) -> Vec<(Method, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &Value)| {
        let path = path.clone();
        let methods = item.as_object().unwrap().clone();
        methods
            .into_iter()
            .map(move |(method, operation)| (method.to_ascii_uppercase().parse().unwrap(), path.clone(), operation))
    };
    paths.iter().flat_map(of_path).collect()
}

/// The path with something in place of its variables.
fn concrete(path: &str, api: &Api) -> String {
    let id = api.mission.to_string();
    path.replace("{id}", &id).replace("{message}", &id).replace("{tool}", "read")
}

#[test]
fn the_document_is_openapi_3_1_and_complete() {
    let document = serde_json::to_value(sandboxed_api::openapi()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let text = document.to_string();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "the schema {name} is used and not there");
    }
    let mut ids = std::collections::BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap().to_owned();
        assert!(ids.insert(id.clone()), "{id} names two operations");
        assert!(operation["tags"][0].is_string(), "{method} {path} has no tag");
        assert!(operation["responses"]["400"].is_object(), "{method} {path} says nothing of 400");
        if let Some(body) = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str() {
            let schema = &schemas[body.rsplit('/').next().unwrap()];
            assert_eq!(schema["additionalProperties"], false, "{method} {path} takes unknown fields");
        }
    }
}

#[tokio::test]
async fn the_server_serves_the_document_it_is_built_from() {
    let api = Api::start().await;
    let served: Value = api.anonymous(Method::GET, "/api/v1/openapi.json").send().await.unwrap().json().await.unwrap();
    assert_eq!(served, serde_json::to_value(sandboxed_api::openapi()).unwrap());
}

#[tokio::test]
async fn nothing_but_the_public_operations_is_done_without_a_credential() {
    let api = Api::start().await;
    let document = serde_json::to_value(sandboxed_api::openapi()).unwrap();
    for (method, path, operation) in operations(&document) {
        let name = format!("{method} {path}");
        let public = operation["security"][0].as_object().unwrap().is_empty();
        assert_eq!(public, PUBLIC.contains(&name.as_str()), "{name}");
        if public {
            continue;
        }
        for credential in [None, Some("Bearer sbx_wrong"), Some("Basic YWRtaW46YWRtaW4=")] {
            let mut request = api.anonymous(method.clone(), &concrete(&path, &api));
            if let Some(credential) = credential {
                request = request.header("authorization", credential);
            }
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 401, "{name} with {credential:?}");
            assert!(response.headers().contains_key("www-authenticate"), "{name}");
            assert_eq!(problem(response).await["code"], "auth.unauthenticated");
        }
    }
}

#[tokio::test]
async fn a_token_reaches_as_far_as_its_scope_and_no_farther() {
    let api = Api::start().await;
    let document = serde_json::to_value(sandboxed_api::openapi()).unwrap();
    let tokens = [("read", api.token_with("read").await), ("write", api.token_with("write").await)];
    for (method, path, operation) in operations(&document) {
        let Some(needed) = operation["security"][0]["token"][0].as_str() else { continue };
        for (has, token) in &tokens {
            // What a scope allows is shown by the other tests; here it is what it does not.
            if *has == needed || needed == "read" {
                continue;
            }
            if *has == "write" && needed != "admin" {
                continue;
            }
            let request = api.anonymous(method.clone(), &concrete(&path, &api)).bearer_auth(token);
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 403, "{method} {path} needs {needed} and was done with {has}");
            assert_eq!(problem(response).await["code"], "auth.forbidden");
        }
    }
}
