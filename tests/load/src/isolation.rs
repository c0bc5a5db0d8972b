//! What isolation costs: workspaces and commands in them, beside the bare tools in the same minute.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use reqwest::Method;
use sandboxed_tests::{Server, within};
use serde_json::{Value, json};

use crate::figures;

const ROUNDS: usize = 30;
/// What is printed to measure the way of output.
const OUTPUT: &str = "104857600";

/// Bubblewrap as the plugin starts it, but by hand.
const BARE: [&str; 36] = [
    "--reuid=209999",
    "--regid=209999",
    "--clear-groups",
    "--",
    "bwrap",
    "--unshare-user",
    "--uid",
    "1000",
    "--gid",
    "1000",
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
    "--unshare-net",
    "--cap-drop",
    "ALL",
    "--die-with-parent",
    "--disable-userns",
    "--new-session",
    "--ro-bind",
    "/usr",
    "/usr",
    "--symlink",
    "usr/bin",
    "/bin",
    "--symlink",
    "usr/lib",
    "/lib",
    "--symlink",
    "usr/lib64",
    "/lib64",
    "--proc",
    "/proc",
    "--dev",
    "/dev",
];

pub(crate) async fn measure() {
    let bare = spread((0..ROUNDS).map(|_| time(|| run_bare(&["true"]))));
    figures::show("bare bwrap: true, median / p95", &show(bare), "");
    for backend in ["bubblewrap", "host"] {
        let server = Server::start().await;
        let mut created = Vec::new();
        let mut first = Vec::new();
        let mut workspace = String::new();
        for _ in 0..ROUNDS {
            let began = Instant::now();
            let made = server.api.post("/workspaces", json!({ "backend": backend })).await;
            created.push(began.elapsed());
            workspace = made["id"].as_str().unwrap().to_owned();
            let began = Instant::now();
            first_output(&server, &workspace).await;
            first.push(began.elapsed());
        }
        let mut warm = Vec::new();
        for _ in 0..ROUNDS {
            let began = Instant::now();
            first_output(&server, &workspace).await;
            warm.push(began.elapsed());
        }
        let warm = spread(warm.into_iter());
        figures::show(&format!("{backend}: make a workspace, median / p95"), &show(spread(created.into_iter())), "");
        figures::show(
            &format!("{backend}: request to first output, new workspace"),
            &show(spread(first.into_iter())),
            "",
        );
        figures::show(&format!("{backend}: request to first output, warm"), &show(warm), "p95 40 ms");
        if backend == "bubblewrap" {
            let over = warm.0.saturating_sub(bare.0);
            let ratio = warm.0.as_secs_f64() / bare.0.as_secs_f64();
            let text = format!("{:.1} ms, {ratio:.1} x", over.as_secs_f64() * 1000.0);
            figures::show("bubblewrap: warm command over the bare tool", &text, "5 ms or 1.2 x");
        }
        let began = Instant::now();
        let bytes = output(&server, &workspace).await;
        let took = began.elapsed();
        let text = format!("{:.2} s, {} MB", took.as_secs_f64(), bytes / 1_000_000);
        figures::show(&format!("{backend}: 100 MB of output over HTTP"), &text, "");
    }
    let began = Instant::now();
    run_bare(&["head", "-c", OUTPUT, "/dev/zero"]);
    figures::show("bare bwrap: 100 MB of output", &format!("{:.2} s", began.elapsed().as_secs_f64()), "");
}

fn run_bare(command: &[&str]) {
    let output = Command::new("setpriv").args(BARE).arg("--").args(command).stdout(Stdio::piped()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Runs a command and returns when its first output is there.
async fn first_output(server: &Server, workspace: &str) {
    let body = json!({ "command": ["echo", "x"] });
    let request = server.api.request(Method::POST, &format!("/workspaces/{workspace}/exec")).json(&body);
    let mut answer = within("an answer", request.send()).await.unwrap();
    let line = within("a line", answer.chunk()).await.unwrap().unwrap();
    let line: Value = serde_json::from_slice(line.split(|&byte| byte == b'\n').next().unwrap()).unwrap();
    assert_eq!(line["text"], "x\n");
}

async fn output(server: &Server, workspace: &str) -> usize {
    let path = format!("/workspaces/{workspace}/processes");
    let body = json!({ "command": ["head", "-c", OUTPUT, "/dev/zero"] });
    let process = server.api.post(&path, body).await;
    let path = format!("/processes/{}/output", process["id"].as_str().unwrap());
    let mut answer = within("an answer", server.api.request(Method::GET, &path).send()).await.unwrap();
    let mut bytes = 0;
    while let Some(chunk) = within("more", answer.chunk()).await.unwrap() {
        bytes += chunk.len();
    }
    bytes
}

fn time(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

/// The median and the 95th percentile.
fn spread(times: impl Iterator<Item = Duration>) -> (Duration, Duration) {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() * 95 / 100])
}

fn show((median, p95): (Duration, Duration)) -> String {
    format!("{:.1} / {:.1} ms", median.as_secs_f64() * 1000.0, p95.as_secs_f64() * 1000.0)
}
