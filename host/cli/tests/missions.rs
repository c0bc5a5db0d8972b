//! Missions from the command line, with a server and without.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod program;

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::Stdio,
};

use nix::sys::signal::Signal;
use program::{Home, finished, needs_plugins, send, until};
use serde_json::Value;

/// Does the same without a server and with one.
fn both(test: impl Fn(&Home)) {
    needs_plugins();
    test(&Home::new().share_compiled_plugins());
    let home = Home::new().share_compiled_plugins();
    let server = home.serve();
    test(&home);
    server.stop().expect(0);
}

#[test]
fn a_mission_that_succeeds_ends_with_0_and_tells_what_it_printed() {
    both(|home| {
        let ran = home.run(&["run", "echo hello; echo oops >&2"]).expect(0);
        // The two streams are read apart, so either may come first.
        let mut lines: Vec<_> = ran.stdout.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["hello", "oops"]);
        let last = ran.stderr.lines().last().unwrap();
        assert!(last.starts_with("mission ") && last.contains(" done in ") && last.ends_with("exit code 0"), "{ran:?}");
    });
}

#[test]
fn a_mission_that_fails_ends_with_1_and_says_why() {
    both(|home| {
        let ran = home.run(&["run", "echo before; exit 7"]).expect(1);
        assert_eq!(ran.stdout, "before\n");
        let last = ran.stderr.lines().last().unwrap();
        assert!(last.contains(" failed in ") && last.contains('7'), "{ran:?}");
    });
}

#[test]
fn json_is_one_event_a_line_and_nothing_else() {
    both(|home| {
        let ran = home.run(&["run", "--json", "echo hello"]).expect(0);
        let events: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for (index, event) in events.iter().enumerate() {
            assert_eq!(event["seq"], index as u64 + 1);
        }
        assert_eq!(events.last().unwrap()["body"]["to"], "done");

        let mission = events[0]["mission"].as_str().unwrap();
        let again = home.run(&["missions", "events", mission, "--json"]).expect(0);
        let stored: Vec<Value> = again.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(stored, events, "what was streamed is not what is stored");
        let followed = home.run(&["missions", "follow", mission, "--json"]).expect(0);
        assert_eq!(followed.stdout, ran.stdout);
    });
}

#[test]
fn the_prompt_can_come_from_standard_input() {
    needs_plugins();
    let home = Home::new().share_compiled_plugins();
    let mut child = home
        .command(&["run", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"echo from\necho stdin\n").unwrap();
    assert_eq!(finished(child.wait_with_output().unwrap()).expect(0).stdout, "from\nstdin\n");
}

#[test]
fn a_named_workspace_is_made_once_and_used_again() {
    both(|home| {
        home.run(&["run", "--workspace", "demo", "echo kept > file"]).expect(0);
        let ran = home.run(&["run", "--workspace", "demo", "--backend", "bubblewrap", "cat file"]).expect(0);
        assert_eq!(ran.stdout, "kept\n");
        let listed = home.run(&["workspaces", "list", "--json"]).expect(0).json();
        assert_eq!(listed.as_array().unwrap().len(), 1);

        let refused = home.run(&["run", "--workspace", "demo", "--backend", "other", "true"]).expect(1);
        assert!(refused.stderr.contains("is of the backend bubblewrap and not other"), "{refused:?}");
    });
}

#[test]
fn files_that_changed_are_told_with_their_diff() {
    needs_plugins();
    let home = Home::new().share_compiled_plugins();
    let git = "git -c user.name=t -c user.email=t@t";
    let first = format!("git init -q . && printf 'a\\nb\\n' > kept && git add -A && {git} commit -qm first");
    home.run(&["run", "--workspace", "demo", &first]).expect(0);
    let ran = home.run(&["run", "--workspace", "demo", "printf 'a\\nB\\n' > kept; echo new > added"]).expect(0);
    assert!(ran.stdout.contains("  M kept (+1 −1)\n"), "{ran:?}");
    assert!(ran.stdout.contains("    -b\n    +B\n"), "{ran:?}");
    assert!(ran.stdout.contains("  A added"), "{ran:?}");
}

#[test]
fn a_harness_that_is_not_there_is_named() {
    both(|home| {
        let refused = home.run(&["run", "--harness", "nowhere", "true"]).expect(1);
        assert!(refused.stderr.starts_with("error: no plugin \"nowhere\""), "{refused:?}");
    });
}

#[test]
fn ctrl_c_cancels_the_mission_and_its_processes() {
    both(|home| {
        let mut command = home.command(&["run", "echo $$; exec sleep 600"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let agent: u32 = line.trim().parse().unwrap();
        send(child.id(), Signal::SIGINT);
        let status = until("the command to end", || child.try_wait().unwrap());
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();

        assert_eq!(status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(" cancelled in "), "{stderr}");
        let running = std::fs::read_to_string(format!("/proc/{agent}/cmdline")).unwrap_or_default();
        assert!(!running.contains("sleep"), "the agent's process goes on");
        let listed = home.run(&["missions", "list", "--json"]).expect(0).json();
        assert_eq!(listed[0]["state"], "cancelled");
    });
}

#[test]
fn output_that_nobody_reads_any_more_ends_the_command_quietly() {
    both(|home| {
        let mut command = home.command(&["run", "for i in $(seq 200); do echo line $i; sleep 0.02; done"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut String::new()).unwrap();
        drop(stdout);
        let status = until("the command to end", || child.try_wait().unwrap());
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();

        assert_eq!(stderr, "");
        assert_eq!(status.code(), Some(141));
    });
}

#[test]
fn a_mission_can_be_left_to_the_server_and_steered() {
    needs_plugins();
    let home = Home::new().share_compiled_plugins();
    let refused = home.run(&["run", "--detach", "true"]).expect(4);
    assert!(refused.stderr.contains("no running server"), "{refused:?}");

    let server = home.serve();
    let mission = home.run(&["run", "--detach", "echo up; sleep 600"]).expect(0).stdout;
    let mission = mission.trim();
    until("the mission to run", || {
        let shown = home.run(&["missions", "show", mission, "--json"]).expect(0).json();
        (shown["state"] == "running").then_some(())
    });
    home.run(&["missions", "send", mission, "echo next"]).expect(0);
    let queue = home.run(&["missions", "queue", mission]).expect(0);
    assert!(queue.stdout.contains("echo next"), "{queue:?}");
    let listed = home.run(&["missions", "list", "--state", "running"]).expect(0);
    assert!(listed.stdout.contains(mission), "{listed:?}");

    home.run(&["missions", "cancel", mission]).expect(0);
    let shown = home.run(&["missions", "show", mission]).expect(0);
    assert!(shown.stdout.contains("cancelled"), "{shown:?}");
    home.run(&["missions", "delete", mission]).expect(0);
    assert!(home.run(&["missions", "show", mission]).expect(1).stderr.starts_with("error: no mission"));
    server.stop().expect(0);
}

#[test]
fn what_was_printed_is_found_by_its_words() {
    both(|home| {
        home.run(&["run", "echo marmalade"]).expect(0);
        let found = home.run(&["missions", "search", "marmalade", "--json"]).expect(0).json();
        assert!(!found.as_array().unwrap().is_empty());
        let found = home.run(&["missions", "search", "nonesuch"]).expect(0);
        assert_eq!(found.stdout, "nothing found\n");
    });
}

#[test]
fn tools_work_on_the_files_of_a_workspace() {
    both(|home| {
        home.run(&["workspaces", "create", "desk"]).expect(0);
        let tools = home.run(&["tools", "list", "workspace", "--json"]).expect(0).json();
        assert!(!tools.as_array().unwrap().is_empty());
        let refused = home.run(&["tools", "call", "workspace", "no_such_tool", "--workspace", "desk"]).expect(1);
        assert!(refused.stderr.contains("error: plugin workspace: there is no tool"), "{refused:?}");
    });
}

#[test]
fn plugins_and_harnesses_describe_themselves() {
    both(|home| {
        let listed = home.run(&["plugin", "list"]).expect(0);
        assert!(listed.stdout.contains("shell") && listed.stdout.contains("ready"), "{listed:?}");
        home.run(&["plugin", "inspect", "shell"]).expect(0);
        home.run(&["plugin", "reload", "shell"]).expect(0);
        let about = home.run(&["harness", "show", "shell", "--json"]).expect(0).json();
        assert!(about["about"]["summary"].is_string());
        assert_eq!(about["phase"], "not_needed");
        let harnesses = home.run(&["harness", "list"]).expect(0);
        assert!(harnesses.stdout.contains("nothing to install"), "{harnesses:?}");
        home.run(&["harness", "install", "shell"]).expect(1);
    });
}

#[test]
fn the_doctor_tells_what_was_tried() {
    both(|home| {
        let report = home.run(&["doctor"]);
        assert!(report.stdout.contains("✓ store"), "{report:?}");
        let report = home.run(&["doctor", "--json"]).json();
        assert!(report["checks"].as_array().unwrap().len() > 3);
    });
}

#[test]
fn a_first_start_shows_a_welcome_mission_that_ends_well() {
    needs_plugins();
    let home = Home::new().share_compiled_plugins();
    let mut command = home.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut shown = String::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The last line of the welcome; were it not to come, the test would end with its harness' own deadline.
    while !shown.contains("shows it again") {
        shown.push_str(&lines.next().unwrap().unwrap());
        shown.push('\n');
    }
    send(child.id(), Signal::SIGTERM);
    let status = until("the server to stop", || child.try_wait().unwrap());

    assert_eq!(status.code(), Some(0));
    assert!(shown.contains("FAILED: 1 + 2 + 3 should be 6 and is 5"), "{shown}");
    assert!(shown.contains("ok: 1 + 2 + 3 = 6"), "{shown}");
    assert!(shown.contains("  M sum.sh (+1 −1)"), "{shown}");
    assert!(shown.contains(" done in "), "{shown}");
}

#[test]
fn a_mission_is_followed_over_the_death_of_its_server() {
    needs_plugins();
    let home = Home::new().share_compiled_plugins();
    let mut server = home.serve();
    let mut command =
        home.command(&["run", "--workspace", "demo", "echo before; until [ -e go ]; do sleep 0.05; done; echo after"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut shown = String::new();
    stdout.read_line(&mut shown).unwrap();
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let server = home.serve();
    let workspace = home.run(&["workspaces", "show", "demo", "--json"]).expect(0).json();
    let tree = home.data_dir().join("workspaces").join(workspace["id"].as_str().unwrap()).join("tree");
    std::fs::write(tree.join("go"), "").unwrap();
    stdout.read_to_string(&mut shown).unwrap();

    assert_eq!(finished(child.wait_with_output().unwrap()).code, Some(0), "{shown}");
    assert!(shown.starts_with("before\nafter\n"), "{shown}");
    server.stop().expect(0);
}
