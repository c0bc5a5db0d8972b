//! What goes through, and for how long.

use sandboxed_egress::{Policy, Reason};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};
use tokio_util::sync::CancellationToken;

use crate::setup::{Setup, Target, allow, open_tunnel, rest, soon};

async fn to(target: &Target) -> Setup {
    Setup::new(allow(&[format!("127.0.0.1:{}", target.port())])).await
}

async fn echoes(stream: &mut TcpStream) -> bool {
    let mut pong = [0; 4];
    let sent = stream.write_all(b"ping").await.is_ok();
    sent && soon("the echo", stream.read_exact(&mut pong)).await.is_ok() && pong == *b"ping"
}

#[tokio::test]
async fn a_client_that_has_said_everything_still_hears_the_answer() {
    let target = Target::parrot().await;
    let mut setup = to(&target).await;
    let mut stream = setup.tunnel(target.address).await;
    let said = "x".repeat(1_000_000);
    stream.write_all(said.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    assert!(rest(&mut stream).await == said, "the answer is not what was said");
    let verdict = setup.verdict().await;
    assert_eq!((verdict.bytes_up, verdict.bytes_down), (1_000_000, 1_000_000));
}

#[tokio::test]
async fn a_target_that_has_said_everything_still_hears_the_client() {
    let target = Target::hasty().await;
    let mut setup = to(&target).await;
    let mut stream = setup.tunnel(target.address).await;
    assert_eq!(rest(&mut stream).await, "bye");
    stream.write_all(b"after all").await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(target.request().await, "after all");
    let verdict = setup.verdict().await;
    assert_eq!((verdict.bytes_up, verdict.bytes_down), (9, 3));
}

#[tokio::test]
async fn what_is_sent_along_with_connect_reaches_the_target() {
    let target = Target::parrot().await;
    let setup = to(&target).await;
    let mut stream = setup.connect().await;
    stream.write_all(format!("CONNECT {} HTTP/1.1\r\n\r\nearly", target.address).as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    assert!(rest(&mut stream).await.ends_with("\r\n\r\nearly"));
}

#[tokio::test]
async fn a_new_policy_holds_for_new_connections_only() {
    let target = Target::echo().await;
    let mut setup = to(&target).await;
    let mut old = setup.tunnel(target.address).await;
    setup.proxy.set_policy(Policy::None);
    let mut refused = setup.connect().await;
    assert!(open_tunnel(&mut refused, target.address).await.starts_with("HTTP/1.1 403 "));
    assert_eq!(setup.verdict().await.reason, Reason::NoNetwork);
    assert!(echoes(&mut old).await);
    let policy = allow(&[format!("127.0.0.1:{}", target.port())]);
    setup.proxy.set_policy(policy.clone());
    assert_eq!(*setup.proxy.policy(), policy);
    assert!(echoes(&mut setup.tunnel(target.address).await).await);
}

#[tokio::test]
async fn the_end_of_the_proxy_ends_its_connections_and_leaves_no_verdict_out() {
    let target = Target::echo().await;
    let mut setup = to(&target).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let mut serving = Box::pin(setup.proxy.serve(listener, shutdown.clone()));
    let open = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        open_tunnel(&mut stream, target.address).await;
        assert!(echoes(&mut stream).await);
        stream
    };
    let mut stream = tokio::select! {
        stream = open => stream,
        () = &mut serving => panic!("the proxy ended by itself"),
    };
    shutdown.cancel();
    soon("the end of the proxy", &mut serving).await;
    drop(serving);
    let verdict = setup.verdicts.try_recv().unwrap();
    assert_eq!((verdict.reason, verdict.bytes_up, verdict.bytes_down), (Reason::Rule, 4, 4));
    assert_eq!(rest(&mut stream).await, "");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_unix_socket_serves_as_well() {
    let target = Target::parrot().await;
    let setup = to(&target).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("proxy.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let shutdown = CancellationToken::new();
    let _stop = shutdown.clone().drop_guard();
    tokio::spawn({
        let proxy = setup.proxy.clone();
        async move { proxy.serve(listener, shutdown).await }
    });
    let mut stream = UnixStream::connect(&path).await.unwrap();
    stream.write_all(format!("CONNECT {} HTTP/1.1\r\n\r\nhello", target.address).as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    assert!(rest(&mut stream).await.ends_with("\r\n\r\nhello"));
}
