use sandboxed_model::{
    Blame, Failure, Timestamp,
    account::{Account, AccountChange, AccountHealth, AccountName, Credential, NewAccount},
};

use super::*;

fn new(name: &str) -> NewAccount {
    NewAccount {
        name: name.parse().unwrap(),
        provider: "anthropic".parse().unwrap(),
        credential: Credential::ApiKey { secret: "key".to_owned() },
        base_url: Some("https://models.example/v1".to_owned()),
        models: vec!["claude-*".parse().unwrap()],
        enabled: true,
        owner: Some(UserId::new()),
    }
}

fn name(name: &str) -> AccountName {
    name.parse().unwrap()
}

async fn order(store: &Store) -> Vec<String> {
    store.accounts().await.unwrap().into_iter().map(|account| account.name.to_string()).collect()
}

fn why() -> Failure {
    Failure::new(Blame::Unavailable, "provider.limited", "too many requests")
}

#[tokio::test]
async fn an_account_is_kept_as_it_was_given_and_its_name_is_taken() {
    let mut fixture = Fixture::new().await;
    let account = fixture.store.insert_account(new("work")).await.unwrap();
    fixture.reopen().await;
    assert_eq!(fixture.store.provider_account(&name("work")).await.unwrap(), account);
    assert_eq!(account.health, AccountHealth::Ready);
    let error = fixture.store.insert_account(new("work")).await.unwrap_err();
    assert_eq!(error.failure().code, "account.exists");
    fixture.store.delete_account(&name("work")).await.unwrap();
    let error = fixture.store.provider_account(&name("work")).await.unwrap_err();
    assert_eq!(error.failure().code, "account.not_found");
    assert!(fixture.store.delete_account(&name("work")).await.is_err());
}

#[tokio::test]
async fn accounts_are_used_in_the_order_that_they_were_put_in() {
    let fixture = Fixture::new().await;
    for name in ["a", "b", "c"] {
        fixture.store.insert_account(new(name)).await.unwrap();
    }
    assert_eq!(order(&fixture.store).await, ["a", "b", "c"]);
    fixture.store.reorder_accounts(vec![name("c"), name("a"), name("b")]).await.unwrap();
    assert_eq!(order(&fixture.store).await, ["c", "a", "b"]);
    fixture.store.delete_account(&name("a")).await.unwrap();
    fixture.store.insert_account(new("a")).await.unwrap();
    assert_eq!(order(&fixture.store).await, ["c", "b", "a"]);
    for wrong in [vec!["a", "b"], vec!["a", "b", "b"], vec!["a", "b", "x"], vec!["a", "b", "c", "c"]] {
        let wrong = wrong.into_iter().map(name).collect();
        assert_eq!(fixture.store.reorder_accounts(wrong).await.unwrap_err().failure().code, "accounts.order");
    }
    assert_eq!(order(&fixture.store).await, ["c", "b", "a"]);
}

#[tokio::test]
async fn a_change_leaves_what_it_does_not_name() {
    let fixture = Fixture::new().await;
    let before = fixture.store.insert_account(new("work")).await.unwrap();
    let change = AccountChange { enabled: Some(false), base_url: Some(None), ..AccountChange::default() };
    let after = fixture.store.change_account(&name("work"), change).await.unwrap();
    let expected = Account { enabled: false, base_url: None, updated_at: after.updated_at, ..before };
    assert_eq!(after, expected);
    assert_eq!(fixture.store.provider_account(&name("work")).await.unwrap(), after);
    assert!(fixture.store.change_account(&name("x"), AccountChange::default()).await.is_err());
}

#[tokio::test]
async fn health_outlives_a_restart_and_ends_with_a_new_credential() {
    let mut fixture = Fixture::new().await;
    fixture.store.insert_account(new("work")).await.unwrap();
    let cooling = AccountHealth::Cooling { until: Timestamp::from_millis(1000), why: why() };
    fixture.store.set_account_health(&name("work"), cooling.clone()).await.unwrap();
    fixture.reopen().await;
    assert_eq!(fixture.store.provider_account(&name("work")).await.unwrap().health, cooling);
    let refused = AccountHealth::Refused { since: Timestamp::from_millis(1000), why: why() };
    fixture.store.set_account_health(&name("work"), refused.clone()).await.unwrap();
    let change = AccountChange { enabled: Some(true), ..AccountChange::default() };
    assert_eq!(fixture.store.change_account(&name("work"), change).await.unwrap().health, refused);
    let change = AccountChange {
        credential: Some(Credential::SignIn { secret: "grant".to_owned() }),
        ..AccountChange::default()
    };
    assert_eq!(fixture.store.change_account(&name("work"), change).await.unwrap().health, AccountHealth::Ready);
    assert!(fixture.store.set_account_health(&name("x"), AccountHealth::Ready).await.is_err());
}
