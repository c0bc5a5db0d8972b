//! Finding out how a run stands, and settling one that was lost. Everything here blocks.

use std::{
    fs::File,
    io,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use nix::errno::Errno;
use sandboxed_model::command::Exit;

use crate::{
    ContainmentKind, Error, ProcessHandle, RUN_VARIABLE,
    containment::{Tree, kill_orphans},
    directory::RunDir,
    limits::LimitedTree,
    procfs,
    record::{ExitRecord, Meta},
    sys,
};

/// How long a shim may take to start, and another server to settle a run.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long what a dead shim left may take to die; only a process that hangs in the kernel takes longer than
/// milliseconds.
const KILL_PATIENCE: Duration = Duration::from_secs(5);

/// How a run stands.
pub(crate) enum Found {
    /// It was never started, or was removed.
    Nothing,
    /// Its shim lives.
    Live(Live),
    /// It has ended, or was lost and is settled.
    Over(Exit),
}

/// A run whose shim lives.
pub(crate) struct Live {
    /// Its first process.
    pub(crate) process: ProcessHandle,
    pub(crate) containment: ContainmentKind,
    /// Readable once the shim is gone.
    pub(crate) shim: OwnedFd,
}

/// Looks at a run. One that was lost is settled: what is left of it is killed, and an exit record is written.
pub(crate) fn inspect(directory: &RunDir) -> Result<Found, Error> {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look(directory).map_err(Error::io("looking at a run"))? {
            return Ok(found);
        }
        if Instant::now() > until {
            return Err(Error::Unreachable(
                "its lock is held, but not by a process that can be seen from here".to_owned(),
            ));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// One look; nothing if the run is just being started, settled or ended by somebody else.
fn look(directory: &RunDir) -> io::Result<Option<Found>> {
    if let Some(record) = directory.exit_record()? {
        return Ok(Some(Found::Over(record.exit)));
    }
    match directory.try_lock() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Some(Found::Nothing)),
        Err(error) => Err(error),
        Ok(Some(lock)) => settle(directory, &lock).map(Some),
        Ok(None) => Ok(live(directory)?.map(Found::Live)),
    }
}

fn live(directory: &RunDir) -> io::Result<Option<Live>> {
    let Some(meta) = directory.meta()? else { return Ok(None) };
    let Some((payload, started)) = meta.payload() else { return Ok(None) };
    let shim = match sys::pidfd_open(meta.shim()) {
        Ok(shim) => shim,
        Err(Errno::ESRCH) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // After opening: the handle means the process of this start or none.
    let same = procfs::stat(meta.shim()).is_some_and(|stat| stat.started == meta.shim_started);
    Ok(same.then(|| Live {
        process: ProcessHandle { pid: payload.as_raw(), started },
        containment: meta.containment,
        shim,
    }))
}

/// Settles a run whose lock we hold.
fn settle(directory: &RunDir, _lock: &File) -> io::Result<Found> {
    // It may have come to its end between the two looks.
    if let Some(record) = directory.exit_record()? {
        return Ok(Found::Over(record.exit));
    }
    let Some(meta) = directory.meta()? else {
        // Without the record nothing was ever started.
        directory.remove()?;
        return Ok(Found::Nothing);
    };
    let exit = Exit::Lost(bury(directory, &meta)?);
    let reserved = directory.reserve_exit_record()?;
    directory
        .write_exit_record(&reserved, &ExitRecord { exit: exit.clone(), stdout: None, stderr: None, usage: None })?;
    let _ = std::fs::remove_file(directory.file(RunDir::SOCKET));
    tracing::warn!(run = %meta.run, ?exit, "a run was lost");
    Ok(Found::Over(exit))
}

/// Kills what a dead shim left and says what happened.
fn bury(directory: &RunDir, meta: &Meta) -> io::Result<String> {
    if meta.boot_id != procfs::boot_id()? {
        return Ok("the machine was restarted".to_owned());
    }
    let name = meta.run.to_string();
    // The record names a path that is killed and removed: it must be one of ours.
    let tree = match &meta.tree {
        Tree::Cgroup(cgroup) if !cgroup.is_of(&name) => &Tree::ProcessGroup,
        tree => tree,
    };
    let left = kill_orphans(tree, RUN_VARIABLE, &name, meta.payload(), KILL_PATIENCE);
    let log = directory.log();
    let mut reason = match &*log {
        "" => "its supervisor was killed".to_owned(),
        log => format!("its supervisor broke down: {log}"),
    };
    match left {
        Ok(0) => {
            let limited = meta.limited.as_ref().filter(|limited| limited.is_of(&name));
            if let Err(error) = tree.remove().and_then(|()| limited.map_or(Ok(()), LimitedTree::remove)) {
                tracing::warn!(%error, run = %name, "the cgroup of a lost run could not be removed");
            }
        }
        Ok(left) => reason.push_str(&format!("; {left} of its processes cannot be killed")),
        Err(error) => reason.push_str(&format!("; what it left could not be killed: {error}")),
    }
    Ok(reason)
}
