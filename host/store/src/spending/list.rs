//! Requests one by one.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sandboxed_model::{
    MissionId, Timestamp,
    day::Day,
    page::{Page, PageRequest},
    spending::ModelRequest,
    wire::Tokens,
};

use crate::{
    Store,
    cursor::{self, List},
    error::Result,
    statement::prepare,
    value::{Count, Millis, Name, Text},
};

/// Requests that are looked at in one transaction when old ones are removed: a few milliseconds of work.
const PIECE: u32 = 1000;

const COLUMNS: &str = "model_requests.key, id, spending.mission, turn, user, workspace, harness, account, provider, model, \
     answered_model, format, started_at, first_byte_ms, took_ms, status, request_end, model_requests.input, \
     model_requests.cache_read, model_requests.cache_write, model_requests.cache_write_1h, model_requests.output, \
     model_requests.reasoning, reserved, model_requests.cost, price_from, upstream_request_id, model_requests.estimated";

fn request(row: &Row<'_>) -> rusqlite::Result<(i64, ModelRequest)> {
    let count = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<Count>>(column)?.map(|count| count.0));
    let tokens = match count(17)? {
        None => None,
        Some(input) => Some(Tokens {
            input,
            cache_read: count(18)?.unwrap_or(0),
            cache_write: count(19)?.unwrap_or(0),
            cache_write_1h: count(20)?.unwrap_or(0),
            output: count(21)?.unwrap_or(0),
            reasoning: count(22)?.unwrap_or(0),
        }),
    };
    let request = ModelRequest {
        id: row.get::<_, Text<_>>(1)?.0,
        mission: row.get::<_, Text<_>>(2)?.0,
        turn: row.get(3)?,
        owner: row.get::<_, Text<_>>(4)?.0,
        workspace: row.get::<_, Text<_>>(5)?.0,
        harness: row.get::<_, Text<_>>(6)?.0,
        account: row.get::<_, Text<_>>(7)?.0,
        provider: row.get::<_, Text<_>>(8)?.0,
        model: row.get(9)?,
        answered_model: row.get(10)?,
        format: row.get::<_, Name<_>>(11)?.0,
        started_at: row.get::<_, Millis>(12)?.0,
        first_byte_ms: count(13)?,
        took_ms: count(14)?,
        status: row.get(15)?,
        end: row.get::<_, Option<Name<_>>>(16)?.map(|end| end.0),
        tokens,
        reserved_micro_usd: count(23)?,
        cost_micro_usd: count(24)?,
        price_from: row.get::<_, Option<u32>>(25)?.map(Day::from_number),
        upstream_request_id: row.get(26)?,
        estimated: row.get(27)?,
    };
    Ok((row.get(0)?, request))
}

/// The key that a mission has, or had, if it ever asked a model.
pub(super) fn mission_key(conn: &Connection, mission: MissionId) -> Result<Option<i64>> {
    let sql = "SELECT mission_key FROM spending WHERE mission = ?1 LIMIT 1";
    Ok(prepare(conn, sql)?.query_row([Text(mission)], |row| row.get(0)).optional()?)
}

impl Store {
    /// Requests to models, of one mission or of all, also of missions that were deleted. What began last comes first.
    pub async fn model_requests(&self, mission: Option<MissionId>, page: &PageRequest) -> Result<Page<ModelRequest>> {
        let before = List::ModelRequests.place(page)?.unwrap_or(i64::MAX);
        let limit = cursor::limit(page);
        self.read(move |conn| {
            let (whose, mission) = match mission {
                None => ("?1 IS NULL", None),
                Some(mission) => match mission_key(conn, mission)? {
                    Some(key) => ("model_requests.mission = ?1", Some(key)),
                    None => return Ok(Page { items: Vec::new(), next_cursor: None }),
                },
            };
            let sql = format!(
                "SELECT {COLUMNS} FROM model_requests CROSS JOIN spending ON spending.key = model_requests.spending \
                 WHERE {whose} AND model_requests.key < ?2 ORDER BY model_requests.key DESC LIMIT ?3"
            );
            let mut statement = prepare(conn, &sql)?;
            let rows = statement.query_map(params![mission, before, limit + 1], request)?;
            Ok(List::ModelRequests.page(rows.collect::<rusqlite::Result<_>>()?, limit))
        })
        .await
    }

    /// Removes the rows of requests that began before this time and have ended. Sums stay. Returns their number.
    pub async fn purge_model_requests(&self, before: Timestamp) -> Result<u64> {
        let mut removed = 0;
        let mut after = 0;
        loop {
            let (number, last) = self.write(move |write| purge_piece(write.conn, before, after)).await?;
            removed += number;
            match last {
                Some(last) => after = last,
                None => return Ok(removed),
            }
        }
    }
}

/// Removes the old ones among the next few requests. Returns their number and the last key looked at, where there may be more.
fn purge_piece(conn: &Connection, before: Timestamp, after: i64) -> Result<(u64, Option<i64>)> {
    // Keys are given in the order in which requests began, but for a few that began at the same time.
    let sql = "SELECT max(key), min(started_at) FROM \
               (SELECT key, started_at FROM model_requests WHERE key > ?1 ORDER BY key LIMIT ?2) AS found";
    let (last, oldest): (Option<i64>, Option<i64>) =
        prepare(conn, sql)?.query_row(params![after, PIECE], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (Some(last), Some(oldest)) = (last, oldest) else { return Ok((0, None)) };
    if oldest >= before.as_millis() {
        return Ok((0, None));
    }
    let sql = "DELETE FROM model_requests WHERE key > ?1 AND key <= ?2 AND started_at < ?3 AND request_end IS NOT NULL";
    let number = prepare(conn, sql)?.execute(params![after, last, Millis(before)])?;
    Ok((u64::try_from(number).unwrap_or(u64::MAX), Some(last)))
}
