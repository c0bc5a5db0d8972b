//! A viewer of a process over a WebSocket. What the client does not read is not read from the spool either, so that a
//! slow viewer costs one piece of memory and holds up nobody.

use std::{sync::Arc, time::Duration};

use axum::extract::ws::{Message, WebSocket};
use bytes::Bytes;
use http::StatusCode;
use sandboxed_core::{Orchestrator, ProcessChunk, ProcessOutput};
use sandboxed_model::{
    RunId,
    command::{OutputStream, Tty},
};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use crate::{problem::Problem, state::Server};

/// What of the past a viewer sees that names no place.
const SCROLLBACK: u64 = 64 << 10;
/// Silence after which a sign of life is sent, so that proxies keep the connection and a dead one is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a client may take to read one message.
const PATIENCE: Duration = Duration::from_secs(60);

/// A viewer that is about to be let in.
pub(crate) struct Viewer {
    orchestrator: Orchestrator,
    process: RunId,
    offset: u64,
    streams: [ProcessOutput; 2],
    ended: [bool; 2],
    stopping: CancellationToken,
    _place: OwnedSemaphorePermit,
}

/// What a client asks for besides typing.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Order {
    Resize { rows: u16, cols: u16 },
    CloseInput,
    Signal { signal: i32 },
}

impl Viewer {
    pub(crate) async fn new(server: &Server, process: RunId, offset: Option<u64>) -> Result<Self, Problem> {
        let place = Arc::clone(&server.viewers).try_acquire_owned().map_err(|_| {
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "http.too_many_viewers",
                "too many viewers are attached to processes",
            )
        })?;
        let orchestrator = server.orchestrator.clone();
        let offset = match offset {
            Some(offset) => offset,
            None => orchestrator.process_printed(process).await?.unwrap_or(0).saturating_sub(SCROLLBACK),
        };
        let streams = [
            orchestrator.process_output(process, OutputStream::Stdout, offset).await?,
            orchestrator.process_output(process, OutputStream::Stderr, 0).await?,
        ];
        Ok(Self {
            orchestrator,
            process,
            offset,
            streams,
            ended: [false; 2],
            stopping: server.stopping.clone(),
            _place: place,
        })
    }

    /// Serves the client until it goes, the process ends or the server stops.
    pub(crate) async fn serve(mut self, mut socket: WebSocket) {
        let begin = json!({ "type": "offset", "offset": self.offset }).to_string();
        if send(&mut socket, Message::Text(begin.into())).await.is_none() {
            return;
        }
        let mut quiet = tokio::time::interval(KEEP_ALIVE);
        loop {
            let [stdout, stderr] = &mut self.streams;
            let message = tokio::select! {
                chunk = stdout.next(), if !self.ended[0] => self.tell(0, chunk),
                chunk = stderr.next(), if !self.ended[1] => self.tell(1, chunk),
                received = socket.recv() => match received {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(message)) => self.obey(message).await,
                },
                _ = quiet.tick() => Some(Message::Ping(Bytes::new())),
                () = self.stopping.cancelled() => {
                    let _ = send(&mut socket, Message::Close(None)).await;
                    return;
                }
            };
            if let Some(message) = message {
                quiet.reset();
                if send(&mut socket, message).await.is_none() {
                    return;
                }
            }
            if self.ended == [true; 2] {
                break;
            }
        }
        if let Ok(exit) = self.orchestrator.process_exit(self.process).await {
            let end = json!({ "type": "exit", "exit": exit }).to_string();
            let _ = send(&mut socket, Message::Text(end.into())).await;
        }
        let _ = send(&mut socket, Message::Close(None)).await;
    }

    fn tell(&mut self, stream: usize, chunk: sandboxed_core::Result<ProcessChunk>) -> Option<Message> {
        match chunk {
            Ok(ProcessChunk::Bytes { bytes, .. }) => {
                let mut message = Vec::with_capacity(bytes.len() + 1);
                message.push(stream as u8 + 1);
                message.extend_from_slice(&bytes);
                Some(Message::Binary(message.into()))
            }
            Ok(ProcessChunk::Gap { offset, length }) => {
                let gap = json!({ "type": "gap", "stream": stream + 1, "offset": offset, "length": length });
                Some(Message::Text(gap.to_string().into()))
            }
            Ok(ProcessChunk::End) => {
                self.ended[stream] = true;
                None
            }
            Err(error) => {
                self.ended[stream] = true;
                Some(complaint(&error))
            }
        }
    }

    /// Does what the client asks. What goes wrong is told.
    async fn obey(&self, message: Message) -> Option<Message> {
        let (orchestrator, process) = (&self.orchestrator, self.process);
        let done = match message {
            Message::Binary(bytes) => orchestrator.write_process(process, &bytes).await,
            Message::Text(text) => match serde_json::from_str::<Order>(&text) {
                Ok(Order::Resize { rows, cols }) => orchestrator.resize_process(process, Tty { rows, cols }).await,
                Ok(Order::CloseInput) => orchestrator.close_process_input(process).await,
                Ok(Order::Signal { signal }) => orchestrator.signal_process(process, signal).await,
                Err(_) => {
                    let complaint = json!({ "type": "error", "message": "this message is not understood" });
                    return Some(Message::Text(complaint.to_string().into()));
                }
            },
            _ => return None,
        };
        // That it has ended is told in its own way.
        done.err().filter(|error| error.failure().code != "process.ended").map(|error| complaint(&error))
    }
}

fn complaint(error: &sandboxed_core::Error) -> Message {
    let failure = error.failure();
    Message::Text(json!({ "type": "error", "code": failure.code, "message": failure.message }).to_string().into())
}

/// Nothing when the client is gone or does not read.
async fn send(socket: &mut WebSocket, message: Message) -> Option<()> {
    tokio::time::timeout(PATIENCE, socket.send(message)).await.ok()?.ok()
}
