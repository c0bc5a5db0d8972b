//! What isolation costs: workspaces and commands in them, beside the bare tools in the same minute.

mod bare;

use std::time::{Duration, Instant};

use bare::Bare;
use reqwest::Method;
use sandboxed_tests::{Server, config, root, server::Options, until, within};
use serde_json::{Value, json};

use crate::figures;

const ROUNDS: usize = 30;
/// What is printed to measure the way of output, in bytes.
const OUTPUT: &str = "104857600";
/// What a workspace holds that is forked, in bytes.
const FORKED: &str = "209715200";

/// A backend and what it is compared with.
struct Backend {
    id: &'static str,
    options: fn() -> Value,
    config: fn() -> Option<String>,
    bare: Option<fn() -> Bare>,
    /// Budget of a warm command's first output.
    budget: &'static str,
}

const BACKENDS: [Backend; 4] = [
    Backend {
        id: "bubblewrap",
        options: || json!({}),
        config: || None,
        bare: Some(|| Bare::Bubblewrap),
        budget: "p95 40 ms",
    },
    Backend { id: "host", options: || json!({}), config: || None, bare: None, budget: "" },
    Backend {
        id: "nspawn",
        options: || json!({ "image": root::IMAGE }),
        config: || {
            root::archive();
            None
        },
        bare: Some(Bare::nspawn),
        budget: "",
    },
    Backend {
        id: "docker",
        options: || json!({}),
        config: || Some(config::with_an_engine()),
        bare: Some(Bare::docker),
        budget: "",
    },
];

pub(crate) async fn measure() {
    for backend in BACKENDS {
        of(&backend).await;
    }
}

async fn of(backend: &Backend) {
    let say = |what: &str, measured: &str, budget: &str| {
        figures::show(&format!("{}: {what}", backend.id), measured, budget);
    };
    let server = Server::start_with(Options { config: (backend.config)(), ..Options::default() }).await;
    let (mut created, mut first, mut warm) = (Vec::new(), Vec::new(), Vec::new());
    let mut workspace = String::new();
    for _ in 0..ROUNDS {
        let (took, made) = timed(create(&server, backend)).await;
        created.push(took);
        workspace = made;
        first.push(timed(first_output(&server, &workspace)).await.0);
    }
    // The one that everything of its kind is made for belongs to no workspace in particular.
    say("make the first workspace", &figures::millis(created.remove(0)), "");
    say("make another, median / p95", &show(spread(created)), "");
    say("request to first output, new workspace", &show(spread(first)), "");
    let bare = backend.bare.map(|bare| bare());
    let mut alone = Vec::new();
    for _ in 0..ROUNDS {
        warm.push(timed(first_output(&server, &workspace)).await.0);
        // In turn, so that what else the machine does falls on both.
        alone.extend(bare.as_ref().map(|bare| time(|| bare.run(&["echo", "x"]))));
    }
    let warm = spread(warm);
    say("request to first output, warm", &show(warm), backend.budget);
    if let Some(bare) = &bare {
        let alone = spread(alone);
        say(&format!("the same by {} alone", bare.name()), &show(alone), "");
        let over = warm.0.as_secs_f64() - alone.0.as_secs_f64();
        let ratio = warm.0.as_secs_f64() / alone.0.as_secs_f64();
        say("warm over alone", &format!("{:+.1} ms, {ratio:.2} x", over * 1000.0), "5 ms or 1.2 x");
    }
    let (took, bytes) = timed(output(&server, &workspace)).await;
    say("100 MB of output over HTTP", &format!("{:.2} s, {} MB", took.as_secs_f64(), bytes / 1_000_000), "");
    if let Some(bare) = &bare {
        let took = time(|| bare.run(&["head", "-c", OUTPUT, "/dev/zero"]));
        say(&format!("the same by {} alone", bare.name()), &format!("{:.2} s", took.as_secs_f64()), "");
    }
    let fill = json!({ "command": ["sh", "-c", format!("head -c {FORKED} /dev/urandom > large")] });
    output_of(&server, &workspace, fill).await;
    let fork = format!("/workspaces/{workspace}/fork");
    let mut forked = Vec::new();
    for _ in 0..5 {
        // A workspace is in use until the end of its last process was seen to.
        let took = until("a fork", async || {
            let (took, (status, _)) = timed(server.api.call(Method::POST, &fork, Some(json!({})))).await;
            status.is_success().then_some(took)
        });
        forked.push(took.await);
    }
    say("fork with a file of 200 MB, the first", &figures::millis(forked.remove(0)), "");
    say("the next ones, median / p95", &show(spread(forked)), "150 ms");
}

/// Makes a workspace that processes can enter, and returns its id.
async fn create(server: &Server, backend: &Backend) -> String {
    let body = json!({ "backend": backend.id, "options": (backend.options)(), "network": { "mode": "none" } });
    let made = server.api.post("/workspaces", body).await;
    let path = format!("/workspaces/{}", made["id"].as_str().unwrap());
    until("the workspace to be made", async || (server.api.get(&path).await["phase"] == "ready").then_some(())).await;
    made["id"].as_str().unwrap().to_owned()
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
    output_of(server, workspace, json!({ "command": ["head", "-c", OUTPUT, "/dev/zero"] })).await
}

/// Runs a command and returns how many bytes it prints.
async fn output_of(server: &Server, workspace: &str, body: Value) -> usize {
    let process = server.api.post(&format!("/workspaces/{workspace}/processes"), body).await;
    let path = format!("/processes/{}/output", process["id"].as_str().unwrap());
    let mut answer = within("an answer", server.api.request(Method::GET, &path).send()).await.unwrap();
    let mut bytes = 0;
    while let Some(chunk) = within("more", answer.chunk()).await.unwrap() {
        bytes += chunk.len();
    }
    bytes
}

async fn timed<T>(work: impl Future<Output = T>) -> (Duration, T) {
    let began = Instant::now();
    let done = work.await;
    (began.elapsed(), done)
}

fn time(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

/// The median and the 95th percentile.
fn spread(mut times: Vec<Duration>) -> (Duration, Duration) {
    (figures::quantile(&mut times, 0.5), figures::quantile(&mut times, 0.95))
}

fn show((median, p95): (Duration, Duration)) -> String {
    format!("{:.1} / {:.1} ms", median.as_secs_f64() * 1000.0, p95.as_secs_f64() * 1000.0)
}
