use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use reqwest::StatusCode;
use sandboxed_tests::{Server, cli, within};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::setup::{listens, served, start, workspace};

/// Answers with how much it was sent, once all of it has come.
const COUNT: &str = "import socket\ns = socket.create_server(('127.0.0.1', 7000))\nwhile True:\n  c, _ = s.accept()\n  n = 0\n  \
                     while d := c.recv(65536): n += len(d)\n  c.sendall(b'%d bytes' % n); c.close()";
/// Sends back what it is sent, as it comes.
const ECHO: &str = "import socket, threading\ndef echo(c):\n  while d := c.recv(65536): c.sendall(d)\n  c.close()\n\
                    s = socket.create_server(('127.0.0.1', 7001))\nwhile True: threading.Thread(target=echo, args=(s.accept()[0],), daemon=True).start()";

/// `sandboxed-sh forward`, which ends with the test.
struct Forward {
    child: Child,
    address: SocketAddr,
}

impl Forward {
    fn start(server: &Server, workspace: &str, port: &str) -> Self {
        let mut command = cli::command(&server.data_dir());
        command.args(["forward", workspace, port, "--listen", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split(' ').next().unwrap().parse().unwrap_or_else(|_| panic!("{line:?}"));
        Self { child, address }
    }

    async fn connect(&self) -> TcpStream {
        within("a connection", TcpStream::connect(self.address)).await.unwrap()
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn any_protocol_is_forwarded_and_the_end_of_one_direction_leaves_the_other() {
    let server = Server::start().await;
    let workspace = workspace(&server.api, json!({})).await;
    start(&server.api, &workspace, &["python3", "-c", COUNT]).await;
    listens(&server.api, &workspace, 7000).await;
    let forward = Forward::start(&server, &workspace, "7000");

    let mut stream = forward.connect().await;
    within("the writing", stream.write_all(&vec![1; 3_000_000])).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut said = String::new();
    within("the answer", stream.read_to_string(&mut said)).await.unwrap();

    assert_eq!(said, "3000000 bytes");
}

#[tokio::test]
async fn both_directions_are_forwarded_at_once_over_many_connections() {
    let server = Server::start().await;
    let workspace = workspace(&server.api, json!({})).await;
    start(&server.api, &workspace, &["python3", "-c", ECHO]).await;
    listens(&server.api, &workspace, 7001).await;
    let forward = Forward::start(&server, &workspace, "7001");
    let length = 4 << 20;

    let echoed = (0..4_u8).map(async |byte| {
        let (mut reader, mut writer) = forward.connect().await.into_split();
        let send = async move {
            writer.write_all(&vec![byte; length]).await.unwrap();
            writer.shutdown().await.unwrap();
        };
        let mut received = Vec::new();
        within("the echo", async { tokio::join!(send, reader.read_to_end(&mut received)).1.unwrap() }).await;
        received.len() == length && received.iter().all(|&it| it == byte)
    });

    assert_eq!(futures_util::future::join_all(echoed).await, [true; 4]);
}

#[tokio::test]
async fn the_command_line_lists_declares_and_opens_ports() {
    let server = Server::start().await;
    let (workspace, site) = served(&server, 8000).await;

    let declared = server.cli(&["ports", &workspace, "--declare", "web=8000", "--declare", "api=https:8001", "--json"]);
    let declared: Value = serde_json::from_str(&declared.success().stdout).unwrap();
    assert_eq!((&declared[0]["name"], &declared[0]["listening"]), (&json!("web"), &json!(true)));
    assert_eq!((&declared[1]["protocol"], &declared[1]["listening"]), (&json!("https"), &json!(false)));
    let table = server.cli(&["ports", &workspace]).success().stdout;
    assert!(table.contains("8000") && table.contains("listening") && table.contains("python3"), "{table}");
    let url = server.cli(&["ports", &workspace, "--open", "8000"]).success().stdout;
    let way = &url[url.find("/.sandboxed-sh").unwrap()..];
    assert_eq!(site.bare(reqwest::Method::GET, way.trim()).send().await.unwrap().status(), StatusCode::SEE_OTHER);
    let none: Value =
        serde_json::from_str(&server.cli(&["ports", &workspace, "--declare-none", "--json"]).success().stdout).unwrap();
    assert_eq!(none.as_array().unwrap().len(), 1, "only what listens is left");
    let made = server.cli(&["workspaces", "create", "ported", "--port", "web=3000", "--json"]).success();
    assert_eq!(serde_json::from_str::<Value>(&made.stdout).unwrap()["ports"][0]["port"], 3000);
}

#[tokio::test]
async fn what_cannot_be_forwarded_is_told() {
    let server = Server::start().await;
    let workspace = workspace(&server.api, json!({})).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();

    let busy = server.cli(&["forward", &workspace, "7000", "--listen", &taken.local_addr().unwrap().to_string()]);
    let unknown = server.cli(&["forward", "nobody", "7000"]);

    assert_eq!(busy.code, 4, "{busy:?}");
    assert!(busy.stderr.contains("hint: ") && unknown.code != 0, "{busy:?} {unknown:?}");
    // A connection to where nothing listens is closed.
    let forward = Forward::start(&server, &workspace, "7000");
    let mut rest = Vec::new();
    within("the end", forward.connect().await.read_to_end(&mut rest)).await.unwrap();
    assert!(rest.is_empty());
}
