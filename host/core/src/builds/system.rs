//! The first step of a build whose workspace is a system of its own: the root file system that it begins with.

use std::{sync::Arc, time::Duration};

use sandboxed_exec::{Chunk, OutputStream};
use sandboxed_model::{Blame, Failure, RunId, build::StepState, command::Exit, workspace::WorkspaceRoot};

use super::{
    execute::{Execution, Halt, cancelled, failed},
    plan::Work,
};
use crate::roots::{System, Turn};

/// What is told of the words of whoever failed to make one.
const WORDS: usize = 4096;
/// Lines of those that are told.
const LINES: usize = 3;
/// With less than this the disk is full.
const NO_ROOM: u64 = 16 << 20;
/// How long reading what was printed last may take.
const READ_PATIENCE: Duration = Duration::from_secs(5);

impl Execution {
    /// The system that the workspace begins with, if it is one.
    pub(super) fn wanted_system(&self) -> Option<System> {
        match self.plan.first().map(|step| &step.work) {
            Some(Work::System(system)) => Some(system.clone()),
            _ => None,
        }
    }

    /// Gives the workspace its system if it is there, or else the right to make it, for which it may have to wait until
    /// another build that makes the same has ended.
    pub(super) async fn find_or_wait(&mut self, system: &System) -> Result<Option<Turn>, Halt> {
        if self.turn.is_none() && self.find(system).await? {
            return Ok(None);
        }
        if self.build.steps[0].state.is_made() {
            // It was there when this build or one before it came by.
            let step = &mut self.build.steps[0];
            (step.state, step.run) = (StepState::Queued, None);
        }
        let turn = match self.turn.take() {
            Some(turn) => turn,
            None => self.wait(system).await?,
        };
        // It may have been made meanwhile, unless this build itself was at it.
        if self.build.steps[0].run.is_none() && self.find(system).await? {
            return Ok(None);
        }
        Ok(Some(turn))
    }

    async fn wait(&mut self, system: &System) -> Result<Turn, Halt> {
        let services = Arc::clone(&self.services);
        let id = system.layer();
        if let Some(turn) = services.roots.turn_now(&id, self.build.id) {
            return Ok(turn);
        }
        let mut turn = std::pin::pin!(services.roots.turn(&id, self.build.id));
        loop {
            let mut changed = services.builds.changed.subscribe();
            // Of several that wait, another may have come first.
            let maker = services.roots.maker(&id).filter(|maker| *maker != self.build.id);
            if maker.is_some() && self.build.steps[0].waits_for != maker {
                self.build.steps[0].waits_for = maker;
                self.store().await?;
            }
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => return Err(cancelled()),
                () = services.stopped() => return Err(Halt::Left),
                turn = &mut turn => return self.no_longer_waits(turn).await,
                // The sender lives as long as the services.
                _ = changed.changed() => {}
            }
        }
    }

    async fn no_longer_waits(&mut self, turn: Turn) -> Result<Turn, Halt> {
        if self.build.steps[0].waits_for.take().is_some() {
            self.store().await?;
        }
        Ok(turn)
    }

    /// Looks for the system among those that were made.
    async fn find(&mut self, system: &System) -> Result<bool, Halt> {
        let came = self.workspace.root.as_ref().and_then(|root| root.in_place_of.as_deref());
        if came != Some(system.layer().as_str()) {
            let found = self.services.find_system(system).await.map_err(|error| failed(error.failure()))?;
            let Some(root) = found else { return Ok(false) };
            self.give(root).await?;
        }
        let step = &mut self.build.steps[0];
        if !step.state.is_made() {
            step.state = StepState::Cached;
            step.waits_for = None;
            self.store().await?;
        }
        Ok(true)
    }

    /// Keeps the system that was made, and gives it to the workspace.
    pub(super) async fn keep_system(&mut self, system: &System) -> Result<(), Halt> {
        let kept = self.services.keep_system(system, self.build.id).await;
        match kept {
            Ok(root) => self.give(root).await,
            Err(error) => {
                let full = self.disk_is_full().await.then(|| self.no_room(system));
                self.services.give_up_system(self.build.id).await;
                Err(failed(full.unwrap_or_else(|| error.failure())))
            }
        }
    }

    /// Makes this the root that the workspace begins with. What it changed of another is gone.
    async fn give(&mut self, root: WorkspaceRoot) -> Result<(), Halt> {
        let begins_with = |root: &WorkspaceRoot| root.layers.first().cloned();
        if self.workspace.root.as_ref().and_then(begins_with) == begins_with(&root) {
            return Ok(());
        }
        let given = async {
            self.services.discard_root(self.workspace.id).await?;
            let layers = self.workspace.layers.clone();
            Ok(self.services.store.set_workspace_layers(self.workspace.id, Some(root.clone()), layers).await?)
        };
        given.await.map_err(|error: crate::Error| failed(error.failure()))?;
        self.workspace.root = Some(root);
        Ok(())
    }

    /// Why a system could not be made. What was made of it is gone.
    pub(super) async fn system_failed(&self, system: &System, run: Option<RunId>, exit: &Exit) -> Failure {
        let words = match run {
            Some(run) => self.last_words(run).await,
            None => String::new(),
        };
        let full = self.disk_is_full().await || words.contains("No space left on device");
        if full {
            return self.no_room(system);
        }
        let said = reason(&words);
        let why = match exit {
            _ if !said.is_empty() => said,
            Exit::Code(code) => format!("it ended with status {code}"),
            Exit::Signal(signal) => format!("it was ended by signal {signal}"),
            Exit::Lost(reason) => reason.clone(),
        };
        let System { title, .. } = system;
        let message = format!("the system ({title}) could not be made: {why}");
        Failure::new(Blame::Unavailable, "workspace.system_failed", message).with_hint(format!(
            "{}; `sandboxed-sh workspaces build {}` tries again",
            self.log(),
            self.workspace.name
        ))
    }

    fn no_room(&self, system: &System) -> Failure {
        let message =
            format!("there is no room on the disk of the data directory to make the system ({})", system.title);
        let hint = format!("free some space, then `sandboxed-sh workspaces build {}` tries again", self.workspace.name);
        Failure::new(Blame::Unavailable, "workspace.system_no_room", message).with_hint(hint)
    }

    async fn disk_is_full(&self) -> bool {
        let directory = self.services.paths.layers();
        let space = tokio::task::spawn_blocking(move || nix::sys::statvfs::statvfs(&directory)).await;
        // The types differ between platforms; on 64-bit Linux both are u64 already.
        #[allow(clippy::useless_conversion)]
        let free =
            |space: nix::sys::statvfs::Statvfs| u64::from(space.blocks_available()) * u64::from(space.fragment_size());
        space.is_ok_and(|space| space.is_ok_and(|space| free(space) < NO_ROOM))
    }

    async fn last_words(&self, run: RunId) -> String {
        let mut words = Vec::new();
        let mut log = self.services.supervisor.reader(run, OutputStream::Stdout, 0);
        let reading = async {
            loop {
                match log.next(64 << 10).await {
                    Ok(Chunk::Bytes { bytes, .. }) => {
                        words.extend(bytes);
                        words.drain(..words.len().saturating_sub(WORDS));
                    }
                    Ok(Chunk::Gap { .. }) => {}
                    _ => break,
                }
            }
        };
        // It has ended, so there is nothing to wait for.
        let _ = tokio::time::timeout(READ_PATIENCE, reading).await;
        String::from_utf8_lossy(&words).into_owned()
    }
}

/// The errors that a program told of, or what it said last where it told of none. Programs that say much have a mark for
/// errors, and the first of them is the reason of the others.
fn reason(words: &str) -> String {
    let errors: Vec<&str> = words.lines().filter(|line| line.starts_with("E: ")).take(LINES).collect();
    if !errors.is_empty() {
        return errors.join("\n");
    }
    let words = words.trim();
    let start = words.rmatch_indices('\n').nth(LINES - 1).map_or(0, |(end, _)| end + 1);
    words[start..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_a_failure_are_its_errors_or_the_last_lines() {
        let long = "cut line\n".to_owned() + &"progress\n".repeat(10);

        assert_eq!(reason(&long).lines().count(), LINES);
        let mixed = long + "E: no such package\nI: cleaning up\nE: failed\n";
        assert_eq!(reason(&mixed), "E: no such package\nE: failed");
        assert_eq!(reason("E: one\n"), "E: one");
        assert_eq!(reason(""), "");
    }
}
