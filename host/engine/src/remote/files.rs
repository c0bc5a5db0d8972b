//! Calls of the keeper about a workspace's files.

use std::{io, time::Duration};

use bytes::Bytes;
use futures_util::StreamExt;
use sandboxed_keeper::{Decoder, FileAnswer, FileRequest, Frame, Kind, PROGRAM};
use sandboxed_model::{WorkspaceId, command::OutputStream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use crate::{Engine, Env, Error, ExecInput, ExecOutput, ExecSession, ExecSpec, ExecUser};

/// How long the keeper may be silent: it may have a million files to look at.
const PATIENCE: Duration = Duration::from_secs(300);
/// Bytes of data in one frame.
const PIECE: usize = 64 << 10;
/// What is kept of the words of a keeper that could not be started.
const WORDS: usize = 512;

/// A call that is under way. To drop it ends it.
pub struct KeeperCall {
    input: ExecInput,
    output: ExecOutput,
    decoder: Decoder,
    words: Vec<u8>,
}

/// What the keeper says.
#[derive(Debug)]
pub enum KeeperSays {
    /// Bytes of a file or an archive.
    Data(Vec<u8>),
    /// What came of it.
    Answer(FileAnswer),
}

impl Engine {
    /// Asks for something to be done with the files of a workspace whose container runs.
    ///
    /// # Errors
    /// The container is absent, foreign or not running; the engine fails.
    pub async fn ask_keeper(&self, workspace: WorkspaceId, request: &FileRequest) -> Result<KeeperCall, Error> {
        let argv = vec![PROGRAM.to_owned(), "files".to_owned()];
        let spec = ExecSpec { argv, env: Env::default(), cwd: Some("/".into()), tty: None, user: ExecUser::Container };
        let ExecSession { input, output, .. } = self.exec(workspace, &spec).await?;
        let mut call = KeeperCall { input, output, decoder: Decoder::default(), words: Vec::new() };
        let json = serde_json::to_vec(request).map_err(|error| broken(error.to_string()))?;
        call.send(Kind::Request, &json).await?;
        Ok(call)
    }

    /// The same for what is answered at once.
    ///
    /// # Errors
    /// As [`Engine::ask_keeper`].
    pub async fn ask_keeper_briefly(&self, workspace: WorkspaceId, request: &FileRequest) -> Result<FileAnswer, Error> {
        let mut call = self.ask_keeper(workspace, request).await?;
        match call.next().await? {
            KeeperSays::Answer(answer) => Ok(answer),
            KeeperSays::Data(_) => Err(broken("data came where none was asked for".to_owned())),
        }
    }
}

impl KeeperCall {
    /// What the keeper says next.
    ///
    /// # Errors
    /// The connection breaks, or the keeper says nothing for long or what makes no sense.
    pub async fn next(&mut self) -> Result<KeeperSays, Error> {
        loop {
            if let Some(says) = self.said()? {
                return Ok(says);
            }
            let piece = tokio::time::timeout(PATIENCE, self.output.next());
            let piece = piece.await.map_err(|_| Error::Deadline { what: "use files", after: PATIENCE })?;
            self.hear(piece)?;
        }
    }

    /// Asks for a part of the file that was opened.
    ///
    /// # Errors
    /// The connection breaks.
    pub async fn want(&mut self, from: u64, to: u64) -> Result<(), Error> {
        let json = serde_json::to_vec(&(from, to)).map_err(|error| broken(error.to_string()))?;
        self.send(Kind::Request, &json).await
    }

    /// Sends all of this and tells what came of it. What the keeper says before is the end.
    ///
    /// # Errors
    /// `content` fails, or the connection breaks.
    pub async fn give(&mut self, mut content: impl AsyncRead + Unpin) -> Result<FileAnswer, GiveError> {
        let mut piece = vec![0; PIECE];
        loop {
            tokio::select! {
                said = self.next() => match said? {
                    KeeperSays::Answer(answer) => return Ok(answer),
                    KeeperSays::Data(_) => return Err(broken("data came where none was asked for".to_owned()).into()),
                },
                read = content.read(&mut piece) => match read.map_err(GiveError::Content)? {
                    0 => break,
                    length => self.send(Kind::Data, &piece[..length]).await?,
                },
            }
        }
        self.send(Kind::DataEnd, b"").await?;
        match self.next().await? {
            KeeperSays::Answer(answer) => Ok(answer),
            KeeperSays::Data(_) => Err(broken("data came where none was asked for".to_owned()).into()),
        }
    }

    async fn send(&mut self, kind: Kind, bytes: &[u8]) -> Result<(), Error> {
        let frame = Frame::encode(kind, bytes);
        let sent = async {
            self.input.write_all(&frame).await?;
            self.input.flush().await
        };
        match tokio::time::timeout(PATIENCE, sent).await {
            Ok(sent) => sent.map_err(|error| broken(error.to_string())),
            Err(_) => Err(Error::Deadline { what: "use files", after: PATIENCE }),
        }
    }

    fn said(&mut self) -> Result<Option<KeeperSays>, Error> {
        while let Some(frame) = self.decoder.frame().map_err(|error| broken(error.to_string()))? {
            match frame.kind {
                Kind::Data => return Ok(Some(KeeperSays::Data(frame.bytes))),
                Kind::Answer => {
                    let answer = serde_json::from_slice(&frame.bytes).map_err(|error| broken(error.to_string()))?;
                    return Ok(Some(KeeperSays::Answer(answer)));
                }
                _ => {}
            }
        }
        Ok(None)
    }

    fn hear(&mut self, piece: Option<Result<(OutputStream, Bytes), Error>>) -> Result<(), Error> {
        match piece {
            Some(Ok((OutputStream::Stdout, bytes))) => self.decoder.push(&bytes),
            Some(Ok((OutputStream::Stderr, bytes))) => {
                let room = WORDS.saturating_sub(self.words.len());
                self.words.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
            Some(Err(error)) => return Err(error),
            None => {
                let words = String::from_utf8_lossy(&self.words).trim().to_owned();
                return Err(broken(format!("it ended without an answer {words}").trim_end().to_owned()));
            }
        }
        Ok(())
    }
}

/// Why what was given did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum GiveError {
    /// It could not be read here.
    #[error("the incoming bytes ended early: {0}")]
    Content(#[source] io::Error),
    /// The engine's fault.
    #[error(transparent)]
    Engine(#[from] Error),
}

fn broken(reason: String) -> Error {
    Error::Connection { what: "use files", reason }
}
