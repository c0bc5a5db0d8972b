//! Missions ask models, in each format and from each kind of network.

use sandboxed_scripted_models::fingerprint;
use sandboxed_tests::config;
use serde_json::{Value, json};

use super::{ANSWER, ANSWER_COST, KEY, Lab, ask, post, with};

/// Asks in each format, whole and as a stream.
fn ask_all() -> String {
    let messages = json!([{ "role": "user", "content": "hello" }]);
    let gemini = json!({ "contents": [{ "role": "user", "parts": [{ "text": "hello" }] }] });
    let anthropic = ("$ANTHROPIC_BASE_URL/v1/messages", "x-api-key: $ANTHROPIC_API_KEY");
    let openai = "authorization: Bearer $OPENAI_API_KEY";
    let google = "x-goog-api-key: $GEMINI_API_KEY";
    [
        post(anthropic.0, anthropic.1, &json!({ "model": "large", "max_tokens": 50, "messages": messages })),
        post(
            anthropic.0,
            anthropic.1,
            &json!({ "model": "large", "max_tokens": 50, "stream": true, "messages": messages }),
        ),
        post("$OPENAI_BASE_URL/chat/completions", openai, &json!({ "model": "large", "messages": messages })),
        post("$OPENAI_BASE_URL/responses", openai, &json!({ "model": "large", "stream": true, "input": "hello" })),
        post("$GOOGLE_GEMINI_BASE_URL/v1beta/models/large:generateContent", google, &gemini),
        post("$GOOGLE_GEMINI_BASE_URL/v1beta/models/large:streamGenerateContent?alt=sse", google, &gemini),
    ]
    .concat()
}

async fn asks_in_every_format(lab: &Lab, workspace: &str) {
    let mission = lab.mission(workspace, &ask_all()).await;

    let printed = lab.printed(&mission).await;
    let statuses: Vec<&str> =
        printed.lines().filter(|line| line.len() == 3 && line.starts_with(|c: char| c.is_ascii_digit())).collect();
    assert_eq!(statuses, ["200"; 6], "{printed}");
    assert!(!printed.contains(KEY));
    // Each is counted to the token, as one sum of the turn, and is the mission's.
    let counted = lab.counted(&mission).await;
    assert_eq!(counted.len(), 1, "{counted:?}");
    let usage = &counted[0];
    assert_eq!((&usage["source"], &usage["model"]), (&json!("gateway"), &json!("large")));
    assert_eq!((&usage["input"], &usage["output"]), (&json!(600), &json!(120)), "{usage}");
    assert_eq!(usage["cost_micro_usd"], json!(6 * ANSWER_COST));
    assert_eq!(mission["usage"]["cost_micro_usd"], json!(6 * ANSWER_COST));
}

#[tokio::test]
async fn every_format_passes_from_a_closed_network() {
    let lab = Lab::start(ANSWER).await;
    let workspace = lab.workspace(json!({ "backend": "bubblewrap" })).await;

    asks_in_every_format(&lab, &workspace).await;

    let served = lab.served().await;
    assert_eq!(served.iter().map(|total| total.requests).sum::<u64>(), 6, "{served:?}");
    let shown = format!("{:?}", fingerprint(KEY));
    assert!(lab.models.ledger().iter().all(|record| format!("{:?}", record.key).contains(shown.trim_matches('"'))));
}

#[tokio::test]
async fn a_workspace_that_reaches_nothing_else_reaches_the_models_of_its_mission() {
    let lab = Lab::start(ANSWER).await;
    let workspace = lab.workspace(json!({ "backend": "bubblewrap", "network": { "mode": "none" } })).await;

    let script =
        format!("{}\ncurl -sS -m 5 http://example.org && echo reached || echo closed\n", ask("large", "hello"));
    let mission = lab.mission(&workspace, &script).await;

    let printed = lab.printed(&mission).await;
    assert!(
        printed.contains("I heard you.") && printed.contains("closed") && !printed.contains("reached"),
        "{printed}"
    );
}

#[tokio::test]
async fn a_workspace_that_shares_the_machines_network_asks_at_its_loopback() {
    let lab = Lab::start(ANSWER).await;
    for backend in ["host", "bubblewrap"] {
        let workspace = lab.workspace(json!({ "backend": backend, "network": { "mode": "shared" } })).await;

        let mission = lab.mission(&workspace, &ask("large", "hello")).await;

        let printed = lab.printed(&mission).await;
        assert!(printed.contains("I heard you.") && printed.ends_with("200\n"), "{backend}: {printed}");
    }
}

#[tokio::test]
async fn a_system_of_nspawn_asks_in_every_format() {
    sandboxed_tests::root::archive();
    let lab = Lab::start(ANSWER).await;
    let workspace =
        lab.workspace(json!({ "backend": "nspawn", "options": { "image": sandboxed_tests::root::IMAGE } })).await;

    // The small Debian of the tests has no curl.
    let mission = lab.mission(&workspace, &bare_ask()).await;

    let printed = lab.printed(&mission).await;
    assert!(printed.contains("I heard you."), "{printed} {mission}");
}

#[tokio::test]
async fn a_container_asks_in_every_format() {
    let lab = Lab::start_with(ANSWER, config::with_an_engine()).await;
    let workspace = lab.workspace(json!({ "backend": "docker" })).await;

    let mission = lab.mission(&workspace, &bare_ask()).await;

    let printed = lab.printed(&mission).await;
    assert!(printed.contains("I heard you."), "{printed} {mission}");
}

/// Asks by nothing but the shell.
fn bare_ask() -> String {
    let body =
        json!({ "model": "large", "max_tokens": 50, "messages": [{ "role": "user", "content": "hello" }] }).to_string();
    format!(
        r#"address=${{SANDBOXED_SH_MODELS_URL#http://}}
exec 3<>"/dev/tcp/${{address%:*}}/${{address##*:}}"
printf 'POST /v1/messages HTTP/1.1\r\nhost: models\r\nx-api-key: %s\r\ncontent-length: {}\r\nconnection: close\r\n\r\n%s' "$SANDBOXED_SH_MODELS_TOKEN" '{body}' >&3
cat <&3
"#,
        body.len()
    )
}

#[tokio::test]
async fn a_model_that_no_account_has_is_refused_with_what_is_meant() {
    let lab = Lab::start_with(ANSWER, with("allow", "[\"lar*\"]")).await;
    let workspace = lab.workspace(json!({ "backend": "bubblewrap" })).await;

    for (model, status, word) in [("larger", "404", "did you mean large"), ("priceless", "403", "may not be asked for")]
    {
        let mission = lab.mission(&workspace, &ask(model, "hello")).await;

        let printed = lab.printed(&mission).await;
        assert!(printed.ends_with(&format!("{status}\n")) && printed.contains(word), "{model}: {printed}");
    }
    assert!(lab.models.ledger().is_empty(), "nothing was asked");
}

#[tokio::test]
async fn a_name_of_the_operators_stands_for_a_model() {
    let aliases = "[models.aliases]\n";
    let config = config::changed(&[(aliases, &format!("{aliases}fast = \"scripted/large\"\n"))]);
    let lab = Lab::start_with(ANSWER, config).await;
    let workspace = lab.workspace(json!({ "backend": "bubblewrap" })).await;

    let mission = lab.mission(&workspace, &ask("fast", "hello")).await;

    assert!(lab.printed(&mission).await.contains("I heard you."));
    assert_eq!(lab.models.ledger()[0].model, "large");
}

#[tokio::test]
async fn a_price_that_is_not_known_is_told_as_unknown_and_never_as_nothing() {
    let lab = Lab::start(ANSWER).await;
    let workspace = lab.workspace(json!({ "backend": "bubblewrap" })).await;

    let mission = lab.mission(&workspace, &ask("priceless", "hello")).await;

    let counted = lab.counted(&mission).await;
    assert_eq!((&counted[0]["input"], &counted[0]["cost_micro_usd"]), (&json!(100), &Value::Null), "{counted:?}");
    assert_eq!(mission["usage"]["cost_micro_usd"], Value::Null);
    let shown = lab.server.cli(&["usage", "--by", "model"]).success();
    assert!(shown.stdout.contains("priceless") && shown.stdout.contains("unknown"), "{shown:?}");
    let sums = lab.server.api.get("/usage?by=model").await;
    assert_eq!(sums["items"][0]["unpriced_requests"], 1, "{sums}");
}

#[tokio::test]
async fn usage_is_summed_by_day_mission_model_account_user_and_harness() {
    let lab = Lab::start(ANSWER).await;
    let workspace = lab.workspace(json!({ "backend": "bubblewrap" })).await;
    let mission = lab.mission(&workspace, &format!("{0}{0}", ask("large", "hello"))).await;

    for (by, key) in
        [("model", "large"), ("account", "first"), ("harness", "shell"), ("mission", mission["id"].as_str().unwrap())]
    {
        let sums = lab.server.api.get(&format!("/usage?by={by}")).await;
        let sum = &sums["items"][0];
        assert_eq!((&sum["key"], &sum["requests"]), (&json!(key), &json!(2)), "{by}: {sums}");
        assert_eq!(sum["cost_micro_usd"], json!(2 * ANSWER_COST), "{by}");
    }
    for by in ["day", "user"] {
        assert_eq!(lab.server.api.get(&format!("/usage?by={by}")).await["items"][0]["requests"], 2, "{by}");
    }
    let requests = lab.requests().await;
    assert_eq!(requests.len(), 2);
    assert_eq!(
        (&requests[0]["turn"], &requests[0]["end"], &requests[0]["status"]),
        (&json!(1), &json!("complete"), &json!(200))
    );
    let shown = lab.server.cli(&["usage", "--requests"]).success();
    assert!(shown.stdout.contains("complete") && shown.stdout.contains("$0.0003"), "{shown:?}");
}
