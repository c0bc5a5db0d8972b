use sandboxed_model::{
    SecretId, Timestamp,
    page::PageRequest,
    secret::{Audience, SecretUse},
};

use super::*;
use crate::{SecretRow, UseRecord, VaultKey};

fn secret(name: &str, version: u64) -> SecretRow {
    SecretRow {
        id: SecretId::new(),
        name: name.to_owned(),
        version,
        audience: vec![Audience::Workspaces],
        description: String::new(),
        sealed_by: "old".to_owned(),
        sealed: vec![1, 2, 3],
        internal: false,
        created_at: Timestamp::from_millis(1),
        updated_at: Timestamp::from_millis(1),
    }
}

fn key(id: &str) -> VaultKey {
    VaultKey { id: id.to_owned(), salt: None, memory: 0, passes: 0, created_at: Timestamp::from_millis(1) }
}

#[tokio::test]
async fn a_value_takes_the_place_of_the_one_before_and_of_no_other() {
    let fixture = Fixture::new().await;
    let first = secret("npm", 1);
    fixture.store.put_secret(first.clone()).await.unwrap();
    let second = SecretRow { version: 2, sealed: vec![4], ..first.clone() };
    fixture.store.put_secret(second.clone()).await.unwrap();
    assert_eq!(fixture.store.secret("npm").await.unwrap(), Some(second.clone()));
    for wrong in [first.clone(), SecretRow { version: 4, ..first }, secret("npm", 3), secret("new", 2)] {
        assert_eq!(fixture.store.put_secret(wrong).await.unwrap_err().failure().code, "secrets.changed");
    }
    fixture.store.describe_secret("npm", Vec::new(), "packages".to_owned()).await.unwrap();
    let described = fixture.store.secret("npm").await.unwrap().unwrap();
    assert_eq!((described.version, described.description.as_str()), (2, "packages"));
    fixture.store.delete_secret("npm").await.unwrap();
    assert_eq!(fixture.store.secret("npm").await.unwrap(), None);
    assert_eq!(fixture.store.delete_secret("npm").await.unwrap_err().failure().code, "secret.not_found");
}

#[tokio::test]
async fn a_key_is_forgotten_when_nothing_is_sealed_with_it_and_not_before() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    store.add_vault_key(key("old")).await.unwrap();
    store.add_vault_key(key("new")).await.unwrap();
    let (one, two) = (secret("one", 1), secret("two", 1));
    store.put_secret(one.clone()).await.unwrap();
    store.put_secret(two.clone()).await.unwrap();
    assert_eq!(store.sealed_otherwise("new").await.unwrap(), 2);
    assert_eq!(store.keep_vault_key("new").await.unwrap_err().failure().code, "vault.rotating");

    let resealed = |row: &SecretRow, version| (row.id, version, "new".to_owned(), vec![9]);
    store.reseal_secrets(vec![resealed(&one, 1), resealed(&two, 7)]).await.unwrap();
    assert_eq!(
        store.secrets_to_reseal("new", 9).await.unwrap(),
        std::slice::from_ref(&two),
        "another version was overwritten"
    );
    store.reseal_secrets(vec![resealed(&two, 1)]).await.unwrap();
    store.keep_vault_key("new").await.unwrap();
    assert_eq!(store.vault_keys().await.unwrap(), [key("new")]);
}

#[tokio::test]
async fn uses_are_counted_by_user_and_hour_and_end_with_their_time() {
    let fixture = Fixture::new().await;
    let hour = 3_600_000;
    let now = Timestamp::now().as_millis() / hour * hour;
    let used = |at: i64, user: &str| UseRecord {
        secret: "npm".to_owned(),
        used: SecretUse {
            user: user.to_owned(),
            purpose: String::new(),
            count: 2,
            first_at: Timestamp::from_millis(at),
            last_at: Timestamp::from_millis(at + 1),
        },
    };
    let old = now - 91 * 24 * hour;
    fixture.store.note_secret_uses(vec![used(old, "mission:1"), used(now, "mission:1")]).await.unwrap();
    fixture.store.note_secret_uses(vec![used(now + 5, "mission:1"), used(now, "mission:2")]).await.unwrap();
    fixture.store.maintenance().await.unwrap();

    let page = fixture.store.secret_uses("npm", &PageRequest { cursor: None, limit: 1 }).await.unwrap();
    assert_eq!((page.items[0].user.as_str(), page.items[0].count), ("mission:2", 2));
    let rest = PageRequest { cursor: page.next_cursor, limit: 9 };
    let rest = fixture.store.secret_uses("npm", &rest).await.unwrap().items;
    assert_eq!(rest.len(), 1);
    assert_eq!((rest[0].count, rest[0].last_at), (4, Timestamp::from_millis(now + 6)));
    assert_eq!(fixture.store.secret_last_used("npm").await.unwrap(), Some(Timestamp::from_millis(now + 6)));
    assert_eq!(fixture.store.secret_last_used("other").await.unwrap(), None);
}
