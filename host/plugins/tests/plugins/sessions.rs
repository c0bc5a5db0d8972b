//! Sessions of a harness that does the worst, and what makes a harness pure.

use std::time::Duration;

use crate::support::{id, plugin, start};
use sandboxed_model::{
    Failure, MissionId, Timestamp,
    ask::{ApprovalMode, WorkMode},
    command::OutputStream,
    config::{ByteSize, PluginConfig},
    harness::{DriverEvent, Frame, Input, Start, StepResult},
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

/// A turn in which this is asked.
fn turn(prompt: &str) -> Start {
    Start {
        mission: MissionId::new(),
        turn: 3,
        tree: "/tree".to_owned(),
        inbox: "/inbox".to_owned(),
        home: "/home".to_owned(),
        programs: None,
        prompt: prompt.to_owned(),
        attachments: Vec::new(),
        instructions: None,
        mcp_servers: Vec::new(),
        model: None,
        effort: None,
        approvals: ApprovalMode::Bypass,
        mode: WorkMode::Act,
        endpoints: Vec::new(),
        resume: None,
        settings: "{}".to_owned(),
    }
}

async fn open(host: &PluginHost, asked: &str, saved: Option<&[u8]>) -> Session {
    host.harness(&id("worst")).unwrap().open_session(&turn(asked), saved).await.unwrap()
}

/// The step that does what was asked.
async fn prompt(session: &mut Session) -> Result<(StepResult, Vec<u8>), Failure> {
    session.step(Timestamp::from_millis(1_000), Input::Prompt).await
}

/// A step that only counts.
async fn count(session: &mut Session) -> Result<(StepResult, Vec<u8>), Failure> {
    session.step(Timestamp::from_millis(1_000), Input::Interrupt).await
}

async fn said(session: &mut Session) -> String {
    match &prompt(session).await.unwrap().0.events[..] {
        [DriverEvent::Message(piece)] => piece.text.clone(),
        other => panic!("{other:?}"),
    }
}

/// A step that ends the session's instance; another session, from what was saved last, goes on.
async fn stopped(host: &PluginHost, text: &str) -> Failure {
    let mut session = open(host, text, None).await;
    let (_, saved) = count(&mut session).await.unwrap();
    let failure = prompt(&mut session).await.unwrap_err();
    assert_eq!(failure.plugin, Some(id("worst")));
    assert!(session.is_poisoned());
    let mut again = open(host, "on", Some(&saved)).await;
    assert_eq!(said(&mut again).await, "2");
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
    let mut session = open(&host, "save 1 MB", None).await;
    let failure = prompt(&mut session).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.plugin), ("plugin.contract", Some(id("worst"))));
}

#[tokio::test]
async fn a_failure_of_the_sessions_own_leaves_it_usable() {
    let host = host().await;
    let mut session = open(&host, "fail", None).await;
    assert_eq!(prompt(&mut session).await.unwrap_err().code, "hostile.failed");
    assert!(!session.is_poisoned());
    let (counted, _) = count(&mut session).await.unwrap();
    assert!(matches!(&counted.events[..], [DriverEvent::Message(piece)] if piece.text == "2"), "{counted:?}");
}

#[tokio::test]
async fn a_turn_that_the_plugin_will_not_start_is_its_own_failure() {
    let host = host().await;
    let failure = host.harness(&id("worst")).unwrap().plan_launch(&turn("go")).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.plugin), ("hostile.no_launch", Some(id("worst"))));
}

#[tokio::test]
async fn the_clock_of_a_session_stands_at_the_time_of_the_batch() {
    let host = host().await;
    let mut session = open(&host, "clock", None).await;
    assert_eq!(said(&mut session).await, "1000");
}

#[tokio::test]
async fn random_numbers_are_the_same_in_every_session() {
    let host = host().await;
    let first = said(&mut open(&host, "random", None).await).await;
    let second = said(&mut open(&host, "random", None).await).await;
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_long_session_may_read_more_than_one_call_may_carry() {
    let host = host().await;
    let mut session = open(&host, "on", None).await;
    for n in 0..64 {
        let frame = Frame { stream: OutputStream::Stdout, offset: n << 20, bytes: vec![b'x'; 1 << 20], partial: false };
        session.step(Timestamp::from_millis(1), Input::Frames(vec![frame])).await.unwrap();
    }
    assert_eq!(said(&mut session).await, "65");
}

#[tokio::test]
async fn a_session_stays_with_its_version_and_tells_when_it_is_stale() {
    let host = host().await;
    let mut session = open(&host, "on", None).await;
    assert!(!session.is_stale());
    host.reload(&id("worst")).await.unwrap();
    assert!(session.is_stale());
    assert_eq!(said(&mut session).await, "1");
    assert!(!open(&host, "on", None).await.is_stale());
}
