//! The names of master keys, and what is sealed with which.

use rusqlite::params;
use sandboxed_model::{SecretId, Timestamp};

use super::{COLUMNS, SecretRow, row};
use crate::{
    Store,
    error::{Error, Result},
    statement::prepare,
    value::{Count, Millis, Text},
};

/// A master key, without the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultKey {
    /// Its name.
    pub id: String,
    /// Of a passphrase, what it is salted with.
    pub salt: Option<Vec<u8>>,
    /// Of a passphrase, KiB of memory.
    pub memory: u32,
    /// Of a passphrase, passes over it.
    pub passes: u32,
    /// When it began to be used.
    pub created_at: Timestamp,
}

impl Store {
    /// The keys that are in use.
    pub async fn vault_keys(&self) -> Result<Vec<VaultKey>> {
        self.read(|conn| {
            let sql = "SELECT id, salt, memory, passes, created_at FROM vault_keys WHERE id >= '' ORDER BY id";
            let mut statement = prepare(conn, sql)?;
            let rows = statement.query_map([], |row| {
                Ok(VaultKey {
                    id: row.get(0)?,
                    salt: row.get(1)?,
                    memory: row.get(2)?,
                    passes: row.get(3)?,
                    created_at: row.get::<_, Millis>(4)?.0,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Notes a key. One that is noted already stays as it is.
    pub async fn add_vault_key(&self, key: VaultKey) -> Result<()> {
        self.write(move |write| {
            prepare(
                write.conn,
                "INSERT INTO vault_keys (id, salt, memory, passes, created_at) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT (id) DO NOTHING",
            )?
            .execute(params![key.id, key.salt, key.memory, key.passes, Millis(key.created_at)])?;
            Ok(())
        })
        .await
    }

    /// Forgets all keys but this one.
    ///
    /// # Errors
    /// [`Error::Conflict`] while something is sealed with another.
    pub async fn keep_vault_key(&self, id: &str) -> Result<()> {
        let id = id.to_owned();
        self.write(move |write| {
            let left = left(write.conn, &id)?;
            if left > 0 {
                let message = format!("{left} values are still sealed with a former key");
                return Err(Error::conflict("vault.rotating", message));
            }
            prepare(write.conn, "DELETE FROM vault_keys WHERE id < ?1 OR id > ?1")?.execute([&id])?;
            Ok(())
        })
        .await
    }

    /// How many values are sealed with another key than this one.
    pub async fn sealed_otherwise(&self, id: &str) -> Result<u64> {
        let id = id.to_owned();
        self.read(move |conn| left(conn, &id)).await
    }

    /// Values that are sealed with another key than this one, at most `limit`.
    pub async fn secrets_to_reseal(&self, id: &str, limit: u32) -> Result<Vec<SecretRow>> {
        let id = id.to_owned();
        self.read(move |conn| {
            let sql = format!("SELECT {COLUMNS} FROM secrets WHERE sealed_by < ?1 OR sealed_by > ?1 LIMIT ?2");
            let mut statement = prepare(conn, &sql)?;
            Ok(statement.query_map(params![id, limit], row)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Puts values under another key: each secret with the version that it has, the key's name, and the value under it. One
    /// that has another version by now stays as it is.
    pub async fn reseal_secrets(&self, resealed: Vec<(SecretId, u64, String, Vec<u8>)>) -> Result<()> {
        self.write(move |write| {
            for (id, version, key, sealed) in resealed {
                prepare(write.conn, "UPDATE secrets SET sealed_by = ?3, sealed = ?4 WHERE id = ?1 AND version = ?2")?
                    .execute(params![Text(id), Count(version), key, sealed])?;
            }
            Ok(())
        })
        .await
    }
}

fn left(conn: &rusqlite::Connection, id: &str) -> Result<u64> {
    let sql = "SELECT count(*) FROM secrets WHERE sealed_by < ?1 OR sealed_by > ?1";
    Ok(prepare(conn, sql)?.query_row([id], |row| row.get::<_, Count>(0))?.0)
}
