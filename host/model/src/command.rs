//! Processes as data: the Rust face of `sandboxed:types/commands`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The value of an environment variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// The value itself.
    Plain(String),
    /// The name of a secret that the host puts in place when it starts the process.
    Secret(String),
}

/// Size of a terminal in character cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tty {
    /// Lines.
    pub rows: u16,
    /// Columns.
    pub cols: u16,
}

/// A process to start. See `sandboxed:types/commands.command` for what each field means where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Command {
    /// A name to look up on PATH, or an absolute path.
    pub program: String,
    /// Arguments after the program name.
    pub args: Vec<String>,
    /// Variables of the process.
    pub env: Vec<(String, Value)>,
    /// Absolute working directory.
    pub cwd: Option<String>,
    /// Present: the process gets a terminal.
    pub tty: Option<Tty>,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// It returned this status.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// Its end was not seen; the text says what is known.
    Lost(String),
}

impl Exit {
    /// Whether it ended with status 0.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Code(0))
    }
}

/// What a short helper program printed and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub exit: Exit,
    /// Standard output, up to the caller's limit.
    pub stdout: Vec<u8>,
    /// Standard error, up to the caller's limit.
    pub stderr: Vec<u8>,
    /// Either stream was longer and was cut.
    pub truncated: bool,
}

/// What processes use and have used together. What the kernel does not count is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResourceUsage {
    /// Bytes of memory in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// The most that was in use at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_peak: Option<u64>,
    /// Processor time, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_micros: Option<u64>,
    /// Processes and threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<u64>,
    /// Processes that the kernel killed because memory was used up.
    #[serde(default)]
    pub oom_kills: u64,
    /// Bytes that files take on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<u64>,
}

/// One of the two streams that a process prints on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutputStream {
    /// Standard output; with a terminal, all that it shows.
    Stdout,
    /// Standard error.
    Stderr,
}

impl OutputStream {
    /// Both streams.
    pub const ALL: [Self; 2] = [Self::Stdout, Self::Stderr];

    /// The name in JSON and of the spool.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}
