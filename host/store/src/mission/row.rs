//! A mission as a row.

use rusqlite::{Connection, Row, named_params};
use sandboxed_model::{
    MissionId, Seq,
    event::Usage,
    mission::{Mission, Parked},
};

use super::missing;
use crate::{
    error::Result,
    statement::prepare,
    value::{Count, Json, Millis, Name, Text},
};

/// The columns that [`mission`] reads, in its order.
pub(crate) const COLUMNS: &str = "missions.key, missions.id, title, state, problem, harness, workspace, model, \
     settings, one_shot, owner, turns, last_outcome, queued_messages, usage_model, usage_input, usage_output, \
     usage_cache_read, usage_cache_write, usage_reasoning, usage_cost, last_seq, stalled, created_at, updated_at, \
     last_output_at, revision, worktree, parked_reason, parked_until, effort, approvals, mode, open_asks";

/// A mission with what only the store knows of it.
#[derive(Debug, Clone)]
pub(super) struct MissionRow {
    pub(super) key: i64,
    pub(super) mission: Mission,
    pub(super) native_session: Option<String>,
    pub(super) last_action: u64,
    pub(super) prompt_seq: Option<Seq>,
}

/// The key and the mission of a row.
pub(crate) fn mission(row: &Row<'_>) -> rusqlite::Result<(i64, Mission)> {
    let mission = Mission {
        id: row.get::<_, Text<MissionId>>(1)?.0,
        title: row.get(2)?,
        state: row.get::<_, Name<_>>(3)?.0,
        problem: row.get::<_, Option<Json<_>>>(4)?.map(|problem| problem.0),
        parked: parked(row)?,
        harness: row.get::<_, Text<_>>(5)?.0,
        workspace: row.get::<_, Text<_>>(6)?.0,
        model: row.get(7)?,
        effort: row.get(30)?,
        approvals: row.get::<_, Name<_>>(31)?.0,
        mode: row.get::<_, Name<_>>(32)?.0,
        open_asks: row.get(33)?,
        settings: row.get::<_, Json<_>>(8)?.0,
        one_shot: row.get(9)?,
        owner: row.get::<_, Text<_>>(10)?.0,
        turns: row.get(11)?,
        last_outcome: row.get::<_, Option<Name<_>>>(12)?.map(|outcome| outcome.0),
        queued_messages: row.get(13)?,
        usage: Usage {
            model: row.get(14)?,
            input: row.get::<_, Count>(15)?.0,
            output: row.get::<_, Count>(16)?.0,
            cache_read: row.get::<_, Count>(17)?.0,
            cache_write: row.get::<_, Count>(18)?.0,
            reasoning: row.get::<_, Count>(19)?.0,
            cost_micro_usd: row.get::<_, Option<Count>>(20)?.map(|cost| cost.0),
            ..Usage::default()
        },
        last_seq: Seq(row.get::<_, Count>(21)?.0),
        stalled: row.get(22)?,
        created_at: row.get::<_, Millis>(23)?.0,
        updated_at: row.get::<_, Millis>(24)?.0,
        last_output_at: row.get::<_, Option<Millis>>(25)?.map(|at| at.0),
        revision: row.get::<_, Count>(26)?.0,
        worktree: row.get(27)?,
    };
    Ok((row.get(0)?, mission))
}

fn parked(row: &Row<'_>) -> rusqlite::Result<Option<Parked>> {
    let Some(reason) = row.get::<_, Option<Name<_>>>(28)? else { return Ok(None) };
    Ok(Some(Parked { reason: reason.0, until: row.get::<_, Option<Millis>>(29)?.map(|at| at.0) }))
}

impl MissionRow {
    pub(super) fn load(conn: &Connection, id: MissionId) -> Result<Self> {
        let sql = format!("SELECT {COLUMNS}, native_session, last_action, prompt_seq FROM missions WHERE id = ?1");
        prepare(conn, &sql)?
            .query_row([id.to_string()], |row| {
                let (key, mission) = mission(row)?;
                Ok(Self {
                    key,
                    mission,
                    native_session: row.get(34)?,
                    last_action: row.get::<_, Count>(35)?.0,
                    prompt_seq: row.get::<_, Option<Count>>(36)?.map(|seq| Seq(seq.0)),
                })
            })
            .map_err(|error| missing(error, id))
    }

    /// Writes a mission that is not there yet and returns its key.
    pub(super) fn insert(conn: &Connection, mission: &Mission) -> rusqlite::Result<i64> {
        let mut statement = conn.prepare_cached(
            "INSERT INTO missions (id, title, state, harness, workspace, model, settings, one_shot, worktree, owner, turns, \
             queued_messages, usage_input, usage_output, usage_cache_read, usage_cache_write, usage_reasoning, \
             last_seq, stalled, created_at, updated_at, revision, last_action, effort, approvals, mode) \
             VALUES (:id, :title, :state, :harness, :workspace, :model, :settings, :one_shot, :worktree, :owner, 0, \
             0, 0, 0, 0, 0, 0, 0, 0, :at, :at, :revision, 0, :effort, :approvals, :mode)",
        )?;
        statement.insert(named_params! {
            ":id": Text(mission.id),
            ":title": mission.title,
            ":state": Name(mission.state),
            ":harness": Text(&mission.harness),
            ":workspace": Text(mission.workspace),
            ":model": mission.model,
            ":settings": Json(&mission.settings),
            ":effort": mission.effort,
            ":approvals": Name(mission.approvals),
            ":mode": Name(mission.mode),
            ":one_shot": mission.one_shot,
            ":worktree": mission.worktree,
            ":owner": Text(mission.owner),
            ":at": Millis(mission.created_at),
            ":revision": Count(mission.revision),
        })
    }

    /// Writes all that can change.
    pub(super) fn update(&self, conn: &Connection) -> Result<()> {
        let mission = &self.mission;
        prepare(
            conn,
            "UPDATE missions SET title = :title, state = :state, problem = :problem, \
             parked_reason = :parked_reason, parked_until = :parked_until, turns = :turns, \
             last_outcome = :last_outcome, queued_messages = :queued_messages, usage_model = :usage_model, \
             usage_input = :usage_input, usage_output = :usage_output, usage_cache_read = :usage_cache_read, \
             usage_cache_write = :usage_cache_write, usage_reasoning = :usage_reasoning, usage_cost = :usage_cost, \
             last_seq = :last_seq, stalled = :stalled, updated_at = :updated_at, last_output_at = :last_output_at, \
             revision = :revision, native_session = :native_session, last_action = :last_action, \
             prompt_seq = :prompt_seq, model = :model, effort = :effort, approvals = :approvals, mode = :mode, \
             open_asks = :open_asks WHERE key = :key",
        )?
        .execute(named_params! {
            ":title": mission.title,
            ":state": Name(mission.state),
            ":problem": mission.problem.as_ref().map(Json),
            ":parked_reason": mission.parked.as_ref().map(|parked| Name(parked.reason)),
            ":parked_until": mission.parked.as_ref().and_then(|parked| parked.until).map(Millis),
            ":turns": mission.turns,
            ":last_outcome": mission.last_outcome.map(Name),
            ":queued_messages": mission.queued_messages,
            ":usage_model": mission.usage.model,
            ":usage_input": Count(mission.usage.input),
            ":usage_output": Count(mission.usage.output),
            ":usage_cache_read": Count(mission.usage.cache_read),
            ":usage_cache_write": Count(mission.usage.cache_write),
            ":usage_reasoning": Count(mission.usage.reasoning),
            ":usage_cost": mission.usage.cost_micro_usd.map(Count),
            ":last_seq": Count(mission.last_seq.0),
            ":stalled": mission.stalled,
            ":updated_at": Millis(mission.updated_at),
            ":last_output_at": mission.last_output_at.map(Millis),
            ":revision": Count(mission.revision),
            ":native_session": self.native_session,
            ":last_action": Count(self.last_action),
            ":prompt_seq": self.prompt_seq.map(|seq| Count(seq.0)),
            ":model": mission.model,
            ":effort": mission.effort,
            ":approvals": Name(mission.approvals),
            ":mode": Name(mission.mode),
            ":open_asks": mission.open_asks,
            ":key": self.key,
        })?;
        Ok(())
    }
}
