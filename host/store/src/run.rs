//! Runs: the processes of missions, how far their output was read, and what recovery needs.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};
use sandboxed_model::{
    MissionId, RunId, Timestamp,
    attachment::Prompt,
    command::Exit,
    harness::{Action, Framing},
};

use crate::{
    Store,
    action::{self, ActionId},
    error::{Error, Result, is_duplicate},
    event, mission,
    statement::prepare,
    value::{Count, Json, Millis, Name, Text},
};

/// One process tree that was started for a mission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// The run.
    pub id: RunId,
    /// The mission.
    pub mission: MissionId,
    /// The turn for which it was started.
    pub turn: u32,
    /// The process id on the server's machine; absent until the process is known to run.
    pub pid: Option<u32>,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub exit: Option<Exit>,
    /// Bytes of standard output whose events are in the log.
    pub stdout_offset: u64,
    /// Bytes of standard error whose events are in the log.
    pub stderr_offset: u64,
    /// How standard output is framed.
    pub stdout_framing: Framing,
    /// How standard error is framed.
    pub stderr_framing: Framing,
    /// When the process has to have printed something, or it hangs.
    pub speaks_by: Option<Timestamp>,
}

/// How far a run's output was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offsets {
    /// Bytes of standard output.
    pub stdout: u64,
    /// Bytes of standard error.
    pub stderr: u64,
}

/// What happened to a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunChange {
    /// It was started. A mission has one live run at most.
    Started {
        /// The run.
        record: RunRecord,
        /// What its session is opened with.
        start: Vec<u8>,
    },
    /// Its output was read up to here. Offsets never go back.
    Progress {
        /// The run.
        run: RunId,
        /// How far.
        offsets: Offsets,
    },
    /// Its process runs.
    Launched {
        /// The run.
        run: RunId,
        /// The process id on the server's machine.
        pid: u32,
    },
    /// It ended.
    Ended {
        /// The run.
        run: RunId,
        /// How.
        exit: Exit,
    },
}

/// What the server must know to take a mission up again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveState {
    /// What the harness's session last wanted remembered.
    pub session_state: Option<Vec<u8>>,
    /// The agent's own id of its session.
    pub native_session: Option<String>,
    /// The message with which the last turn began.
    pub last_prompt: Option<Prompt>,
    /// The run that has not ended.
    pub live_run: Option<RunRecord>,
    /// What the session of that run is opened with.
    pub live_start: Option<Vec<u8>>,
    /// Actions that are not known to be done, in order.
    pub pending_actions: Vec<(ActionId, Action)>,
}

pub(crate) fn apply(conn: &Connection, key: i64, mission: MissionId, change: RunChange) -> Result<()> {
    let (run, rows) = match change {
        RunChange::Started { record, start } => return insert(conn, key, mission, &record, &start),
        RunChange::Progress { run, offsets } => (run, progress(conn, key, run, offsets)?),
        RunChange::Launched { run, pid } => {
            let sql = "UPDATE runs SET pid = ?3 WHERE id = ?1 AND mission = ?2";
            (run, prepare(conn, sql)?.execute(params![Text(run), key, pid])?)
        }
        RunChange::Ended { run, exit } => (run, end(conn, key, run, &exit)?),
    };
    if rows == 0 { Err(Error::not_found("run", run)) } else { Ok(()) }
}

fn insert(conn: &Connection, key: i64, mission: MissionId, run: &RunRecord, start: &[u8]) -> Result<()> {
    if run.mission != mission {
        return Err(Error::conflict("run.other_mission", format!("run {} belongs to another mission", run.id)));
    }
    prepare(
        conn,
        "INSERT INTO runs (id, mission, turn, pid, started_at, ended_at, run_exit, stdout_offset, stderr_offset, \
         stdout_framing, stderr_framing, speaks_by, start) VALUES (:id, :mission, :turn, :pid, :started_at, :ended_at, \
         :run_exit, :stdout_offset, :stderr_offset, :stdout_framing, :stderr_framing, :speaks_by, :start)",
    )?
    .execute(named_params! {
        ":id": Text(run.id),
        ":mission": key,
        ":turn": run.turn,
        ":pid": run.pid,
        ":started_at": Millis(run.started_at),
        ":ended_at": run.ended_at.map(Millis),
        ":run_exit": run.exit.as_ref().map(Json),
        ":stdout_offset": Count(run.stdout_offset),
        ":stderr_offset": Count(run.stderr_offset),
        ":stdout_framing": Name(run.stdout_framing),
        ":stderr_framing": Name(run.stderr_framing),
        ":speaks_by": run.speaks_by.map(Millis),
        ":start": start,
    })
    .map_err(|error| {
        if is_duplicate(&error) {
            Error::conflict("run.exists", format!("mission {mission} has a run that has not ended"))
        } else {
            error.into()
        }
    })?;
    Ok(())
}

fn progress(conn: &Connection, key: i64, run: RunId, offsets: Offsets) -> Result<usize> {
    let sql = "UPDATE runs SET stdout_offset = ?3, stderr_offset = ?4 \
               WHERE id = ?1 AND mission = ?2 AND stdout_offset <= ?3 AND stderr_offset <= ?4";
    let rows = prepare(conn, sql)?.execute(params![Text(run), key, Count(offsets.stdout), Count(offsets.stderr)])?;
    if rows == 0 && find(conn, key, run)?.is_some() {
        return Err(Error::conflict("run.offset", format!("the output of run {run} was read further already")));
    }
    Ok(rows)
}

fn end(conn: &Connection, key: i64, run: RunId, exit: &Exit) -> Result<usize> {
    let sql = "UPDATE runs SET ended_at = max(?3, started_at), run_exit = ?4 \
               WHERE id = ?1 AND mission = ?2 AND ended_at IS NULL";
    let rows = prepare(conn, sql)?.execute(params![Text(run), key, Millis(Timestamp::now()), Json(exit)])?;
    if rows == 0 && find(conn, key, run)?.is_some() {
        return Err(Error::conflict("run.ended", format!("run {run} has ended already")));
    }
    Ok(rows)
}

fn find(conn: &Connection, key: i64, run: RunId) -> Result<Option<RunRecord>> {
    let sql = format!("{SELECT} WHERE runs.id = ?1 AND runs.mission = ?2");
    Ok(prepare(conn, &sql)?.query_row(params![Text(run), key], record).optional()?)
}

pub(crate) fn save_session(conn: &Connection, mission: i64, state: &[u8]) -> Result<()> {
    prepare(
        conn,
        "INSERT INTO session_states (mission, state) VALUES (?1, ?2) \
         ON CONFLICT (mission) DO UPDATE SET state = excluded.state",
    )?
    .execute(params![mission, state])?;
    Ok(())
}

const SELECT: &str = "SELECT runs.id, missions.id, turn, pid, started_at, ended_at, run_exit, stdout_offset, \
     stderr_offset, stdout_framing, stderr_framing, speaks_by FROM runs JOIN missions ON missions.key = runs.mission";

fn record(row: &Row<'_>) -> rusqlite::Result<RunRecord> {
    Ok(RunRecord {
        id: row.get::<_, Text<_>>(0)?.0,
        mission: row.get::<_, Text<_>>(1)?.0,
        turn: row.get(2)?,
        pid: row.get(3)?,
        started_at: row.get::<_, Millis>(4)?.0,
        ended_at: row.get::<_, Option<Millis>>(5)?.map(|at| at.0),
        exit: row.get::<_, Option<Json<_>>>(6)?.map(|exit| exit.0),
        stdout_offset: row.get::<_, Count>(7)?.0,
        stderr_offset: row.get::<_, Count>(8)?.0,
        stdout_framing: row.get::<_, Name<_>>(9)?.0,
        stderr_framing: row.get::<_, Name<_>>(10)?.0,
        speaks_by: row.get::<_, Option<Millis>>(11)?.map(|at| at.0),
    })
}

impl Store {
    /// What is needed to take a mission up again, all of one moment.
    pub async fn live_state(&self, mission: MissionId) -> Result<LiveState> {
        self.read(move |conn| {
            let key = mission::key(conn, mission)?;
            let (native_session, prompt_seq) =
                prepare(conn, "SELECT native_session, prompt_seq FROM missions WHERE key = ?1")?
                    .query_row([key], |row| Ok((row.get(0)?, row.get::<_, Option<Count>>(1)?)))?;
            let last_prompt = match prompt_seq {
                Some(Count(seq)) => event::message(conn, key, seq)?,
                None => None,
            };
            let session_state = prepare(conn, "SELECT state FROM session_states WHERE mission = ?1")?
                .query_row([key], |row| row.get(0))
                .optional()?;
            let sql = format!("{SELECT} WHERE runs.mission = ?1 AND runs.ended_at IS NULL");
            let live_run = prepare(conn, &sql)?.query_row([key], record).optional()?;
            let live_start = match &live_run {
                Some(run) => prepare(conn, "SELECT start FROM runs WHERE id = ?1")?
                    .query_row([Text(run.id)], |row| row.get(0))?,
                None => None,
            };
            let pending_actions = action::pending(conn, key)?;
            Ok(LiveState { session_state, native_session, last_prompt, live_run, live_start, pending_actions })
        })
        .await
    }

    /// All runs of a mission, the oldest first.
    pub async fn runs(&self, mission: MissionId) -> Result<Vec<RunRecord>> {
        self.read(move |conn| {
            let key = mission::key(conn, mission)?;
            let mut statement = prepare(conn, &format!("{SELECT} WHERE runs.mission = ?1 ORDER BY runs.key"))?;
            Ok(statement.query_map([key], record)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Which of these runs have not ended.
    pub async fn live_runs(&self, of: Vec<RunId>) -> Result<Vec<RunId>> {
        self.read(move |conn| {
            let sql = "SELECT runs.id FROM json_each(?1) JOIN runs ON runs.id = json_each.value \
                       WHERE runs.ended_at IS NULL";
            let mut statement = prepare(conn, sql)?;
            let rows = statement.query_map([Json(of)], |row| Ok(row.get::<_, Text<_>>(0)?.0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Runs that ended before a time, the first to end first; at most `limit`.
    pub async fn ended_runs_before(&self, time: Timestamp, limit: u32) -> Result<Vec<RunRecord>> {
        self.read(move |conn| {
            let sql = format!("{SELECT} WHERE runs.ended_at < ?1 ORDER BY runs.ended_at, runs.key LIMIT ?2");
            let mut statement = prepare(conn, &sql)?;
            Ok(statement.query_map(params![Millis(time), limit], record)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Forgets a run that has ended.
    ///
    /// # Errors
    /// [`Error::NotFound`] where no ended run has this id.
    pub async fn forget_run(&self, run: RunId) -> Result<()> {
        self.write(move |write| {
            let inputs = "DELETE FROM inputs WHERE run = (SELECT key FROM runs WHERE id = ?1 AND ended_at IS NOT NULL)";
            prepare(write.conn, inputs)?.execute([Text(run)])?;
            let sql = "DELETE FROM runs WHERE id = ?1 AND ended_at IS NOT NULL";
            let rows = prepare(write.conn, sql)?.execute([Text(run)])?;
            if rows == 0 { Err(Error::not_found("run", run)) } else { Ok(()) }
        })
        .await
    }
}
