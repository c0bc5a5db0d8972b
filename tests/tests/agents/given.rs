//! What agents are given besides their prompt is before the model: instructions, skills, images; and they ask servers of
//! tools with the token that is meant for them.

use std::sync::{Arc, Mutex};

use axum::{Json, Router, extract::State, http::HeaderMap, response::IntoResponse, routing::any};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::{Method, StatusCode};
use sandboxed_tests::until;
use serde_json::{Value, json};

use super::{Lab, OBEDIENT};

const RULE: &str = "Rule KX-71 of the workshop: answer in verse.";
const SKILL: &str = "Reads the runes of KX-72 aloud";
const OWN: &str = "Rule KX-73 of the repository: no tabs.";
const TOKEN: &str = "tok-KX-74-of-the-tools";
/// One pixel.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
/// How every PNG begins, in base64.
const SIGNATURE: &str = "iVBORw0KGgo";

/// A server of tools that tells who asked it and lists one tool.
#[derive(Clone, Default)]
struct Tools(Arc<Mutex<Vec<String>>>);

impl Tools {
    /// Starts it, and returns where it is.
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let router = Router::new().route("/mcp", any(answer)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        url
    }

    fn was_asked_with(&self, authorization: &str) -> bool {
        self.0.lock().unwrap().iter().any(|asked| asked == authorization)
    }
}

async fn answer(State(tools): State<Tools>, headers: HeaderMap, body: String) -> axum::response::Response {
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    tools.0.lock().unwrap().push(authorization.to_owned());
    let Ok(asked) = serde_json::from_str::<Value>(&body) else {
        return axum::http::StatusCode::METHOD_NOT_ALLOWED.into_response();
    };
    let result = match asked["method"].as_str() {
        Some("initialize") => json!({
            "protocolVersion": asked["params"]["protocolVersion"],
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "runes", "version": "1" },
        }),
        Some("tools/list") => json!({ "tools": [
            { "name": "carve", "description": "Carves a rune.", "inputSchema": { "type": "object", "properties": {} } },
        ] }),
        _ if asked["id"].is_null() => return axum::http::StatusCode::ACCEPTED.into_response(),
        _ => json!({}),
    };
    Json(json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result })).into_response()
}

/// What the agent told the model, whole.
fn told_the_model(lab: &Lab) -> String {
    lab.models.ledger().into_iter().filter_map(|record| record.received.body).collect()
}

async fn gets_what_it_is_given(agent: &str, reads_rules: bool, looks: bool) {
    let tools = Tools::default();
    let url = tools.start().await;
    let lab = Lab::start(&[agent], OBEDIENT).await;
    let api = &lab.server.api;
    let main = format!("---\nname: runes\ndescription: {SKILL}\n---\nRead them.\n");
    let skill = json!({ "content": [{ "path": "SKILL.md", "text": main }] });
    assert_eq!(api.call(Method::PUT, "/skills/runes", Some(skill)).await.0, StatusCode::OK);
    let secret = json!({ "value": TOKEN, "audience": ["workspaces"] });
    assert!(api.call(Method::PUT, "/secrets/tools", Some(secret)).await.0.is_success());
    let wanted = json!({
        "backend": "host", "network": { "mode": "shared" }, "instructions": RULE, "skills": ["runes"],
        "mcp_servers": { "runes": { "url": url, "token": "tools" } },
    });
    let workspace = api.post("/workspaces", wanted).await["id"].as_str().unwrap().to_owned();
    let own = format!("git init -q . && for name in AGENTS CLAUDE GEMINI; do echo '{OWN}' > $name.md; done");
    lab.server.cli(&["exec", &workspace, "--", "sh", "-c", &own]).success();
    let image = BASE64_STANDARD.decode(PNG).unwrap();
    let sent = api.request(Method::POST, "/attachments?name=rune.png").body(image).send().await.unwrap();
    let sent: Value = serde_json::from_str(&sent.text().await.unwrap()).unwrap();

    let more = json!({ "attachments": [sent["id"]] });
    let mission = lab.begin_with(&workspace, agent, "What is on the picture?", more).await;
    let settled = lab.settled(&mission).await;

    assert_eq!(settled["last_outcome"], "completed", "{agent}: {settled}");
    let told = told_the_model(&lab);
    for (what, text, expected) in [
        ("instructions", RULE, true),
        ("skill", SKILL, true),
        ("repository", OWN, reads_rules),
        ("image", SIGNATURE, looks),
    ] {
        assert_eq!(told.contains(text), expected, "{agent}: {what} before the model: {expected} was expected");
    }
    until("the server of tools to be asked", async || tools.was_asked_with(&format!("Bearer {TOKEN}")).then_some(()))
        .await;
    // The repository's own files are as they were.
    let kept = lab.file(&workspace, "AGENTS.md").await;
    assert_eq!(kept.as_deref(), Some(format!("{OWN}\n").as_str()), "{agent}");
}

macro_rules! gets {
    ($($name:ident: $agent:literal, $reads_rules:literal, $looks:literal),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            gets_what_it_is_given($agent, $reads_rules, $looks).await;
        }
    )*};
}

// Grok trusts no folder whose trust nobody confirmed, and takes no images by its protocol.
gets! {
    claude_code_gets_what_it_is_given: "claude-code", true, true,
    codex_gets_what_it_is_given: "codex", true, true,
    gemini_gets_what_it_is_given: "gemini", true, true,
    goose_gets_what_it_is_given: "goose", true, true,
    grok_gets_what_it_is_given: "grok", false, false,
    opencode_gets_what_it_is_given: "opencode", true, true,
}
