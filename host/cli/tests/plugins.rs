//! Checking components and beginning plugins.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod program;

use program::{Home, finished, needs_plugins};

#[test]
fn what_is_no_component_is_refused_with_the_reason() {
    let home = Home::new();
    home.file("text.wasm", "hello");
    for (file, status) in [("text.wasm", 1), ("nowhere.wasm", 1)] {
        let refused = home.run(&["plugin", "verify", file]).expect(status);
        assert!(
            refused.stderr.starts_with("error: ") && refused.stderr.contains(file)
                || refused.stderr.contains("component"),
            "{refused:?}"
        );
    }
}

#[test]
fn a_component_is_described_with_the_table_that_grants_what_it_asks_for() {
    needs_plugins();
    let home = Home::new();
    let shell = std::env::var("SANDBOXED_SH_PLUGIN_DIR")
        .map_or_else(|_| std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins"), Into::into)
        .join("shell.wasm");
    let verified = finished(home.command(&["plugin", "verify"]).arg(&shell).output().unwrap()).expect(0);
    assert!(verified.stdout.contains("is a harness plugin"), "{verified:?}");
    let (_, table) = verified.stdout.split_once("[[plugin]]").unwrap();

    // What was printed is a configuration that the same program accepts.
    let config = home.file("my.toml", &format!("[[plugin]]{table}"));
    let checked = finished(home.command(&["serve", "--check", "--config"]).arg(config).output().unwrap()).expect(0);
    assert_eq!(checked.stderr, "");
}

#[test]
fn a_new_plugin_is_a_project_of_its_own_and_overwrites_nothing() {
    let home = Home::new();
    for kind in ["tools", "harness", "backend"] {
        let name = format!("my-{kind}");
        let begun = home.run(&["plugin", "new", "--kind", kind, "--lang", "rust", &name]).expect(0);
        assert!(begun.stdout.contains("cargo build"), "{begun:?}");
        let project = home.path().join(&name);
        let manifest: toml::Table = std::fs::read_to_string(project.join("Cargo.toml")).unwrap().parse().unwrap();
        assert_eq!(manifest["package"]["name"].as_str(), Some(name.as_str()));
        assert!(manifest["workspace"].is_table(), "the project would be taken for a part of another");
        assert!(project.join("sdk/Cargo.toml").is_file());
        assert!(project.join("sdk/wit").is_dir());

        let again = home.run(&["plugin", "new", "--kind", kind, &name]).expect(1);
        assert!(again.stderr.contains("exists already"), "{again:?}");
    }
}

#[test]
fn a_new_plugin_can_use_an_sdk_elsewhere() {
    let home = Home::new();
    let sdk = concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins/sdk");
    home.run(&["plugin", "new", "--kind", "tools", "--sdk", sdk, "mine"]).expect(0);
    let manifest = std::fs::read_to_string(home.path().join("mine/Cargo.toml")).unwrap();
    assert!(manifest.contains("/plugins/sdk\""), "{manifest}");
    assert!(!home.path().join("mine/sdk").exists());

    let refused = home.run(&["plugin", "new", "--kind", "tools", "--sdk", "nowhere", "other"]).expect(2);
    assert!(refused.stderr.contains("there is no SDK at nowhere"), "{refused:?}");
    assert!(!home.path().join("other").exists(), "half a project was left behind");
}

#[test]
fn a_name_that_no_plugin_can_have_is_refused() {
    Home::new().run(&["plugin", "new", "--kind", "tools", "../evil"]).expect(2);
}
