//! Builds of workspaces: following them, and what else `workspaces` does with them.

use std::{io::Write as _, time::Duration};

use futures_util::StreamExt as _;
use sandboxed_model::{
    BuildId,
    build::{Build, BuildState, StepState},
    command::OutputStream,
};
use tokio::signal::unix::{SignalKind, signal};

use super::ago;
use crate::{
    client::Client,
    failed::{Failed, Result, Status},
    output::{self, Table, Terminal},
};

/// How long after an interrupt a second one cancels the build.
const SECOND_INTERRUPT: Duration = Duration::from_secs(2);
/// Exit status of a command that was interrupted (128 + SIGINT).
const STATUS_INTERRUPTED: u8 = 130;

/// Follows a build to its end. An interrupt leaves it to the server, a second one cancels it.
pub(crate) async fn see_through(client: &Client, build: BuildId, quiet: bool) -> Result<Build> {
    let failed = |error: std::io::Error| Failed::new(format!("signals cannot be received: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut following = std::pin::pin!(follow(client, build, None, quiet));
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
pub(crate) async fn follow(client: &Client, id: BuildId, only: Option<u32>, quiet: bool) -> Result<Build> {
    let build = client.build(id).await?;
    let steps = u32::try_from(build.steps.len()).unwrap_or(u32::MAX);
    let wanted = match only {
        Some(step) => step..=step,
        None => 1..=steps,
    };
    for number in wanted {
        let title = build.steps.get(number as usize - 1).map(|step| step.title.clone()).unwrap_or_default();
        if !quiet {
            output::remark(&format!("step {number} of {steps}: {}", output::safe(&title)));
        }
        for stream in OutputStream::ALL {
            let mut log = client.build_log(id, number, stream).await?;
            while let Some(piece) = log.next().await {
                let piece = piece?;
                if !quiet {
                    let mut stdout = std::io::stdout().lock();
                    stdout.write_all(&piece)?;
                    stdout.flush()?;
                }
            }
        }
        if !quiet
            && client.build(id).await?.steps.get(number as usize - 1).is_some_and(|s| s.state == StepState::Cached)
        {
            output::remark("its result was there already");
        }
    }
    client.build_end(id).await
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
