//! Fifty missions at once, each of a program that plays a recorded turn of an agent and then waits.

use std::{fs, path::Path};

use futures_util::future::join_all;
use sandboxed_tests::{Server, config, server::Options};
use serde_json::{Value, json};

use crate::{
    figures::show,
    process::{proportional_mib, resident_mib, trees},
};

const MISSIONS: usize = 50;

/// Answers what the protocol begins with, takes the prompt, prints what the agent printed, and waits to be told to end.
const PLAYER: &str = r#"answer() {
    read -r line
    id=$(printf %s "$line" | sed 's/.*"id":\([0-9]*\).*/\1/')
    printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1"
}
answer '{"protocolVersion":1}'
answer '{"sessionId":"SESSION"}'
read -r prompt
cat <<'TURN'
PRINTED
TURN
read -r never
"#;

pub(crate) async fn measure() {
    let server = start().await;
    let before = resident_mib(server.pid());
    let workspace = server.api.post("/workspaces", json!({ "backend": "bubblewrap" })).await;
    let workspace = workspace["id"].as_str().unwrap();
    let begin = || server.api.mission_with(json!({ "prompt": "go", "harness": "player", "workspace": workspace }));
    let missions = join_all((0..MISSIONS).map(|_| begin())).await;
    // Near the end of the recorded turn.
    let has_played = |event: &Value| event["kind"] == "tool_call" && event["body"]["status"] == "failed";
    join_all(missions.iter().map(|mission| server.api.follow(mission, 0, has_played))).await;

    let of_each = (resident_mib(server.pid()) - before) / MISSIONS as f64;
    show("memory of the server for each of 50 running missions", &format!("{of_each:.2} MiB"), "");
    let supervisors = supervisors(&server.data_dir());
    // One more holds the workspace's own namespaces.
    assert_eq!(supervisors.len(), MISSIONS + 1);
    let of_trees: f64 = trees(&supervisors).into_iter().map(proportional_mib).sum();
    let of_supervisors: f64 = supervisors.into_iter().map(proportional_mib).sum();
    show("the same: supervisor", &format!("{:.2} MiB", of_supervisors / MISSIONS as f64), "");
    let rest = (of_trees - of_supervisors) / MISSIONS as f64;
    show("the same: bubblewrap and the program (a shell)", &format!("{rest:.2} MiB"), "");
    let cancel = async |mission: &String| server.api.post(&format!("/missions/{mission}/cancel"), Value::Null).await;
    join_all(missions.iter().map(cancel)).await;
}

async fn start() -> Server {
    let (session, printed) = recorded();
    let script = PLAYER.replace("SESSION", &session).replace("PRINTED", &printed);
    let table = format!(
        "\n[[plugin]]\nid = \"player\"\nkind = \"harness\"\ncomponent = \"acp.wasm\"\ngrants.log = true\n\
         [plugin.config]\nsummary = \"Plays a recorded turn.\"\n\
         [plugin.config.command]\nprogram = \"sh\"\nargs = [\"-c\", '''{script}''']\n"
    );
    let environment = ["MAX_PARALLEL", "MAX_PARALLEL_PER_WORKSPACE"]
        .map(|key| (format!("SANDBOXED_SH__MISSIONS__{key}"), MISSIONS.to_string()))
        .to_vec();
    let config = Some(config::of_tests() + &table);
    Server::start_with(Options { config, environment, ..Options::default() }).await
}

/// The session of a turn of Goose and what it tells in it, without the answers to requests.
fn recorded() -> (String, String) {
    let transcript =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/harnesses/acp/tests/transcripts/goose/bypass.jsonl");
    let transcript = fs::read_to_string(transcript).unwrap();
    let printed = transcript.lines().filter_map(|line| {
        let moment: Value = serde_json::from_str(line).unwrap();
        let message: Value = serde_json::from_str(moment["stdout"].as_str()?).unwrap();
        (message["method"] == "session/update").then_some(message)
    });
    let printed: Vec<Value> = printed.collect();
    let session = printed[0]["params"]["sessionId"].as_str().unwrap().to_owned();
    let lines: Vec<String> = printed.iter().map(Value::to_string).collect();
    (session, lines.join("\n"))
}

/// The supervisors of all runs.
fn supervisors(data_dir: &Path) -> Vec<u32> {
    let runs = fs::read_dir(data_dir.join("runs")).unwrap().flatten();
    runs.map(|run| {
        let meta = fs::read_to_string(run.path().join("meta.json")).unwrap();
        let meta: Value = serde_json::from_str(&meta).unwrap();
        meta["shim_pid"].as_u64().unwrap().try_into().unwrap()
    })
    .collect()
}
