//! What has to be done from time to time.

use sandboxed_model::Timestamp;

use crate::{Store, access::expire_answers, error::Result, statement::prepare, value::Millis};

impl Store {
    /// Removes idempotency keys, logins, ways to ports and uses of secrets whose time is over and copies the log into the database. To be called about
    /// once an hour.
    ///
    /// It takes no statistics of the tables (`ANALYZE`, `PRAGMA optimize`): each query has its index, and without
    /// statistics the plans that the tests check are the plans that are used, however small or large a table is.
    pub async fn maintenance(&self) -> Result<()> {
        let now = Timestamp::now();
        self.write(move |write| {
            expire_answers(write.conn, now)?;
            prepare(write.conn, "DELETE FROM logins WHERE expires_at <= ?1")?.execute([Millis(now)])?;
            prepare(write.conn, "DELETE FROM port_passes WHERE expires_at <= ?1")?.execute([Millis(now)])?;
            crate::vault::expire_uses(write.conn, now)?;
            Ok(())
        })
        .await?;
        self.checkpoint().await
    }

    /// Copies what is committed from the write-ahead log into the database, as far as no read is in the way.
    pub async fn checkpoint(&self) -> Result<()> {
        self.writer().checkpoint().await
    }
}
