use sandboxed_model::{page::PageRequest, spending::ModelRequest};

use super::*;

async fn only(store: &Store, mission: &Mission) -> ModelRequest {
    let page = store.model_requests(Some(mission.id), &PageRequest::default()).await.unwrap();
    let [request] = <[_; 1]>::try_from(page.items).unwrap();
    request
}

#[tokio::test]
async fn a_request_is_listed_from_its_beginning_on_and_is_whole_at_its_end() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    let new = asked(&mission, 100);
    assert_eq!(granted(&fixture.store, &new).await, Some(100));
    let mut expected = ModelRequest {
        id: new.id,
        mission: new.mission,
        turn: 1,
        owner: new.owner,
        workspace: new.workspace,
        harness: new.harness.clone(),
        account: new.account.clone(),
        provider: new.provider.clone(),
        model: new.model.clone(),
        answered_model: None,
        format: WireFormat::Messages,
        started_at: new.at,
        first_byte_ms: None,
        took_ms: None,
        status: None,
        end: None,
        tokens: None,
        reserved_micro_usd: Some(100),
        cost_micro_usd: None,
        price_from: None,
        upstream_request_id: None,
        estimated: false,
    };
    assert_eq!(only(&fixture.store, &mission).await, expected);
    assert!(fixture.store.settle(new.id, answered(60)).await.unwrap());
    expected.answered_model = Some("claude-2".to_owned());
    expected.first_byte_ms = Some(7);
    expected.took_ms = Some(9);
    expected.status = Some(200);
    expected.end = Some(RequestEnd::Complete);
    expected.tokens = answered(0).tokens;
    expected.cost_micro_usd = Some(60);
    expected.price_from = Some(day("2026-01-01"));
    expected.upstream_request_id = Some("req_1".to_owned());
    assert_eq!(only(&fixture.store, &mission).await, expected);
}

#[tokio::test]
async fn a_second_end_of_a_request_changes_nothing() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    let new = asked(&mission, 100);
    spend(&fixture.store, &new, answered(60)).await;
    let before = (only(&fixture.store, &mission).await, fixture.store.mission_spending(mission.id).await.unwrap());
    assert!(!fixture.store.settle(new.id, answered(90)).await.unwrap());
    assert!(!fixture.store.settle(RequestId::new(), answered(90)).await.unwrap());
    let after = (only(&fixture.store, &mission).await, fixture.store.mission_spending(mission.id).await.unwrap());
    assert_eq!(before, after);
}

#[tokio::test]
async fn what_is_not_known_costs_what_was_set_aside() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    spend(&fixture.store, &asked(&mission, 100), cut()).await;
    let request = only(&fixture.store, &mission).await;
    assert_eq!((request.cost_micro_usd, request.estimated, request.tokens), (Some(100), true, None));
    // A model answered that has no price, though the one asked has.
    let new = asked(&mission, 40);
    spend(&fixture.store, &new, RequestSettled { cost: None, ..answered(0) }).await;
    let sum = fixture.store.mission_spending(mission.id).await.unwrap();
    assert_eq!((sum.cost_micro_usd, sum.estimated_requests, sum.unpriced_requests), (140, 2, 0));
}

#[tokio::test]
async fn what_a_provider_refused_cost_nothing() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    let refused = RequestSettled { end: RequestEnd::Refused, status: None, ..cut() };
    spend(&fixture.store, &asked(&mission, 100), refused).await;
    let error = RequestSettled { end: RequestEnd::Complete, status: Some(400), ..cut() };
    spend(&fixture.store, &asked(&mission, 100), error).await;
    let sum = fixture.store.mission_spending(mission.id).await.unwrap();
    assert_eq!((sum.requests, sum.failed_requests, sum.cost_micro_usd, sum.estimated_requests), (2, 2, 0, 0));
}

#[tokio::test]
async fn a_request_without_a_price_is_told_apart_from_one_that_was_free() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    let unpriced = NewRequest { worst: None, ..asked(&mission, 0) };
    assert_eq!(granted(&fixture.store, &unpriced).await, None);
    fixture.store.settle(unpriced.id, RequestSettled { cost: None, ..answered(0) }).await.unwrap();
    spend(&fixture.store, &asked(&mission, 0), answered(0)).await;
    let sum = fixture.store.mission_spending(mission.id).await.unwrap();
    assert_eq!((sum.requests, sum.unpriced_requests, sum.cost_micro_usd), (2, 1, 0));
    let page = fixture.store.model_requests(Some(mission.id), &PageRequest::default()).await.unwrap();
    let costs: Vec<_> = page.items.iter().map(|request| request.cost_micro_usd).collect();
    assert_eq!(costs, [Some(0), None]);
}

#[tokio::test]
async fn figures_that_nobody_can_have_used_do_not_break_the_sums() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    for _ in 0..3 {
        let absurd = Tokens { input: u64::MAX, output: u64::MAX, ..Tokens::default() };
        let settled = RequestSettled { tokens: Some(absurd), took_ms: u64::MAX, ..answered(u64::MAX) };
        spend(&fixture.store, &asked(&mission, u64::MAX), settled).await;
    }
    let sum = fixture.store.mission_spending(mission.id).await.unwrap();
    assert_eq!((sum.requests, sum.cost_micro_usd), (3, 3_000_000_000_000));
}

#[tokio::test]
async fn a_request_needs_its_mission_and_an_id_of_its_own() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    let new = asked(&mission, 1);
    granted(&fixture.store, &new).await;
    let error = fixture.store.reserve(new.clone()).await.unwrap_err();
    assert_eq!(error.failure().code, "request.exists");
    let nowhere = NewRequest { mission: MissionId::new(), id: RequestId::new(), ..new };
    assert_eq!(fixture.store.reserve(nowhere).await.unwrap_err().failure().code, "mission.not_found");
}

#[tokio::test]
async fn requests_come_newest_first_in_pages_of_one_mission_or_of_all() {
    let fixture = Fixture::new().await;
    let (one, two) = (fixture.mission("1").await, fixture.mission("2").await);
    let mut ids = Vec::new();
    for number in 0..6 {
        let mut new = asked(if number % 2 == 0 { &one } else { &two }, 1);
        // Of several days, models and so rows of sums.
        new.model = format!("model-{}", number / 2);
        new.at = on(["2026-05-31", "2026-06-01"][number % 2]);
        granted(&fixture.store, &new).await;
        ids.insert(0, new.id);
    }
    let list = async |mission: Option<MissionId>| {
        let (mut found, mut page) = (Vec::new(), PageRequest { cursor: None, limit: 2 });
        loop {
            let part = fixture.store.model_requests(mission, &page).await.unwrap();
            assert!(part.items.len() <= 2);
            found.extend(part.items.into_iter().map(|request| request.id));
            match part.next_cursor {
                Some(cursor) => page.cursor = Some(cursor),
                None => return found,
            }
        }
    };
    assert_eq!(list(None).await, ids);
    assert_eq!(list(Some(one.id)).await, [ids[1], ids[3], ids[5]]);
    assert_eq!(list(Some(two.id)).await, [ids[0], ids[2], ids[4]]);
    assert_eq!(list(Some(MissionId::new())).await, []);
}

#[tokio::test]
async fn old_requests_are_removed_and_their_sums_and_those_under_way_stay() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    let old = NewRequest { at: on("2026-01-01"), ..asked(&mission, 10) };
    spend(&fixture.store, &old, answered(10)).await;
    let under_way = NewRequest { id: RequestId::new(), ..old.clone() };
    granted(&fixture.store, &under_way).await;
    let new = asked(&mission, 10);
    spend(&fixture.store, &new, answered(10)).await;
    assert_eq!(fixture.store.purge_model_requests(on("2026-02-01")).await.unwrap(), 1);
    assert_eq!(fixture.store.purge_model_requests(on("2026-02-01")).await.unwrap(), 0);
    let page = fixture.store.model_requests(None, &PageRequest::default()).await.unwrap();
    assert_eq!(page.items.iter().map(|request| request.id).collect::<Vec<_>>(), [new.id, under_way.id]);
    assert_eq!(fixture.store.mission_spending(mission.id).await.unwrap().requests, 2);
    assert!(fixture.store.settle(under_way.id, answered(1)).await.unwrap());
}

#[tokio::test]
async fn a_mission_leaves_what_it_spent_behind() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission_in("x", &[MissionState::Cancelled]).await;
    spend(&fixture.store, &asked(&mission, 10), answered(10)).await;
    let under_way = asked(&mission, 5);
    granted(&fixture.store, &under_way).await;
    fixture.store.delete_mission(mission.id).await.unwrap();
    assert!(fixture.store.settle(under_way.id, answered(5)).await.unwrap());
    assert_eq!(fixture.store.mission_spending(mission.id).await.unwrap().cost_micro_usd, 15);
    let page = fixture.store.model_requests(Some(mission.id), &PageRequest::default()).await.unwrap();
    assert_eq!(page.items.len(), 2);
}
