//! Starting the process that the run is about.

use std::{
    fs::File,
    os::{
        fd::{AsFd, OwnedFd},
        unix::process::CommandExt,
    },
    process::{Command, Stdio},
};

use nix::{
    fcntl::{FcntlArg, FdFlag, OFlag, fcntl},
    pty::{Winsize, openpty},
    sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr},
    unistd::{Gid, Pid, Uid, fchown, pipe2},
};
use sandboxed_model::command::Tty;

use crate::{
    Guard, LaunchFailure, RUN_VARIABLE, RunSpec, StdinMode,
    containment::Tree,
    guard::{Listener, Ready},
    limits::{self, LimitedTree},
    program,
    sys::{self, Step},
};

/// What a pipe holds at most, where the system lets us: fewer changes of process for the same bytes.
const PIPE_SIZE: i32 = 1 << 20;

/// A payload that was started, and our ends of its streams, none of which blocks.
pub(super) struct Payload {
    pub(super) pid: Pid,
    pub(super) stdin: Option<File>,
    pub(super) stdout: File,
    /// There is none with a terminal.
    pub(super) stderr: Option<File>,
    pub(super) terminal: Option<Terminal>,
    /// Where connections out of its network arrive.
    pub(super) listener: Option<Listener>,
}

/// The terminal of a payload.
pub(super) struct Terminal {
    /// Our side.
    pub(super) master: File,
    /// The payload's side, kept open so that ours stays readable even while the payload has closed its own.
    pub(super) _slave: OwnedFd,
}

/// Why a payload was not started.
pub(super) enum SpawnError {
    /// What should hold it together could not be set up.
    NotHeld(String),
    Failed(LaunchFailure),
}

impl From<LaunchFailure> for SpawnError {
    fn from(failure: LaunchFailure) -> Self {
        Self::Failed(failure)
    }
}

struct Streams {
    stdin: Option<File>,
    stdout: File,
    stderr: Option<File>,
    terminal: Option<Terminal>,
}

/// Starts the payload inside its tree.
pub(super) fn spawn(spec: &RunSpec, tree: &Tree, limited: Option<&LimitedTree>) -> Result<Payload, SpawnError> {
    let path = program::find(&spec.program, &spec.env, &spec.cwd, &spec.guard)?;
    let (confinement, args, birthplace, waiting) = Ready::new(&spec.guard, &spec.cwd, &spec.args)?.into_parts();
    let mut command = Command::new(&path);
    command.arg0(&spec.program).args(args).env_clear();
    command.envs(spec.env.iter().map(|(name, value)| (name, value))).env(RUN_VARIABLE, spec.id.to_string());
    let streams = match spec.tty {
        Some(tty) => open_terminal(&mut command, tty, &spec.guard),
        None => open_pipes(&mut command, spec.stdin, spec.guard.user),
    }
    .map_err(|error| LaunchFailure::system("opening the payload's streams", error))?;

    let mut join = match tree {
        Tree::Cgroup(cgroup) => vec![cgroup.procs().map_err(|error| SpawnError::NotHeld(error.to_string()))?],
        Tree::ProcessGroup => Vec::new(),
    };
    if let Some(limited) = limited {
        join.extend(limited.procs().map_err(|error| limits::refused(&error))?);
    }
    let (refusal, refused) = sys::refusal().map_err(|error| LaunchFailure::system("opening a pipe", error))?;
    let terminal = spec.tty.is_some() && !spec.guard.wrapper;
    let setup = sys::ChildSetup { join, refused, terminal, dies_with: Some(Pid::this()), confinement };
    sys::prepare(&mut command, setup);
    let child = match birthplace.spawn(|| command.spawn()) {
        Ok(child) => child,
        Err(error) => {
            return Err(match refusal.step() {
                Some(Step::Cgroup) => SpawnError::NotHeld(error.to_string()),
                Some(step) => program::step_failure(step, &error, &spec.cwd).into(),
                None => {
                    let bytes = program::argument_bytes(&spec.args, &spec.env);
                    program::exec_failure(&error, &spec.program, &path, bytes, &spec.guard).into()
                }
            });
        }
    };
    // It was sent before the program began.
    let listener = waiting.listener().map_err(|error| LaunchFailure::system("taking over its network", error))?;
    // Not waited for here: the shim reaps all its children in one place. Dropping the command closes our copies of the
    // payload's ends.
    let Streams { stdin, stdout, stderr, terminal } = streams;
    Ok(Payload { pid: Pid::from_raw(child.id().cast_signed()), stdin, stdout, stderr, terminal, listener })
}

fn open_terminal(command: &mut Command, tty: Tty, guard: &Guard) -> nix::Result<Streams> {
    let size = Winsize { ws_row: tty.rows, ws_col: tty.cols, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = openpty(Some(&size), None)?;
    fcntl(&pty.slave, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    if guard.raw_terminal {
        // Before anybody can type.
        let mut raw = tcgetattr(&pty.slave)?;
        cfmakeraw(&mut raw);
        tcsetattr(&pty.slave, SetArg::TCSANOW, &raw)?;
    }
    give(&pty.slave, guard.user)?;
    let master = ours(pty.master)?;
    command.stdin(copy(&pty.slave)?).stdout(copy(&pty.slave)?).stderr(copy(&pty.slave)?);
    Ok(Streams {
        stdin: Some(File::from(copy(&master)?)),
        stdout: File::from(copy(&master)?),
        stderr: None,
        terminal: Some(Terminal { master, _slave: pty.slave }),
    })
}

fn open_pipes(command: &mut Command, stdin: StdinMode, user: Option<u32>) -> nix::Result<Streams> {
    let (stdout, theirs) = pipe2(OFlag::O_CLOEXEC)?;
    give(&theirs, user)?;
    command.stdout(theirs);
    let (stderr, theirs) = pipe2(OFlag::O_CLOEXEC)?;
    give(&theirs, user)?;
    command.stderr(theirs);
    let stdin = match stdin {
        StdinMode::Null => {
            command.stdin(Stdio::null());
            None
        }
        StdinMode::Pipe => {
            let (theirs, stdin) = pipe2(OFlag::O_CLOEXEC)?;
            give(&theirs, user)?;
            command.stdin(theirs);
            Some(ours(stdin)?)
        }
    };
    let (stdout, stderr) = (ours(stdout)?, ours(stderr)?);
    for pipe in [&stdout, &stderr] {
        // An unprivileged user may have no pages left for it; then the pipe stays as it is.
        let _ = fcntl(pipe, FcntlArg::F_SETPIPE_SZ(PIPE_SIZE));
    }
    Ok(Streams { stdin, stdout, stderr: Some(stderr), terminal: None })
}

/// Lets the user that the payload becomes open its streams by name (`/dev/stdout`, `/proc/self/fd/1`).
fn give(stream: &OwnedFd, user: Option<u32>) -> nix::Result<()> {
    match user {
        Some(user) => fchown(stream, Some(Uid::from_raw(user)), Some(Gid::from_raw(user))),
        None => Ok(()),
    }
}

/// Our end: closed on exec, and never blocking.
fn ours(fd: OwnedFd) -> nix::Result<File> {
    fcntl(&fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    fcntl(&fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(File::from(fd))
}

fn copy(fd: impl AsFd) -> nix::Result<OwnedFd> {
    fd.as_fd().try_clone_to_owned().map_err(|error| nix::errno::Errno::from_raw(error.raw_os_error().unwrap_or(0)))
}
