//! Who used which secret, hour by hour.

use rusqlite::{Connection, OptionalExtension as _, params};
use sandboxed_model::{
    Timestamp,
    page::{Page, PageRequest},
    secret::SecretUse,
};

use crate::{
    Store,
    cursor::{self, List},
    error::Result,
    statement::prepare,
    value::{Count, Millis},
};

const HOUR: i64 = 3_600_000;
/// How long uses are kept.
const KEPT: i64 = 90 * 24 * HOUR;
/// The most that is kept of one secret.
const MOST: u32 = 10_000;

/// Uses of a secret to be noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UseRecord {
    /// The secret.
    pub secret: String,
    /// By whom, what for, how often and when: all within one hour.
    pub used: SecretUse,
}

impl Store {
    /// Adds to the uses of secrets.
    pub async fn note_secret_uses(&self, records: Vec<UseRecord>) -> Result<()> {
        self.write(move |write| {
            for UseRecord { secret, used } in records {
                let hour = used.first_at.as_millis().div_euclid(HOUR);
                prepare(
                    write.conn,
                    "INSERT INTO secret_uses (secret, hour, user, purpose, count, first_at, last_at) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (secret, hour, user, purpose) DO UPDATE SET \
                     count = count + excluded.count, first_at = min(first_at, excluded.first_at), \
                     last_at = max(last_at, excluded.last_at)",
                )?
                .execute(params![
                    secret,
                    hour,
                    used.user,
                    used.purpose,
                    Count(used.count),
                    Millis(used.first_at),
                    Millis(used.last_at),
                ])?;
                // A secret that every request of a busy server names does not fill the disk.
                prepare(
                    write.conn,
                    "DELETE FROM secret_uses WHERE secret = ?1 AND key <= \
                     (SELECT key FROM secret_uses WHERE secret = ?1 ORDER BY key DESC LIMIT 1 OFFSET ?2)",
                )?
                .execute(params![secret, MOST])?;
            }
            Ok(())
        })
        .await
    }

    /// Uses of a secret, what began last first.
    pub async fn secret_uses(&self, secret: &str, page: &PageRequest) -> Result<Page<SecretUse>> {
        let before = List::SecretUses.place(page)?.unwrap_or(i64::MAX);
        let limit = cursor::limit(page);
        let secret = secret.to_owned();
        self.read(move |conn| {
            let mut statement = prepare(
                conn,
                "SELECT key, user, purpose, count, first_at, last_at FROM secret_uses \
                 WHERE secret = ?1 AND key < ?2 ORDER BY key DESC LIMIT ?3",
            )?;
            let rows = statement.query_map(params![secret, before, limit + 1], |row| {
                let used = SecretUse {
                    user: row.get(1)?,
                    purpose: row.get(2)?,
                    count: row.get::<_, Count>(3)?.0,
                    first_at: row.get::<_, Millis>(4)?.0,
                    last_at: row.get::<_, Millis>(5)?.0,
                };
                Ok((row.get(0)?, used))
            })?;
            Ok(List::SecretUses.page(rows.collect::<rusqlite::Result<_>>()?, limit))
        })
        .await
    }

    /// When a secret was last used, as far as that is kept.
    pub async fn secret_last_used(&self, secret: &str) -> Result<Option<Timestamp>> {
        let secret = secret.to_owned();
        self.read(move |conn| {
            let sql = "SELECT last_at FROM secret_uses WHERE secret = ?1 ORDER BY last_at DESC LIMIT 1";
            let found = prepare(conn, sql)?.query_row([secret], |row| row.get::<_, Millis>(0)).optional()?;
            Ok(found.map(|at| at.0))
        })
        .await
    }
}

/// Forgets uses whose time is over.
pub(crate) fn expire_uses(conn: &Connection, now: Timestamp) -> Result<()> {
    let hour = (now.as_millis() - KEPT).div_euclid(HOUR);
    prepare(conn, "DELETE FROM secret_uses WHERE hour < ?1")?.execute([hour])?;
    Ok(())
}
