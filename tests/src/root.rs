//! A root file system that systems of the tests begin with.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The name of the image in the configuration of the tests.
pub const IMAGE: &str = "test";

/// Where [`archive`] is, or will be once it was asked for.
pub(crate) fn place() -> PathBuf {
    let directory = match std::env::var_os("SANDBOXED_SH_TEST_ROOTS") {
        Some(directory) => PathBuf::from(directory),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/test-images"),
    };
    std::fs::create_dir_all(&directory).unwrap();
    directory.canonicalize().unwrap().join("bookworm.tar")
}

/// A tar archive of a small Debian. It is made once for all tests, which takes half a minute and Debian's packages.
pub fn archive() -> PathBuf {
    static ARCHIVE: OnceLock<PathBuf> = OnceLock::new();
    ARCHIVE
        .get_or_init(|| {
            let archive = place();
            // One test program makes it, and the others wait.
            let lock = File::create(archive.with_extension("lock")).unwrap();
            lock.lock().unwrap();
            if !archive.exists() {
                let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/test-root.sh");
                let made = Command::new(script).arg(&archive).status().unwrap();
                assert!(made.success(), "scripts/test-root.sh ended with {made}");
            }
            archive
        })
        .clone()
}
