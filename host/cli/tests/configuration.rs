//! How the configuration is found and what is said of a wrong one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod program;

use program::{Home, finished};

#[test]
fn without_any_file_the_embedded_configuration_is_valid() {
    let home = Home::new();
    let checked = home.run(&["serve", "--check"]).expect(0);

    assert!(checked.stdout.starts_with("the embedded configuration is valid: 12 plugins"), "{checked:?}");
    assert!(!home.data_dir().exists(), "a check made the data directory");
}

#[test]
fn an_unknown_key_ends_with_2_and_names_the_line_and_what_was_meant() {
    let home = Home::new();
    let config = home.file("my.toml", "[server]\nlistn = \"127.0.0.1:1\"\n");
    for arguments in [["serve", "--check"], ["missions", "list"]] {
        let refused = finished(home.command(&arguments).arg("--config").arg(&config).output().unwrap()).expect(2);

        assert!(
            refused.stderr.starts_with(&format!("error: {}:2: server.listn: unknown key", config.display())),
            "{refused:?}"
        );
        assert!(refused.stderr.contains("did you mean \"listen\"?"), "{refused:?}");
        assert_eq!(refused.stdout, "");
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let home = Home::new();
    let config = home.file("my.toml", "[server]\nlisten = 1\n[missions]\nstall_after = \"soon\"\n");
    let mut command = home.command(&["serve", "--check", "--config"]);
    command.arg(config).env("SANDBOXED_SH__RUNS__KEPT", "1d");
    let refused = finished(command.output().unwrap()).expect(2);

    assert_eq!(refused.stderr.lines().filter(|line| line.starts_with("error: ")).count(), 3, "{refused:?}");
}

#[test]
fn a_configuration_that_was_named_must_be_there() {
    let home = Home::new();
    let refused = home.run(&["serve", "--check", "--config", "nowhere.toml"]).expect(2);
    assert!(refused.stderr.starts_with("error: the configuration nowhere.toml cannot be read"), "{refused:?}");
}

#[test]
fn the_configuration_is_looked_for_in_order() {
    let home = Home::new();
    std::fs::create_dir_all(home.path().join(".sandboxed-sh")).unwrap();
    std::fs::create_dir_all(home.path().join("config")).unwrap();
    let port = |port: u16| format!("[server]\nlisten = \"127.0.0.1:{port}\"\n");
    home.file(".sandboxed-sh/sandboxed.toml", &port(4));
    let checked = |command: &mut std::process::Command| finished(command.output().unwrap()).expect(0).stdout;
    let check = ["serve", "--check"];

    assert!(checked(&mut home.command(&check)).contains("127.0.0.1:4"));
    home.file("config/sandboxed.toml", &port(3));
    assert!(checked(&mut home.command(&check)).contains("127.0.0.1:3"));
    let by_variable = home.file("variable.toml", &port(2));
    assert!(checked(home.command(&check).env("SANDBOXED_SH_CONFIG", &by_variable)).contains("127.0.0.1:2"));
    let by_option = home.file("option.toml", &port(1));
    let mut command = home.command(&check);
    command.env("SANDBOXED_SH_CONFIG", &by_variable).arg("--config").arg(&by_option);
    assert!(checked(&mut command).contains("127.0.0.1:1"));
}

#[test]
fn an_address_that_others_can_reach_is_refused_without_a_chosen_password() {
    let home = Home::new();
    let refused = home.run(&["serve", "--check", "--listen", "0.0.0.0:3000"]).expect(2);
    assert!(refused.stderr.contains("auth.admin_password_file"), "{refused:?}");

    let mut command = home.command(&["serve", "--check", "--listen", "0.0.0.0:3000"]);
    finished(command.env("DASHBOARD_PASSWORD", "correct horse battery").output().unwrap()).expect(0);
}

#[test]
fn a_password_file_that_cannot_be_read_is_named() {
    let home = Home::new();
    let mut command = home.command(&["serve", "--check"]);
    let refused =
        finished(command.env("SANDBOXED_SH__AUTH__ADMIN_PASSWORD_FILE", "nowhere").output().unwrap()).expect(2);
    assert!(refused.stderr.contains("nowhere cannot be read"), "{refused:?}");
}

#[test]
fn a_component_that_is_not_found_is_said_with_the_places() {
    let home = Home::new();
    let config = home.file("my.toml", "[[plugin]]\nid = \"a\"\nkind = \"tools\"\ncomponent = \"no-such.wasm\"\n");
    let checked = finished(home.command(&["serve", "--check", "--config"]).arg(config).output().unwrap()).expect(0);
    assert!(checked.stderr.contains("warning: plugin a: no-such.wasm is not found in"), "{checked:?}");
}
