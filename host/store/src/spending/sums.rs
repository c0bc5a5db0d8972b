//! Sums of requests, kept so that asking for them reads few rows however many requests there were.

use rusqlite::{Connection, Row, params_from_iter, types::Value};
use sandboxed_model::{
    MissionId,
    day::Day,
    page::{Page, PageRequest},
    spending::{SpendingFilter, SpendingGroup, SpendingSum},
    wire::Tokens,
};

use super::MOST;
use crate::{
    Store,
    cursor::{self, List},
    error::{Error, Result},
    statement::prepare,
    value::Count,
};

/// One thing by which sums of days are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dimension {
    Server,
    Model,
    Account,
    User,
    Harness,
}

impl Dimension {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Model => "model",
            Self::Account => "account",
            Self::User => "user",
            Self::Harness => "harness",
        }
    }
}

/// The columns of a sum.
const SUMS: [&str; 11] = [
    "requests",
    "failed",
    "estimated",
    "unpriced",
    "input",
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "output",
    "reasoning",
    "cost",
];

/// What one request adds to each column of [`SUMS`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Added {
    pub(super) failed: bool,
    pub(super) estimated: bool,
    pub(super) tokens: Tokens,
    pub(super) cost: Option<u64>,
}

impl Added {
    fn values(&self) -> [i64; 11] {
        let count = |number: u64| i64::try_from(number.min(MOST)).unwrap_or(i64::MAX);
        let Tokens { input, cache_read, cache_write, cache_write_1h, output, reasoning } = self.tokens;
        [
            1,
            self.failed.into(),
            self.estimated.into(),
            self.cost.is_none().into(),
            count(input),
            count(cache_read),
            count(cache_write),
            count(cache_write_1h),
            count(output),
            count(reasoning),
            count(self.cost.unwrap_or(0)),
        ]
    }
}

/// Where a request is added.
pub(super) struct Place<'a> {
    pub(super) spending: i64,
    pub(super) day: u32,
    pub(super) model: &'a str,
    pub(super) account: &'a str,
    pub(super) user: &'a str,
    pub(super) harness: &'a str,
}

/// Adds a request to all its sums.
pub(super) fn add(conn: &Connection, place: &Place<'_>, added: &Added) -> Result<()> {
    let values = added.values();
    let sets = SUMS.iter().zip(2..).map(|(name, number)| format!("{name} = {name} + ?{number}")).collect::<Vec<_>>();
    let sql = format!("UPDATE spending SET {} WHERE key = ?1", sets.join(", "));
    let parameters = std::iter::once(place.spending).chain(values);
    prepare(conn, &sql)?.execute(params_from_iter(parameters))?;

    let with_sums = |head: Vec<Value>| params_from_iter(head.into_iter().chain(values.map(Value::Integer)));
    let text = |text: &str| Value::Text(text.to_owned());
    let Place { day, model, account, user, harness, .. } = *place;
    let day = Value::Integer(day.into());
    prepare(conn, &upsert("spending_of_all", &["day", "model", "account", "user", "harness"]))?
        .execute(with_sums(vec![day.clone(), text(model), text(account), text(user), text(harness)]))?;
    let mut statement = prepare(conn, &upsert("spending_days", &["dimension", "name", "day"]))?;
    for (dimension, name) in [
        (Dimension::Server, ""),
        (Dimension::Model, model),
        (Dimension::Account, account),
        (Dimension::User, user),
        (Dimension::Harness, harness),
    ] {
        statement.execute(with_sums(vec![text(dimension.as_str()), text(name), day.clone()]))?;
    }
    Ok(())
}

/// Adds values to the sums of a row, which is made where there is none of its key.
fn upsert(table: &str, key: &[&str]) -> String {
    let (key, columns) = (key.join(", "), SUMS.join(", "));
    let numbers = (0..key.split(", ").count() + SUMS.len()).map(|number| format!("?{}", number + 1));
    let numbers = numbers.collect::<Vec<_>>().join(", ");
    let sets = SUMS.map(|name| format!("{name} = {name} + excluded.{name}")).join(", ");
    format!("INSERT INTO {table} ({key}, {columns}) VALUES ({numbers}) ON CONFLICT ({key}) DO UPDATE SET {sets}")
}

/// The expressions that [`sum`] reads from column 1 on.
fn summed() -> String {
    SUMS.map(|name| format!("coalesce(sum({name}), 0)")).join(", ")
}

/// The sum in a row that begins with its key.
fn sum(row: &Row<'_>, key: String) -> rusqlite::Result<SpendingSum> {
    let count = |column| row.get::<_, Count>(column).map(|count| count.0);
    Ok(SpendingSum {
        key,
        requests: count(1)?,
        failed_requests: count(2)?,
        estimated_requests: count(3)?,
        unpriced_requests: count(4)?,
        tokens: Tokens {
            input: count(5)?,
            cache_read: count(6)?,
            cache_write: count(7)?,
            cache_write_1h: count(8)?,
            output: count(9)?,
            reasoning: count(10)?,
        },
        cost_micro_usd: count(11)?,
    })
}

/// A query of sums.
struct Query {
    sql: String,
    values: Vec<Value>,
}

/// The table whose rows are the fewest to read, with the conditions on it.
///
/// Whatever is asked by one thing alone is in `spending_days`, and what is asked of no mission in `spending_of_all`. The sums of
/// one mission are few, and sums by mission are read in the order of missions, as far as the page goes.
fn query(filter: &SpendingFilter, group: SpendingGroup, after: Option<&str>, limit: u32) -> Result<Query> {
    let column = match group {
        SpendingGroup::Day => "day",
        SpendingGroup::Mission => "mission",
        SpendingGroup::Model => "model",
        SpendingGroup::Account => "account",
        SpendingGroup::User => "user",
        SpendingGroup::Harness => "harness",
    };
    let conditions: Vec<(&str, String)> = [
        ("mission", filter.mission.map(|id| id.to_string())),
        ("user", filter.user.map(|id| id.to_string())),
        ("account", filter.account.as_ref().map(ToString::to_string)),
        ("model", filter.model.clone()),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect();
    let of_missions = group == SpendingGroup::Mission || filter.mission.is_some();
    let one_thing = match (conditions.as_slice(), group) {
        _ if of_missions => None,
        ([], SpendingGroup::Day) => Some(("server", Some(""))),
        ([], _) => Some((column, None)),
        ([(name, value)], SpendingGroup::Day) => Some((*name, Some(value.as_str()))),
        ([(name, value)], _) if *name == column => Some((*name, Some(value.as_str()))),
        _ => None,
    };
    let mut values = Vec::new();
    let mut wheres = Vec::new();
    let mut condition = |sql: &str, value: Value| {
        values.push(value);
        wheres.push(format!("{sql} ?{}", values.len()));
    };
    let (table, key) = match one_thing {
        Some((dimension, name)) => {
            condition("dimension =", Value::Text(dimension.to_owned()));
            if let Some(name) = name {
                condition("name =", Value::Text(name.to_owned()));
            }
            ("spending_days", if group == SpendingGroup::Day { "day" } else { "name" })
        }
        None => {
            for (name, value) in conditions {
                condition(&format!("{name} ="), Value::Text(value));
            }
            if of_missions {
                ("spending", column)
            } else {
                // The index begins with the day.
                condition("day >=", Value::Integer(0));
                ("spending_of_all", column)
            }
        }
    };
    if let Some(from) = filter.from {
        condition("day >=", Value::Integer(from.number().into()));
    }
    if let Some(to) = filter.to {
        condition("day <=", Value::Integer(to.number().into()));
    }
    let (order, next) = match group {
        SpendingGroup::Day | SpendingGroup::Mission => ("DESC", "<"),
        _ => ("ASC", ">"),
    };
    match (group, after) {
        (SpendingGroup::Day, None) => {}
        (SpendingGroup::Day, Some(after)) => {
            let day: Day = after.parse().map_err(|_| Error::InvalidCursor)?;
            condition("day <", Value::Integer(day.number().into()));
        }
        // After all ids of missions.
        (SpendingGroup::Mission, None) => condition("mission <", Value::Text("g".to_owned())),
        (_, after) => condition(&format!("{key} {next}"), Value::Text(after.unwrap_or_default().to_owned())),
    }
    // Rows of requests that are all under way.
    wheres.push("requests > 0".to_owned());
    values.push(Value::Integer(limit.into()));
    let sql = format!(
        "SELECT {key}, {} FROM {table} WHERE {} GROUP BY {key} ORDER BY {key} {order} LIMIT ?{}",
        summed(),
        wheres.join(" AND "),
        values.len()
    );
    Ok(Query { sql, values })
}

impl Store {
    /// Sums of requests that have ended, by one thing, in the order that [`SpendingGroup`] says.
    pub async fn spending(
        &self,
        filter: &SpendingFilter,
        group: SpendingGroup,
        page: &PageRequest,
    ) -> Result<Page<SpendingSum>> {
        let after = List::Spending.text_place(page)?;
        let limit = cursor::limit(page);
        let Query { sql, values } = query(filter, group, after.as_deref(), limit + 1)?;
        self.read(move |conn| {
            let mut statement = prepare(conn, &sql)?;
            let rows = statement.query_map(params_from_iter(values), |row| {
                let key = match group {
                    SpendingGroup::Day => Day::from_number(row.get(0)?).to_string(),
                    _ => row.get(0)?,
                };
                sum(row, key)
            })?;
            let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(List::Spending.text_page(rows, limit, |last| last.key.clone()))
        })
        .await
    }

    /// The sum of all requests of a mission that have ended.
    pub async fn mission_spending(&self, mission: MissionId) -> Result<SpendingSum> {
        self.read(move |conn| {
            let sql = format!("SELECT NULL, {} FROM spending WHERE mission = ?1", summed());
            Ok(prepare(conn, &sql)?.query_row([mission.to_string()], |row| sum(row, String::new()))?)
        })
        .await
    }

    /// The sums of the requests of one turn of a mission that have ended, by model.
    pub async fn turn_usage(&self, mission: MissionId, turn: u32) -> Result<Vec<SpendingSum>> {
        self.read(move |conn| {
            let Some(mission) = super::list::mission_key(conn, mission)? else { return Ok(Vec::new()) };
            let tokens = SUMS[4..].iter().map(|name| format!("coalesce(sum(model_requests.{name}), 0)"));
            let tokens = tokens.collect::<Vec<_>>().join(", ");
            let sql = format!(
                "SELECT spending.model, count(*), sum(has_failed), sum(model_requests.estimated), \
                 sum(model_requests.cost IS NULL), {tokens} FROM model_requests \
                 CROSS JOIN spending ON spending.key = model_requests.spending \
                 WHERE model_requests.mission = ?1 AND turn = ?2 AND request_end IS NOT NULL GROUP BY spending.model"
            );
            let mut statement = prepare(conn, &sql)?;
            let rows = statement.query_map((mission, turn), |row| sum(row, row.get(0)?))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }
}
