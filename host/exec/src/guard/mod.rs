//! What a process may not see or do, whatever program it is. The kernel enforces it from before the program begins.

mod filter;
mod gate;
mod inside;
mod ready;
mod rules;

use std::{fmt, net::Ipv4Addr, path::PathBuf};

use nix::unistd::{Pid, Uid};
use serde::{Deserialize, Serialize};

pub use self::{gate::Gate, rules::PathRules};
pub(crate) use self::{
    gate::Listener,
    ready::{Ready, Waiting, joined},
};
use crate::{Limits, procfs, sys::Step};

/// The port on which a process finds the way out of its network, at [`Entrance::address`].
pub const PROXY_PORT: u16 = 3128;

/// What a process is held to. The default holds it to nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Guard {
    /// The user and the group that it runs as, with no other groups. Only a privileged caller can ask for it.
    pub user: Option<u32>,
    /// Where it finds directories of the machine. Only a privileged caller can ask for it.
    pub stage: Option<Stage>,
    /// The system that it runs in, if it is not the machine's own. Only a privileged caller can ask for it.
    pub inside: Option<Inside>,
    /// What it reaches.
    pub network: Network,
    /// System calls that no work needs and that attacks begin with.
    pub filter: Filter,
    /// Files that the program finds open.
    pub attachments: Vec<Attachment>,
    /// Files in memory that the work finds open under these very numbers, besides. Only for what a shim starts: elsewhere
    /// the numbers may be taken.
    pub files: Vec<HandedFile>,
    /// Files that it may use, beyond what their owners let it.
    pub rules: Option<PathRules>,
    /// The program is a wrapper which the work runs in: signals are for the work and not for the wrapper, which would
    /// take the work with it, and a terminal is for the work to make its own. Killing kills both.
    pub wrapper: bool,
    /// Its terminal hands everything on as it is: the work has another one behind it.
    pub raw_terminal: bool,
    /// What it may use, with all that it starts and with the others of its group.
    pub limits: Option<Limits>,
}

/// A directory in which the process finds other directories, and only it: whoever looks from outside finds it empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// An existing directory.
    pub at: PathBuf,
    /// What is found in it.
    pub mounts: Vec<StageMount>,
}

/// One directory on a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageMount {
    /// Its name on the stage.
    pub name: String,
    /// The directory.
    pub from: PathBuf,
    /// Whether it may be written to, by whom its permissions let.
    pub writable: bool,
    /// Present: others may change what lies on the way to the directory. It is mounted only if `from` leads to just this
    /// one, without any link, and without what is mounted below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<FileIdentity>,
}

/// What tells a file from every other on the machine, as long as it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileIdentity {
    /// Its device.
    pub device: u64,
    /// Its inode.
    pub inode: u64,
}

/// A running system that a process joins: its files, its processes, its names and its users. Paths and programs are
/// those inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inside {
    /// A process of that system.
    pub process: ProcessHandle,
    /// The user and the group that the process gets inside, with no other groups. Root keeps what root of a container
    /// needs to look after its own files and users; everybody else keeps no capability.
    pub user: u32,
}

/// What a process reaches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// What the machine reaches.
    #[default]
    Shared,
    /// A network of its own, with nothing in it but a loopback device.
    Own {
        /// The way out; absent leads nowhere.
        entrance: Option<Entrance>,
    },
    /// The network of another process, which has one of its own.
    Joined {
        /// Whose.
        process: ProcessHandle,
        /// A further way out; absent adds none.
        entrance: Option<Entrance>,
    },
}

/// An address inside a network whose connections come out of a [`Gate`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entrance {
    /// A loopback address, on whose [`PROXY_PORT`] connections are taken. Nobody else in the network may have it.
    pub address: Ipv4Addr,
    /// Where the gate is.
    pub socket: PathBuf,
    /// What the gate tells of who connects.
    pub label: String,
}

/// A process that cannot be mistaken for a later one of the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessHandle {
    /// Its process id.
    pub pid: i32,
    /// When it started, in the kernel's clock ticks since boot (field 22 of `/proc/PID/stat`).
    pub started: u64,
}

/// Who puts the filter of system calls on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// Nobody.
    #[default]
    None,
    /// The process, on itself and all that it starts. A program that is to put it on what it starts gets it as an
    /// [`Attachment`].
    Own,
}

/// A file that the program finds open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The number of its descriptor takes the place of this argument: its place among those after the program name,
    /// from 0.
    pub argument: usize,
    /// What can be read from it.
    pub content: AttachmentContent,
}

/// A file in memory that the work finds open.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedFile {
    /// The number of its descriptor: [`HandedFile::FIRST`] or greater.
    pub number: i32,
    /// What can be read from it.
    pub bytes: Vec<u8>,
}

impl HandedFile {
    /// The first number that a shim itself does not use.
    pub const FIRST: i32 = 200;
}

/// It may hold a secret and is not shown.
impl fmt::Debug for HandedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HandedFile({}, {} bytes)", self.number, self.bytes.len())
    }
}

/// What can be read from an attached file.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentContent {
    /// The filter of system calls, as the kernel takes it (`struct sock_filter`, one after the other).
    Filter,
    /// Arguments that no other process shall read, each ended by a zero byte.
    Arguments(Vec<String>),
    /// These bytes.
    Bytes(Vec<u8>),
}

/// Arguments may hold secrets and are not shown.
impl fmt::Debug for AttachmentContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Filter => f.write_str("Filter"),
            Self::Arguments(arguments) => write!(f, "Arguments({})", arguments.len()),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
        }
    }
}

impl ProcessHandle {
    /// The process that has this number now. Absent where none does.
    pub fn of(pid: i32) -> Option<Self> {
        let stat = procfs::stat(Pid::from_raw(pid)).filter(|stat| !stat.zombie)?;
        Some(Self { pid, started: stat.started })
    }
}

impl Stage {
    /// Where the process finds the mount of this name.
    pub fn path(&self, name: &str) -> PathBuf {
        self.at.join(name)
    }
}

impl Guard {
    /// Whether this process may put others on a stage, into a network without a user namespace, and into a user's
    /// clothes: it is root and root here may administer the system, which root in a container may not.
    pub fn is_privileged() -> bool {
        /// `CAP_SYS_ADMIN` of `linux/capability.h`.
        const SYS_ADMIN: u32 = 21;
        let effective = || {
            let status = std::fs::read_to_string("/proc/self/status").ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
            u64::from_str_radix(line.trim(), 16).ok()
        };
        Uid::effective().is_root() && effective().is_some_and(|set| set >> SYS_ADMIN & 1 == 1)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cgroup => "joining its cgroup",
            Self::Network => "entering its network",
            Self::Stage => "mounting its directories",
            Self::Inside => "joining its system",
            Self::Directory => "entering its working directory",
            Self::User => "becoming its user",
            Self::Rules => "limiting the files that it may use",
            Self::Filter => "limiting the system calls that it may make",
        })
    }
}
