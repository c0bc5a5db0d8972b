//! The shim: the process that owns one run.
//!
//! It is started by the server and lives on without it. It has one thread and no runtime: it sleeps in `poll` and does
//! what is due. Its standard input is a socket on which the server describes the run and hears how the start went; its
//! standard output is the run's lock file, which so stays locked for as long as the shim lives; its standard error is
//! the run's log. It has no variables and no arguments of its own.

mod clients;
mod event_loop;
mod input;
mod launch;
mod output;
mod payload;

use std::{
    fs::{File, Permissions},
    io::{self, Read, Write},
    os::{
        fd::AsFd,
        unix::{
            fs::{MetadataExt, PermissionsExt},
            net::{UnixListener, UnixStream},
        },
    },
    path::{Path, PathBuf},
    process::ExitCode,
};

use nix::{
    sys::{
        prctl,
        resource::{Resource, setrlimit},
        signal::{SigSet, Signal},
        signalfd::{SfdFlags, SignalFd},
        stat::{Mode, umask},
    },
    unistd::{chdir, dup2_stdin, dup2_stdout, setsid},
};
use serde::{Deserialize, Serialize};

use crate::{ContainmentKind, LaunchFailure, RunSpec, directory::RunDir, sys};

/// What the server tells the shim.
#[derive(Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) directory: PathBuf,
    pub(crate) spec: RunSpec,
    pub(crate) spool_limit: u64,
    /// Absent: the best kind that works.
    pub(crate) containment: Option<ContainmentKind>,
}

/// What the shim tells the server about the start, once.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Started {
    Running { pid: i32, containment: ContainmentKind },
    Failed(LaunchFailure),
}

/// Longest order. The kernel takes some megabytes of arguments and variables.
pub(crate) const ORDER_LIMIT: u64 = 64 << 20;

/// Signals that are meant for the payload or for nobody: the shim ends when its run does.
const IGNORED: [Signal; 8] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGPIPE,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGTSTP,
];

/// Runs the shim to its end: the program's hidden subcommand `shim`. Call it first thing, before there are threads or
/// open files. It is of no use to anyone but [`crate::Supervisor`].
pub fn shim_main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The run's log, or the terminal of someone who started the shim by hand.
            eprintln!("shim: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    // Out of reach of signals to the server's session before anything else. It fails for a leader of a process group,
    // which the server does not make the shim.
    let detached = setsid();
    sys::close_inherited();
    let mut server = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let lock = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let order = read_order(&mut server)?;
    let outcome = detached.map_err(|error| LaunchFailure::system("leaving the server's session", error));
    let outcome = outcome.and_then(|_| prepare(&order, &lock)).and_then(|prepared| {
        let launched = launch::launch(&order.directory, &order.spec, order.containment)?;
        Ok((prepared, launched))
    });
    let (Prepared { directory, listener, signals, exit_record }, launched) = match outcome {
        Ok(ready) => ready,
        Err(failure) => return answer(&mut server, &Started::Failed(failure)),
    };
    let spool_limit = order.spool_limit;
    // The secrets in it have done their duty.
    drop(order);
    // From here on processes of the same user can neither trace the shim nor read its memory.
    prctl::set_dumpable(false)?;
    let pid = launched.payload.pid.as_raw();
    // A server that is gone by now finds the run in its directory.
    let _ = answer(&mut server, &Started::Running { pid, containment: launched.meta.containment });
    drop(server);
    let null = File::options().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    drop(null);

    let record = event_loop::run(&directory, launched, listener, &signals, spool_limit)?;
    let _ = std::fs::remove_file(directory.file(RunDir::SOCKET));
    directory.write_exit_record(&exit_record, &record)?;
    // Held until nothing more will change.
    drop(lock);
    Ok(())
}

fn read_order(server: &mut UnixStream) -> io::Result<Order> {
    let mut bytes = Vec::new();
    server.take(ORDER_LIMIT).read_to_end(&mut bytes)?;
    // The error may quote what it could not read, and that may be a secret.
    serde_json::from_slice(&bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the order is not valid"))
}

fn answer(server: &mut UnixStream, started: &Started) -> io::Result<()> {
    server.write_all(&serde_json::to_vec(started)?)
}

/// What the shim has when it is ready to start the payload.
struct Prepared {
    directory: RunDir,
    listener: UnixListener,
    signals: SignalFd,
    exit_record: File,
}

fn prepare(order: &Order, lock: &File) -> Result<Prepared, LaunchFailure> {
    let failed = |what: &'static str| move |error: &dyn ToString| LaunchFailure::system(what, error.to_string());
    let directory = RunDir::at(order.directory.clone());
    check_lock(&directory, lock).map_err(|error| failed("checking the run's lock")(&error))?;
    let mut only_child = SigSet::empty();
    only_child.add(Signal::SIGCHLD);
    let signals = (|| {
        umask(Mode::from_bits_truncate(0o077));
        prctl::set_child_subreaper(true)?;
        setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
        for signal in IGNORED {
            sys::ignore_signal(signal)?;
        }
        only_child.thread_block()?;
        SignalFd::with_flags(&only_child, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
    })()
    .map_err(|error| failed("setting up the shim")(&error))?;
    let exit_record = directory.reserve_exit_record().map_err(|error| failed("reserving the exit record")(&error))?;
    let listener = listen(directory.path()).map_err(|error| failed("making the control socket")(&error))?;
    Ok(Prepared { directory, listener, signals, exit_record })
}

/// The descriptor that the server handed over must be the run's lock, locked.
fn check_lock(directory: &RunDir, lock: &File) -> io::Result<()> {
    let there = directory.file(RunDir::LOCK).metadata()?;
    let here = lock.metadata()?;
    if (there.dev(), there.ino()) != (here.dev(), here.ino()) {
        return Err(io::Error::other("it is not the file that was handed over"));
    }
    // The server's lock is ours, because it is the same open file; anybody else's is not.
    lock.try_lock().map_err(io::Error::from)
}

/// Made from within the directory, because a socket's address takes only 107 bytes.
fn listen(directory: &Path) -> io::Result<UnixListener> {
    chdir(directory)?;
    let listener = UnixListener::bind(RunDir::SOCKET);
    chdir("/")?;
    let listener = listener?;
    std::fs::set_permissions(directory.join(RunDir::SOCKET), Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
