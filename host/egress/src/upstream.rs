//! Another network than the machine's, by which connections go out: whoever leads into it is asked at each connection, and
//! where it does not answer there is no way out at all.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A question under way.
pub type Asked<'a> = Pin<Box<dyn Future<Output = Result<Route, String>> + Send + 'a>>;

/// Whoever leads into another network.
pub trait Upstream: Send + Sync + 'static {
    /// The way as it is at this moment.
    ///
    /// # Errors
    ///
    /// If there is none now, with the reason for a person. Nothing is connected to then.
    fn route(&self) -> Asked<'_>;
}

/// A way into another network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// A SOCKS5 server that wants no authentication: every connection goes by it, and it is told addresses only.
    pub socks5: SocketAddr,
    /// What is reached by it.
    pub reach: Reach,
    /// The addresses of the server itself in that network. Nobody reaches them.
    pub own: Vec<IpAddr>,
}

/// What is reached in another network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// These machines and no others: their addresses by their names, in lower case without a dot at the end.
    Members(HashMap<String, Vec<IpAddr>>),
    /// The public internet, and nothing that is not public.
    Public,
}

/// Connects by a SOCKS5 server (RFC 1928).
///
/// The outer failure is the server's own, the inner one that of the target.
pub(crate) async fn connect(socks5: SocketAddr, target: SocketAddr) -> io::Result<io::Result<TcpStream>> {
    let mut stream = TcpStream::connect(socks5).await?;
    stream.write_all(&[5, 1, 0]).await?;
    let mut greeting = [0; 2];
    stream.read_exact(&mut greeting).await?;
    if greeting != [5, 0] {
        return Err(io::Error::other("it speaks no SOCKS5, or wants authentication"));
    }
    let mut request = vec![5, 1, 0];
    match target.ip() {
        IpAddr::V4(address) => {
            request.push(1);
            request.extend(address.octets());
        }
        IpAddr::V6(address) => {
            request.push(4);
            request.extend(address.octets());
        }
    }
    request.extend(target.port().to_be_bytes());
    stream.write_all(&request).await?;
    let mut reply = [0; 4];
    stream.read_exact(&mut reply).await?;
    let rest = match reply {
        [5, _, _, 1] => 4 + 2,
        [5, _, _, 4] => 16 + 2,
        [5, _, _, 3] => usize::from(stream.read_u8().await?) + 2,
        _ => return Err(io::Error::other("its answer is none of SOCKS5")),
    };
    let mut bound = vec![0; rest];
    stream.read_exact(&mut bound).await?;
    Ok(match reply[1] {
        0 => Ok(stream),
        2 => Err(io::ErrorKind::PermissionDenied.into()),
        3 => Err(io::ErrorKind::NetworkUnreachable.into()),
        4 => Err(io::ErrorKind::HostUnreachable.into()),
        5 => Err(io::ErrorKind::ConnectionRefused.into()),
        6 => Err(io::ErrorKind::TimedOut.into()),
        _ => Err(io::ErrorKind::Other.into()),
    })
}
