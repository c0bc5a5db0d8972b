//! Secrets as they are sealed, the names of their keys, and their uses. Nothing here can open one.

mod keys;
mod uses;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sandboxed_model::{SecretId, Timestamp, secret::Audience};

pub(crate) use uses::expire_uses;
pub use {keys::VaultKey, uses::UseRecord};

use crate::{
    Store,
    error::{Error, Result},
    statement::prepare,
    value::{Count, Json, Millis, Text},
};

/// A secret as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct SecretRow {
    /// Its id, which no other secret ever has.
    pub id: SecretId,
    /// Its name.
    pub name: String,
    /// Which value it has.
    pub version: u64,
    /// Who may use it.
    pub audience: Vec<Audience>,
    /// What it is for.
    pub description: String,
    /// The name of the key that it is sealed with.
    pub sealed_by: String,
    /// The nonce, and the value under the key.
    pub sealed: Vec<u8>,
    /// The server's own, which nobody sees.
    pub internal: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it got its value.
    pub updated_at: Timestamp,
}

const COLUMNS: &str =
    "id, name, version, audience, description, sealed_by, sealed, internal, created_at, updated_at, key";

fn row(row: &Row<'_>) -> rusqlite::Result<SecretRow> {
    Ok(SecretRow {
        id: row.get::<_, Text<_>>(0)?.0,
        name: row.get(1)?,
        version: row.get::<_, Count>(2)?.0,
        audience: row.get::<_, Json<_>>(3)?.0,
        description: row.get(4)?,
        sealed_by: row.get(5)?,
        sealed: row.get(6)?,
        internal: row.get(7)?,
        created_at: row.get::<_, Millis>(8)?.0,
        updated_at: row.get::<_, Millis>(9)?.0,
    })
}

fn find(conn: &Connection, name: &str) -> Result<Option<SecretRow>> {
    let sql = format!("SELECT {COLUMNS} FROM secrets WHERE name = ?1");
    Ok(prepare(conn, &sql)?.query_row([name], row).optional()?)
}

impl Store {
    /// The most secrets that there can be.
    pub const MAX_SECRETS: u64 = 1000;

    /// The secret of this name.
    pub async fn secret(&self, name: &str) -> Result<Option<SecretRow>> {
        let name = name.to_owned();
        self.read(move |conn| find(conn, &name)).await
    }

    /// All secrets, the server's own included, by their names.
    pub async fn secrets(&self) -> Result<Vec<SecretRow>> {
        self.read(|conn| {
            let sql = format!("SELECT {COLUMNS} FROM secrets WHERE name >= '' ORDER BY name");
            let mut statement = prepare(conn, &sql)?;
            Ok(statement.query_map([], row)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Keeps a new secret, or in place of the one with its id the next version of it.
    ///
    /// # Errors
    /// [`Error::Conflict`] where the name is another's, the present version is not the one before, or there are too many.
    pub async fn put_secret(&self, new: SecretRow) -> Result<()> {
        self.write(move |write| {
            let changed = || {
                let message = format!("the secret {} was changed at the same time", new.name);
                Error::conflict("secrets.changed", message)
            };
            match find(write.conn, &new.name)? {
                Some(old) if old.id != new.id || old.version + 1 != new.version => return Err(changed()),
                None if new.version != 1 => return Err(changed()),
                None if count(write.conn)? >= Self::MAX_SECRETS => {
                    let message = format!("there are {} secrets already, and no more can be kept", Self::MAX_SECRETS);
                    return Err(Error::conflict("secrets.too_many", message));
                }
                _ => {}
            }
            prepare(
                write.conn,
                "INSERT INTO secrets (id, name, version, audience, description, sealed_by, sealed, internal, \
                 created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
                 ON CONFLICT (id) DO UPDATE SET version = excluded.version, audience = excluded.audience, \
                 description = excluded.description, sealed_by = excluded.sealed_by, sealed = excluded.sealed, \
                 updated_at = excluded.updated_at",
            )?
            .execute(params![
                Text(new.id),
                new.name,
                Count(new.version),
                Json(&new.audience),
                new.description,
                new.sealed_by,
                new.sealed,
                new.internal,
                Millis(new.created_at),
                Millis(new.updated_at),
            ])?;
            Ok(())
        })
        .await
    }

    /// Says anew who may use a secret and what it is for.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none of this name.
    pub async fn describe_secret(&self, name: &str, audience: Vec<Audience>, description: String) -> Result<()> {
        let name = name.to_owned();
        self.write(move |write| {
            let sql = "UPDATE secrets SET audience = ?2, description = ?3 WHERE name = ?1";
            let rows = prepare(write.conn, sql)?.execute(params![name, Json(&audience), description])?;
            if rows == 0 { Err(Error::not_found("secret", name)) } else { Ok(()) }
        })
        .await
    }

    /// Forgets a secret. Its uses stay for their time.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none of this name.
    pub async fn delete_secret(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        self.write(move |write| {
            let rows = prepare(write.conn, "DELETE FROM secrets WHERE name = ?1")?.execute([&name])?;
            if rows == 0 { Err(Error::not_found("secret", name)) } else { Ok(()) }
        })
        .await
    }
}

fn count(conn: &Connection) -> Result<u64> {
    let sql = "SELECT count(*) FROM secrets WHERE name >= ''";
    Ok(prepare(conn, sql)?.query_row([], |row| row.get::<_, Count>(0))?.0)
}
