//! Starts processes and sees them to their end. A *run* is a process tree that outlives the server: a small process of
//! its own, the *shim*, owns it, writes what it prints to files, and records how it ended.
//!
//! This crate may not know of missions, plugins, storage or HTTP. It knows how Linux holds processes together.
//!
//! # A run's directory
//!
//! | file | what it is |
//! | --- | --- |
//! | `lock` | locked (`flock`) from before the directory has its name until the shim is gone |
//! | `meta.json` | who the shim and the payload are and what holds the tree together |
//! | `stdout.N`, `stderr.N` | the spool: what was printed, `N` being the place of the file's first byte |
//! | `ctl.sock` | where the shim takes requests |
//! | `exit.json` | how the run ended; written last, so that all the rest is final once it is there |
//! | `shim.log` | what the shim itself had to complain about; mostly empty |
//!
//! # Who is right
//!
//! `exit.json` is there: the run has ended. Else the lock is free: the run is lost, what is left of its tree is killed
//! and an `exit.json` that says so is written. Else it lives. Secrets in a run's environment go to the shim through a
//! socket and from there into the payload; they are in no file and no argument list.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod cgroup;
mod containment;
mod control;
mod diagnosis;
mod directory;
mod doorway;
mod error;
mod failure;
mod guard;
mod hasten;
mod inspect;
mod limits;
mod listening;
mod peer;
mod procfs;
mod program;
mod record;
mod run;
mod shim;
mod short;
mod spec;
mod spool;
mod start;
mod supervisor;
mod sys;

pub use containment::{Containment, ContainmentKind};
pub use control::protocol::{Phase, Status, StreamStatus};
pub use doorway::Doorway;
pub use error::{Error, LaunchFailure};
pub use guard::{
    Attachment, AttachmentContent, Entrance, FileIdentity, Filter, Gate, Guard, HandedFile, Inside, Network,
    PROXY_PORT, PathRules, ProcessHandle, Stage, StageMount,
};
pub use hasten::hasten;
pub use limits::{Limits, Resource};
pub use listening::{Listening, owners};
pub use run::Run;
pub use sandboxed_model::command::{Exit, Output, OutputStream, ResourceUsage, Tty};
pub use shim::shim_main;
pub use short::{ShortSpec, short};
pub use spec::{RunSpec, StdinMode};
pub use spool::{Chunk, SpoolReader};
pub use supervisor::{Attached, Supervisor, SupervisorConfig};
pub use sys::die_by;

/// The variable that marks every process of a run; its value is the run's id.
pub const RUN_VARIABLE: &str = "SANDBOXED_SH_RUN";
