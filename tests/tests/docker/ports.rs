//! What listens in a container.

use std::net::SocketAddr;

use reqwest::{Client, Method, StatusCode};
use sandboxed_tests::{until, within};
use serde_json::json;

use crate::lab::Lab;

/// Starts a web server in a workspace, which serves its files, and waits until it is seen.
async fn serve(lab: &Lab, workspace: &str, port: u16) -> String {
    std::fs::copy("/bin/busybox", lab.tree(workspace).join("busybox")).unwrap();
    std::fs::write(lab.tree(workspace).join("page"), workspace).unwrap();
    let command = json!({ "command": ["./busybox", "httpd", "-f", "-p", format!("127.0.0.1:{port}"), "-h", "."] });
    let started = lab.server.api.post(&format!("/workspaces/{workspace}/processes"), command).await;
    until("the port to be listed", async || {
        let ports = lab.server.api.get(&format!("/workspaces/{workspace}/ports")).await;
        let found = ports["items"].as_array().unwrap().iter().find(|found| found["port"] == port).cloned();
        found.filter(|found| found["listening"] == true && found["process"] == "busybox")
    })
    .await;
    started["id"].as_str().unwrap().to_owned()
}

/// What a script gets of a port by way of the server.
async fn get(lab: &Lab, workspace: &str, port: u16) -> (StatusCode, String) {
    let address: SocketAddr = lab.server.api.url.strip_prefix("http://").unwrap().parse().unwrap();
    let name = format!("{port}--{workspace}.ports.localhost");
    let client = Client::builder().resolve(&name, address).build().unwrap();
    let url = format!("http://{name}:{}/page", address.port());
    let answer = within("the answer", client.get(url).bearer_auth(&lab.server.api.token).send()).await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

#[tokio::test]
async fn a_port_in_a_container_is_listed_and_reached_whatever_its_network() {
    let lab = Lab::start().await;
    for network in [json!({ "mode": "none" }), json!({ "mode": "allow", "allow": ["example.org:443"] })] {
        let workspace = lab.workspace(json!({ "network": network })).await;

        let process = serve(&lab, &workspace, 8000).await;

        assert_eq!(get(&lab, &workspace, 8000).await, (StatusCode::OK, workspace.clone()));
        assert_eq!(get(&lab, &workspace, 8001).await.0, StatusCode::SERVICE_UNAVAILABLE);
        lab.server.api.call(Method::DELETE, &format!("/processes/{process}"), None).await;
        assert_eq!(get(&lab, &workspace, 8000).await.0, StatusCode::SERVICE_UNAVAILABLE);
    }
}

#[tokio::test]
async fn two_containers_have_the_same_port_and_each_is_its_own() {
    let lab = Lab::start().await;
    let (one, other) = (lab.workspace(json!({})).await, lab.workspace(json!({})).await);
    serve(&lab, &one, 8000).await;
    serve(&lab, &other, 8000).await;

    assert_eq!(get(&lab, &one, 8000).await.1, one);
    assert_eq!(get(&lab, &other, 8000).await.1, other);
}

#[tokio::test]
async fn a_port_in_a_container_is_reached_again_after_the_server_was_started_anew() {
    let mut lab = Lab::start().await;
    let workspace = lab.workspace(json!({})).await;
    serve(&lab, &workspace, 8000).await;

    lab.server.crash();
    lab.server.restart().await;

    assert_eq!(get(&lab, &workspace, 8000).await, (StatusCode::OK, workspace.clone()));
}

#[tokio::test]
async fn a_mission_is_told_when_something_begins_to_listen_in_its_container() {
    let lab = Lab::start().await;
    let workspace = lab.workspace(json!({})).await;
    std::fs::copy("/bin/busybox", lab.tree(&workspace).join("busybox")).unwrap();

    let mission = lab.mission(&workspace, "./busybox httpd -f -p 127.0.0.1:8020 -h .").await;

    let events = lab.server.api.follow(&mission, 0, |event| event["kind"] == "ports").await;
    assert_eq!(events.last().unwrap()["body"]["opened"], json!([{ "port": 8020, "process": "busybox" }]));
    lab.server.api.post(&format!("/missions/{mission}/cancel"), json!(null)).await;
}
