//! Signing in by device code.

use std::time::Duration;

use axum::http::StatusCode;
use sandboxed_oauth::{Error, Polled};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::provider::{Provider, http};

fn device(provider: &Provider) -> Value {
    json!({ "device_url": format!("{}/device", provider.address) })
}

#[tokio::test]
async fn a_person_types_a_code_elsewhere_and_is_signed_in() {
    let provider = Provider::start().await;
    let client = provider.client(device(&provider));
    let mut sign_in = client.begin_device(&http()).await.unwrap();
    assert_eq!((sign_in.user_code.as_str(), sign_in.interval()), ("ABCD-EFGH", Duration::from_secs(1)));
    assert_eq!(sign_in.url.as_str(), "https://provider.example.org/device");

    provider.answer_json(StatusCode::BAD_REQUEST, &json!({ "error": "authorization_pending" }));
    assert!(matches!(client.poll_device(&http(), &mut sign_in).await, Ok(Polled::NotYet)));
    provider.answer_json(StatusCode::BAD_REQUEST, &json!({ "error": "slow_down" }));
    assert!(matches!(client.poll_device(&http(), &mut sign_in).await, Ok(Polled::NotYet)));
    assert_eq!(sign_in.interval(), Duration::from_secs(6));
    provider.answer_json(StatusCode::OK, &json!({ "access_token": "access-1", "token_type": "bearer" }));
    let Polled::SignedIn(grant) = client.poll_device(&http(), &mut sign_in).await.unwrap() else {
        panic!("the person has agreed")
    };

    assert_eq!(grant.access.expose_secret(), "access-1");
    assert_eq!(provider.last()["grant_type"], "urn:ietf:params:oauth:grant-type:device_code");
    assert_eq!(provider.last()["device_code"], "device-code");
}

#[tokio::test]
async fn a_sign_in_that_was_denied_or_has_expired_has_ended() {
    let provider = Provider::start().await;
    let client = provider.client(device(&provider));
    let mut sign_in = client.begin_device(&http()).await.unwrap();
    for (code, expected) in
        [("access_denied", Error::Denied("access_denied".to_owned())), ("expired_token", Error::Expired)]
    {
        provider.answer_json(StatusCode::BAD_REQUEST, &json!({ "error": code }));
        assert_eq!(client.poll_device(&http(), &mut sign_in).await.unwrap_err(), expected);
    }

    sign_in.expires_at = sandboxed_model::Timestamp::now();
    assert_eq!(client.poll_device(&http(), &mut sign_in).await.unwrap_err(), Error::Expired);
    assert_eq!(provider.client(json!({})).begin_device(&http()).await.unwrap_err(), Error::NoDevice);
}
