//! What a mission tells whose harness has no program yet, and gets none.

use sandboxed_tests::{Server, api::of_kind, server::Options, until};
use serde_json::{Value, json};

use super::{
    configured, phase,
    registry::{Answer, Registry},
    start,
};

async fn begin(server: &Server) -> String {
    server.api.mission_with(json!({ "prompt": "hello", "harness": "tiny" })).await
}

/// Waits until a mission has failed, and sees to it that everybody is told why.
async fn fails(server: &Server, mission: &str, code: &str) -> Value {
    let found = server.api.reaches(mission, &["failed", "awaiting_user"]).await;
    assert_eq!((&found["state"], &found["problem"]["code"]), (&json!("failed"), &json!(code)), "{found}");
    let hint = found["problem"]["hint"].as_str().unwrap();
    let events = server.api.events(mission).await;
    assert!(of_kind(&events, "error").iter().any(|error| error["code"] == code && error["hint"] == hint), "{events:?}");
    let shown = server.cli(&["missions", "show", mission]).success();
    assert!(shown.stdout.contains(&format!("({code})")) && shown.stdout.contains(hint), "{shown:?}");
    found
}

/// The program was installed and run: it says its version, which is no way for an agent to begin.
async fn was_run(server: &Server, mission: &str) {
    let found = until("the program to be run", async || {
        let found = server.api.get(&format!("/missions/{mission}")).await;
        (found["problem"]["code"] == "agent.start_failed").then_some(found)
    })
    .await;
    assert!(found["problem"]["message"].as_str().unwrap().contains("tiny 1.0.0"), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_cannot_be_had_is_what_its_mission_tells_of() {
    let registry = Registry::start(&["1.0.0"]).await;
    let server = start(&registry, "1.0.0", "").await;
    for (answer, code) in [(Answer::Other, "install.checksum"), (Answer::Nothing, "install.not_found")] {
        registry.answer(answer);
        let mission = begin(&server).await;
        fails(&server, &mission, code).await;
    }

    registry.answer(Answer::Well);
    let mission = begin(&server).await;
    was_run(&server, &mission).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_down_is_tried_for_a_while_and_then_told() {
    let registry = Registry::start(&["1.0.0"]).await;
    let config = configured(&registry, "1.0.0", "").replace(&registry.url(), "http://127.0.0.1:9");
    let server = Server::start_with(Options { config: Some(config), ..Options::default() }).await;

    let mission = begin(&server).await;

    let found = fails(&server, &mission, "install.unreachable").await;
    assert!(found["problem"]["message"].as_str().unwrap().contains("http://127.0.0.1:9/"), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_is_told_and_the_mission_goes_on_when_there_is_room() {
    let registry = Registry::start(&["1.0.0"]).await;
    let config = Some(configured(&registry, "1.0.0", ""));
    let server = Server::start_with(Options { config, disk: Some(64 << 20), ..Options::default() }).await;
    let filler = server.data_dir().join("filler");
    // Room for what the server keeps of missions, and not for an archive of 1 MiB with what is in it.
    let room = nix::sys::statvfs::statvfs(&server.data_dir()).unwrap();
    let free = room.blocks_available() * room.fragment_size();
    std::fs::write(&filler, vec![0; usize::try_from(free).unwrap() - (3 << 19)]).unwrap();

    let mission = begin(&server).await;
    fails(&server, &mission, "install.no_room").await;

    std::fs::remove_file(filler).unwrap();
    server.cli(&["missions", "resume", &mission]).success();
    was_run(&server, &mission).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_while_a_mission_installs_its_program_installs_it_when_it_is_back() {
    let registry = Registry::start(&["1.0.0"]).await;
    let mut server = start(&registry, "1.0.0", "").await;
    registry.answer(Answer::Half);
    let mission = begin(&server).await;
    registry.half_sent().await;

    server.crash();
    registry.answer(Answer::Well);
    server.restart().await;

    was_run(&server, &mission).await;
    assert_eq!(phase(&server, "installed").await["installed"][0]["version"], "1.0.0");
    let events = server.api.events(&mission).await;
    let begun = of_kind(&events, "turn_started").len();
    assert_eq!((begun, of_kind(&events, "turn_ended").len()), (1, 1), "{events:?}");
}
