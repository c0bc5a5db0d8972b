//! The system calls by which a child process gives up what it may not have. Each does nothing where nothing was asked.

use std::{
    ffi::{CStr, CString},
    net::SocketAddrV4,
    os::fd::{AsRawFd, OwnedFd},
};

use nix::{
    errno::Errno,
    fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, open, openat2},
    libc,
    mount::{MsFlags, mount},
    sched::{CloneFlags, setns, unshare},
    sys::{
        socket::{AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, listen, setsockopt, socket, sockopt},
        stat::{Mode, fstat},
    },
    unistd::{mkdir, write},
};
use seccompiler::sock_filter;

use super::inside::JoinedSystem;

/// What a child process gives up before it becomes the program, made ready so that the child need not allocate.
#[derive(Default)]
pub(crate) struct Confinement {
    /// Present: it gets a network of its own.
    pub(crate) network: Option<OwnNetwork>,
    /// Present: its view of the file system gets these mounts.
    pub(crate) stage: Option<StagedMounts>,
    /// Present: the system that it joins.
    pub(crate) inside: Option<JoinedSystem>,
    /// Where it begins.
    pub(crate) directory: Option<CString>,
    /// The user and group that it becomes, with no other groups.
    pub(crate) user: Option<u32>,
    /// A Landlock ruleset.
    pub(crate) rules: Option<OwnedFd>,
    /// Whether no program that it starts may gain rights.
    pub(crate) no_new_privileges: bool,
    /// A filter of system calls that it puts on itself.
    pub(crate) filter: Vec<sock_filter>,
    /// Files that the program finds open under the same numbers.
    pub(crate) inherited: Vec<OwnedFd>,
}

/// A network that is not the machine's.
pub(crate) struct OwnNetwork {
    pub(crate) way: Way,
    /// Present: a listener on this address is sent to the socket.
    pub(crate) listener: Option<(SocketAddrV4, OwnedFd)>,
}

/// The way into a network.
pub(crate) enum Way {
    /// It is new and has nothing but a loopback device.
    Made {
        /// Present: who calls may not make a network without making a user namespace first, in which it is itself. The
        /// line for `uid_map` and the one for `gid_map`.
        user_namespace: Option<[CString; 2]>,
    },
    /// It is there.
    Joined(Joined),
}

/// A network that is there.
pub(crate) struct Joined {
    /// Present: who calls may not enter it without entering this user namespace first.
    pub(crate) user: Option<OwnedFd>,
    pub(crate) network: OwnedFd,
}

impl Joined {
    /// Enters it. Who enters a user namespace must have one thread.
    pub(super) fn enter(&self) -> nix::Result<()> {
        if let Some(user) = &self.user {
            setns(user, CloneFlags::CLONE_NEWUSER)?;
        }
        setns(&self.network, CloneFlags::CLONE_NEWNET)
    }
}

/// Mounts below a directory that stays empty for everybody else.
pub(crate) struct StagedMounts {
    pub(crate) at: CString,
    pub(crate) mounts: Vec<Mount>,
}

pub(crate) struct Mount {
    pub(crate) from: CString,
    pub(crate) to: CString,
    pub(crate) writable: bool,
    /// Device and inode of the only directory that is mounted.
    pub(crate) only: Option<(u64, u64)>,
}

/// Room for the path of a descriptor of this process.
const DESCRIPTOR_PATH: usize = 32;

/// Opens a directory to which no link leads, if it is the one that is meant. Makes system calls only.
pub(crate) fn open_only(path: &CStr, (device, inode): (u64, u64)) -> nix::Result<OwnedFd> {
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let directory = openat2(AT_FDCWD, path, how)?;
    let found = fstat(&directory)?;
    if (found.st_dev, found.st_ino) == (device, inode) { Ok(directory) } else { Err(Errno::ESTALE) }
}

/// The kernel's own link to what a descriptor has open, without allocating.
fn descriptor_path(descriptor: &OwnedFd, room: &mut [u8; DESCRIPTOR_PATH]) -> nix::Result<()> {
    const PREFIX: &[u8] = b"/proc/self/fd/";
    room[..PREFIX.len()].copy_from_slice(PREFIX);
    // A descriptor is never negative.
    let number = descriptor.as_raw_fd().unsigned_abs();
    let digits = number.checked_ilog10().unwrap_or(0) as usize + 1;
    let mut rest = number;
    for place in (PREFIX.len()..PREFIX.len() + digits).rev() {
        *room.get_mut(place).ok_or(Errno::ENAMETOOLONG)? = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    *room.get_mut(PREFIX.len() + digits).ok_or(Errno::ENAMETOOLONG)? = 0;
    Ok(())
}

/// Connections that may wait to be taken.
const BACKLOG: i32 = 128;

impl Confinement {
    pub(super) fn leave_network(&self) -> nix::Result<()> {
        let Some(network) = &self.network else { return Ok(()) };
        match &network.way {
            Way::Made { user_namespace } => {
                match user_namespace {
                    Some([users, groups]) => {
                        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)?;
                        put(c"/proc/self/setgroups", c"deny")?;
                        put(c"/proc/self/uid_map", users)?;
                        put(c"/proc/self/gid_map", groups)?;
                    }
                    None => unshare(CloneFlags::CLONE_NEWNET)?,
                }
                raise_loopback()?;
            }
            Way::Joined(joined) => joined.enter()?,
        }
        let Some((address, to)) = &network.listener else { return Ok(()) };
        let listener = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
        setsockopt(&listener, sockopt::ReuseAddr, &true)?;
        bind(listener.as_raw_fd(), &SockaddrIn::from(*address))?;
        listen(&listener, Backlog::new(BACKLOG)?)?;
        send_descriptor(to, &listener)
    }

    pub(super) fn mount_stage(&self) -> nix::Result<()> {
        let Some(stage) = &self.stage else { return Ok(()) };
        const NOTHING: Option<&CStr> = None;
        unshare(CloneFlags::CLONE_NEWNS)?;
        // What is mounted from here on is not seen outside; what is mounted outside later may still be seen here.
        mount(NOTHING, c"/", NOTHING, MsFlags::MS_REC | MsFlags::MS_SLAVE, NOTHING)?;
        let hardened = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(Some(c"tmpfs"), stage.at.as_c_str(), Some(c"tmpfs"), hardened, Some(c"mode=0755,size=64k"))?;
        for staged in &stage.mounts {
            mkdir(staged.to.as_c_str(), Mode::from_bits_truncate(0o755))?;
            let (from, to) = (staged.from.as_c_str(), staged.to.as_c_str());
            match staged.only {
                None => mount(Some(from), to, NOTHING, MsFlags::MS_BIND | MsFlags::MS_REC, NOTHING)?,
                Some(only) => {
                    let directory = open_only(from, only)?;
                    let mut room = [0; DESCRIPTOR_PATH];
                    descriptor_path(&directory, &mut room)?;
                    let from = CStr::from_bytes_until_nul(&room).map_err(|_| Errno::ENAMETOOLONG)?;
                    mount(Some(from), to, NOTHING, MsFlags::MS_BIND, NOTHING)?;
                }
            }
            let read_only = if staged.writable { MsFlags::empty() } else { MsFlags::MS_RDONLY };
            mount(NOTHING, to, NOTHING, MsFlags::MS_BIND | MsFlags::MS_REMOUNT | hardened | read_only, NOTHING)?;
        }
        mount(NOTHING, stage.at.as_c_str(), NOTHING, MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY | hardened, NOTHING)
    }

    pub(super) fn join_system(&self) -> nix::Result<()> {
        self.inside.as_ref().map_or(Ok(()), JoinedSystem::join)
    }

    pub(super) fn become_user(&self) -> nix::Result<()> {
        self.user.map_or(Ok(()), become_user)
    }

    pub(super) fn change_directory(&self) -> nix::Result<()> {
        match &self.directory {
            Some(directory) => nix::unistd::chdir(directory.as_c_str()),
            None => Ok(()),
        }
    }

    pub(super) fn enforce_rules(&self) -> nix::Result<()> {
        if self.no_new_privileges {
            nix::sys::prctl::set_no_new_privs()?;
        }
        let Some(rules) = &self.rules else { return Ok(()) };
        // SAFETY: the descriptor is an open ruleset, and there are no flags.
        Errno::result(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, rules.as_raw_fd(), 0) }).map(drop)
    }

    /// The last thing of all: the filter may forbid what the steps before it do.
    pub(super) fn set_filter(&self) -> nix::Result<()> {
        for inherited in &self.inherited {
            // SAFETY: the descriptor is open; it is only to stay open when the program starts.
            Errno::result(unsafe { libc::fcntl(inherited.as_raw_fd(), libc::F_SETFD, 0) })?;
        }
        if self.filter.is_empty() {
            return Ok(());
        }
        seccompiler::apply_filter(&self.filter).map_err(|error| match error {
            seccompiler::Error::Prctl(error) | seccompiler::Error::Seccomp(error) => {
                Errno::from_raw(error.raw_os_error().unwrap_or(libc::EINVAL))
            }
            _ => Errno::EINVAL,
        })
    }
}

/// Becomes a user and its group, with no other groups.
pub(super) fn become_user(user: u32) -> nix::Result<()> {
    // Not through the C library, which would want to tell threads that this process does not have.
    // SAFETY: the calls take integers, and an empty list of groups needs no memory.
    unsafe {
        Errno::result(libc::syscall(libc::SYS_setgroups, 0, std::ptr::null::<libc::gid_t>()))?;
        Errno::result(libc::syscall(libc::SYS_setresgid, user, user, user))?;
        Errno::result(libc::syscall(libc::SYS_setresuid, user, user, user))?;
    }
    Ok(())
}

fn put(path: &CStr, line: &CStr) -> nix::Result<()> {
    let file = open(path, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    write(file, line.to_bytes()).map(drop)
}

/// A new network's loopback device is down.
fn raise_loopback() -> nix::Result<()> {
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: all zeroes is a valid request, its name is `lo`, and the flags are the one that the call reads.
    unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b'l'.cast_signed() as libc::c_char;
        request.ifr_name[1] = b'o'.cast_signed() as libc::c_char;
        request.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
        Errno::result(libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request)).map(drop)
    }
}

/// Sends a copy of a descriptor through a socket, without the memory that safe ways to do it ask for.
pub(super) fn send_descriptor(through: &OwnedFd, descriptor: &OwnedFd) -> nix::Result<()> {
    /// Room for a header and one descriptor, aligned as a header must be.
    #[repr(C, align(8))]
    struct Control([u8; 64]);
    let mut control = Control([0; 64]);
    let mut byte = *b"l";
    let mut data = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    let size = size_of::<libc::c_int>() as libc::c_uint;
    // SAFETY: every pointer in the message is to a local that outlives the call; `CMSG_SPACE` of one descriptor is 24
    // bytes, so the header and its data lie within `control`, which is aligned for them.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut data;
        message.msg_iovlen = 1;
        message.msg_control = (&raw mut control).cast();
        message.msg_controllen = libc::CMSG_SPACE(size) as _;
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(size) as _;
        libc::CMSG_DATA(header).cast::<libc::c_int>().write_unaligned(descriptor.as_raw_fd());
        Errno::result(libc::sendmsg(through.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL)).map(drop)
    }
}
