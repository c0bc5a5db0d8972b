//! Logins: the sessions of people with the server.

use rusqlite::{OptionalExtension as _, params};
use sandboxed_model::{Timestamp, UserId, access::User};

use super::{SecretHash, TOUCH_MILLIS, user};
use crate::{
    Store,
    error::Result,
    statement::prepare,
    value::{Millis, Text},
};

/// A login that is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Who logged in.
    pub user: User,
    /// When.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Store {
    /// Keeps a login by the hash of its token.
    pub async fn insert_login(
        &self,
        token: SecretHash,
        user: UserId,
        created_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<()> {
        self.write(move |write| {
            prepare(
                write.conn,
                "INSERT INTO logins (token_hash, user, created_at, last_used_at, expires_at) \
                 VALUES (?1, ?2, ?3, ?3, ?4)",
            )?
            .execute(params![token, Text(user), Millis(created_at), Millis(expires_at)])?;
            Ok(())
        })
        .await
    }

    /// The login of a token, unless it has ended. Notes the use, at most once a minute.
    pub async fn login(&self, token: SecretHash) -> Result<Option<Login>> {
        let now = Timestamp::now();
        let login = self
            .read(move |conn| {
                let sql = format!(
                    "SELECT {}, logins.created_at, last_used_at, expires_at FROM logins \
                     JOIN users ON users.id = logins.user WHERE token_hash = ?1 AND expires_at > ?2",
                    user::COLUMNS
                );
                Ok(prepare(conn, &sql)?
                    .query_row(params![token, Millis(now)], |row| {
                        Ok(Login {
                            user: user::user(row, 0)?,
                            created_at: row.get::<_, Millis>(4)?.0,
                            last_used_at: row.get::<_, Millis>(5)?.0,
                            expires_at: row.get::<_, Millis>(6)?.0,
                        })
                    })
                    .optional()?)
            })
            .await?;
        if login.as_ref().is_some_and(|login| now.as_millis() - login.last_used_at.as_millis() >= TOUCH_MILLIS) {
            self.write(move |write| {
                prepare(write.conn, "UPDATE logins SET last_used_at = ?2 WHERE token_hash = ?1")?
                    .execute(params![token, Millis(now)])?;
                Ok(())
            })
            .await
            // A full disk must not lock people out.
            .unwrap_or_else(|error| tracing::warn!(%error, "the use of a login was not noted"));
        }
        Ok(login)
    }

    /// Ends a login. Ending one that is not there changes nothing.
    pub async fn delete_login(&self, token: SecretHash) -> Result<()> {
        self.write(move |write| {
            prepare(write.conn, "DELETE FROM logins WHERE token_hash = ?1")?.execute([token])?;
            Ok(())
        })
        .await
    }

    /// Ends all logins of a person.
    pub async fn delete_logins_of(&self, user: UserId) -> Result<()> {
        self.write(move |write| {
            prepare(write.conn, "DELETE FROM logins WHERE user = ?1")?.execute([Text(user)])?;
            Ok(())
        })
        .await
    }
}
