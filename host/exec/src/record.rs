//! The two records in a run's directory.

use nix::unistd::Pid;
use sandboxed_model::{
    RunId,
    command::{Exit, ResourceUsage},
};
use serde::{Deserialize, Serialize};

use crate::{ContainmentKind, containment::Tree, limits::LimitedTree};

/// `meta.json`: written before the payload is started, and again with its pid.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Meta {
    pub(crate) run: RunId,
    /// The boot in which the pids mean something.
    pub(crate) boot_id: String,
    pub(crate) shim_pid: i32,
    /// Field 22 of `/proc/PID/stat`.
    pub(crate) shim_started: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) payload_pid: Option<i32>,
    /// Field 22 of `/proc/PID/stat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) payload_started: Option<u64>,
    pub(crate) containment: ContainmentKind,
    pub(crate) tree: Tree,
    /// The groups that hold its limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) limited: Option<LimitedTree>,
}

impl Meta {
    pub(crate) fn shim(&self) -> Pid {
        Pid::from_raw(self.shim_pid)
    }

    /// The payload's pid and start.
    pub(crate) fn payload(&self) -> Option<(Pid, u64)> {
        Some((Pid::from_raw(self.payload_pid?), self.payload_started?))
    }
}

/// `exit.json`: once it is there, nothing else in the directory changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExitRecord {
    pub(crate) exit: Exit,
    /// Bytes that were printed on standard output, kept or not; unknown for a lost run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stdout: Option<u64>,
    /// The same of standard error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stderr: Option<u64>,
    /// What it used, where that was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) usage: Option<ResourceUsage>,
}
