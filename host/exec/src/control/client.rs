//! The asking side of the control socket.

use std::{fs::File, io, os::fd::AsRawFd, os::unix::fs::OpenOptionsExt, path::PathBuf, time::Duration};

use nix::fcntl::OFlag;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

use super::protocol::{PREFIX, REPLY_HEAD_LIMIT, Reply, Request, decode, encode, lengths};
use crate::directory::RunDir;

/// Why a request was not answered.
#[derive(Debug)]
pub(crate) enum CallError {
    /// Nobody is there to answer: the run is over or its shim is gone.
    NobodyThere,
    /// Somebody is there and did not answer in time.
    NoAnswer,
    /// What was answered, or the way there, is broken.
    Broken(io::Error),
}

/// Sends one request and waits for its reply.
pub(crate) async fn call(
    directory: &RunDir,
    request: &Request,
    body: &[u8],
    patience: Duration,
) -> Result<Reply, CallError> {
    match tokio::time::timeout(patience, exchange(directory, request, body)).await {
        Err(_) => Err(CallError::NoAnswer),
        Ok(Ok(reply)) => Ok(reply),
        Ok(Err(error)) => Err(match error.kind() {
            // The shim removes its socket and ends when the run does, answering what it can before.
            io::ErrorKind::NotFound
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => CallError::NobodyThere,
            _ => CallError::Broken(error),
        }),
    }
}

async fn exchange(directory: &RunDir, request: &Request, body: &[u8]) -> io::Result<Reply> {
    let message = encode(request, body)?;
    let mut stream = connect(directory).await?;
    // A shim that refuses the request may answer before it has read all of it.
    let sent = stream.write_all(&message).await;
    let mut prefix = [0; PREFIX];
    match stream.read_exact(&mut prefix).await {
        Ok(_) => {}
        Err(error) => return Err(sent.err().unwrap_or(error)),
    }
    let (head, _) = lengths(prefix, REPLY_HEAD_LIMIT).ok_or(io::ErrorKind::InvalidData)?;
    let mut reply = vec![0; head];
    stream.read_exact(&mut reply).await?;
    Ok(decode(&reply)?)
}

/// The address of a socket takes 107 bytes and a run's path may be longer, so the directory is named by a descriptor.
async fn connect(directory: &RunDir) -> io::Result<UnixStream> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let opened = File::options().read(true).custom_flags(flags.bits()).open(directory.path())?;
    let path: PathBuf = format!("/proc/self/fd/{}/{}", opened.as_raw_fd(), RunDir::SOCKET).into();
    loop {
        match UnixStream::connect(&path).await {
            // More clients than its queue holds ask at this moment.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            result => return result,
        }
    }
}
