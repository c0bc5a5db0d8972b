//! The database's schema and how it grows. Migrations only go forward; a released file never changes.

use rusqlite::Connection;

use crate::error::{Error, Result};

/// Marks a file as a database of this program (`SBXD`), in SQLite's header field for it.
pub(crate) const APPLICATION_ID: i32 = 0x5342_5844;

/// The migrations in order: the first makes version 1.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_initial.sql"),
    include_str!("../migrations/0002_agents.sql"),
    include_str!("../migrations/0003_turns.sql"),
    include_str!("../migrations/0004_harness_tests.sql"),
];

/// The newest version that this release knows.
pub(crate) fn known_version() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

/// The version of a database; 0 for an empty file. Refuses what another program or a newer release wrote.
pub(crate) fn version(conn: &Connection, known: u32) -> Result<u32> {
    let found: u32 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let application: i32 = conn.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let tables: u32 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION_ID && (found > 0 || tables > 0) {
        return Err(Error::Corrupt("it was made by another program".to_owned()));
    }
    if found > known {
        return Err(Error::NewerVersion { found, known });
    }
    Ok(found)
}

/// Brings the database to the version of the last of `migrations`, each step in a transaction of its own.
pub(crate) fn migrate(conn: &mut Connection, migrations: &[&str]) -> Result<()> {
    let known = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    let found = version(conn, known)?;
    for (version, sql) in (1..=known).zip(migrations).skip(found as usize) {
        let tx = conn.transaction()?;
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", version)?;
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        tx.commit()?;
        tracing::info!(version, "the database's schema was brought to a new version");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (7);";
    const TWO: &str = "ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 3;";
    const BROKEN: &str = "CREATE TABLE b (x INTEGER); INSERT INTO nowhere VALUES (1);";

    fn file() -> (tempfile::TempDir, Connection) {
        let dir = tempfile::tempdir().unwrap();
        let conn = Connection::open(dir.path().join("x.db")).unwrap();
        (dir, conn)
    }

    #[test]
    fn a_database_of_an_older_version_is_brought_up_with_its_data() {
        let (_dir, mut conn) = file();
        migrate(&mut conn, &[ONE]).unwrap();
        migrate(&mut conn, &[ONE, TWO]).unwrap();
        let row: (i64, i64) = conn.query_row("SELECT x, y FROM a", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(row, (7, 3));
        assert_eq!(version(&conn, 2), Ok(2));
    }

    #[test]
    fn running_the_migrations_again_changes_nothing() {
        let (_dir, mut conn) = file();
        migrate(&mut conn, &[ONE]).unwrap();
        migrate(&mut conn, &[ONE]).unwrap();
        let rows: i64 = conn.query_row("SELECT count(*) FROM a", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 1);
    }

    #[test]
    fn a_migration_that_fails_leaves_the_version_before_it() {
        let (_dir, mut conn) = file();
        migrate(&mut conn, &[ONE, BROKEN]).unwrap_err();
        assert_eq!(version(&conn, 2), Ok(1));
        let tables: i64 =
            conn.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'b'", [], |row| row.get(0)).unwrap();
        assert_eq!(tables, 0);
    }

    #[test]
    fn a_database_of_a_newer_version_is_refused() {
        let (_dir, mut conn) = file();
        migrate(&mut conn, &[ONE, TWO]).unwrap();
        assert_eq!(migrate(&mut conn, &[ONE]), Err(Error::NewerVersion { found: 2, known: 1 }));
    }
}
