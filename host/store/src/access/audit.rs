//! The audit log. It is only added to.

use rusqlite::params;
use sandboxed_model::{
    Timestamp, UserId,
    page::{Page, PageRequest},
};

use crate::{
    Store,
    cursor::{self, List},
    error::Result,
    statement::prepare,
    value::{Millis, Text},
};

/// One thing that somebody did or tried to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// When.
    pub at: Timestamp,
    /// Who; absent where nobody had logged in.
    pub user: Option<UserId>,
    /// What: `mission.create`, `login` …
    pub action: String,
    /// On what.
    pub target: Option<String>,
    /// How it ended: `ok` or the code of a failure.
    pub outcome: String,
    /// Anything else worth knowing.
    pub detail: Option<String>,
}

impl Store {
    /// Adds to the audit log.
    pub async fn append_audit(&self, record: AuditRecord) -> Result<()> {
        self.write(move |write| {
            prepare(
                write.conn,
                "INSERT INTO audit (at, user, action, target, outcome, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                Millis(record.at),
                record.user.map(Text),
                record.action,
                record.target,
                record.outcome,
                record.detail,
            ])?;
            Ok(())
        })
        .await
    }

    /// The audit log, the newest first.
    pub async fn audit_log(&self, page: &PageRequest) -> Result<Page<AuditRecord>> {
        let before = List::Audit.place(page)?.unwrap_or(i64::MAX);
        let limit = cursor::limit(page);
        self.read(move |conn| {
            let mut statement = prepare(
                conn,
                "SELECT key, at, user, action, target, outcome, detail FROM audit \
                 WHERE key < ?1 ORDER BY key DESC LIMIT ?2",
            )?;
            let rows = statement.query_map(params![before, limit + 1], |row| {
                let record = AuditRecord {
                    at: row.get::<_, Millis>(1)?.0,
                    user: row.get::<_, Option<Text<_>>>(2)?.map(|user| user.0),
                    action: row.get(3)?,
                    target: row.get(4)?,
                    outcome: row.get(5)?,
                    detail: row.get(6)?,
                };
                Ok((row.get(0)?, record))
            })?;
            Ok(List::Audit.page(rows.collect::<rusqlite::Result<_>>()?, limit))
        })
        .await
    }
}
