//! Compiled plugins that the servers of all tests share: compiling takes longer than most tests.

use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use crate::cli;

/// Beside the binary, so that it goes with it.
fn shared() -> PathBuf {
    cli::binary().with_file_name("test-plugin-cache")
}

/// Gives a server that is not started yet what others have compiled.
pub fn lend(data_dir: &Path) {
    let own = data_dir.join("cache/plugins");
    DirBuilder::new().recursive(true).mode(0o700).create(&own).unwrap();
    copy(&shared(), &own);
}

/// Keeps what a server has compiled. All servers must have the same key, so the first one's counts.
pub fn keep(data_dir: &Path) {
    let (own, shared) = (data_dir.join("cache/plugins"), shared());
    std::fs::create_dir_all(&shared).unwrap();
    let (ours, theirs) = (std::fs::read(own.join("key")), std::fs::read(shared.join("key")));
    if theirs.is_err() || ours.is_ok_and(|ours| theirs.is_ok_and(|theirs| ours == theirs)) {
        copy(&own, &shared);
    }
}

/// Copies what is not there. Whoever reads at the same time sees whole files; another copier may have been faster.
fn copy(from: &Path, to: &Path) {
    let Ok(files) = std::fs::read_dir(from) else { return };
    for file in files.flatten().filter(|file| !file.file_name().to_string_lossy().starts_with('.')) {
        let there = to.join(file.file_name());
        if there.exists() {
            continue;
        }
        let copied = tempfile::NamedTempFile::new_in(to).unwrap();
        std::fs::copy(file.path(), copied.path()).unwrap();
        let _ = copied.persist_noclobber(there);
    }
}
