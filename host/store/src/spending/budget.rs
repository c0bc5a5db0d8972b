//! Budgets, and what counts to each.

use rusqlite::{Connection, OptionalExtension as _, named_params, params};
use sandboxed_model::{
    Timestamp,
    budget::{Budget, BudgetPeriod, BudgetScope},
    day::Day,
    page::{Page, PageRequest},
};

use super::sums::Dimension;
use crate::{
    Store,
    cursor::{self, List},
    error::{Error, Result},
    statement::prepare,
    value::{Count, Name, Text},
};

/// What counts to a budget in one period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Total {
    spent: u64,
    reserved: u64,
}

/// The last day of the period that begins with this one.
fn last(period: BudgetPeriod, start: Day) -> u32 {
    match period {
        BudgetPeriod::Total => Day::LAST.number(),
        BudgetPeriod::Day => start.number(),
        BudgetPeriod::Month => start.next_month().number() - 1,
    }
}

/// The total as it is kept.
fn kept(conn: &Connection, scope: &BudgetScope, period: BudgetPeriod, start: Day) -> Result<Option<Total>> {
    let sql = "SELECT spent, reserved FROM budget_totals WHERE scope = ?1 AND period = ?2 AND start = ?3";
    let total = prepare(conn, sql)?
        .query_row(params![Text(scope), period.as_str(), start.number()], |row| {
            Ok(Total { spent: row.get::<_, Count>(0)?.0, reserved: row.get::<_, Count>(1)?.0 })
        })
        .optional()?;
    Ok(total)
}

/// The total as the sums and the requests under way have it.
fn counted(conn: &Connection, scope: &BudgetScope, period: BudgetPeriod, start: Day) -> Result<Total> {
    let (dimension, name) = match scope {
        BudgetScope::Server => (Some(Dimension::Server), String::new()),
        BudgetScope::User(id) => (Some(Dimension::User), id.to_string()),
        BudgetScope::Account(name) => (Some(Dimension::Account), name.to_string()),
        BudgetScope::Mission(id) => (None, id.to_string()),
    };
    let (first, last) = (start.number(), last(period, start));
    let spent = match dimension {
        Some(dimension) => {
            let sql = "SELECT coalesce(sum(cost), 0) FROM spending_days \
                       WHERE dimension = ?1 AND name = ?2 AND day BETWEEN ?3 AND ?4";
            prepare(conn, sql)?
                .query_row(params![dimension.as_str(), name, first, last], |row| row.get::<_, Count>(0))?
        }
        None => {
            let sql = "SELECT coalesce(sum(cost), 0) FROM spending WHERE mission = ?1 AND day BETWEEN ?2 AND ?3";
            prepare(conn, sql)?.query_row(params![name, first, last], |row| row.get::<_, Count>(0))?
        }
    };
    let whose = match scope {
        BudgetScope::Server => ":name = ''",
        BudgetScope::User(_) => "spending.user = :name",
        BudgetScope::Account(_) => "spending.account = :name",
        BudgetScope::Mission(_) => "spending.mission = :name",
    };
    // Requests under way are few, and have an index of their own.
    let sql = format!(
        "SELECT coalesce(sum(reserved), 0) FROM model_requests CROSS JOIN spending ON spending.key = model_requests.spending \
         WHERE request_end IS NULL AND id > '' AND day BETWEEN :first AND :last AND {whose}"
    );
    let reserved = prepare(conn, &sql)?
        .query_row(named_params! { ":first": first, ":last": last, ":name": name }, |row| row.get::<_, Count>(0))?;
    Ok(Total { spent: spent.0, reserved: reserved.0 })
}

fn budget(scope: BudgetScope, period: BudgetPeriod, limit: u64, total: Total, at: Timestamp) -> Budget {
    Budget {
        scope,
        period,
        limit_micro_usd: limit,
        spent_micro_usd: total.spent,
        reserved_micro_usd: total.reserved,
        resets_at: period.resets_at(at),
    }
}

/// The budgets of these scopes: limits by scope and period.
fn limits(conn: &Connection, scopes: &[BudgetScope]) -> Result<Vec<(BudgetScope, BudgetPeriod, u64)>> {
    let mut found = Vec::new();
    for scope in scopes {
        let mut statement = prepare(conn, "SELECT period, most FROM budgets WHERE scope = ?1")?;
        let rows =
            statement.query_map([Text(scope)], |row| Ok((row.get::<_, Name<_>>(0)?.0, row.get::<_, Count>(1)?.0)))?;
        for row in rows {
            let (period, limit) = row?;
            found.push((scope.clone(), period, limit));
        }
    }
    Ok(found)
}

/// The budgets of these scopes with their totals, which are kept from now on.
pub(super) fn applying(conn: &Connection, scopes: &[BudgetScope], at: Timestamp) -> Result<Vec<Budget>> {
    let mut budgets = Vec::new();
    for (scope, period, limit) in limits(conn, scopes)? {
        let start = period.start(at);
        let total = match kept(conn, &scope, period, start)? {
            Some(total) => total,
            None => keep(conn, &scope, period, start)?,
        };
        budgets.push(budget(scope, period, limit, total, at));
    }
    Ok(budgets)
}

fn keep(conn: &Connection, scope: &BudgetScope, period: BudgetPeriod, start: Day) -> Result<Total> {
    let total = counted(conn, scope, period, start)?;
    // Should one of an earlier period be asked for once more, it is counted again.
    prepare(conn, "DELETE FROM budget_totals WHERE scope = ?1 AND period = ?2")?
        .execute(params![Text(scope), period.as_str()])?;
    prepare(conn, "INSERT INTO budget_totals (scope, period, start, spent, reserved) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![Text(scope), period.as_str(), start.number(), Count(total.spent), Count(total.reserved)])?;
    Ok(total)
}

/// Notes in the totals that are kept what a request that began at this time has changed.
pub(super) fn count(
    conn: &Connection,
    scopes: &[BudgetScope; 4],
    at: Timestamp,
    spent: u64,
    reserved: i64,
) -> Result<()> {
    let [first, second, third, fourth] = scopes.each_ref().map(Text);
    prepare(
        conn,
        "UPDATE budget_totals SET spent = spent + ?5, reserved = max(reserved + ?6, 0) WHERE scope IN (?1, ?2, ?3, ?4) AND \
         (period = 'total' OR (period = 'day' AND start = ?7) OR (period = 'month' AND start = ?8))",
    )?
    .execute(params![
        first,
        second,
        third,
        fourth,
        Count(spent),
        reserved,
        BudgetPeriod::Day.start(at).number(),
        BudgetPeriod::Month.start(at).number(),
    ])?;
    Ok(())
}

/// Takes all budgets of a scope away.
pub(crate) fn forget_budgets_of(conn: &Connection, scope: &BudgetScope) -> Result<()> {
    prepare(conn, "DELETE FROM budgets WHERE scope = ?1")?.execute([Text(scope)])?;
    prepare(conn, "DELETE FROM budget_totals WHERE scope = ?1")?.execute([Text(scope)])?;
    Ok(())
}

/// A budget as it stands, for one who only reads.
fn standing(
    conn: &Connection,
    (scope, period, limit): (BudgetScope, BudgetPeriod, u64),
    at: Timestamp,
) -> Result<Budget> {
    let start = period.start(at);
    let total = match kept(conn, &scope, period, start)? {
        Some(total) => total,
        None => counted(conn, &scope, period, start)?,
    };
    Ok(budget(scope, period, limit, total, at))
}

impl Store {
    /// Sets what may be spent in a scope and a period, in micro-dollars: a new budget, or another limit. What was spent before
    /// counts.
    pub async fn set_budget(&self, scope: BudgetScope, period: BudgetPeriod, limit_micro_usd: u64) -> Result<Budget> {
        self.write(move |write| {
            prepare(
                write.conn,
                "INSERT INTO budgets (scope, period, most) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (scope, period) DO UPDATE SET most = excluded.most",
            )?
            .execute(params![Text(&scope), period.as_str(), Count(limit_micro_usd)])?;
            standing(write.conn, (scope, period, limit_micro_usd), write.now)
        })
        .await
    }

    /// Takes a budget away.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_budget(&self, scope: &BudgetScope, period: BudgetPeriod) -> Result<()> {
        let scope = scope.clone();
        self.write(move |write| {
            prepare(write.conn, "DELETE FROM budget_totals WHERE scope = ?1 AND period = ?2")?
                .execute(params![Text(&scope), period.as_str()])?;
            let rows = prepare(write.conn, "DELETE FROM budgets WHERE scope = ?1 AND period = ?2")?
                .execute(params![Text(&scope), period.as_str()])?;
            if rows == 0 {
                return Err(Error::not_found("budget", format!("{scope} {}", period.as_str())));
            }
            Ok(())
        })
        .await
    }

    /// Budgets as they stand at this time, by scope and period.
    pub async fn budgets(&self, at: Timestamp, page: &PageRequest) -> Result<Page<Budget>> {
        let place = List::Budgets.text_place(page)?.unwrap_or_default();
        let (scope, period) = place.rsplit_once(' ').unwrap_or_default();
        let (scope, period) = (scope.to_owned(), period.to_owned());
        let limit = cursor::limit(page);
        self.read(move |conn| {
            let sql = "SELECT scope, period, most FROM budgets WHERE (scope, period) > (?1, ?2) \
                       ORDER BY scope, period LIMIT ?3";
            let mut statement = prepare(conn, sql)?;
            let rows = statement.query_map(params![scope, period, limit + 1], |row| {
                Ok((row.get::<_, Text<_>>(0)?.0, row.get::<_, Name<_>>(1)?.0, row.get::<_, Count>(2)?.0))
            })?;
            let budgets = rows.map(|row| standing(conn, row?, at)).collect::<Result<Vec<_>>>()?;
            Ok(List::Budgets.text_page(budgets, limit, |last| format!("{} {}", last.scope, last.period.as_str())))
        })
        .await
    }

    /// The budgets of these scopes as they stand at this time, in the order of the scopes.
    pub async fn budgets_of(&self, scopes: Vec<BudgetScope>, at: Timestamp) -> Result<Vec<Budget>> {
        self.read(move |conn| limits(conn, &scopes)?.into_iter().map(|limit| standing(conn, limit, at)).collect()).await
    }
}

#[cfg(test)]
pub(crate) mod check {
    use super::*;

    /// Panics where a total that is kept is not what the sums and the requests under way have.
    pub(crate) async fn totals_agree(store: &Store) {
        store
            .read(|conn| {
                let sql = "SELECT scope, period, start FROM budget_totals WHERE scope > ''";
                let mut statement = prepare(conn, sql)?;
                let rows = statement.query_map([], |row| {
                    Ok((row.get::<_, Text<_>>(0)?.0, row.get::<_, Name<_>>(1)?.0, Day::from_number(row.get(2)?)))
                })?;
                for row in rows {
                    let (scope, period, start) = row?;
                    let total = kept(conn, &scope, period, start)?;
                    assert_eq!(total, Some(counted(conn, &scope, period, start)?), "{scope} {period:?} {start}");
                }
                Ok(())
            })
            .await
            .unwrap();
    }
}
