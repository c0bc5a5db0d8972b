//! A connection to a port over a WebSocket, for whatever is spoken there. Neither end reads faster than the other takes.

use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _, stream::SplitSink};
use sandboxed_core::PortConnection;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

/// Bytes that are read at once.
const BATCH: usize = 64 << 10;
/// Silence after which a sign of life is sent, so that proxies keep the connection and a dead one is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a client may take to read one message.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection that a WebSocket is about to get.
pub(crate) struct Tunnel {
    connection: PortConnection,
    stopping: CancellationToken,
}

type Client = SplitSink<WebSocket, Message>;

impl Tunnel {
    pub(crate) fn new(connection: PortConnection, stopping: CancellationToken) -> Self {
        Self { connection, stopping }
    }

    /// Passes bytes on in both directions until both have ended, the client goes or the server stops. An empty message
    /// ends a direction.
    pub(crate) async fn serve(self, socket: WebSocket) {
        let (mut reader, mut writer) = tokio::io::split(self.connection);
        let (mut to_client, mut from_client) = socket.split();
        let sent_all = CancellationToken::new();
        let up = async {
            while let Some(Ok(message)) = from_client.next().await {
                match message {
                    Message::Binary(bytes) if bytes.is_empty() => {
                        if writer.shutdown().await.is_err() {
                            return;
                        }
                        sent_all.cancel();
                    }
                    Message::Binary(bytes) if writer.write_all(&bytes).await.is_err() => return,
                    Message::Close(_) => return,
                    // A piece that was passed on, or a word of the protocol's own.
                    _ => {}
                }
            }
        };
        let down = async {
            let mut quiet = tokio::time::interval(KEEP_ALIVE);
            let mut buffer = vec![0; BATCH];
            let mut ended = false;
            loop {
                let message = tokio::select! {
                    read = reader.read(&mut buffer), if !ended => match read {
                        Ok(read) => {
                            ended = read == 0;
                            Message::Binary(Bytes::copy_from_slice(&buffer[..read]))
                        }
                        Err(_) => return,
                    },
                    _ = quiet.tick() => Message::Ping(Bytes::new()),
                    () = sent_all.cancelled(), if ended => return,
                };
                quiet.reset();
                if send(&mut to_client, message).await.is_none() {
                    return;
                }
            }
        };
        tokio::select! {
            () = up => {}
            () = down => {}
            () = self.stopping.cancelled() => {}
        }
        let _ = send(&mut to_client, Message::Close(None)).await;
    }
}

/// Nothing when the client is gone or does not read.
async fn send(client: &mut Client, message: Message) -> Option<()> {
    tokio::time::timeout(PATIENCE, client.send(message)).await.ok()?.ok()
}
