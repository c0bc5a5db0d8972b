//! What a person says in the middle of a turn.

use sandboxed_tests::{api::of_kind, until};
use serde_json::{Value, json};

use super::{HEARS, Lab, asks};

/// An agent that takes one message and confirms it.
const TAKES: &str = r#"
echo up
read -r word id text
printf '{"steered":"%s"}\n' "$id"
echo "heard: $text"
"#;

/// The texts of people's messages, as the agent got them.
async fn told(lab: &Lab, mission: &str) -> Vec<String> {
    let events = lab.events(mission).await;
    let messages = of_kind(&events, "message").into_iter().filter(|message| message["role"] == "user");
    messages.map(|message| message["text"].as_str().unwrap().to_owned()).collect()
}

async fn up(lab: &Lab, mission: &str) {
    lab.server.api.follow(mission, 0, |event| event["body"]["text"] == "up\n").await;
}

#[tokio::test]
async fn a_message_is_taken_in_the_middle_of_the_turn() {
    let lab = Lab::start().await;
    let mission = lab.mission(TAKES).await;
    up(&lab, &mission).await;

    lab.steer(&mission, "use the other door").await;
    let ended = lab.over(&mission, 1).await;

    assert_eq!(lab.said(&mission).await, "up\nheard: use the other door\n");
    assert_eq!(told(&lab, &mission).await, [TAKES, "use the other door"]);
    assert_eq!((&ended["queued_messages"], &ended["state"]), (&json!(0), &json!("awaiting_user")));
}

#[tokio::test]
async fn a_message_that_the_agent_does_not_take_is_the_next_turn() {
    let lab = Lab::start().await;
    let mission = lab.mission(&format!("echo up\n{HEARS}")).await;
    up(&lab, &mission).await;

    let message = lab.steer(&mission, "echo again").await;
    lab.over(&mission, 2).await;

    assert_eq!(lab.said(&mission).await, format!("up\nheard: steer {message} echo again\nagain\n"));
    assert_eq!(told(&lab, &mission).await.len(), 2, "it is told once");
}

#[tokio::test]
async fn a_message_to_an_agent_that_cannot_be_told_waits_for_its_next_turn() {
    let lab = Lab::start().await;
    let mission = lab.server.api.mission("echo up; until [ -e go ]; do sleep 0.05; done").await;
    lab.server.api.follow(&mission, 0, |event| event["kind"] == "tool_output").await;

    lab.steer(&mission, "echo again").await;
    let waiting = lab.server.api.get(&format!("/missions/{mission}")).await;
    let workspace = waiting["workspace"].as_str().unwrap();
    lab.server.cli(&["exec", workspace, "--", "touch", "go"]).success();
    lab.over(&mission, 2).await;

    assert_eq!(waiting["queued_messages"], 1);
    assert_eq!(lab.server.api.printed(&mission).await, "up\nagain\n");
}

#[tokio::test]
async fn a_message_that_is_no_steering_waits_for_the_next_turn() {
    let lab = Lab::start().await;
    let mission = lab.mission(&format!("echo up\n{HEARS}")).await;
    up(&lab, &mission).await;

    lab.send(&mission, "echo later").await;
    let message = lab.steer(&mission, "echo again").await;
    lab.over(&mission, 3).await;

    assert_eq!(lab.said(&mission).await, format!("up\nheard: steer {message} echo again\nlater\nagain\n"));
}

#[tokio::test]
async fn a_message_that_was_told_before_a_crash_is_not_told_again_and_can_be_confirmed_after_it() {
    let mut lab = Lab::start().await;
    let script = r#"
echo up
read -r word id text
echo "heard: $text"
until [ -e go ]; do sleep 0.05; done
printf '{"steered":"%s"}\n' "$id"
"#;
    let mission = lab.mission(&format!("{script}{}{HEARS}", asks("a", "x"))).await;
    up(&lab, &mission).await;
    lab.steer(&mission, "hello").await;
    lab.server.api.follow(&mission, 0, |event| event["body"]["text"] == "heard: hello\n").await;

    lab.server.crash();
    lab.server.restart().await;
    let workspace = lab.server.api.get(&format!("/missions/{mission}")).await["workspace"].clone();
    lab.server.cli(&["exec", workspace.as_str().unwrap(), "--", "touch", "go"]).success();
    lab.decide(&mission, json!({ "approved": true })).await;
    let ended = lab.over(&mission, 1).await;

    assert_eq!(lab.said(&mission).await, "up\nheard: hello\nheard: decision a approved\n");
    assert_eq!(ended["queued_messages"], 0);
}

#[tokio::test]
async fn a_mission_that_is_resumed_begins_again_with_the_message_of_its_turn() {
    let lab = Lab::start().await;
    let script = format!("if [ -e once ]; then echo again; exit; fi; touch once{TAKES}sleep 600");
    let mission = lab.mission(&script).await;
    up(&lab, &mission).await;
    lab.steer(&mission, "faster").await;
    lab.server.api.follow(&mission, 0, |event| event["body"]["text"] == "heard: faster\n").await;
    lab.server.api.post(&format!("/missions/{mission}/cancel"), Value::Null).await;

    lab.server.api.post(&format!("/missions/{mission}/resume"), Value::Null).await;
    lab.over(&mission, 2).await;

    assert_eq!(told(&lab, &mission).await, [&script, "faster", &script]);
    assert!(lab.said(&mission).await.ends_with("again\n"));
}

#[tokio::test]
async fn a_message_reaches_an_agent_that_waits_for_a_person() {
    let lab = Lab::start().await;
    let mission = lab.mission(&format!("{}{TAKES}{HEARS}", asks("a", "x"))).await;
    lab.asked(&mission).await;
    lab.steer(&mission, "think of the tests").await;
    until("the agent to take it", async || (told(&lab, &mission).await.len() == 2).then_some(())).await;

    lab.decide(&mission, json!({ "approved": true })).await;
    lab.over(&mission, 1).await;

    assert_eq!(lab.said(&mission).await, "up\nheard: think of the tests\nheard: decision a approved\n");
}
