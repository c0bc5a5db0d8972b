//! Removes the events of deleted missions a piece at a time, so that the removal of a long log holds up no commit.

use rusqlite::{Connection, OptionalExtension as _};

use crate::{error::Result, event, statement::prepare};

/// Events that are removed in one transaction: a few milliseconds of work.
const PIECE: i64 = 1000;

/// Whether there is anything to remove.
pub(crate) fn any(conn: &Connection) -> Result<bool> {
    Ok(prepare(conn, "SELECT 1 FROM purges LIMIT 1")?.exists([])?)
}

/// Removes one piece. Returns whether there may be more.
pub(crate) fn step(conn: &mut Connection) -> Result<bool> {
    let tx = conn.transaction()?;
    let mission: Option<i64> =
        prepare(&tx, "SELECT mission FROM purges LIMIT 1")?.query_row([], |row| row.get(0)).optional()?;
    let Some(mission) = mission else { return Ok(false) };
    let (first, last) = event::id_range(mission);
    let upto: Option<i64> = prepare(
        &tx,
        "SELECT max(id) FROM (SELECT id FROM events WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3) AS found",
    )?
    .query_row([first, last, PIECE], |row| row.get(0))?;
    match upto {
        Some(upto) => {
            prepare(&tx, "DELETE FROM search WHERE rowid IN (SELECT id FROM events WHERE id BETWEEN ?1 AND ?2)")?
                .execute([first, upto])?;
            prepare(&tx, "DELETE FROM events WHERE id BETWEEN ?1 AND ?2")?.execute([first, upto])?;
        }
        None => {
            prepare(&tx, "DELETE FROM search WHERE rowid = ?1")?.execute([first])?;
            prepare(&tx, "DELETE FROM purges WHERE mission = ?1")?.execute([mission])?;
        }
    }
    tx.commit()?;
    Ok(true)
}
