//! What holds for the whole command line.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod program;

use std::{io::Read, process::Stdio};

use program::Home;

#[test]
fn a_wrong_command_line_ends_with_2() {
    let home = Home::new();
    for arguments in
        [&["no-such-command"][..], &["run"], &["run", "a", "b"], &["missions", "show", "no-uuid"], &["shimm"]]
    {
        let refused = home.run(arguments).expect(2);
        assert!(refused.stderr.starts_with("error: "), "{refused:?}");
    }
}

#[test]
fn settings_that_are_no_json_object_are_refused() {
    let refused = Home::new().run(&["run", "--settings", "[1]", "echo"]).expect(2);
    assert!(refused.stderr.contains("it is no JSON object"), "{refused:?}");
}

#[test]
fn a_server_that_does_not_answer_ends_with_4() {
    let home = Home::new();
    // The port is free: nobody listens on it, and nobody may who is not root.
    for arguments in [
        &["missions", "list", "--server", "http://127.0.0.1:1"][..],
        &["run", "echo", "--server", "http://127.0.0.1:1"],
    ] {
        let failed = home.run(arguments).expect(4);
        assert!(failed.stderr.starts_with("error: the server http://127.0.0.1:1 does not answer: "), "{failed:?}");
        assert!(failed.stderr.contains("\nhint: "), "{failed:?}");
    }
    assert!(!home.data_dir().exists(), "a server of its own was started");
}

#[test]
fn the_openapi_document_is_json() {
    let document = Home::new().run(&["openapi"]).expect(0).json();
    assert_eq!(document["openapi"].as_str().unwrap().split('.').next(), Some("3"));
    assert!(document["paths"]["/api/v1/missions"]["post"].is_object());
}

#[test]
fn completions_name_the_commands_and_no_hidden_ones() {
    for shell in ["bash", "zsh", "fish"] {
        let script = Home::new().run(&["completions", shell]).expect(0).stdout;
        assert!(script.contains("workspaces"), "{shell}");
    }
}

#[test]
fn help_hides_what_only_the_server_starts() {
    let help = Home::new().run(&["--help"]).expect(0).stdout;
    assert!(help.contains("missions") && !help.contains("shim"), "{help}");
}

#[test]
fn output_that_nobody_reads_ends_quietly() {
    let home = Home::new();
    let mut child = home.command(&["openapi"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    let status = child.wait().unwrap();

    assert_eq!(stderr, "");
    assert_eq!(status.code(), Some(141));
}
