//! A server that is killed while answers come loses no count of them.

use std::time::Duration;

use serde_json::json;

use super::{Lab, ask};

/// Kills of the server.
const KILLS: usize = 20;

#[tokio::test]
async fn what_was_answered_is_counted_over_twenty_kills() {
    let slow = r#"
[[reply]]
text = "I take my time to say this, word by word by word."
chunk = 4
usage = { input = 100, output = 20 }
pace = { first_ms = 5, between_ms = 5 }
"#;
    let mut lab = Lab::start(slow).await;
    let workspace = lab.workspace(json!({ "backend": "bubblewrap" })).await;
    let one = ask("large", "hello").replace("\"max_tokens\":100", "\"max_tokens\":100,\"stream\":true");
    let script = format!("ask() {{ {one} }}\nwhile [ ! -e enough ]; do ask >/dev/null 2>&1; done");
    let mission = lab.begin(&workspace, &script).await;

    for kill in 0..KILLS {
        let before = lab.models.ledger().len();
        sandboxed_tests::until("another answer to begin", async || {
            (lab.models.ledger().len() > before + kill % 3).then_some(())
        })
        .await;
        lab.server.crash();
        lab.server.restart().await;
    }
    lab.server.cli(&["exec", &workspace, "--", "touch", "enough"]).success();
    lab.server.api.reaches(&mission, &["awaiting_user"]).await;
    assert!(lab.models.settled(Duration::from_secs(20)).await);

    // Every answer that came whole is a request of its own that is counted to the token, and what was cut is not forgotten.
    let requests = lab.requests().await;
    let ledger = lab.models.ledger();
    assert!(requests.len() >= ledger.len(), "{} requests for {} answers", requests.len(), ledger.len());
    assert!(requests.iter().all(|request| !request["end"].is_null()), "none is left under way");
    let complete = |request: &&serde_json::Value| request["end"] == "complete";
    for request in requests.iter().filter(complete) {
        assert_eq!((&request["tokens"]["input"], &request["tokens"]["output"]), (&json!(100), &json!(20)), "{request}");
    }
    for request in requests.iter().filter(|request| !complete(request)) {
        assert!(request["cost_micro_usd"].as_u64().is_some_and(|cost| cost > 0), "{request}");
    }
    let sums = lab.server.api.get("/usage?by=mission").await;
    let total: u64 = requests.iter().map(|request| request["cost_micro_usd"].as_u64().unwrap()).sum();
    assert_eq!(sums["items"][0]["cost_micro_usd"], json!(total), "the sums are those of the requests");
    assert_eq!(sums["items"][0]["requests"], json!(requests.len()));
}

#[tokio::test]
async fn a_server_that_is_stopped_counts_what_was_under_way() {
    let slow = r#"
[[reply]]
usage = { input = 100, output = 2000 }
pace = { between_ms = 20 }
[[reply.content]]
type = "text"
text = "word after word "
repeat = 500
"#;
    let mut lab = Lab::start(slow).await;
    let workspace = lab.workspace(json!({ "backend": "bubblewrap" })).await;
    let one = ask("large", "hello").replace("\"max_tokens\":100", "\"max_tokens\":100,\"stream\":true");
    let mission = lab.begin(&workspace, &format!("{one}\nsleep 60")).await;
    sandboxed_tests::until("an answer to begin", async || {
        lab.models.ledger().first().is_some_and(|record| record.sent.bytes > 0).then_some(())
    })
    .await;

    lab.server.stop().await;
    lab.server.restart().await;

    let requests = lab.requests().await;
    assert_eq!((requests.len(), &requests[0]["end"]), (1, &json!("abandoned")), "{requests:?}");
    assert_eq!(requests[0]["tokens"]["input"], 100);
    lab.server.api.post(&format!("/missions/{mission}/cancel"), json!({})).await;
}
