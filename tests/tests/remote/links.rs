//! What breaks in the middle of a run: the server, the link, the engine.

use sandboxed_tests::until;
use serde_json::json;

use crate::{lab::Lab, machine::Machine};

/// Lines `1`, `2`, `3` …, each with the process id of who printed it.
const COUNTER: &str = r#"
n=0
until [ -e stop ]; do
    n=$((n + 1)); echo "$n $$"; sleep 0.005
done
echo "end $n"
"#;

/// Every line was told once, by one process.
#[track_caller]
fn assert_whole(printed: &str) {
    let lines: Vec<&str> = printed.lines().collect();
    let (last, counted) = lines.split_last().unwrap();
    let printer = counted[0].split_once(' ').unwrap().1;
    for (index, line) in counted.iter().enumerate() {
        assert_eq!(*line, format!("{} {printer}", index + 1));
    }
    assert_eq!(*last, format!("end {}", counted.len()));
}

/// The next output that is told.
async fn more_output(lab: &Lab<'_>, mission: &str) {
    let seen = lab.server.api.get(&format!("/missions/{mission}")).await["last_seq"].as_u64().unwrap();
    lab.server.api.follow(mission, seen, |event| event["kind"] == "tool_output").await;
}

#[tokio::test]
async fn output_survives_crashes_of_the_server_and_every_line_is_told_once() {
    let mut lab = Lab::start().await;
    let workspace = lab.workspace(json!({})).await;
    let mission = lab.mission(&workspace, COUNTER).await;
    for _ in 0..3 {
        more_output(&lab, &mission).await;
        lab.server.crash();
        lab.server.restart().await;
    }
    lab.write(&workspace, "stop", "").await;
    lab.server.api.reaches(&mission, &["awaiting_user"]).await;

    assert_whole(&lab.server.api.printed(&mission).await);
    assert_eq!(lab.strangers(&workspace), Vec::<String>::new());
}

#[tokio::test]
async fn a_run_goes_on_while_its_link_is_cut_and_every_line_is_told_once() {
    let machine = Machine::start();
    let lab = Lab::on(&machine).await;
    let workspace = lab.workspace(json!({})).await;
    let mission = lab.mission(&workspace, COUNTER).await;
    more_output(&lab, &mission).await;
    let attached = || lab.strangers(&workspace).iter().filter(|command| command.contains("attach")).count();
    assert_eq!(attached(), 1, "{:?}", lab.strangers(&workspace));

    machine.set_link(false);
    until("the other side to give the connection up", async || (attached() == 0).then_some(())).await;
    machine.set_link(true);

    more_output(&lab, &mission).await;
    lab.write(&workspace, "stop", "").await;
    lab.server.api.reaches(&mission, &["awaiting_user"]).await;
    assert_whole(&lab.server.api.printed(&mission).await);
    assert_eq!(lab.strangers(&workspace), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_cancelled_while_its_link_is_cut_is_ended_when_it_is_back() {
    let machine = Machine::start();
    let lab = Lab::on(&machine).await;
    let workspace = lab.workspace(json!({})).await;
    let mission = lab.mission(&workspace, "echo up; sleep 7313").await;
    more_output(&lab, &mission).await;

    machine.set_link(false);
    lab.server.api.post(&format!("/missions/{mission}/cancel"), serde_json::Value::Null).await;
    assert_eq!(lab.server.api.state(&mission).await, "cancelled");
    machine.set_link(true);

    assert_eq!(lab.sh(&workspace, "echo again").await, "again\n");
    assert_eq!(lab.strangers(&workspace), Vec::<String>::new());
}

#[tokio::test]
async fn an_engine_that_dies_costs_one_run_and_nothing_after_it() {
    let mut machine = Machine::start();
    let of = |name: &str| machine.certificates.file(name);
    let config = crate::lab::config(&machine, [&of("ca.pem"), &of("cert.pem"), &of("key.pem")], "");
    let options = sandboxed_tests::server::Options { config: Some(config), ..Default::default() };
    let server = sandboxed_tests::Server::start_with(options).await;
    let workspace = server.api.post("/workspaces", json!({})).await["id"].as_str().unwrap().to_owned();
    let body = |prompt: &str| json!({ "prompt": prompt, "harness": "shell", "workspace": workspace });
    let mission = server.api.mission_with(body("echo kept > file; echo up; sleep 7312")).await;
    server.api.follow(&mission, 0, |event| event["kind"] == "tool_output").await;

    machine.crash();
    machine.restart();

    let ended = server.api.reaches(&mission, &["interrupted"]).await;
    assert_eq!(ended["problem"]["code"], "run.lost", "{ended}");
    assert!(ended["problem"]["message"].as_str().unwrap().contains("container"), "{ended}");
    let next = server.api.mission_with(body("cat file")).await;
    server.api.reaches(&next, &["awaiting_user"]).await;
    assert_eq!(server.api.printed(&next).await, "kept\n");
}

#[tokio::test]
async fn an_engine_that_stays_away_is_given_up_after_its_patience() {
    let mut machine = Machine::start();
    let of = |name: &str| machine.certificates.file(name);
    let config = crate::lab::config(&machine, [&of("ca.pem"), &of("cert.pem"), &of("key.pem")], "patience = \"1s\"");
    let options = sandboxed_tests::server::Options { config: Some(config), ..Default::default() };
    let server = sandboxed_tests::Server::start_with(options).await;
    let workspace = server.api.post("/workspaces", json!({})).await["id"].as_str().unwrap().to_owned();
    let mission = server.api.mission_with(json!({ "prompt": "echo up; sleep 7312", "workspace": workspace })).await;
    server.api.follow(&mission, 0, |event| event["kind"] == "tool_output").await;

    machine.crash();

    let ended = server.api.reaches(&mission, &["interrupted"]).await;
    assert_eq!(ended["problem"]["code"], "run.lost", "{ended}");
    assert!(ended["problem"]["message"].as_str().unwrap().contains("out of reach"), "{ended}");
}
