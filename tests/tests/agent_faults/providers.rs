//! Providers that fail, and what the mission of each agent tells. What the gateway has answered decides: some agents lose it.

use std::{collections::BTreeSet, time::Duration};

use futures_util::{StreamExt, stream};
use sandboxed_tests::{
    agents::AGENTS,
    config,
    models::{Lab, Setup, model, provider_of},
    server::Options,
    until,
};
use serde_json::{Value, json};

use super::told_wrong;

/// How long a turn may take, with all that goes before it.
const PATIENCE: Duration = Duration::from_secs(400);

/// A fault of a provider.
struct Fault<'a> {
    name: &'static str,
    /// What each request is answered with.
    reply: &'a str,
    /// The code of the failure; none where the turn goes well all the same.
    code: Option<&'static str>,
}

const fn fault<'a>(name: &'static str, reply: &'a str, code: &'static str) -> Fault<'a> {
    Fault { name, reply, code: Some(code) }
}

/// Breaks off in the middle of a word, whether or not it is asked for as a stream.
const CUT: &str = r#"content = [{ type = "text", text = "one two three ", repeat = 300 }]
chunk = 4
fault = { kind = "cut", after_bytes = 2000, how = "reset" }"#;

const FAULTS: [Fault<'static>; 11] = [
    fault("wrong", "error = { status = 400, message = \"this is wrong\" }", "agent.invalid_request"),
    fault("unknown", "", "agent.model_unknown"),
    fault("refused-key", "error = { status = 401 }", "agent.unauthorized"),
    fault("forbidden", "error = { status = 403 }", "agent.forbidden"),
    fault("limited", "error = { status = 429 }", "agent.rate_limited"),
    fault("limited-for-a-second", "error = { status = 429, retry_after_s = 1 }", "agent.rate_limited"),
    fault("failing", "error = { status = 500 }", "agent.server_error"),
    fault("overloaded", "error = { status = 529 }", "agent.overloaded"),
    fault("gone", "", "agent.unreachable"),
    fault("cut", CUT, "agent.stream_cut"),
    Fault {
        name: "strange",
        reply: "text = \"I heard you.\"\nfault = { kind = \"huge_line\", event = 1, bytes = 300 }",
        code: None,
    },
];

/// The model by which an agent meets a fault.
fn meets(fault: &str, agent: &str) -> String {
    format!("{fault}-{agent}")
}

/// A server whose agents do not repeat their requests for long. Each agent meets each fault by an account of its own: how an
/// account stands is nobody else's.
async fn lab(faults: &[Fault<'_>], environment: &[(&str, &str)]) -> Lab {
    let replies = faults.iter().map(|Fault { name, reply, .. }| {
        format!("[[reply]]\nname = {name:?}\nwhen = {{ model = \"{name}-*\" }}\n{reply}\n\n")
    });
    let scenario: String = replies.collect();
    let catalogue = |url: &str| {
        let nowhere = provider_of("http://127.0.0.1:9").replace("[providers.scripted]", "[providers.nowhere]");
        let models = faults.iter().filter(|fault| fault.name != "unknown").flat_map(|fault| {
            AGENTS.map(|agent| match fault.name {
                "gone" => model(&meets(fault.name, agent), 1000).replace("models.scripted.", "models.nowhere."),
                name => model(&meets(name, agent), 1000),
            })
        });
        provider_of(url) + &nowhere + &models.collect::<String>()
    };
    let config = config::of_tests()
        .replace("maxAttempts = 3", "maxAttempts = 1")
        .replace("max_retries = 1", "max_retries = 0")
        .replace("GOOSE_PROVIDER = ", "GOOSE_PROVIDER_SKIP_BACKOFF = \"true\"\nGOOSE_PROVIDER = ");
    let more = [("MAX_PARALLEL", "6"), ("MAX_PARALLEL_PER_WORKSPACE", "6"), ("INTERRUPT_GRACE", "1s")];
    let missions = more.iter().chain(environment);
    let environment = missions.map(|(key, value)| (format!("SANDBOXED_SH__MISSIONS__{key}"), (*value).to_owned()));
    let options = Options {
        programs: AGENTS.map(str::to_owned).to_vec(),
        environment: environment.collect(),
        ..Options::default()
    };
    let lab =
        Lab::set_up(Setup { scenario: &scenario, config, catalogue: &catalogue, options, ..Setup::default() }).await;
    for fault in faults.iter().filter(|fault| fault.name != "unknown") {
        for agent in AGENTS {
            let name = meets(fault.name, agent);
            let provider = if fault.name == "gone" { "nowhere" } else { "scripted" };
            let account = json!({ "name": name, "provider": provider, "key": format!("sk-{name}"), "models": [name] });
            lab.server.api.post("/accounts", account).await;
        }
    }
    lab
}

/// Begins a mission in which an agent meets a fault.
async fn begin(lab: &Lab, workspace: &str, fault: &str, agent: &str) -> String {
    let settings = match agent {
        "claude-code" | "opencode" => json!({ "max_retries": 0 }),
        _ => json!({}),
    };
    let model = meets(fault, agent);
    let mission = json!({ "prompt": "Say something.", "harness": agent, "workspace": workspace, "model": model, "settings": settings });
    lab.server.api.mission_with(mission).await
}

/// Waits for the end of a turn: others may go before it, and agents repeat what fails.
async fn over(lab: &Lab, mission: &str) -> Value {
    let over = async {
        loop {
            let found = lab.server.api.get(&format!("/missions/{mission}")).await;
            if !matches!(found["state"].as_str(), Some("queued" | "running")) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let over = tokio::time::timeout(PATIENCE, over).await;
    over.unwrap_or_else(|_| panic!("the turn of {mission} never ended"))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_a_provider_is_told_by_the_mission_of_each_agent() {
    let lab = lab(&FAULTS, &[]).await;
    let workspace = lab.workspace(json!({ "backend": "bubblewrap", "network": { "mode": "none" } })).await;
    let rows = FAULTS.iter().flat_map(|fault| AGENTS.map(|agent| (fault, agent)));
    let lab = &lab;
    let wrong = stream::iter(rows).map(async |(fault, agent)| {
        let mission = begin(lab, &workspace, fault.name, agent).await;
        let mission = over(lab, &mission).await;
        let wrong = match fault.code {
            Some(code) => told_wrong(&lab.server, &mission, code, &[]).await,
            None => (mission["last_outcome"] != "completed").then(|| mission.to_string()),
        };
        wrong.map(|wrong| format!("{} {agent}: {wrong}", fault.name))
    });
    let wrong: Vec<String> = wrong.buffer_unordered(4).filter_map(async |wrong| wrong).collect().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_end_is_ended_with_its_turn() {
    // An agent that sees the same over and over may leave it by itself.
    let text: Vec<String> = (0..5000).map(|number| number.to_string()).collect();
    let text = text.join(" ");
    let reply = format!("text = {text:?}\npace = {{ between_ms = 20 }}\nfault = {{ kind = \"endless\" }}");
    let endless = [fault("endless", &reply, "agent.too_long")];
    let lab = lab(&endless, &[("TURN_WITHIN", "60s")]).await;
    let workspace = lab.workspace(json!({ "backend": "bubblewrap", "network": { "mode": "none" } })).await;
    let mut missions = Vec::new();
    for agent in AGENTS {
        missions.push((agent, begin(&lab, &workspace, "endless", agent).await));
    }
    let mut wrong = Vec::new();
    for (agent, mission) in missions {
        let mission = over(&lab, &mission).await;
        wrong.extend(
            told_wrong(&lab.server, &mission, "agent.too_long", &[]).await.map(|wrong| format!("{agent}: {wrong}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Each was in the middle of the answer, and left it.
    let asked: BTreeSet<String> = lab.models.ledger().iter().map(|record| record.model.clone()).collect();
    assert_eq!(asked, AGENTS.map(|agent| meets("endless", agent)).into(), "{asked:?}");
    lab.served().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_account_that_is_what_is_told() {
    let lab = lab(&[], &[]).await;
    let workspace = lab.workspace(json!({ "backend": "bubblewrap", "network": { "mode": "none" } })).await;
    let mut missions = Vec::new();
    for agent in AGENTS {
        missions.push((agent, begin(&lab, &workspace, "no-account", agent).await));
    }
    let mut wrong = Vec::new();
    for (agent, mission) in missions {
        let mission = over(&lab, &mission).await;
        wrong.extend(
            told_wrong(&lab.server, &mission, "agent.no_account", &[]).await.map(|wrong| format!("{agent}: {wrong}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_forgotten_when_a_provider_answers_again() {
    let lab = lab(&[fault("failing", "error = { status = 500 }", "agent.server_error")], &[]).await;
    let workspace = lab.workspace(json!({ "backend": "bubblewrap", "network": { "mode": "none" } })).await;
    let mission = begin(&lab, &workspace, "failing", "codex").await;
    assert_eq!(over(&lab, &mission).await["problem"]["code"], "agent.server_error");

    lab.models.play(sandboxed_scripted_models::Scenario::parse("[[reply]]\ntext = \"I heard you.\"").unwrap());
    let found = until("the provider to be asked again", async || {
        lab.server.api.post(&format!("/missions/{mission}/messages"), json!({ "text": "Again." })).await;
        let found = over(&lab, &mission).await;
        (found["last_outcome"] == "completed").then_some(found)
    })
    .await;
    assert!(found["problem"].is_null(), "{found}");
}
