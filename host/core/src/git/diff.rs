//! What a mission has changed.

use sandboxed_model::{
    Blame, Failure, MissionId, Seq,
    event::EventBody,
    git::{Diff, DiffOf},
};

use crate::{Error, Orchestrator, Result, changes};

/// Events that are read at once.
const EVENTS: u32 = 1000;

impl Orchestrator {
    /// The files that a mission has changed: in one turn, as they were told at its end, or in total since it began, as they are
    /// now.
    ///
    /// # Errors
    /// When there is no such mission or turn, or the changes cannot be told.
    pub async fn mission_diff(&self, id: MissionId, of: DiffOf) -> Result<Diff> {
        let mission = self.mission(id).await?;
        match of {
            DiffOf::Turn(turn) if turn == 0 || turn > mission.turns => {
                Err(Error::NotFound { what: "turn", id: turn.to_string() })
            }
            DiffOf::Turn(turn) => self.turn_diff(id, turn).await,
            DiffOf::Total => {
                let services = &self.services;
                let unknown = |reason: String| {
                    let message = format!("the changed files cannot be told: {reason}");
                    Failure::new(Blame::Unavailable, "changes.unknown", message)
                };
                let baseline = match tokio::fs::read(services.paths.first_baseline(id)).await {
                    Ok(text) => serde_json::from_slice::<changes::Baseline>(&text),
                    // Nothing of it ever ran.
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                        return Ok(Diff { files: Vec::new(), left_out: 0 });
                    }
                    Err(error) => return Err(unknown(error.to_string()).into()),
                };
                let baseline = baseline.map_err(|error| unknown(error.to_string()))?;
                let workspace = services.workspace(mission.workspace).await?;
                let sandbox = services.sandbox(&workspace, Some(id)).await?;
                let place = services.place_of(&mission, &sandbox).await;
                let (files, left_out) = changes::changed(&baseline, &sandbox, &place).await.map_err(unknown)?;
                Ok(Diff { files, left_out: left_out as u64 })
            }
        }
    }

    async fn turn_diff(&self, id: MissionId, turn: u32) -> Result<Diff> {
        let kinds = ["file_change".to_owned()];
        let mut files = Vec::new();
        let mut after = Seq::ZERO;
        loop {
            let events = self.events(id, after, EVENTS, &kinds).await?;
            let Some(last) = events.last() else { break };
            after = last.seq;
            let passed = last.turn > turn;
            for event in events {
                if let (true, EventBody::FileChange(change)) = (event.turn == turn, event.body) {
                    files.push(change);
                }
            }
            if passed {
                break;
            }
        }
        Ok(Diff { files, left_out: 0 })
    }
}
