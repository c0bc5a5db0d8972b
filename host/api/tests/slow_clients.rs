//! Clients that do not read cost little, however long the log is. Alone in its process, as it measures memory.
#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "the other tests use more of it")]
#[path = "support/mod.rs"]
mod support;

use futures_util::future::join_all;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use support::{Api, PATIENCE};

const CLIENTS: usize = 1000;
const MESSAGES: usize = 1000;
const MESSAGE_BYTES: usize = 8 * 1024;
/// How far the clients that read come; one reads to the end.
const READ: usize = 50;
/// What 1,000 streams may take: 256 KiB each. Without a bound they would hold 500 logs of 8 MB.
const MAX_GROWTH: usize = CLIENTS * 256 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_streams_of_which_half_never_read_take_bounded_memory() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(8192), hard).unwrap();
    let api = Api::with_log(MESSAGES, MESSAGE_BYTES).await;
    let before = resident();

    let mut readers = join_all((0..CLIENTS).map(|_| open(&api))).await;
    let silent = readers.split_off(CLIENTS / 2);
    let to_the_end = readers.pop().unwrap();
    let read = join_all(readers.into_iter().map(|stream| read_to(stream, READ))).await;
    let whole = read_to(to_the_end, MESSAGES + 2).await;

    let growth = resident().saturating_sub(before);
    assert!(read.into_iter().all(|bytes| bytes > (READ - 1) * MESSAGE_BYTES), "a reader got less than was written");
    assert!(whole > MESSAGES * MESSAGE_BYTES, "a reader got less than the log");
    assert!(growth < MAX_GROWTH, "{CLIENTS} streams took {} MiB", growth >> 20);
    let alive = api.get("/version").await;
    assert_eq!(alive.status(), 200, "the server serves nobody else");
    drop(silent);
}

/// Opens a stream with a small window and reads nothing yet.
async fn open(api: &Api) -> TcpStream {
    let host = api.url.trim_start_matches("http://");
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let mut stream = socket.connect(host.parse().unwrap()).await.unwrap();
    let request = format!(
        "GET /api/v1/missions/{}/stream HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\n\r\n",
        api.mission, api.token
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Reads until the event of this place comes, and says how many bytes that took.
async fn read_to(mut stream: TcpStream, seq: usize) -> usize {
    let text = format!("\nid: {seq}\n");
    let (mut buffer, mut kept, mut total) = (vec![0; 64 * 1024], Vec::new(), 0);
    loop {
        let count = tokio::time::timeout(PATIENCE, stream.read(&mut buffer)).await.expect("nothing came").unwrap();
        assert!(count > 0, "the stream ended");
        total += count;
        kept.extend_from_slice(&buffer[..count]);
        if kept.windows(text.len()).any(|window| window == text.as_bytes()) {
            return total;
        }
        let tail = kept.len().saturating_sub(text.len());
        kept.drain(..tail);
    }
}

/// Resident memory of this process, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}
