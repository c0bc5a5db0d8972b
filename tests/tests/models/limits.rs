//! Accounts at their limits: others are asked, agents are told to wait, and missions are parked where that takes long.

use sandboxed_scripted_models::Scenario;
use serde_json::json;

use super::{KEY, Lab, OTHER_KEY, ask, with};

fn limited(key: &str, seconds: u64) -> String {
    format!("[[key]]\nvalue = {key:?}\nused_up_for_s = {seconds}\n\n")
}

const ANSWER: &str = super::ANSWER;

#[tokio::test]
async fn another_account_is_asked_when_the_first_is_at_its_limit() {
    let lab = Lab::start(&(limited(KEY, 3600) + ANSWER)).await;
    lab.add_account("second", OTHER_KEY).await;
    let workspace = lab.workspace(json!({ "backend": "bubblewrap" })).await;

    let mission = lab.mission(&workspace, &format!("{0}{0}", ask("large", "hello"))).await;

    assert!(lab.printed(&mission).await.ends_with("200\n"));
    let requests = lab.requests().await;
    let by: Vec<_> = requests
        .iter()
        .rev()
        .map(|request| (request["account"].as_str().unwrap(), request["end"].as_str().unwrap()))
        .collect();
    // The first is not asked again before its time.
    assert_eq!(by, [("first", "refused"), ("second", "complete"), ("second", "complete")]);
    let shown = lab.server.cli(&["provider", "list"]).success();
    assert!(shown.stdout.contains("waits until") && shown.stdout.contains("account.limited"), "{shown:?}");
}

#[tokio::test]
async fn a_mission_whose_accounts_are_used_up_is_parked_and_goes_on_at_its_time() {
    // Long enough to be seen while it waits.
    let config = with("park_after", "\"1s\"").replace("interrupt_grace = \"5s\"", "interrupt_grace = \"100ms\"");
    let lab = Lab::start_with(&(limited(KEY, 8) + ANSWER), config).await;
    let workspace = lab.workspace(json!({ "backend": "bubblewrap" })).await;

    let id = lab.begin(&workspace, &format!("{}sleep 60", ask("large", "hello"))).await;
    let parked = lab.server.api.reaches(&id, &["parked"]).await;
    assert_eq!(parked["parked"]["reason"], "usage_limit", "{parked}");
    assert!(parked["parked"]["until"].is_string());
    assert_eq!(parked["problem"]["code"], "models.limited");
    assert_eq!(parked["queued_messages"], 1, "its message is to be sent again");

    lab.models.play(Scenario::parse(ANSWER).unwrap());
    sandboxed_tests::until("the mission to ask again", async || {
        lab.requests().await.iter().any(|request| request["end"] == "complete").then_some(())
    })
    .await;
    let running = lab.server.api.get(&format!("/missions/{id}")).await;
    assert!(running["parked"].is_null() && running["problem"].is_null(), "{running}");
    let account = lab.server.api.get("/accounts/first").await;
    assert_eq!(account["health"]["state"], "ready", "{account}");
}

#[tokio::test]
async fn a_parked_mission_is_resumed_by_hand_and_still_waits_after_a_restart() {
    let mut lab = Lab::start_with(&(limited(KEY, 3600) + ANSWER), with("park_after", "\"1s\"")).await;
    let workspace = lab.workspace(json!({ "backend": "bubblewrap" })).await;
    let id = lab.begin(&workspace, &format!("{}sleep 60", ask("large", "hello"))).await;
    lab.server.api.reaches(&id, &["parked"]).await;

    lab.server.crash();
    lab.server.restart().await;
    let parked = lab.server.api.get(&format!("/missions/{id}")).await;
    assert_eq!((&parked["state"], &parked["parked"]["reason"]), (&json!("parked"), &json!("usage_limit")));
    assert_eq!(lab.server.api.get("/accounts/first").await["health"]["state"], "cooling");

    // Another account, and a person who does not want to wait.
    lab.add_account("second", OTHER_KEY).await;
    lab.server.cli(&["missions", "resume", &id]).success();
    sandboxed_tests::until("the mission to be answered", async || {
        let requests = lab.requests().await;
        requests.iter().any(|request| request["account"] == "second" && request["end"] == "complete").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_key_that_is_refused_is_not_asked_again_until_there_is_another() {
    let lab = Lab::start(&format!("[[key]]\nvalue = {KEY:?}\nunknown = true\n{ANSWER}")).await;
    let workspace = lab.workspace(json!({ "backend": "bubblewrap" })).await;

    let mission = lab.mission(&workspace, &format!("{0}{0}", ask("large", "hello"))).await;

    let printed = lab.printed(&mission).await;
    assert!(printed.ends_with("400\n") && !printed.contains(KEY), "{printed}");
    assert_eq!(lab.models.ledger().len(), 1, "a refused key is shown once");
    let account = lab.server.api.get("/accounts/first").await;
    assert_eq!(
        (&account["health"]["state"], &account["health"]["why"]["code"]),
        (&json!("refused"), &json!("account.refused"))
    );

    let key = lab.server.data_dir().join("key");
    std::fs::write(&key, OTHER_KEY).unwrap();
    lab.server.cli(&["provider", "key", "first", "--from-file", key.to_str().unwrap()]).success();
    let mission = lab.mission(&workspace, &ask("large", "hello")).await;
    assert!(lab.printed(&mission).await.contains("I heard you."));
}

#[tokio::test]
async fn an_agent_is_told_when_to_ask_again_where_the_wait_is_short() {
    let lab = Lab::start(&(limited(KEY, 30) + ANSWER)).await;
    let workspace = lab.workspace(json!({ "backend": "bubblewrap" })).await;

    let mission =
        lab.mission(&workspace, &format!("{0}{0}", ask("large", "hello").replace("curl -sS", "curl -sSi"))).await;

    let printed = lab.printed(&mission).await.to_ascii_lowercase();
    assert!(printed.ends_with("429\n") && printed.contains("retry-after:"), "{printed}");
    assert_eq!(mission["state"], "awaiting_user");
    assert_eq!(lab.models.ledger().len(), 1, "the second was not sent");
}
