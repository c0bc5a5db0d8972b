//! Where a plugin's version on trial took a conversation over. The version before may have to take it back, and may not
//! understand what the other saved: then it is told again what the other was told since.

use sandboxed_model::{Failure, Timestamp, harness::Input};
use sandboxed_plugins::Session;

/// Bytes of output that are kept to be told again. A version that printed more without harm has proved that much.
const MAX_BYTES: usize = 1 << 20;
/// Steps that are kept to be told again.
const MAX_STEPS: usize = 4096;

/// The conversation as the version before left it, and what came since.
pub(super) struct Handover {
    saved: Option<Vec<u8>>,
    told: Vec<(Timestamp, Input)>,
    bytes: usize,
}

impl Handover {
    /// Begins with what the version before saved.
    pub(super) fn new(saved: Option<Vec<u8>>) -> Self {
        Self { saved, told: Vec::new(), bytes: 0 }
    }

    /// With what was told in one step more, or nothing where that is too much to keep.
    pub(super) fn and(mut self, now: Timestamp, input: Input) -> Option<Self> {
        if let Input::Frames(frames) = &input {
            self.bytes += frames.iter().map(|frame| frame.bytes.len()).sum::<usize>();
        }
        self.told.push((now, input));
        (self.bytes <= MAX_BYTES && self.told.len() <= MAX_STEPS).then_some(self)
    }

    /// What the version before saved.
    pub(super) fn saved(&self) -> Option<Vec<u8>> {
        self.saved.clone()
    }

    /// Tells a session of the version before, opened from there, what came since. What it says was said already. Returns
    /// what it saved last.
    pub(super) async fn tell(&self, session: &mut Session) -> Result<Option<Vec<u8>>, Failure> {
        let mut saved = self.saved.clone();
        for (now, input) in &self.told {
            saved = Some(session.step(*now, input.clone()).await?.1);
        }
        Ok(saved)
    }
}
