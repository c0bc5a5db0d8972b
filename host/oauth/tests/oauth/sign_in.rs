//! Signing in with a browser.

use sandboxed_model::Timestamp;
use sandboxed_oauth::{Error, Owner, Reply};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::provider::{Provider, http};

#[tokio::test]
async fn a_person_signs_in_and_comes_back_to_our_callback() {
    let provider = Provider::start().await;
    let client = provider.client(json!({}));
    let pending = client.begin().unwrap();

    let came_to = provider.browse(&pending).await;
    let before = Timestamp::now();
    let reply = Reply::callback(came_to.query().unwrap()).unwrap();
    let grant = client.finish(&http(), &pending, &reply).await.unwrap();

    assert!(came_to.as_str().starts_with("https://us.example.org/callback?"));
    assert_eq!(reply.state(), pending.state().expose_secret());
    assert_eq!(grant.access.expose_secret(), "access-1");
    assert_eq!(grant.refresh.unwrap().expose_secret(), "refresh-1");
    assert!(grant.expires_at.unwrap() >= before.after(std::time::Duration::from_secs(3600)));
    assert_eq!(grant.scope.as_deref(), Some("models"));
    let owner = Owner { id: Some("42".to_owned()), email: Some("someone@example.org".to_owned()) };
    assert_eq!(grant.owner, owner);
}

#[tokio::test]
async fn a_person_signs_in_and_pastes_the_code_that_is_shown() {
    let provider = Provider::start().await;
    let client = provider.client(json!({
        "redirect": { "kind": "copy_paste", "url": format!("{}/code", provider.address) },
        "authorize_parameters": { "code": "true" },
        "token_encoding": "json",
        "token_state": true,
    }));
    let pending = client.begin().unwrap();
    assert!(client.ends_with_paste());
    assert!(pending.url().query_pairs().any(|pair| pair == ("code".into(), "true".into())));

    let page = provider.browse(&pending).await;
    let shown = |name: &str| page.query_pairs().find(|pair| pair.0 == name).unwrap().1.into_owned();
    let reply = Reply::pasted(&format!("{}#{}\n", shown("code"), shown("state"))).unwrap();
    let grant = client.finish(&http(), &pending, &reply).await.unwrap();

    assert_eq!(grant.access.expose_secret(), "access-1");
    assert_eq!(provider.last()["state"], shown("state"));
}

#[tokio::test]
async fn a_sign_in_yields_a_key_that_lasts() {
    let provider = Provider::start().await;
    let mut table = provider.table(json!({
        "token_url": format!("{}/keys", provider.address),
        "redirect": { "kind": "callback" },
        "token_encoding": "json",
        "exchange": "api_key",
        "account_id": "/user_id",
    }));
    table.as_object_mut().unwrap().remove("client_id");
    let client: sandboxed_oauth::Client = serde_json::from_value(table).unwrap();
    assert_eq!(client.begin().unwrap_err(), Error::NoCallback);
    let client = client.with_callback("https://us.example.org/key?x=1".parse().unwrap());
    let pending = client.begin().unwrap();

    let grant = client.finish(&http(), &pending, &provider.reply(&pending).await).await.unwrap();

    assert_eq!(grant.access.expose_secret(), "key-1");
    assert!(grant.refresh.is_none() && grant.expires_at.is_none());
    assert_eq!(grant.owner.id.as_deref(), Some("user-7"));
}

#[tokio::test]
async fn a_client_with_a_secret_sends_it() {
    let provider = Provider::start().await;
    provider.want_secret("hunter2");
    let client = provider.client(json!({}));
    let pending = client.begin().unwrap();
    let reply = provider.reply(&pending).await;
    let error = client.finish(&http(), &pending, &reply).await.unwrap_err();
    assert_eq!(error, Error::Refused("invalid_client".to_owned()));

    client.with_secret("hunter2".into()).finish(&http(), &pending, &reply).await.unwrap();
}

#[tokio::test]
async fn a_reply_to_another_sign_in_is_refused_before_anybody_is_asked() {
    let provider = Provider::start().await;
    let client = provider.client(json!({}));
    let (pending, other) = (client.begin().unwrap(), client.begin().unwrap());

    for reply in [provider.reply(&other).await, Reply::pasted("code-0#guessed").unwrap()] {
        assert_eq!(client.finish(&http(), &pending, &reply).await.unwrap_err(), Error::State);
    }

    assert_eq!(provider.requests(), 0);
}

#[tokio::test]
async fn a_code_that_was_made_for_another_verifier_is_worth_nothing() {
    let provider = Provider::start().await;
    let client = provider.client(json!({}));
    let (pending, other) = (client.begin().unwrap(), client.begin().unwrap());
    let page = provider.browse(&other).await;
    let code = page.query_pairs().find(|pair| pair.0 == "code").unwrap().1.into_owned();

    let injected = Reply::pasted(&format!("{code}#{}", pending.state().expose_secret())).unwrap();
    let error = client.finish(&http(), &pending, &injected).await.unwrap_err();

    assert_eq!(error, Error::Refused("invalid_grant".to_owned()));
}

#[tokio::test]
async fn a_code_is_good_once() {
    let provider = Provider::start().await;
    let client = provider.client(json!({}));
    let pending = client.begin().unwrap();
    let reply = provider.reply(&pending).await;
    client.finish(&http(), &pending, &reply).await.unwrap();

    let error = client.finish(&http(), &pending, &reply).await.unwrap_err();

    assert_eq!(error, Error::Refused("invalid_grant".to_owned()));
    assert_eq!(error.failure().code, "oauth.refused");
}

#[tokio::test]
async fn a_sign_in_that_took_too_long_is_not_finished() {
    let provider = Provider::start().await;
    let client = provider.client(json!({}));
    let pending = client.begin().unwrap();
    let reply = provider.reply(&pending).await;

    let late = pending.until(Timestamp::now());
    assert_eq!(client.finish(&http(), &late, &reply).await.unwrap_err(), Error::Expired);

    assert_eq!(provider.requests(), 0);
}

#[tokio::test]
async fn a_person_who_does_not_agree_is_not_signed_in() {
    let provider = Provider::start().await;
    let client = provider.client(json!({}));
    let pending = client.begin().unwrap();

    let query = format!("error=access_denied&state={}", pending.state().expose_secret());
    let error = client.finish(&http(), &pending, &Reply::callback(&query).unwrap()).await.unwrap_err();

    assert_eq!(error, Error::Denied("access_denied".to_owned()));
    assert_eq!(provider.requests(), 0);
}

#[tokio::test]
async fn what_is_pending_does_not_show_its_secrets() {
    let provider = Provider::start().await;
    let pending = provider.client(json!({})).begin().unwrap();
    assert!(!format!("{pending:?}").contains(pending.state().expose_secret()));
}
