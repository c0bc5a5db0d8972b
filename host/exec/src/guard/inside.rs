//! From a system that a process is to run in, to what its child side does about it.

use std::{fs::File, os::fd::OwnedFd, os::linux::fs::MetadataExt};

use nix::{sched::CloneFlags, unistd::Pid};

use super::{Inside, ProcessHandle};
use crate::{
    LaunchFailure, procfs,
    sys::{JoinedSystem, Step},
};

/// The namespaces besides those of network, processes and users, in the order in which they are joined. That of the files comes last:
/// from then on nothing of the machine is found any more.
const ORDINARY: [(&str, CloneFlags); 4] = [
    ("ipc", CloneFlags::CLONE_NEWIPC),
    ("uts", CloneFlags::CLONE_NEWUTS),
    ("cgroup", CloneFlags::CLONE_NEWCGROUP),
    ("mnt", CloneFlags::CLONE_NEWNS),
];

impl Inside {
    /// Opens everything that is joined, the namespace of processes apart.
    pub(super) fn system(&self) -> Result<(JoinedSystem, OwnedFd), LaunchFailure> {
        let Self { process, user } = *self;
        let mut ordinary = Vec::with_capacity(ORDINARY.len());
        for (name, flag) in ORDINARY {
            ordinary.push((namespace(process, name)?, flag));
        }
        let processes = namespace(process, "pid")?;
        let users = namespace(process, "user")?;
        // Nobody joins the users that they belong to already.
        let own = File::open("/proc/self/ns/user").and_then(|own| own.metadata());
        let theirs = users.try_clone().map(File::from).and_then(|theirs| theirs.metadata());
        let users = match (own, theirs) {
            (Ok(own), Ok(theirs)) if own.st_ino() == theirs.st_ino() => None,
            (Ok(_), Ok(_)) => Some(users),
            (Err(error), _) | (_, Err(error)) => return Err(failed(&error)),
        };
        still_there(process)?;
        Ok((JoinedSystem { ordinary, users, user }, processes))
    }
}

/// One of the namespaces of a process.
pub(super) fn namespace(process: ProcessHandle, name: &str) -> Result<OwnedFd, LaunchFailure> {
    File::open(format!("/proc/{}/ns/{name}", process.pid)).map(OwnedFd::from).map_err(|error| failed(&error))
}

/// Looked at after its namespaces were opened, so that they are certainly those of the process that is meant.
pub(super) fn still_there(process: ProcessHandle) -> Result<(), LaunchFailure> {
    match procfs::stat(Pid::from_raw(process.pid)) {
        Some(stat) if stat.started == process.started && !stat.zombie => Ok(()),
        _ => Err(failed(&format!("the process {} that leads it is gone", process.pid))),
    }
}

fn failed(reason: &impl ToString) -> LaunchFailure {
    LaunchFailure::Confinement { step: Step::Inside.to_string(), reason: reason.to_string() }
}
