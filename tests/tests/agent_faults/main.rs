//! What goes wrong with agents: each fault has a code and a remedy of its own, in the event log, in the API and on the
//! command line. Providers fail for the real agents; programs that break are scripts behind the driver of the Agent Client
//! Protocol.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod programs;
mod providers;

use sandboxed_tests::{Server, api::of_kind};
use serde_json::{Value, json};

/// What is wrong with how a mission tells that its turn has failed with this code: nothing where all is well.
async fn told_wrong(server: &Server, mission: &Value, code: &str, words: &[&str]) -> Option<String> {
    let problem = &mission["problem"];
    let message = problem["message"].as_str().unwrap_or_default();
    let hint = problem["hint"].as_str().unwrap_or_default();
    let sound = mission["last_outcome"] == "failed"
        && problem["code"] == code
        && !hint.is_empty()
        && words.iter().all(|word| message.contains(word));
    if !sound {
        return Some(format!("{} {} {problem}", mission["state"], mission["last_outcome"]));
    }
    let id = mission["id"].as_str().unwrap();
    let events = server.api.events(id).await;
    let errors = of_kind(&events, "error");
    if errors.last().is_none_or(|error| error["code"] != json!(code) || error["hint"] != problem["hint"]) {
        return Some(format!("its log says {errors:?}"));
    }
    let shown = server.cli(&["missions", "show", id]).success();
    let whole = shown.stdout.contains(&format!("({code})")) && shown.stdout.contains(hint);
    (!whole).then(|| format!("the command line says {}", shown.stdout))
}
