//! The programs of agents, as the server itself installs them: from the npm registry, once for all tests.

use std::{
    collections::BTreeSet,
    fs::File,
    path::{Path, PathBuf},
    sync::Mutex,
};

use crate::cli;

/// Harnesses whose programs this process has seen to be there.
static THERE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Where they are kept for other servers.
fn shared() -> PathBuf {
    let directory = match std::env::var_os("SANDBOXED_SH_TEST_ROOTS") {
        Some(directory) => PathBuf::from(directory),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/test-images"),
    };
    let shared = directory.join("agents");
    std::fs::create_dir_all(&shared).unwrap();
    shared.canonicalize().unwrap()
}

/// Gives a server that is not started yet the program of a harness, installed by another server if it is not there.
pub fn lend(data_dir: &Path, harness: &str) {
    let shared = shared();
    let data = shared.join("data");
    let mut there = THERE.lock().unwrap();
    if !there.contains(harness) {
        // One test program installs, and the others wait.
        let lock = File::create(shared.join(format!("{harness}.lock"))).unwrap();
        lock.lock().unwrap();
        cli::cli(&data, &["harness", "install", harness]).success();
        there.insert(harness.to_owned());
    }
    drop(there);
    let own = data_dir.join("harnesses");
    std::fs::create_dir_all(&own).unwrap();
    link(&data.join("harnesses").join(harness), &own.join(harness));
}

/// The same tree, of the same files.
fn link(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").arg("-al").args([from, to]).status().unwrap();
    assert!(copied.success(), "{} could not be linked", from.display());
}
