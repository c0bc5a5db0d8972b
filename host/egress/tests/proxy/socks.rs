//! SOCKS5, byte by byte.

use std::net::IpAddr;

use sandboxed_egress::{Policy, Reason};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::setup::{Names, Options, Setup, Target, allow, rest, soon};

const CONNECT: u8 = 1;
const BIND: u8 = 2;
const UDP: u8 = 3;

fn domain(command: u8, name: &str, port: u16) -> Vec<u8> {
    let mut request = vec![5, command, 0, 3, u8::try_from(name.len()).unwrap()];
    request.extend_from_slice(name.as_bytes());
    request.extend_from_slice(&port.to_be_bytes());
    request
}

fn address(command: u8, address: &str, port: u16) -> Vec<u8> {
    let mut request = vec![5, command, 0];
    match address.parse().unwrap() {
        IpAddr::V4(v4) => request.extend([&[1][..], &v4.octets()].concat()),
        IpAddr::V6(v6) => request.extend([&[4][..], &v6.octets()].concat()),
    }
    request.extend_from_slice(&port.to_be_bytes());
    request
}

/// Greets and asks in one go; gives the code of the reply.
async fn ask(setup: &Setup, request: &[u8]) -> u8 {
    let mut stream = setup.connect().await;
    stream.write_all(&[&[5, 1, 0], request].concat()).await.unwrap();
    let mut reply = [0; 12];
    soon("the reply", stream.read_exact(&mut reply)).await.unwrap();
    assert_eq!((&reply[..2], reply[2]), (&[5, 0][..], 5));
    reply[3]
}

#[tokio::test]
async fn a_connection_to_a_name_or_an_address_is_made() {
    let target = Target::echo().await;
    let port = target.port();
    let setup = Setup::with(Options {
        policy: allow(&[format!("echo.test:{port}"), format!("127.0.0.1:{port}")]),
        names: Names::default().with("echo.test", &[&["127.0.0.1"]]),
        ..Options::default()
    })
    .await;
    for request in [
        domain(CONNECT, "Echo.test", port),
        domain(CONNECT, "127.0.0.1", port),
        address(CONNECT, "127.0.0.1", port),
        address(CONNECT, "::ffff:127.0.0.1", port),
    ] {
        let mut stream = setup.connect().await;
        // What is sent along with the request belongs to the target.
        stream.write_all(&[&[5, 2, 2, 0][..], &request, b"ping"].concat()).await.unwrap();
        stream.shutdown().await.unwrap();
        let all = rest(&mut stream).await;
        assert!(all.ends_with("ping"), "{request:?}: {all:?}");
    }
}

#[tokio::test]
async fn each_refusal_has_its_code() {
    let target = Target::echo().await;
    let port = target.port();
    let mut setup = Setup::with(Options {
        policy: allow(&[format!("lan.test:{port}"), format!("unknown.test:{port}"), "127.0.0.4:1".to_owned()]),
        names: Names::default().with("lan.test", &[&["127.0.0.1"]]),
        ..Options::default()
    })
    .await;
    for (request, code, reason) in [
        (domain(CONNECT, "other.test", port), 2, Reason::NotListed),
        (domain(CONNECT, "lan.test", port), 2, Reason::PrivateAddress),
        (address(CONNECT, "::1", port), 2, Reason::NotListed),
        (domain(CONNECT, "127.1", port), 2, Reason::InvalidHost),
        (domain(CONNECT, "2130706433", port), 2, Reason::InvalidHost),
        (domain(CONNECT, "unknown.test", port), 4, Reason::NameNotResolved),
        (address(CONNECT, "127.0.0.4", 1), 5, Reason::ConnectFailed),
        (domain(BIND, "lan.test", port), 7, Reason::UnsupportedCommand),
        (address(UDP, "127.0.0.1", port), 7, Reason::UnsupportedCommand),
    ] {
        assert_eq!(ask(&setup, &request).await, code, "{reason}");
        assert_eq!(setup.verdict().await.reason, reason);
    }
    assert_eq!(ask(&setup, &[5, CONNECT, 0, 9]).await, 8, "an address of no known type");
    assert_eq!(ask(&setup, &domain(CONNECT, "user:password@lan.test", port)).await, 2);
    setup.shut_down().await;
    assert!(setup.verdicts.try_recv().is_err(), "what may hold a password is in no verdict");
    assert_eq!(target.visits(), 0);
}

#[tokio::test]
async fn a_client_that_insists_on_authentication_or_version_4_is_turned_away() {
    let setup = Setup::new(Policy::Open).await;
    let mut stream = setup.connect().await;
    stream.write_all(&[5, 1, 2]).await.unwrap();
    let mut reply = [0; 2];
    soon("the reply", stream.read_exact(&mut reply)).await.unwrap();
    assert_eq!(reply, [5, 0xff]);
    let mut stream = setup.connect().await;
    stream.write_all(&[4, 1, 0, 80, 127, 0, 0, 1, 0]).await.unwrap();
    let mut reply = [0; 8];
    soon("the reply", stream.read_exact(&mut reply)).await.unwrap();
    assert_eq!(reply[..2], [0, 0x5b]);
}
