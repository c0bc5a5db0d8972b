//! The system calls by which a child process joins a running system.

use std::{fs::File, io, os::fd::OwnedFd};

use nix::{
    errno::Errno,
    libc,
    sched::{CloneFlags, setns},
};

use super::confine::become_user;

/// A system that a child process joins, opened so that the child need not look for it.
pub(crate) struct JoinedSystem {
    /// Namespaces in the order in which they are joined.
    pub(crate) ordinary: Vec<(OwnedFd, CloneFlags)>,
    /// The namespace of users, where it is not the machine's.
    pub(crate) users: Option<OwnedFd>,
    /// Whom the child becomes.
    pub(crate) user: u32,
}

/// What root keeps: the rights over files and users that package managers need, all of them over what belongs to the
/// system alone. Numbers of `linux/capability.h`.
const KEPT_BY_ROOT: [libc::c_ulong; 10] = [
    0,  // CHOWN
    1,  // DAC_OVERRIDE
    3,  // FOWNER
    4,  // FSETID
    5,  // KILL
    6,  // SETGID
    7,  // SETUID
    10, // NET_BIND_SERVICE
    18, // SYS_CHROOT
    31, // SETFCAP
];
/// The kernel has no more capabilities than fit into its 64-bit sets.
const CAPABILITIES: libc::c_ulong = 64;

impl JoinedSystem {
    /// The child's side. It makes system calls only.
    pub(super) fn join(&self) -> nix::Result<()> {
        for (namespace, flag) in &self.ordinary {
            setns(namespace, *flag)?;
        }
        if let Some(users) = &self.users {
            setns(users, CloneFlags::CLONE_NEWUSER)?;
            // Until it is somebody in there, it is nobody, and what it may do would not go with a change of user.
            become_user(0)?;
        }
        for capability in 0..CAPABILITIES {
            if self.user == 0 && KEPT_BY_ROOT.contains(&capability) {
                continue;
            }
            // SAFETY: the call takes integers.
            match Errno::result(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) }) {
                // The kernel has no capability of this number.
                Ok(_) | Err(Errno::EINVAL) => {}
                Err(error) => return Err(error),
            }
        }
        if self.user == 0 { Ok(()) } else { become_user(self.user) }
    }
}

/// Where a child process is born. A process cannot join a namespace of processes itself; its children can.
pub(crate) struct Birthplace(Option<OwnedFd>);

impl Birthplace {
    /// Among the processes of this namespace; absent is among those of the caller.
    pub(crate) fn new(processes: Option<OwnedFd>) -> Self {
        Self(processes)
    }

    /// Makes a child process there. `spawn` must not start a thread.
    pub(crate) fn spawn<T>(&self, spawn: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let Some(processes) = &self.0 else { return spawn() };
        let own = File::open("/proc/thread-self/ns/pid")?;
        setns(processes, CloneFlags::CLONE_NEWPID)?;
        let spawned = spawn();
        // Of this thread alone, and back is always allowed.
        setns(&own, CloneFlags::CLONE_NEWPID)?;
        spawned
    }
}
