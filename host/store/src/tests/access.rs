use sandboxed_model::{
    TokenId,
    access::{Scope, TokenInfo},
    page::PageRequest,
};

use super::*;
use crate::{Account, AuditRecord, PortPass, StoredAnswer};

const HOUR: i64 = 3_600_000;

fn from_now(millis: i64) -> Timestamp {
    Timestamp::from_millis(Timestamp::now().as_millis() + millis)
}

async fn add_user(store: &Store, name: &str) -> User {
    let user = new_user(name);
    store.insert_user(Account { user: user.clone(), password_hash: Some("$argon2id$x".to_owned()) }).await.unwrap();
    user
}

fn token(name: &str, expires_at: Option<Timestamp>) -> TokenInfo {
    TokenInfo {
        id: TokenId::new(),
        name: name.to_owned(),
        scope: Scope::Write,
        created_at: Timestamp::now(),
        expires_at,
        last_used_at: None,
    }
}

#[tokio::test]
async fn people_are_found_by_id_and_by_name_in_any_case() {
    let fixture = Fixture::new().await;
    let ann = add_user(&fixture.store, "ann").await;
    let bob = add_user(&fixture.store, "bob").await;
    assert_eq!(fixture.store.user(ann.id).await.unwrap(), ann);
    assert_eq!(fixture.store.account("ANN").await.unwrap().unwrap().user, ann);
    assert!(fixture.store.account("carl").await.unwrap().is_none());
    let first = fixture.store.users(&PageRequest { cursor: None, limit: 1 }).await.unwrap();
    let second = fixture.store.users(&PageRequest { cursor: first.next_cursor, limit: 1 }).await.unwrap();
    assert_eq!((first.items, second.items, second.next_cursor), (vec![ann], vec![bob], None));

    let taken = Account { user: new_user("Bob"), password_hash: None };
    assert_eq!(fixture.store.insert_user(taken).await.unwrap_err().failure().code, "user.exists");
}

#[tokio::test]
async fn a_password_is_replaced_and_is_not_in_debug_output() {
    let fixture = Fixture::new().await;
    let ann = add_user(&fixture.store, "ann").await;
    fixture.store.set_password_hash(ann.id, Some("$argon2id$y".to_owned())).await.unwrap();
    let account = fixture.store.account("ann").await.unwrap().unwrap();
    assert_eq!(account.password_hash.as_deref(), Some("$argon2id$y"));
    assert!(!format!("{account:?}").contains("argon2id"));
    let nobody = fixture.store.set_password_hash(UserId::new(), None).await.unwrap_err();
    assert_eq!(nobody.failure().code, "user.not_found");
}

#[tokio::test]
async fn a_login_is_good_until_it_expires_or_is_ended() {
    let fixture = Fixture::new().await;
    let (ann, bob) = (add_user(&fixture.store, "ann").await, add_user(&fixture.store, "bob").await);
    let store = &fixture.store;
    let now = Timestamp::now();
    for (token, user, expires_at) in [
        ([1; 32], ann.id, from_now(HOUR)),
        ([2; 32], ann.id, from_now(-1)),
        ([3; 32], bob.id, from_now(HOUR)),
        ([4; 32], ann.id, from_now(HOUR)),
    ] {
        store.insert_login(token, user, now, expires_at).await.unwrap();
    }
    assert_eq!(store.login([1; 32]).await.unwrap().unwrap().user, ann);
    assert_eq!(store.login([2; 32]).await.unwrap(), None, "expired");
    assert_eq!(store.login([9; 32]).await.unwrap(), None, "unknown");
    store.delete_login([4; 32]).await.unwrap();
    assert_eq!(store.login([4; 32]).await.unwrap(), None, "ended");
    store.delete_logins_of(ann.id).await.unwrap();
    assert_eq!(store.login([1; 32]).await.unwrap(), None, "all of ann's ended");
    assert_eq!(store.login([3; 32]).await.unwrap().unwrap().user, bob);
}

#[tokio::test]
async fn a_way_to_a_port_ends_with_its_time_and_with_what_it_was_opened_by() {
    let fixture = Fixture::new().await;
    let ann = add_user(&fixture.store, "ann").await;
    let store = &fixture.store;
    let (workspace, port) = (fixture.workspace, 3000.try_into().unwrap());
    store.insert_login([1; 32], ann.id, Timestamp::now(), from_now(HOUR)).await.unwrap();
    let api = token("ci", Some(from_now(HOUR)));
    store.insert_token(ann.id, api.clone(), [2; 32]).await.unwrap();
    for (hash, opened_by, expires_at) in [
        ([11; 32], Some([1; 32]), from_now(HOUR)),
        ([12; 32], Some([2; 32]), from_now(HOUR)),
        ([13; 32], None, from_now(HOUR)),
        ([14; 32], None, from_now(-1)),
        ([15; 32], Some([9; 32]), from_now(HOUR)),
    ] {
        store.insert_port_pass(PortPass { hash, workspace, port, opened_by, expires_at }).await.unwrap();
    }
    let good = async |hash: u8| store.has_port_pass([hash; 32], workspace, port).await.unwrap();
    assert_eq!([good(11).await, good(12).await, good(13).await], [true; 3]);
    assert_eq!([good(14).await, good(15).await, good(99).await], [false; 3], "expired, opened by nobody, unknown");
    assert!(!store.has_port_pass([13; 32], workspace, 3001.try_into().unwrap()).await.unwrap(), "another port");
    assert!(!store.has_port_pass([13; 32], WorkspaceId::new(), port).await.unwrap(), "another workspace");

    store.delete_login([1; 32]).await.unwrap();
    store.delete_token(ann.id, api.id).await.unwrap();

    assert_eq!([good(11).await, good(12).await, good(13).await], [false, false, true]);
}

#[tokio::test]
async fn the_use_of_a_login_is_noted_at_most_once_a_minute() {
    let fixture = Fixture::new().await;
    let ann = add_user(&fixture.store, "ann").await;
    let (long_ago, lately) = (from_now(-2 * HOUR), from_now(-1000));
    fixture.store.insert_login([1; 32], ann.id, long_ago, from_now(HOUR)).await.unwrap();
    fixture.store.insert_login([2; 32], ann.id, lately, from_now(HOUR)).await.unwrap();
    for token in [[1; 32], [2; 32]] {
        fixture.store.login(token).await.unwrap().unwrap();
    }
    assert!(fixture.store.login([1; 32]).await.unwrap().unwrap().last_used_at > lately);
    assert_eq!(fixture.store.login([2; 32]).await.unwrap().unwrap().last_used_at, lately);
}

#[tokio::test]
async fn a_token_gives_its_owner_and_scope_until_it_expires_or_is_revoked() {
    let fixture = Fixture::new().await;
    let (ann, bob) = (add_user(&fixture.store, "ann").await, add_user(&fixture.store, "bob").await);
    let store = &fixture.store;
    let (good, expired) = (token("ci", Some(from_now(HOUR))), token("old", Some(from_now(-1))));
    store.insert_token(ann.id, good.clone(), [1; 32]).await.unwrap();
    store.insert_token(ann.id, expired.clone(), [2; 32]).await.unwrap();

    let record = store.token([1; 32]).await.unwrap().unwrap();
    assert_eq!((record.user, record.token), (ann.clone(), good.clone()));
    assert_eq!(store.token([2; 32]).await.unwrap(), None);
    let listed = store.tokens_of(ann.id).await.unwrap();
    assert_eq!(listed.iter().map(|token| token.id).collect::<Vec<_>>(), [good.id, expired.id]);
    assert!(listed[0].last_used_at.is_some(), "its use was noted");
    assert_eq!(store.tokens_of(bob.id).await.unwrap(), []);

    assert_eq!(store.delete_token(bob.id, good.id).await.unwrap_err().failure().code, "token.not_found");
    store.delete_token(ann.id, good.id).await.unwrap();
    assert_eq!(store.token([1; 32]).await.unwrap(), None);
    let error = store.insert_token(bob.id, token("copy", None), [2; 32]).await.unwrap_err();
    assert_eq!(error.failure().code, "token.exists");
}

#[tokio::test]
async fn the_audit_log_is_read_newest_first() {
    let fixture = Fixture::new().await;
    let record = |number: i64| AuditRecord {
        at: Timestamp::from_millis(number),
        user: (number != 1).then(UserId::new),
        action: "mission.create".to_owned(),
        target: Some(number.to_string()),
        outcome: "ok".to_owned(),
        detail: None,
    };
    let records: Vec<_> = (0..3).map(record).collect();
    for record in &records {
        fixture.store.append_audit(record.clone()).await.unwrap();
    }
    let first = fixture.store.audit_log(&PageRequest { cursor: None, limit: 2 }).await.unwrap();
    fixture.store.append_audit(record(9)).await.unwrap();
    let second = fixture.store.audit_log(&PageRequest { cursor: first.next_cursor, limit: 2 }).await.unwrap();
    let read: Vec<_> = first.items.into_iter().chain(second.items).collect();
    assert_eq!(read, records.into_iter().rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn an_answer_is_kept_for_a_day_for_its_person_and_key() {
    let fixture = Fixture::new().await;
    let (ann, bob) = (UserId::new(), UserId::new());
    let answer = |status| StoredAnswer { status, body: b"{}".to_vec(), request_hash: [7; 32] };
    let store = &fixture.store;
    store.put_idempotent(ann, "k", answer(201)).await.unwrap();
    assert_eq!(store.idempotent(ann, "k").await.unwrap(), Some(answer(201)));
    assert_eq!(store.idempotent(bob, "k").await.unwrap(), None);
    assert_eq!(store.put_idempotent(ann, "k", answer(500)).await.unwrap_err().failure().code, "idempotency.exists");

    let age = async || {
        store
            .write(|write| {
                Ok(write.conn.execute("UPDATE answers SET created_at = created_at - 24 * 3600 * 1000", [])?)
            })
            .await
            .unwrap()
    };
    age().await;
    assert_eq!(store.idempotent(ann, "k").await.unwrap(), None);
    store.put_idempotent(ann, "k", answer(204)).await.expect("the key is free again");
    assert_eq!(store.idempotent(ann, "k").await.unwrap(), Some(answer(204)));
}

#[tokio::test]
async fn maintenance_removes_what_has_expired_and_keeps_the_rest() {
    let fixture = Fixture::new().await;
    let ann = add_user(&fixture.store, "ann").await;
    let store = &fixture.store;
    store.insert_login([1; 32], ann.id, Timestamp::now(), from_now(HOUR)).await.unwrap();
    store.insert_login([2; 32], ann.id, Timestamp::now(), from_now(-HOUR)).await.unwrap();
    let answer = StoredAnswer { status: 200, body: Vec::new(), request_hash: [0; 32] };
    store.put_idempotent(ann.id, "old", answer.clone()).await.unwrap();
    store.write(|write| Ok(write.conn.execute("UPDATE answers SET created_at = 0", [])?)).await.unwrap();
    store.put_idempotent(ann.id, "new", answer).await.unwrap();

    store.maintenance().await.unwrap();

    let left = store
        .read(|conn| {
            let count = |sql| conn.query_row(sql, [], |row| row.get::<_, i64>(0));
            Ok((count("SELECT count(*) FROM logins")?, count("SELECT count(*) FROM answers")?))
        })
        .await
        .unwrap();
    assert_eq!(left, (1, 1));
    assert!(store.login([1; 32]).await.unwrap().is_some());
}
