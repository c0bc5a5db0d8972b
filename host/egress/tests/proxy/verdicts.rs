//! What is kept on record.

use sandboxed_egress::{Decision, Policy, Reason, Verdict};

use tokio::io::AsyncWriteExt;

use crate::setup::{Names, Options, Setup, Target, allow};

#[tokio::test]
async fn a_verdict_tells_whom_why_and_how_much_and_nothing_of_what_was_said() {
    let target = Target::http().await;
    let mut setup = Setup::new(allow(&[format!("127.0.0.1:{}", target.port())])).await;
    let request = format!("GET http://{}/secret-path HTTP/1.1\r\nAuthorization: secret-token\r\n\r\n", target.address);
    setup.exchange(request).await;
    let verdict = setup.verdict().await;
    assert_eq!((verdict.host.as_str(), verdict.port), ("127.0.0.1", target.port()));
    assert_eq!((verdict.decision, verdict.reason), (Decision::Allowed, Reason::Rule));
    assert_eq!(verdict.addresses, [target.address.ip()]);
    assert_eq!(verdict.bytes_up, target.request().await.len() as u64);
    assert_eq!(verdict.bytes_down, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".len() as u64);
    let json = serde_json::to_string(&verdict).unwrap();
    assert!(json.contains("\"decision\":\"allowed\",\"reason\":\"rule\"") && !json.contains("secret"), "{json}");
    assert_eq!(serde_json::from_str::<Verdict>(&json).unwrap(), verdict);
}

#[tokio::test]
async fn a_refusal_is_on_record_at_once() {
    let mut setup = Setup::new(Policy::None).await;
    setup.exchange("CONNECT [2606:4700::1111]:443 HTTP/1.1\r\n\r\n").await;
    let verdict = setup.verdict().await;
    assert_eq!((verdict.host.as_str(), verdict.port), ("2606:4700::1111", 443));
    assert_eq!((verdict.decision, verdict.reason), (Decision::Refused, Reason::NoNetwork));
    assert!(verdict.addresses.is_empty());
}

#[tokio::test]
async fn a_request_that_is_given_up_half_way_is_not_on_record_as_refused_by_a_rule() {
    let mut setup = Setup::with(Options {
        policy: allow(&["silent.test:443"]),
        names: Names::default().with("silent.test", &[]),
        ..Options::default()
    })
    .await;
    let mut stream = setup.connect().await;
    stream.write_all(b"CONNECT silent.test:443 HTTP/1.1\r\n\r\n").await.unwrap();
    setup.names.asked.notified().await;
    setup.shut_down().await;
    assert_eq!(setup.verdict().await.reason, Reason::NameNotResolved);
}

#[tokio::test]
async fn verdicts_that_nobody_takes_are_counted_and_hold_up_nobody() {
    let mut setup = Setup::with(Options { capacity: 1, ..Options::default() }).await;
    for _ in 0..3 {
        let answer = setup.exchange("CONNECT example.org:443 HTTP/1.1\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    }
    assert_eq!(setup.sink.dropped(), 2);
    assert_eq!(setup.verdict().await.reason, Reason::NoNetwork);
}
