//! Sessions of a harness that does the worst, and what makes a harness pure.

use std::time::Duration;

use crate::support::{id, plugin, start};
use sandboxed_model::{
    Failure, MissionId, Timestamp,
    command::OutputStream,
    config::{ByteSize, PluginConfig},
    harness::{DriverEvent, Frame, Input, StepResult},
};
use sandboxed_plugins::{PluginHost, Session};

fn harness() -> PluginConfig {
    let mut config = plugin("id = \"worst\"\nkind = \"harness\"\ncomponent = \"hostile-harness.wasm\"");
    config.limits.memory = ByteSize(512 << 20);
    config
}

async fn host() -> PluginHost {
    start(&[harness()]).await
}

async fn open(host: &PluginHost, saved: Option<Vec<u8>>) -> Session {
    host.harness(&id("worst")).unwrap().open_session(MissionId::new(), saved).await.unwrap()
}

async fn prompt(session: &mut Session, text: &str) -> Result<(StepResult, Vec<u8>), Failure> {
    session.step(Timestamp::from_millis(1_000), Input::Prompt(text.to_owned())).await
}

async fn said(session: &mut Session, text: &str) -> String {
    match &prompt(session, text).await.unwrap().0.events[..] {
        [DriverEvent::Message(piece)] => piece.text.clone(),
        other => panic!("{other:?}"),
    }
}

/// A step that ends the session's instance; another session, from what was saved last, goes on.
async fn stopped(host: &PluginHost, text: &str) -> Failure {
    let mut session = open(host, None).await;
    let (_, saved) = prompt(&mut session, "on").await.unwrap();
    let failure = prompt(&mut session, text).await.unwrap_err();
    assert_eq!(failure.plugin, Some(id("worst")));
    assert!(session.is_poisoned());
    let mut again = open(host, Some(saved)).await;
    assert_eq!(said(&mut again, "on").await, "2");
    assert!(!again.is_poisoned());
    failure
}

#[tokio::test]
async fn a_step_that_loops_ends_at_the_deadline_and_another_session_goes_on_from_what_was_saved() {
    let mut config = harness();
    config.limits.deadline.0 = Duration::from_secs(1);
    assert_eq!(stopped(&start(&[config]).await, "loop").await.code, "plugin.deadline");
}

#[tokio::test]
async fn a_step_that_panics_says_its_words_and_another_session_goes_on_from_what_was_saved() {
    let failure = stopped(&host().await, "panic").await;
    assert_eq!(failure.code, "plugin.trap");
    assert!(failure.message.contains("step 2 went wrong"), "{failure}");
}

#[tokio::test]
async fn events_of_100_megabytes_are_refused() {
    assert_eq!(stopped(&host().await, "100 MB of events").await.code, "plugin.return_too_large");
}

#[tokio::test]
async fn a_session_may_not_have_a_megabyte_remembered() {
    let host = host().await;
    let mut session = open(&host, None).await;
    let failure = prompt(&mut session, "save 1 MB").await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.plugin), ("plugin.contract", Some(id("worst"))));
}

#[tokio::test]
async fn a_failure_of_the_sessions_own_leaves_it_usable() {
    let host = host().await;
    let mut session = open(&host, None).await;
    assert_eq!(prompt(&mut session, "fail").await.unwrap_err().code, "hostile.failed");
    assert!(!session.is_poisoned());
    assert_eq!(said(&mut session, "on").await, "2");
}

#[tokio::test]
async fn a_turn_that_the_plugin_will_not_start_is_its_own_failure() {
    let host = host().await;
    let start = sandboxed_model::harness::Start {
        mission: MissionId::new(),
        turn: 3,
        tree: "/tree".to_owned(),
        inbox: "/inbox".to_owned(),
        home: "/home".to_owned(),
        programs: None,
        prompt: "go".to_owned(),
        model: None,
        effort: None,
        approvals: sandboxed_model::ask::ApprovalMode::Bypass,
        mode: sandboxed_model::ask::WorkMode::Act,
        endpoints: Vec::new(),
        resume: None,
        settings: "{}".to_owned(),
    };
    let failure = host.harness(&id("worst")).unwrap().plan_launch(&start).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.plugin), ("hostile.no_launch", Some(id("worst"))));
}

#[tokio::test]
async fn the_clock_of_a_session_stands_at_the_time_of_the_batch() {
    let host = host().await;
    let mut session = open(&host, None).await;
    assert_eq!(said(&mut session, "clock").await, "1000");
}

#[tokio::test]
async fn random_numbers_are_the_same_in_every_session() {
    let host = host().await;
    let first = said(&mut open(&host, None).await, "random").await;
    let second = said(&mut open(&host, None).await, "random").await;
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_long_session_may_read_more_than_one_call_may_carry() {
    let host = host().await;
    let mut session = open(&host, None).await;
    for n in 0..64 {
        let frame = Frame { stream: OutputStream::Stdout, offset: n << 20, bytes: vec![b'x'; 1 << 20], partial: false };
        session.step(Timestamp::from_millis(1), Input::Frames(vec![frame])).await.unwrap();
    }
    assert_eq!(said(&mut session, "on").await, "65");
}

#[tokio::test]
async fn a_session_stays_with_its_version_and_tells_when_it_is_stale() {
    let host = host().await;
    let mut session = open(&host, None).await;
    assert!(!session.is_stale());
    host.reload(&id("worst")).await.unwrap();
    assert!(session.is_stale());
    assert_eq!(said(&mut session, "on").await, "1");
    assert!(!open(&host, None).await.is_stale());
}
