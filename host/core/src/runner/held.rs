//! What the driver wrote to a process that does not read for now. It waits, in its order, and is written later.

use std::{collections::VecDeque, time::Duration};

use sandboxed_exec::{Error, Run};
use sandboxed_model::{Blame, Failure, harness::Action};
use sandboxed_store::ActionId;
use tokio::time::Instant;

/// How long is waited before a process that did not read is tried again.
const PAUSE: Duration = Duration::from_millis(50);
/// Bytes that may wait. What comes on top of them is dropped, and said to be.
const LIMIT: usize = 32 << 20;

/// Input that waits.
#[derive(Default)]
pub(super) struct HeldInput {
    waiting: VecDeque<(ActionId, Action)>,
    bytes: usize,
    due: Option<Instant>,
}

impl HeldInput {
    /// When to try again.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Puts an action in line.
    ///
    /// # Errors
    /// When too much waits already: the action will not be done.
    pub(super) fn push(&mut self, id: ActionId, action: Action) -> Result<(), Failure> {
        let bytes = length(&action);
        if self.bytes.saturating_add(bytes) > LIMIT {
            let message = format!("the agent does not read its input: {bytes} bytes for it were dropped");
            return Err(Failure::new(Blame::Plugin, "run.input_dropped", message));
        }
        self.bytes += bytes;
        self.waiting.push_back((id, action));
        Ok(())
    }

    /// Does what the process takes now, in order, and returns what need not be done any more.
    pub(super) async fn flush(&mut self, run: &Run) -> Vec<ActionId> {
        let mut done = Vec::new();
        self.due = None;
        while let Some((id, action)) = self.waiting.front() {
            let written = match action {
                Action::Write(bytes) => run.write(id.0, bytes).await,
                _ => run.close_input(id.0).await,
            };
            match written {
                Err(Error::StdinFull { .. }) => {
                    self.due = Some(Instant::now() + PAUSE);
                    break;
                }
                Err(error) => tracing::debug!(%error, "input of the driver came too late"),
                Ok(()) => {}
            }
            done.push(*id);
            self.bytes -= length(action);
            self.waiting.pop_front();
        }
        done
    }
}

fn length(action: &Action) -> usize {
    match action {
        Action::Write(bytes) => bytes.len(),
        _ => 0,
    }
}
