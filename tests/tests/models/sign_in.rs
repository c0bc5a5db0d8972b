//! Accounts that people sign in to.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Stdio},
};

use reqwest::{Method, StatusCode};
use sandboxed_scripted_models::fingerprint;
use sandboxed_tests::{
    cli::{Finished, command, finished},
    config, until,
};
use serde_json::{Value, json};

use super::{ANSWER, Lab, ask, authorization::Authorization};

async fn lab(scenario: impl FnOnce(&Authorization) -> String) -> (Lab, Authorization) {
    let provider = Authorization::start();
    let scenario = scenario(&provider);
    let lab = Lab::with_providers(&scenario, config::of_tests(), |models| provider.providers(models)).await;
    (lab, provider)
}

async fn plain_lab() -> (Lab, Authorization) {
    lab(|_| ANSWER.to_owned()).await
}

/// A scenario in which an access token is not taken.
fn without(access: &str) -> String {
    format!("[[key]]\nvalue = {access:?}\nunknown = true\n{ANSWER}")
}

/// What a lab is asked for here besides.
trait Signing {
    /// Begins a sign-in over HTTP.
    async fn begin_sign_in(&self, account: &str, wanted: Value) -> Value;
    /// Signs in to the account `pasting` over HTTP.
    async fn sign_in(&self, provider: &Authorization);
    /// The same some time ago: a token that is refused as soon as it is given is not replaced at once.
    async fn signed_in_before(&mut self, provider: &Authorization);
    async fn finish_sign_in(&self, account: &str, code: &str) -> (StatusCode, Value);
    /// A mission that asks once; gives what it printed.
    async fn asked(&self, workspace: &str) -> String;
    async fn closed_workspace(&self) -> String;
    /// The keys of all requests that came to the model, as the ledger knows them.
    fn keys(&self) -> Vec<String>;
}

impl Signing for Lab {
    async fn begin_sign_in(&self, account: &str, wanted: Value) -> Value {
        self.server.api.post(&format!("/accounts/{account}/sign-in"), wanted).await
    }

    async fn sign_in(&self, provider: &Authorization) {
        let begun = self.begin_sign_in("pasting", json!({ "provider": "pasting" })).await;
        let code = provider.copied(begun["url"].as_str().unwrap()).await;
        let (status, account) = self.finish_sign_in("pasting", &code).await;
        assert_eq!((status, &account["credential"]["kind"]), (StatusCode::OK, &json!("sign_in")), "{account}");
    }

    async fn signed_in_before(&mut self, provider: &Authorization) {
        self.sign_in(provider).await;
        self.server.crash();
        self.server.restart().await;
    }

    async fn finish_sign_in(&self, account: &str, code: &str) -> (StatusCode, Value) {
        let path = format!("/accounts/{account}/sign-in/finish");
        self.server.api.call(Method::POST, &path, Some(json!({ "code": code }))).await
    }

    async fn asked(&self, workspace: &str) -> String {
        let mission = self.mission(workspace, &ask("large", "hello")).await;
        self.printed(&mission).await
    }

    async fn closed_workspace(&self) -> String {
        self.workspace(json!({ "backend": "bubblewrap" })).await
    }

    fn keys(&self) -> Vec<String> {
        self.models.ledger().iter().map(|record| record.key.as_ref().unwrap().fingerprint.clone()).collect()
    }
}

/// A command that waits for the person, and the address that it printed.
fn waiting(lab: &Lab, arguments: &[&str]) -> (Child, BufReader<std::process::ChildStdout>, String) {
    let mut signing = command(&lab.server.data_dir());
    signing.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = signing.spawn().unwrap();
    let mut printed = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("http") {
        line.clear();
        assert_ne!(printed.read_line(&mut line).unwrap(), 0, "{:?}", child.wait_with_output());
    }
    (child, printed, line.trim().to_owned())
}

fn ended(child: Child) -> Finished {
    finished(child.wait_with_output().unwrap())
}

#[tokio::test]
async fn a_person_signs_in_by_a_code_from_the_command_line_and_missions_ask_with_the_token() {
    let (lab, provider) = plain_lab().await;

    let (mut child, _printed, address) = waiting(&lab, &["provider", "sign-in", "pasting", "--name", "mine"]);
    let code = provider.copied(&address).await;
    child.stdin.take().unwrap().write_all(format!("{code}\n").as_bytes()).unwrap();
    ended(child).success();

    let listed = lab.server.cli(&["provider", "list"]).success();
    assert!(listed.stdout.contains("mine") && listed.stdout.contains("sign-in"), "{listed:?}");
    let tried = lab.server.api.post("/accounts/mine/test", Value::Null).await;
    assert!(tried["problem"].is_null(), "{tried}");
    let printed = lab.asked(&lab.closed_workspace().await).await;
    assert!(printed.contains("I heard you."), "{printed}");
    let ledger = lab.models.ledger();
    let asked = ledger.last().unwrap();
    let key = asked.key.as_ref().unwrap();
    assert_eq!((key.fingerprint.as_str(), key.by.as_str()), (&*fingerprint(&provider.access(1)), "authorization"));
    assert_eq!(asked.headers["x-signed-in"], "yes");
}

#[tokio::test]
async fn the_browser_comes_back_to_the_server_and_the_command_line_notices() {
    let (lab, provider) = plain_lab().await;

    let (child, _printed, address) = waiting(&lab, &["provider", "sign-in", "returning"]);
    let back = provider.browse(&address).await;
    assert!(back.path().ends_with("/api/v1/sign-in/callback"), "{back}");
    let response = reqwest::get(back).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    let page = response.text().await.unwrap();
    assert!(page.contains("returning is signed in") && !page.contains(&provider.mark()), "{page}");
    ended(child).success();

    assert!(lab.asked(&lab.closed_workspace().await).await.contains("I heard you."));
    assert_eq!(lab.keys(), [fingerprint(&provider.access(1))]);
    let audit = lab.server.api.get("/audit").await.to_string();
    assert!(audit.contains("sign-in/callback") && !audit.contains("code="), "{audit}");
}

#[tokio::test]
async fn a_sign_in_that_yields_a_key_makes_an_account_with_a_key() {
    let (lab, provider) = plain_lab().await;

    let begun = lab.begin_sign_in("keyed", json!({ "provider": "keyed" })).await;
    assert_eq!(begun["kind"], "callback");
    let page = reqwest::get(provider.browse(begun["url"].as_str().unwrap()).await).await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);

    let account = lab.server.api.get("/accounts/keyed").await;
    assert_eq!(account["credential"], json!({ "kind": "api_key", "secret": "account.keyed" }));
    assert!(lab.asked(&lab.closed_workspace().await).await.contains("I heard you."));
    assert_eq!(lab.keys(), [fingerprint(&provider.access(1))]);
}

#[tokio::test]
async fn a_person_types_a_code_elsewhere_and_the_server_notices() {
    let (lab, provider) = plain_lab().await;

    let begun = lab.begin_sign_in("typing", json!({ "provider": "typing" })).await;
    assert_eq!((&begun["kind"], &begun["code"]), (&json!("device"), &json!("ABCD-EFGH")));
    assert_eq!(begun["url"], "https://auth.example.org/device");
    assert_eq!(lab.server.api.get("/accounts/typing/sign-in").await["state"], "waiting");
    provider.agree();
    until("the server to notice", async || {
        let status = lab.server.api.get("/accounts/typing/sign-in").await;
        (status["state"] == "done").then_some(())
    })
    .await;

    assert!(lab.asked(&lab.closed_workspace().await).await.contains("I heard you."));
    let begun = lab.begin_sign_in("typing", json!({ "browser": true })).await;
    assert_eq!(begun["kind"], "callback");
}

#[tokio::test]
async fn an_expired_token_is_refreshed_once_for_all_who_ask() {
    let (lab, provider) = plain_lab().await;
    provider.set_lifetime(0);
    lab.sign_in(&provider).await;
    provider.set_lifetime(3600);
    let workspace = lab.closed_workspace().await;

    let script = format!("ask() {{ {} }}\nfor i in $(seq 16); do ask & done; wait", ask("large", "hello"));
    let mission = lab.mission(&workspace, &script).await;

    let printed = lab.printed(&mission).await;
    assert_eq!(printed.matches("I heard you.").count(), 16, "{printed}");
    assert_eq!(provider.refreshes(), 1);
    assert_eq!(lab.keys(), vec![fingerprint(&provider.access(2)); 16]);
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_within_the_same_request() {
    let (mut lab, provider) = lab(|provider| without(&provider.access(1))).await;
    lab.signed_in_before(&provider).await;

    let printed = lab.asked(&lab.closed_workspace().await).await;

    assert!(printed.contains("I heard you.") && printed.ends_with("200\n"), "{printed}");
    assert_eq!(provider.refreshes(), 1);
    assert_eq!(lab.keys(), [fingerprint(&provider.access(1)), fingerprint(&provider.access(2))]);
    assert_eq!(lab.server.api.get("/accounts/pasting").await["health"]["state"], "ready");
}

#[tokio::test]
async fn a_server_that_is_killed_after_a_rotation_goes_on_with_the_new_grant() {
    let (mut lab, provider) = plain_lab().await;
    // Shorter than what a server that is started anew takes for enough.
    provider.set_lifetime(30);
    lab.sign_in(&provider).await;
    let workspace = lab.closed_workspace().await;
    lab.server.crash();
    lab.server.restart().await;

    lab.begin(&workspace, &ask("large", "hello")).await;
    let rotated = fingerprint(&provider.access(2));
    until("the new token to be used", async || lab.keys().contains(&rotated).then_some(())).await;
    lab.server.crash();
    lab.server.restart().await;

    let printed = lab.asked(&workspace).await;
    assert!(printed.ends_with("200\n"), "{printed}");
    assert_eq!(provider.refreshes(), 2, "the second was by the refresh token that the first had brought");
}

#[tokio::test]
async fn a_grant_that_the_provider_ended_is_told_and_mended_by_signing_in_again() {
    let (mut lab, provider) = lab(|provider| without(&provider.access(1))).await;
    lab.signed_in_before(&provider).await;
    provider.revoke();
    let workspace = lab.closed_workspace().await;

    let printed = lab.asked(&workspace).await;

    assert!(printed.ends_with("400\n") && printed.contains("nobody is signed in"), "{printed}");
    let refused = until("the account to be refused", async || {
        let health = lab.server.api.get("/accounts/pasting").await["health"].clone();
        (health["state"] == "refused").then_some(health)
    })
    .await;
    assert_eq!(refused["why"]["code"], "account.signed_out");
    assert_eq!(refused["why"]["hint"], "sandboxed-sh provider sign-in pasting");

    let (mut child, _printed, address) = waiting(&lab, &["provider", "sign-in", "pasting"]);
    let code = provider.copied(&address).await;
    child.stdin.take().unwrap().write_all(code.as_bytes()).unwrap();
    ended(child).success();
    assert_eq!(lab.server.api.get("/accounts/pasting").await["health"]["state"], "ready");
    assert!(lab.asked(&workspace).await.ends_with("200\n"));
}

#[tokio::test]
async fn what_does_not_belong_to_a_sign_in_does_not_end_it() {
    let (lab, provider) = plain_lab().await;
    let refused = async |code: &str, status: u16, expected: &str| {
        let (told, problem) = lab.finish_sign_in("pasting", code).await;
        assert_eq!((told.as_u16(), problem["code"].as_str().unwrap()), (status, expected), "{problem}");
    };
    refused("code#state", 409, "sign_in.none").await;
    let begun = lab.begin_sign_in("pasting", json!({ "provider": "pasting" })).await;
    let code = provider.copied(begun["url"].as_str().unwrap()).await;

    refused("nothing like it", 409, "oauth.reply").await;
    refused(&format!("{}#guessed", code.split('#').next().unwrap()), 403, "oauth.state").await;
    assert_eq!(lab.finish_sign_in("pasting", &code).await.0, StatusCode::OK);
    refused(&code, 409, "sign_in.none").await;

    // A code that was good once, in a sign-in of its own.
    let again = lab.begin_sign_in("pasting", json!({})).await;
    let state = again["url"].as_str().unwrap().split("state=").nth(1).unwrap().split('&').next().unwrap();
    refused(&format!("{}#{state}", code.split('#').next().unwrap()), 403, "oauth.refused").await;
    let status = lab.server.api.get("/accounts/pasting/sign-in").await;
    assert_eq!((&status["state"], &status["problem"]["code"]), (&json!("failed"), &json!("oauth.refused")));
}

#[tokio::test]
async fn a_callback_needs_the_state_of_a_sign_in_that_waits() {
    let (lab, provider) = plain_lab().await;
    let begun = lab.begin_sign_in("returning", json!({ "provider": "returning" })).await;
    let back = provider.browse(begun["url"].as_str().unwrap()).await;
    let state = back.query_pairs().find(|pair| pair.0 == "state").unwrap().1.into_owned();
    let with = |query: String| {
        let mut address = back.clone();
        address.set_query(Some(&query));
        address
    };

    for (query, status, told) in [
        (String::new(), 400, "oauth.reply"),
        ("code=c&state=guessed".to_owned(), 403, "sign_in.unknown"),
        (format!("error=access_denied&error_description=%3Cb%3E&state={state}"), 403, "oauth.denied"),
        // It has ended by that.
        (format!("code=c&state={state}"), 403, "sign_in.unknown"),
    ] {
        let response = reqwest::get(with(query.clone())).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{query}");
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
        let page = response.text().await.unwrap();
        assert!(page.contains("Not signed in") && page.contains(told) && !page.contains(&state), "{page}");
    }
    let problem = lab.server.api.call(Method::GET, "/accounts/returning", None).await;
    assert_eq!(problem.0, StatusCode::NOT_FOUND);
    let status = lab.server.api.get("/accounts/returning/sign-in").await;
    assert_eq!(status["problem"]["code"], "oauth.denied");
}

#[tokio::test]
async fn a_sign_in_that_cannot_be_is_refused_with_what_would_be_right() {
    let lab = plain_lab().await.0;
    lab.add_account("first", super::KEY).await;

    for (account, body, status, code) in [
        ("pasting", json!({}), 404, "account.not_found"),
        ("pasting", json!({ "provider": "nobody" }), 404, "provider.not_found"),
        ("first", json!({}), 409, "account.no_sign_in"),
        ("first", json!({ "provider": "pasting" }), 409, "account.exists"),
        ("pasting", json!({ "provider": "pasting", "base_url": "https://x" }), 400, "account.base_url_invalid"),
        (&"x".repeat(99), json!({ "provider": "pasting" }), 400, "account.name_too_long"),
    ] {
        let path = format!("/accounts/{account}/sign-in");
        let (told, problem) = lab.server.api.call(Method::POST, &path, Some(body.clone())).await;
        assert_eq!((told.as_u16(), problem["code"].as_str().unwrap()), (status, code), "{account} {body}: {problem}");
    }
    assert_eq!(lab.server.api.call(Method::GET, "/accounts/pasting/sign-in", None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(lab.server.api.call(Method::DELETE, "/accounts/first/sign-in", None).await.0, StatusCode::CONFLICT);
}

#[tokio::test]
async fn who_signs_out_leaves_nothing_that_could_be_used() {
    let (mut lab, provider) = plain_lab().await;
    lab.sign_in(&provider).await;

    lab.server.cli(&["provider", "sign-out", "pasting"]).success();

    let secrets = lab.server.api.get("/secrets").await.to_string();
    assert!(!secrets.contains("account.pasting"), "{secrets}");
    lab.server.crash();
    lab.server.restart().await;
    let health = lab.server.api.get("/accounts/pasting").await["health"].clone();
    assert_eq!((&health["state"], &health["why"]["code"]), (&json!("refused"), &json!("account.signed_out")));
    let workspace = lab.closed_workspace().await;
    assert!(lab.asked(&workspace).await.ends_with("400\n"));
    assert!(lab.models.ledger().is_empty());

    lab.sign_in(&provider).await;
    assert!(lab.asked(&workspace).await.ends_with("200\n"));
}

#[tokio::test]
async fn a_key_takes_the_place_of_a_sign_in_and_the_other_way_round() {
    let (lab, provider) = plain_lab().await;
    lab.sign_in(&provider).await;
    let workspace = lab.closed_workspace().await;

    let update = json!({ "key": super::KEY });
    let (status, account) = lab.server.api.call(Method::PATCH, "/accounts/pasting", Some(update)).await;
    assert_eq!((status, &account["credential"]["kind"]), (StatusCode::OK, &json!("api_key")), "{account}");
    assert!(lab.asked(&workspace).await.ends_with("200\n"));
    lab.sign_in(&provider).await;
    assert!(lab.asked(&workspace).await.ends_with("200\n"));

    assert_eq!(lab.keys(), [fingerprint(super::KEY), fingerprint(&provider.access(2))]);
}

#[tokio::test]
async fn tokens_are_in_no_answer_event_log_or_file() {
    let (mut lab, provider) = plain_lab().await;
    provider.set_lifetime(0);
    lab.sign_in(&provider).await;
    provider.set_lifetime(3600);
    let workspace = lab.closed_workspace().await;
    let mission = lab.mission(&workspace, &format!("{}env", ask("large", "hello"))).await;
    assert_eq!(provider.refreshes(), 1);

    let mark = provider.mark();
    let events = format!("{:?}", lab.server.api.events(mission["id"].as_str().unwrap()).await);
    assert!(events.contains("I heard you.") && !events.contains(&mark), "{events}");
    for path in ["/accounts", "/accounts/pasting/sign-in", "/secrets", "/model-requests", "/audit", "/missions"] {
        assert!(!lab.server.api.get(path).await.to_string().contains(&mark), "{path}");
    }
    assert!(!lab.server.log().contains(&mark));
    assert_eq!(holders(&lab.server.data_dir(), &mark), Vec::<PathBuf>::new());

    // Who gets hold of a token, and tells it, tells its name: also after a server was started anew.
    lab.server.crash();
    lab.server.restart().await;
    let mission = lab.mission(&workspace, &format!("echo {}", provider.access(2))).await;
    assert_eq!(lab.printed(&mission).await, "[secret account.pasting]\n");
}

/// The files below a directory that hold a text.
fn holders(directory: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let holds = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(holders(&path, text)),
            Ok(kind) if kind.is_file() && fs::read(&path).is_ok_and(|bytes| holds(&bytes)) => found.push(path),
            _ => {}
        }
    }
    found
}
