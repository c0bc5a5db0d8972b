//! Services in workspaces, and those who reach them.

use std::net::SocketAddr;

use reqwest::{Client, Method, RequestBuilder, redirect};
use sandboxed_tests::{Api, Server, until, within};
use serde_json::{Value, json};

const SERVICE: &str = include_str!("service.py");

pub(crate) async fn workspace(api: &Api, body: Value) -> String {
    api.post("/workspaces", body).await["id"].as_str().unwrap().to_owned()
}

pub(crate) async fn start(api: &Api, workspace: &str, command: &[&str]) -> String {
    let path = format!("/workspaces/{workspace}/processes");
    api.post(&path, json!({ "command": command })).await["id"].as_str().unwrap().to_owned()
}

/// The ports of a workspace.
pub(crate) async fn ports(api: &Api, workspace: &str) -> Vec<Value> {
    api.get(&format!("/workspaces/{workspace}/ports")).await["items"].as_array().unwrap().clone()
}

pub(crate) async fn listens(api: &Api, workspace: &str, port: u16) {
    until(&format!("something to listen on {port}"), async || {
        let ports = ports(api, workspace).await;
        ports.iter().any(|found| found["port"] == port && found["listening"] == true).then_some(())
    })
    .await;
}

/// Starts the service of these tests and waits until it listens.
pub(crate) async fn serve(api: &Api, workspace: &str, port: u16) -> String {
    let process = start(api, workspace, &["python3", "-c", SERVICE, &port.to_string()]).await;
    listens(api, workspace, port).await;
    process
}

/// The same over TLS, with a certificate that nobody knows.
pub(crate) async fn serve_tls(api: &Api, workspace: &str, port: u16) {
    let script = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=nobody -keyout key -out cert 2>/dev/null \
                  && cat key cert > both && exec python3 -c \"$1\" \"$2\" both";
    start(api, workspace, &["bash", "-c", script, "bash", SERVICE, &port.to_string()]).await;
    listens(api, workspace, port).await;
}

/// A workspace with a service on this port.
pub(crate) async fn served(server: &Server, port: u16) -> (String, Site) {
    let workspace = workspace(&server.api, json!({})).await;
    serve(&server.api, &workspace, port).await;
    let site = Site::new(server, &workspace, port);
    (workspace, site)
}

/// A port of a workspace, as the outside names it.
#[derive(Clone)]
pub(crate) struct Site {
    client: Client,
    /// Where the server is.
    pub(crate) address: SocketAddr,
    /// `NAME:PORT`
    pub(crate) host: String,
    token: String,
}

impl Site {
    pub(crate) fn new(server: &Server, workspace: &str, port: u16) -> Self {
        let address: SocketAddr = server.api.url.strip_prefix("http://").unwrap().parse().unwrap();
        let name = format!("{port}--{workspace}.ports.localhost");
        // Names below localhost lead to this machine in browsers; here by hand.
        let client = Client::builder().resolve(&name, address).redirect(redirect::Policy::none()).build().unwrap();
        Self { client, address, host: format!("{name}:{}", address.port()), token: server.api.token.clone() }
    }

    /// A request without any credential.
    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.host))
    }

    /// A request as a script makes it.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        within(path, self.request(Method::GET, path).send()).await.unwrap()
    }

    /// What the service says that it was asked.
    pub(crate) async fn told(&self, path: &str) -> Value {
        self.get(path).await.json().await.unwrap()
    }
}

/// The values of a header that the service was sent.
pub(crate) fn header<'a>(told: &'a Value, name: &str) -> Vec<&'a str> {
    let pairs = told["headers"].as_array().unwrap();
    pairs.iter().filter(|pair| pair[0] == name).map(|pair| pair[1].as_str().unwrap()).collect()
}
