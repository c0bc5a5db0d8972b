//! The system calls that no library offers in a safe form. All `unsafe` code of the crate is here.
#![allow(unsafe_code, reason = "each block proves why it is sound")]

use std::{
    fs::{self, File},
    io::{self, Read},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

use nix::{
    errno::Errno,
    fcntl::OFlag,
    libc,
    sched::{CloneFlags, unshare},
    sys::{
        signal::{Signal, kill},
        wait::waitpid,
    },
    unistd::{ForkResult, Pid, fork, pause, pipe2, write},
};

/// Makes whoever looks through a detached mount see other users: `users` is a namespace that maps those on disk to those
/// that are seen.
pub(crate) fn map_users(mount: BorrowedFd<'_>, users: &OwnedFd) -> io::Result<()> {
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_IDMAP,
        attr_clr: 0,
        propagation: 0,
        userns_fd: users.as_raw_fd().unsigned_abs().into(),
    };
    let size = size_of::<libc::mount_attr>();
    let mount = mount.as_raw_fd();
    // SAFETY: both descriptors are open, the path is an empty constant that ends in a zero byte, and the kernel reads
    // `size` bytes of `attributes`, which outlives the call.
    let result = unsafe {
        libc::syscall(libc::SYS_mount_setattr, mount, c"".as_ptr(), libc::AT_EMPTY_PATH, &raw const attributes, size)
    };
    Errno::result(result).map(drop).map_err(io::Error::from)
}

/// A namespace in which so many users from `inside` on are those from `outside` on.
pub(crate) fn user_namespace(inside: u32, outside: u32, count: u32) -> io::Result<OwnedFd> {
    let (ready, tell) = pipe2(OFlag::O_CLOEXEC)?;
    // SAFETY: the child only makes system calls (unshare, write, pause, _exit) on what was opened before the fork, which
    // is sound even when other threads hold locks.
    let child = match unsafe { fork() }? {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            let made = unshare(CloneFlags::CLONE_NEWUSER).and_then(|()| write(tell.as_fd(), b"r"));
            if made.is_err() {
                // SAFETY: ends the child at once, without running anything that was registered in the parent.
                unsafe { libc::_exit(1) };
            }
            loop {
                pause();
            }
        }
    };
    drop(tell);
    let opened = map(child, ready, &format!("{inside} {outside} {count}\n"));
    // It has done its duty, or nothing.
    let _ = kill(child, Signal::SIGKILL);
    waitpid(child, None)?;
    opened
}

fn map(child: Pid, ready: OwnedFd, line: &str) -> io::Result<OwnedFd> {
    File::from(ready).read_exact(&mut [0]).map_err(|_| io::Error::other("there can be no namespace of users here"))?;
    for map in ["uid_map", "gid_map"] {
        fs::write(format!("/proc/{child}/{map}"), line)?;
    }
    Ok(File::open(format!("/proc/{child}/ns/user"))?.into())
}
