//! Containers on behalf of plugins: only of granted engines, only of granted archives, and only of the workspace that the
//! call is about. Seen through the backend that comes with the server, with an engine that says what it was asked.

use sandboxed_model::{Blame, Failure, backend::BackendSpec};
use sandboxed_plugins::PluginHost;
use serde_json::json;

use crate::support::{first_party, id, plugin, spec, start};

async fn docker(grants: &str, config: &str) -> PluginHost {
    let component = first_party().join("docker.wasm");
    start(&[plugin(&format!(
        "id = \"docker\"\nkind = \"backend\"\ncomponent = {component:?}\ngrants = {grants}\nconfig = {config}"
    ))])
    .await
}

async fn asked(host: &PluginHost, workspace: &BackendSpec) -> Failure {
    host.backend(&id("docker")).unwrap().ensure(workspace).await.unwrap_err()
}

const GRANTED: &str = "{ containers = [\"/run/docker.sock\"] }";

#[tokio::test]
async fn an_engine_that_was_not_granted_is_never_asked() {
    let host = docker(GRANTED, "{ socket = \"/other.sock\" }").await;

    let failure = asked(&host, &spec(&json!({}))).await;

    assert_eq!((failure.blame, failure.code.as_str()), (Blame::Denied, "containers.denied"));
    assert_eq!(failure.hint.as_deref(), Some("grants.containers = [\"/other.sock\"]"));
}

#[tokio::test]
async fn each_call_is_about_its_own_workspace_whatever_the_plugin_does() {
    let host = docker(GRANTED, "{ image = \"base:1\" }").await;
    let backend = host.backend(&id("docker")).unwrap();
    let workspace = spec(&json!({}));
    let (socket, own) = ("/run/docker.sock", workspace.id);

    assert_eq!(asked(&host, &workspace).await.message, format!("ensure {socket} {own} registry base:1"));
    assert_eq!(backend.observe(&workspace).await.unwrap_err().message, format!("observe {socket} {own}"));
    assert_eq!(backend.stop(&workspace, 500).await.unwrap_err().message, format!("stop {socket} {own} 500"));
    assert_eq!(backend.destroy(&workspace).await.unwrap_err().message, format!("remove {socket} {own}"));
    assert_eq!(backend.list_owned().await.unwrap_err().message, format!("list {socket}"));
}

#[tokio::test]
async fn an_image_is_made_of_a_granted_archive_and_of_no_other_file() {
    let config = "{ image = \"base:1\", archives = { \"base:1\" = \"/srv/base.tar\" } }";
    let workspace = spec(&json!({}));
    let host = docker(GRANTED, config).await;
    let failure = asked(&host, &workspace).await;
    assert_eq!((failure.blame, failure.code.as_str()), (Blame::Denied, "containers.archive_denied"));
    assert_eq!(failure.hint.as_deref(), Some("grants.archives = [\"/srv/base.tar\"]"));

    let host = docker("{ containers = [\"/run/docker.sock\"], archives = [\"/srv/base.tar\"] }", config).await;
    let made = asked(&host, &workspace).await;
    assert_eq!(made.message, format!("make /run/docker.sock {} archive /srv/base.tar", workspace.id));
    let host = docker(GRANTED, "{ image = \"missing:1\" }").await;
    let made = asked(&host, &workspace).await;
    assert_eq!(made.message, format!("make /run/docker.sock {} registry missing:1", workspace.id));
}
