//! What a container on another machine may use.

use sandboxed_tests::until;
use serde_json::json;

use crate::lab::Lab;

#[tokio::test]
async fn a_mission_that_ran_out_of_memory_there_says_so_and_the_next_one_works() {
    let lab = Lab::start().await;
    let workspace = lab.workspace(json!({ "limits": { "memory": 64 << 20 } })).await;
    let mission = lab.mission(&workspace, "head -c 300000000 /dev/zero | tail; exit ${PIPESTATUS[1]}").await;
    let ended = lab.server.api.reaches(&mission, &["awaiting_user", "failed"]).await;

    assert_eq!(ended["problem"]["code"], "run.out_of_memory", "{ended}");
    assert!(ended["problem"]["message"].as_str().unwrap().contains("64 MiB"), "{ended}");
    assert_eq!(lab.sh(&workspace, "echo fine").await, "fine\n");
}

#[tokio::test]
async fn a_fork_bomb_there_is_bounded_and_leaves_nothing() {
    let lab = Lab::start().await;
    let workspace = lab.workspace(json!({ "limits": { "processes": 40 } })).await;
    let mission = lab.mission(&workspace, "echo up; bomb() { bomb | bomb & }; bomb; sleep 7308").await;
    lab.server.api.follow(&mission, 0, |event| event["kind"] == "tool_output").await;
    assert!(lab.strangers(&workspace).len() <= 40);

    lab.server.api.post(&format!("/missions/{mission}/cancel"), json!(null)).await;

    assert_eq!(lab.strangers(&workspace), Vec::<String>::new());
    assert_eq!(lab.sh(&workspace, "echo fine").await, "fine\n");
}

#[tokio::test]
async fn what_a_workspace_there_uses_is_seen_live() {
    let lab = Lab::start().await;
    let workspace = lab.workspace(json!({})).await;
    lab.write(&workspace, "data", vec![7; 100_000]).await;
    let mission = lab.mission(&workspace, "echo up; sleep 7309").await;
    lab.server.api.follow(&mission, 0, |event| event["kind"] == "tool_output").await;

    let usage = until("the processes to be counted", async || {
        let usage = lab.server.api.get(&format!("/workspaces/{workspace}/usage")).await;
        (usage["processes"].as_u64().unwrap_or(0) > 2).then_some(usage)
    })
    .await;

    assert!(usage["memory"].as_u64().unwrap() > 0 && usage["disk"].as_u64().unwrap() >= 100_000, "{usage}");
    lab.server.api.post(&format!("/missions/{mission}/cancel"), json!(null)).await;
}
