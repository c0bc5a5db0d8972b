//! One plain HTTP request and its answer.

use std::io::Cursor;

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
};

use crate::{
    chunked::{Broken, Upload},
    http::{self, Forward},
    inbound::{Cut, Inbound},
    limits::Limits,
    relay::{self, part},
    tally::{Tally, Way},
};

/// Passes on one request and its answer. The connection serves no other request: what a client sends after the first is
/// thrown away, so that it cannot reach a target that was not checked. `early` is what it has sent already.
pub(crate) async fn forward<S>(
    client: S,
    early: Bytes,
    mut target: TcpStream,
    request: &Forward,
    tally: &Tally,
    limits: &Limits,
) where
    S: AsyncRead + AsyncWrite,
{
    let (client_read, mut client_write) = tokio::io::split(client);
    let mut client_read = Cursor::new(early).chain(client_read);
    let (target_read, target_write) = target.split();
    let end = {
        let up = send(&mut client_read, target_write, request, tally, limits);
        let down = receive(target_read, &mut client_write, tally, limits);
        tokio::select! {
            // Sending only comes to an end before the answer does if there is no use in waiting for it.
            () = up => return,
            end = down => end,
            () = tally.idle(limits.idle_time) => return,
        }
    };
    let words = match end {
        End::Answered => Vec::new(),
        End::ClientGone => return,
        End::NoAnswer => http::own_answer("502 Bad Gateway", "The target closed the connection without an answer."),
        End::BadAnswer => {
            http::own_answer("502 Bad Gateway", "The target's answer is not HTTP/1, or its head is too large.")
        }
    };
    part(&mut client_read, &mut client_write, &words).await;
}

/// Sends the request. Ends if the client breaks it off.
async fn send<R>(client: &mut R, target: WriteHalf<'_>, request: &Forward, tally: &Tally, limits: &Limits)
where
    R: AsyncRead + Unpin,
{
    let mut upload = Upload::new(client, target, tally, limits.header_bytes);
    match upload.pass(&request.head, request.body).await {
        Ok(()) => {
            let drained = upload.drain().await;
            // The client will send no more, and may be gone altogether. The target gets to know it as it came.
            if let Err(error) = upload.shut().await {
                tracing::debug!(%error, "a target takes no more");
            }
            if let Err(error) = drained {
                return tracing::debug!(%error, "a client was gone before its answer");
            }
        }
        Err(Broken::Client) => return,
        Err(Broken::Target) => {}
    }
    std::future::pending().await
}

/// How an answer ended.
enum End {
    Answered,
    NoAnswer,
    BadAnswer,
    ClientGone,
}

/// Passes on the answer.
async fn receive<W>(target: ReadHalf<'_>, client: &mut W, tally: &Tally, limits: &Limits) -> End
where
    W: AsyncWrite + Unpin,
{
    let mut inbound = Inbound::new(target, limits.header_bytes, None);
    loop {
        let head = match inbound.head().await {
            Ok(head) => head,
            Err(Cut::TooLarge) => return End::BadAnswer,
            Err(Cut::Gone | Cut::TooSlow) => return End::NoAnswer,
        };
        tally.count(Way::Down, head.len());
        let Some(answer) = http::answer(&head) else { return End::BadAnswer };
        if client.write_all(&answer.head).await.is_err() {
            return End::ClientGone;
        }
        if !answer.interim {
            break;
        }
    }
    let (target, early) = inbound.into_parts();
    let mut rest = Cursor::new(early).chain(target);
    match relay::pump(&mut rest, client, tally, Way::Down).await {
        Ok(()) => End::Answered,
        Err(error) => {
            tracing::debug!(%error, "an answer broke off");
            End::ClientGone
        }
    }
}
