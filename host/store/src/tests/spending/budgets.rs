use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use sandboxed_model::{
    budget::{Budget, BudgetPeriod, BudgetScope},
    page::PageRequest,
};

use super::*;
use crate::spending::totals_agree;

async fn now(store: &Store, scope: BudgetScope, at: Timestamp) -> Budget {
    store.budgets_of(vec![scope], at).await.unwrap().remove(0)
}

async fn refused(store: &Store, request: NewRequest) -> Reserved {
    let refused = store.reserve(request).await.unwrap();
    assert!(!matches!(refused, Reserved::Granted { .. }), "{refused:?}");
    refused
}

#[tokio::test]
async fn a_request_gets_what_is_left_of_the_tightest_budget() {
    let fixture = Fixture::new().await;
    let (store, mission) = (&fixture.store, fixture.mission("x").await);
    let at = on("2026-05-31");
    store.set_budget(BudgetScope::Server, BudgetPeriod::Month, 1000).await.unwrap();
    store.set_budget(BudgetScope::Mission(mission.id), BudgetPeriod::Total, 150).await.unwrap();
    store.set_budget(BudgetScope::User(UserId::new()), BudgetPeriod::Total, 0).await.unwrap();
    let first = asked(&mission, 100);
    assert_eq!(granted(store, &first).await, Some(100));
    let second = NewRequest { least: Some(50), ..asked(&mission, 100) };
    assert_eq!(granted(store, &second).await, Some(50));
    let budget = now(store, BudgetScope::Mission(mission.id), at).await;
    assert_eq!((budget.spent_micro_usd, budget.reserved_micro_usd, budget.left_micro_usd()), (0, 150, 0));
    store.settle(first.id, answered(30)).await.unwrap();
    let budget = now(store, BudgetScope::Mission(mission.id), at).await;
    assert_eq!((budget.spent_micro_usd, budget.reserved_micro_usd, budget.left_micro_usd()), (30, 50, 70));
    let budget = now(store, BudgetScope::Server, at).await;
    assert_eq!((budget.spent_micro_usd, budget.reserved_micro_usd), (30, 50));
    totals_agree(store).await;
}

#[tokio::test]
async fn one_waits_for_what_others_hold_and_not_for_what_is_spent() {
    let fixture = Fixture::new().await;
    let (store, mission) = (&fixture.store, fixture.mission("x").await);
    let account = BudgetScope::Account("work".parse().unwrap());
    store.set_budget(account.clone(), BudgetPeriod::Day, 100).await.unwrap();
    let first = asked(&mission, 80);
    granted(store, &first).await;
    let second = asked(&mission, 50);
    match refused(store, second.clone()).await {
        Reserved::Busy { budget } => assert_eq!((budget.left_micro_usd(), budget.scope), (20, account.clone())),
        other => panic!("{other:?}"),
    }
    store.settle(first.id, answered(50)).await.unwrap();
    granted(store, &second).await;
    store.settle(second.id, answered(50)).await.unwrap();
    match refused(store, NewRequest { least: Some(1), ..asked(&mission, 50) }).await {
        Reserved::Exhausted { budget } => assert_eq!(budget.resets_at, Some(day("2026-06-01").start())),
        other => panic!("{other:?}"),
    }
    // More than the whole budget is never had by waiting.
    store.set_budget(account, BudgetPeriod::Day, 120).await.unwrap();
    granted(store, &asked(&mission, 10)).await;
    let large = refused(store, asked(&mission, 500)).await;
    assert!(matches!(large, Reserved::Exhausted { .. }), "{large:?}");
    totals_agree(store).await;
}

#[tokio::test]
async fn a_refused_request_leaves_nothing_behind() {
    let fixture = Fixture::new().await;
    let (store, mission) = (&fixture.store, fixture.mission("x").await);
    store.set_budget(BudgetScope::Server, BudgetPeriod::Total, 10).await.unwrap();
    refused(store, asked(&mission, 11)).await;
    assert_eq!(store.model_requests(None, &PageRequest::default()).await.unwrap().items, []);
    assert_eq!(now(store, BudgetScope::Server, on("2026-05-31")).await.reserved_micro_usd, 0);
}

#[tokio::test]
async fn a_request_without_a_price_is_refused_where_a_budget_counts_it() {
    let fixture = Fixture::new().await;
    let (store, mission) = (&fixture.store, fixture.mission("x").await);
    store.set_budget(BudgetScope::User(mission.owner), BudgetPeriod::Month, 1_000_000).await.unwrap();
    let unpriced = NewRequest { worst: None, ..asked(&mission, 0) };
    assert!(matches!(refused(store, unpriced.clone()).await, Reserved::Unpriced { .. }));
    let other = fixture.mission("y").await;
    let elsewhere = NewRequest { owner: other.owner, mission: other.id, ..unpriced };
    assert_eq!(granted(store, &elsewhere).await, None);
}

#[tokio::test]
async fn a_free_request_passes_a_budget_that_is_used_up() {
    let fixture = Fixture::new().await;
    let (store, mission) = (&fixture.store, fixture.mission("x").await);
    store.set_budget(BudgetScope::Server, BudgetPeriod::Total, 0).await.unwrap();
    assert_eq!(granted(store, &asked(&mission, 0)).await, Some(0));
}

#[tokio::test]
async fn budgets_begin_anew_with_the_day_and_the_month_in_utc() {
    let fixture = Fixture::new().await;
    let (store, mission) = (&fixture.store, fixture.mission("x").await);
    store.set_budget(BudgetScope::Server, BudgetPeriod::Day, 100).await.unwrap();
    store.set_budget(BudgetScope::Server, BudgetPeriod::Month, 150).await.unwrap();
    store.set_budget(BudgetScope::Server, BudgetPeriod::Total, 1000).await.unwrap();
    let midnight = day("2026-06-01").start();
    let before = Timestamp::from_millis(midnight.as_millis() - 1);
    let first = NewRequest { at: before, ..asked(&mission, 100) };
    granted(store, &first).await;
    assert!(matches!(refused(store, NewRequest { at: before, ..asked(&mission, 1) }).await, Reserved::Busy { .. }));
    let second = NewRequest { at: midnight, ..asked(&mission, 90) };
    granted(store, &second).await;
    totals_agree(store).await;
    // It counts to the day on which it began.
    store.settle(first.id, answered(100)).await.unwrap();
    let figures = async |at| {
        let budgets = store.budgets_of(vec![BudgetScope::Server], at).await.unwrap();
        budgets
            .into_iter()
            .map(|budget| (budget.period, budget.spent_micro_usd, budget.reserved_micro_usd))
            .collect::<Vec<_>>()
    };
    let (day, month, total) = (BudgetPeriod::Day, BudgetPeriod::Month, BudgetPeriod::Total);
    assert_eq!(figures(midnight).await, [(day, 0, 90), (month, 0, 90), (total, 100, 90)]);
    assert_eq!(figures(before).await, [(day, 100, 0), (month, 100, 0), (total, 100, 90)]);
    // A clock that was set back finds the old period as it was.
    assert!(matches!(
        refused(store, NewRequest { at: before, ..asked(&mission, 1) }).await,
        Reserved::Exhausted { .. }
    ));
    totals_agree(store).await;
    store.settle(second.id, answered(90)).await.unwrap();
    assert_eq!(figures(midnight).await, [(day, 90, 0), (month, 90, 0), (total, 190, 0)]);
    totals_agree(store).await;
}

#[tokio::test]
async fn a_budget_counts_what_was_spent_before_it_was_set_and_a_raised_one_lets_more_through() {
    let fixture = Fixture::new().await;
    let (store, mission) = (&fixture.store, fixture.mission("x").await);
    spend(store, &asked(&mission, 100), answered(70)).await;
    granted(store, &asked(&mission, 10)).await;
    for scope in [
        BudgetScope::Server,
        BudgetScope::User(mission.owner),
        BudgetScope::Account("work".parse().unwrap()),
        BudgetScope::Mission(mission.id),
    ] {
        store.set_budget(scope.clone(), BudgetPeriod::Total, 100).await.unwrap();
        let budget = now(store, scope.clone(), on("2026-05-31")).await;
        assert_eq!((budget.spent_micro_usd, budget.reserved_micro_usd), (70, 10), "{scope}");
        assert!(matches!(refused(store, asked(&mission, 21)).await, Reserved::Busy { .. }), "{scope}");
        totals_agree(store).await;
        let raised = store.set_budget(scope.clone(), BudgetPeriod::Total, 101).await.unwrap();
        assert_eq!((raised.limit_micro_usd, raised.spent_micro_usd), (101, 70));
        let more = asked(&mission, 21);
        granted(store, &more).await;
        let refused = RequestSettled { end: RequestEnd::Refused, ..cut() };
        store.settle(more.id, refused).await.unwrap();
        totals_agree(store).await;
        store.delete_budget(&scope, BudgetPeriod::Total).await.unwrap();
    }
    let error = store.delete_budget(&BudgetScope::Server, BudgetPeriod::Total).await.unwrap_err();
    assert_eq!(error.failure().code, "budget.not_found");
}

#[tokio::test]
async fn budgets_come_in_pages_and_those_of_a_mission_go_with_it() {
    let fixture = Fixture::new().await;
    let (store, mission) = (&fixture.store, fixture.mission_in("x", &[MissionState::Cancelled]).await);
    for scope in [BudgetScope::Server, BudgetScope::Mission(mission.id), BudgetScope::Account("work".parse().unwrap())]
    {
        for period in BudgetPeriod::ALL {
            store.set_budget(scope.clone(), period, 100).await.unwrap();
        }
    }
    granted(store, &asked(&mission, 1)).await;
    let list = async || {
        let (mut found, mut page) = (Vec::new(), PageRequest { cursor: None, limit: 2 });
        loop {
            let part = store.budgets(on("2026-05-31"), &page).await.unwrap();
            found.extend(part.items);
            match part.next_cursor {
                Some(cursor) => page.cursor = Some(cursor),
                None => return found,
            }
        }
    };
    let found = list().await;
    assert_eq!(found.len(), 9);
    assert!(found.iter().all(|budget| budget.reserved_micro_usd == 1));
    store.delete_mission(mission.id).await.unwrap();
    let found = list().await;
    assert_eq!(found.len(), 6);
    assert!(found.iter().all(|budget| !matches!(budget.scope, BudgetScope::Mission(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_requests_at_once_never_spend_more_than_their_budgets() {
    const LIMIT: u64 = 10_000;
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    fixture.store.set_budget(BudgetScope::Mission(mission.id), BudgetPeriod::Total, LIMIT).await.unwrap();
    fixture.store.set_budget(BudgetScope::Server, BudgetPeriod::Day, LIMIT + 500).await.unwrap();
    let spent = Arc::new(AtomicU64::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..32_u64 {
        let (store, mission, spent) = (fixture.store.clone(), mission.clone(), Arc::clone(&spent));
        tasks.spawn(async move {
            for number in 0_u64.. {
                let new = NewRequest { least: Some(1), ..asked(&mission, 50 + task * 3) };
                match store.reserve(new.clone()).await.unwrap() {
                    Reserved::Granted { micro_usd } => {
                        let budget = now(&store, BudgetScope::Mission(mission.id), new.at).await;
                        assert!(budget.spent_micro_usd + budget.reserved_micro_usd <= LIMIT);
                        // Some use all that they were given, and of some nobody knows.
                        let given = micro_usd.unwrap();
                        let (cost, settled) = match number % 3 {
                            0 => (given, answered(given)),
                            1 => (given / 2, answered(given / 2)),
                            _ => (given, cut()),
                        };
                        spent.fetch_add(cost, Ordering::Relaxed);
                        store.settle(new.id, settled).await.unwrap();
                    }
                    Reserved::Busy { .. } => tokio::task::yield_now().await,
                    Reserved::Exhausted { .. } => return,
                    Reserved::Unpriced { budget } => panic!("{budget:?}"),
                }
            }
        });
    }
    tasks.join_all().await;
    let spent = spent.load(Ordering::Relaxed);
    assert_eq!(spent, LIMIT, "all of it was spent, and no more");
    let budget = now(&fixture.store, BudgetScope::Mission(mission.id), on("2026-05-31")).await;
    assert_eq!((budget.spent_micro_usd, budget.reserved_micro_usd), (spent, 0));
    assert_eq!(fixture.store.mission_spending(mission.id).await.unwrap().cost_micro_usd, spent);
    totals_agree(&fixture.store).await;
}
