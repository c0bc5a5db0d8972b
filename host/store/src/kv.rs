//! Small values that plugins keep. Limits are the caller's.

use rusqlite::{OptionalExtension as _, params};
use sandboxed_model::PluginId;

use crate::{Store, error::Result, statement::prepare, value::Count};

/// The most keys that one call of [`Store::kv_keys`] returns.
pub const MAX_KEYS: u32 = 1000;

impl Store {
    /// The value of a plugin's key.
    pub async fn kv_get(&self, plugin: &PluginId, key: &str) -> Result<Option<Vec<u8>>> {
        let (plugin, key) = (plugin.clone(), key.to_owned());
        self.read(move |conn| {
            let sql = "SELECT value FROM plugin_values WHERE plugin = ?1 AND key = ?2";
            let mut statement = prepare(conn, sql)?;
            Ok(statement.query_row(params![plugin.as_str(), key.as_bytes()], |row| row.get(0)).optional()?)
        })
        .await
    }

    /// Sets a plugin's key.
    pub async fn kv_put(&self, plugin: &PluginId, key: &str, value: Vec<u8>) -> Result<()> {
        let (plugin, key) = (plugin.clone(), key.to_owned());
        self.write(move |write| {
            prepare(
                write.conn,
                "INSERT INTO plugin_values (plugin, key, value) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (plugin, key) DO UPDATE SET value = excluded.value",
            )?
            .execute(params![plugin.as_str(), key.as_bytes(), value])?;
            Ok(())
        })
        .await
    }

    /// Removes a plugin's key. Removing one that is not there changes nothing.
    pub async fn kv_delete(&self, plugin: &PluginId, key: &str) -> Result<()> {
        let (plugin, key) = (plugin.clone(), key.to_owned());
        self.write(move |write| {
            prepare(write.conn, "DELETE FROM plugin_values WHERE plugin = ?1 AND key = ?2")?
                .execute(params![plugin.as_str(), key.as_bytes()])?;
            Ok(())
        })
        .await
    }

    /// A plugin's keys that start with `prefix`, in the order of their bytes, after the key `after`; at most `limit`
    /// and [`MAX_KEYS`].
    pub async fn kv_keys(
        &self,
        plugin: &PluginId,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>> {
        let plugin = plugin.clone();
        let prefix = prefix.as_bytes().to_vec();
        // No UTF-8 text holds the byte 255, so this is after all keys with the prefix.
        let end = [prefix.as_slice(), &[0xFF]].concat();
        let after = after.map(|after| after.as_bytes().to_vec());
        self.read(move |conn| {
            let mut statement = prepare(
                conn,
                "SELECT CAST(key AS TEXT) FROM plugin_values WHERE plugin = ?1 AND key >= ?2 AND key < ?3 \
                 AND (?4 IS NULL OR key > ?4) ORDER BY key LIMIT ?5",
            )?;
            // A later start than the prefix is given to the index, not only compared.
            let start = after.clone().filter(|after| *after > prefix).unwrap_or(prefix);
            let rows = statement
                .query_map(params![plugin.as_str(), start, end, after, limit.min(MAX_KEYS)], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Bytes of all keys and values of a plugin.
    pub async fn kv_total_bytes(&self, plugin: &PluginId) -> Result<u64> {
        let plugin = plugin.clone();
        self.read(move |conn| {
            let bytes: Option<Count> = prepare(conn, "SELECT bytes FROM plugin_totals WHERE plugin = ?1")?
                .query_row([plugin.as_str()], |row| row.get(0))
                .optional()?;
            Ok(bytes.map_or(0, |bytes| bytes.0))
        })
        .await
    }
}
