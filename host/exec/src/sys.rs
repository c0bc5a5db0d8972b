//! The system calls that `nix` and the standard library offer in no safe form. All `unsafe` code of the crate is here.
#![allow(unsafe_code, reason = "each block proves why it is sound")]

use std::{
    fs::File,
    io,
    os::{
        fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
        unix::process::CommandExt,
    },
    process::Command,
};

use nix::{
    errno::Errno,
    libc,
    sys::{
        prctl,
        resource::{Resource, setrlimit},
        signal::{SigHandler, SigSet, SigmaskHow, Signal, sigprocmask},
        stat::{Mode, umask},
    },
    unistd::{ForkResult, Pid, getppid, pause, setsid, write},
};
use sandboxed_model::command::Tty;
use tokio::io::{Interest, unix::AsyncFd};

/// How much likelier than others the kernel is to pick a payload when memory runs out (`oom_score_adj`, at most 1000):
/// the work is killed before what supervises it.
const OOM_SCORE: &[u8] = b"500";

/// A handle to a process that cannot come to mean another one.
pub(crate) fn pidfd_open(pid: Pid) -> nix::Result<OwnedFd> {
    // SAFETY: the call takes two integers and touches no memory of ours.
    let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) })?;
    let fd = i32::try_from(fd).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel just made this descriptor for us, and nobody else knows its number.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Signals exactly the process that the handle means.
pub(crate) fn pidfd_signal(pidfd: impl AsFd, signal: Signal) -> nix::Result<()> {
    let pidfd = pidfd.as_fd().as_raw_fd();
    let info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: the descriptor is open for as long as the borrow lives; a null `info` asks for the default.
    Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd, signal as i32, info, 0) }).map(drop)
}

/// Sets the size of a terminal; the kernel tells its foreground processes.
pub(crate) fn set_window_size(terminal: impl AsFd, tty: Tty) -> nix::Result<()> {
    let size = libc::winsize { ws_row: tty.rows, ws_col: tty.cols, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the descriptor is open, and `size` is what this request reads and outlives the call.
    Errno::result(unsafe { libc::ioctl(terminal.as_fd().as_raw_fd(), libc::TIOCSWINSZ, &raw const size) }).map(drop)
}

/// Tells when a descriptor becomes readable.
pub(crate) fn register(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` is open and the same until it is dropped, which the result does when it is dropped itself.
    // Nobody in this crate has the result mutably, so nobody can put another descriptor in its place.
    unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }.map_err(io::Error::from)
}

/// Ignores a signal from now on.
pub(crate) fn ignore_signal(signal: Signal) -> nix::Result<()> {
    // SAFETY: ignoring installs no handler, so no code of ours can run at a bad moment.
    unsafe { nix::sys::signal::signal(signal, SigHandler::SigIgn) }.map(drop)
}

/// Closes every descriptor but 0, 1 and 2.
pub(crate) fn close_inherited() {
    // SAFETY: called first thing in the shim, before anything in this process has opened a descriptor of its own.
    // A kernel without the call (before 5.9) leaves them open, which is no worse than what the parent did.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
}

/// What a child does between fork and exec.
pub(crate) struct ChildSetup {
    /// `cgroup.procs` of the cgroup to join; a byte goes to `refused` if that fails.
    pub(crate) join: Option<File>,
    /// Where a refusal to join is told, so that it is not taken for a failed exec.
    pub(crate) refused: Option<OwnedFd>,
    /// Standard input becomes the controlling terminal.
    pub(crate) terminal: bool,
    /// Dies when this process, which must be the one that spawns it, dies.
    pub(crate) dies_with: Option<Pid>,
}

/// Makes `command` start in a session of its own, in its cgroup, with default signals, umask 022, no core dumps and
/// only descriptors 0 to 2.
pub(crate) fn prepare(command: &mut Command, setup: ChildSetup) {
    // SAFETY: between fork and exec the closure makes system calls only. It neither allocates nor takes a lock: the
    // descriptors were opened before, errors are plain numbers, and nothing it owns is dropped in the child, which
    // either becomes another program or ends with `_exit`.
    unsafe { command.pre_exec(move || setup.apply()) };
}

impl ChildSetup {
    fn apply(&self) -> io::Result<()> {
        if let Some(join) = &self.join
            && let Err(error) = write(join, b"0")
        {
            if let Some(refused) = &self.refused {
                let _ = write(refused, b"!");
            }
            return Err(error.into());
        }
        setsid()?;
        if self.terminal {
            // SAFETY: descriptor 0 is the terminal that was put there for this child; the request takes no memory.
            Errno::result(unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) })?;
        }
        reset_signals();
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
        if let Some(parent) = self.dies_with {
            prctl::set_pdeathsig(Signal::SIGKILL)?;
            if getppid() != parent {
                return Err(Errno::ESRCH.into());
            }
        }
        setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
        umask(Mode::from_bits_truncate(0o022));
        raise_oom_score();
        // SAFETY: marks descriptors, among them the one through which the standard library tells of a failed exec, to
        // be closed by the exec; closes none of them now.
        unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
        Ok(())
    }
}

/// Gives every signal its default action, also those two that the C library keeps for itself and its `signal` refuses.
fn reset_signals() {
    /// Longer than the kernel's `struct sigaction` anywhere; all zeroes mean the default action.
    const DEFAULT: [u64; 8] = [0; 8];
    /// Bytes of a set of 64 signals.
    const SET_SIZE: usize = 8;
    for signal in 1..=64 {
        let old = std::ptr::null_mut::<u64>();
        // SAFETY: the kernel reads a structure that is no longer than `DEFAULT` and writes nothing. The default action
        // runs no code of ours. Numbers that may not be changed give an error, which changes nothing.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, DEFAULT.as_ptr(), old, SET_SIZE) };
    }
}

/// Best effort: a process may always raise its own score, but `/proc` may be read-only.
fn raise_oom_score() {
    // SAFETY: the path is a constant that ends in a zero byte.
    let fd = unsafe { libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC) };
    if fd >= 0 {
        // SAFETY: `fd` was just opened, the bytes are a constant of that length, and nobody else closes `fd`.
        unsafe {
            libc::write(fd, OOM_SCORE.as_ptr().cast(), OOM_SCORE.len());
            libc::close(fd);
        }
    }
}

/// A process that joins a cgroup through its open `cgroup.procs` and then waits to be killed.
pub(crate) fn park(join: &File) -> nix::Result<Pid> {
    // SAFETY: the child only makes system calls (write, pause, _exit) on what was opened before the fork, which is
    // sound even when other threads hold locks.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            if write(join, b"0").is_err() {
                // SAFETY: ends the child at once, without running anything that was registered in the parent.
                unsafe { libc::_exit(1) };
            }
            loop {
                pause();
            }
        }
    }
}
