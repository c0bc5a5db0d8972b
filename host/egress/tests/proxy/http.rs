//! Plain HTTP requests.

use sandboxed_egress::{Policy, Reason};
use tokio::io::AsyncWriteExt;

use crate::setup::{Setup, Target, allow, head, rest, soon};

async fn to(target: &Target) -> Setup {
    Setup::new(allow(&[format!("127.0.0.1:{}", target.port())])).await
}

#[tokio::test]
async fn a_request_reaches_the_target_without_what_is_for_the_proxy() {
    let target = Target::http().await;
    let setup = to(&target).await;
    let url = format!("http://{}/a?b", target.address);
    let answer = setup
        .exchange(format!(
            "GET {url} HTTP/1.1\r\nHost: evil.test\r\nProxy-Authorization: Basic c2VjcmV0\r\nConnection: X-Hop\r\n\
             X-Hop: 1\r\nX-Stays: 1\r\n\r\n"
        ))
        .await;
    assert_eq!(answer, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
    let expected = format!("GET /a?b HTTP/1.1\r\nHost: {}\r\nX-Stays: 1\r\nConnection: close\r\n\r\n", target.address);
    assert_eq!(target.request().await, expected);
}

#[tokio::test]
async fn only_the_first_request_of_a_connection_is_served() {
    let (target, other) = (Target::http().await, Target::http().await);
    let setup = Setup::new(allow(&["127.0.0.1:*"])).await;
    let (first, second) = (target.address, other.address);
    let answer = setup
        .exchange(format!(
            "POST http://{first}/ HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi\
             GET http://{first}/second HTTP/1.1\r\n\r\nGET http://{second}/third HTTP/1.1\r\n\r\n"
        ))
        .await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 1, "{answer}");
    let request = target.request().await;
    assert!(request.ends_with("\r\n\r\nhi"), "{request}");
    assert_eq!((target.visits(), other.visits()), (1, 0));
}

#[tokio::test]
async fn a_request_with_two_ends_reaches_nobody() {
    let target = Target::http().await;
    let setup = to(&target).await;
    for headers in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "X: 1\r\n folded: 1\r\n",
    ] {
        let head = format!("POST http://{}/ HTTP/1.1\r\n{headers}\r\n", target.address);
        let answer = setup.exchange(format!("{head}0\r\n\r\nGET / HTTP/1.1\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{headers}: {answer}");
    }
    assert_eq!(target.visits(), 0);
}

#[tokio::test]
async fn a_body_that_breaks_off_ends_the_exchange() {
    let target = Target::http().await;
    let mut setup = to(&target).await;
    let answer = setup
        .exchange(format!("POST http://{}/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n", target.address))
        .await;
    assert_eq!(answer, "");
    assert_eq!(setup.verdict().await.bytes_down, 0);
}

#[tokio::test]
async fn a_client_that_stops_sending_still_gets_its_answer() {
    let target = Target::http().await;
    let setup = to(&target).await;
    let mut stream = setup.connect().await;
    stream.write_all(format!("GET http://{}/ HTTP/1.0\r\n\r\n", target.address).as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    assert!(rest(&mut stream).await.ends_with("hello"));
}

#[tokio::test]
async fn an_answer_that_is_no_http_is_a_bad_gateway() {
    for answer in ["220 mail.test ESMTP\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n", "HTTP/1.1 200 OK\r\n", ""]
    {
        let target = Target::http_at("127.0.0.1:0", answer).await;
        let setup = to(&target).await;
        let got = setup.exchange(format!("GET http://{}/ HTTP/1.1\r\n\r\n", target.address)).await;
        assert!(got.starts_with("HTTP/1.1 502 "), "{answer:?}: {got}");
    }
}

#[tokio::test]
async fn a_target_that_does_not_answer_is_told_apart_from_one_that_is_refused() {
    let target = Target::http().await;
    let mut setup = to(&target).await;
    let address = target.address;
    drop(target);
    // The listener is gone once its task is; until then, connections are still taken.
    let refused = soon("the end of the target", async {
        loop {
            let answer = setup.exchange(format!("GET http://{address}/ HTTP/1.1\r\n\r\n")).await;
            let verdict = setup.verdict().await;
            if verdict.reason == Reason::ConnectFailed {
                return answer;
            }
        }
    })
    .await;
    assert!(refused.starts_with("HTTP/1.1 502 ") && refused.contains("it refused the connection"), "{refused}");
}

#[tokio::test]
async fn a_workspace_without_network_gets_nowhere() {
    let mut setup = Setup::new(Policy::None).await;
    let answer = setup.exchange("GET http://example.org/ HTTP/1.1\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(answer.contains("add \"example.org:80\" to the workspace's network.allow"), "{answer}");
    assert_eq!(setup.verdict().await.reason, Reason::NoNetwork);
}

#[tokio::test]
async fn what_is_no_request_to_a_proxy_is_answered_and_closed() {
    let setup = Setup::new(Policy::Open).await;
    for request in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"\x00\x00\x00\x00",
        b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET http://user:password@example.org/ HTTP/1.1\r\n\r\n",
        b"GET https://example.org/ HTTP/1.1\r\n\r\n",
        b"hello world\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let answer = setup.exchange(request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{request:?}: {answer}");
    }
}

#[tokio::test]
async fn a_client_that_is_refused_while_it_sends_is_not_reset() {
    let setup = Setup::new(Policy::None).await;
    let mut stream = setup.connect().await;
    let half = vec![b'x'; 50_000];
    let request = "POST http://example.org/ HTTP/1.1\r\nContent-Length: 150000\r\n\r\n";
    stream.write_all(&[request.as_bytes(), &half].concat()).await.unwrap();
    assert!(soon("the answer", head(&mut stream)).await.starts_with("HTTP/1.1 403 "));
    for _ in 0..2 {
        stream.write_all(&half).await.unwrap();
    }
    stream.shutdown().await.unwrap();
    assert!(rest(&mut stream).await.contains("network.allow"));
}
