//! HTTP on behalf of plugins: only to hosts that were granted, however they are reached.

use std::{sync::Arc, time::Duration};

use sandboxed_model::{Blame, Failure};
use sandboxed_plugins::PluginHost;
use serde_json::json;
use tokio::sync::Notify;

use crate::support::{Answer, Web, hostile_tools, id, order, start};

/// A host whose `hostile` may fetch from these.
async fn granted(fetch: &[String]) -> PluginHost {
    let mut config = hostile_tools();
    config.grants.fetch = fetch.to_vec();
    start(&[config]).await
}

async fn fetch(host: &PluginHost, url: String) -> Result<String, Failure> {
    order(host, "hostile", json!({"what": "fetch", "url": url})).await
}

async fn fetch_with_secret(host: &PluginHost, url: String, secret: &str) -> Result<String, Failure> {
    order(host, "hostile", json!({"what": "fetch", "url": url, "secret": secret})).await
}

#[tokio::test]
async fn a_host_that_was_granted_by_its_address_answers() {
    let web = Web::start(Answer::Text("welcome")).await;
    let host = granted(&[web.address.to_string()]).await;
    assert_eq!(fetch(&host, format!("http://{}/path?q=1", web.address)).await.unwrap(), "200 welcome");
    assert!(web.asked()[0].starts_with("GET /path?q=1 HTTP/1.1"), "{:?}", web.asked());
}

#[tokio::test]
async fn a_host_that_was_not_granted_is_never_asked() {
    let web = Web::start(Answer::Text("secret")).await;
    let host = granted(&["127.0.0.1:1".to_owned(), "api.example.org:443".to_owned()]).await;
    let failure = fetch(&host, format!("http://{}/", web.address)).await.unwrap_err();
    assert_eq!((failure.blame, failure.code.as_str()), (Blame::Denied, "fetch.denied"));
    assert_eq!(failure.plugin, Some(id("hostile")));
    assert!(failure.hint.unwrap().contains(&web.address.to_string()));
    assert!(web.asked().is_empty());
}

#[tokio::test]
async fn a_redirect_to_a_host_that_was_not_granted_is_not_followed() {
    let inside = Web::start(Answer::Text("secret")).await;
    let outside = Web::start(Answer::Redirect(format!("http://{}/", inside.address))).await;
    let host = granted(&[outside.address.to_string()]).await;
    let failure = fetch(&host, format!("http://{}/", outside.address)).await.unwrap_err();
    assert_eq!(failure.code, "fetch.denied");
    assert_eq!((outside.asked().len(), inside.asked().len()), (1, 0));
}

#[tokio::test]
async fn a_redirect_to_a_host_that_was_granted_is_followed() {
    let second = Web::start(Answer::Text("here")).await;
    let first = Web::start(Answer::Redirect(format!("http://{}/", second.address))).await;
    let host = granted(&[first.address.to_string(), second.address.to_string()]).await;
    assert_eq!(fetch(&host, format!("http://{}/", first.address)).await.unwrap(), "200 here");
}

#[tokio::test]
async fn redirects_without_end_are_given_up() {
    let web = Web::start(Answer::Redirect("/again".to_owned())).await;
    let host = granted(&[web.address.to_string()]).await;
    assert_eq!(fetch(&host, format!("http://{}/", web.address)).await.unwrap_err().code, "fetch.redirects");
    assert_eq!(web.asked().len(), 6);
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_though_the_name_was_granted() {
    let web = Web::start(Answer::Text("secret")).await;
    let port = web.address.port();
    let host = granted(&[format!("localhost:{port}")]).await;
    let failure = fetch(&host, format!("http://localhost:{port}/")).await.unwrap_err();
    assert_eq!((failure.blame, failure.code.as_str()), (Blame::Denied, "fetch.denied"));
    assert!(failure.message.contains("no public address"), "{failure}");
    assert!(web.asked().is_empty());
}

#[tokio::test]
async fn a_redirect_to_a_name_that_leads_inside_is_refused() {
    let inside = Web::start(Answer::Text("secret")).await;
    let port = inside.address.port();
    let outside = Web::start(Answer::Redirect(format!("http://localhost:{port}/"))).await;
    let host = granted(&[outside.address.to_string(), format!("localhost:{port}")]).await;
    assert_eq!(fetch(&host, format!("http://{}/", outside.address)).await.unwrap_err().code, "fetch.denied");
    assert!(inside.asked().is_empty());
}

#[tokio::test]
async fn a_secret_goes_to_the_host_that_was_asked_and_not_to_where_it_redirects() {
    let second = Web::start(Answer::Text("here")).await;
    let first = Web::start(Answer::Redirect(format!("http://{}/", second.address))).await;
    let host = granted(&[first.address.to_string(), second.address.to_string()]).await;
    let said = fetch_with_secret(&host, format!("http://{}/", first.address), "token").await.unwrap();
    assert_eq!(said, "200 here");
    assert!(first.asked()[0].contains("x-key: value-of-token"), "{:?}", first.asked());
    assert!(!second.asked()[0].contains("value-of-token"), "{:?}", second.asked());
}

#[tokio::test]
async fn a_secret_that_was_not_granted_is_not_sent() {
    let web = Web::start(Answer::Text("welcome")).await;
    let host = granted(&[web.address.to_string()]).await;
    let failure = fetch_with_secret(&host, format!("http://{}/", web.address), "other").await.unwrap_err();
    assert_eq!(failure.code, "secrets.denied");
    assert!(web.asked().is_empty());
}

#[tokio::test]
async fn a_server_that_never_answers_ends_with_the_calls_deadline() {
    let web = Web::start(Answer::Held(Arc::new(Notify::new()))).await;
    let mut config = hostile_tools();
    config.grants.fetch = vec![web.address.to_string()];
    config.limits.deadline.0 = Duration::from_secs(1);
    let host = start(&[config]).await;
    let failure = fetch(&host, format!("http://{}/", web.address)).await.unwrap_err();
    assert_eq!((failure.blame, failure.plugin), (Blame::Deadline, Some(id("hostile"))));
    assert_eq!(web.asked().len(), 1);
}

#[tokio::test]
async fn nobody_listening_is_told_as_such() {
    let web = Web::start(Answer::Text("gone")).await;
    let address = web.address;
    drop(web);
    let host = granted(&[address.to_string()]).await;
    let closed = async {
        loop {
            match fetch(&host, format!("http://{address}/")).await {
                Err(failure) if failure.code == "fetch.unreachable" => return failure,
                // The server's end of a socket lives until its task has been dropped.
                _ => tokio::task::yield_now().await,
            }
        }
    };
    let failure = tokio::time::timeout(Duration::from_secs(30), closed).await.unwrap();
    assert_eq!(failure.blame, Blame::Unavailable);
}

#[tokio::test]
async fn an_address_that_is_none_is_told_as_such() {
    let host = granted(&["127.0.0.1:1".to_owned()]).await;
    assert_eq!(fetch(&host, "nonsense".to_owned()).await.unwrap_err().code, "fetch.invalid");
    assert_eq!(fetch(&host, "file:///etc/passwd".to_owned()).await.unwrap_err().code, "fetch.denied");
}
