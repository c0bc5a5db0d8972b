use reqwest::{Method, StatusCode};
use sandboxed_tests::Server;
use serde_json::json;

use crate::setup::{listens, ports, serve, start, workspace};

#[tokio::test]
async fn declared_ports_and_those_that_are_listened_on_are_listed_with_who_listens() {
    let server = Server::start().await;
    let api = &server.api;
    let declared = json!([{ "name": "web", "port": 8000, "label": "The site" }, { "name": "api", "port": 8001 }]);
    let workspace = workspace(api, json!({ "ports": declared })).await;

    let before = ports(api, &workspace).await;
    serve(api, &workspace, 8000).await;
    serve(api, &workspace, 9000).await;
    let after = ports(api, &workspace).await;

    assert_eq!(
        before,
        [
            json!({ "port": 8000, "name": "web", "protocol": "http", "label": "The site", "listening": false }),
            json!({ "port": 8001, "name": "api", "protocol": "http", "listening": false }),
        ]
    );
    // The way out of the workspace listens there as well, and is none of its ports.
    let numbers: Vec<_> = after.iter().map(|port| port["port"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [8000, 8001, 9000], "{after:?}");
    assert_eq!((&after[0]["listening"], &after[1]["listening"]), (&json!(true), &json!(false)));
    assert!(after[2]["process"].as_str().unwrap().starts_with("python3"), "{after:?}");
    assert_eq!(api.get(&format!("/workspaces/{workspace}")).await["ports"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_service_that_listens_on_another_loopback_address_or_on_version_6_alone_is_reached() {
    let server = Server::start().await;
    let workspace = workspace(&server.api, json!({})).await;
    for (address, port) in [("127.0.0.9", "8010"), ("::1", "8011"), ("0.0.0.0", "8012"), ("::", "8013")] {
        start(&server.api, &workspace, &["python3", "-m", "http.server", "--bind", address, port]).await;
    }
    for port in 8010..=8013 {
        listens(&server.api, &workspace, port).await;

        let answer = crate::setup::Site::new(&server, &workspace, port).get("/").await;

        assert_eq!(answer.status(), StatusCode::OK, "{port}");
    }
}

#[tokio::test]
async fn declared_ports_are_replaced_and_a_list_that_contradicts_itself_is_refused() {
    let server = Server::start().await;
    let api = &server.api;
    let workspace = workspace(api, json!({ "ports": [{ "name": "old", "port": 1 }] })).await;
    let path = format!("/workspaces/{workspace}/ports");

    let twice = json!({ "ports": [{ "name": "a", "port": 80 }, { "name": "b", "port": 80 }] });
    let (status, refused) = api.call(Method::PUT, &path, Some(twice.clone())).await;
    assert_eq!((status, refused["code"].as_str()), (StatusCode::BAD_REQUEST, Some("ports.invalid")));
    let (status, _) = api.call(Method::POST, "/workspaces", Some(twice)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    for wrong in [json!({ "name": "a", "port": 0 }), json!({ "name": "A", "port": 1 }), json!({ "name": "a" })] {
        let (status, _) = api.call(Method::PUT, &path, Some(json!({ "ports": [wrong] }))).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let (status, listed) = api
        .call(Method::PUT, &path, Some(json!({ "ports": [{ "name": "new", "port": 2, "protocol": "https" }] })))
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(listed["items"], json!([{ "port": 2, "name": "new", "protocol": "https", "listening": false }]));
}

#[tokio::test]
async fn a_workspace_that_shares_the_machines_network_is_no_way_to_the_machines_services() {
    let server = Server::start().await;
    let api = &server.api;
    let shared = json!({ "network": { "mode": "shared" } });
    let workspace = workspace(api, shared).await;
    let machine = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = machine.local_addr().unwrap().port();

    for path in ["ports".to_owned(), format!("ports/{port}/connect")] {
        let mut request = api.request(Method::GET, &format!("/workspaces/{workspace}/{path}"));
        if path.ends_with("connect") {
            request = request
                .header("connection", "upgrade")
                .header("upgrade", "websocket")
                .header("sec-websocket-version", "13")
                .header("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA==");
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CONFLICT, "{path}");
        assert_eq!(answer.json::<serde_json::Value>().await.unwrap()["code"], "ports.shared_network");
    }
    let opened = api.call(Method::POST, &format!("/workspaces/{workspace}/ports/{port}/open"), Some(json!({}))).await;
    assert_eq!(opened.0, StatusCode::CONFLICT);
    assert_eq!(crate::setup::Site::new(&server, &workspace, port).get("/").await.status(), StatusCode::CONFLICT);
    let declared = json!({ "network": { "mode": "shared" }, "ports": [{ "name": "web", "port": port }] });
    assert_eq!(api.call(Method::POST, "/workspaces", Some(declared)).await.0, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_mission_is_told_when_something_begins_to_listen() {
    let server = Server::start().await;
    let prompt = "python3 -m http.server --bind 127.0.0.1 8020 & read -t 300 < <(sleep 300)";
    let mission = server.api.mission(prompt).await;

    let events = server.api.follow(&mission, 0, |event| event["kind"] == "ports").await;

    let opened = &events.last().unwrap()["body"]["opened"];
    assert_eq!(opened[0]["port"], 8020, "{opened}");
    assert!(opened[0]["process"].as_str().unwrap().starts_with("python3"), "{opened}");
    server.api.post(&format!("/missions/{mission}/cancel"), serde_json::Value::Null).await;
}

#[tokio::test]
async fn a_server_that_is_not_root_reaches_ports_as_well() {
    let options = sandboxed_tests::server::Options { user: Some(65_533), ..Default::default() };
    let server = Server::start_with(options).await;

    let (workspace, site) = crate::setup::served(&server, 8000).await;

    assert_eq!(site.told("/x").await["path"], "/x");
    assert!(ports(&server.api, &workspace).await[0]["process"].as_str().unwrap().starts_with("python3"));
}
