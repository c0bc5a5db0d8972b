//! Builds of workspaces: following them, and what else `workspaces` does with them.

use std::time::Duration;

use futures_util::StreamExt as _;
use sandboxed_model::{
    BuildId,
    build::{Build, BuildState, BuildStep, StepState},
    command::OutputStream,
};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::ago;
use crate::{
    client::Client,
    failed::{Failed, Result, Status},
    output::{self, Table, Terminal},
};

/// How long after an interrupt a second one cancels the build.
const SECOND_INTERRUPT: Duration = Duration::from_secs(2);
/// How long nothing has to be printed before it is looked what a build waits for.
const SILENCE: Duration = Duration::from_secs(1);
/// Exit status of a command that was interrupted (128 + SIGINT).
const STATUS_INTERRUPTED: u8 = 130;

/// Where the log of a build is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    Nowhere,
    /// It is what was asked for.
    Stdout,
    /// It comes beside what was asked for.
    Stderr,
}

/// Interrupts by the person at the terminal.
pub(crate) fn interrupts() -> Result<Signal> {
    signal(SignalKind::interrupt()).map_err(|error| Failed::new(format!("signals cannot be received: {error}")))
}

/// Follows a build to its end. An interrupt leaves it to the server, a second one cancels it.
pub(crate) async fn see_through(client: &Client, build: BuildId, show: Show) -> Result<Build> {
    let mut interrupt = interrupts()?;
    let mut following = std::pin::pin!(follow(client, build, None, show));
    let mut leave = None;
    loop {
        let left = async {
            match leave {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            followed = &mut following => return followed,
            () = left => return Err(Failed::Ended(STATUS_INTERRUPTED)),
            _ = interrupt.recv() => match (client.is_embedded(), leave) {
                (false, None) => {
                    output::hint("the build goes on; a second Ctrl-C within 2 s cancels it");
                    leave = Some(tokio::time::Instant::now() + SECOND_INTERRUPT);
                }
                // There is no server that it could be left to, or it was asked for.
                (true, _) | (false, Some(_)) => {
                    leave = None;
                    client.cancel_build(build).await?;
                }
            },
        }
    }
}

/// Shows the log of each step, or of one, as it comes.
pub(crate) async fn follow(client: &Client, id: BuildId, only: Option<u32>, show: Show) -> Result<Build> {
    let build = client.build(id).await?;
    let steps = u32::try_from(build.steps.len()).unwrap_or(u32::MAX);
    let wanted = match only {
        Some(step) => step..=step,
        None => 1..=steps,
    };
    for number in wanted {
        let title = build.steps.get(number as usize - 1).map(|step| step.title.clone()).unwrap_or_default();
        remark(show, &format!("step {number} of {steps}: {}", output::safe(&title)));
        for stream in OutputStream::ALL {
            follow_stream(client, id, number, stream, show).await?;
        }
        if show != Show::Nowhere && step(client, id, number).await?.is_some_and(|s| s.state == StepState::Cached) {
            output::remark("its result was there already");
        }
    }
    client.build_end(id).await
}

async fn follow_stream(client: &Client, id: BuildId, number: u32, stream: OutputStream, show: Show) -> Result<()> {
    let mut log = client.build_log(id, number, stream).await?;
    let mut begun = false;
    let mut told = None;
    loop {
        let piece = match begun {
            true => log.next().await,
            false => match tokio::time::timeout(SILENCE, log.next()).await {
                Ok(piece) => piece,
                Err(_) => {
                    let other = step(client, id, number).await?.and_then(|step| step.waits_for);
                    if let Some(other) = other.filter(|other| told != Some(*other)) {
                        remark(show, &format!("another build makes the same, and this one waits for it: {other}"));
                        told = Some(other);
                    }
                    continue;
                }
            },
        };
        let Some(piece) = piece else { return Ok(()) };
        begun = true;
        print(show, &piece?)?;
    }
}

async fn step(client: &Client, id: BuildId, number: u32) -> Result<Option<BuildStep>> {
    Ok(client.build(id).await?.steps.into_iter().nth(number as usize - 1))
}

fn remark(show: Show, text: &str) {
    if show != Show::Nowhere {
        output::remark(text);
    }
}

fn print(show: Show, piece: &[u8]) -> std::io::Result<()> {
    let mut to: Box<dyn std::io::Write> = match show {
        Show::Nowhere => return Ok(()),
        Show::Stdout => Box::new(std::io::stdout().lock()),
        Show::Stderr => Box::new(std::io::stderr().lock()),
    };
    to.write_all(piece)?;
    to.flush()
}

/// What the end of a build means for the command that waited for it.
pub(crate) fn outcome(build: &Build) -> Result<()> {
    match (&build.problem, build.state) {
        (_, BuildState::Done) => Ok(()),
        (Some(problem), _) => Err(problem.clone().into()),
        (None, _) => Err(Failed::Silent(Status::Failed)),
    }
}

/// Prints builds, a step a line.
pub(crate) fn list(builds: &[Build]) -> Result<()> {
    let mut table = Table::new(&["BUILD", "STATE", "BEGUN", "STEP", "STEP STATE", "TITLE"]);
    for build in builds {
        let head = [build.id.to_string(), build.state.as_str().to_owned(), ago(build.created_at)];
        if build.steps.is_empty() {
            table.row(head.clone().into_iter().chain(["-", "-", "-"].map(str::to_owned)));
        }
        for (place, step) in build.steps.iter().enumerate() {
            let head = if place == 0 { head.clone() } else { Default::default() };
            let state = step.state.as_str().replace('_', " ");
            table.row(head.into_iter().chain([(place + 1).to_string(), state, step.title.clone()]));
        }
    }
    output::print(&table.render(Terminal::of_stdout(), "no builds"))
}
