//! What one client may ask for, and no more.

use std::time::Duration;

use crate::setup::{Options, Setup, Target, allow, open_tunnel, rest, soon};
use sandboxed_egress::{Limits, Policy, Reason};

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let setup = Setup::new(Policy::Open).await;
    let head = format!("GET http://example.org/ HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    let answer = setup.exchange(head).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let many = format!("GET http://example.org/ HTTP/1.1\r\n{}\r\n", "X: 1\r\n".repeat(200));
    let answer = setup.exchange(many).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn a_head_that_does_not_come_to_its_end_is_given_up() {
    let limits = Limits { header_time: Duration::from_millis(100), ..Limits::default() };
    let setup = Setup::with(Options { policy: Policy::Open, limits, ..Options::default() }).await;
    let answer = setup.exchange("GET http://example.org/ HTTP/1.1\r\nX: ").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(setup.exchange("").await, "", "nothing is said to who says nothing");
    assert_eq!(setup.exchange("\x05").await, "", "nor to a SOCKS client that stops in its greeting");
}

#[tokio::test]
async fn connections_beyond_the_limit_are_told_so_and_let_in_again_later() {
    let target = Target::echo().await;
    let limits = Limits { connections: 1, ..Limits::default() };
    let policy = allow(&[format!("127.0.0.1:{}", target.port())]);
    let mut setup = Setup::with(Options { policy, limits, ..Options::default() }).await;
    let first = setup.tunnel(target.address).await;
    let mut second = setup.connect().await;
    let answer = open_tunnel(&mut second, target.address).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert_eq!(setup.verdict().await.reason, Reason::TooManyConnections);
    drop((first, second));
    soon("a place", async {
        loop {
            let mut next = setup.connect().await;
            if open_tunnel(&mut next, target.address).await.starts_with("HTTP/1.1 200 ") {
                return;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_silent_clients_is_cut_off() {
    let limits = Limits { connections: 1, ..Limits::default() };
    let setup = Setup::with(Options { policy: Policy::Open, limits, ..Options::default() }).await;
    let mut clients = Vec::new();
    for _ in 0..40 {
        clients.push(setup.connect().await);
    }
    let last = clients.last_mut().unwrap();
    assert_eq!(rest(last).await, "");
}

#[tokio::test]
async fn an_idle_tunnel_is_closed() {
    let target = Target::echo().await;
    let limits = Limits { idle_time: Duration::from_millis(100), ..Limits::default() };
    let policy = allow(&[format!("127.0.0.1:{}", target.port())]);
    let mut setup = Setup::with(Options { policy, limits, ..Options::default() }).await;
    let mut stream = setup.tunnel(target.address).await;
    assert_eq!(rest(&mut stream).await, "");
    assert_eq!(setup.verdict().await.reason, Reason::Rule);
}
