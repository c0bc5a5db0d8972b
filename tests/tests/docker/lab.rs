//! A server whose workspaces are containers of an engine.

use std::path::{Path, PathBuf};

use reqwest::Method;
use sandboxed_tests::{
    Server,
    engine::{self, IMAGE},
    server::Options,
    within,
};
use serde_json::{Value, json};

/// What keeps a container alive: the engine's first process and the one that sleeps.
const OWN_PROCESSES: usize = 2;

/// A server, and the engine that it uses. What it made on the engine goes when it goes.
pub(crate) struct Lab {
    pub(crate) server: Server,
    pub(crate) socket: PathBuf,
}

/// The configuration of a server that uses this engine.
pub(crate) fn config(socket: &Path) -> String {
    let (socket, archive) = (socket.display(), engine::archive());
    let archive = archive.display();
    format!(
        r#"
        [missions]
        default_backend = "docker"
        [workspaces]
        network = {{ mode = "none" }}
        [[plugin]]
        id = "docker"
        kind = "backend"
        component = "docker.wasm"
        grants = {{ log = true, containers = ["{socket}"], archives = ["{archive}"] }}
        limits.deadline = "2m"
        config = {{ socket = "{socket}", image = "{IMAGE}", archives = {{ "{IMAGE}" = "{archive}" }}, dockerfiles = true }}
        [[plugin]]
        id = "shell"
        kind = "harness"
        component = "shell.wasm"
        grants.log = true
        "#
    )
}

impl Lab {
    pub(crate) async fn start() -> Self {
        Self::on(&crate::socket()).await
    }

    pub(crate) async fn on(socket: &Path) -> Self {
        Self::configured(socket, config(socket)).await
    }

    /// With these lines more in the table of workspaces.
    pub(crate) async fn with(workspaces: &str) -> Self {
        let socket = crate::socket();
        let config = config(&socket).replace("[workspaces]\n", &format!("[workspaces]\n{workspaces}\n"));
        Self::configured(&socket, config).await
    }

    pub(crate) async fn configured(socket: &Path, config: String) -> Self {
        let options = Options { config: Some(config), ..Options::default() };
        Self { server: Server::start_with(options).await, socket: socket.to_owned() }
    }

    /// Makes a workspace and returns its id.
    pub(crate) async fn workspace(&self, body: Value) -> String {
        self.server.api.post("/workspaces", body).await["id"].as_str().unwrap().to_owned()
    }

    /// Makes a mission in a workspace and returns its id.
    pub(crate) async fn mission(&self, workspace: &str, prompt: &str) -> String {
        let mission = json!({ "prompt": prompt, "harness": "shell", "workspace": workspace });
        self.server.api.mission_with(mission).await
    }

    /// Runs a shell command in a workspace to its end.
    pub(crate) async fn sh(&self, workspace: &str, command: &str) -> Ended {
        let body = json!({ "command": ["bash", "-c", command] });
        let request = self.server.api.request(Method::POST, &format!("/workspaces/{workspace}/exec")).json(&body);
        let text = within("the command", async { request.send().await.unwrap().text().await.unwrap() }).await;
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let of = |stream: &str| -> String {
            lines.iter().filter(|line| line["stream"] == stream).filter_map(|line| line["text"].as_str()).collect()
        };
        let exit = lines.iter().find_map(|line| line.get("exit")).cloned().unwrap_or_else(|| panic!("{text}"));
        Ended { stdout: of("stdout"), stderr: of("stderr"), exit }
    }

    /// The directory of a workspace's files on this machine.
    pub(crate) fn tree(&self, workspace: &str) -> PathBuf {
        self.server.data_dir().join(format!("workspaces/{workspace}/tree"))
    }

    /// The engine's own description of a workspace's container.
    pub(crate) fn container(&self, workspace: &str) -> Option<Value> {
        let path = format!("/containers/sandboxed-{workspace}/json");
        let (status, found) = engine::ask(&self.socket, "GET", &path, None);
        (status == 200).then_some(found)
    }

    /// Processes in a workspace's container besides those that keep it alive. One that does not run has none.
    pub(crate) fn strangers(&self, workspace: &str) -> Vec<String> {
        let path = format!("/containers/sandboxed-{workspace}/top");
        let (status, found) = engine::ask(&self.socket, "GET", &path, None);
        // Podman says of one that does not run that all is well, and no more.
        let Some(all) = found["Processes"].as_array().filter(|_| status == 200) else { return Vec::new() };
        let commands = all.iter().map(|fields| fields.as_array().unwrap().last().unwrap().as_str().unwrap().to_owned());
        let strangers: Vec<_> = commands.filter(|command| !command.contains("sleep 2147483647")).collect();
        assert_eq!(all.len() - strangers.len(), OWN_PROCESSES, "{all:?}");
        strangers
    }

    /// The label that this server's containers have.
    pub(crate) fn owner(&self) -> String {
        std::fs::read_to_string(self.server.data_dir().join("server-id")).unwrap()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.server.crash();
        if std::os::unix::net::UnixStream::connect(&self.socket).is_err() {
            return;
        }
        let filter = format!("%7B%22label%22%3A%5B%22sh.sandboxed.owner%3D{}%22%5D%7D", self.owner());
        let (_, owned) = engine::ask(&self.socket, "GET", &format!("/containers/json?all=true&filters={filter}"), None);
        for container in owned.as_array().into_iter().flatten() {
            let id = container["Id"].as_str().unwrap();
            engine::ask(&self.socket, "DELETE", &format!("/containers/{id}?force=true&v=true"), None);
        }
        // Those that others are made from go when the last of them does.
        let (_, images) = engine::ask(&self.socket, "GET", &format!("/images/json?filters={filter}"), None);
        for image in images.as_array().into_iter().flatten() {
            let id = image["Id"].as_str().unwrap();
            engine::ask(&self.socket, "DELETE", &format!("/images/{id}?force=true"), None);
        }
    }
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) exit: Value,
}
