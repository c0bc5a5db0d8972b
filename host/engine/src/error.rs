//! What can go wrong.

use std::{fmt, io, path::Path, path::PathBuf, time::Duration};

use sandboxed_model::WorkspaceId;

use crate::{
    ImageReference, InvalidDockerfile, InvalidSpec,
    transport::{CONNECT_WITHIN, Unreached},
};

/// Anything that can go wrong in this crate. [`Error::failure`] tells it in the form that people and programs get.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no socket at the path.
    #[error("there is no container engine at {endpoint}: the socket does not exist")]
    SocketMissing {
        /// The endpoint.
        endpoint: String,
    },
    /// The server may not use the socket.
    #[error("the server may not use the container engine's socket {endpoint}")]
    PermissionDenied {
        /// The endpoint.
        endpoint: String,
    },
    /// Nothing answers, or not in time, or not as an engine does.
    #[error("the container engine at {endpoint} does not answer: {reason}")]
    NotAnswering {
        /// The endpoint.
        endpoint: String,
        /// What happened instead.
        reason: String,
    },
    /// The engine's address cannot be used.
    #[error("{0:?} is not the address of an engine that speaks TLS (tcp://host:port)")]
    Url(String),
    /// A certificate or key cannot be used.
    #[error("{} cannot be used: {reason}", path.display())]
    Certificate {
        /// Its file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// One side does not trust the other.
    #[error("the container engine at {endpoint} cannot be used: {reason}")]
    CertificateRefused {
        /// The endpoint.
        endpoint: String,
        /// Whose certificate it is, and what is wrong with it.
        reason: String,
    },
    /// What a container was asked to be contradicts itself.
    #[error(transparent)]
    Spec(#[from] InvalidSpec),
    /// Instructions by which no image is built.
    #[error(transparent)]
    Dockerfile(#[from] InvalidDockerfile),
    /// There is no such image on the engine.
    #[error("the image {image} is not on the container engine")]
    ImageMissing {
        /// The image.
        image: ImageReference,
    },
    /// The image could not be brought to the engine.
    #[error("the image {image} could not be fetched: {reason}")]
    Image {
        /// The image.
        image: ImageReference,
        /// What the engine said.
        reason: String,
    },
    /// The workspace has no container.
    #[error("workspace {0} has no container")]
    Absent(WorkspaceId),
    /// The workspace's container does not run.
    #[error("the container of workspace {0} is not running")]
    NotRunning(WorkspaceId),
    /// An object with the right name is not this server's, and is left alone.
    #[error("{what} exists but does not carry this server's labels")]
    Foreign {
        /// The object.
        what: String,
    },
    /// The keeper of the workspace's files cannot be put into its container.
    #[error("the engine cannot hold workspaces for this server: {0}")]
    Keeper(String),
    /// The container is there and is not what was asked for.
    #[error("the container of workspace {0} was made with other options and must be made anew")]
    RecreateNeeded(WorkspaceId),
    /// The program could not be started in the container.
    #[error("{program:?} could not be started in the container (status {status})")]
    NotStarted {
        /// The program.
        program: String,
        /// What the engine gives as its exit status: 126 cannot be run, 127 not found.
        status: i64,
    },
    /// The program's end cannot be known any more.
    #[error("the program in the container was lost: {0}")]
    Lost(String),
    /// Processes still lived after every attempt to kill them.
    #[error("processes of run {mark} in workspace {workspace} could not be killed")]
    Survivors {
        /// The workspace.
        workspace: WorkspaceId,
        /// The run.
        mark: String,
    },
    /// The engine did not finish in time.
    #[error("the container engine did not finish within {} s: {what}", after.as_secs())]
    Deadline {
        /// What was asked.
        what: &'static str,
        /// How long it had.
        after: Duration,
    },
    /// The engine said no.
    #[error("the container engine refused ({what}): {message}")]
    Refused {
        /// What was asked.
        what: &'static str,
        /// HTTP status.
        status: u16,
        /// What the engine said, without values of variables.
        message: String,
    },
    /// The engine's answer is not one of the API's.
    #[error("the container engine's answer cannot be read ({what}): {reason}")]
    Unreadable {
        /// What was asked.
        what: &'static str,
        /// What does not fit.
        reason: String,
    },
    /// The connection broke.
    #[error("the connection to the container engine failed ({what}): {reason}")]
    Connection {
        /// What was asked.
        what: &'static str,
        /// What happened.
        reason: String,
    },
}

impl Error {
    pub(crate) fn certificate(path: &Path, reason: impl fmt::Display) -> Self {
        Self::Certificate { path: path.to_owned(), reason: reason.to_string() }
    }

    /// The HTTP status with which the engine refused, if it did.
    pub(crate) fn status(&self) -> Option<u16> {
        if let Self::Refused { status, .. } = self { Some(*status) } else { None }
    }

    /// Whether the engine answered with what the API does not know.
    pub(crate) fn is_unreadable(&self) -> bool {
        matches!(self, Self::Unreadable { .. })
    }

    pub(crate) fn from_engine(endpoint: &str, what: &'static str, error: &bollard::errors::Error) -> Self {
        use bollard::errors::Error as Engine;
        let certificates = match error {
            // It stands for what it holds, which is then none of its sources.
            Engine::IOError { err } => crate::refused::certificates(err),
            other => crate::refused::certificates(other),
        };
        if let Some(reason) = certificates {
            return Self::CertificateRefused { endpoint: endpoint.to_owned(), reason };
        }
        match error {
            Engine::DockerResponseServerError { status_code, message } => {
                Self::Refused { what, status: *status_code, message: message.clone() }
            }
            Engine::DockerStreamError { error } => Self::Refused { what, status: 200, message: error.clone() },
            Engine::IOError { err } => match Unreached::inside(err) {
                Some(unreached) => Self::unreached(endpoint, unreached),
                None => Self::Connection { what, reason: err.to_string() },
            },
            Engine::JsonDataError { .. } | Engine::JsonSerdeError { .. } => {
                Self::Unreadable { what, reason: chain(error) }
            }
            other => Self::Connection { what, reason: chain(other) },
        }
    }

    fn unreached(endpoint: &str, unreached: &Unreached) -> Self {
        let endpoint = endpoint.to_owned();
        match unreached.kind() {
            io::ErrorKind::NotFound => Self::SocketMissing { endpoint },
            io::ErrorKind::PermissionDenied => Self::PermissionDenied { endpoint },
            io::ErrorKind::TimedOut => Self::silent(endpoint),
            _ => Self::NotAnswering { endpoint, reason: unreached.to_string() },
        }
    }

    /// Nothing came within the time for a first answer.
    pub(crate) fn silent(endpoint: String) -> Self {
        Self::NotAnswering { endpoint, reason: format!("no answer within {} s", CONNECT_WITHIN.as_secs()) }
    }
}

/// The error with its causes: the outer ones of HTTP say little.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |mut text, cause| {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_may_not_be_used_is_told_with_its_remedy() {
        let refused = io::Error::other(Unreached::from(io::Error::from(io::ErrorKind::PermissionDenied)));
        let error = Error::from_engine("/run/docker.sock", "connect", &bollard::errors::Error::from(refused));
        let failure = error.failure();
        assert_eq!(failure.code, "containers.permission");
        assert!(failure.message.contains("/run/docker.sock"), "{failure:?}");
        assert!(failure.hint.is_some_and(|hint| hint.contains("usermod")));
    }
}
