//! Requests, their sums and the budgets that count them.

mod budgets;
mod lost;
mod requests;
mod sums;

use sandboxed_model::{
    RequestId,
    account::AccountName,
    day::Day,
    price::Cost,
    request::RequestEnd,
    spending::{NewRequest, RequestSettled, Reserved, SpendingFilter, SpendingGroup, SpendingSum},
    wire::{Tokens, WireFormat},
};

use super::*;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// Noon.
fn on(text: &str) -> Timestamp {
    Timestamp::from_millis(day(text).start().as_millis() + 12 * 3_600_000)
}

/// A request of a mission that may cost so much.
fn asked(mission: &Mission, worst: u64) -> NewRequest {
    NewRequest {
        id: RequestId::new(),
        mission: mission.id,
        turn: 1,
        owner: mission.owner,
        workspace: mission.workspace,
        harness: mission.harness.clone(),
        account: "work".parse().unwrap(),
        provider: "anthropic".parse().unwrap(),
        model: "claude".to_owned(),
        format: WireFormat::Messages,
        at: on("2026-05-31"),
        worst: Some(worst),
        least: None,
    }
}

/// An answer that came whole and cost so much.
fn answered(cost: u64) -> RequestSettled {
    RequestSettled {
        end: RequestEnd::Complete,
        status: Some(200),
        tokens: Some(Tokens {
            input: 10,
            cache_read: 20,
            cache_write: 30,
            cache_write_1h: 40,
            output: 50,
            reasoning: 5,
        }),
        cost: Some(Cost { micro_usd: cost, price_from: day("2026-01-01") }),
        answered_model: Some("claude-2".to_owned()),
        first_byte_ms: Some(7),
        took_ms: 9,
        upstream_request_id: Some("req_1".to_owned()),
    }
}

/// What is known of an answer that broke off.
fn cut() -> RequestSettled {
    RequestSettled { end: RequestEnd::Cut, tokens: None, cost: None, ..answered(0) }
}

async fn granted(store: &Store, request: &NewRequest) -> Option<u64> {
    match store.reserve(request.clone()).await.unwrap() {
        Reserved::Granted { micro_usd } => micro_usd,
        other => panic!("not granted: {other:?}"),
    }
}

/// A request from its beginning to its end.
async fn spend(store: &Store, request: &NewRequest, settled: RequestSettled) {
    granted(store, request).await;
    assert!(store.settle(request.id, settled).await.unwrap());
}
