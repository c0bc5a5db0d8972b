use sandboxed_model::page::PageRequest;

use super::*;
use crate::Error;

fn keys(sums: &[SpendingSum]) -> Vec<(&str, u64)> {
    sums.iter().map(|sum| (sum.key.as_str(), sum.cost_micro_usd)).collect()
}

async fn by(store: &Store, filter: &SpendingFilter, group: SpendingGroup) -> Vec<SpendingSum> {
    let (mut found, mut page) = (Vec::new(), PageRequest { cursor: None, limit: 1 });
    loop {
        let part = store.spending(filter, group, &page).await.unwrap();
        found.extend(part.items);
        match part.next_cursor {
            Some(cursor) => page.cursor = Some(cursor),
            None => return found,
        }
    }
}

/// Two missions of two users, two models, two accounts and two days. The cost is a power of two for each.
async fn spent() -> (Fixture, Mission, Mission) {
    let fixture = Fixture::new().await;
    let (one, two) = (fixture.mission("1").await, fixture.mission("2").await);
    let account = |name: &str| name.parse::<AccountName>().unwrap();
    for (mission, account, model, at, cost) in [
        (&one, account("home"), "claude", on("2026-05-30"), 1),
        (&one, account("work"), "claude", on("2026-05-31"), 2),
        (&one, account("work"), "gpt", on("2026-05-31"), 4),
        (&two, account("work"), "claude", on("2026-05-31"), 8),
        (&two, account("work"), "claude", on("2026-06-01"), 16),
        (&two, account("work"), "claude", on("2026-06-01"), 32),
    ] {
        let new = NewRequest { account, model: model.to_owned(), at, ..asked(mission, 100) };
        spend(&fixture.store, &new, answered(cost)).await;
    }
    // What is under way is in no sum, also where it is the first of its day.
    granted(&fixture.store, &NewRequest { at: on("2026-06-02"), ..asked(&one, 100) }).await;
    (fixture, one, two)
}

#[tokio::test]
async fn spending_is_summed_by_each_thing() {
    let (fixture, one, two) = spent().await;
    let all = SpendingFilter::default();
    let store = &fixture.store;
    let days = by(store, &all, SpendingGroup::Day).await;
    assert_eq!(keys(&days), [("2026-06-01", 48), ("2026-05-31", 14), ("2026-05-30", 1)]);
    assert_eq!(keys(&by(store, &all, SpendingGroup::Model).await), [("claude", 59), ("gpt", 4)]);
    assert_eq!(keys(&by(store, &all, SpendingGroup::Account).await), [("home", 1), ("work", 62)]);
    assert_eq!(keys(&by(store, &all, SpendingGroup::Harness).await), [("shell", 63)]);
    let missions = by(store, &all, SpendingGroup::Mission).await;
    assert_eq!(keys(&missions), [(two.id.to_string().as_str(), 56), (one.id.to_string().as_str(), 7)]);
    let users = by(store, &all, SpendingGroup::User).await;
    let mut expected = [(one.owner.to_string(), 7), (two.owner.to_string(), 56)];
    expected.sort();
    assert_eq!(keys(&users), expected.each_ref().map(|(user, cost)| (user.as_str(), *cost)));
    let expected =
        Tokens { input: 20, cache_read: 40, cache_write: 60, cache_write_1h: 80, output: 100, reasoning: 10 };
    assert_eq!((days[0].requests, days[0].tokens), (2, expected));
}

#[tokio::test]
async fn filters_hold_together_with_every_group() {
    let (fixture, one, two) = spent().await;
    let filters = [
        (SpendingFilter { from: Some(day("2026-05-31")), to: Some(day("2026-05-31")), ..Default::default() }, 14),
        (SpendingFilter { mission: Some(one.id), ..Default::default() }, 7),
        (SpendingFilter { model: Some("claude".to_owned()), ..Default::default() }, 59),
        (SpendingFilter { account: Some("work".parse().unwrap()), ..Default::default() }, 62),
        (SpendingFilter { user: Some(two.owner), ..Default::default() }, 56),
        (SpendingFilter { user: Some(one.owner), model: Some("claude".to_owned()), ..Default::default() }, 3),
        (SpendingFilter { to: Some(day("2026-05-31")), user: Some(two.owner), ..Default::default() }, 8),
        (SpendingFilter { user: Some(one.owner), mission: Some(two.id), ..Default::default() }, 0),
        (SpendingFilter { from: Some(day("2026-06-02")), ..Default::default() }, 0),
    ];
    for (filter, total) in filters {
        for group in [
            SpendingGroup::Day,
            SpendingGroup::Mission,
            SpendingGroup::Model,
            SpendingGroup::Account,
            SpendingGroup::User,
            SpendingGroup::Harness,
        ] {
            let sums = by(&fixture.store, &filter, group).await;
            let sum: u64 = sums.iter().map(|sum| sum.cost_micro_usd).sum();
            assert_eq!(sum, total, "{filter:?} {group:?} {sums:?}");
            assert!(sums.iter().all(|sum| sum.requests > 0));
        }
    }
}

#[tokio::test]
async fn the_usage_of_a_turn_is_told_by_model() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    let second = |model: &str| NewRequest { turn: 2, model: model.to_owned(), ..asked(&mission, 100) };
    spend(&fixture.store, &asked(&mission, 100), answered(1)).await;
    spend(&fixture.store, &second("claude"), answered(2)).await;
    // A turn may go over midnight.
    spend(&fixture.store, &NewRequest { at: on("2026-06-01"), ..second("claude") }, answered(4)).await;
    spend(&fixture.store, &second("gpt"), cut()).await;
    granted(&fixture.store, &second("gpt")).await;
    let usage = fixture.store.turn_usage(mission.id, 2).await.unwrap();
    assert_eq!(keys(&usage), [("claude", 6), ("gpt", 100)]);
    assert_eq!((usage[0].requests, usage[0].tokens.output), (2, 100));
    assert_eq!((usage[1].requests, usage[1].failed_requests, usage[1].estimated_requests), (1, 1, 1));
    assert_eq!(fixture.store.turn_usage(mission.id, 3).await.unwrap(), []);
    assert_eq!(fixture.store.turn_usage(MissionId::new(), 1).await.unwrap(), []);
}

#[tokio::test]
async fn a_cursor_that_these_lists_did_not_return_is_refused() {
    let fixture = Fixture::new().await;
    for wrong in ["", "p1", "pzz", "pff", "p+1", "pAA", "x70", "p31"] {
        let page = PageRequest { cursor: Some(wrong.to_owned()), limit: 1 };
        let filter = SpendingFilter::default();
        let result = fixture.store.spending(&filter, SpendingGroup::Day, &page).await;
        assert_eq!(result.unwrap_err(), Error::InvalidCursor, "{wrong:?}");
    }
    let page = PageRequest { cursor: Some("p31".to_owned()), limit: 1 };
    assert_eq!(fixture.store.budgets(on("2026-05-31"), &page).await.unwrap_err(), Error::InvalidCursor);
    assert_eq!(fixture.store.model_requests(None, &page).await.unwrap_err(), Error::InvalidCursor);
}
