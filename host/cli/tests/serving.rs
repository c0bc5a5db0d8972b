//! The server from its start to its end.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod program;

use std::{net::TcpListener, os::unix::fs::PermissionsExt};

use program::{Home, finished};

#[test]
fn a_port_that_is_taken_is_named_with_the_remedy_and_nothing_is_made() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = home.run(&["serve", "--listen", &address]).expect(4);

    assert!(
        refused.stderr.contains(&format!("error: the server cannot listen on {address}: another program")),
        "{refused:?}"
    );
    assert!(refused.stderr.contains("hint: ") && refused.stderr.contains("--listen"), "{refused:?}");
    assert!(!home.data_dir().exists());
}

#[test]
fn a_data_directory_that_cannot_be_used_is_named() {
    let home = Home::new();
    home.file("data", "a file");
    let refused = home.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_ne!(refused.code, Some(0));
    assert!(refused.stderr.contains("the data directory"), "{refused:?}");
    assert!(refused.stderr.contains("hint: "), "{refused:?}");
}

#[test]
fn a_second_server_on_the_same_data_is_refused_and_harms_nothing() {
    let home = Home::new().share_compiled_plugins();
    let server = home.serve();
    let before = server.file();
    let refused = home.run(&["serve", "--no-welcome", "--listen", "127.0.0.1:0"]);

    assert_eq!(refused.code, Some(4), "{refused:?}");
    assert!(refused.stderr.contains("another server uses"), "{refused:?}");
    assert_eq!(server.file(), before, "the file of the first server was replaced");
    home.run(&["missions", "list"]).expect(0);
    server.stop().expect(0);
}

#[test]
fn commands_without_a_server_wait_for_each_other() {
    let home = Home::new().share_compiled_plugins();
    home.run(&["missions", "list"]).expect(0);
    std::thread::scope(|scope| {
        let (home, names) = (&home, ["a", "b", "c"]);
        let made =
            names.map(|name| scope.spawn(move || home.run(&["workspaces", "create", name, "--backend", "host"])));
        made.into_iter().for_each(|made| drop(made.join().unwrap().expect(0)));
    });
    let listed = home.run(&["workspaces", "list", "--json"]).expect(0).json();
    assert_eq!(listed.as_array().unwrap().len(), 3, "{listed}");
}

#[test]
fn the_server_is_found_by_its_file_until_it_stops() {
    let home = Home::new().share_compiled_plugins();
    let server = home.serve();
    let path = home.data_dir().join("server.json");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let created = home.run(&["workspaces", "create", "found", "--json"]).expect(0).json();
    assert_eq!(created["name"], "found");

    server.stop().expect(0);
    assert!(!path.exists(), "server.json was left behind");
    let listed = home.run(&["workspaces", "list", "--json"]).expect(0).json();
    assert_eq!(listed[0]["name"], "found", "what a server made is not seen without it");
}

#[test]
fn a_file_that_a_killed_server_left_is_passed_over() {
    let home = Home::new().share_compiled_plugins();
    let mut server = home.serve();
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    assert!(home.data_dir().join("server.json").exists());

    home.run(&["missions", "list"]).expect(0);
}

#[test]
fn the_first_password_is_printed_once_and_in_no_log() {
    let home = Home::new().share_compiled_plugins();
    let first = home.serve().stop().expect(0);
    let line = first.stderr.lines().find(|line| line.contains("The password of the user admin is")).unwrap();
    let password = line.split_whitespace().last().unwrap();
    assert!(password.len() >= 16, "{line:?}");
    assert_eq!(first.stderr.matches(password).count(), 1);
    assert!(!first.stdout.contains(password));

    let second = home.serve().stop().expect(0);
    assert!(!second.stderr.contains("The password"), "{second:?}");
}

#[test]
fn what_the_server_says_at_its_start_names_address_data_and_plugins() {
    let home = Home::new().share_compiled_plugins();
    let server = home.serve();
    let url = server.file().unwrap()["url"].as_str().unwrap().to_owned();
    let said = server.stop().expect(0);

    assert!(said.stdout.contains(&format!("on {url}")), "{said:?}");
    assert!(said.stdout.contains(&home.data_dir().display().to_string()), "{said:?}");
    assert!(said.stdout.contains("shell (harness)"), "{said:?}");
}

#[test]
fn a_password_can_be_set_while_no_server_runs() {
    let home = Home::new().share_compiled_plugins();
    let server = home.serve();
    let set = |text: &str| {
        let input = home.file("password", text);
        finished(home.command(&["user", "set-password"]).stdin(std::fs::File::open(input).unwrap()).output().unwrap())
    };
    assert_eq!(set("correct horse battery\n").code, Some(4));
    server.stop().expect(0);

    set("correct horse battery\n").expect(0);
    assert_eq!(set("\n").code, Some(2));
    assert_ne!(set("short\n").code, Some(0));
}

#[test]
fn a_token_opens_the_server_as_far_as_its_scope_goes() {
    let home = Home::new().share_compiled_plugins();
    let server = home.serve();
    let url = server.file().unwrap()["url"].as_str().unwrap().to_owned();
    let secret = home.run(&["token", "create", "looks", "--scope", "read"]).expect(0).stdout;
    let elsewhere = Home::new();
    let with = |token: &str, arguments: &[&str]| {
        let mut command = elsewhere.command(arguments);
        finished(command.env("SANDBOXED_SH_URL", &url).env("SANDBOXED_SH_TOKEN", token).output().unwrap())
    };

    with(secret.trim(), &["missions", "list"]).expect(0);
    let refused = with(secret.trim(), &["workspaces", "create", "mine"]).expect(3);
    assert!(refused.stderr.starts_with("error: "), "{refused:?}");
    let refused = with("sbx_wrong", &["missions", "list"]).expect(3);
    assert!(refused.stderr.contains("hint: "), "{refused:?}");

    let tokens = home.run(&["token", "list", "--json"]).expect(0).json();
    let id = tokens.as_array().unwrap().iter().find(|token| token["name"] == "looks").unwrap()["id"].as_str().unwrap();
    home.run(&["token", "revoke", id]).expect(0);
    with(secret.trim(), &["missions", "list"]).expect(3);
    server.stop().expect(0);
}

#[test]
fn a_backup_is_taken_with_and_without_a_server_and_put_back() {
    let home = Home::new().share_compiled_plugins();
    home.run(&["workspaces", "create", "kept"]).expect(0);
    home.run(&["backup", "offline.db"]).expect(0);
    let server = home.serve();
    home.run(&["backup", "online.db"]).expect(0);
    assert_eq!(home.run(&["restore", "online.db"]).code, Some(4), "a backup was restored under a running server");
    server.stop().expect(0);
    home.run(&["workspaces", "delete", "kept"]).expect(0);

    for backup in ["offline.db", "online.db"] {
        let restored = home.run(&["restore", backup]).expect(0);
        assert!(restored.stdout.contains("before-restore"), "{restored:?}");
        let listed = home.run(&["workspaces", "list", "--json"]).expect(0).json();
        assert_eq!(listed[0]["name"], "kept");
    }
    let damaged = home.file("damaged.db", "not a database");
    let refused = finished(home.command(&["restore"]).arg(damaged).output().unwrap()).expect(4);
    assert!(refused.stderr.starts_with("error: "), "{refused:?}");
    home.run(&["workspaces", "list"]).expect(0);
}
