use reqwest::{Method, StatusCode};
use sandboxed_tests::{Server, until, within};
use serde_json::json;

use crate::setup::{Site, serve, served, workspace};

#[tokio::test]
async fn a_port_is_reached_again_after_the_server_was_started_anew() {
    let mut server = Server::start().await;
    let (workspace, site) = served(&server, 8000).await;
    let opened = server.api.post(&format!("/workspaces/{workspace}/ports/8000/open"), json!({})).await;
    let url = opened["url"].as_str().unwrap();
    let entered = site.bare(Method::GET, &url[url.find("/.sandboxed-sh").unwrap()..]).send().await.unwrap();
    let pass = entered.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();

    server.crash();
    server.restart().await;

    let site = Site::new(&server, &workspace, 8000);
    assert_eq!(site.told("/again").await["path"], "/again");
    let answer = site.bare(Method::GET, "/").header("cookie", pass).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "the browser was let in before");
}

#[tokio::test]
async fn an_answer_that_goes_on_does_not_keep_the_server_from_stopping() {
    let mut server = Server::start().await;
    let (_, site) = served(&server, 8000).await;
    let mut events = site.get("/events").await;
    within("an event", events.chunk()).await.unwrap().unwrap();

    assert_eq!(server.stop().await, 0);

    while let Ok(Some(_)) = within("the end of the answer", events.chunk()).await {}
    assert!(!server.log().contains("connections were still open"));
}

#[tokio::test]
async fn a_workspace_that_is_deleted_ends_what_is_under_way_with_its_ports() {
    let server = Server::start().await;
    let (workspace, site) = served(&server, 8000).await;
    let mut events = site.get("/events").await;
    within("an event", events.chunk()).await.unwrap().unwrap();

    let (status, _) = server.api.call(Method::DELETE, &format!("/workspaces/{workspace}"), None).await;

    assert_eq!(status, StatusCode::NO_CONTENT);
    while let Ok(Some(_)) = within("the end of the answer", events.chunk()).await {}
    assert_eq!(site.get("/").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_service_that_ends_ends_its_answers_and_another_takes_its_port() {
    let server = Server::start().await;
    let workspace = workspace(&server.api, json!({})).await;
    let first = serve(&server.api, &workspace, 8000).await;
    let site = Site::new(&server, &workspace, 8000);
    let mut events = site.get("/events").await;
    within("an event", events.chunk()).await.unwrap().unwrap();

    server.api.call(Method::DELETE, &format!("/processes/{first}"), None).await;
    while let Ok(Some(_)) = within("the end of the answer", events.chunk()).await {}
    until("the port to be free", async || {
        (site.get("/").await.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
    serve(&server.api, &workspace, 8000).await;

    assert_eq!(site.told("/second").await["path"], "/second");
}
