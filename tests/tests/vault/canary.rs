//! A value that is printed in every way is searched for in every place.

use sandboxed_tests::{Server, cli};
use serde_json::{Value, json};

use super::{holds, mission, read, set, workspace};

/// Each line is the value in another way of writing, with its number.
const PRINT: &str = r#"
perl -MMIME::Base64 -e '
    use utf8;
    my $v = $ENV{CANARY};
    my $hex = unpack("H*", $v);
    my $base64 = encode_base64($v, "");
    (my $url = $base64) =~ tr{+/=}{-_}d;
    (my $percent = $v) =~ s/([^A-Za-z0-9])/sprintf("%%%02X", ord($1))/ge;
    (my $all = $v) =~ s/(.)/sprintf("%%%02X", ord($1))/gse;
    (my $base64_percent = $base64) =~ s/([^A-Za-z0-9])/sprintf("%%%02X", ord($1))/ge;
    (my $json = $v) =~ s/(["\\])/\\$1/g;
    (my $slashes = $json) =~ s{/}{\\/}g;
    (my $twice = $json) =~ s/(["\\])/\\$1/g;
    my $chars = $json; utf8::decode($chars);
    $chars =~ s/([^\x00-\x7f])/sprintf("\\u%04x", ord($1))/ge;
    my @ways = ($v, $base64, $url, encode_base64("user:$v", ""), encode_base64($base64, ""), $percent, $all,
        $base64_percent, $json, $slashes, $twice, $chars, $hex, uc $hex);
    $, = " "; $\ = "\n";
    for my $number (1 .. @ways) { print $number, $ways[$number - 1]; print STDERR $number, $ways[$number - 1]; }
    # In pieces, each in an event of its own.
    $| = 1; $\ = "";
    for my $way ($v, $base64) {
        for my $piece ($way =~ /(.{1,7})/gs) { print $piece; select(undef, undef, undef, 0.05); }
        print "\n";
    }
'
echo content > "$NAMED.txt"
printf '%s' "$CANARY" > file
cat "/nowhere/$NAMED"
exit 3
"#;

#[tokio::test]
async fn a_value_that_is_printed_in_every_way_is_nowhere_but_in_the_workspace() {
    let canary = format!("cAn4ry/+{:x}\"é\\&%=", rand::random::<u64>());
    let named = format!("canary-in-a-name-{:x}", rand::random::<u64>());
    let server = Server::start().await;
    set(&server, "canary", &canary, &["workspaces"]).await;
    set(&server, "named", &named, &["workspaces"]).await;
    let workspace =
        workspace(&server, json!({ "CANARY": { "secret": "canary" }, "NAMED": { "secret": "named" } })).await;
    let mission = mission(&server, &workspace, PRINT).await;

    // Every way was printed and is told as what it is.
    let printed = server.api.printed(&mission).await;
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines.len(), 16, "{printed}");
    for (number, line) in lines.iter().enumerate() {
        match number {
            // The value after "user:", of which the first and the last character may be left.
            3 => assert!(line.starts_with("4 dXNlcj") && line.contains("[secret canary]") && line.len() < 35, "{line}"),
            14 | 15 => assert_eq!(*line, "[secret canary]"),
            _ => assert_eq!(*line, format!("{} [secret canary]", number + 1)),
        }
    }
    // In the workspace itself it is, in the process that was given it.
    let tree = server.data_dir().join(format!("workspaces/{workspace}/tree"));
    assert_eq!(read(&tree.join("file")), canary.as_bytes());

    let needles = needles(&canary, &named);
    let find = |what: &str, bytes: &[u8]| {
        let found: Vec<_> = needles.iter().filter(|needle| holds(bytes, needle)).collect();
        assert!(found.is_empty(), "{what} tells {found:?}");
    };
    let events = server.api.events(&mission).await;
    let last = events.last().unwrap()["seq"].clone();
    let streamed = server.api.follow(&mission, 0, |event| event["seq"] == last).await;
    assert!(events.iter().any(|event| event["body"]["path"] == "[secret named].txt"), "{events:?}");
    find("the event log", &told(&Value::from(events)));
    find("the stream of events", &told(&Value::from(streamed)));
    for path in [
        "/missions",
        "/workspaces",
        "/secrets",
        "/secrets/canary",
        "/secrets/canary/uses",
        "/vault",
        "/plugins",
        "/search?q=secret",
    ] {
        find(path, &told(&server.api.get(path).await));
    }
    // An error that tells what it was asked, and the log of who changed what.
    let path = format!("/workspaces/{workspace}/files/content?path=nowhere/{named}");
    let (status, problem) = server.api.call(reqwest::Method::GET, &path, None).await;
    assert!(status.is_client_error(), "{status} {problem}");
    find("an error", &told(&problem));
    find("the audit log", &told(&server.api.get("/audit").await));
    find("the log", server.log().as_bytes());
    server.cli(&["backup", server.data_dir().join("backup.db").to_str().unwrap()]).success();
    for file in ["sandboxed.db", "sandboxed.db-wal", "backup.db", "vault.key"] {
        find(file, &read(&server.data_dir().join(file)));
    }
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        find("a command line", &read(&entry.path().join("cmdline")));
    }
    find("the server's environment", &read(format!("/proc/{}/environ", server.pid()).as_ref()));
    let shown = cli::cli(&server.data_dir(), &["missions", "show", &mission]);
    find("the command line", format!("{shown:?}").as_bytes());
}

/// What an answer tells, as bytes that no further escaping hides anything in.
fn told(value: &Value) -> Vec<u8> {
    let mut texts = value.to_string();
    collect(value, &mut texts);
    texts.into_bytes()
}

fn collect(value: &Value, texts: &mut String) {
    match value {
        Value::String(text) => texts.push_str(&format!("\n{text}")),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            texts.push_str(&format!("\n{name}"));
            collect(field, texts);
        }),
        _ => {}
    }
}

/// The values in some ways of writing, and pieces that only they have.
fn needles(canary: &str, named: &str) -> Vec<String> {
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let random = &canary[8..20];
    vec![
        canary.to_owned(),
        named.to_owned(),
        random.to_owned(),
        hex(random),
        hex(random).to_uppercase(),
        named[18..].to_owned(),
    ]
}

#[tokio::test]
async fn a_value_stays_unknown_though_the_server_is_killed_in_the_middle_of_it() {
    let canary = format!("canary-that-comes-slowly-{:x}", rand::random::<u64>());
    let mut server = Server::start().await;
    set(&server, "canary", &canary, &["workspaces"]).await;
    let workspace = workspace(&server, json!({ "CANARY": { "secret": "canary" } })).await;
    let script = r#"printf 'begin '; until [ -e half ]; do read -rt 0.01 <> <(:); done; printf '%s' "${CANARY:0:20}"; touch printed
        until [ -e rest ]; do read -rt 0.01 <> <(:); done; echo "${CANARY:20}"; echo end"#;
    let body = json!({ "prompt": script, "harness": "shell", "workspace": workspace });
    let mission = server.api.mission_with(body).await;
    server.api.follow(&mission, 0, |event| event["kind"] == "tool_output").await;
    let tree = server.data_dir().join(format!("workspaces/{workspace}/tree"));
    std::fs::write(tree.join("half"), "").unwrap();
    sandboxed_tests::until("the half to be printed", async || tree.join("printed").exists().then_some(())).await;
    server.crash();
    server.restart().await;
    std::fs::write(tree.join("rest"), "").unwrap();
    server.api.reaches(&mission, &["awaiting_user", "failed"]).await;
    assert_eq!(server.api.printed(&mission).await, "begin [secret canary]\nend\n");
    assert!(!holds(&read(&server.data_dir().join("sandboxed.db-wal")), &canary[..20]));
}
