//! The way out of a closed network: connections that arrive inside are handed, as open sockets, to a listener outside.
//! Not a byte passes through whoever hands them over.

use std::{
    fs::File,
    io::{self, IoSlice},
    net::{TcpListener, TcpStream as StdTcpStream},
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::{
            fs::PermissionsExt,
            net::{UnixListener as StdUnixListener, UnixStream as StdUnixStream},
        },
    },
    path::{Path, PathBuf},
    time::Duration,
};

use nix::sys::socket::{ControlMessage, MsgFlags, UnixAddr, sendmsg};
use tokio::{
    io::Interest,
    net::{TcpStream, UnixListener},
};

use crate::{peer::may_speak, sys};

/// Longest label.
const LABEL_LIMIT: usize = 256;
/// How long a handed connection's label may take to arrive. It is sent in the same moment.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where connections out of closed networks arrive. Its file is for the server's user only.
#[derive(Debug)]
pub struct Gate {
    listener: UnixListener,
    path: PathBuf,
}

impl Gate {
    /// Listens at `path`, in place of whatever listened there before.
    ///
    /// # Errors
    /// When there can be no socket at `path`.
    pub fn bind(path: &Path) -> io::Result<Self> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let (_directory, short) = short_path(path)?;
        let listener = StdUnixListener::bind(short)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener: UnixListener::from_std(listener)?, path: path.to_owned() })
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next connection, and the label of whoever it comes from.
    ///
    /// # Errors
    /// When no more connections can be taken for now, as with too many open files.
    pub async fn accept(&self) -> io::Result<(String, TcpStream)> {
        loop {
            let (sender, _) = self.listener.accept().await?;
            if !may_speak(&sender) {
                tracing::warn!("a process inside of a workspace spoke to the gate itself");
                continue;
            }
            match tokio::time::timeout(PATIENCE, receive(&sender)).await {
                Ok(Ok(handed)) => return Ok(handed),
                Ok(Err(error)) => tracing::warn!(%error, "a connection could not be taken over"),
                Err(_) => tracing::warn!("a connection was announced and not handed over"),
            }
        }
    }
}

async fn receive(sender: &tokio::net::UnixStream) -> io::Result<(String, TcpStream)> {
    let (label, connection) = loop {
        sender.readable().await?;
        match sender.try_io(Interest::READABLE, || receive_now(sender)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            received => break received?,
        }
    };
    let connection = StdTcpStream::from(connection);
    connection.set_nonblocking(true)?;
    Ok((label, TcpStream::from_std(connection)?))
}

fn receive_now(sender: impl AsFd) -> io::Result<(String, OwnedFd)> {
    let mut label = [0; LABEL_LIMIT];
    let (length, descriptor) = sys::receive_descriptor(sender, &mut label)?;
    let label = label[..length].to_vec();
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let label = String::from_utf8(label).map_err(|_| invalid("the label is no text"))?;
    Ok((label, descriptor.ok_or_else(|| invalid("no connection came with the label"))?))
}

/// Who hands connections to a gate.
#[derive(Debug, Clone)]
pub(crate) struct GateSender {
    socket: PathBuf,
    label: String,
}

impl GateSender {
    pub(crate) fn new(socket: PathBuf, label: String) -> Self {
        Self { socket, label }
    }

    /// Hands a connection over. Does not wait for anybody to take it.
    pub(crate) fn send(&self, connection: &StdTcpStream) -> io::Result<()> {
        let (_directory, short) = short_path(&self.socket)?;
        let gate = StdUnixStream::connect(short)?;
        let connection = [connection.as_raw_fd()];
        let rights = [ControlMessage::ScmRights(&connection)];
        let label = [IoSlice::new(self.label.as_bytes())];
        sendmsg::<UnixAddr>(gate.as_raw_fd(), &label, &rights, MsgFlags::MSG_NOSIGNAL, None)?;
        Ok(())
    }
}

/// The address of a socket takes only 107 bytes; this one leads through the open directory.
fn short_path(path: &Path) -> io::Result<(File, PathBuf)> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let directory = File::open(directory)?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd())).join(name);
    Ok((directory, short))
}

/// The listener in a closed network, and where its connections go.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) inside: TcpListener,
    pub(crate) sender: GateSender,
}

impl Listener {
    /// Takes the listener that a child sent before it became its program.
    pub(super) fn receive(socket: &OwnedFd, sender: GateSender) -> io::Result<Self> {
        let (_, descriptor) = sys::receive_descriptor(socket, &mut [0])?;
        let inside = TcpListener::from(descriptor.ok_or(io::ErrorKind::UnexpectedEof)?);
        inside.set_nonblocking(true)?;
        Ok(Self { inside, sender })
    }

    /// Hands over every connection that waits. One that nobody takes is closed: whoever made it sees that at once.
    pub(crate) fn pump(&self) {
        while let Ok((connection, _)) = self.inside.accept() {
            if let Err(error) = self.sender.send(&connection) {
                tracing::debug!(%error, "a connection found nobody at the gate");
            }
        }
    }
}
