//! Finding a program the way a shell would, but telling precisely why there is none.

use std::{
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    unistd::{AccessFlags, access},
};

use crate::{Guard, LaunchFailure, sys::Step};

/// Where programs are looked for when the environment has no PATH.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Where `program` is found by a process that begins in `cwd`. Inside another system it is looked for when it is started
/// there.
pub(crate) fn find(
    program: &str,
    env: &[(String, String)],
    cwd: &Path,
    guard: &Guard,
) -> Result<PathBuf, LaunchFailure> {
    if guard.inside.is_some() {
        return Ok(program.into());
    }
    check_cwd(&guard.outside(cwd))?;
    resolve(program, env, cwd, guard)
}

/// The absolute path of `program` as the process sees it, looked up on the PATH of `env`. A program with a `/` in it is
/// taken as a path and, when relative, as one below `cwd`.
fn resolve(program: &str, env: &[(String, String)], cwd: &Path, guard: &Guard) -> Result<PathBuf, LaunchFailure> {
    let runnable = |path: &Path| runnable(&guard.outside(path));
    if program.contains('/') {
        let path = cwd.join(program);
        return match runnable(&path) {
            Ok(()) => Ok(path),
            Err(Errno::EACCES | Errno::EPERM | Errno::EISDIR) => Err(LaunchFailure::Permission { path }),
            Err(_) => Err(LaunchFailure::ProgramMissing { program: program.to_owned(), searched: None }),
        };
    }
    let searched = env.iter().rev().find(|(name, _)| name == "PATH").map_or(DEFAULT_PATH, |(_, path)| path);
    let mut denied = None;
    for directory in searched.split(':').filter(|directory| !directory.is_empty()) {
        let path = cwd.join(directory).join(program);
        match runnable(&path) {
            Ok(()) => return Ok(path),
            Err(Errno::EACCES) => denied = denied.or(Some(path)),
            Err(_) => {}
        }
    }
    Err(match denied {
        Some(path) => LaunchFailure::Permission { path },
        None => LaunchFailure::ProgramMissing { program: program.to_owned(), searched: Some(searched.to_owned()) },
    })
}

fn runnable(path: &Path) -> Result<(), Errno> {
    let found = path.metadata().map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))?;
    if found.is_dir() {
        return Err(Errno::EISDIR);
    }
    // The superuser passes `access` for any file that one class of users may run; a file that nobody may run is none.
    if found.permissions().mode() & 0o111 == 0 {
        return Err(Errno::EACCES);
    }
    access(path, AccessFlags::X_OK)
}

/// Checks that a process can be started in `cwd`.
fn check_cwd(cwd: &Path) -> Result<(), LaunchFailure> {
    match cwd.metadata() {
        Ok(found) if !found.is_dir() => Err(LaunchFailure::CwdMissing { path: cwd.to_owned() }),
        Ok(_) => access(cwd, AccessFlags::X_OK).map_err(|_| LaunchFailure::Permission { path: cwd.to_owned() }),
        Err(error) => Err(LaunchFailure::no_cwd(cwd, &error)),
    }
}

/// Why a start failed before the program was reached.
pub(crate) fn step_failure(step: Step, error: &io::Error, cwd: &Path) -> LaunchFailure {
    match step {
        Step::Directory => LaunchFailure::no_cwd(cwd, error),
        Step::Cgroup => LaunchFailure::Containment { reason: error.to_string() },
        _ => LaunchFailure::Confinement { step: step.to_string(), reason: error.to_string() },
    }
}

/// Why starting `path` failed, after [`find`] had found nothing to say.
pub(crate) fn exec_failure(error: &io::Error, program: &str, path: &Path, bytes: u64, guard: &Guard) -> LaunchFailure {
    let path = path.to_owned();
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::E2BIG) => LaunchFailure::ArgumentTooLong { program: program.to_owned(), bytes },
        Some(Errno::EACCES | Errno::EPERM) => LaunchFailure::Permission { path },
        // It was not looked for before.
        Some(Errno::ENOENT) if guard.inside.is_some() => {
            LaunchFailure::ProgramMissing { program: program.to_owned(), searched: None }
        }
        Some(Errno::ENOENT) => {
            LaunchFailure::NotRunnable { path, reason: "the interpreter that it names does not exist".to_owned() }
        }
        Some(Errno::ENOEXEC) => {
            LaunchFailure::NotRunnable { path, reason: "it is no program for this machine".to_owned() }
        }
        _ => LaunchFailure::system(format!("{program} could not be started"), error),
    }
}

/// Bytes that arguments and variables take in the new process.
pub(crate) fn argument_bytes(args: &[String], env: &[(String, String)]) -> u64 {
    let args = args.iter().map(|arg| arg.len() + 1).sum::<usize>();
    let env = env.iter().map(|(name, value)| name.len() + value.len() + 2).sum::<usize>();
    (args + env) as u64
}
