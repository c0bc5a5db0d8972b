//! Settling requests that have ended.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sandboxed_model::{
    RequestId, Timestamp, budget::BudgetScope, request::RequestEnd, spending::RequestSettled, wire::Tokens,
};

use super::{
    MOST, budget,
    sums::{self, Added, Place},
};
use crate::{
    Store,
    error::Result,
    statement::prepare,
    value::{Count, Millis, Text},
};

/// Requests that are settled in one transaction when the server starts: some ten milliseconds of work.
const PIECE: u32 = 500;

/// A request that is under way.
struct Open {
    key: i64,
    id: RequestId,
    started_at: Timestamp,
    reserved: Option<u64>,
    spending: i64,
    day: u32,
    model: String,
    account: String,
    user: String,
    harness: String,
    scopes: [BudgetScope; 4],
}

const OPEN: &str = "SELECT model_requests.key, id, started_at, reserved, spending.key, day, model, account, user, harness, \
                    spending.mission FROM model_requests CROSS JOIN spending ON spending.key = model_requests.spending \
                    WHERE request_end IS NULL";

fn open(row: &Row<'_>) -> rusqlite::Result<Open> {
    Ok(Open {
        key: row.get(0)?,
        id: row.get::<_, Text<_>>(1)?.0,
        started_at: row.get::<_, Millis>(2)?.0,
        reserved: row.get::<_, Option<Count>>(3)?.map(|reserved| reserved.0),
        spending: row.get(4)?,
        day: row.get(5)?,
        model: row.get(6)?,
        account: row.get(7)?,
        user: row.get(8)?,
        harness: row.get(9)?,
        scopes: [
            BudgetScope::Server,
            BudgetScope::User(row.get::<_, Text<_>>(8)?.0),
            BudgetScope::Account(row.get::<_, Text<_>>(7)?.0),
            BudgetScope::Mission(row.get::<_, Text<_>>(10)?.0),
        ],
    })
}

fn settle(conn: &Connection, open: &Open, settled: &RequestSettled) -> Result<()> {
    let known = settled.cost.filter(|_| settled.tokens.is_some());
    let (cost, estimated) = match known {
        Some(cost) => (Some(cost.micro_usd.min(MOST)), false),
        None if settled.is_free() => (Some(0), false),
        // What is not known is never taken for nothing.
        None => (open.reserved, open.reserved.is_some()),
    };
    let tokens = settled.tokens.map(|tokens| {
        let Tokens { input, cache_read, cache_write, cache_write_1h, output, reasoning } = tokens;
        [input, cache_read, cache_write, cache_write_1h, output, reasoning].map(|number| Count(number.min(MOST)))
    });
    let tokens = |place: usize| tokens.as_ref().map(|tokens| &tokens[place]);
    prepare(
        conn,
        "UPDATE model_requests SET request_end = ?2, status = ?3, first_byte_ms = ?4, took_ms = ?5, answered_model = ?6, \
         upstream_request_id = ?7, input = ?8, cache_read = ?9, cache_write = ?10, cache_write_1h = ?11, output = ?12, \
         reasoning = ?13, cost = ?14, price_from = ?15, estimated = ?16, has_failed = ?17 WHERE key = ?1",
    )?
    .execute(params![
        open.key,
        settled.end.as_str(),
        settled.status,
        settled.first_byte_ms.map(Count),
        Count(settled.took_ms),
        settled.answered_model,
        settled.upstream_request_id,
        tokens(0),
        tokens(1),
        tokens(2),
        tokens(3),
        tokens(4),
        tokens(5),
        cost.map(Count),
        known.map(|cost| cost.price_from.number()),
        estimated,
        settled.has_failed(),
    ])?;
    let place = Place {
        spending: open.spending,
        day: open.day,
        model: &open.model,
        account: &open.account,
        user: &open.user,
        harness: &open.harness,
    };
    let added = Added { failed: settled.has_failed(), estimated, tokens: settled.tokens.unwrap_or_default(), cost };
    sums::add(conn, &place, &added)?;
    let given_back = i64::try_from(open.reserved.unwrap_or(0)).unwrap_or(i64::MAX);
    budget::count(conn, &open.scopes, open.started_at, cost.unwrap_or(0), -given_back)
}

impl Store {
    /// Notes how a request ended, gives back what was set aside for it and adds what it cost to the sums. Where that is not
    /// known, it cost what was set aside. `false`: it was not under way, so that nothing changed.
    pub async fn settle(&self, id: RequestId, settled: RequestSettled) -> Result<bool> {
        self.write(move |write| {
            let sql = format!("{OPEN} AND id = ?1");
            let found = prepare(write.conn, &sql)?.query_row([Text(id)], open).optional()?;
            let Some(open) = found else { return Ok(false) };
            settle(write.conn, &open, &settled)?;
            Ok(true)
        })
        .await
    }

    /// Settles all requests that began before this time and are not settled: the server ended while they were under way. Each
    /// cost what was set aside for it. Returns their number.
    pub async fn settle_lost(&self, at: Timestamp) -> Result<u64> {
        let mut settled = 0;
        let mut after = String::new();
        loop {
            let place = after.clone();
            let (number, last) = self.write(move |write| settle_piece(write.conn, at, &place)).await?;
            settled += number;
            match last {
                Some(last) => after = last.to_string(),
                None => return Ok(settled),
            }
        }
    }
}

/// Settles the lost ones among the next few requests under way. Returns their number and the last one looked at, where there
/// may be more.
fn settle_piece(conn: &Connection, at: Timestamp, after: &str) -> Result<(u64, Option<RequestId>)> {
    let sql = format!("{OPEN} AND id > ?1 ORDER BY id LIMIT ?2");
    let piece = prepare(conn, &sql)?.query_map(params![after, PIECE], open)?.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut number = 0;
    for open in piece.iter().filter(|open| open.started_at < at) {
        let took = at.as_millis().saturating_sub(open.started_at.as_millis());
        let lost = RequestSettled {
            end: RequestEnd::Lost,
            status: None,
            tokens: None,
            cost: None,
            answered_model: None,
            first_byte_ms: None,
            took_ms: took.unsigned_abs(),
            upstream_request_id: None,
        };
        settle(conn, open, &lost)?;
        number += 1;
    }
    let last = piece.last().filter(|_| piece.len() >= PIECE as usize).map(|open| open.id);
    Ok((number, last))
}
