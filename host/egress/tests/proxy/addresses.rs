//! Names and addresses that lead where nobody may go.

use std::sync::atomic::Ordering;

use sandboxed_egress::{Forbidden, Limits, Policy, Proxy, Reason, VerdictSink};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::setup::{Names, Options, Setup, Target, allow, open_tunnel, soon};

async fn refused(setup: &mut Setup, target: &str) -> (String, Reason) {
    let mut stream = setup.connect().await;
    let answer = open_tunnel(&mut stream, target).await;
    assert!(!answer.starts_with("HTTP/1.1 200"), "{target}: {answer}");
    let verdict = setup.verdict().await;
    assert_eq!((verdict.bytes_up, verdict.bytes_down), (0, 0));
    (answer, verdict.reason)
}

#[tokio::test]
async fn no_spelling_of_loopback_gets_through_an_open_network() {
    let target = Target::echo().await;
    let port = target.port();
    let mut setup = Setup::with(Options {
        policy: Policy::Open,
        // A C library would take all of these for loopback; a resolver that does must not be asked.
        names: Names::default().with("2130706433", &[&["127.0.0.1"]]).with("127.1", &[&["127.0.0.1"]]),
        ..Options::default()
    })
    .await;
    for host in ["2130706433", "0177.0.0.1", "127.1", "0x7f000001", "0x7f.0.0.1", "017700000001", "127.0.0.01"] {
        let (answer, reason) = refused(&mut setup, &format!("{host}:{port}")).await;
        assert_eq!(reason, Reason::InvalidHost, "{host}");
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        let plain = setup.exchange(format!("GET http://{host}:{port}/ HTTP/1.1\r\n\r\n")).await;
        assert!(plain.starts_with("HTTP/1.1 403 "), "{plain}");
        assert_eq!(setup.verdict().await.reason, Reason::InvalidHost, "{host}");
    }
    for host in
        ["127.0.0.1", "127.0.0.1.", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "[::]"]
    {
        let (answer, reason) = refused(&mut setup, &format!("{host}:{port}")).await;
        assert_eq!(reason, Reason::PrivateAddress, "{host}");
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    }
    assert_eq!(target.visits(), 0);
    assert_eq!(setup.names.lookups.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_network_is_refused() {
    let names = Names::default()
        .with("loop.test", &[&["127.0.0.1", "::1"]])
        .with("mapped.test", &[&["::ffff:127.0.0.1"]])
        .with("lan.test", &[&["10.0.0.5"]])
        .with("cloud.test", &[&["169.254.169.254"]])
        .with("nat64.test", &[&["64:ff9b::7f00:1"]]);
    let rules = ["*.test:*"];
    for policy in [Policy::Open, allow(&rules)] {
        let mut setup = Setup::with(Options { policy, names: names.clone(), ..Options::default() }).await;
        for (host, expected) in [
            ("loop.test", Reason::PrivateAddress),
            ("mapped.test", Reason::PrivateAddress),
            ("lan.test", Reason::PrivateAddress),
            ("cloud.test", Reason::MetadataAddress),
            ("nat64.test", Reason::PrivateAddress),
        ] {
            assert_eq!(refused(&mut setup, &format!("{host}:80")).await.1, expected, "{host}");
        }
    }
}

#[tokio::test]
async fn a_refusal_does_not_tell_what_an_internal_name_resolves_to() {
    let names = Names::default().with("lan.test", &[&["10.11.12.13"]]);
    let mut setup = Setup::with(Options { policy: Policy::Open, names, ..Options::default() }).await;
    let answer = setup.exchange("GET http://lan.test/ HTTP/1.1\r\n\r\n").await;
    assert!(answer.contains("of a private network") && !answer.contains("10.11.12.13"), "{answer}");
    assert_eq!(setup.verdict().await.addresses, ["10.11.12.13".parse::<std::net::IpAddr>().unwrap()]);
}

#[tokio::test]
async fn a_name_that_changes_its_address_after_the_check_changes_nothing() {
    // The second answer is another address at the same port, which no rule names.
    let allowed = Target::echo().await;
    let port = allowed.port();
    let other = Target::echo_at(&format!("127.0.0.2:{port}")).await;
    let names = Names::default().with("rebind.test", &[&["127.0.0.1"], &["127.0.0.2"]]);
    let mut setup = Setup::with(Options {
        policy: allow(&[format!("rebind.test:{port}"), format!("127.0.0.1:{port}")]),
        names,
        ..Options::default()
    })
    .await;
    drop(setup.tunnel(format!("rebind.test:{port}")).await);
    assert_eq!(setup.names.lookups.load(Ordering::SeqCst), 1, "the address is looked up once a request");
    assert_eq!(setup.verdict().await.addresses, [allowed.address.ip()]);
    assert_eq!(refused(&mut setup, &format!("rebind.test:{port}")).await.1, Reason::PrivateAddress);
    assert_eq!((allowed.visits(), other.visits()), (1, 0));
}

#[tokio::test]
async fn a_name_that_is_not_allowed_is_never_looked_up() {
    let mut setup = Setup::new(allow(&["example.org:443"])).await;
    for host in ["c2VjcmV0.evil.test:443", "example.org:80", "www.example.org:443"] {
        assert_eq!(refused(&mut setup, host).await.1, Reason::NotListed, "{host}");
    }
    assert_eq!(setup.names.lookups.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn of_several_addresses_one_that_passes_and_answers_is_used() {
    let target = Target::echo().await;
    let port = target.port();
    let names = Names::default().with("many.test", &[&["10.0.0.5", "127.0.0.3", "127.0.0.1"]]);
    // Nobody listens at the first address that passes.
    let rules = [format!("many.test:{port}"), format!("127.0.0.1:{port}"), format!("127.0.0.3:{port}")];
    let mut setup = Setup::with(Options { policy: allow(&rules), names, ..Options::default() }).await;
    drop(setup.tunnel(format!("many.test:{port}")).await);
    assert_eq!(setup.verdict().await.addresses.len(), 2);
    assert_eq!(target.visits(), 1);
}

#[tokio::test]
async fn the_server_itself_is_out_of_reach_whatever_the_rules_say() {
    let (api, other) = (Target::echo().await, Target::echo().await);
    let (port, other_port) = (api.port(), other.port());
    let rules = ["127.0.0.1:*", "127.0.0.2:*", "[::1]:*", "self.test:*"];
    let mut setup = Setup::with(Options {
        policy: allow(&rules),
        forbidden: Forbidden::default().port(port),
        names: Names::default().with("self.test", &[&["127.0.0.1"]]),
        ..Options::default()
    })
    .await;
    for host in ["127.0.0.1", "127.0.0.2", "[::1]", "[::ffff:127.0.0.1]", "self.test"] {
        assert_eq!(refused(&mut setup, &format!("{host}:{port}")).await.1, Reason::OwnAddress, "{host}");
    }
    drop(setup.tunnel(format!("127.0.0.1:{other_port}")).await);
    assert_eq!((api.visits(), other.visits()), (0, 1));
}

#[tokio::test]
async fn the_proxy_does_not_connect_to_itself() {
    let mut setup = Setup::new(allow(&["127.0.0.1:*"])).await;
    let itself = setup.address.to_string();
    assert_eq!(refused(&mut setup, &itself).await.1, Reason::OwnAddress);
}

#[tokio::test]
async fn the_names_of_the_operating_system_are_found_and_checked() {
    let target = Target::echo().await;
    let port = target.port();
    let (sink, mut verdicts) = VerdictSink::channel(8);
    let policy = allow(&[format!("localhost:{port}"), format!("127.0.0.1:{port}")]);
    let proxy = Proxy::new(policy, Forbidden::default(), Limits::default(), sink);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let _stop = shutdown.clone().drop_guard();
    tokio::spawn({
        let proxy = proxy.clone();
        async move { proxy.serve(listener, shutdown).await }
    });
    for (policy, expected) in [(None, Reason::Rule), (Some(Policy::Open), Reason::PrivateAddress)] {
        if let Some(policy) = policy {
            proxy.set_policy(policy);
        }
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        open_tunnel(&mut stream, format!("LOCALHOST.:{port}")).await;
        drop(stream);
        let verdict = soon("a verdict", verdicts.recv()).await.unwrap();
        assert_eq!((verdict.host.as_str(), verdict.reason), ("localhost", expected));
    }
}

#[tokio::test]
async fn a_name_that_is_not_known_is_told_apart_from_one_that_is_refused() {
    let mut setup = Setup::new(Policy::Open).await;
    let (answer, reason) = refused(&mut setup, "unknown.test:443").await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert_eq!(reason, Reason::NameNotResolved);
}
