//! What can go wrong.

use std::{io, path::PathBuf, time::Duration};

use nix::errno::Errno;
use sandboxed_model::RunId;
use serde::{Deserialize, Serialize};

/// Anything that can go wrong in this crate. [`Error::failure`] tells it in the form that people and programs get.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program could not be started.
    #[error(transparent)]
    Launch(#[from] LaunchFailure),
    /// The description of what to start contradicts itself.
    #[error("the process cannot be described like this: {0}")]
    Invalid(String),
    /// A run with this id exists already.
    #[error("run {0} exists already")]
    Exists(RunId),
    /// The run lives, and what was asked needs it to have ended.
    #[error("run {0} is still alive")]
    Alive(RunId),
    /// The run has ended, and what was asked needs it to live.
    #[error("the run has ended")]
    Ended,
    /// The run's supervisor is gone, and with it the run.
    #[error("the run was lost: {0}")]
    Lost(String),
    /// Too much of what was written waits to be read by the process.
    #[error("the process does not read its standard input: {waiting} bytes wait")]
    StdinFull {
        /// Bytes that wait.
        waiting: u64,
    },
    /// The process cannot be written to (any more).
    #[error("standard input is closed")]
    StdinClosed,
    /// The run has no terminal.
    #[error("the run has no terminal")]
    NoTerminal,
    /// The program did not end in time.
    #[error("the program did not end within {} ms and was killed", .0.as_millis())]
    Deadline(Duration),
    /// The shim could not be started or broke down.
    #[error("the run's supervisor failed: {0}")]
    Shim(String),
    /// The shim lives but does not answer.
    #[error("the run's supervisor cannot be reached: {0}")]
    Unreachable(String),
    /// Files of the run could not be read or written.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// A task that the runtime dropped or that panicked.
    pub(crate) fn task(error: tokio::task::JoinError) -> Self {
        Self::Io { what: "a task of the server was cut short".to_owned(), source: io::Error::other(error) }
    }
}

/// Why a program did not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaunchFailure {
    /// There is no such program.
    #[error("the program {program:?} was not found{}", looked_in(searched))]
    ProgramMissing {
        /// As it was asked for.
        program: String,
        /// The PATH that was searched, where one was.
        searched: Option<String>,
    },
    /// The file exists and may not be run, or the directory may not be entered.
    #[error("permission to use {path:?} is denied")]
    Permission {
        /// What is denied.
        path: PathBuf,
    },
    /// The file is not a program, or the interpreter that its first line names does not exist.
    #[error("{path:?} cannot be run: {reason}")]
    NotRunnable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The working directory does not exist or is no directory.
    #[error("the working directory {path:?} does not exist")]
    CwdMissing {
        /// Which.
        path: PathBuf,
    },
    /// Arguments and variables together, or one of them, are longer than the kernel takes.
    #[error("the arguments and variables of {program:?} are {bytes} bytes, which is more than the system takes")]
    ArgumentTooLong {
        /// The program.
        program: String,
        /// Bytes of all arguments and variables.
        bytes: u64,
    },
    /// What holds the process tree together could not be set up.
    #[error("the processes cannot be held together as was asked for: {reason}")]
    Containment {
        /// Why.
        reason: String,
    },
    /// What it may use could not be limited as was asked for, so it was not started.
    #[error("the processes cannot be limited as was asked for: {reason}")]
    Limits {
        /// Why.
        reason: String,
    },
    /// It could not be held to what was asked for, so it was not started.
    #[error("the process cannot be confined as was asked for: {step}: {reason}")]
    Confinement {
        /// What was being done.
        step: String,
        /// What the system said.
        reason: String,
    },
    /// Something else that the system refused.
    #[error("{what}: {reason}")]
    System {
        /// What was being done.
        what: String,
        /// What the system said.
        reason: String,
    },
}

fn looked_in(searched: &Option<String>) -> String {
    searched.as_ref().map(|path| format!(" on PATH {path:?}")).unwrap_or_default()
}

impl LaunchFailure {
    pub(crate) fn system(what: impl Into<String>, reason: impl ToString) -> Self {
        Self::System { what: what.into(), reason: reason.to_string() }
    }

    pub(crate) fn no_cwd(path: impl Into<PathBuf>, error: &io::Error) -> Self {
        let path = path.into();
        match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::EACCES | Errno::EPERM) => Self::Permission { path },
            _ => Self::CwdMissing { path },
        }
    }
}
