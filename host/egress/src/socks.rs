//! SOCKS version 5 (RFC 1928), without authentication, and `CONNECT` only.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr},
};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use crate::{
    connection::part_from,
    dial::{Denied, dial},
    host::{BadTarget, Host, Target},
    inbound::{Cut, Inbound},
    proxy::Shared,
    relay::tunnel,
    tally::Tally,
    verdict::Reason,
};

/// The first byte of every message.
pub(crate) const VERSION: u8 = 5;
/// The version before, which cannot tell why it refuses.
pub(crate) const VERSION_4: u8 = 4;
/// What version 4 answers to a request that is rejected.
pub(crate) const REJECTED_4: [u8; 8] = [0, 0x5b, 0, 0, 0, 0, 0, 0];

const NO_AUTHENTICATION: u8 = 0;
const NO_METHOD: u8 = 0xff;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const DOMAIN: u8 = 3;
const IPV6: u8 = 4;

/// The codes of replies, RFC 1928 section 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Reply {
    Succeeded = 0,
    Failure = 1,
    NotAllowed = 2,
    NetworkUnreachable = 3,
    HostUnreachable = 4,
    Refused = 5,
    UnknownCommand = 7,
    UnknownAddressType = 8,
}

impl Reply {
    /// The message with this code. The address that the proxy connects from is nobody's business.
    const fn message(self) -> [u8; 10] {
        [VERSION, self as u8, 0, IPV4, 0, 0, 0, 0, 0, 0]
    }

    fn to(denied: &Denied) -> Self {
        match (denied.reason, denied.error) {
            (Reason::NameNotResolved, _) => Self::HostUnreachable,
            (Reason::TooManyConnections | Reason::UpstreamDown, _) => Self::Failure,
            (Reason::ConnectFailed, Some(io::ErrorKind::ConnectionRefused)) => Self::Refused,
            (Reason::ConnectFailed, Some(io::ErrorKind::NetworkUnreachable)) => Self::NetworkUnreachable,
            (Reason::ConnectFailed, _) => Self::HostUnreachable,
            _ => Self::NotAllowed,
        }
    }
}

/// Why there is no request to serve.
enum Unfit {
    Cut(Cut),
    Words(Vec<u8>),
}

impl From<Cut> for Unfit {
    fn from(cut: Cut) -> Self {
        Self::Cut(cut)
    }
}

/// Serves a client whose first byte was [`VERSION`].
pub(crate) async fn serve<S>(shared: &Shared, mut inbound: Inbound<S>, full: bool)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let target = match negotiate(shared, &mut inbound).await {
        Ok(target) => target,
        Err(Unfit::Cut(cut)) => return tracing::debug!(?cut, "a SOCKS client did not say what it wants"),
        Err(Unfit::Words(words)) => return part_from(inbound, &words).await,
    };
    match dial(shared, &target, full).await {
        Ok(dialled) => {
            if inbound.stream().write_all(&Reply::Succeeded.message()).await.is_ok() {
                let (client, early) = inbound.into_parts();
                tunnel(client, early, dialled.stream, &dialled.tally, shared.limits.idle_time).await;
            }
        }
        Err(denied) => part_from(inbound, &Reply::to(&denied).message()).await,
    }
}

async fn negotiate<S>(shared: &Shared, inbound: &mut Inbound<S>) -> Result<Target, Unfit>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let greeting = inbound.take(2).await?;
    let methods = inbound.take(usize::from(greeting[1])).await?;
    if !methods.contains(&NO_AUTHENTICATION) {
        return Err(Unfit::Words(vec![VERSION, NO_METHOD]));
    }
    if inbound.stream().write_all(&[VERSION, NO_AUTHENTICATION]).await.is_err() {
        return Err(Cut::Gone.into());
    }
    let request = inbound.take(4).await?;
    let reply = |reply: Reply| Unfit::Words(reply.message().to_vec());
    if request[0] != VERSION {
        return Err(reply(Reply::Failure));
    }
    let host = match request[3] {
        IPV4 => {
            let octets = inbound.take(4).await?;
            Ok(Host::address(Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]).into()))
        }
        IPV6 => {
            let mut octets = [0; 16];
            octets.copy_from_slice(&inbound.take(16).await?);
            Ok(Host::address(Ipv6Addr::from(octets).into()))
        }
        DOMAIN => {
            let length = usize::from(inbound.take(1).await?[0]);
            let name = inbound.take(length).await?;
            let name = String::from_utf8_lossy(&name).into_owned();
            Host::parse(&name).map_err(|problem| (problem, name))
        }
        _ => return Err(reply(Reply::UnknownAddressType)),
    };
    let port = inbound.take(2).await?;
    let port = u16::from_be_bytes([port[0], port[1]]);
    let target = match host {
        Ok(host) => Target { host, port },
        Err((problem, name)) => {
            if let Some((host, port)) = BadTarget::of(problem, &name, port).named {
                drop(Tally::new(&shared.sink, host, port, Reason::InvalidHost));
            }
            return Err(reply(Reply::NotAllowed));
        }
    };
    if request[1] != CONNECT {
        drop(Tally::new(&shared.sink, target.host.plain(), target.port, Reason::UnsupportedCommand));
        return Err(reply(Reply::UnknownCommand));
    }
    Ok(target)
}
