//! One connection to the keeper of a run.

use std::time::Duration;

use futures_util::StreamExt;
use sandboxed_keeper::{BEAT_SECS, Decoder, Frame, Kind, PROGRAM, SILENCE_SECS};
use sandboxed_model::command::OutputStream;
use tokio::{
    io::AsyncWriteExt,
    time::{Instant, interval, sleep_until, timeout},
};

use super::{Order, Parted, Progress};
use crate::{
    Engine, Env, Error, ExecInput, ExecOutput, ExecSession, ExecSpec, ExecUser, RUN_VARIABLE,
    contained::{ContainedSpec, program::print},
};

const BEAT: Duration = Duration::from_secs(BEAT_SECS);
const SILENCE: Duration = Duration::from_secs(SILENCE_SECS);

/// So much may be printed here before the keeper is told that it need not keep it.
const UNTOLD: u64 = 1 << 20;

/// How long the keeper may take to be gone.
const PARTING: Duration = Duration::from_secs(2);

/// What is kept of the words of a keeper that could not do its work.
const WORDS: usize = 512;

/// One connection to the keeper of a run.
pub(super) struct Session {
    input: ExecInput,
    output: ExecOutput,
    decoder: Decoder,
    words: Vec<u8>,
    told: u64,
    /// What waits for the program was sent over this connection, or has not to be yet.
    sent: bool,
    /// The keeper has said how much of the input it has.
    knows: bool,
    ended_input: bool,
}

impl Session {
    pub(super) async fn open(engine: &Engine, spec: &ContainedSpec, from: u64) -> Result<Self, Error> {
        let argv = [PROGRAM, "attach", &spec.mark, &from.to_string(), RUN_VARIABLE].map(str::to_owned);
        let exec = ExecSpec {
            argv: argv.to_vec(),
            env: Env::default(),
            cwd: Some("/".into()),
            tty: None,
            user: ExecUser::Container,
        };
        let ExecSession { input, output, .. } = engine.exec(spec.workspace, &exec).await?;
        Ok(Self {
            input,
            output,
            decoder: Decoder::default(),
            words: Vec::new(),
            told: from,
            sent: false,
            knows: false,
            ended_input: false,
        })
    }

    /// Copies what goes in and out until the program has ended, or the connection.
    pub(super) async fn follow(mut self, progress: &mut Progress) -> Result<Parted, Error> {
        let mut beat = interval(BEAT);
        let mut give_up = Instant::now() + SILENCE;
        loop {
            let takes_input = progress.waiting.is_empty() && !progress.stdin_ended;
            tokio::select! {
                piece = self.output.next() => {
                    self.hear(piece)?;
                    (progress.heard, give_up) = (Instant::now(), Instant::now() + SILENCE);
                    while let Some(frame) = self.decoder.frame().map_err(|error| self.broken(&error))? {
                        if let Some(parted) = self.take(frame, progress).await? {
                            return Ok(parted);
                        }
                    }
                }
                Some(order) = progress.orders.recv() => self.obey(order, progress).await?,
                piece = progress.stdin.recv(), if takes_input => {
                    match piece {
                        Some(piece) => progress.waiting = piece,
                        None => progress.stdin_ended = true,
                    }
                    self.sent = false;
                    self.hand_in(progress).await?;
                }
                _ = beat.tick() => {
                    self.say(Kind::Beat, b"").await?;
                    self.tell_safe(progress).await?;
                }
                () = sleep_until(give_up) => {
                    return Err(self.broken(&format!("nothing was heard for {} s", SILENCE.as_secs())));
                }
            }
        }
    }

    async fn take(&mut self, frame: Frame, progress: &mut Progress) -> Result<Option<Parted>, Error> {
        let stream = match frame.kind {
            Kind::Stdout => OutputStream::Stdout,
            Kind::Stderr => OutputStream::Stderr,
            Kind::Accepted => {
                let accepted = frame.number().unwrap_or(progress.accepted);
                let arrived = accepted.saturating_sub(progress.accepted);
                let arrived = usize::try_from(arrived).unwrap_or(usize::MAX).min(progress.waiting.len());
                progress.waiting.drain(..arrived);
                progress.accepted += arrived as u64;
                self.knows = true;
                self.hand_in(progress).await?;
                return Ok(None);
            }
            Kind::End => {
                let end = serde_json::from_slice(&frame.bytes).map_err(|error| self.broken(&error))?;
                self.part().await;
                return Ok(Some(Parted::Ended(end)));
            }
            Kind::Gone => {
                self.part().await;
                return Ok(Some(Parted::Gone));
            }
            _ => return Ok(None),
        };
        print(stream, &frame.bytes).await;
        progress.printed += frame.encoded_length();
        if progress.printed - self.told >= UNTOLD {
            self.tell_safe(progress).await?;
        }
        Ok(None)
    }

    /// Lets the keeper forget the run, and waits until it is gone: until then something is left in the container. It keeps
    /// nothing of a run for ever, so this may be lost.
    async fn part(&mut self) {
        if self.say(Kind::Forget, b"").await.is_ok() {
            let _ = timeout(PARTING, async { while let Some(Ok(_)) = self.output.next().await {} }).await;
        }
    }

    /// Sends what waits for the program, once over each connection.
    async fn hand_in(&mut self, progress: &Progress) -> Result<(), Error> {
        if !self.knows {
            return Ok(());
        }
        if !self.sent && !progress.waiting.is_empty() {
            let bytes = [&progress.accepted.to_be_bytes()[..], &progress.waiting].concat();
            self.say(Kind::Input, &bytes).await?;
        }
        self.sent = true;
        if progress.stdin_ended && progress.waiting.is_empty() && !self.ended_input {
            self.ended_input = true;
            self.say(Kind::InputEnd, b"").await?;
        }
        Ok(())
    }

    async fn tell_safe(&mut self, progress: &Progress) -> Result<(), Error> {
        if progress.printed > self.told {
            self.told = progress.printed;
            self.say(Kind::Safe, &progress.printed.to_be_bytes()).await?;
        }
        Ok(())
    }

    async fn obey(&mut self, order: Order, progress: &mut Progress) -> Result<(), Error> {
        match order {
            Order::Signal(number) => {
                progress.last_signal = Some(number);
                self.say(Kind::Signal, &number.to_be_bytes()).await
            }
            Order::Resize(size) => {
                let [[r0, r1], [c0, c1]] = [size.rows.to_be_bytes(), size.cols.to_be_bytes()];
                self.say(Kind::Resize, &[r0, r1, c0, c1]).await
            }
        }
    }

    async fn say(&mut self, kind: Kind, bytes: &[u8]) -> Result<(), Error> {
        let frame = Frame::encode(kind, bytes);
        let sent = timeout(SILENCE, async {
            self.input.write_all(&frame).await?;
            self.input.flush().await
        });
        match sent.await {
            Ok(sent) => sent.map_err(|error| self.broken(&error)),
            Err(_) => Err(self.broken(&"what is sent is not taken")),
        }
    }

    fn hear(&mut self, piece: Option<Result<(OutputStream, bytes::Bytes), Error>>) -> Result<(), Error> {
        match piece {
            Some(Ok((OutputStream::Stdout, bytes))) => self.decoder.push(&bytes),
            Some(Ok((OutputStream::Stderr, bytes))) => {
                let room = WORDS.saturating_sub(self.words.len());
                self.words.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
            Some(Err(error)) => return Err(error),
            None => return Err(self.broken(&"it was closed")),
        }
        Ok(())
    }

    fn broken(&self, reason: &dyn std::fmt::Display) -> Error {
        let words = String::from_utf8_lossy(&self.words);
        Error::Connection { what: "follow a program", reason: format!("{reason} {}", words.trim()).trim().to_owned() }
    }
}

/// What a helper prints on standard error, as far as it is kept.
pub(super) async fn words(mut output: ExecOutput) -> Result<String, Error> {
    let mut words = Vec::new();
    while let Some(piece) = output.next().await {
        let (stream, bytes) = piece?;
        if stream == OutputStream::Stderr && words.len() < WORDS {
            words.extend_from_slice(&bytes[..bytes.len().min(WORDS - words.len())]);
        }
    }
    Ok(String::from_utf8_lossy(&words).trim().to_owned())
}
