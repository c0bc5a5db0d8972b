//! Programs that are no good agents, and what their missions tell.

use futures_util::{StreamExt, stream};
use sandboxed_tests::{Server, api::of_kind, config, server::Options};
use serde_json::{Value, json};

use super::told_wrong;

/// Answers the next request with a result.
const PROTOCOL: &str = r#"answer() {
    read -r line
    id=$(printf %s "$line" | sed 's/.*"id":\([0-9]*\).*/\1/')
    printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1"
}
greet() { answer '{"protocolVersion":1}'; answer '{"sessionId":"s"}'; }
tell() { printf '{"jsonrpc":"2.0","method":"%s","params":%s}\n' "$1" "$2"; }
end() { answer '{"stopReason":"end_turn"}'; }
"#;

/// A program that fails.
struct Broken {
    name: &'static str,
    script: &'static str,
    code: &'static str,
    /// What a person reads of it.
    words: &'static [&'static str],
}

const BROKEN: [Broken; 16] = [
    Broken {
        name: "exits-at-once",
        script: "echo 'out of cheese' >&2; exit 3",
        code: "agent.start_failed",
        words: &["code 3", "out of cheese"],
    },
    Broken { name: "exits-in-silence", script: "exit 0", code: "agent.start_failed", words: &["code 0"] },
    Broken {
        name: "prints-its-usage",
        script: "echo 'usage: agent [options]'; exit 2",
        code: "agent.start_failed",
        words: &["code 2", "usage: agent"],
    },
    Broken { name: "dies-at-once", script: "kill -SEGV $$", code: "agent.start_failed", words: &["signal 11"] },
    Broken { name: "is-not-there", script: "no-such-agent", code: "agent.not_installed", words: &["no-such-agent"] },
    Broken { name: "hangs", script: "exec sleep 1000", code: "agent.silent", words: &[] },
    Broken {
        name: "hangs-in-the-middle",
        script: "answer '{\"protocolVersion\":1}'; exec sleep 1000",
        code: "agent.no_answer",
        words: &["did not open its session"],
    },
    Broken {
        name: "prints-garbage",
        script: "echo '{\"jsonrpc\": oops'; exec sleep 1000",
        code: "agent.protocol",
        words: &["oops"],
    },
    Broken {
        name: "speaks-another-version",
        script: "answer '{\"protocolVersion\":99}'; exec sleep 1000",
        code: "agent.protocol",
        words: &["99"],
    },
    Broken {
        name: "wants-a-terminal",
        script: "[ -t 0 ] || { echo 'the input device is not a TTY' >&2; exit 1; }",
        code: "agent.wants_terminal",
        words: &["not a TTY"],
    },
    Broken {
        name: "opens-the-terminal",
        script: "exec 3</dev/tty",
        code: "agent.wants_terminal",
        words: &["/dev/tty"],
    },
    Broken {
        name: "refuses-root",
        script: "echo '--yolo cannot be used with root/sudo privileges for security reasons' >&2; exit 1",
        code: "agent.refuses_root",
        words: &["--yolo"],
    },
    Broken {
        name: "updates-itself",
        script: "echo 'Auto-update failed: no write permission' >&2; exit 1",
        code: "agent.updates_itself",
        words: &["no write permission"],
    },
    Broken {
        name: "dies-in-its-turn",
        script: "greet; read -r prompt; tell session/update '{}'; kill -KILL $$",
        code: "agent.crashed",
        words: &["signal 9"],
    },
    Broken {
        name: "ends-in-its-turn",
        script: "greet; read -r prompt; echo 'key sk-of-the-vault is bad' >&2; exit 1",
        code: "agent.crashed",
        words: &["code 1", "is bad"],
    },
    Broken {
        name: "tells-its-key",
        script: "echo \"bad key $KEY of the agent\" >&2; exit 1",
        code: "agent.start_failed",
        words: &["bad key", "of the agent"],
    },
];

/// The table of a harness whose program is a script.
fn table(name: &str, script: &str) -> String {
    format!(
        r#"
[[plugin]]
id = "{name}"
kind = "harness"
component = "acp.wasm"
grants.log = true
grants.secrets = ["agent-key"]
[plugin.config]
summary = "A script."
start_within_ms = 5000
[plugin.config.env]
KEY = {{ secret = "agent-key" }}
[plugin.config.command]
program = "sh"
args = ["-c", '''{PROTOCOL}{script}''']
"#
    )
}

async fn start(scripts: &[(&str, &str)]) -> Server {
    let tables: String = scripts.iter().map(|(name, script)| table(name, script)).collect();
    let environment = ["MAX_PARALLEL", "MAX_PARALLEL_PER_WORKSPACE"]
        .map(|key| (format!("SANDBOXED_SH__MISSIONS__{key}"), "8".to_owned()))
        .to_vec();
    let config = Some(config::of_tests() + &tables);
    let server = Server::start_with(Options { config, environment, ..Options::default() }).await;
    let key = server.data_dir().join("key");
    std::fs::write(&key, "sk-of-the-vault").unwrap();
    server.cli(&["secret", "set", "agent-key", "--from-file", key.to_str().unwrap()]).success();
    for (name, _) in scripts {
        server.cli(&["secret", "allow", "agent-key", &format!("plugin:{name}")]).success();
    }
    server
}

async fn over(server: &Server, harness: &str, more: Value) -> Value {
    let mut mission = json!({ "prompt": "Say something.", "harness": harness });
    mission.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mission = server.api.mission_with(mission).await;
    server.api.reaches(&mission, &["awaiting_user", "failed"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_be_no_good_agent_is_told_apart() {
    let server = start(&BROKEN.map(|broken| (broken.name, broken.script))).await;
    let server = &server;
    let wrong = stream::iter(&BROKEN).map(async |Broken { name, code, words, .. }| {
        let mission = over(server, name, json!({})).await;
        let wrong = told_wrong(server, &mission, code, words).await;
        let wrong = wrong.or_else(|| mission.to_string().contains("sk-of-the-vault").then(|| mission.to_string()));
        wrong.map(|wrong| format!("{name}: {wrong}"))
    });
    let wrong: Vec<String> = wrong.buffer_unordered(8).filter_map(async |wrong| wrong).collect().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Agents that do strange things and are understood all the same.
const STRANGE: [(&str, &str, &str); 3] = [
    ("babbles", "greet; echo 'Checking for updates {'; end", "agent.not_json"),
    ("says-a-lot-at-once", "greet; head -c 52428800 /dev/zero | tr '\\0' x; echo; end", "agent.line_too_long"),
    (
        "says-what-is-not-known",
        "greet; tell session/strange '{\"a\":1}'; tell 'session/update' '{\"update\":{\"sessionUpdate\":\"new\"}}'; end",
        "",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_understood_is_told_and_the_turn_goes_on() {
    let server = start(&STRANGE.map(|(name, script, _)| (name, script))).await;
    for (name, _, notice) in STRANGE {
        let mission = over(&server, name, json!({})).await;
        assert_eq!(mission["last_outcome"], "completed", "{name}: {mission}");
        let events = server.api.events(mission["id"].as_str().unwrap()).await;
        let told = match notice {
            "" => of_kind(&events, "other").iter().any(|other| other["value"]["a"] == 1),
            code => of_kind(&events, "notice").iter().any(|notice| notice["code"] == code),
        };
        assert!(told, "{name}: {events:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_takes_all_memory_is_told_apart_from_one_that_crashes() {
    let server = start(&[("eats", "greet; read -r prompt; exec tail /dev/zero")]).await;
    let limits = json!({ "backend": "bubblewrap", "limits": { "memory": 96 << 20 } });
    let workspace = server.api.post("/workspaces", limits).await;
    let mission = over(&server, "eats", json!({ "workspace": workspace["id"] })).await;
    assert_eq!(told_wrong(&server, &mission, "run.out_of_memory", &["96 MiB"]).await, None);
}
