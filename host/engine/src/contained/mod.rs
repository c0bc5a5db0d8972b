//! The process that stands for a program in a container: what is done to it is done to the program, and what the program
//! does it does.
//!
//! The server's supervisor starts it like any other process of a run, so that a run in a container outlives the server
//! and is told, stopped and killed like every run. It copies input and output, hands signals and sizes of the terminal
//! on, and ends as the program ends, after it has killed what the program has left behind. A terminal
//! that it is given must hand everything on as it is.

mod distant;
mod orders;
mod program;

use std::{ffi::OsStr, fs, io, path::PathBuf, time::Duration};

use sandboxed_model::{WorkspaceId, command::Tty};
use serde::{Deserialize, Serialize};

use crate::{Endpoint, KnownContainer};

/// A program to stand for. It holds secrets, so it is handed over in a file that only this process has.
#[derive(Clone, Serialize, Deserialize)]
pub struct ContainedSpec {
    /// The engine.
    pub engine: Endpoint,
    /// How long an engine on another machine may be out of reach before the program is given up.
    pub patience: Duration,
    /// The server's id.
    pub owner: String,
    /// Whose container.
    pub workspace: WorkspaceId,
    /// What all processes of the program carry in [`RUN_VARIABLE`](crate::RUN_VARIABLE).
    pub mark: String,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Its variables.
    pub env: Vec<(String, String)>,
    /// Its working directory.
    pub cwd: Option<String>,
    /// Its terminal.
    pub tty: Option<Tty>,
    /// The version of the engine's API that was agreed on, if it was.
    pub api: Option<String>,
    /// Its container as the server knows it.
    pub container: Option<KnownContainer>,
    /// Where the report is left.
    pub report: PathBuf,
}

/// What is known at the end of a program beyond its exit status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainedReport {
    /// Nothing of the program, nor of any other, is left in the container.
    pub cleared: bool,
    /// Processes of the container that the kernel has killed, while the program ran, because memory was used up.
    pub oom_kills: u64,
    /// Present: the program's end was not seen, and this is why.
    pub lost: Option<String>,
}

/// How the process has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainedEnd {
    /// With this status.
    Code(u8),
    /// By this signal.
    Signal(i32),
}

/// The status of a process whose program's end was not seen. The report says why.
const LOST: u8 = 125;

/// Stands for a program to its end: the program's hidden subcommand `contained`. `descriptor` is the number of the file
/// that holds the [`ContainedSpec`] as JSON.
pub fn contained_main(descriptor: Option<&OsStr>) -> ContainedEnd {
    let spec: ContainedSpec = match read(descriptor) {
        Ok(spec) => spec,
        Err(error) => {
            eprintln!("contained: it is started by the server, and with a description of a program: {error}");
            return ContainedEnd::Code(LOST);
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("contained: no work can be begun: {error}");
            return ContainedEnd::Code(LOST);
        }
    };
    let (end, report) = runtime.block_on(async {
        match spec.engine {
            Endpoint::Socket(_) => program::stand_for(&spec).await,
            Endpoint::Tcp { .. } => distant::stand_for(&spec).await,
        }
    });
    if let Err(error) = leave(&spec, &report) {
        eprintln!("contained: {}: {error}", spec.report.display());
    }
    // A read of the input that is under way never ends by itself.
    runtime.shutdown_background();
    end
}

/// What the server hands to a process of its own.
pub(crate) fn read<T: serde::de::DeserializeOwned>(descriptor: Option<&OsStr>) -> io::Result<T> {
    // Whoever runs as the same user could read the secrets from memory otherwise.
    nix::sys::prctl::set_dumpable(false)?;
    let number: u32 = descriptor
        .and_then(|number| number.to_str()?.parse().ok())
        .ok_or_else(|| io::Error::other("no number of a file is given"))?;
    Ok(serde_json::from_slice(&fs::read(format!("/proc/self/fd/{number}"))?)?)
}

/// Leaves the report as a whole or not at all.
fn leave(spec: &ContainedSpec, report: &ContainedReport) -> io::Result<()> {
    let part = spec.report.with_extension("part");
    fs::write(&part, serde_json::to_vec(report)?)?;
    fs::rename(part, &spec.report)
}
