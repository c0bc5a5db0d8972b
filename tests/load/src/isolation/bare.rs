//! The tools that backends isolate with, each by hand and without a server.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use sandboxed_tests::{engine, root};
use tempfile::TempDir;

/// Bubblewrap as the plugin starts it.
const BUBBLEWRAP: [&str; 36] = [
    "--reuid=209999",
    "--regid=209999",
    "--clear-groups",
    "--",
    "bwrap",
    "--unshare-user",
    "--uid",
    "1000",
    "--gid",
    "1000",
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
    "--unshare-net",
    "--cap-drop",
    "ALL",
    "--die-with-parent",
    "--disable-userns",
    "--new-session",
    "--ro-bind",
    "/usr",
    "/usr",
    "--symlink",
    "usr/bin",
    "/bin",
    "--symlink",
    "usr/lib",
    "/lib",
    "--symlink",
    "usr/lib64",
    "/lib64",
    "--proc",
    "/proc",
    "--dev",
    "/dev",
];

/// A tool that runs commands in isolation.
pub(crate) enum Bare {
    Bubblewrap,
    /// With the root file system of the tests.
    Nspawn(TempDir),
    /// A container that is there, by its id.
    Docker(String),
}

impl Bare {
    /// Gets a system to run commands in.
    pub(crate) fn nspawn() -> Self {
        let directory = tempfile::tempdir().unwrap();
        done(
            Command::new("tar")
                .arg("--directory")
                .arg(directory.path())
                .arg("--extract")
                .arg("--file")
                .arg(root::archive()),
        );
        // What systemd-nspawn needs and does not make where systemd does not run.
        std::fs::create_dir_all("/run/systemd/nspawn/propagate").unwrap();
        let groups = Path::new("/sys/fs/cgroup/systemd");
        for group in ["payload", "supervisor"].into_iter().filter(|_| groups.exists()) {
            std::fs::create_dir_all(groups.join(group)).unwrap();
        }
        Self::Nspawn(directory)
    }

    /// The container of the workspace that the server made last.
    pub(crate) fn docker() -> Self {
        Self::Docker(done(docker().args(["ps", "--quiet", "--last", "1"])).trim().to_owned())
    }

    /// What the tool is called.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Bubblewrap => "bwrap",
            Self::Nspawn(_) => "systemd-nspawn",
            Self::Docker(_) => "docker exec",
        }
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, command: &[&str]) {
        let mut tool = match self {
            Self::Bubblewrap => {
                let mut tool = Command::new("setpriv");
                tool.args(BUBBLEWRAP).arg("--");
                tool
            }
            Self::Nspawn(directory) => {
                let mut tool = Command::new("systemd-nspawn");
                tool.args(["--quiet", "--as-pid2", "--register=no", "--keep-unit", "--pipe", "--private-network"]);
                tool.args(["--timezone=off", "--link-journal=no", "--directory"]).arg(directory.path()).arg("--");
                tool
            }
            Self::Docker(id) => {
                let mut tool = docker();
                tool.args(["exec", id]);
                tool
            }
        };
        done(tool.args(command));
    }
}

fn docker() -> Command {
    let mut command = Command::new("docker");
    command.arg("--host").arg(format!("unix://{}", engine::socket().display()));
    command
}

fn done(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
