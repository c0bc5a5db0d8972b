//! From an order to a running payload: the best containment that works, and a record of it before anything runs.

use std::{io, path::Path};

use nix::{sys::wait::waitpid, unistd::Pid};

use super::payload::{self, Payload, SpawnError};
use crate::{
    ContainmentKind, LaunchFailure, RunSpec,
    containment::Tree,
    directory::RunDir,
    limits::{self, LimitedTree},
    procfs,
    record::Meta,
};

/// A run that was started.
pub(super) struct Launched {
    pub(super) payload: Payload,
    pub(super) meta: Meta,
    /// The payload only wraps the work.
    pub(super) wrapper: bool,
}

/// Starts the payload in the best containment that works, or in the one that is asked for.
pub(super) fn launch(
    directory: &Path,
    spec: &RunSpec,
    asked: Option<ContainmentKind>,
) -> Result<Launched, LaunchFailure> {
    let directory = RunDir::at(directory.to_owned());
    let kinds = asked.as_ref().map_or(ContainmentKind::ALL.as_slice(), std::slice::from_ref);
    let mut refusals = Vec::new();
    for &kind in kinds {
        match start_in(&directory, spec, kind) {
            Ok(launched) => return Ok(launched),
            Err(SpawnError::Failed(failure)) => return Err(failure),
            Err(SpawnError::NotHeld(reason)) => refusals.push(format!("{kind}: {reason}")),
        }
    }
    Err(LaunchFailure::Containment { reason: refusals.join("; ") })
}

fn start_in(directory: &RunDir, spec: &RunSpec, kind: ContainmentKind) -> Result<Launched, SpawnError> {
    let not_held = |error: io::Error| SpawnError::NotHeld(error.to_string());
    let not_written = |error: io::Error| LaunchFailure::system("writing the run's record", error);
    let name = spec.id.to_string();
    let tree = Tree::named(kind, spec.guard.limits.as_ref(), &name).map_err(not_held)?;
    // Before the cgroup and the payload: whoever finds a dead shim must know where to look for what it left.
    let mut meta = meta(spec, kind, &tree).map_err(not_written)?;
    directory.write_meta(&meta).map_err(not_written)?;
    tree.create().map_err(not_held)?;
    let limited = spec.guard.limits.as_ref().map(|limits| LimitedTree::create(limits, &name)).transpose();
    meta.limited = match limited {
        Ok(limited) => limited,
        Err(error) => {
            let _ = tree.remove();
            return Err(limits::refused(&error).into());
        }
    };
    let payload = match payload::spawn(spec, &tree, meta.limited.as_ref()) {
        Ok(payload) => payload,
        Err(error) => {
            // It holds nothing: the payload never came to be.
            let _ = meta.limited.as_ref().map(LimitedTree::remove);
            let _ = tree.remove();
            return Err(error);
        }
    };
    meta.payload_pid = Some(payload.pid.as_raw());
    meta.payload_started = procfs::stat(payload.pid).map(|stat| stat.started);
    if let Err(error) = directory.write_meta(&meta) {
        // The payload dies with this process at the latest, and whatever it started meanwhile is in its tree.
        let _ = tree.kill();
        let _ = waitpid(payload.pid, None);
        let _ = meta.limited.as_ref().map(LimitedTree::remove);
        let _ = tree.remove();
        return Err(not_written(error).into());
    }
    Ok(Launched { payload, meta, wrapper: spec.guard.wrapper })
}

fn meta(spec: &RunSpec, kind: ContainmentKind, tree: &Tree) -> io::Result<Meta> {
    let me = Pid::this();
    let started = procfs::stat(me).ok_or_else(|| io::Error::other("/proc does not show this process"))?.started;
    Ok(Meta {
        run: spec.id,
        boot_id: procfs::boot_id()?,
        shim_pid: me.as_raw(),
        shim_started: started,
        payload_pid: None,
        payload_started: None,
        containment: kind,
        tree: tree.clone(),
        limited: None,
    })
}
