//! Setting money aside for a request.

use rusqlite::{Connection, OptionalExtension as _, params};
use sandboxed_model::{
    MissionId,
    budget::{Budget, BudgetScope},
    spending::{NewRequest, Reserved},
};

use super::{MOST, budget};
use crate::{
    Store,
    error::{Error, Result, is_duplicate},
    statement::prepare,
    value::{Count, Millis, Name, Text},
};

/// The scopes of the budgets that a request counts to.
pub(super) fn scopes(request: &NewRequest) -> [BudgetScope; 4] {
    [
        BudgetScope::Server,
        BudgetScope::User(request.owner),
        BudgetScope::Account(request.account.clone()),
        BudgetScope::Mission(request.mission),
    ]
}

/// What a request gets: what it may cost, or why it may not begin.
fn decide(budgets: Vec<Budget>, worst: Option<u64>, least: Option<u64>) -> std::result::Result<Option<u64>, Reserved> {
    let Some(worst) = worst.map(|worst| worst.min(MOST)) else {
        return match budgets.into_iter().next() {
            Some(budget) => Err(Reserved::Unpriced { budget }),
            None => Ok(None),
        };
    };
    let least = least.map_or(worst, |least| least.min(worst));
    let unspent = |budget: &Budget| budget.limit_micro_usd.saturating_sub(budget.spent_micro_usd);
    // Waiting does not help where even one budget cannot have enough.
    if let Some(budget) = budgets.iter().filter(|budget| unspent(budget) < least).min_by_key(|budget| unspent(budget)) {
        return Err(Reserved::Exhausted { budget: budget.clone() });
    }
    match budgets.into_iter().min_by_key(Budget::left_micro_usd) {
        None => Ok(Some(worst)),
        Some(tightest) if tightest.left_micro_usd() < least => Err(Reserved::Busy { budget: tightest }),
        Some(tightest) => Ok(Some(worst.min(tightest.left_micro_usd()))),
    }
}

/// The row of sums to which a request counts, made where there is none yet.
fn spending_row(conn: &Connection, request: &NewRequest, mission_key: i64) -> Result<i64> {
    let day = request.at.day().number();
    let select = "SELECT key FROM spending WHERE mission = ?1 AND day = ?2 AND model = ?3 AND account = ?4 AND user = ?5 \
                  AND harness = ?6 AND provider = ?7 AND workspace = ?8";
    let (mission, user, workspace) = (Text(request.mission), Text(request.owner), Text(request.workspace));
    let (account, harness, provider) = (request.account.as_str(), request.harness.as_str(), request.provider.as_str());
    let found = prepare(conn, select)?
        .query_row(params![mission, day, request.model, account, user, harness, provider, workspace], |row| row.get(0))
        .optional()?;
    if let Some(key) = found {
        return Ok(key);
    }
    let insert = "INSERT INTO spending (mission, day, model, account, user, harness, provider, workspace, mission_key, \
                  requests, failed, estimated, unpriced, input, cache_read, cache_write, cache_write_1h, output, reasoning, \
                  cost) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)";
    Ok(prepare(conn, insert)?.insert(params![
        mission,
        day,
        request.model,
        account,
        user,
        harness,
        provider,
        workspace,
        mission_key
    ])?)
}

fn mission_key(conn: &Connection, mission: MissionId) -> Result<i64> {
    let found = prepare(conn, "SELECT key FROM missions WHERE id = ?1")?
        .query_row([Text(mission)], |row| row.get(0))
        .optional()?;
    found.ok_or_else(|| Error::not_found("mission", mission))
}

fn insert(conn: &Connection, request: &NewRequest, granted: Option<u64>) -> Result<()> {
    let mission = mission_key(conn, request.mission)?;
    let spending = spending_row(conn, request, mission)?;
    prepare(
        conn,
        "INSERT INTO model_requests (id, spending, mission, turn, format, started_at, reserved, estimated, has_failed) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 0)",
    )?
    .execute(params![
        Text(request.id),
        spending,
        mission,
        request.turn,
        Name(request.format),
        Millis(request.at),
        granted.map(Count),
    ])
    .map_err(|error| match is_duplicate(&error) {
        true => Error::conflict("request.exists", format!("the request {} is under way already", request.id)),
        false => error.into(),
    })?;
    Ok(())
}

impl Store {
    /// Sets aside what a request may cost, as far as the budgets that count it have that left, and notes that it is under way.
    /// Where it may not begin, nothing is noted. Each request that is granted has to be settled.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the mission is not there, [`Error::Conflict`] where the request is under way already.
    pub async fn reserve(&self, request: NewRequest) -> Result<Reserved> {
        self.write(move |write| {
            let scopes = scopes(&request);
            let budgets = budget::applying(write.conn, &scopes, request.at)?;
            let granted = match decide(budgets, request.worst, request.least) {
                Ok(granted) => granted,
                Err(refused) => return Ok(refused),
            };
            insert(write.conn, &request, granted)?;
            let reserved = i64::try_from(granted.unwrap_or(0)).unwrap_or(i64::MAX);
            budget::count(write.conn, &scopes, request.at, 0, reserved)?;
            Ok(Reserved::Granted { micro_usd: granted })
        })
        .await
    }
}
