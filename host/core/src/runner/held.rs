//! What the driver wrote to a process that does not read for now. It waits, in its order, and is written later.

use std::{collections::VecDeque, time::Duration};

use sandboxed_exec::{Error, Run};
use sandboxed_model::{Blame, Failure, harness::Action};
use sandboxed_store::ActionId;
use tokio::time::Instant;

use super::belongings::Belongings;

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

/// What came of input that waited.
#[derive(Default)]
pub(super) struct Flushed {
    /// What need not be done any more.
    pub(super) done: Vec<ActionId>,
    pub(super) failures: Vec<Failure>,
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

    /// Does what the process takes now, in order.
    pub(super) async fn flush(&mut self, run: &Run, belongings: &Belongings) -> Flushed {
        let mut flushed = Flushed::default();
        self.due = None;
        while let Some((id, action)) = self.waiting.front_mut() {
            // Read when its turn has come, and only once however often it is tried.
            if let Action::WriteAttachment(index) = action {
                let bytes = belongings.in_base64(*index).await.unwrap_or_else(|failure| {
                    flushed.failures.push(failure);
                    Vec::new()
                });
                self.bytes += bytes.len();
                *action = Action::Write(bytes);
            }
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
            flushed.done.push(*id);
            self.bytes -= length(action);
            self.waiting.pop_front();
        }
        flushed
    }
}

fn length(action: &Action) -> usize {
    match action {
        Action::Write(bytes) => bytes.len(),
        _ => 0,
    }
}
