//! The system calls that `nix` and the standard library offer in no safe form. All `unsafe` code of the crate is here.
#![allow(unsafe_code, reason = "each block proves why it is sound")]

mod child;
mod confine;
mod elsewhere;
mod inside;

pub(crate) use child::{ChildSetup, Refusal, Step, prepare, refusal};
pub(crate) use confine::{Confinement, Joined, Mount, OwnNetwork, StagedMounts, Way, open_only};
pub(crate) use elsewhere::{SocketKind, sockets};
pub(crate) use inside::{Birthplace, JoinedSystem};

use std::{
    fs::File,
    io,
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
};

use nix::{
    errno::Errno,
    libc,
    sys::{
        signal::{SigHandler, Signal},
        socket::{ControlMessageOwned, MsgFlags, UnixAddr, recvmsg},
    },
    unistd::{ForkResult, Pid, pause, write},
};
use sandboxed_model::command::Tty;
use tokio::io::{Interest, unix::AsyncFd};

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

/// Ends this process by a signal, as if nobody had ever asked to be told of it. It returns where the signal ends nothing.
pub fn die_by(signal: i32) {
    let Ok(signal) = Signal::try_from(signal) else { return };
    // SAFETY: the default action runs no code of ours.
    if unsafe { nix::sys::signal::signal(signal, SigHandler::SigDfl) }.is_ok() {
        let _ = nix::sys::signal::raise(signal);
    }
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

/// Receives bytes and, where one comes with them, a descriptor; further descriptors are closed. Does not wait on a socket
/// that does not block.
pub(crate) fn receive_descriptor(from: impl AsFd, bytes: &mut [u8]) -> nix::Result<(usize, Option<OwnedFd>)> {
    let mut space = nix::cmsg_space!([std::os::fd::RawFd; 1]);
    let mut buffers = [io::IoSliceMut::new(bytes)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<UnixAddr>(from.as_fd().as_raw_fd(), &mut buffers, Some(&mut space), flags)?;
    let received = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    let mut descriptors = received.into_iter().flatten().map(|descriptor| {
        // SAFETY: the kernel just made this descriptor for us, and nobody else knows its number.
        unsafe { OwnedFd::from_raw_fd(descriptor) }
    });
    let first = descriptors.next();
    descriptors.for_each(drop);
    Ok((message.bytes, first))
}
