//! A program in a container on another machine, from its start to its end, over a connection that may break at any time.
//!
//! The program is started by the keeper, which keeps what it prints until it is here. So each connection goes on where the
//! one before it ended: with the output at the place up to which it was printed here, and with the input at the place up to
//! which it arrived there.

mod session;

use std::time::Duration;

use sandboxed_keeper::{Frame, Kind, PROGRAM, RunEnd, RunExit, RunRequest};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
    time::Instant,
};

use self::session::Session;
use super::{
    ContainedEnd, ContainedReport, ContainedSpec, LOST,
    orders::{Order, orders, size},
    program::{connect, end, lost},
};
use crate::{Engine, Env, Error, ExecSession, ExecSpec, ExecUser, RUN_VARIABLE};

/// Between two attempts to connect: from the first, doubling up to the second.
const AGAIN_AFTER: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Bytes of input that are handed on at once. No more of it is under way.
const BATCH: usize = 64 * 1024;

/// What goes on over all connections.
pub(super) struct Progress {
    /// The place in the keeper's journal up to which all is printed here.
    printed: u64,
    /// The place in the input up to which it has arrived there, and what comes after it.
    accepted: u64,
    waiting: Vec<u8>,
    stdin: mpsc::Receiver<Vec<u8>>,
    stdin_ended: bool,
    orders: mpsc::Receiver<Order>,
    last_signal: Option<i32>,
    /// When the keeper was heard last.
    heard: Instant,
}

/// How a connection ended.
pub(super) enum Parted {
    /// The program has ended.
    Ended(RunEnd),
    /// The keeper is gone, and nobody knows how the program ended.
    Gone,
}

/// Starts the program, sees it to its end, and kills what it left.
pub(super) async fn stand_for(spec: &ContainedSpec) -> (ContainedEnd, ContainedReport) {
    let mut report = ContainedReport::default();
    // From the first moment on a signal is for the program, also for one that is about to start.
    let orders = orders(spec.tty.is_some());
    let mut progress = Progress {
        printed: 0,
        accepted: 0,
        waiting: Vec::new(),
        stdin: read_stdin(),
        stdin_ended: false,
        orders,
        last_signal: None,
        heard: Instant::now(),
    };
    let ended = follow(spec, &mut progress).await;
    if let Ok(engine) = connect(spec).await {
        report.cleared = engine.clear_run(spec.workspace, &spec.mark).await.is_ok()
            && engine.is_quiet(spec.workspace).await.unwrap_or(false);
    }
    let RunEnd { exit, oom_kills } = match ended {
        Ok(ended) => ended,
        Err(error) => return (lost(&mut report, &error), report),
    };
    report.oom_kills = oom_kills;
    let end = match exit {
        RunExit::Code(code) => ContainedEnd::Code(u8::try_from(code & 0xff).unwrap_or(LOST)),
        RunExit::Signal(signal) => end(128 + i64::from(signal), progress.last_signal),
        RunExit::NotStarted(status) => {
            let program = spec.argv.first().cloned().unwrap_or_default();
            let failure = Error::NotStarted { program, status: status.into() }.failure();
            eprintln!("{failure}{}", failure.hint.as_ref().map(|hint| format!(": {hint}")).unwrap_or_default());
            end(status.into(), None)
        }
    };
    (end, report)
}

/// Connects until the program has ended, or nothing was heard for too long.
async fn follow(spec: &ContainedSpec, progress: &mut Progress) -> Result<RunEnd, Error> {
    let mut started = false;
    let mut pause = AGAIN_AFTER.0;
    loop {
        let before = progress.heard;
        let parted = once(spec, progress, &mut started).await;
        let error = match parted {
            Ok(Parted::Ended(end)) => return Ok(end),
            Ok(Parted::Gone) => {
                return Err(Error::Lost("whatever watched over it in its container was killed".to_owned()));
            }
            Err(error) if !is_passing(&error) => return Err(error),
            Err(error) => error,
        };
        if progress.heard.elapsed() > spec.patience {
            let reason = format!("its engine was out of reach for {} s: {error}", spec.patience.as_secs());
            return Err(Error::Lost(reason));
        }
        if progress.heard > before {
            pause = AGAIN_AFTER.0;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(AGAIN_AFTER.1);
    }
}

/// Whether it may be otherwise next time, with the program as it was.
fn is_passing(error: &Error) -> bool {
    match error {
        Error::NotAnswering { .. } | Error::Deadline { .. } | Error::Connection { .. } => true,
        // Somebody else may answer in the engine's place while it cannot be reached.
        Error::CertificateRefused { .. } => true,
        Error::Refused { status, .. } => *status >= 500,
        _ => false,
    }
}

/// One connection.
async fn once(spec: &ContainedSpec, progress: &mut Progress, started: &mut bool) -> Result<Parted, Error> {
    let engine = connect(spec).await?;
    if !*started {
        start(&engine, spec).await?;
        *started = true;
        progress.heard = Instant::now();
    }
    let session = Session::open(&engine, spec, progress.printed).await;
    let gone = |error| match error {
        Error::Absent(_) | Error::NotRunning(_) => {
            Error::Lost("its container was stopped, or the container engine restarted".to_owned())
        }
        error => error,
    };
    session.map_err(gone)?.follow(progress).await
}

/// Has the program started, if it is not. All that is secret goes by the keeper's input.
async fn start(engine: &Engine, spec: &ContainedSpec) -> Result<(), Error> {
    let broken = |reason: String| Error::Connection { what: "start a program", reason };
    let request = RunRequest {
        mark: spec.mark.clone(),
        variable: RUN_VARIABLE.to_owned(),
        argv: spec.argv.clone(),
        env: spec.env.clone(),
        cwd: spec.cwd.clone(),
        tty: spec.tty.map(|asked| size().unwrap_or(asked)),
    };
    let json = serde_json::to_vec(&request).map_err(|error| broken(error.to_string()))?;
    if json.len() > sandboxed_keeper::LONGEST {
        return Err(Error::Lost("its arguments and variables are more than 16 MiB".to_owned()));
    }
    let argv = vec![PROGRAM.to_owned(), "start".to_owned()];
    let exec = ExecSpec { argv, env: Env::default(), cwd: Some("/".into()), tty: None, user: ExecUser::Container };
    let ExecSession { mut input, output, control } = engine.exec(spec.workspace, &exec).await?;
    let sent = async {
        input.write_all(&Frame::encode(Kind::Request, &json)).await?;
        input.flush().await
    };
    sent.await.map_err(|error| broken(error.to_string()))?;
    let words = session::words(output).await?;
    match control.exit().await? {
        0 => Ok(()),
        status => Err(Error::Lost(format!("it could not be started ({status}): {words}"))),
    }
}

/// Reads standard input, one piece ahead.
fn read_stdin() -> mpsc::Receiver<Vec<u8>> {
    let (sender, pieces) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut stdin = tokio::io::stdin();
        let mut batch = vec![0; BATCH];
        while let Ok(length @ 1..) = stdin.read(&mut batch).await {
            if sender.send(batch[..length].to_vec()).await.is_err() {
                return;
            }
        }
    });
    pieces
}
