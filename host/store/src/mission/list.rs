//! Finding missions.

use rusqlite::{Connection, OptionalExtension as _, Params, Row, params, params_from_iter, types::Value};
use sandboxed_model::{
    MissionId, PluginId,
    install::GoodRun,
    mission::{Mission, MissionFilter},
    page::{Page, PageRequest},
    state::MissionState,
};

use super::row::{self, COLUMNS, MissionRow};
use crate::{
    Store,
    cursor::{self, List},
    error::Result,
    event,
    statement::prepare,
    value::{Millis, Text},
    words::Query,
};

/// The most missions that one call of [`Store::missions_changed_since`] returns.
pub const MAX_CHANGED: u32 = 1000;

fn collect(conn: &Connection, sql: &str, params: impl Params) -> Result<Vec<(i64, Mission)>> {
    let mut statement = prepare(conn, sql)?;
    let rows = statement.query_map(params, row::mission)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The keys of the missions of a filter without words, each branch from an index that has the list's order.
///
/// Parameters: 1 the key before which the page begins, 2 the number of rows, 3 the workspace, 4 … the states.
fn keys_sql(workspace: bool, states: usize) -> String {
    let workspace = if workspace { "workspace = ?3 AND " } else { "" };
    if states == 0 {
        return format!("SELECT key FROM missions WHERE {workspace}key < ?1 ORDER BY key DESC LIMIT ?2");
    }
    let branches: Vec<String> = (0..states)
        .map(|index| {
            let state = index + 4;
            format!(
                "SELECT key FROM (SELECT key FROM missions WHERE {workspace}state = ?{state} AND key < ?1 \
                 ORDER BY key DESC LIMIT ?2)"
            )
        })
        .collect();
    format!("{} ORDER BY key DESC LIMIT ?2", branches.join(" UNION ALL "))
}

fn listed_sql(workspace: bool, states: usize) -> String {
    format!(
        "SELECT {COLUMNS} FROM ({}) AS found JOIN missions ON missions.key = found.key \
         ORDER BY found.key DESC",
        keys_sql(workspace, states)
    )
}

/// The missions of a filter without words.
fn listed(conn: &Connection, filter: &MissionFilter, before: i64, limit: u32) -> Result<Vec<(i64, Mission)>> {
    let mut states = filter.states.clone();
    states.sort_unstable();
    states.dedup();
    let mut values = vec![Value::Integer(before), Value::Integer(i64::from(limit) + 1)];
    if filter.workspace.is_some() || !states.is_empty() {
        values.push(filter.workspace.map_or(Value::Null, |id| Value::Text(id.to_string())));
    }
    values.extend(states.iter().map(|state| Value::Text(state.as_str().to_owned())));
    collect(conn, &listed_sql(filter.workspace.is_some(), states.len()), params_from_iter(values))
}

/// Matches of one mission that are passed over one by one. After as many it is cheaper to look up the index again
/// from the next mission on.
const PASSED_OVER: usize = 1000;

/// The missions of a filter with words: the matches from the newest on, of each mission the first.
fn found(
    conn: &Connection,
    filter: &MissionFilter,
    query: &Query,
    before: i64,
    limit: u32,
) -> Result<Vec<(i64, Mission)>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM search CROSS JOIN missions ON missions.key = search.rowid >> 32 \
         WHERE search MATCH ?1 AND search.rowid < ?2 ORDER BY search.rowid DESC"
    );
    let mut statement = prepare(conn, &sql)?;
    let words = query.fts();
    let mut missions: Vec<(i64, Mission)> = Vec::new();
    let mut before = before;
    'look: loop {
        // The first match that a mission can have is its title's.
        let mut rows = statement.query(params![words, event::first_id(before)])?;
        let mut passed = 0;
        while let Some(row) = rows.next()? {
            let key: i64 = row.get(0)?;
            if key == before {
                passed += 1;
                if passed == PASSED_OVER {
                    continue 'look;
                }
                continue;
            }
            (before, passed) = (key, 0);
            let (key, mission) = row::mission(row)?;
            let wanted = (filter.states.is_empty() || filter.states.contains(&mission.state))
                && filter.workspace.is_none_or(|workspace| workspace == mission.workspace);
            if wanted {
                missions.push((key, mission));
            }
            if missions.len() > limit as usize {
                return Ok(missions);
            }
        }
        return Ok(missions);
    }
}

const UNSETTLED: [MissionState; 4] =
    [MissionState::Queued, MissionState::Running, MissionState::AwaitingApproval, MissionState::Parked];

impl Store {
    /// The newest mission of a harness whose last turn ended well.
    pub async fn last_good_run(&self, harness: PluginId) -> Result<Option<GoodRun>> {
        self.read(move |conn| {
            let sql = "SELECT id, updated_at FROM missions WHERE harness = ?1 AND last_outcome = 'completed' \
                       ORDER BY key DESC LIMIT 1";
            let read =
                |row: &Row<'_>| Ok(GoodRun { mission: row.get::<_, Text<_>>(0)?.0, at: row.get::<_, Millis>(1)?.0 });
            Ok(prepare(conn, sql)?.query_row([Text(&harness)], read).optional()?)
        })
        .await
    }

    /// The mission that last tried a harness out; nothing where it was deleted, or there was none.
    pub async fn harness_test(&self, harness: PluginId) -> Result<Option<Mission>> {
        self.read(move |conn| {
            let sql = format!(
                "SELECT {COLUMNS} FROM missions WHERE key = (SELECT mission FROM harness_tests WHERE harness = ?1)"
            );
            let found = collect(conn, &sql, [Text(&harness)])?;
            Ok(found.into_iter().next().map(|(_, mission)| mission))
        })
        .await
    }

    /// Notes which mission last tried a harness out.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) where the mission is not there.
    pub async fn note_harness_test(&self, harness: PluginId, mission: MissionId) -> Result<()> {
        self.write(move |write| {
            let MissionRow { key, .. } = MissionRow::load(write.conn, mission)?;
            let sql = "INSERT INTO harness_tests (harness, mission) VALUES (?1, ?2) \
                       ON CONFLICT (harness) DO UPDATE SET mission = excluded.mission";
            prepare(write.conn, sql)?.execute(params![Text(&harness), key])?;
            Ok(())
        })
        .await
    }

    /// A mission.
    pub async fn mission(&self, id: MissionId) -> Result<Mission> {
        self.read(move |conn| Ok(MissionRow::load(conn, id)?.mission)).await
    }

    /// The missions that the filter lets through, the newest first. A search without any word finds nothing.
    pub async fn missions(&self, filter: &MissionFilter, page: &PageRequest) -> Result<Page<Mission>> {
        let before = List::Missions.place(page)?.unwrap_or(i64::MAX);
        let limit = cursor::limit(page);
        let filter = filter.clone();
        self.read(move |conn| {
            let missions = match &filter.search {
                Some(words) => match Query::parse(words) {
                    Some(query) => found(conn, &filter, &query, before, limit)?,
                    None => Vec::new(),
                },
                None => listed(conn, &filter, before, limit)?,
            };
            Ok(List::Missions.page(missions, limit))
        })
        .await
    }

    /// The missions that are queued, running, waiting for an approval or parked, the oldest first.
    pub async fn unsettled_missions(&self) -> Result<Vec<Mission>> {
        self.read(|conn| {
            let sql = format!("SELECT {COLUMNS} FROM missions WHERE state IN (?1, ?2, ?3, ?4) ORDER BY missions.key");
            let states = UNSETTLED.map(MissionState::as_str);
            Ok(collect(conn, &sql, states)?.into_iter().map(|(_, mission)| mission).collect())
        })
        .await
    }

    /// Missions that are parked, first those without a time, then by the time until which they are.
    pub async fn parked_missions(&self) -> Result<Vec<Mission>> {
        self.read(|conn| {
            let sql = format!("SELECT {COLUMNS} FROM missions WHERE state = ?1 ORDER BY parked_until, missions.key");
            Ok(collect(conn, &sql, [MissionState::Parked.as_str()])?.into_iter().map(|(_, mission)| mission).collect())
        })
        .await
    }

    /// Missions that changed after a revision, in the order of their revisions; at most `limit` and
    /// [`MAX_CHANGED`].
    pub async fn missions_changed_since(&self, revision: u64, limit: u32) -> Result<Vec<Mission>> {
        let revision = i64::try_from(revision).unwrap_or(i64::MAX);
        let limit = limit.min(MAX_CHANGED);
        self.read(move |conn| {
            let sql = format!("SELECT {COLUMNS} FROM missions WHERE revision > ?1 ORDER BY revision LIMIT ?2");
            Ok(collect(conn, &sql, params![revision, limit])?.into_iter().map(|(_, mission)| mission).collect())
        })
        .await
    }

    /// The revision of the last change of any mission.
    pub async fn revision(&self) -> Result<u64> {
        self.read(|conn| {
            let revision: i64 =
                prepare(conn, "SELECT value FROM counters WHERE name = 'revision'")?.query_row([], |row| row.get(0))?;
            Ok(revision.unsigned_abs())
        })
        .await
    }
}
