//! API tokens.

use rusqlite::{OptionalExtension as _, Row, params};
use sandboxed_model::{
    Timestamp, TokenId, UserId,
    access::{TokenInfo, User},
};

use super::{SecretHash, TOUCH_MILLIS, user};
use crate::{
    Store,
    error::{Error, Result, is_duplicate},
    statement::prepare,
    value::{Millis, Name, Text},
};

/// A token that is good, with its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// The owner.
    pub user: User,
    /// The token.
    pub token: TokenInfo,
}

const COLUMNS: &str = "tokens.id, tokens.name, tokens.scope, tokens.created_at, tokens.expires_at, tokens.last_used_at";

fn token(row: &Row<'_>) -> rusqlite::Result<TokenInfo> {
    Ok(TokenInfo {
        id: row.get::<_, Text<_>>(0)?.0,
        name: row.get(1)?,
        scope: row.get::<_, Name<_>>(2)?.0,
        created_at: row.get::<_, Millis>(3)?.0,
        expires_at: row.get::<_, Option<Millis>>(4)?.map(|at| at.0),
        last_used_at: row.get::<_, Option<Millis>>(5)?.map(|at| at.0),
    })
}

impl Store {
    /// Keeps a token by the hash of its secret.
    pub async fn insert_token(&self, user: UserId, info: TokenInfo, secret: SecretHash) -> Result<()> {
        self.write(move |write| {
            prepare(
                write.conn,
                "INSERT INTO tokens (id, user, hash, name, scope, created_at, expires_at, last_used_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                Text(info.id),
                Text(user),
                secret,
                info.name,
                Name(info.scope),
                Millis(info.created_at),
                info.expires_at.map(Millis),
                info.last_used_at.map(Millis),
            ])
            .map_err(|error| {
                if is_duplicate(&error) {
                    Error::conflict("token.exists", "there is such a token already")
                } else {
                    error.into()
                }
            })?;
            Ok(())
        })
        .await
    }

    /// The token of a secret, unless it has expired. Notes the use, at most once a minute.
    pub async fn token(&self, secret: SecretHash) -> Result<Option<TokenRecord>> {
        let now = Timestamp::now();
        let record = self
            .read(move |conn| {
                let sql = format!(
                    "SELECT {COLUMNS}, {} FROM tokens JOIN users ON users.id = tokens.user \
                     WHERE tokens.hash = ?1 AND (tokens.expires_at IS NULL OR tokens.expires_at > ?2)",
                    user::COLUMNS
                );
                Ok(prepare(conn, &sql)?
                    .query_row(params![secret, Millis(now)], |row| {
                        Ok(TokenRecord { token: token(row)?, user: user::user(row, 6)? })
                    })
                    .optional()?)
            })
            .await?;
        let last_used = record.as_ref().map(|record| record.token.last_used_at);
        if last_used.is_some_and(|at| at.is_none_or(|at| now.as_millis() - at.as_millis() >= TOUCH_MILLIS)) {
            self.write(move |write| {
                prepare(write.conn, "UPDATE tokens SET last_used_at = ?2 WHERE hash = ?1")?
                    .execute(params![secret, Millis(now)])?;
                Ok(())
            })
            .await
            // A full disk must not lock programs out.
            .unwrap_or_else(|error| tracing::warn!(%error, "the use of a token was not noted"));
        }
        Ok(record)
    }

    /// The tokens of a person, the oldest first, also those that have expired.
    pub async fn tokens_of(&self, user: UserId) -> Result<Vec<TokenInfo>> {
        self.read(move |conn| {
            let sql = format!("SELECT {COLUMNS} FROM tokens WHERE user = ?1 ORDER BY key");
            let mut statement = prepare(conn, &sql)?;
            Ok(statement.query_map([Text(user)], token)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Takes a token away from its owner.
    pub async fn delete_token(&self, user: UserId, id: TokenId) -> Result<()> {
        self.write(move |write| {
            let sql = "DELETE FROM tokens WHERE id = ?1 AND user = ?2";
            let rows = prepare(write.conn, sql)?.execute(params![Text(id), Text(user)])?;
            if rows == 0 { Err(Error::not_found("token", id)) } else { Ok(()) }
        })
        .await
    }
}
