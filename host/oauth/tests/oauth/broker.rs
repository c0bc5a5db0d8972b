//! Who asks the broker for tokens.

use std::{sync::Arc, time::Duration};

use sandboxed_oauth::{Broker, Error, Grant, Status, Timing};
use secrecy::ExposeSecret as _;
use serde_json::json;
use tempfile::TempDir;
use tokio::{task::JoinSet, time::timeout};

use crate::{
    folder::Folder,
    provider::{DEADLINE, Provider, http},
};

pub(crate) const ACCOUNT: &str = "work";

/// A broker with one account, and a provider that refreshes it.
pub(crate) struct Scene {
    pub(crate) provider: Provider,
    pub(crate) broker: Broker<Folder>,
    pub(crate) kept: Folder,
    folder: TempDir,
}

impl Scene {
    /// The grant's access token ends in so many seconds.
    pub(crate) async fn new(seconds_left: i64) -> Self {
        Self::timed(seconds_left, Timing::default()).await
    }

    pub(crate) async fn timed(seconds_left: i64, timing: Timing) -> Self {
        let (provider, folder) = (Provider::start().await, TempDir::new().unwrap());
        let kept = Folder::of(&folder);
        kept.put(ACCOUNT, &provider.grant(seconds_left));
        let broker = Self::start(&provider, &folder, timing);
        Self { provider, broker, kept, folder }
    }

    fn start(provider: &Provider, folder: &TempDir, timing: Timing) -> Broker<Folder> {
        let broker = Broker::new(http(), Folder::of(folder), timing);
        broker.add(ACCOUNT, provider.client(json!({})));
        broker
    }

    /// A broker as after a restart of the server.
    pub(crate) fn restarted(&self) -> Broker<Folder> {
        Self::start(&self.provider, &self.folder, Timing::default())
    }

    pub(crate) async fn token(&self) -> Result<(String, u64), Error> {
        let token = self.broker.token(ACCOUNT).await?;
        Ok((token.access.expose_secret().to_owned(), token.generation))
    }

    pub(crate) async fn access(&self) -> Result<String, Error> {
        self.token().await.map(|(access, _)| access)
    }

    pub(crate) fn kept_access(&self) -> String {
        self.kept.get(ACCOUNT).access.expose_secret().to_owned()
    }
}

/// Pauses that are over at once.
pub(crate) fn soon() -> Timing {
    Timing { first_pause: Duration::from_millis(1), ..Timing::default() }
}

#[tokio::test]
async fn a_token_that_lives_long_enough_is_given_as_it_is() {
    let scene = Scene::new(600).await;
    assert_eq!(scene.access().await.unwrap(), "access-0");
    assert_eq!(scene.provider.requests(), 0);
}

#[tokio::test]
async fn a_token_that_ends_soon_is_refreshed_and_stored_before_it_is_given() {
    for seconds_left in [-10, 30] {
        let scene = Scene::new(seconds_left).await;
        assert_eq!(scene.access().await.unwrap(), "access-1");
        assert_eq!(scene.kept_access(), "access-1");
        assert_eq!(scene.access().await.unwrap(), "access-1");
        assert_eq!(scene.provider.refreshes(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_who_ask_at_once_cause_one_refresh() {
    let scene = Arc::new(Scene::new(-10).await);
    let mut askers = JoinSet::new();
    for _ in 0..50 {
        let scene = Arc::clone(&scene);
        askers.spawn(async move { scene.access().await });
    }

    let given = timeout(DEADLINE, askers.join_all()).await.unwrap();

    assert_eq!(given, vec![Ok("access-1".to_owned()); 50]);
    assert_eq!(scene.provider.refreshes(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_goes_on_without_whoever_asked_for_it() {
    let scene = Scene::new(-10).await;
    scene.provider.hold();
    {
        let asked = scene.broker.token(ACCOUNT);
        tokio::select! {
            _ = asked => panic!("the provider has not answered yet"),
            () = scene.provider.requested(1) => {}
        }
    }

    scene.provider.release();
    timeout(DEADLINE, scene.broker.settle()).await.unwrap();

    // The provider took a new refresh token for the old one: it is not lost.
    assert_eq!(scene.kept.get(ACCOUNT).refresh.unwrap().expose_secret(), "refresh-1");
    assert_eq!(scene.access().await.unwrap(), "access-1");
    assert_eq!(scene.provider.refreshes(), 1);
}

#[tokio::test]
async fn a_server_that_dies_after_a_refresh_goes_on_with_what_it_got() {
    let scene = Scene::new(-10).await;
    // A token that has ended already, so that the next broker must use the refresh token that was stored.
    scene.provider.set_lifetime(Some(json!(0)));
    scene.access().await.unwrap_err();
    scene.provider.set_lifetime(Some(json!(600)));

    let token = scene.restarted().token(ACCOUNT).await.unwrap();

    assert_eq!(token.access.expose_secret(), "access-2");
    assert_eq!(scene.provider.last()["refresh_token"], "refresh-1");
}

#[tokio::test]
async fn a_token_that_the_provider_refused_is_replaced_once() {
    let scene = Scene::new(600).await;
    let (access, generation) = scene.token().await.unwrap();
    assert_eq!(access, "access-0");

    // Two requests went out with it, and both came back.
    scene.broker.refused(ACCOUNT, generation).await.unwrap();
    assert_eq!(scene.access().await.unwrap(), "access-1");
    scene.broker.refused(ACCOUNT, generation).await.unwrap();
    assert_eq!(scene.access().await.unwrap(), "access-1");

    assert_eq!(scene.provider.refreshes(), 1);
}

#[tokio::test]
async fn a_provider_that_refuses_what_it_just_gave_is_not_asked_without_end() {
    let scene = Scene::new(-10).await;
    let (_, generation) = scene.token().await.unwrap();

    scene.broker.refused(ACCOUNT, generation).await.unwrap();

    let error = Error::Refused("the new access token".to_owned());
    assert_eq!(scene.access().await, Err(error.clone()));
    assert_eq!(scene.access().await, Err(error));
    assert_eq!(scene.provider.refreshes(), 1);
}

#[tokio::test]
async fn a_short_life_is_used_to_its_middle() {
    let scene = Scene::new(-10).await;
    scene.provider.set_lifetime(Some(json!(40)));
    assert_eq!(scene.access().await.unwrap(), "access-1");
    assert_eq!(scene.access().await.unwrap(), "access-1");
    assert_eq!(scene.provider.refreshes(), 1);
}

#[tokio::test]
async fn a_grant_without_an_end_or_a_refresh_token_is_used_until_it_is_refused() {
    let scene = Scene::timed(600, soon()).await;
    let key = Grant { refresh: None, expires_at: None, ..scene.provider.grant(0) };
    scene.broker.signed_in(ACCOUNT, key).await.unwrap();
    let (access, generation) = scene.token().await.unwrap();
    assert_eq!(access, "access-0");

    scene.broker.refused(ACCOUNT, generation).await.unwrap();

    // The pause for what was given just now is over at some time; nothing can be had in its place then.
    let until_signed_out = async {
        while scene.access().await != Err(Error::SignedOut(ACCOUNT.to_owned())) {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, until_signed_out).await.unwrap();
    assert_eq!(scene.broker.status(ACCOUNT).await, Ok(Status::SignedOut));
    assert_eq!(scene.provider.requests(), 0);
}

#[tokio::test]
async fn an_account_stands_as_it_is_kept() {
    let scene = Scene::new(600).await;
    assert!(matches!(scene.broker.status(ACCOUNT).await, Ok(Status::SignedIn { problem: None, .. })));
    scene.broker.add("empty", scene.provider.client(json!({})));
    assert_eq!(scene.broker.status("empty").await, Ok(Status::SignedOut));
    assert_eq!(scene.broker.token("empty").await.unwrap_err(), Error::SignedOut("empty".to_owned()));
    assert_eq!(scene.broker.token("other").await.unwrap_err(), Error::NoAccount("other".to_owned()));

    scene.broker.signed_out(ACCOUNT).await.unwrap();
    assert_eq!(scene.access().await, Err(Error::SignedOut(ACCOUNT.to_owned())));
    scene.broker.remove(ACCOUNT);
    assert_eq!(scene.access().await, Err(Error::NoAccount(ACCOUNT.to_owned())));
}
