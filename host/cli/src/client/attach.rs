//! Attached to a process of a workspace: what it prints comes, what is typed goes.

use futures_util::{SinkExt as _, StreamExt as _};
use sandboxed_core::{Orchestrator, ProcessChunk, ProcessOutput};
use sandboxed_model::{
    RunId,
    command::{Exit, OutputStream, Tty},
};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

use crate::failed::{Failed, Result};

/// A process that is followed.
pub(crate) enum Attachment {
    /// In this process.
    Embedded(Box<Local>),
    /// Elsewhere.
    Http(Box<WebSocketStream<MaybeTlsStream<TcpStream>>>),
}

/// A process of a server in this process.
pub(crate) struct Local {
    orchestrator: Orchestrator,
    process: RunId,
    streams: [ProcessOutput; 2],
    ended: [bool; 2],
}

/// What comes from a process.
pub(crate) enum Seen {
    /// It printed this.
    Output(OutputStream, Vec<u8>),
    /// So many bytes were dropped, because they were too many to keep.
    Gap(u64),
    /// It ended. Nothing else comes.
    Exit(Exit),
}

/// What a server says besides what a process prints.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Word {
    Gap {
        length: u64,
    },
    Exit {
        exit: Exit,
    },
    Error {
        message: String,
    },
    #[serde(other)]
    Other,
}

impl Attachment {
    pub(super) async fn local(orchestrator: Orchestrator, process: RunId) -> Result<Self> {
        let streams = [
            orchestrator.process_output(process, OutputStream::Stdout, 0).await?,
            orchestrator.process_output(process, OutputStream::Stderr, 0).await?,
        ];
        Ok(Self::Embedded(Box::new(Local { orchestrator, process, streams, ended: [false; 2] })))
    }

    /// What comes next. A call that is given up has lost nothing.
    pub(crate) async fn next(&mut self) -> Result<Seen> {
        match self {
            Self::Embedded(local) => local.next().await,
            Self::Http(socket) => loop {
                match socket.next().await {
                    Some(Ok(Message::Binary(message))) => {
                        let stream =
                            if message.first() == Some(&2) { OutputStream::Stderr } else { OutputStream::Stdout };
                        return Ok(Seen::Output(stream, message.get(1..).unwrap_or_default().to_vec()));
                    }
                    Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                        Ok(Word::Gap { length }) => return Ok(Seen::Gap(length)),
                        Ok(Word::Exit { exit }) => return Ok(Seen::Exit(exit)),
                        Ok(Word::Error { message }) => return Err(Failed::new(message)),
                        Ok(Word::Other) | Err(_) => {}
                    },
                    Some(Ok(Message::Close(_)) | Err(_)) | None => {
                        return Err(Failed::unavailable("the connection to the server was lost")
                            .hint("the process goes on: `sandboxed-sh processes attach ID` follows it again"));
                    }
                    Some(Ok(_)) => {}
                }
            },
        }
    }

    /// Types something.
    pub(crate) async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        match self {
            Self::Embedded(local) => unless_ended(local.orchestrator.write_process(local.process, &bytes).await),
            Self::Http(socket) => sent(socket.send(Message::Binary(bytes.into())).await),
        }
    }

    /// Ends the input.
    pub(crate) async fn close_input(&mut self) -> Result<()> {
        match self {
            Self::Embedded(local) => unless_ended(local.orchestrator.close_process_input(local.process).await),
            Self::Http(socket) => sent(socket.send(Message::text(json!({ "type": "close_input" }).to_string())).await),
        }
    }

    /// Gives the terminal another size.
    pub(crate) async fn resize(&mut self, tty: Tty) -> Result<()> {
        match self {
            Self::Embedded(local) => unless_ended(local.orchestrator.resize_process(local.process, tty).await),
            Self::Http(socket) => {
                let order = json!({ "type": "resize", "rows": tty.rows, "cols": tty.cols });
                sent(socket.send(Message::text(order.to_string())).await)
            }
        }
    }
}

/// That the process has ended is told in its own way.
fn unless_ended(done: sandboxed_core::Result<()>) -> Result<()> {
    match done {
        Err(error) if error.failure().code == "process.ended" => Ok(()),
        done => Ok(done?),
    }
}

fn sent(sent: Result<(), tokio_tungstenite::tungstenite::Error>) -> Result<()> {
    sent.map_err(|error| Failed::unavailable(format!("the connection to the server was lost: {error}")))
}

impl Local {
    async fn next(&mut self) -> Result<Seen> {
        while self.ended != [true; 2] {
            let [stdout, stderr] = &mut self.streams;
            let (index, chunk) = tokio::select! {
                chunk = stdout.next(), if !self.ended[0] => (0, chunk?),
                chunk = stderr.next(), if !self.ended[1] => (1, chunk?),
            };
            match chunk {
                ProcessChunk::Bytes { bytes, .. } => {
                    return Ok(Seen::Output([OutputStream::Stdout, OutputStream::Stderr][index], bytes));
                }
                ProcessChunk::Gap { length, .. } => return Ok(Seen::Gap(length)),
                ProcessChunk::End => self.ended[index] = true,
            }
        }
        Ok(Seen::Exit(self.orchestrator.process_exit(self.process).await?))
    }
}
