//! What the drivers of agents cost: events a second, and processor time for a thousand of them.
//!
//! `cargo run --release -p sandboxed-plugins --example driver_bench` after `make plugins`.
//!
//! Each driver is the component that the server runs, set up by the table that people have for it. It is given a
//! recorded turn of its agent again and again, once a line at a time, as a patient agent prints, and once in pieces of
//! 16 KiB, as the spool is read when a server takes up a run. The state is saved with every step, as in the server.
#![allow(clippy::unwrap_used, reason = "a program for a person who measures")]

mod lent;

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use lent::{nothing_lent, options};
use nix::sys::resource::{UsageWho, getrusage};
use sandboxed_model::{
    MissionId, Timestamp,
    ask::{ApprovalMode, WorkMode},
    command::{Exit, OutputStream},
    config::PluginConfig,
    harness::{Frame, Input, Start},
};
use sandboxed_plugins::{Harness, PluginHost};
use serde::{Deserialize, de::IgnoredAny};

/// A harness, and a recorded turn below `plugins/harnesses` that says much and asks nothing.
const TURNS: [(&str, &str); 7] = [
    ("claude-code", "claude-code/tests/transcripts/sub-agent.jsonl"),
    ("codex", "codex/tests/transcripts/plan.jsonl"),
    ("opencode", "opencode/tests/transcripts/ok.jsonl"),
    ("gemini", "acp/tests/transcripts/gemini/bypass.jsonl"),
    ("grok", "acp/tests/transcripts/grok/bypass.jsonl"),
    ("goose", "acp/tests/transcripts/goose/bypass.jsonl"),
    ("amp", "amp/tests/transcripts/sub-agent.jsonl"),
];

/// As much as the server reads of a spool at once.
const PIECE: usize = 16 * 1024;

#[tokio::main]
async fn main() {
    let plugins = harnesses();
    let cache = tempfile::tempdir().unwrap();
    let host = PluginHost::start(options(cache.path()), &plugins, nothing_lent()).await.unwrap();

    println!("driver        a line a step                    16 KiB a step");
    for (name, path) in TURNS {
        let harness = host.harness(&name.parse().unwrap()).unwrap();
        let turn = Turn::read(&repository().join("plugins/harnesses").join(path));
        let lines = measure(&harness, &turn, 1).await;
        let pieces = measure(&harness, &turn, PIECE).await;
        println!("{name:<12}  {lines}    {pieces}");
    }
}

/// Without optimisation the figures mean nothing, and it is enough to see that it works.
fn long_enough() -> Duration {
    if cfg!(debug_assertions) { Duration::from_millis(200) } else { Duration::from_secs(3) }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// As docs/harnesses/amp.md has it: its service cannot be chosen, so it does not come with the server.
const AMP: &str = "\n[[plugin]]\nid = \"amp\"\nkind = \"harness\"\ncomponent = \"amp.wasm\"\n\
                   grants.secrets = [\"amp-key\"]\nconfig.api_key_secret = \"amp-key\"\n";

/// The harnesses of the configuration that comes with the server, and Amp.
fn harnesses() -> Vec<PluginConfig> {
    #[derive(Deserialize)]
    struct Shipped {
        plugin: Vec<PluginConfig>,
    }
    let text = fs::read_to_string(repository().join("config/sandboxed.toml")).unwrap() + AMP;
    let all = toml::from_str::<Shipped>(&text).unwrap().plugin;
    all.into_iter().filter(|plugin| TURNS.iter().any(|(name, _)| plugin.id.as_str() == *name)).collect()
}

struct Figures {
    events: usize,
    wall: Duration,
    processor: Duration,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let a_second = self.events as f64 / self.wall.as_secs_f64();
        let for_thousand = self.processor.as_secs_f64() * 1e6 / self.events as f64;
        write!(f, "{a_second:>8.0} /s {for_thousand:>8.1} ms/1,000")
    }
}

/// Gives a driver the turn until the time is up. What is printed comes in pieces of whole lines, of so many bytes or a
/// single line.
async fn measure(harness: &Harness, turn: &Turn, piece: usize) -> Figures {
    let pieces = turn.pieces(piece);
    let mut events = 0;
    let (begun, processor) = (Instant::now(), processor_time());
    while begun.elapsed() < long_enough() {
        let mut session = harness.open_session(&turn.start, None).await.unwrap();
        let inputs = pieces.iter().cloned().map(Input::Frames);
        let ended = Input::Exited(Exit::Code(0));
        for input in std::iter::once(Input::Prompt).chain(inputs).chain([ended]) {
            let (said, _saved) = session.step(Timestamp::from_millis(1), input).await.unwrap();
            events += said.events.len();
        }
    }
    Figures { events, wall: begun.elapsed(), processor: processor_time() - processor }
}

/// What this process has used of the processors.
fn processor_time() -> Duration {
    let used = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    let part = |time: nix::sys::time::TimeVal| {
        Duration::from_secs(time.tv_sec().unsigned_abs()) + Duration::from_micros(time.tv_usec().unsigned_abs())
    };
    part(used.user_time()) + part(used.system_time())
}

/// A recorded turn.
struct Turn {
    start: Start,
    stdout: String,
}

/// What matters here of a line of a transcript; the SDK's testkit describes them all.
#[derive(Deserialize)]
struct Moment {
    start: Option<Asked>,
    prompt: Option<String>,
    stdout: Option<String>,
    exited: Option<IgnoredAny>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    settings: serde_json::Map<String, serde_json::Value>,
    model: Option<String>,
    approvals: ApprovalMode,
    mode: WorkMode,
}

impl Turn {
    /// The first turn of a transcript.
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let (mut asked, mut prompt, mut stdout) = (Asked::default(), String::new(), String::new());
        for line in text.lines() {
            let moment: Moment = serde_json::from_str(line).unwrap();
            if moment.exited.is_some() {
                break;
            }
            asked = moment.start.unwrap_or(asked);
            prompt = moment.prompt.unwrap_or(prompt);
            stdout.push_str(&moment.stdout.unwrap_or_default());
        }
        let start = Start {
            mission: MissionId::new(),
            turn: 1,
            tree: "/workspace".to_owned(),
            inbox: "/inbox".to_owned(),
            home: "/home/mission".to_owned(),
            programs: Some("/opt/harness".to_owned()),
            prompt,
            attachments: Vec::new(),
            instructions: None,
            mcp_servers: Vec::new(),
            model: asked.model,
            effort: None,
            approvals: asked.approvals,
            mode: asked.mode,
            endpoints: Vec::new(),
            resume: None,
            settings: serde_json::Value::from(asked.settings).to_string(),
        };
        Self { start, stdout }
    }

    fn pieces(&self, bytes: usize) -> Vec<Vec<Frame>> {
        let mut pieces: Vec<Vec<Frame>> = vec![Vec::new()];
        let (mut offset, mut filled) = (0, 0);
        for line in self.stdout.split_inclusive('\n') {
            if filled >= bytes {
                pieces.push(Vec::new());
                filled = 0;
            }
            let frame = Frame { stream: OutputStream::Stdout, offset, bytes: line.into(), partial: false };
            offset += line.len() as u64;
            filled += line.len();
            pieces.last_mut().unwrap().push(frame);
        }
        pieces
    }
}
