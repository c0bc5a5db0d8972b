//! The built program on a data directory of its own.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use tempfile::TempDir;

/// How long a test waits for what must come. Far longer than anything takes, because it only ends what hangs.
const DEADLINE: Duration = Duration::from_secs(120);

/// A home with nothing in it.
pub(crate) struct Home {
    dir: TempDir,
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Writes a file and gives its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The program with nothing of the tester's own settings.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandboxed-sh"));
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let seed = ["HOST", "PORT", "WORKING_DIR", "DASHBOARD_PASSWORD", "MAX_PARALLEL_MISSIONS", "RUST_LOG"];
            if text.starts_with("SANDBOXED_SH") || seed.contains(&text.as_ref()) {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .env("HOME", self.path())
            .env("SANDBOXED_SH__SERVER__DATA_DIR", self.data_dir())
            .env("SANDBOXED_SH_PLUGIN_DIR", plugin_dir())
            .env("NO_COLOR", "1")
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    /// Lets compiled plugins be kept where all tests find them: to compile them anew costs each home a second.
    pub(crate) fn share_compiled_plugins(self) -> Self {
        let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache");
        std::fs::create_dir_all(shared.join("plugins")).unwrap();
        // The key of the cache's seals. Whoever comes first makes it, as a whole.
        let mut key = tempfile::NamedTempFile::new_in(&shared).unwrap();
        key.write_all(&[7; 32]).unwrap();
        // It fails when another test was first.
        let _ = key.persist_noclobber(shared.join("plugins/key"));
        std::fs::create_dir(self.data_dir()).unwrap();
        std::os::unix::fs::symlink(shared, self.data_dir().join("cache")).unwrap();
        self
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Finished {
        finished(self.command(arguments).output().unwrap())
    }

    /// Starts a server and waits until it can be used.
    pub(crate) fn serve(&self) -> Server {
        let mut command = self.command(&["serve", "--no-welcome", "--listen", "127.0.0.1:0"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut server = Server { child, data_dir: self.data_dir() };
        let pid = server.child.id();
        until("the server to listen", || {
            if let Some(status) = server.child.try_wait().unwrap() {
                let mut stderr = String::new();
                server.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
                panic!("the server ended with {status}: {stderr}");
            }
            server.file().filter(|file| file["pid"] == pid)
        });
        server
    }
}

/// A server that is killed when the test ends.
pub(crate) struct Server {
    pub(crate) child: Child,
    data_dir: PathBuf,
}

impl Server {
    /// What the server wrote for commands to find it.
    pub(crate) fn file(&self) -> Option<Value> {
        serde_json::from_slice(&std::fs::read(self.data_dir.join("server.json")).ok()?).ok()
    }

    /// Asks the server to stop, and gives its exit status and what it had printed.
    pub(crate) fn stop(mut self) -> Finished {
        send(self.child.id(), Signal::SIGTERM);
        let status = until("the server to stop", || self.child.try_wait().unwrap());
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        Finished { code: status.code(), stdout, stderr }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail when the server has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn send(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid.cast_signed()), signal).unwrap();
}

/// The components of the plugins that come with the server.
fn plugin_dir() -> PathBuf {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins");
    std::env::var_os("SANDBOXED_SH_PLUGIN_DIR").map_or(built, PathBuf::from)
}

/// Says that the test needs plugins where they are not built.
pub(crate) fn needs_plugins() {
    let shell = plugin_dir().join("shell.wasm");
    assert!(shell.exists(), "{} is missing: build the plugins with `make plugins`", shell.display());
}

pub(crate) fn finished(output: std::process::Output) -> Finished {
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Waits until `probe` finds something.
pub(crate) fn until<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl Finished {
    /// It has this exit status, or the test says what was printed.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// What was printed, as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {:?}", self.stdout))
    }
}
