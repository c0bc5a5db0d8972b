//! Budgets: money is set aside before a request, a mission whose budget is used up waits, and goes on when there is more.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{ANSWER, ANSWER_COST, Lab, ask};

#[tokio::test]
async fn a_mission_whose_budget_is_used_up_is_parked_and_goes_on_when_it_is_raised() {
    let lab = Lab::start(ANSWER).await;
    let workspace = lab.workspace(json!({ "backend": "bubblewrap" })).await;
    // Enough for the first answer, and too little for what a second might cost.
    lab.server.cli(&["budget", "set", "server", "0.0014", "--per", "total"]).success();

    let script = format!("while :; do {} sleep 0.05; done", ask("large", "hello"));
    let id = lab.begin(&workspace, &script).await;
    let parked = lab.server.api.reaches(&id, &["parked"]).await;

    assert_eq!(parked["parked"], json!({ "reason": "budget" }), "{parked}");
    assert_eq!(parked["problem"]["code"], "budget.exhausted");
    let shown = lab.server.cli(&["budget", "list"]).success();
    assert!(shown.stdout.contains("server") && shown.stdout.contains("never"), "{shown:?}");
    let spent = lab.server.api.get("/budgets").await["items"][0]["spent_micro_usd"].as_u64().unwrap();
    assert!(spent > 0 && spent <= 1400, "{spent}");

    let before = lab.models.ledger().len();
    lab.server.cli(&["budget", "set", "server", "1"]).success();
    sandboxed_tests::until("the mission to ask again", async || (lab.models.ledger().len() > before).then_some(()))
        .await;
    let (status, _) = lab.server.api.call(Method::POST, &format!("/missions/{id}/cancel"), None).await;
    assert!(status.is_success());
}

#[tokio::test]
async fn parallel_requests_never_spend_more_than_there_is() {
    let lab = Lab::start(ANSWER).await;
    let workspace = lab.workspace(json!({ "backend": "bubblewrap" })).await;
    let limit = 10 * ANSWER_COST;
    lab.server
        .api
        .call(
            Method::PUT,
            "/budgets",
            Some(json!({ "scope": "account:first", "period": "day", "limit_micro_usd": limit })),
        )
        .await;

    let script = format!("ask() {{ {} }}\nfor i in $(seq 32); do ask >/dev/null & done; wait", ask("large", "hello"));
    lab.mission(&workspace, &script).await;

    assert!(lab.models.settled(Duration::from_secs(20)).await);
    let budget = lab.server.api.get("/budgets").await["items"][0].clone();
    let served = u64::try_from(lab.models.ledger().len()).unwrap();
    assert!(served >= 1);
    assert_eq!(budget["spent_micro_usd"], json!(served * ANSWER_COST), "{budget}");
    assert!(served * ANSWER_COST <= limit, "{served} answers");
    assert_eq!(budget["reserved_micro_usd"], 0);
}

#[tokio::test]
async fn a_model_without_a_price_is_not_asked_where_a_budget_counts() {
    let lab = Lab::start(ANSWER).await;
    let workspace = lab.workspace(json!({ "backend": "bubblewrap" })).await;
    lab.server.cli(&["budget", "set", "server", "5", "--per", "month"]).success();

    let mission = lab.mission(&workspace, &ask("priceless", "hello")).await;

    let printed = lab.printed(&mission).await;
    assert!(printed.contains("budget.price_unknown") || printed.contains("is not known"), "{printed}");
    assert!(lab.models.ledger().is_empty());
    lab.server.cli(&["budget", "delete", "server", "--per", "month"]).success();
    let mission = lab.mission(&workspace, &ask("priceless", "hello")).await;
    assert!(lab.printed(&mission).await.contains("I heard you."));
}

#[tokio::test]
async fn a_budget_is_of_something_that_is_there() {
    let lab = Lab::start(ANSWER).await;

    for (scope, status) in [
        ("account:nobody", StatusCode::NOT_FOUND),
        ("mission:0198c0de-0000-7000-8000-000000000000", StatusCode::NOT_FOUND),
        ("user:0198c0de-0000-7000-8000-000000000000", StatusCode::NOT_FOUND),
        ("everyone", StatusCode::BAD_REQUEST),
    ] {
        let body = json!({ "scope": scope, "period": "day", "limit_micro_usd": 1 });
        let (told, answer) = lab.server.api.call(Method::PUT, "/budgets", Some(body)).await;
        assert_eq!(told, status, "{scope}: {answer}");
    }
    assert_ne!(lab.server.cli(&["budget", "delete", "server"]).code, 0);
}
