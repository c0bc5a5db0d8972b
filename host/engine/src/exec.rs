//! Programs in a workspace's container.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bollard::models::ExecConfig;
use futures_util::TryStreamExt;
use hyper_util::rt::TokioIo;
use sandboxed_model::{WorkspaceId, command::Tty};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncWrite, WriteHalf};

use crate::{Engine, Env, Error, ExecOutput, InvalidSpec};

/// A program to start in a workspace's container. Its `Debug` shows no values of variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecSpec {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Variables, on top of the container's own.
    pub env: Env,
    /// Absolute working directory in the container; absent, the workspace's files.
    pub cwd: Option<String>,
    /// Present: the program gets a terminal of this size, and all that it prints is standard output.
    pub tty: Option<Tty>,
    /// Who it runs as.
    pub user: ExecUser,
}

/// Who a program runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExecUser {
    /// The container's user.
    #[default]
    Container,
    /// User 0 of the container, which has no capabilities either: it owns the image's files and can neither read nor
    /// signal what belongs to the container's user.
    Root,
}

/// A program that was started. To drop it, or any part of it, does not end the program.
#[derive(Debug)]
pub struct ExecSession {
    /// What it reads.
    pub input: ExecInput,
    /// What it prints. It must be read, or the program waits.
    pub output: ExecOutput,
    /// All else.
    pub control: ExecControl,
}

/// What a program reads. To shut it down ends its standard input and nothing else; on a terminal send the end of file
/// character (4) instead.
pub struct ExecInput(WriteHalf<TokioIo<hyper::upgrade::Upgraded>>);

/// How a program is watched. Clones are the same program.
#[derive(Debug, Clone)]
pub struct ExecControl {
    engine: Engine,
    id: String,
    program: String,
}

/// Between two looks at whether a program has ended: from the first, doubling up to the second.
const LOOK_AFTER: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(500));

/// Bytes that are kept of what a helper prints.
const SHORT_OUTPUT: usize = 4096;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Created {
    id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Start {
    detach: bool,
    tty: bool,
}

impl Engine {
    /// Starts a program in the workspace's container.
    ///
    /// A program that cannot be started is seen at its end: see [`ExecControl::exit`].
    ///
    /// # Errors
    /// The container is absent, foreign or not running; the engine fails.
    pub async fn exec(&self, workspace: WorkspaceId, spec: &ExecSpec) -> Result<ExecSession, Error> {
        let program = spec.argv.first().filter(|program| !program.is_empty()).ok_or(InvalidSpec::Empty)?;
        if let Some(cwd) = spec.cwd.as_ref().filter(|cwd| !cwd.starts_with('/')) {
            return Err(InvalidSpec::Cwd(cwd.clone()).into());
        }
        let container = self.own_running(workspace).await?;
        self.start(workspace, &container.id, program, spec).await.map_err(|error| match error {
            Error::Refused { what, status, message } => {
                Error::Refused { what, status, message: spec.env.redact(&message) }
            }
            other => other,
        })
    }

    async fn start(
        &self,
        workspace: WorkspaceId,
        container: &str,
        program: &str,
        spec: &ExecSpec,
    ) -> Result<ExecSession, Error> {
        let what = "start a program";
        let config = ExecConfig {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(spec.tty.is_some()),
            env: Some(spec.env.assignments()),
            cmd: Some(spec.argv.clone()),
            privileged: Some(false),
            user: (spec.user == ExecUser::Root).then(|| "0:0".to_owned()),
            working_dir: spec.cwd.clone(),
            ..ExecConfig::default()
        };
        let created = match self.post(what, &format!("/containers/{container}/exec"), &config, false).await {
            Ok(created) => created,
            Err(error) => return Err(self.explain(workspace, error)),
        };
        let Created { id } = self.read(what, created).await?;
        if !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Error::Connection { what, reason: "the engine gave an id that is none".into() });
        }
        let start = Start { detach: false, tty: spec.tty.is_some() };
        let answer = match self.post(what, &format!("/exec/{id}/start"), &start, true).await {
            Ok(answer) => answer,
            Err(error) => return Err(self.explain(workspace, error)),
        };
        let upgraded = hyper::upgrade::on(answer)
            .await
            .map_err(|error| Error::Connection { what, reason: crate::error::chain(&error) })?;
        let (read, write) = tokio::io::split(TokioIo::new(upgraded));
        let control = ExecControl { engine: self.clone(), id, program: program.to_owned() };
        if let Some(size) = spec.tty {
            // Engines before API 1.42 take no size with the start.
            control.resize(size).await?;
        }
        Ok(ExecSession { input: ExecInput(write), output: ExecOutput::new(read, spec.tty.is_some()), control })
    }

    /// Runs a helper that reads nothing and prints little; what goes beyond [`SHORT_OUTPUT`] is dropped.
    pub(crate) async fn short(
        &self,
        workspace: WorkspaceId,
        argv: &[&str],
        user: ExecUser,
    ) -> Result<(i64, Vec<u8>), Error> {
        let argv = argv.iter().map(|&argument| argument.to_owned()).collect();
        let spec = ExecSpec { argv, env: Env::default(), cwd: Some("/".into()), tty: None, user };
        let ExecSession { output, control, .. } = self.exec(workspace, &spec).await?;
        let printed = output
            .try_fold(Vec::new(), async |mut printed: Vec<u8>, (_, bytes)| {
                let room = SHORT_OUTPUT - printed.len();
                printed.extend_from_slice(&bytes[..bytes.len().min(room)]);
                Ok(printed)
            })
            .await?;
        Ok((control.exit().await?, printed))
    }

    /// A container that stops between the look and the start.
    fn explain(&self, workspace: WorkspaceId, error: Error) -> Error {
        match error.status() {
            Some(404) => Error::Absent(workspace),
            Some(409) => Error::NotRunning(workspace),
            _ => error,
        }
    }
}

impl ExecControl {
    /// Tells the program's terminal its new size. After the program's end it does nothing.
    ///
    /// # Errors
    /// The engine does not answer.
    pub async fn resize(&self, size: Tty) -> Result<(), Error> {
        let size = bollard::query_parameters::ResizeExecOptions { h: size.rows.into(), w: size.cols.into() };
        match self.engine.call("resize a terminal", self.engine.docker().resize_exec(&self.id, size)).await {
            // The engine has several ways to say that there is no such terminal any more.
            Err(Error::Refused { .. }) => Ok(()),
            done => done,
        }
    }

    /// Waits for the program's end and tells its exit status; 128 and the signal's number when a signal ended it.
    /// Best called when the output has ended: a program whose output nobody reads may never end. Waits as long as the
    /// program runs; to drop the future is safe.
    ///
    /// # Errors
    /// [`Error::NotStarted`] when the engine could not start it; [`Error::Lost`] when the container or the engine has
    /// forgotten it; the engine does not answer.
    pub async fn exit(&self) -> Result<i64, Error> {
        let mut pause = LOOK_AFTER.0;
        loop {
            if let Some(status) = self.ended().await? {
                return Ok(status);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LOOK_AFTER.1);
        }
    }

    /// Looks whether the program has ended, and tells its exit status if it has.
    ///
    /// # Errors
    /// As [`ExecControl::exit`].
    pub async fn ended(&self) -> Result<Option<i64>, Error> {
        let look = self.engine.call("look at a program", self.engine.docker().inspect_exec(&self.id)).await;
        let found = match look {
            Ok(found) => found,
            Err(Error::Refused { status: 404, .. }) => {
                return Err(Error::Lost("its container was stopped, or the container engine restarted".into()));
            }
            Err(error) => return Err(error),
        };
        let (Some(false), Some(status)) = (found.running, found.exit_code) else { return Ok(None) };
        let never_started = found.pid.unwrap_or(0) == 0 && matches!(status, 126 | 127);
        if never_started { Err(Error::NotStarted { program: self.program.clone(), status }) } else { Ok(Some(status)) }
    }
}

impl AsyncWrite for ExecInput {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl std::fmt::Debug for ExecInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ExecInput")
    }
}

impl std::fmt::Debug for ExecOutput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ExecOutput")
    }
}
