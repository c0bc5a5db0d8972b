//! What a workspace reaches under each policy, and by which tools.

use std::{os::unix::fs::PermissionsExt, process::Command};

use sandboxed_tests::{Server, until};
use serde_json::{Value, json};

use crate::{backends::Backend, begin, memory, of_kind, refused, run, said, speaks, web::Web, workspace};

on_each_backend!(on the machines programs: every_tool_fetches_through_the_proxy_what_is_allowed);

on_each_backend!(
    each_policy_opens_what_it_says_and_no_more,
    a_name_opens_no_private_address_unless_the_address_is_listed_too,
    an_upload_of_any_size_is_passed_on_as_it_comes_and_counted,
    a_mission_that_outlives_its_server_gets_its_way_out_back,
);

fn allow(hosts: &[String]) -> Value {
    json!({ "network": { "mode": "allow", "allow": hosts } })
}

/// What the events of a mission say of connections: host and port, whether they were let out, and why.
async fn verdicts(server: &Server, mission: &str) -> Vec<(String, bool, String)> {
    let bodies = of_kind(server, mission, "connections").await;
    let told = bodies.into_iter().map(|body| {
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        (format!("{}:{}", text("host"), body["port"]), body["allowed"].as_bool().unwrap(), text("reason"))
    });
    told.collect()
}

/// Waits until a mission's events tell of a connection like this.
async fn told(server: &Server, mission: &str, host: &str, allowed: bool, reason: &str) {
    until(&format!("{host} {reason} to be told"), async || {
        let verdicts = verdicts(server, mission).await;
        verdicts.contains(&(host.to_owned(), allowed, reason.to_owned())).then_some(())
    })
    .await;
}

async fn every_tool_fetches_through_the_proxy_what_is_allowed(backend: &Backend) {
    let (server, web) = (Server::start_with(backend.server()).await, Web::new().await);
    let made = Command::new("bash")
        .args(["-c", include_str!("registry.sh"), "registry", &web.url()])
        .current_dir(web.files.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let workspace = workspace(&server, backend, allow(&[format!("127.0.0.1:{}", web.port)])).await;
    // The one tool that is not the system's. To fetch, it asks the compiler for nothing but its version.
    let tree = server.data_dir().join(format!("workspaces/{workspace}/tree"));
    std::fs::copy(env!("CARGO"), tree.join("cargo")).unwrap();
    let version = Command::new("rustc").arg("-vV").output().unwrap();
    std::fs::write(tree.join("version"), version.stdout).unwrap();
    std::fs::write(tree.join("rustc"), "#!/bin/sh\ncat \"${0%/*}/version\"\n").unwrap();
    for program in ["cargo", "rustc"] {
        std::fs::set_permissions(tree.join(program), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    let script = format!("BASE={}\n{}", web.url(), include_str!("fetching.sh"));
    let mission = run(&server, &workspace, &script).await;

    let printed = server.api.printed(&mission).await;
    let absent = printed.matches("no npm here\n").count() + printed.matches("no apt-get here\n").count();
    let fetched: Vec<&str> = printed.lines().filter_map(|line| line.strip_prefix("fetched by ")).collect();
    let complaints = of_kind(&server, &mission, "tool_output").await;
    assert!(["curl", "git", "pip", "cargo"].iter().all(|tool| fetched.contains(tool)), "{complaints:?}");
    assert_eq!(fetched.len() + absent, 6, "{complaints:?}");
    told(&server, &mission, &format!("127.0.0.1:{}", web.port), true, "rule").await;
}

/// Says what can be reached: by the proxy, without it, and at a service of its own.
const REACH: &str = r#"
get() { curl -sf -m 10 "$@" >/dev/null && echo reached || echo refused; }
echo "proxy $(get -x "${http_proxy:-http://127.0.0.1:1}" "http://127.0.0.1:$PORT/page")"
echo "directly $(get --noproxy '*' "http://127.0.0.1:$PORT/page")"
mkdir -p served && echo own >served/page && cd served
perl -MIO::Socket::INET -e '
    my $l = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1", LocalPort => 0) or die;
    $| = 1; print $l->sockport, "\n";
    while (my $c = $l->accept) { sysread $c, my $b, 4096; print $c "HTTP/1.0 200 OK\r\n\r\nown\n"; close $c }
' >port &
until [ -s port ]; do :; done
echo "own $(get --noproxy '*' "http://127.0.0.1:$(cat port)/")"
kill $!
"#;

async fn each_policy_opens_what_it_says_and_no_more(backend: &Backend) {
    let (server, web) = (Server::start_with(backend.server()).await, Web::new().await);
    let script = format!("PORT={}\n{REACH}", web.port);
    let host = format!("127.0.0.1:{}", web.port);
    let mode = |mode: &str| json!({ "network": { "mode": mode } });
    let cases = [
        // There is no proxy that could tell of it.
        (mode("none"), "refused", "refused", None),
        (allow(&["example.org:443".to_owned()]), "refused", "refused", Some((false, "not_listed"))),
        (allow(std::slice::from_ref(&host)), "reached", "refused", Some((true, "rule"))),
        (mode("open"), "refused", "refused", Some((false, "private_address"))),
        (mode("shared"), "refused", "reached", None),
    ];
    // Where the machine's network cannot be shared, what comes nearest is told of apart.
    let cases = cases.into_iter().filter(|case| backend.shares_the_network || case.0 != mode("shared"));
    for (network, by_proxy, directly, verdict) in cases {
        let workspace = workspace(&server, backend, network.clone()).await;

        let mission = run(&server, &workspace, &script).await;

        let expected = format!("proxy {by_proxy}\ndirectly {directly}\nown reached\n");
        assert_eq!(server.api.printed(&mission).await, expected, "{network}");
        match verdict {
            Some((allowed, reason)) => told(&server, &mission, &host, allowed, reason).await,
            None => assert_eq!(verdicts(&server, &mission).await, []),
        }
    }
}

async fn a_name_opens_no_private_address_unless_the_address_is_listed_too(backend: &Backend) {
    let (server, web) = (Server::start_with(backend.server()).await, Web::new().await);
    let (name, address) = (format!("localhost:{}", web.port), format!("127.0.0.1:{}", web.port));
    let by_name = workspace(&server, backend, allow(std::slice::from_ref(&name))).await;
    let by_both = workspace(&server, backend, allow(&[name.clone(), address])).await;
    let script =
        format!("for way in -x -px; do curl -sf $way \"$http_proxy\" http://{name}/page || echo refused; done");

    let refused = run(&server, &by_name, &script).await;
    let reached = run(&server, &by_both, &script).await;

    assert_eq!(server.api.printed(&refused).await, "refused\nrefused\n");
    told(&server, &refused, &name, false, "private_address").await;
    assert_eq!(server.api.printed(&reached).await, "here it is\nhere it is\n");
    told(&server, &reached, &name, true, "rule").await;
}

async fn an_upload_of_any_size_is_passed_on_as_it_comes_and_counted(backend: &Backend) {
    const SIZE: u64 = 128 << 20;
    let (server, web) = (Server::start_with(backend.server()).await, Web::new().await);
    let host = format!("127.0.0.1:{}", web.port);
    let workspace = workspace(&server, backend, allow(std::slice::from_ref(&host))).await;
    let half = SIZE / 2;
    let script = format!(
        "half() {{ head -c {half} /dev/zero; }}\n(half; until [ -e go ]; do sleep 0.01; done; half) |\n\
         curl -sf -T - -H 'Content-Length: {SIZE}' -H 'Transfer-Encoding:' -H 'Expect:' http://{host}/upload"
    );
    let before = memory(server.pid(), "VmRSS:");

    let mission = begin(&server, &workspace, &script).await;
    until("the first half to come", async || (web.received() == half).then_some(())).await;
    let grown = memory(server.pid(), "VmRSS:").saturating_sub(before);
    std::fs::write(server.data_dir().join(format!("workspaces/{workspace}/tree/go")), "").unwrap();
    server.api.reaches(&mission, &["awaiting_user"]).await;

    assert_eq!(server.api.printed(&mission).await, "taken\n");
    assert_eq!(web.received(), SIZE);
    assert!(grown < 64 << 20, "the server took {grown} bytes of memory for it");
    let sent = until("the upload to be told", async || {
        let bodies = of_kind(&server, &mission, "connections").await;
        bodies.first().map(|body| body["bytes_up"].as_u64().unwrap())
    })
    .await;
    assert!((SIZE..SIZE + 4096).contains(&sent), "{sent} bytes were counted");
}

async fn a_mission_that_outlives_its_server_gets_its_way_out_back(backend: &Backend) {
    let (mut server, web) = (Server::start_with(backend.server()).await, Web::new().await);
    let workspace = workspace(&server, backend, allow(&[format!("127.0.0.1:{}", web.port)])).await;
    let script = format!(
        "curl -sf {0}/page; until [ -e go ]; do sleep 0.01; done; curl -sf {0}/page || echo cut off",
        web.url()
    );
    let mission = begin(&server, &workspace, &script).await;
    speaks(&server, &mission).await;

    server.crash();
    server.restart().await;

    std::fs::write(server.data_dir().join(format!("workspaces/{workspace}/tree/go")), "").unwrap();
    server.api.reaches(&mission, &["awaiting_user"]).await;
    assert_eq!(server.api.printed(&mission).await, "here it is\nhere it is\n");
    // What comes later has it, too, whatever became of the one that held the network.
    let again = said(&server, &workspace, &format!("curl -sf {}/page", web.url())).await;
    assert_eq!(again, "here it is\n");
}

#[tokio::test]
async fn a_network_that_cannot_be_meant_is_refused_with_the_way_to_write_it() {
    let server = Server::start().await;
    for network in [
        json!({ "mode": "allow", "allow": ["example.org"] }),
        json!({ "mode": "allow", "allow": ["*:443"] }),
        json!({ "mode": "allow", "allow": ["https://example.org"] }),
        json!({ "mode": "allow", "allow": ["10.0.0.0/8:443"] }),
        json!({ "mode": "open", "allow": ["example.org:443"] }),
    ] {
        let (status, problem) = refused(&server, json!({ "network": network })).await;
        assert_eq!((status.as_u16(), problem["code"].as_str()), (400, Some("workspace.network_invalid")), "{problem}");
        assert!(problem["hint"].is_string(), "{problem}");
    }
    for network in [json!({ "mode": "some" }), json!("open"), json!({ "mode": "none", "hosts": [] })] {
        let (status, problem) = refused(&server, json!({ "network": network })).await;
        assert_eq!(status.as_u16() / 100, 4, "{problem}");
    }
    let workspaces = server.api.get("/workspaces").await;
    assert_eq!(workspaces["items"], json!([]), "something of what was refused is left");
}
