//! How a command fails: what is printed and which exit status follows.

use std::{fmt, io, process::ExitCode};

use sandboxed_model::{Blame, Failure, config::Invalid};

/// The exit status of a command that could not do what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// It was tried and failed.
    Failed = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// The right to do it was not given.
    Denied = 3,
    /// Something outside is missing or down.
    Unavailable = 4,
}

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) enum Failed {
    /// One sentence for a person, with the remedy where there is one.
    Said {
        /// The exit status.
        status: Status,
        /// What went wrong.
        message: String,
        /// Stable, dotted: what programs match on. Absent where nobody but this program says it.
        code: Option<String>,
        /// The line or command that mends it.
        hint: Option<String>,
    },
    /// The configuration is wrong in one or more ways.
    Config(Invalid),
    /// Whoever read the output has gone.
    Pipe,
    /// All was said already, in the output.
    Silent(Status),
    /// A program that was run for this command ended with this status.
    Ended(u8),
}

/// The result of a command.
pub(crate) type Result<T, E = Failed> = std::result::Result<T, E>;

/// Exit status of a program that writes to a pipe which nobody reads, as the shell tells it (128 + SIGPIPE).
const STATUS_PIPE: u8 = 141;

impl Failed {
    /// It was tried and failed.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self::with(Status::Failed, message)
    }

    /// The command line or what it names is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::with(Status::Usage, message)
    }

    /// Something outside is missing or down.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::with(Status::Unavailable, message)
    }

    /// With this exit status.
    pub(crate) fn with(status: Status, message: impl Into<String>) -> Self {
        Self::Said { status, message: message.into(), code: None, hint: None }
    }

    /// The same with what mends it.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        match self {
            Self::Said { status, message, code, .. } => Self::Said { status, message, code, hint: Some(hint.into()) },
            other => other,
        }
    }

    /// The same with a code.
    pub(crate) fn code(self, code: impl Into<String>) -> Self {
        match self {
            Self::Said { status, message, hint, .. } => Self::Said { status, message, code: Some(code.into()), hint },
            other => other,
        }
    }

    /// The exit status.
    pub(crate) fn status(&self) -> Status {
        match self {
            Self::Said { status, .. } | Self::Silent(status) => *status,
            Self::Config(_) => Status::Usage,
            Self::Pipe | Self::Ended(_) => Status::Failed,
        }
    }

    /// Whether it has this code.
    pub(crate) fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Said { code: Some(code), .. } if code == wanted)
    }

    /// Prints it to standard error and gives the exit status.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Self::Said { status, message, hint, .. } => {
                crate::output::complain(&message, hint.as_deref());
                ExitCode::from(status as u8)
            }
            Self::Config(invalid) => {
                for problem in &invalid.problems {
                    crate::output::complain(&problem.to_string(), None);
                }
                crate::output::hint(
                    "config/sandboxed.toml explains every key; `sandboxed-sh serve --check` tries again",
                );
                ExitCode::from(Status::Usage as u8)
            }
            Self::Pipe => ExitCode::from(STATUS_PIPE),
            Self::Silent(status) => ExitCode::from(status as u8),
            Self::Ended(status) => ExitCode::from(status),
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Said { message, .. } => f.write_str(message),
            Self::Config(invalid) => invalid.fmt(f),
            Self::Pipe => f.write_str("whoever read the output has gone"),
            Self::Silent(_) | Self::Ended(_) => Ok(()),
        }
    }
}

/// The exit status that follows from who has to act.
pub(crate) fn status_of(blame: Blame) -> Status {
    match blame {
        Blame::Denied => Status::Denied,
        Blame::Unavailable => Status::Unavailable,
        Blame::Plugin | Blame::Host | Blame::Config | Blame::Deadline => Status::Failed,
    }
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        // Another server uses the data: it is the operator's choice, and it may be over in a moment.
        let status = if failure.code == "store.locked" { Status::Unavailable } else { status_of(failure.blame) };
        Self::Said { status, message: failure.to_string(), code: Some(failure.code), hint: failure.hint }
    }
}

impl From<sandboxed_core::Error> for Failed {
    fn from(error: sandboxed_core::Error) -> Self {
        use sandboxed_core::Error;
        let code = error.failure().code;
        let failed = match error {
            Error::Failure(failure) => failure.into(),
            Error::Unauthenticated(_) | Error::Forbidden { .. } | Error::Throttled { .. } => {
                Self::with(Status::Denied, error.to_string())
            }
            Error::NotFound { .. } | Error::Invalid { .. } | Error::Conflict { .. } => Self::new(error.to_string()),
            Error::File(failure) => {
                let said = Self::new(failure.message);
                match failure.hint {
                    Some(hint) => said.hint(hint),
                    None => said,
                }
            }
        };
        failed.code(code)
    }
}

impl From<Invalid> for Failed {
    fn from(invalid: Invalid) -> Self {
        Self::Config(invalid)
    }
}

/// Only for what is written to standard output: other errors are told with what was tried.
impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Pipe,
            _ => Self::new(format!("the output cannot be written: {error}")),
        }
    }
}
