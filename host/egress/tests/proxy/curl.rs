//! What people use.

use std::process::{Output, Stdio};

use sandboxed_egress::{Policy, Reason};
use tokio::{io::AsyncWriteExt, process::Command};

use crate::setup::{Names, Options, Setup, Target, allow, soon};

/// Runs curl with a clean environment.
async fn curl(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new("curl")
        .args(["-q", "-sS", "--noproxy", "", "--max-time", "20"])
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).await.unwrap();
    soon("the end of curl", child.wait_with_output()).await.unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn site(port: u16) -> Setup {
    Setup::with(Options {
        policy: allow(&[format!("*.site.test:{port}"), format!("127.0.0.1:{port}")]),
        names: Names::default().with("www.site.test", &[&["127.0.0.1"]]),
        ..Options::default()
    })
    .await
}

#[tokio::test]
async fn curl_gets_what_is_allowed_over_every_kind_of_proxy() {
    let target = Target::http().await;
    let mut setup = site(target.port()).await;
    let url = format!("http://www.site.test:{}/path?secret=1", target.port());
    for proxy in ["http", "socks5h"] {
        let proxy = format!("{proxy}://{}", setup.address);
        for tunnel in [&[][..], &["--proxytunnel"]] {
            let output = curl(&[&["--proxy", &proxy, &url], tunnel].concat(), b"").await;
            assert_eq!(stdout(&output), "hello", "{proxy} {tunnel:?}: {}", stderr(&output));
            let verdict = setup.verdict().await;
            assert_eq!((verdict.host.as_str(), verdict.port), ("www.site.test", target.port()));
            assert_eq!(verdict.reason, Reason::Rule);
        }
    }
    assert_eq!(target.visits(), 4);
}

#[tokio::test]
async fn curl_reaches_an_address_that_it_resolved_itself_only_by_the_rule_for_the_address() {
    let target = Target::http().await;
    let setup = site(target.port()).await;
    let proxy = format!("socks5://{}", setup.address);
    let output = curl(&["--proxy", &proxy, &format!("http://127.0.0.1:{}/", target.port())], b"").await;
    assert_eq!(stdout(&output), "hello", "{}", stderr(&output));
    setup.proxy.set_policy(Policy::Open);
    let output = curl(&["--proxy", &proxy, &format!("http://127.0.0.1:{}/", target.port())], b"").await;
    assert_eq!(output.status.code(), Some(97), "{}", stderr(&output));
    assert_eq!(target.visits(), 1);
}

#[tokio::test]
async fn curl_is_told_why_and_what_to_do() {
    let target = Target::http().await;
    let mut setup = site(target.port()).await;
    let proxy = format!("http://{}", setup.address);
    let plain = curl(&["--proxy", &proxy, "-w", "%{http_code}", "http://blocked.test/"], b"").await;
    assert!(stdout(&plain).contains("add \"blocked.test:80\" to the workspace's network.allow"), "{}", stdout(&plain));
    assert!(stdout(&plain).ends_with("403"));
    let tunnel = curl(&["--proxy", &proxy, "-v", "https://blocked.test/"], b"").await;
    assert_eq!(tunnel.status.code(), Some(56));
    assert!(stderr(&tunnel).contains("403 Forbidden by the network policy: not_listed"), "{}", stderr(&tunnel));
    let socks = curl(&["--proxy", &format!("socks5h://{}", setup.address), "https://blocked.test/"], b"").await;
    assert!(stderr(&socks).contains("(2)"), "{}", stderr(&socks));
    for _ in 0..3 {
        assert_eq!(setup.verdict().await.reason, Reason::NotListed);
    }
}

#[tokio::test]
async fn curl_uploads_with_and_without_a_length() {
    let body = "0123456789abcdef".repeat(8192);
    for (arguments, sent) in [(["--data-binary", "@-"], body.clone()), (["--upload-file", "-"], body.clone())] {
        let target = Target::http().await;
        let setup = site(target.port()).await;
        let proxy = format!("http://{}", setup.address);
        let url = format!("http://www.site.test:{}/upload", target.port());
        let output = curl(&[&["--proxy", &proxy, &url], &arguments[..]].concat(), sent.as_bytes()).await;
        assert_eq!(stdout(&output), "hello", "{}", stderr(&output));
        let request = target.request().await;
        let (head, got) = request.split_once("\r\n\r\n").unwrap();
        if head.contains("Content-Length") {
            assert!(got == body, "the body changed on its way");
        } else {
            assert!(head.contains("Transfer-Encoding: chunked"));
            assert!(unchunked(got) == body, "the body changed on its way");
        }
    }
}

fn unchunked(mut chunks: &str) -> String {
    let mut body = String::new();
    loop {
        let (size, rest) = chunks.split_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        body.push_str(&rest[..size]);
        chunks = &rest[size + 2..];
        if size == 0 {
            return body;
        }
    }
}
