//! The command line.

use std::{
    path::PathBuf,
    process::{Command, Output, Stdio},
};

/// The built binary. It lies beside this executable or, for a test, one folder up.
pub fn binary() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let found = this.ancestors().skip(1).take(2).map(|folder| folder.join("sandboxed-sh")).find(|path| path.is_file());
    found.expect("sandboxed-sh is missing: build it with `cargo build --workspace`")
}

/// The components of the plugins that come with the server.
pub fn plugin_dir() -> PathBuf {
    let folder = match std::env::var_os("SANDBOXED_SH_PLUGIN_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/plugins"),
    };
    assert!(
        folder.join("shell.wasm").exists(),
        "{} holds no plugins: build them with `make plugins`",
        folder.display()
    );
    folder
}

/// A command line without anything of the tester's own settings.
pub fn command(data_dir: &std::path::Path) -> Command {
    command_of(&binary(), data_dir)
}

/// The same with a copy of the program.
pub fn command_of(program: &std::path::Path, data_dir: &std::path::Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SANDBOXED_SH") {
            command.env_remove(name);
        }
    }
    command
        .env("SANDBOXED_SH__SERVER__DATA_DIR", data_dir)
        .env("SANDBOXED_SH_PLUGIN_DIR", plugin_dir())
        .env("HOME", data_dir)
        .env("NO_COLOR", "1")
        .current_dir(data_dir.parent().unwrap())
        .stdin(Stdio::null());
    command
}

/// A command line that has ended.
#[derive(Debug)]
pub struct Finished {
    /// Exit status.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Runs `sandboxed-sh` with these arguments on a data directory.
pub fn cli(data_dir: &std::path::Path, arguments: &[&str]) -> Finished {
    finished(command(data_dir).args(arguments).output().unwrap())
}

/// Reads a finished process.
pub fn finished(output: Output) -> Finished {
    Finished {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Finished {
    /// The command has succeeded, or the test says what it printed.
    #[track_caller]
    pub fn success(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }
}
