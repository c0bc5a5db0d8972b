//! Servers with systems, and mirrors that say nothing.

use std::{
    net::{TcpListener, TcpStream},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use reqwest::Method;
use sandboxed_tests::{Server, config, engine, server::Options, until, within};
use serde_json::{Value, json};

/// A small root file system with bash, git and curl.
pub(crate) const SMALL: &str = "small";

/// The configuration with these settings of the plugin `nspawn`.
pub(crate) fn nspawn(settings: &str) -> String {
    let component = "component = \"nspawn.wasm\"\n";
    config::changed(&[(component, &format!("{component}config = {{ {settings} }}\n"))])
}

/// A server that has the small root file system as an image.
pub(crate) async fn server() -> Server {
    with_config(config::with_images(&[(SMALL, engine::archive().to_str().unwrap())])).await
}

pub(crate) async fn with_config(config: String) -> Server {
    Server::start_with(Options { config: Some(config), ..Options::default() }).await
}

/// A server whose mirror of bookworm is this one.
pub(crate) async fn with_mirror(url: &str, patience: u32, environment: &[(&str, &str)]) -> Server {
    let config = nspawn(&format!("mirrors = {{ bookworm = \"{url}\" }}, mirror_timeout = {patience}"));
    let environment = environment.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    Server::start_with(Options { config: Some(config), environment, ..Options::default() }).await
}

/// Begins a workspace; the answer does not wait for its system.
pub(crate) async fn create(server: &Server, options: Value) -> Value {
    let made = server.api.post("/workspaces", json!({ "backend": "nspawn", "options": options })).await;
    assert_eq!(made["phase"], "building", "{made}");
    made
}

pub(crate) fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

pub(crate) async fn show(server: &Server, workspace: &Value) -> Value {
    server.api.get(&format!("/workspaces/{}", id(workspace))).await
}

/// The last build of a workspace.
pub(crate) async fn build(server: &Server, workspace: &Value) -> Value {
    let shown = show(server, workspace).await;
    server.api.get(&format!("/builds/{}", shown["build"].as_str().unwrap())).await
}

/// Waits until the first step of a workspace's build fits.
pub(crate) async fn first_step(server: &Server, workspace: &Value, fits: impl Fn(&Value) -> bool) -> Value {
    until("the first step", async || {
        let step = build(server, workspace).await["steps"][0].take();
        fits(&step).then_some(step)
    })
    .await
}

/// Waits for the end of a workspace's last build.
pub(crate) async fn ended(server: &Server, workspace: &Value) -> Value {
    until("the build to end", async || {
        let build = build(server, workspace).await;
        build["ended_at"].is_string().then_some(build)
    })
    .await
}

/// Waits until a workspace is ready, and tells how the first step of its build came out.
pub(crate) async fn made(server: &Server, workspace: &Value) -> String {
    let build = ended(server, workspace).await;
    assert_eq!(build["state"], "done", "{build}");
    assert_eq!(show(server, workspace).await["phase"], "ready");
    build["steps"][0]["state"].as_str().unwrap().to_owned()
}

/// The whole log of the first step.
pub(crate) async fn log(server: &Server, build: &Value) -> String {
    let request = server.api.request(Method::GET, &format!("/builds/{}/steps/1/log", id(build)));
    within("the log", async { request.send().await.unwrap().text().await.unwrap() }).await
}

pub(crate) async fn cancel(server: &Server, workspace: &Value) -> Value {
    let build = build(server, workspace).await;
    server.api.post(&format!("/builds/{}/cancel", id(&build)), Value::Null).await
}

/// What a script prints that a mission runs in a workspace.
pub(crate) async fn said(server: &Server, workspace: &Value, script: &str) -> String {
    let body = json!({ "prompt": script, "harness": "shell", "workspace": id(workspace) });
    let mission = server.api.mission_with(body).await;
    let ended = server.api.reaches(&mission, &["awaiting_user", "failed"]).await;
    assert_eq!(ended["state"], "awaiting_user", "{ended}");
    server.api.printed(&mission).await
}

pub(crate) fn layers(server: &Server) -> PathBuf {
    server.data_dir().join("layers")
}

/// What lies in the directory of layers: whole ones by their ids, half ones by the names of drafts.
pub(crate) fn kept(server: &Server) -> Vec<String> {
    let entries = std::fs::read_dir(layers(server)).unwrap().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Processes that make a layer of this server: all of them have its directory in their environment.
pub(crate) fn at_work(server: &Server) -> usize {
    let mark = format!("TMPDIR={}", layers(server).display()).into_bytes();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let environments = processes.filter_map(|process| std::fs::read(process.path().join("environ")).ok());
    environments.filter(|environment| environment.windows(mark.len()).any(|part| part == mark)).count()
}

/// Nothing of a system that was not finished is left: no layer, no process, and no mount.
pub(crate) fn assert_nothing_is_left(server: &Server) {
    assert_eq!(kept(server), Vec::<String>::new());
    assert_eq!(at_work(server), 0);
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let below = layers(server).display().to_string();
    assert!(!mounts.contains(&below), "{mounts}");
}

/// A mirror that takes connections and says nothing, until it is dropped: then it closes them.
pub(crate) struct SilentMirror {
    port: u16,
    asked: Arc<Mutex<Vec<TcpStream>>>,
    over: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl SilentMirror {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (asked, over) = (Arc::<Mutex<Vec<TcpStream>>>::default(), Arc::new(AtomicBool::new(false)));
        let (keep, ends) = (Arc::clone(&asked), Arc::clone(&over));
        let accepting = std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if ends.load(Ordering::SeqCst) {
                    return;
                }
                keep.lock().unwrap().push(connection);
            }
        });
        Self { port, asked, over, accepting: Some(accepting) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/debian", self.port)
    }

    /// Waits until somebody has asked it.
    pub(crate) async fn is_asked(&self) {
        until("the mirror to be asked", async || (!self.asked.lock().unwrap().is_empty()).then_some(())).await;
    }
}

impl Drop for SilentMirror {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // It accepts once more, and ends.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(accepting) = self.accepting.take() {
            accepting.join().unwrap();
        }
        self.asked.lock().unwrap().clear();
    }
}
