//! Whose a container is, and what becomes of it.

use reqwest::{Method, StatusCode};
use sandboxed_tests::engine;
use serde_json::json;

use crate::lab::Lab;

#[tokio::test]
async fn the_container_goes_with_its_workspace() {
    let lab = Lab::start().await;
    let workspace = lab.workspace(json!({})).await;
    assert!(lab.container(&workspace).is_some());

    let (status, answer) = lab.server.api.call(Method::DELETE, &format!("/workspaces/{workspace}"), None).await;

    assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
    assert!(lab.container(&workspace).is_none());
}

#[tokio::test]
async fn a_container_of_somebody_else_is_never_touched() {
    let lab = Lab::start().await;
    let workspace = lab.workspace(json!({})).await;
    let name = format!("sandboxed-{workspace}");
    let image = lab.container(&workspace).unwrap()["Config"]["Image"].clone();
    engine::ask(&lab.socket, "DELETE", &format!("/containers/{name}?force=true"), None);
    // The right name, and the labels of another server.
    let labels = json!({ "sh.sandboxed.owner": "somebody-else", "sh.sandboxed.workspace": workspace });
    let body =
        json!({ "Image": image, "Cmd": ["sleep", "7310"], "Labels": labels, "HostConfig": { "NetworkMode": "none" } });
    let (_, made) = engine::ask(&lab.socket, "POST", &format!("/containers/create?name={name}"), Some(&body));
    let id = made["Id"].as_str().unwrap().to_owned();
    let (status, _) = engine::ask(&lab.socket, "POST", &format!("/containers/{id}/start"), None);
    assert_eq!(status, 204);

    let path = format!("/workspaces/{workspace}/processes");
    let (_, refused) = lab.server.api.call(Method::POST, &path, Some(json!({ "command": ["true"] }))).await;
    assert_eq!(refused["code"], "containers.foreign", "{refused}");
    let (_, refused) = lab.server.api.call(Method::DELETE, &format!("/workspaces/{workspace}"), None).await;
    assert_eq!(refused["code"], "containers.foreign", "{refused}");

    let found = lab.container(&workspace).unwrap();
    assert_eq!((found["Id"].as_str(), found["State"]["Running"].as_bool()), (Some(id.as_str()), Some(true)));
    engine::ask(&lab.socket, "DELETE", &format!("/containers/{id}?force=true"), None);
    let (status, _) = lab.server.api.call(Method::DELETE, &format!("/workspaces/{workspace}"), None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_container_without_a_workspace_is_told_and_removed_when_asked() {
    let lab = Lab::start().await;
    let kept = lab.workspace(json!({ "name": "kept" })).await;
    let gone = lab.workspace(json!({})).await;
    let image = lab.container(&gone).unwrap()["Config"]["Image"].clone();
    lab.server.api.call(Method::DELETE, &format!("/workspaces/{gone}"), None).await;
    let labels = json!({ "sh.sandboxed.owner": lab.owner(), "sh.sandboxed.workspace": gone });
    let body =
        json!({ "Image": image, "Cmd": ["sleep", "7311"], "Labels": labels, "HostConfig": { "NetworkMode": "none" } });
    let (status, _) =
        engine::ask(&lab.socket, "POST", &format!("/containers/create?name=sandboxed-{gone}"), Some(&body));
    assert_eq!(status, 201);

    let found = lab.server.api.get("/leftovers").await;
    assert_eq!(found["items"], json!([{ "backend": "docker", "workspace": gone }]));
    let doctor = lab.server.cli(&["doctor"]);
    assert!(doctor.stdout.contains(&gone) && doctor.stdout.contains("workspaces leftovers --remove"), "{doctor:?}");
    let removed = lab.server.cli(&["workspaces", "leftovers", "--remove"]).success();
    assert!(removed.stdout.contains(&gone) && removed.stdout.contains("removed"), "{removed:?}");

    assert!(lab.container(&gone).is_none() && lab.container(&kept).is_some());
    assert_eq!(lab.server.api.get("/leftovers").await["items"], json!([]));
}
