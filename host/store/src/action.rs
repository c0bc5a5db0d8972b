//! Actions that a harness asked for and that are not known to be done.

use rusqlite::{Connection, params};
use sandboxed_model::harness::Action;

use crate::{
    error::Result,
    statement::prepare,
    value::{Count, Json},
};

/// An action of a mission. Later actions have greater ids; an id is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionId(pub u64);

pub(crate) fn plan(
    conn: &Connection,
    mission: i64,
    last: &mut u64,
    actions: Vec<Action>,
) -> Result<Vec<(ActionId, Action)>> {
    let mut planned = Vec::with_capacity(actions.len());
    for action in actions {
        *last += 1;
        prepare(conn, "INSERT INTO pending_actions (mission, id, action) VALUES (?1, ?2, ?3)")?.execute(params![
            mission,
            Count(*last),
            Json(&action)
        ])?;
        planned.push((ActionId(*last), action));
    }
    Ok(planned)
}

pub(crate) fn done(conn: &Connection, mission: i64, actions: &[ActionId]) -> Result<()> {
    if actions.is_empty() {
        return Ok(());
    }
    let ids: Vec<u64> = actions.iter().map(|action| action.0).collect();
    prepare(conn, "DELETE FROM pending_actions WHERE mission = ?1 AND id IN (SELECT value FROM json_each(?2))")?
        .execute(params![mission, Json(ids)])?;
    Ok(())
}

pub(crate) fn pending(conn: &Connection, mission: i64) -> Result<Vec<(ActionId, Action)>> {
    let mut statement = prepare(conn, "SELECT id, action FROM pending_actions WHERE mission = ?1 ORDER BY id")?;
    let rows = statement
        .query_map([mission], |row| Ok((ActionId(row.get::<_, Count>(0)?.0), row.get::<_, Json<Action>>(1)?.0)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
