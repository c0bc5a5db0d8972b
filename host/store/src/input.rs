//! What drivers were told, step by step.

use rusqlite::{Connection, params};
use sandboxed_model::RunId;

use crate::{Store, error::Result, statement::prepare, value::Text};

/// Steps of a run that are kept: a turn that prints without a pause for an hour has about as many.
pub const MAX_STEPS: u32 = 100_000;

/// What the driver of a run was told, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToldInputs {
    /// The run; absent where nothing was told.
    pub run: Option<RunId>,
    /// One for each step.
    pub told: Vec<Vec<u8>>,
}

pub(crate) fn add(conn: &Connection, inputs: ToldInputs) -> Result<()> {
    let Some(run) = inputs.run else { return Ok(()) };
    for told in inputs.told {
        prepare(
            conn,
            "INSERT INTO inputs (run, step, told) SELECT runs.key, last.step + 1, ?2 FROM runs, \
             (SELECT coalesce(max(step), 0) AS step FROM inputs WHERE run = (SELECT key FROM runs WHERE id = ?1)) last \
             WHERE runs.id = ?1 AND last.step < ?3",
        )?
        .execute(params![Text(run), told, MAX_STEPS])?;
    }
    Ok(())
}

impl Store {
    /// What the driver of a run was told after so many steps, at most `limit`; fewer are all that are left.
    pub async fn inputs(&self, run: RunId, after: u32, limit: u32) -> Result<Vec<Vec<u8>>> {
        self.read(move |conn| {
            let sql = "SELECT told FROM inputs WHERE run = (SELECT key FROM runs WHERE id = ?1) AND step > ?2 \
                       ORDER BY step LIMIT ?3";
            let mut statement = prepare(conn, sql)?;
            let rows = statement.query_map(params![Text(run), after, limit], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// What the session of a run is opened with.
    pub async fn run_start(&self, run: RunId) -> Result<Option<Vec<u8>>> {
        self.read(move |conn| {
            let sql = "SELECT start FROM runs WHERE id = ?1";
            let mut statement = prepare(conn, sql)?;
            let mut rows = statement.query_map([Text(run)], |row| row.get(0))?;
            Ok(rows.next().transpose()?.flatten())
        })
        .await
    }
}
