//! Runs.

use sandboxed_model::command::Tty;
use serde::{Deserialize, Serialize};

/// A program to start. It may hold secrets, so it is never shown.
#[derive(Clone, Serialize, Deserialize)]
pub struct RunRequest {
    /// What its processes are known by: see [`is_mark`].
    pub mark: String,
    /// The variable in which they carry it.
    pub variable: String,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Its variables, on top of the container's own.
    pub env: Vec<(String, String)>,
    /// Its working directory; absent, the workspace's files.
    pub cwd: Option<String>,
    /// Its terminal.
    pub tty: Option<Tty>,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunExit {
    /// With this status.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It was never started: 127, it is not there; 126, it cannot be run.
    NotStarted(i32),
}

/// What is known of a program that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnd {
    /// How it ended.
    pub exit: RunExit,
    /// Processes of the container that the kernel has killed meanwhile because memory was used up.
    pub oom_kills: u64,
}

/// Whether a text can be a run's mark, and with that the name of a directory.
pub fn is_mark(text: &str) -> bool {
    (8..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
