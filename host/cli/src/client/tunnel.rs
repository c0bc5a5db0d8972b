//! A connection to a port of a workspace, as the commands see it.

use futures_util::{SinkExt as _, StreamExt as _};
use sandboxed_core::PortConnection;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

/// Bytes that are read at once.
const BATCH: usize = 64 << 10;

/// A connection to a port of a workspace.
pub(crate) enum Tunnel {
    /// Of a server in this process.
    Embedded(Box<PortConnection>),
    /// Over a WebSocket of a server elsewhere.
    Http(Box<WebSocketStream<MaybeTlsStream<TcpStream>>>),
}

impl Tunnel {
    /// Passes bytes on in both directions until both have ended or one breaks off.
    pub(crate) async fn carry(self, local: TcpStream) {
        match self {
            Self::Embedded(mut port) => {
                let mut local = local;
                // Whoever is at its ends sees how it ended.
                let _ = tokio::io::copy_bidirectional(&mut local, &mut *port).await;
            }
            Self::Http(socket) => carry(*socket, local).await,
        }
    }
}

/// An empty message ends a direction.
async fn carry(socket: WebSocketStream<MaybeTlsStream<TcpStream>>, local: TcpStream) {
    let (mut to_server, mut from_server) = socket.split();
    let (mut reader, mut writer) = local.into_split();
    let up = async {
        let mut buffer = vec![0; BATCH];
        loop {
            let Ok(read) = reader.read(&mut buffer).await else { return };
            if to_server.send(Message::binary(buffer[..read].to_vec())).await.is_err() {
                return;
            }
            if read == 0 {
                // The server closes once the other direction has ended too.
                std::future::pending().await
            }
        }
    };
    let down = async {
        while let Some(Ok(message)) = from_server.next().await {
            let written = match message {
                Message::Binary(bytes) if bytes.is_empty() => writer.shutdown().await,
                Message::Binary(bytes) => writer.write_all(&bytes).await,
                Message::Close(_) => return,
                _ => Ok(()),
            };
            if written.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}
