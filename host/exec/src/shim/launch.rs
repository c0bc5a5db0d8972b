//! From an order to a running payload: the best containment that works, and a record of it before anything runs.

use std::{io, path::Path};

use nix::unistd::Pid;

use super::payload::{self, Payload, SpawnError};
use crate::{ContainmentKind, LaunchFailure, RunSpec, containment::Tree, directory::RunDir, procfs, record::Meta};

/// A run that was started.
pub(super) struct Launched {
    pub(super) payload: Payload,
    pub(super) meta: Meta,
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
        let tree = match Tree::create(kind, &spec.id.to_string()) {
            Ok(tree) => tree,
            Err(error) => {
                refusals.push(format!("{kind}: {error}"));
                continue;
            }
        };
        match start_in(&directory, spec, kind, &tree) {
            Ok(launched) => return Ok(launched),
            Err(error) => {
                // It holds nothing: the payload never came to be.
                let _ = tree.remove();
                match error {
                    SpawnError::NotJoined(reason) => refusals.push(format!("{kind}: {reason}")),
                    SpawnError::Failed(failure) => return Err(failure),
                }
            }
        }
    }
    Err(LaunchFailure::Containment { reason: refusals.join("; ") })
}

fn start_in(directory: &RunDir, spec: &RunSpec, kind: ContainmentKind, tree: &Tree) -> Result<Launched, SpawnError> {
    let written = |error: io::Error| LaunchFailure::system("writing the run's record", error);
    // Before the payload: whoever finds a dead shim must know where to look for what it left.
    let mut meta = meta(spec, kind, tree).map_err(written)?;
    directory.write_meta(&meta).map_err(written)?;
    let payload = payload::spawn(spec, tree)?;
    meta.payload_pid = Some(payload.pid.as_raw());
    meta.payload_started = procfs::stat(payload.pid).map(|stat| stat.started);
    if let Err(error) = directory.write_meta(&meta) {
        // It is the only child, and has had no time to do anything that outlives it.
        let _ = tree.kill();
        let _ = nix::sys::wait::waitpid(payload.pid, None);
        return Err(written(error).into());
    }
    Ok(Launched { payload, meta })
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
    })
}
