//! Bytes in both directions.

use std::{
    io::{self, Cursor},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::tally::{Tally, Way};

/// How much is read at once.
pub(crate) const BLOCK: usize = 16 * 1024;
/// How long a client that was refused may go on with what it is sending.
const LINGER_TIME: Duration = Duration::from_secs(2);
/// How much of it is read.
const LINGER_BYTES: u64 = 256 * 1024;

/// Passes bytes on in both directions until both have ended, one side has failed, or nothing has moved for `idle`.
/// `early` is what the client has sent already.
pub(crate) async fn tunnel<S>(client: S, early: Bytes, mut target: TcpStream, tally: &Tally, idle: Duration)
where
    S: AsyncRead + AsyncWrite,
{
    let (client_read, mut client_write) = tokio::io::split(client);
    let mut client_read = Cursor::new(early).chain(client_read);
    let (mut target_read, mut target_write) = target.split();
    let both = async {
        tokio::try_join!(
            pump(&mut client_read, &mut target_write, tally, Way::Up),
            pump(&mut target_read, &mut client_write, tally, Way::Down),
        )
    };
    tokio::select! {
        ended = both => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection broke");
            }
        }
        () = tally.idle(idle) => tracing::debug!("an idle connection was closed"),
    }
}

/// Passes bytes on in one direction until it ends, and ends it at the other side too.
///
/// # Errors
///
/// If reading fails: the peer is gone, and with it the other direction. That a peer takes no more bytes is no error: it
/// may still have something to say.
pub(crate) async fn pump<R, W>(reader: &mut R, writer: &mut W, tally: &Tally, way: Way) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut block = vec![0; BLOCK];
    loop {
        let count = reader.read(&mut block).await?;
        if count == 0 {
            break;
        }
        if let Err(error) = writer.write_all(&block[..count]).await {
            tracing::debug!(%error, "a peer takes no more");
            return Ok(());
        }
        tally.count(way, count);
    }
    if let Err(error) = writer.shutdown().await {
        tracing::debug!(%error, "a peer was gone before its connection ended");
    }
    Ok(())
}

/// Writes the last words to a client and lets go of it. What the client is still sending is read for a while: closing a
/// TCP socket with unread bytes resets it, and the client would lose the answer.
pub(crate) async fn part<R, W>(reader: &mut R, writer: &mut W, words: &[u8])
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let parting = async {
        writer.write_all(words).await?;
        writer.shutdown().await?;
        tokio::io::copy(&mut reader.take(LINGER_BYTES), &mut tokio::io::sink()).await
    };
    match timeout(LINGER_TIME, parting).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a client left before its answer"),
        Err(_) => tracing::debug!("a client did not leave after its answer"),
    }
}
