//! What a token endpoint answers that is none, or means harm.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};
use futures_util::stream;
use sandboxed_oauth::{Error, Grant, Http};
use serde_json::json;

use crate::provider::{Provider, http};

/// Ends a sign-in at a provider that answers this.
async fn finished(http: &Http, answer: Response) -> Result<Grant, Error> {
    let provider = Provider::start().await;
    let client = provider.client(json!({}));
    let pending = client.begin().unwrap();
    let reply = provider.reply(&pending).await;
    provider.answer_next(answer);
    client.finish(http, &pending, &reply).await
}

fn typed(content_type: &'static str, body: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, content_type)], body.into()).into_response()
}

const TOKENS: &str = r#"{"access_token":"hunter2","token_type":"Bearer"}"#;

#[tokio::test]
async fn an_answer_that_is_not_one_of_a_token_endpoint_is_no_grant() {
    for (answer, told) in [
        (typed("text/html", "<html>hunter2</html>"), "it is not JSON"),
        (typed("text/plain", TOKENS), "it is not JSON"),
        (StatusCode::OK.into_response(), "it is not JSON"),
        (typed("application/json", "<html>hunter2</html>"), "it is no JSON object"),
        (typed("application/json", "[".repeat(60_000)), "it is no JSON object"),
        (typed("application/json", "{}"), "it has no access token"),
        (typed("application/json", r#"{"access_token":null}"#), "it has no access token"),
        (typed("application/json", r#"{"access_token":"hunter2\r\nx: y"}"#), "a token in it is no token"),
        (typed("application/json", r#"{"access_token":["hunter2"]}"#), "a token in it is no token"),
        (typed("application/json", r#"{"access_token":"hunter2","refresh_token":""}"#), "a token in it is no token"),
        (typed("application/json", r#"{"access_token":"hunter2","token_type":"mac"}"#), "its token is no bearer token"),
        (typed("application/json", r#"{"access_token":"hunter2","expires_in":"soon"}"#), "a time in it is no number"),
        (Redirect::temporary("/elsewhere").into_response(), "it is a redirect"),
        (Redirect::to("/elsewhere").into_response(), "it is a redirect"),
    ] {
        let error = finished(&http(), answer).await.unwrap_err();
        assert_eq!(error, Error::Answer(told));
        assert!(!format!("{error:?} {error}").contains("hunter2"));
    }
}

#[tokio::test]
async fn an_answer_without_an_end_is_cut_off() {
    let chunks = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(&[b' '; 4096])));
    let error = finished(&http(), typed("application/json", Body::from_stream(chunks))).await.unwrap_err();
    assert_eq!(error, Error::Answer("it is larger than 64 KiB"));
}

#[tokio::test]
async fn an_answer_that_does_not_come_or_stops_is_given_up() {
    let http = http().within(Duration::from_millis(200));
    let never = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
    let error = finished(&http, typed("application/json", never)).await.unwrap_err();
    assert_eq!(error, Error::Unreachable("it takes too long".to_owned()));
}

#[tokio::test]
async fn of_a_refusal_no_more_is_told_than_its_code() {
    for (status, body, expected) in [
        (400, r#"{"error":"invalid_request","error_description":"hunter2"}"#, "invalid_request"),
        (401, r#"{"message":"hunter2"}"#, "HTTP status 401"),
    ] {
        let answer = (StatusCode::from_u16(status).unwrap(), typed("application/json", body)).into_response();
        let error = finished(&http(), answer).await.unwrap_err();
        assert_eq!(error, Error::Refused(expected.to_owned()));
        assert!(!format!("{error:?} {error}").contains("hunter2"));
    }
    let long = format!(r#"{{"error":"{}"}}"#, "x".repeat(5000));
    let answer = (StatusCode::BAD_REQUEST, typed("application/json", long)).into_response();
    assert_eq!(finished(&http(), answer).await.unwrap_err(), Error::Refused("x".repeat(100)));
}

#[tokio::test]
async fn settings_that_follow_redirects_do_not_have_their_way() {
    let settings = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::limited(5));
    let http = Http::new(settings).unwrap();
    let error = finished(&http, Redirect::temporary("/elsewhere").into_response()).await.unwrap_err();
    assert_eq!(error, Error::Answer("it is a redirect"));
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_told_without_what_was_sent() {
    let provider = Provider::start().await;
    let client = provider.client(json!({}));
    let pending = client.begin().unwrap();
    let reply = provider.reply(&pending).await;
    drop(provider);

    let error = client.finish(&http(), &pending, &reply).await.unwrap_err();

    assert!(matches!(error, Error::Unreachable(_)));
    assert!(!error.to_string().contains("code-0"), "{error}");
}
