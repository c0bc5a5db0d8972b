//! Errors as people and programs get them: a stable code, who has to act, and what mends it.

use sandboxed_model::{Blame, Failure};

use crate::{Error, LaunchFailure};

impl Error {
    /// What went wrong, with its code (`run.…`) and its remedy.
    pub fn failure(&self) -> Failure {
        let (blame, code, hint) = match self {
            Self::Launch(failure) => return failure.failure(),
            Self::Invalid(_) => (Blame::Plugin, "run.invalid", None),
            Self::Exists(_) => (Blame::Host, "run.exists", None),
            Self::Alive(_) => (Blame::Host, "run.alive", Some("end the run first")),
            Self::Ended => (Blame::Host, "run.ended", None),
            Self::Lost(_) => (Blame::Unavailable, "run.lost", Some("start it again")),
            Self::StdinFull { .. } => {
                (Blame::Unavailable, "run.stdin_full", Some("wait until the process reads, or end the run"))
            }
            Self::StdinClosed => (Blame::Host, "run.stdin_closed", None),
            Self::NoTerminal => (Blame::Host, "run.no_terminal", Some("start the run with a terminal")),
            Self::Deadline(_) => (Blame::Deadline, "run.deadline", None),
            Self::Shim(_) => {
                (Blame::Host, "run.shim_failed", Some("`sandboxed-sh doctor` tells what is wrong with this machine"))
            }
            Self::Unreachable(_) => (Blame::Host, "run.unreachable", Some("kill the run")),
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                (Blame::Unavailable, "run.disk_full", Some("free some space in server.data_dir"))
            }
            Self::Io { .. } => (Blame::Host, "run.files", Some("check the permissions of server.data_dir")),
        };
        build(blame, code, self.to_string(), hint)
    }
}

impl LaunchFailure {
    /// What went wrong, with its code (`run.…`) and its remedy.
    pub fn failure(&self) -> Failure {
        let (blame, code, hint) = match self {
            Self::ProgramMissing { .. } => {
                (Blame::Unavailable, "run.program_missing", "install the program, or name it by its absolute path")
            }
            Self::Permission { .. } => {
                (Blame::Unavailable, "run.permission", "let the user that runs the server use it (chmod, chown)")
            }
            Self::NotRunnable { .. } => {
                (Blame::Unavailable, "run.not_runnable", "check the file's first line and that it is for this machine")
            }
            Self::CwdMissing { .. } => (Blame::Unavailable, "run.cwd_missing", "make the directory"),
            Self::ArgumentTooLong { .. } => {
                (Blame::Plugin, "run.argument_too_long", "hand the text over in a file or on standard input")
            }
            Self::Containment { .. } => (
                Blame::Unavailable,
                "run.containment",
                "start the server as root, or delegate a cgroup to it (systemd: Delegate=yes)",
            ),
            Self::Limits { .. } => (
                Blame::Unavailable,
                "run.limits",
                "start the server as root, or delegate a cgroup to it (systemd: Delegate=yes); or make the workspace without limits",
            ),
            Self::Confinement { .. } => (
                Blame::Unavailable,
                "run.confinement",
                "`sandboxed-sh doctor` tells what this machine lacks; a server that is root needs CAP_SYS_ADMIN",
            ),
            Self::System { .. } => {
                (Blame::Host, "run.shim_failed", "`sandboxed-sh doctor` tells what is wrong with this machine")
            }
        };
        build(blame, code, self.to_string(), Some(hint))
    }
}

fn build(blame: Blame, code: &str, message: String, hint: Option<&str>) -> Failure {
    let failure = Failure::new(blame, code, message);
    match hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}
