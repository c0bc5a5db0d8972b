//! A program in a container from its start to its end.

use std::time::Duration;

use futures_util::StreamExt;
use sandboxed_model::command::OutputStream;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::{
    ContainedEnd, ContainedReport, ContainedSpec, LOST,
    orders::{Order, orders, size},
};
use crate::{Engine, Env, Error, ExecControl, ExecInput, ExecOutput, ExecSession, ExecSpec, ExecUser, RUN_VARIABLE};

/// How often it is looked whether the program has ended while its output has not: something else may hold that open.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long the output may take to end once everything that could print is gone.
const LINGER: Duration = Duration::from_secs(2);

/// Bytes of input that are handed on at once.
const BATCH: usize = 64 * 1024;

/// Starts the program, sees it to its end, and kills what it left.
pub(super) async fn stand_for(spec: &ContainedSpec) -> (ContainedEnd, ContainedReport) {
    let mut report = ContainedReport::default();
    // From the first moment on a signal is for the program, also for one that is about to start.
    let orders = orders(spec.tty.is_some());
    let engine = match connect(spec).await {
        Ok(engine) => engine,
        Err(error) => return (lost(&mut report, &error), report),
    };
    let oom_before = engine.oom_kills(spec.workspace).await.ok();
    let session = match start(&engine, spec).await {
        Ok(session) => session,
        // The engine may have started it all the same, and so nothing is known to be clear.
        Err(error) => return (lost(&mut report, &error), report),
    };
    let status = follow(&engine, spec, session, orders).await;
    report.cleared = match engine.clear_run(spec.workspace, &spec.mark).await {
        // What else is there may be a neighbour's, or have hidden its mark: the server knows.
        Ok(()) => engine.is_quiet(spec.workspace).await.unwrap_or(false),
        Err(error) => {
            eprintln!("contained: what the program left could not be killed: {error}");
            false
        }
    };
    let end = match status {
        Ok((status, signal)) => {
            if let (1.., Some(before)) = (status, oom_before) {
                let after = engine.oom_kills(spec.workspace).await.unwrap_or(before);
                report.oom_kills = after.saturating_sub(before);
            }
            end(status, signal)
        }
        Err(error @ Error::NotStarted { status, .. }) => {
            let failure = error.failure();
            eprintln!("{failure}{}", failure.hint.as_ref().map(|hint| format!(": {hint}")).unwrap_or_default());
            end(status, None)
        }
        Err(error) => lost(&mut report, &error),
    };
    (end, report)
}

pub(super) async fn connect(spec: &ContainedSpec) -> Result<Engine, Error> {
    let owner = spec.owner.parse().map_err(|_| Error::Lost("the server has no id".to_owned()))?;
    let engine = Engine::speaking(spec.engine.clone(), owner, spec.api.as_deref()).await?;
    engine.know(spec.workspace, spec.container.clone());
    Ok(engine)
}

async fn start(engine: &Engine, spec: &ContainedSpec) -> Result<ExecSession, Error> {
    let mark = (RUN_VARIABLE.to_owned(), spec.mark.clone());
    let env = Env::new(spec.env.iter().cloned().chain([mark])).map_err(|error| Error::Lost(error.to_string()))?;
    let exec = ExecSpec {
        argv: spec.argv.clone(),
        env,
        cwd: spec.cwd.clone(),
        tty: spec.tty.map(|asked| size().unwrap_or(asked)),
        user: ExecUser::Container,
    };
    engine.exec(spec.workspace, &exec).await
}

/// Copies what goes in and out until the program has ended, and tells its status and the last signal that it was sent.
async fn follow(
    engine: &Engine,
    spec: &ContainedSpec,
    session: ExecSession,
    mut orders: mpsc::Receiver<Order>,
) -> Result<(i64, Option<i32>), Error> {
    let ExecSession { input, mut output, control } = session;
    let typing = tokio::spawn(hand_in(input, spec.tty.is_some()));
    let mut last_signal = None;
    let mut look_at = Instant::now() + LOOK_EVERY;
    let status = loop {
        tokio::select! {
            piece = output.next() => match piece {
                Some(Ok((stream, bytes))) => print(stream, &bytes).await,
                // The engine knows how the program ended, or is gone.
                Some(Err(_)) | None => break until_ended(&control, engine, spec, &mut orders, &mut last_signal).await?,
            },
            Some(order) = orders.recv() => obey(engine, spec, &control, order, &mut last_signal).await,
            () = sleep_until(look_at) => {
                look_at = Instant::now() + LOOK_EVERY;
                match control.ended().await {
                    Ok(Some(status)) => {
                        drain(engine, spec, &mut output).await;
                        break status;
                    }
                    Ok(None) => {}
                    Err(error @ (Error::Lost(_) | Error::NotStarted { .. })) => return Err(error),
                    // It may be busy; while there is output to come the program is not lost.
                    Err(_) => {}
                }
            }
        }
    };
    typing.abort();
    Ok((status, last_signal))
}

/// The output has ended; the program may go on without.
async fn until_ended(
    control: &ExecControl,
    engine: &Engine,
    spec: &ContainedSpec,
    orders: &mut mpsc::Receiver<Order>,
    last_signal: &mut Option<i32>,
) -> Result<i64, Error> {
    let mut exit = std::pin::pin!(control.exit());
    loop {
        tokio::select! {
            status = &mut exit => return status,
            Some(order) = orders.recv() => obey(engine, spec, control, order, last_signal).await,
        }
    }
}

/// The program has ended and something that it left holds its output open: that is killed, and what was printed is read
/// to its end.
async fn drain(engine: &Engine, spec: &ContainedSpec, output: &mut ExecOutput) {
    let mut cleared = std::pin::pin!(engine.clear_run(spec.workspace, &spec.mark));
    let mut give_up: Option<Instant> = None;
    loop {
        tokio::select! {
            piece = output.next() => match piece {
                Some(Ok((stream, bytes))) => print(stream, &bytes).await,
                Some(Err(_)) | None => return,
            },
            _ = &mut cleared, if give_up.is_none() => give_up = Some(Instant::now() + LINGER),
            () = sleep_until(give_up.unwrap_or_else(Instant::now)), if give_up.is_some() => return,
        }
    }
}

pub(super) async fn print(stream: OutputStream, bytes: &[u8]) {
    // Where nobody reads any more the program goes on, as it would in a container that nobody looks at.
    let _ = match stream {
        OutputStream::Stdout => write(&mut tokio::io::stdout(), bytes).await,
        OutputStream::Stderr => write(&mut tokio::io::stderr(), bytes).await,
    };
}

async fn write(out: &mut (impl AsyncWriteExt + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    out.write_all(bytes).await?;
    out.flush().await
}

/// Hands standard input on until it ends or the program takes no more.
async fn hand_in(mut input: ExecInput, terminal: bool) {
    let mut stdin = tokio::io::stdin();
    let mut batch = vec![0; BATCH];
    while let Ok(length @ 1..) = stdin.read(&mut batch).await {
        if input.write_all(&batch[..length]).await.is_err() {
            return;
        }
    }
    if !terminal {
        let _ = input.shutdown().await;
    }
    // The connection must stay: its end would be the output's end too.
    std::future::pending::<()>().await;
}

async fn obey(
    engine: &Engine,
    spec: &ContainedSpec,
    control: &ExecControl,
    order: Order,
    last_signal: &mut Option<i32>,
) {
    let done = match order {
        Order::Resize(size) => control.resize(size).await,
        Order::Signal(number) => {
            *last_signal = Some(number);
            engine.signal_run(spec.workspace, &spec.mark, number).await
        }
    };
    if let Err(error) = done {
        eprintln!("contained: what was meant for the program did not reach it: {error}");
    }
}

pub(super) fn lost(report: &mut ContainedReport, error: &Error) -> ContainedEnd {
    let failure = error.failure();
    eprintln!("{failure}");
    report.lost = Some(failure.message);
    ContainedEnd::Code(LOST)
}

/// The engine tells the end by a signal as a status of 128 and more, which a program may also return by itself. It is
/// taken for a signal where that signal was sent.
pub(super) fn end(status: i64, last_signal: Option<i32>) -> ContainedEnd {
    match last_signal {
        Some(number) if status == 128 + i64::from(number) => ContainedEnd::Signal(number),
        _ => ContainedEnd::Code(u8::try_from(status & 0xff).unwrap_or(LOST)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_a_signal_where_that_signal_was_sent() {
        assert_eq!(end(143, Some(15)), ContainedEnd::Signal(15));
        assert_eq!(end(143, None), ContainedEnd::Code(143));
        assert_eq!(end(130, Some(15)), ContainedEnd::Code(130));
        assert_eq!(end(0, Some(15)), ContainedEnd::Code(0));
    }
}
