//! What can go wrong in a use case.

use sandboxed_model::{Blame, Failure};

/// A use case that could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was asked for does not exist, or not for this person.
    #[error("no {what} {id:?}")]
    NotFound {
        /// The kind of thing: `mission`, `workspace` …
        what: &'static str,
        /// How it was asked for.
        id: String,
    },
    /// The request itself is wrong.
    #[error("{message}")]
    Invalid {
        /// Stable, dotted: `mission.prompt_too_long`.
        code: &'static str,
        /// What is wrong and what would be right.
        message: String,
    },
    /// The request does not fit what is there now.
    #[error("{message}")]
    Conflict {
        /// Stable, dotted: `workspace.name_taken`.
        code: &'static str,
        /// What is in the way.
        message: String,
    },
    /// Who asks could not be told: no, a wrong or an expired credential.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// Whoever asks may not do this.
    #[error("this needs the scope {}", needed.as_str())]
    Forbidden {
        /// What it takes.
        needed: sandboxed_model::access::Scope,
    },
    /// Too many attempts.
    #[error("too many attempts; try again in {retry_after_secs} s")]
    Throttled {
        /// Seconds until the next attempt is looked at.
        retry_after_secs: u32,
    },
    /// A file of a workspace cannot be used as was asked.
    #[error(transparent)]
    File(Failure),
    /// Anything that carries a failure of its own: plugins, runs, storage, the machine.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl Error {
    /// The same as a failure, for where only failures are told (events, stored problems).
    pub fn failure(&self) -> Failure {
        let (blame, code) = match self {
            Self::Failure(failure) | Self::File(failure) => return failure.clone(),
            Self::NotFound { what, .. } => (Blame::Config, format!("{what}.not_found")),
            Self::Invalid { code, .. } | Self::Conflict { code, .. } => (Blame::Config, (*code).to_owned()),
            Self::Unauthenticated(_) => (Blame::Denied, "auth.unauthenticated".to_owned()),
            Self::Forbidden { .. } => (Blame::Denied, "auth.forbidden".to_owned()),
            Self::Throttled { .. } => (Blame::Denied, "auth.throttled".to_owned()),
        };
        let mut failure = Failure::new(blame, code, self.to_string());
        if let Self::Throttled { retry_after_secs } = self {
            failure.retry_after_ms = Some(retry_after_secs.saturating_mul(1000));
        }
        failure
    }
}

impl From<sandboxed_store::Error> for Error {
    fn from(error: sandboxed_store::Error) -> Self {
        use sandboxed_store::Error as Store;
        match error {
            Store::NotFound { what, id } => Self::NotFound { what, id },
            Store::Conflict { code, message } => Self::Conflict { code, message },
            Store::IllegalTransition { from, to } => Self::Conflict {
                code: "mission.illegal_state",
                message: format!("the mission is {from} and cannot become {to}"),
            },
            full @ Store::QueueFull { .. } => Self::Conflict { code: "mission.queue_full", message: full.to_string() },
            Store::InvalidCursor => {
                Self::Invalid { code: "page.cursor_invalid", message: "the cursor is none of this list".to_owned() }
            }
            other => Self::Failure(other.failure()),
        }
    }
}
