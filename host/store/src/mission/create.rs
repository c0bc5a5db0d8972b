//! Missions come and go.

use rusqlite::params;
use sandboxed_model::{
    AttachmentId, MissionId, Seq,
    budget::BudgetScope,
    event::{EventBody, StateChange, Usage},
    mission::Mission,
    queue::QueuedMessage,
    state::MissionState,
};

use super::{Committed, NewMissionRow, change, row::MissionRow};
use crate::{
    Store, ask, attachment,
    error::{Error, Result, is_duplicate},
    queue::{self, QueueChange},
    search::IndexEntry,
    spending,
    statement::prepare,
    workspace,
};

impl Store {
    /// Makes a mission with its first message and its first event: it is queued.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the workspace is not there, [`Error::Conflict`] where the mission is.
    pub async fn insert_mission(&self, new: NewMissionRow, first: QueuedMessage) -> Result<Committed> {
        self.write(move |write| {
            if !workspace::exists(write.conn, new.workspace)? {
                return Err(Error::not_found("workspace", new.workspace));
            }
            let mission = Mission {
                id: new.id,
                title: new.title,
                state: MissionState::Queued,
                problem: None,
                parked: None,
                harness: new.harness,
                workspace: new.workspace,
                model: new.model,
                effort: new.effort,
                approvals: new.approvals,
                mode: new.mode,
                open_asks: 0,
                settings: new.settings,
                one_shot: new.one_shot,
                worktree: new.worktree,
                owner: new.owner,
                turns: 0,
                last_outcome: None,
                queued_messages: 0,
                usage: Usage::default(),
                last_seq: Seq::ZERO,
                stalled: false,
                created_at: write.now,
                updated_at: write.now,
                last_output_at: None,
                revision: write.next_revision(),
            };
            let key = MissionRow::insert(write.conn, &mission).map_err(|error| {
                if is_duplicate(&error) {
                    Error::conflict("mission.exists", format!("there is a mission {} already", mission.id))
                } else {
                    error.into()
                }
            })?;
            write.index.push(IndexEntry::of_title(key, &mission.title));
            let mut row = MissionRow { key, mission, native_session: None, last_action: 0, prompt_seq: None };
            let state = StateChange { from: None, to: MissionState::Queued, cause: new.cause };
            let events = change::append(write, &mut row, vec![EventBody::State(state)])?;
            row.mission.queued_messages = queue::apply(write.conn, key, vec![QueueChange::Add(first)])?;
            row.update(write.conn)?;
            Ok(Committed { mission: row.mission, events, actions: Vec::new() })
        })
        .await
    }

    /// Removes a mission that has ended, with all that belongs to it but what it spent. Its events are no longer found at once
    /// and leave the disk soon after. Returns the attachments that went with it.
    ///
    /// # Errors
    /// [`Error::Conflict`] where it has not ended.
    pub async fn delete_mission(&self, id: MissionId) -> Result<Vec<AttachmentId>> {
        self.write(move |write| {
            let MissionRow { key, mission, .. } = MissionRow::load(write.conn, id)?;
            if !mission.state.has_ended() {
                let message = format!("mission {id} is {} and must be ended before it is deleted", mission.state);
                return Err(Error::conflict("mission.not_ended", message));
            }
            ask::forget_mission(write.conn, key, id)?;
            let attachments = attachment::forget_mission(write.conn, key)?;
            for sql in [
                "DELETE FROM queue WHERE mission = ?1",
                "DELETE FROM inputs WHERE run IN (SELECT key FROM runs WHERE mission = ?1)",
                "DELETE FROM runs WHERE mission = ?1",
                "DELETE FROM session_states WHERE mission = ?1",
                "DELETE FROM pending_actions WHERE mission = ?1",
                "DELETE FROM missions WHERE key = ?1",
                "INSERT INTO purges (mission) VALUES (?1)",
            ] {
                prepare(write.conn, sql)?.execute(params![key])?;
            }
            spending::forget_budgets_of(write.conn, &BudgetScope::Mission(id))?;
            write.purges = true;
            Ok(attachments)
        })
        .await
    }
}
