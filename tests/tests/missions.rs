//! What a person sees of missions: turns, events, the queue, cancelling, files that changed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use reqwest::{Method, StatusCode};
use sandboxed_tests::{
    Server,
    api::{assert_gap_free, of_kind},
    until,
};
use serde_json::{Value, json};

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["kind"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_turn_is_told_from_its_message_to_its_end() {
    let server = Server::start().await;
    let mission = server.api.mission("echo hello; echo oops >&2").await;
    let ended = server.api.reaches(&mission, &["awaiting_user"]).await;
    let events = server.api.events(&mission).await;

    assert_gap_free(&events);
    assert_eq!(ended["last_outcome"], "completed");
    let states: Vec<_> = of_kind(&events, "state").iter().map(|body| body["to"].clone()).collect();
    assert_eq!(states, ["queued", "running", "awaiting_user"]);
    assert_eq!(of_kind(&events, "message")[0]["text"], "echo hello; echo oops >&2");
    assert_eq!(of_kind(&events, "turn_ended")[0]["reason"], "exit code 0");
    let calls = of_kind(&events, "tool_call");
    assert_eq!((&calls[0]["status"], &calls.last().unwrap()["status"]), (&json!("running"), &json!("completed")));
    assert_eq!(calls.last().unwrap()["exit_code"], 0);
    let output = |stream: &str| -> String {
        let outputs = of_kind(&events, "tool_output");
        outputs.iter().filter(|body| body["stream"] == stream).map(|body| body["text"].as_str().unwrap()).collect()
    };
    assert_eq!((output("stdout").as_str(), output("stderr").as_str()), ("hello\n", "oops\n"));
}

#[tokio::test]
async fn a_failing_script_names_its_exit_code() {
    let server = Server::start().await;
    let mission = server.api.mission_with(json!({ "prompt": "exit 7", "harness": "shell", "one_shot": true })).await;
    let ended = server.api.reaches(&mission, &["failed", "done"]).await;

    assert_eq!(ended["state"], "failed");
    let events = server.api.events(&mission).await;
    assert!(of_kind(&events, "turn_ended")[0]["reason"].as_str().unwrap().contains('7'), "{events:?}");
}

#[tokio::test]
async fn each_further_message_is_a_turn_in_the_same_directory() {
    let server = Server::start().await;
    let mission = server.api.mission("echo one > file").await;
    server.api.reaches(&mission, &["awaiting_user"]).await;
    server.api.post(&format!("/missions/{mission}/messages"), json!({ "text": "cat file" })).await;
    until("the second turn", async || {
        let mission = server.api.get(&format!("/missions/{mission}")).await;
        (mission["turns"] == 2 && mission["state"] == "awaiting_user").then_some(())
    })
    .await;

    assert_eq!(server.api.printed(&mission).await, "one\n");
}

#[tokio::test]
async fn messages_that_wait_can_be_edited_reordered_and_removed() {
    let server = Server::start().await;
    let mission = server.api.mission("until [ -e go ]; do sleep 0.05; done").await;
    server.api.reaches(&mission, &["running"]).await;
    let mut ids = Vec::new();
    for text in ["echo a", "echo b", "echo c"] {
        let message = server.api.post(&format!("/missions/{mission}/messages"), json!({ "text": text })).await;
        ids.push(message["id"].as_str().unwrap().to_owned());
    }
    let path = |id: &str| format!("/missions/{mission}/queue/{id}");
    let (status, _) = server.api.call(Method::PATCH, &path(&ids[0]), Some(json!({ "text": "echo A" }))).await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = server.api.call(Method::DELETE, &path(&ids[1]), None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let order = json!({ "order": [ids[2], ids[0]] });
    let (status, queue) = server.api.call(Method::PUT, &format!("/missions/{mission}/queue"), Some(order)).await;
    assert_eq!(status, StatusCode::OK, "{queue}");
    let workspace = server.api.get(&format!("/missions/{mission}")).await["workspace"].clone();
    std::fs::write(server.data_dir().join(format!("workspaces/{}/tree/go", workspace.as_str().unwrap())), "").unwrap();
    until("all turns", async || {
        let mission = server.api.get(&format!("/missions/{mission}")).await;
        (mission["turns"] == 3 && mission["state"] == "awaiting_user").then_some(())
    })
    .await;

    assert_eq!(server.api.printed(&mission).await, "c\nA\n");
}

#[tokio::test]
async fn a_message_sent_now_interrupts_the_turn_and_goes_first() {
    let server = Server::start().await;
    let mission = server.api.mission("echo started; sleep 600").await;
    server.api.follow(&mission, 0, |event| event["kind"] == "tool_output").await;
    let messages = format!("/missions/{mission}/messages");
    server.api.post(&messages, json!({ "text": "echo later" })).await;
    let urgent = server.api.post(&messages, json!({ "text": "echo urgent" })).await;
    let urgent = urgent["id"].as_str().unwrap();
    server.api.post(&format!("/missions/{mission}/queue/{urgent}/send-now"), Value::Null).await;
    until("all turns", async || {
        let mission = server.api.get(&format!("/missions/{mission}")).await;
        (mission["turns"] == 3 && mission["state"] == "awaiting_user").then_some(())
    })
    .await;

    assert_eq!(server.api.printed(&mission).await, "started\nurgent\nlater\n");
    let events = server.api.events(&mission).await;
    assert_eq!(of_kind(&events, "turn_ended")[0]["outcome"], "interrupted");
}

#[tokio::test]
async fn cancelling_a_mission_leaves_no_process() {
    let server = Server::start().await;
    let marker = format!("{}.25", 1_000_000 + std::process::id());
    let script = format!("setsid sleep {marker} & (setsid sleep {marker} &) ; echo up; sleep {marker}");
    let mission = server.api.mission(&script).await;
    server.api.follow(&mission, 0, |event| event["kind"] == "tool_output").await;
    until("all three", async || (sleepers(&marker) >= 3).then_some(())).await;

    let cancelled = server.api.post(&format!("/missions/{mission}/cancel"), Value::Null).await;

    assert_eq!(cancelled["state"], "cancelled");
    assert_eq!(sleepers(&marker), 0, "a process outlived its mission");
}

/// Processes that sleep for just this time.
fn sleepers(marker: &str) -> usize {
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|process| std::fs::read(process.path().join("cmdline")).ok())
        .filter(|line| String::from_utf8_lossy(line).replace('\0', " ").trim() == format!("sleep {marker}"))
        .count()
}

#[tokio::test]
async fn a_script_that_ignores_the_interrupt_is_killed_after_the_grace() {
    let mut options = sandboxed_tests::server::Options::default();
    options.environment.push(("SANDBOXED_SH__MISSIONS__INTERRUPT_GRACE".to_owned(), "200ms".to_owned()));
    let server = Server::start_with(options).await;
    let mission = server.api.mission("trap '' INT TERM; echo up; while :; do sleep 1; done").await;
    server.api.follow(&mission, 0, |event| event["kind"] == "tool_output").await;
    server.api.post(&format!("/missions/{mission}/interrupt"), Value::Null).await;
    server.api.reaches(&mission, &["awaiting_user"]).await;

    let events = server.api.events(&mission).await;
    assert_eq!(of_kind(&events, "turn_ended")[0]["outcome"], "interrupted");
}

#[tokio::test]
async fn files_that_a_turn_changed_are_told_with_their_diff_in_a_repository() {
    let server = Server::start().await;
    let script = "git init -q . && printf 'a\\nb\\n' > kept && echo x > gone && \
                  git add -A && git -c user.name=t -c user.email=t@t commit -qm first";
    let mission = server.api.mission(script).await;
    server.api.reaches(&mission, &["awaiting_user"]).await;
    let first = server.api.events(&mission).await;
    let created: Vec<_> = of_kind(&first, "file_change").iter().map(|change| change["path"].clone()).collect();
    assert_eq!(created, ["gone", "kept"], "outside a repository a scan tells");

    let script = "printf 'a\\nB\\n' > kept; rm gone; echo new > 'new file'; git -c user.name=t -c user.email=t@t commit -qam second";
    server.api.post(&format!("/missions/{mission}/messages"), json!({ "text": script })).await;
    until("the second turn", async || {
        let mission = server.api.get(&format!("/missions/{mission}")).await;
        (mission["turns"] == 2 && mission["state"] == "awaiting_user").then_some(())
    })
    .await;
    let events = server.api.events(&mission).await;
    let changes: Vec<&Value> = of_kind(&events[first.len()..], "file_change");

    let seen: Vec<_> = changes.iter().map(|c| (c["path"].as_str().unwrap(), c["change"].as_str().unwrap())).collect();
    assert_eq!(seen, [("gone", "deleted"), ("kept", "modified"), ("new file", "created")]);
    assert!(changes[1]["diff"].as_str().unwrap().contains("-b\n+B\n"), "{changes:?}");
    assert_eq!((&changes[1]["added_lines"], &changes[1]["removed_lines"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn multi_line_scripts_and_bytes_that_are_no_text_are_survived() {
    let server = Server::start().await;
    let script = "for n in 1 2; do\n  echo line $n\ndone\nprintf '\\xff\\xfe\\x00bin'\n";
    let mission = server.api.mission(script).await;
    server.api.reaches(&mission, &["awaiting_user"]).await;

    let printed = server.api.printed(&mission).await;
    assert!(printed.starts_with("line 1\nline 2\n"), "{printed:?}");
    assert!(printed.ends_with("bin"), "{printed:?}");
}

#[tokio::test]
async fn a_hundred_megabytes_of_output_keep_their_start_and_their_end() {
    let server = Server::start().await;
    let script = "echo first; head -c 100000000 /dev/zero | tr '\\0' 'x' | fold -w 99; echo; echo last";
    let mission = server.api.mission(script).await;
    server.api.reaches(&mission, &["awaiting_user"]).await;

    let events = server.api.events(&mission).await;
    assert_gap_free(&events);
    let outputs = of_kind(&events, "tool_output");
    let text: String = outputs.iter().map(|body| body["text"].as_str().unwrap()).collect();
    assert!(text.starts_with("first\n") && text.ends_with("\nlast\n"), "{} bytes", text.len());
    assert!(text.len() < 6 << 20, "the event log took {} bytes", text.len());
    let omitted: u64 = outputs.iter().map(|body| body["omitted_bytes"].as_u64().unwrap_or(0)).sum();
    assert_eq!(omitted + text.len() as u64, 100_000_000 + 100_000_000 / 99 + 6 + 6, "bytes are missing without a mark");
}

#[tokio::test]
async fn endless_output_is_survived_in_bounded_memory_and_disk() {
    let mut options = sandboxed_tests::server::Options::default();
    options.environment.push(("SANDBOXED_SH__RUNS__SPOOL_LIMIT".to_owned(), "8MiB".to_owned()));
    let server = Server::start_with(options).await;
    let before = resident(server.pid());
    let mission = server.api.mission("yes").await;
    let runs = server.data_dir().join("runs");
    until("a good deal of output", async || {
        let mission = server.api.get(&format!("/missions/{mission}/events?limit=1000&kind=tool_output")).await;
        let kept: usize = mission["items"].as_array()?.iter().map(|e| e["body"]["text"].as_str().unwrap().len()).sum();
        (kept > 3 << 20).then_some(())
    })
    .await;
    let on_disk = du(&runs);
    let grown = resident(server.pid()).saturating_sub(before);
    server.api.post(&format!("/missions/{mission}/cancel"), Value::Null).await;

    assert!(on_disk < 12 << 20, "the spool takes {on_disk} bytes");
    assert!(grown < 100 << 20, "the server grew by {grown} bytes");
    assert_gap_free(&server.api.events(&mission).await);
}

fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

fn du(path: &std::path::Path) -> u64 {
    std::fs::read_dir(path)
        .unwrap()
        .flatten()
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => du(&entry.path()),
            _ => entry.metadata().map_or(0, |metadata| metadata.len()),
        })
        .sum()
}

#[tokio::test]
async fn a_silent_turn_is_shown_as_stalled_until_it_speaks() {
    let mut options = sandboxed_tests::server::Options::default();
    options.environment.push(("SANDBOXED_SH__MISSIONS__STALL_AFTER".to_owned(), "200ms".to_owned()));
    let server = Server::start_with(options).await;
    let mission =
        server.api.mission("until [ -e go ]; do sleep 0.05; done; echo awake; until [ -e end ]; do :; done").await;
    let stalled = |wanted: bool| {
        let (api, mission) = (server.api.clone(), mission.clone());
        async move || {
            let mission = api.get(&format!("/missions/{mission}")).await;
            (mission["stalled"] == wanted).then_some(mission)
        }
    };
    let shown = until("the turn to stall", stalled(true)).await;
    let tree = server.data_dir().join(format!("workspaces/{}/tree", shown["workspace"].as_str().unwrap()));
    std::fs::write(tree.join("go"), "").unwrap();
    until("the turn to go on", stalled(false)).await;
    std::fs::write(tree.join("end"), "").unwrap();
    server.api.reaches(&mission, &["awaiting_user"]).await;
}

#[tokio::test]
async fn turns_over_the_limit_wait_and_are_begun_in_order() {
    let mut options = sandboxed_tests::server::Options::default();
    options.environment.push(("SANDBOXED_SH__MISSIONS__MAX_PARALLEL".to_owned(), "1".to_owned()));
    let server = Server::start_with(options).await;
    let first = server.api.mission("echo up; sleep 600").await;
    server.api.follow(&first, 0, |event| event["kind"] == "tool_output").await;
    let second = server.api.mission("true").await;
    let third = server.api.mission("true").await;
    assert_eq!(server.api.state(&second).await, "queued");

    server.api.post(&format!("/missions/{third}/cancel"), Value::Null).await;
    server.api.post(&format!("/missions/{first}/cancel"), Value::Null).await;

    server.api.reaches(&second, &["awaiting_user"]).await;
    assert_eq!(kinds(&server.api.events(&third).await), ["state", "state"], "a cancelled mission was begun");
}
