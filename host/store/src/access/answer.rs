//! Answers that are given again to a request that is repeated with the same idempotency key.

use rusqlite::{Connection, OptionalExtension as _, params};
use sandboxed_model::{Timestamp, UserId};

use crate::{
    Store,
    error::{Error, Result},
    statement::prepare,
    value::{Millis, Text},
};

/// Milliseconds for which an answer is kept: a day.
const KEPT_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// HTTP status.
    pub status: u16,
    /// The body as sent.
    pub body: Vec<u8>,
    /// SHA-256 of the request, to tell a repeat from another request with the same key.
    pub request_hash: [u8; 32],
}

fn oldest_kept(now: Timestamp) -> Timestamp {
    Timestamp::from_millis(now.as_millis() - KEPT_MILLIS)
}

/// Removes answers that are over a day old at `now`.
pub(crate) fn expire(conn: &Connection, now: Timestamp) -> Result<()> {
    prepare(conn, "DELETE FROM answers WHERE created_at <= ?1")?.execute([Millis(oldest_kept(now))])?;
    Ok(())
}

impl Store {
    /// The answer that was given to a person's request with this key within the last day.
    pub async fn idempotent(&self, user: UserId, key: &str) -> Result<Option<StoredAnswer>> {
        let key = key.to_owned();
        let oldest = Millis(oldest_kept(Timestamp::now()));
        self.read(move |conn| {
            let sql = "SELECT status, body, request_hash FROM answers WHERE user = ?1 AND key = ?2 AND created_at > ?3";
            Ok(prepare(conn, sql)?
                .query_row(params![Text(user), key, oldest], |row| {
                    Ok(StoredAnswer { status: row.get(0)?, body: row.get(1)?, request_hash: row.get(2)? })
                })
                .optional()?)
        })
        .await
    }

    /// Keeps the answer to a request with a key.
    ///
    /// # Errors
    /// [`Error::Conflict`] where there is one already.
    pub async fn put_idempotent(&self, user: UserId, key: &str, answer: StoredAnswer) -> Result<()> {
        let key = key.to_owned();
        self.write(move |write| {
            let rows = prepare(
                write.conn,
                "INSERT INTO answers (user, key, request_hash, status, body, created_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
                 ON CONFLICT (user, key) DO UPDATE SET request_hash = excluded.request_hash, \
                 status = excluded.status, body = excluded.body, created_at = excluded.created_at \
                 WHERE answers.created_at <= ?7",
            )?
            .execute(params![
                Text(user),
                key,
                answer.request_hash,
                answer.status,
                answer.body,
                Millis(write.now),
                Millis(oldest_kept(write.now)),
            ])?;
            if rows == 0 {
                return Err(Error::conflict("idempotency.exists", "a request with this key was answered already"));
            }
            Ok(())
        })
        .await
    }
}
