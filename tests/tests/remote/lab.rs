//! A server whose workspaces are on another machine.

use std::path::Path;

use reqwest::Method;
use sandboxed_tests::{
    Server,
    engine::{self, IMAGE},
    server::Options,
    within,
};
use serde_json::{Value, json};

use crate::machine::Machine;

pub(crate) struct Lab<'a> {
    pub(crate) server: Server,
    pub(crate) machine: &'a Machine,
}

/// The configuration of a server that knows the machine as `build1`, with these files.
pub(crate) fn config(machine: &Machine, [ca, cert, key]: [&Path; 3], more: &str) -> String {
    let (url, archive) = (machine.url(), engine::archive());
    let (archive, ca, cert, key) = (archive.display(), ca.display(), cert.display(), key.display());
    format!(
        r#"
        [missions]
        default_backend = "docker"
        [workspaces]
        network = {{ mode = "none" }}
        secrets = ["token"]
        [secrets]
        token = {{ env = "TEST_TOKEN" }}
        [engines.build1]
        address = "{url}"
        ca = "{ca}"
        cert = "{cert}"
        key = "{key}"
        {more}
        [[plugin]]
        id = "docker"
        kind = "backend"
        component = "docker.wasm"
        grants = {{ log = true, containers = ["build1"], archives = ["{archive}"] }}
        limits.deadline = "2m"
        config = {{ engine = "build1", image = "{IMAGE}", archives = {{ "{IMAGE}" = "{archive}" }} }}
        [[plugin]]
        id = "shell"
        kind = "harness"
        component = "shell.wasm"
        grants.log = true
        [[plugin]]
        id = "workspace"
        kind = "tools"
        component = "workspace.wasm"
        grants = {{ log = true, workspace_files = "write", workspace_run = true }}
        "#
    )
}

impl<'a> Lab<'a> {
    pub(crate) async fn start() -> Lab<'static> {
        Lab::on(Machine::shared()).await
    }

    pub(crate) async fn on(machine: &'a Machine) -> Self {
        Self::with(machine, "").await
    }

    /// With further lines for the engine.
    pub(crate) async fn with(machine: &'a Machine, more: &str) -> Self {
        let of = |name: &str| machine.certificates.file(name);
        let config = config(machine, [&of("ca.pem"), &of("cert.pem"), &of("key.pem")], more);
        let environment = vec![("TEST_TOKEN".to_owned(), "s3cret-of-the-tests".to_owned())];
        let options = Options { config: Some(config), environment, ..Options::default() };
        Self { server: Server::start_with(options).await, machine }
    }

    pub(crate) async fn workspace(&self, body: Value) -> String {
        self.server.api.post("/workspaces", body).await["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn mission(&self, workspace: &str, prompt: &str) -> String {
        let mission = json!({ "prompt": prompt, "harness": "shell", "workspace": workspace });
        self.server.api.mission_with(mission).await
    }

    /// Runs a shell command in a workspace to its end, and tells what it printed.
    pub(crate) async fn sh(&self, workspace: &str, command: &str) -> String {
        let body = json!({ "command": ["bash", "-c", command] });
        let request = self.server.api.request(Method::POST, &format!("/workspaces/{workspace}/exec")).json(&body);
        let text = within("the command", async { request.send().await.unwrap().text().await.unwrap() }).await;
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter_map(|line| line["text"].as_str().map(str::to_owned)).collect()
    }

    /// Writes a file by way of the server.
    pub(crate) async fn write(&self, workspace: &str, path: &str, content: impl Into<reqwest::Body>) {
        let path = format!("/workspaces/{workspace}/files/content?path={path}");
        let request = self.server.api.request(Method::PUT, &path).body(content);
        let answer = within("the file", request.send()).await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// Reads a file by way of the server.
    pub(crate) async fn read(&self, workspace: &str, path: &str) -> Vec<u8> {
        let path = format!("/workspaces/{workspace}/files/content?path={path}");
        let answer = within("the file", self.server.api.request(Method::GET, &path).send()).await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
        answer.bytes().await.unwrap().to_vec()
    }

    /// What runs in a workspace's container besides what keeps it alive.
    pub(crate) fn strangers(&self, workspace: &str) -> Vec<String> {
        let (status, found) = self.machine.ask("GET", &format!("/containers/sandboxed-{workspace}/top"), None);
        if status != 200 {
            return Vec::new();
        }
        let all = found["Processes"].as_array().unwrap().iter();
        let commands = all.map(|fields| fields.as_array().unwrap().last().unwrap().as_str().unwrap().to_owned());
        commands.filter(|command| !command.contains("sleep 2147483647")).collect()
    }
}

impl Drop for Lab<'_> {
    fn drop(&mut self) {
        self.server.crash();
        let Ok(owner) = std::fs::read_to_string(self.server.data_dir().join("server-id")) else { return };
        let filter = format!("%7B%22label%22%3A%5B%22sh.sandboxed.owner%3D{owner}%22%5D%7D");
        let (_, owned) = self.machine.ask("GET", &format!("/containers/json?all=true&filters={filter}"), None);
        for container in owned.as_array().into_iter().flatten() {
            let id = container["Id"].as_str().unwrap();
            self.machine.ask("DELETE", &format!("/containers/{id}?force=true&v=true"), None);
        }
        let (_, owned) = self.machine.ask("GET", &format!("/volumes?filters={filter}"), None);
        for volume in owned["Volumes"].as_array().into_iter().flatten() {
            self.machine.ask("DELETE", &format!("/volumes/{}", volume["Name"].as_str().unwrap()), None);
        }
    }
}
