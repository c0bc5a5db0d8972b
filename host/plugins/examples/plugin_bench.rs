//! What plugins cost: loading, calling, and the bytes of a session.
//!
//! `cargo run --release -p sandboxed-plugins --example plugin_bench` after `make plugins`.
//!
//! The native figures are of the same work without a border: the decoder of the plugins' SDK (the very source file),
//! the same event, and the same state written as JSON after each step.
#![allow(clippy::unwrap_used, reason = "a program for a person who measures")]

mod lent;
#[path = "../../../plugins/sdk/src/text.rs"]
#[allow(dead_code, unreachable_pub, reason = "the whole file of the SDK, of which one part is measured")]
mod text;

use std::{
    hint::black_box,
    path::Path,
    time::{Duration, Instant},
};

use lent::{nothing_lent, options};
use sandboxed_model::{
    MissionId, PluginId, Timestamp, WorkspaceId,
    ask::{ApprovalMode, WorkMode},
    command::OutputStream,
    config::PluginConfig,
    harness::{DriverEvent, Frame, Input, Start},
    tools::ToolCaller,
};
use sandboxed_plugins::{PluginHost, Session};
use serde::Serialize;
use text::TextDecoder;

const PLUGINS: [(&str, &str); 3] = [
    ("host", "id = \"host\"\nkind = \"backend\"\ncomponent = \"host.wasm\"\ngrants = { run = [\"bash\", \"git\"] }"),
    ("shell", "id = \"shell\"\nkind = \"harness\"\ncomponent = \"shell.wasm\""),
    (
        "workspace",
        "id = \"workspace\"\nkind = \"tools\"\ncomponent = \"workspace.wasm\"\n\
         grants = { workspace_files = \"write\", workspace_run = true }",
    ),
];

const CALLS: usize = 2000;
const LINE: &[u8] = b"test result: ok. 20 passed; 0 failed; 0 ignored; 0 measured\n";

#[tokio::main]
async fn main() {
    let plugins = PLUGINS.map(|(_, table)| toml::from_str::<PluginConfig>(table).unwrap());
    let cache = tempfile::tempdir().unwrap();

    println!("load                 cold         cached");
    for ((name, _), config) in PLUGINS.iter().zip(&plugins) {
        let cold = loaded_in(cache.path(), config).await;
        let cached = loaded_in(cache.path(), config).await;
        println!("  {name:<12} {:>9.1} ms   {:>9.1} ms", millis(cold), millis(cached));
    }

    let host = PluginHost::start(options(cache.path()), &plugins, nothing_lent()).await.unwrap();
    let tools = host.tools(&id("workspace")).unwrap();
    // The port refuses, so that nothing but the call itself is measured: arguments checked, a fresh instance, one call
    // of the host.
    let caller = ToolCaller { workspace: WorkspaceId::new(), mission: None };
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let begun = Instant::now();
        black_box(tools.call(caller, "delete_file", serde_json::json!({ "path": "x" })).await.unwrap_err());
        times.push(begun.elapsed());
    }
    print_quantiles("workspace: a tool call", times);

    let harness = host.harness(&id("shell")).unwrap();
    let (mut opens, mut steps) = (Vec::new(), Vec::new());
    for _ in 0..CALLS {
        let begun = Instant::now();
        let mut session = harness.open_session(&turn("echo hello"), None).await.unwrap();
        opens.push(begun.elapsed());
        let begun = Instant::now();
        black_box(session.step(Timestamp::from_millis(1), Input::Prompt).await.unwrap());
        steps.push(begun.elapsed());
    }
    print_quantiles("shell: open a session", opens);
    print_quantiles("shell: its first step", steps);

    println!("shell: frames                  plugin                      native            native / plugin");
    let block = LINE.repeat(65_536 / LINE.len() + 1)[..65_536].to_vec();
    let (large, small) = (budget(256 << 20), budget(8 << 20));
    for (what, bytes, batch, total) in [
        ("64 KiB, 1 a step", block.as_slice(), 1, large),
        ("64 KiB, 16 a step", block.as_slice(), 16, large),
        ("a line, 1 a step", LINE, 1, small),
        ("a line, 256 a step", LINE, 256, small),
    ] {
        let steps = (total / (bytes.len() * batch)).max(1);
        let mut session = harness.open_session(&turn("cat"), None).await.unwrap();
        session.step(Timestamp::from_millis(1), Input::Prompt).await.unwrap();
        let plugin = through_plugin(&mut session, bytes, batch, steps).await;
        let native = natively(bytes, batch, steps);
        let frames = steps * batch;
        println!(
            "  {what:<20} {}   {}   {:>6.2}",
            rate(bytes.len() * frames, frames, plugin),
            rate(bytes.len() * frames, frames, native),
            plugin.as_secs_f64() / native.as_secs_f64(),
        );
    }
}

/// Without optimisation the figures mean nothing, and it is enough to see that it works.
fn budget(bytes: usize) -> usize {
    if cfg!(debug_assertions) { bytes / 32 } else { bytes }
}

/// A turn in which this is asked.
fn turn(prompt: &str) -> Start {
    Start {
        mission: MissionId::new(),
        turn: 1,
        tree: "/tree".to_owned(),
        inbox: "/inbox".to_owned(),
        home: "/home".to_owned(),
        programs: None,
        prompt: prompt.to_owned(),
        attachments: Vec::new(),
        instructions: None,
        mcp_servers: Vec::new(),
        model: None,
        effort: None,
        approvals: ApprovalMode::Bypass,
        mode: WorkMode::Act,
        endpoints: Vec::new(),
        resume: None,
        settings: "{}".to_owned(),
    }
}

fn id(name: &str) -> PluginId {
    name.parse().unwrap()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn rate(bytes: usize, frames: usize, time: Duration) -> String {
    let seconds = time.as_secs_f64();
    format!("{:>8.1} MB/s {:>9.0}/s", bytes as f64 / 1e6 / seconds, frames as f64 / seconds)
}

fn print_quantiles(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |part: usize| times[times.len() * part / 100].as_secs_f64() * 1e6;
    println!("{what:<24} p50 {:>8.1} µs   p99 {:>8.1} µs", at(50), at(99));
}

/// How long it takes until a plugin can be called, without the start of the host itself.
async fn loaded_in(cache: &Path, config: &PluginConfig) -> Duration {
    let begun = Instant::now();
    drop(PluginHost::start(options(cache), &[], nothing_lent()).await.unwrap());
    let empty = begun.elapsed();
    let begun = Instant::now();
    let host = PluginHost::start(options(cache), std::slice::from_ref(config), nothing_lent()).await.unwrap();
    let time = begun.elapsed();
    let info = host.inspect(&config.id).unwrap();
    assert!(info.reason.is_none(), "{} (run `make plugins`)", info.reason.unwrap());
    time.saturating_sub(empty)
}

async fn through_plugin(session: &mut Session, bytes: &[u8], batch: usize, steps: usize) -> Duration {
    let mut offset = 0;
    let begun = Instant::now();
    for _ in 0..steps {
        let input = Input::Frames(frames(bytes, batch, &mut offset));
        black_box(session.step(Timestamp::from_millis(1), input).await.unwrap());
    }
    begun.elapsed()
}

/// What the session remembers.
#[derive(Serialize)]
struct State {
    turn: u32,
    title: String,
    script: String,
    interrupted: bool,
    stdout: TextDecoder,
    stderr: TextDecoder,
}

fn natively(bytes: &[u8], batch: usize, steps: usize) -> Duration {
    let mut state = State {
        turn: 1,
        title: "cat".to_owned(),
        script: "cat".to_owned(),
        interrupted: false,
        stdout: TextDecoder::default(),
        stderr: TextDecoder::default(),
    };
    let mut offset = 0;
    let begun = Instant::now();
    for _ in 0..steps {
        let input = black_box(frames(bytes, batch, &mut offset));
        let events: Vec<DriverEvent> = input
            .into_iter()
            .map(|frame| DriverEvent::ToolOutput {
                id: format!("turn-{}", state.turn),
                stream: frame.stream,
                text: state.stdout.push(&frame.bytes),
            })
            .collect();
        black_box((events, serde_json::to_vec(&state).unwrap()));
    }
    begun.elapsed()
}

fn frames(bytes: &[u8], batch: usize, offset: &mut u64) -> Vec<Frame> {
    let next = |_| {
        let frame = Frame { stream: OutputStream::Stdout, offset: *offset, bytes: bytes.to_vec(), partial: false };
        *offset += bytes.len() as u64;
        frame
    };
    (0..batch).map(next).collect()
}
