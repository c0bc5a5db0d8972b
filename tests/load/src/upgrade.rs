//! How long missions tell nothing while the plugin that drives them is replaced.

use std::{path::Path, time::Duration};

use sandboxed_model::Timestamp;
use sandboxed_tests::{Server, cli, config, server::Options, until};
use serde_json::{Value, json};

use crate::figures::{millis, quantile, show};

const MISSIONS: usize = 20;
const UPGRADES: u8 = 10;
/// Prints about fifty lines a second.
const COUNTER: &str = "exec 3<> <(:); n=0; until [ -e stop ]; do n=$((n + 1)); echo $n; read -rt 0.02 -u 3; done";
/// What is looked at on both sides of the moment in which a version comes into use.
const AROUND: Duration = Duration::from_secs(1);

pub(crate) async fn measure() {
    let folder = tempfile::tempdir().unwrap();
    let shell = std::fs::read(cli::plugin_dir().join("shell.wasm")).unwrap();
    put(folder.path(), &shell, 0);
    let component = folder.path().join("shell.wasm");
    let config =
        config::changed(&[("component = \"shell.wasm\"", &format!("component = \"{}\"", component.display()))]);
    let many = |key: &str| (format!("SANDBOXED_SH__MISSIONS__{key}"), MISSIONS.to_string());
    let environment = vec![many("MAX_PARALLEL"), many("MAX_PARALLEL_PER_WORKSPACE")];
    let server = Server::start_with(Options { config: Some(config), environment, ..Options::default() }).await;
    let workspace = server.api.post("/workspaces", json!({})).await["id"].as_str().unwrap().to_owned();
    let mut missions = Vec::new();
    for _ in 0..MISSIONS {
        let mission = json!({ "prompt": COUNTER, "harness": "shell", "workspace": workspace });
        missions.push(server.api.mission_with(mission).await);
    }
    for mission in &missions {
        server.api.follow(mission, 0, |event| event["kind"] == "tool_output").await;
    }
    let mut upgraded = Vec::new();
    for build in 1..=UPGRADES {
        tokio::time::sleep(3 * AROUND).await;
        let before = server.api.get("/plugins/shell").await["digest"].clone();
        put(folder.path(), &shell, build);
        let plugin = until("the new version", async || {
            let plugin = server.api.get("/plugins/shell").await;
            (plugin["digest"] != before).then_some(plugin)
        })
        .await;
        upgraded.push(at(&plugin["loaded_at"]));
    }
    tokio::time::sleep(3 * AROUND).await;
    let tree = server.data_dir().join(format!("workspaces/{workspace}/tree"));
    std::fs::write(tree.join("stop"), "").unwrap();

    let (mut pauses, mut usual) = (Vec::new(), Vec::new());
    for mission in &missions {
        server.api.reaches(mission, &["awaiting_user"]).await;
        let events = server.api.events(mission).await;
        let told: Vec<i64> =
            events.iter().filter(|event| event["kind"] == "tool_output").map(|event| at(&event["at"])).collect();
        let around = i64::try_from(AROUND.as_millis()).unwrap();
        for moment in &upgraded {
            pauses.push(longest_gap(&told, moment - around, moment + around));
            usual.push(longest_gap(&told, moment - 3 * around, moment - around));
        }
    }
    let show = |what: &str, gaps: &mut [Duration], budget: [&str; 3]| {
        for ((name, part), budget) in [("p50", 0.5), ("p99", 0.99), ("longest", 1.0)].into_iter().zip(budget) {
            show(&format!("{what}, {name}"), &millis(quantile(gaps, part)), budget);
        }
    };
    show("events of 20 missions apart, no upgrade", &mut usual, [""; 3]);
    show("events of 20 missions apart, upgrade", &mut pauses, ["", "", "100 ms over"]);
}

/// The longest time between two events that follow each other, of which one is in these moments.
fn longest_gap(told: &[i64], from: i64, to: i64) -> Duration {
    let gaps = told.windows(2).filter(|pair| pair[1] >= from && pair[0] <= to).map(|pair| pair[1] - pair[0]);
    Duration::from_millis(u64::try_from(gaps.max().unwrap_or(0)).unwrap_or(0))
}

fn at(time: &Value) -> i64 {
    serde_json::from_value::<Timestamp>(time.clone()).unwrap().as_millis()
}

/// Puts another build of a component in its place, which differs by one custom section.
fn put(folder: &Path, component: &[u8], build: u8) {
    let section = [0, 3, 1, b'n', build];
    let new = folder.join(".shell.wasm.new");
    std::fs::write(&new, [component, &section].concat()).unwrap();
    std::fs::rename(new, folder.join("shell.wasm")).unwrap();
}
