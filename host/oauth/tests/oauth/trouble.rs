//! What the broker does where a refresh fails.

use axum::http::StatusCode;
use sandboxed_oauth::{Error, Status};
use secrecy::ExposeSecret as _;
use serde_json::json;
use tokio::time::timeout;

use crate::{
    broker::{ACCOUNT, Scene, soon},
    provider::DEADLINE,
};

fn signed_out() -> Error {
    Error::SignedOut(ACCOUNT.to_owned())
}

/// The access token, once there is one.
async fn in_the_end(scene: &Scene) -> String {
    let got = async {
        loop {
            if let Ok(access) = scene.access().await {
                return access;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, got).await.expect("there is a token in the end")
}

#[tokio::test]
async fn a_grant_that_the_provider_ended_is_not_tried_again_until_somebody_signs_in() {
    let scene = Scene::new(-10).await;
    scene.provider.revoke();
    for _ in 0..3 {
        assert_eq!(scene.access().await, Err(signed_out()));
    }
    assert_eq!(scene.provider.requests(), 1);
    assert_eq!(scene.broker.status(ACCOUNT).await, Ok(Status::SignedOut));

    let grant = scene.provider.grant(600);
    scene.broker.signed_in(ACCOUNT, grant).await.unwrap();

    assert_eq!(scene.access().await.unwrap(), "access-0");
}

#[tokio::test]
async fn a_grant_that_somebody_else_stored_in_the_meantime_is_used() {
    let scene = Scene::new(600).await;
    let (_, generation) = scene.token().await.unwrap();
    // Another server took the refresh token, and stored what it got.
    let theirs = scene.restarted();
    theirs.refused(ACCOUNT, theirs.token(ACCOUNT).await.unwrap().generation).await.unwrap();
    assert_eq!(theirs.token(ACCOUNT).await.unwrap().access.expose_secret(), "access-1");

    scene.broker.refused(ACCOUNT, generation).await.unwrap();

    assert_eq!(scene.access().await.unwrap(), "access-1");
    assert_eq!(scene.provider.requests(), 2);
}

#[tokio::test]
async fn a_grant_that_somebody_else_stored_and_that_has_ended_is_refreshed() {
    let scene = Scene::new(-10).await;
    scene.broker.status(ACCOUNT).await.unwrap();
    scene.provider.set_lifetime(Some(json!(0)));
    scene.restarted().token(ACCOUNT).await.unwrap_err();
    scene.provider.set_lifetime(Some(json!(600)));

    assert_eq!(scene.access().await.unwrap(), "access-2");

    // Theirs, ours with the old refresh token, and ours with the one that they stored.
    assert_eq!(scene.provider.requests(), 3);
}

#[tokio::test]
async fn the_old_token_is_given_while_it_is_valid_and_the_provider_does_not_answer() {
    for seconds_left in [30, -10] {
        let scene = Scene::new(seconds_left).await;
        for _ in 0..3 {
            scene.provider.answer_json(StatusCode::SERVICE_UNAVAILABLE, &json!({}));
        }
        let expected = if seconds_left > 0 { Ok("access-0".to_owned()) } else { Err(Error::Unavailable(503)) };

        assert_eq!(scene.access().await, expected);
        assert_eq!(scene.access().await, expected);

        // The second was answered without asking.
        assert_eq!(scene.provider.requests(), 1);
        let status = scene.broker.status(ACCOUNT).await.unwrap();
        assert!(matches!(status, Status::SignedIn { problem: Some(Error::Unavailable(503)), .. }), "{status:?}");
    }
}

#[tokio::test]
async fn a_network_that_is_down_signs_nobody_out() {
    let scene = Scene::new(-10).await;
    scene.provider.stop();

    let error = scene.access().await.unwrap_err();

    assert!(matches!(error, Error::Unreachable(_)), "{error}");
    assert!(matches!(scene.broker.status(ACCOUNT).await, Ok(Status::SignedIn { .. })));
}

#[tokio::test]
async fn a_provider_that_works_again_is_asked_again() {
    let scene = Scene::timed(-10, soon()).await;
    for status in [StatusCode::BAD_GATEWAY, StatusCode::TOO_MANY_REQUESTS] {
        scene.provider.answer_json(status, &json!({}));
    }
    scene.provider.answer_json(StatusCode::UNAUTHORIZED, &json!({ "error": "invalid_client" }));

    assert_eq!(in_the_end(&scene).await, "access-1");

    assert_eq!(scene.provider.requests(), 4);
}

#[tokio::test]
async fn a_grant_that_cannot_be_stored_is_given_to_nobody_and_stored_later() {
    let scene = Scene::timed(-10, soon()).await;
    scene.broker.status(ACCOUNT).await.unwrap();
    let away = scene.kept.path.with_extension("away");
    std::fs::rename(&scene.kept.path, &away).unwrap();

    let error = scene.access().await.unwrap_err();
    assert!(matches!(error, Error::Keep { .. }), "{error}");
    std::fs::rename(&away, &scene.kept.path).unwrap();

    assert_eq!(in_the_end(&scene).await, "access-1");
    assert_eq!(scene.kept_access(), "access-1");
    assert_eq!(scene.provider.refreshes(), 1);
}

#[tokio::test]
async fn a_sign_in_that_cannot_be_stored_changes_nothing() {
    let scene = Scene::new(600).await;
    assert_eq!(scene.access().await.unwrap(), "access-0");
    std::fs::remove_dir_all(&scene.kept.path).unwrap();
    let other = sandboxed_oauth::Grant { access: "access-9".into(), ..scene.provider.grant(600) };

    let error = scene.broker.signed_in(ACCOUNT, other).await.unwrap_err();

    assert!(matches!(error, Error::Keep { .. }), "{error}");
    assert_eq!(scene.access().await.unwrap(), "access-0");
}
