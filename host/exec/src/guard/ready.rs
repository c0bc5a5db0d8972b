//! From what a process is held to, to what its child side does about it.

use std::{
    ffi::CString,
    fs::File,
    io::{self, Seek, Write},
    net::SocketAddrV4,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
};

use nix::{
    sys::{
        memfd::{MFdFlags, memfd_create},
        socket::{AddressFamily, SockFlag, SockType, socketpair},
    },
    unistd::{getegid, geteuid},
};

use super::{
    AttachmentContent, Entrance, FileIdentity, Filter, Guard, HandedFile, Inside, Network, PROXY_PORT, ProcessHandle,
    Stage, StageMount, filter,
    gate::{GateSender, Listener},
    inside::{namespace, still_there},
};
use crate::{
    LaunchFailure,
    sys::{Birthplace, Confinement, Joined, Mount, OwnNetwork, StagedMounts, Way},
};

/// A guard that is ready to be put on a child.
pub(crate) struct Ready {
    confinement: Confinement,
    /// The arguments, with the filter's descriptor in its place.
    args: Vec<String>,
    birthplace: Birthplace,
    /// Where the child sends its listener.
    listener: Option<(OwnedFd, GateSender)>,
}

impl Ready {
    /// Makes everything that the child needs. `directory` is where the process will begin, as it will see it.
    pub(crate) fn new(guard: &Guard, directory: &Path, args: &[String]) -> Result<Self, LaunchFailure> {
        let mut args = args.to_vec();
        let (inside, processes) = guard.inside.as_ref().map(Inside::system).transpose()?.unzip();
        let mut confinement = Confinement {
            directory: Some(text(directory.as_os_str().as_bytes())?),
            stage: guard.stage.as_ref().map(staged).transpose()?,
            inside,
            user: guard.user,
            no_new_privileges: guard.filter == Filter::Own
                || guard.rules.is_some()
                || guard.user.is_some()
                || guard.inside.is_some(),
            rules: guard.rules.as_ref().map(|rules| rules.ruleset(guard)).transpose()?.flatten(),
            ..Confinement::default()
        };
        if guard.filter == Filter::Own {
            confinement.filter = filter::program()?.to_vec();
        }
        for attachment in &guard.attachments {
            let file = attached(&attachment.content)?;
            let number = attachment.argument;
            let place = args.get_mut(number).ok_or_else(|| {
                LaunchFailure::system("handing over a file", format!("there is no argument {number}"))
            })?;
            *place = file.as_raw_fd().to_string();
            confinement.inherited.push(file);
        }
        for HandedFile { number, bytes } in &guard.files {
            confinement.inherited.push(numbered(in_memory(bytes)?, *number)?);
        }
        let mut listener = None;
        let (way, entrance) = match &guard.network {
            Network::Shared => (None, &None),
            Network::Own { entrance } => (Some(Way::Made { user_namespace: user_namespace() }), entrance),
            Network::Joined { process, entrance } => (Some(Way::Joined(joined(*process)?)), entrance),
        };
        if let Some(way) = way {
            let mut network = OwnNetwork { way, listener: None };
            if let Some(Entrance { address, socket, label }) = entrance {
                let (ours, theirs) = socketpair(
                    AddressFamily::Unix,
                    SockType::Stream,
                    None,
                    SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
                )
                .map_err(|error| LaunchFailure::system("opening a socket", error))?;
                network.listener = Some((SocketAddrV4::new(*address, PROXY_PORT), theirs));
                listener = Some((ours, GateSender::new(socket.clone(), label.clone())));
            }
            confinement.network = Some(network);
        }
        Ok(Self { confinement, args, birthplace: Birthplace::new(processes), listener })
    }

    /// Splits off what is left to do once the child has become its program.
    pub(crate) fn into_parts(self) -> (Confinement, Vec<String>, Birthplace, Waiting) {
        (self.confinement, self.args, self.birthplace, Waiting(self.listener))
    }
}

/// The parent's part of the start.
pub(crate) struct Waiting(Option<(OwnedFd, GateSender)>);

impl Waiting {
    /// What the child sent before it became its program.
    pub(crate) fn listener(self) -> io::Result<Option<Listener>> {
        self.0.map(|(socket, sender)| Listener::receive(&socket, sender)).transpose()
    }
}

impl Guard {
    /// Where a path that the process sees is for this process.
    pub(crate) fn outside(&self, inside: &Path) -> PathBuf {
        match self.mounted(inside) {
            Some((mount, rest)) if rest.as_os_str().is_empty() => mount.from.clone(),
            Some((mount, rest)) => mount.from.join(rest),
            None => inside.to_owned(),
        }
    }

    /// The mount in which a path lies that the process sees, and where in it.
    pub(super) fn mounted(&self, inside: &Path) -> Option<(&StageMount, PathBuf)> {
        let stage = self.stage.as_ref()?;
        stage.mounts.iter().find_map(|mount| {
            let rest = inside.strip_prefix(stage.path(&mount.name)).ok()?;
            Some((mount, rest.to_owned()))
        })
    }
}

/// Who may not make a network alone becomes itself in a user namespace first, where it may.
fn user_namespace() -> Option<[CString; 2]> {
    if Guard::is_privileged() {
        return None;
    }
    let line = |id: u32| CString::new(format!("{id} {id} 1\n")).expect("digits and spaces have no zero byte");
    Some([line(geteuid().as_raw()), line(getegid().as_raw())])
}

/// The network of a process.
pub(crate) fn joined(process: ProcessHandle) -> Result<Joined, LaunchFailure> {
    let network = namespace(process, "net")?;
    let user = if Guard::is_privileged() { None } else { Some(namespace(process, "user")?) };
    still_there(process)?;
    Ok(Joined { user, network })
}

fn staged(stage: &Stage) -> Result<StagedMounts, LaunchFailure> {
    let mounts = stage.mounts.iter().map(|mount| {
        if mount.name.contains('/') || mount.name.starts_with('.') || mount.name.is_empty() {
            return Err(LaunchFailure::system("mounting its directories", format!("{:?} is no name", mount.name)));
        }
        Ok(Mount {
            from: text(mount.from.as_os_str().as_bytes())?,
            to: text(stage.path(&mount.name).as_os_str().as_bytes())?,
            writable: mount.writable,
            only: mount.only.map(|FileIdentity { device, inode }| (device, inode)),
        })
    });
    Ok(StagedMounts { at: text(stage.at.as_os_str().as_bytes())?, mounts: mounts.collect::<Result<_, _>>()? })
}

/// A file in memory, read from its start.
fn attached(content: &AttachmentContent) -> Result<OwnedFd, LaunchFailure> {
    let bytes = match content {
        AttachmentContent::Filter => filter::bytes()?,
        AttachmentContent::Bytes(bytes) => bytes.clone(),
        AttachmentContent::Arguments(arguments) => arguments.iter().fold(Vec::new(), |mut bytes, argument| {
            bytes.extend_from_slice(argument.as_bytes());
            bytes.push(0);
            bytes
        }),
    };
    in_memory(&bytes)
}

fn in_memory(bytes: &[u8]) -> Result<OwnedFd, LaunchFailure> {
    let write = || {
        let mut file = File::from(memfd_create(c"attachment", MFdFlags::MFD_CLOEXEC)?);
        file.write_all(bytes)?;
        file.rewind()?;
        io::Result::Ok(file.into())
    };
    write().map_err(|error| LaunchFailure::system("handing over a file", error))
}

/// The same open file under this very number.
fn numbered(file: OwnedFd, number: i32) -> Result<OwnedFd, LaunchFailure> {
    let numbered = rustix::io::fcntl_dupfd_cloexec(&file, number)
        .map_err(|error| LaunchFailure::system("handing over a file", std::io::Error::from(error)))?;
    if numbered.as_raw_fd() != number {
        return Err(LaunchFailure::system("handing over a file", format!("the descriptor {number} is taken")));
    }
    Ok(numbered)
}

fn text(bytes: &[u8]) -> Result<CString, LaunchFailure> {
    CString::new(bytes).map_err(|_| LaunchFailure::system("preparing the start", "a path has a zero byte in it"))
}
