//! Networks that go by a tailnet or its exit node.
//!
//! What `tailscaled` tells of itself is told by these tests, because it is in no registry; its SOCKS5 server is a real one,
//! microsocks, in a network of its own: what is reached is reached by it, because the machine has no way there.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use reqwest::{Method, StatusCode};
use sandboxed_tests::{Server, server::Options, until};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream, UnixListener},
    task::JoinSet,
};

/// A network with a web server at a member of the tailnet, at a machine that is none, at the server's own address and at a
/// public address.
const NETWORK: &str = r#"
set -e
ip netns add "$1"
ip link add "$2" type veth peer name "$2p"
ip link set "$2p" netns "$1"
ip addr add 198.18.$3.1/30 dev "$2"
ip link set "$2" up
inside() { ip netns exec "$1" "${@:2}"; }
inside "$1" ip addr add 198.18.$3.2/30 dev "$2p"
inside "$1" ip link set "$2p" up
inside "$1" ip link set lo up
for address in 100.101.102.103 100.99.99.99 100.64.9.1 9.9.9.9; do inside "$1" ip addr add "$address/32" dev lo; done
"#;

struct Tailnet {
    name: String,
    directory: tempfile::TempDir,
    status: Arc<Mutex<Option<Value>>>,
    socks5: u16,
    programs: Vec<Child>,
    tasks: JoinSet<()>,
}

impl Tailnet {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("page"), "here it is\n").unwrap();
        // Networks of other tests of this machine have other numbers.
        let number = std::process::id() % 80 * 3 + COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 3;
        let (name, link) = (format!("sbx-tailnet-{number}"), format!("sbxt{number}"));
        let mut made = Command::new("bash");
        made.args(["-c", NETWORK, "network", &name, &link, &number.to_string()]);
        assert!(made.status().unwrap().success());
        let inside = |program: &[&str]| {
            let mut command = Command::new("ip");
            command.args(["netns", "exec", &name]).args(program).current_dir(&directory);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        };
        let programs = vec![inside(&["python3", "-m", "http.server", "80"]), inside(&["microsocks", "-p", "1080"])];
        let far = format!("198.18.{number}.2:1080");
        until("the SOCKS5 server to listen", async || TcpStream::connect(&far).await.ok()).await;
        let mut tailnet = Self { name, directory, status: Arc::default(), socks5: 0, programs, tasks: JoinSet::new() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        tailnet.socks5 = listener.local_addr().unwrap().port();
        // The server wants it on its own machine.
        tailnet.tasks.spawn(async move {
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let far = far.clone();
                tokio::spawn(async move {
                    if let Ok(mut far) = TcpStream::connect(far).await {
                        let _ = copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        });
        tailnet.tell(Some(json!({ "Online": true })));
        let (socket, status) = (UnixListener::bind(tailnet.socket()).unwrap(), Arc::clone(&tailnet.status));
        tailnet.tasks.spawn(async move {
            loop {
                let (mut asker, _) = socket.accept().await.unwrap();
                let mut request = vec![0; 4096];
                let length = asker.read(&mut request).await.unwrap();
                assert!(request[..length].starts_with(b"GET /localapi/v0/status HTTP/1.0\r\n"));
                let told = status.lock().unwrap().clone();
                let head = if told.is_some() { "HTTP/1.0 200 OK" } else { "HTTP/1.0 500 Internal Server Error" };
                let body = told.unwrap_or_default();
                let _ =
                    asker.write_all(format!("{head}\r\nContent-Type: application/json\r\n\r\n{body}").as_bytes()).await;
            }
        });
        tailnet
    }

    fn socket(&self) -> std::path::PathBuf {
        self.directory.path().join("tailscaled.sock")
    }

    /// What is told from now on: this exit node, or none.
    fn tell(&self, exit: Option<Value>) {
        *self.status.lock().unwrap() = Some(json!({
            "BackendState": "Running",
            "Self": { "DNSName": "here.tail1.ts.net.", "TailscaleIPs": ["100.64.9.1"] },
            "Peer": { "nodekey:1": { "DNSName": "db.tail1.ts.net.", "TailscaleIPs": ["100.101.102.103"], "Online": true } },
            "ExitNodeStatus": exit,
        }));
    }

    fn tell_state(&self, state: &str) {
        *self.status.lock().unwrap() = Some(json!({ "BackendState": state, "Peer": null, "ExitNodeStatus": null }));
    }

    async fn server(&self) -> Server {
        let socket = self.socket().to_str().unwrap().to_owned();
        let environment = vec![
            ("SANDBOXED_SH__TAILSCALE__SOCKS5".to_owned(), format!("127.0.0.1:{}", self.socks5)),
            ("SANDBOXED_SH__TAILSCALE__SOCKET".to_owned(), socket),
        ];
        Server::start_with(Options { environment, ..Options::default() }).await
    }
}

static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

impl Drop for Tailnet {
    fn drop(&mut self) {
        for program in &mut self.programs {
            let _ = program.kill();
            let _ = program.wait();
        }
        let _ = Command::new("ip").args(["netns", "delete", &self.name]).status();
    }
}

/// What came of asking for a page at each of these hosts.
async fn fetched(server: &Server, workspace: &Value, hosts: &[&str]) -> Vec<String> {
    let script = format!(
        "for host in {}; do curl -sf -m 20 http://$host/page >/dev/null && echo reached || echo refused; done",
        hosts.join(" ")
    );
    let body = json!({ "prompt": script, "harness": "shell", "workspace": workspace["id"], "one_shot": true });
    let mission = server.api.mission_with(body).await;
    server.api.reaches(&mission, &["done", "failed"]).await;
    let printed = server.api.printed(&mission).await;
    let reached: Vec<&str> = printed.lines().collect();
    let verdicts = until("all to be told", async || {
        let events = server.api.events(&mission).await;
        let told = events.into_iter().filter(|event| event["kind"] == "connections").map(|event| event["body"].clone());
        let told: Vec<Value> = told.collect();
        (told.len() == hosts.len()).then_some(told)
    })
    .await;
    let reason = |host: &str| {
        let told = verdicts.iter().find(|told| told["host"] == host).unwrap();
        assert_eq!(told["allowed"], reached[hosts.iter().position(|it| *it == host).unwrap()] == "reached", "{told}");
        told["reason"].as_str().unwrap().to_owned()
    };
    hosts.iter().map(|host| reason(host)).collect()
}

async fn workspace(server: &Server, network: Value) -> Value {
    server.api.post("/workspaces", json!({ "network": network })).await
}

const DB: &str = "100.101.102.103";
const STRANGER: &str = "100.99.99.99";
const OWN: &str = "100.64.9.1";
const PUBLIC: &str = "9.9.9.9";

#[tokio::test]
async fn by_a_tailnet_its_machines_are_reached_and_nothing_else_is() {
    let tailnet = Tailnet::new().await;
    let server = tailnet.server().await;
    let all = workspace(&server, json!({ "mode": "open", "via": "tailnet" })).await;

    let hosts = ["db.tail1.ts.net", DB, STRANGER, PUBLIC, OWN, "here.tail1.ts.net", "none.tail1.ts.net", "10.0.0.1"];
    let reasons = fetched(&server, &all, &hosts).await;

    let expected =
        ["open", "open", "not_member", "not_member", "own_address", "own_address", "not_member", "not_member"];
    assert_eq!(reasons, expected);
    let listed = json!({ "mode": "allow", "allow": ["db.tail1.ts.net:80", "10.0.0.1:80"], "via": "tailnet" });
    let listed = workspace(&server, listed).await;
    let reasons = fetched(&server, &listed, &["db.tail1.ts.net", DB, "10.0.0.1"]).await;
    assert_eq!(reasons, ["rule", "not_listed", "not_member"]);
}

#[tokio::test]
async fn by_an_exit_node_public_addresses_are_reached_and_none_once_it_is_gone() {
    let tailnet = Tailnet::new().await;
    let server = tailnet.server().await;
    let workspace = workspace(&server, json!({ "mode": "open", "via": "exit_node" })).await;

    let reasons = fetched(&server, &workspace, &[PUBLIC, DB, OWN, "10.0.0.1", "127.0.0.1"]).await;
    assert_eq!(reasons, ["open", "private_address", "own_address", "private_address", "private_address"]);

    tailnet.tell(Some(json!({ "Online": false })));
    assert_eq!(fetched(&server, &workspace, &[PUBLIC]).await, ["upstream_down"]);
    tailnet.tell(None);
    assert_eq!(fetched(&server, &workspace, &[PUBLIC]).await, ["upstream_down"]);
    tailnet.tell_state("NeedsLogin");
    assert_eq!(fetched(&server, &workspace, &[PUBLIC]).await, ["upstream_down"]);
    *tailnet.status.lock().unwrap() = None;
    assert_eq!(fetched(&server, &workspace, &[PUBLIC]).await, ["upstream_down"]);
    tailnet.tell(Some(json!({ "Online": true })));
    assert_eq!(fetched(&server, &workspace, &[PUBLIC]).await, ["open"], "it comes back with its way");
    let socket = tailnet.socket();
    drop(tailnet);
    assert!(!socket.exists());
    assert_eq!(fetched(&server, &workspace, &[PUBLIC]).await, ["upstream_down"]);
}

// The command is waited for on the test's own thread, and it has what answers it run on another.
#[tokio::test(flavor = "multi_thread")]
async fn a_way_that_is_not_there_is_refused_when_it_is_asked_for_with_the_remedy() {
    let refused = async |server: &Server, network: Value| {
        let body = json!({ "network": network });
        let (status, problem) = server.api.call(Method::POST, "/workspaces", Some(body)).await;
        assert!(!status.is_success() && problem["hint"].is_string(), "{problem}");
        (status, problem["code"].as_str().unwrap().to_owned())
    };
    let by = |via: &str| json!({ "mode": "open", "via": via });
    let without = Server::start().await;
    let (status, code) = refused(&without, by("tailnet")).await;
    assert_eq!((status, code.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "network.tailscale_unset"));
    let (status, code) = refused(&without, json!({ "mode": "shared", "via": "tailnet" })).await;
    assert_eq!((status, code.as_str()), (StatusCode::BAD_REQUEST, "workspace.network_invalid"));

    let tailnet = Tailnet::new().await;
    let server = tailnet.server().await;
    let doctor = || server.cli(&["doctor"]).stdout;
    assert!(doctor().contains("tailscale: exit node"), "{}", doctor());
    tailnet.tell(None);
    assert_eq!(refused(&server, by("exit_node")).await.1, "network.exit_node_missing");
    assert!(doctor().contains("tailscale set --exit-node"), "{}", doctor());
    tailnet.tell_state("NeedsLogin");
    assert_eq!(refused(&server, by("tailnet")).await.1, "network.tailscale_signed_out");
    assert!(doctor().contains("tailscale up"), "{}", doctor());
    drop(tailnet);
    assert_eq!(refused(&server, by("tailnet")).await.1, "network.tailscale_missing");
    assert!(doctor().contains("start tailscaled"), "{}", doctor());
    let created = server.cli(&["workspaces", "create", "w", "--via", "exit_node"]);
    assert!(created.code != 0 && created.stderr.contains("tailscaled does not tell"), "{created:?}");
}
