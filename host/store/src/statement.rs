//! Prepared statements. Every query of this crate goes through [`prepare`].

use rusqlite::{CachedStatement, Connection};

use crate::error::Result;

/// How many prepared statements a connection keeps: more than this crate has.
pub(crate) const CACHED: usize = 256;

/// A prepared statement from the connection's cache.
///
/// In this crate's own tests it panics for a statement that would read a whole table.
pub(crate) fn prepare<'c>(conn: &'c Connection, sql: &str) -> Result<CachedStatement<'c>> {
    #[cfg(test)]
    plan::refuse_table_scan(conn, sql);
    Ok(conn.prepare_cached(sql)?)
}

#[cfg(test)]
pub(crate) mod plan {
    use rusqlite::Connection;

    /// What may be scanned: values of the statement itself, results that other parts of it found, and matches of
    /// the search index. `purges` only holds the few missions that are being removed.
    const SMALL: &[&str] = &["json_each", "found", "CONSTANT", "purges"];

    /// The steps of SQLite's plan for a statement that read a whole table or index.
    pub(crate) fn table_scans(conn: &Connection, sql: &str) -> Vec<String> {
        let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        // Parameters stay unbound: the plan does not depend on them without statistics.
        let mut rows = statement.raw_query();
        let mut scans = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let step: String = row.get("detail").unwrap();
            let Some(what) = step.strip_prefix("SCAN ") else { continue };
            let name = what.split_whitespace().next().unwrap_or_default();
            // `INDEX 0:` is followed by what narrows the search: a match, a row id; a scan of all has nothing there.
            let narrowed = what
                .strip_prefix("search VIRTUAL TABLE INDEX ")
                .and_then(|index| index.split_once(':'))
                .is_some_and(|(_, by)| !by.is_empty());
            if !SMALL.contains(&name) && !name.starts_with('(') && !narrowed {
                scans.push(step);
            }
        }
        scans
    }

    pub(crate) fn refuse_table_scan(conn: &Connection, sql: &str) {
        let head = sql.trim_start().get(..6).unwrap_or_default().to_ascii_uppercase();
        if !matches!(head.as_str(), "SELECT" | "UPDATE" | "DELETE" | "INSERT" | "WITH R") {
            return;
        }
        let scans = table_scans(conn, sql);
        assert!(scans.is_empty(), "{sql}\nreads a whole table: {scans:?}");
    }

    #[test]
    fn a_query_without_an_index_is_noticed() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch("CREATE TABLE t (a, b); CREATE INDEX i ON t (a)").unwrap();
        assert_eq!(table_scans(&conn, "SELECT b FROM t WHERE a = ?1"), Vec::<String>::new());
        assert_eq!(table_scans(&conn, "SELECT a FROM t WHERE b = ?1").len(), 1);
        assert_eq!(table_scans(&conn, "SELECT a FROM t ORDER BY a").len(), 1);
    }
}
