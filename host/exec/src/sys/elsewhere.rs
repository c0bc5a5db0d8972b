//! Sockets that belong to another network than this process's.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use nix::{
    errno::Errno,
    libc,
    sys::{
        signal::{SigSet, SigmaskHow},
        socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket, socketpair},
        wait::{WaitStatus, waitpid},
    },
    unistd::ForkResult,
};

use super::{
    confine::{Joined, send_descriptor},
    receive_descriptor,
};

/// What is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SocketKind {
    /// For TCP over IP version 4.
    Tcp4,
    /// For TCP over IP version 6.
    Tcp6,
    /// For questions about sockets to the kernel.
    Diagnosis,
}

impl SocketKind {
    fn make(self) -> nix::Result<OwnedFd> {
        let (family, kind, protocol) = match self {
            Self::Tcp4 => (AddressFamily::Inet, SockType::Stream, SockProtocol::Tcp),
            Self::Tcp6 => (AddressFamily::Inet6, SockType::Stream, SockProtocol::Tcp),
            Self::Diagnosis => (AddressFamily::Netlink, SockType::Raw, SockProtocol::NetlinkSockDiag),
        };
        socket(family, kind, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, protocol)
    }
}

/// Makes so many sockets, none of them connected, in a network. A process of a moment makes them, because a process with
/// threads may not enter the user namespace of a network, and because no thread of this one must ever be found in a
/// network that is not its own. Blocks for as long as a fork takes.
pub(crate) fn sockets(joined: &Joined, kind: SocketKind, count: usize) -> io::Result<Vec<OwnedFd>> {
    let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_CLOEXEC)?;
    // A signal that this process handles must not be handled by the child, which shares the pipes that tell of it.
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    // SAFETY: the child makes system calls only, on what was opened before the fork, and ends with `_exit`. It neither
    // allocates nor takes a lock, so that it is no matter what other threads held at the fork.
    let forked = unsafe { nix::unistd::fork() };
    if let Ok(ForkResult::Child) = forked {
        let made = make(joined, kind, count, &theirs);
        let code = made.err().map_or(0, |error| error as libc::c_int);
        // SAFETY: ends the child at once, without running anything that was registered in the parent.
        unsafe { libc::_exit(code) };
    }
    before.thread_set_mask()?;
    let ForkResult::Parent { child } = forked? else { unreachable!("the child has ended") };
    drop(theirs);
    let received = receive(&ours, count);
    // It has sent all or failed; either way it ends by itself.
    match waitpid(child, None)? {
        WaitStatus::Exited(_, 0) => Ok(received?),
        WaitStatus::Exited(_, code) => Err(Errno::from_raw(code).into()),
        other => Err(io::Error::other(format!("the process that makes sockets ended with {other:?}"))),
    }
}

/// In the child.
fn make(joined: &Joined, kind: SocketKind, count: usize, to: &OwnedFd) -> nix::Result<()> {
    joined.enter()?;
    for _ in 0..count {
        send_descriptor(to, &kind.make()?)?;
    }
    Ok(())
}

fn receive(from: impl AsFd, count: usize) -> nix::Result<Vec<OwnedFd>> {
    let from = from.as_fd();
    // Each comes with one byte, and the kernel does not join messages that carry descriptors.
    (0..count).map(|_| receive_descriptor(from, &mut [0])?.1.ok_or(Errno::EPIPE)).collect()
}
