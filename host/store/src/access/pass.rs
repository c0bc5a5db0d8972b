//! Passes: ways of browsers to one port of one workspace.

use rusqlite::params;
use sandboxed_model::{Timestamp, WorkspaceId, port::PortNumber};

use super::SecretHash;
use crate::{
    Store,
    error::Result,
    statement::prepare,
    value::{Millis, Text},
};

/// A way to one port of one workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortPass {
    /// The hash of its secret.
    pub hash: SecretHash,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The port.
    pub port: PortNumber,
    /// The hash of the secret of the login or the API token by which it was opened, and with which it ends. Absent: the
    /// operator of the machine opened it.
    pub opened_by: Option<SecretHash>,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Store {
    /// Keeps a pass.
    pub async fn insert_port_pass(&self, pass: PortPass) -> Result<()> {
        self.write(move |write| {
            prepare(
                write.conn,
                "INSERT INTO port_passes (hash, workspace, port, opened_by, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                pass.hash,
                Text(pass.workspace),
                pass.port.get(),
                pass.opened_by,
                Millis(pass.expires_at),
            ])?;
            Ok(())
        })
        .await
    }

    /// Whether there is such a pass, and neither it nor what it was opened by has ended.
    pub async fn has_port_pass(&self, hash: SecretHash, workspace: WorkspaceId, port: PortNumber) -> Result<bool> {
        let now = Millis(Timestamp::now());
        self.read(move |conn| {
            let sql = "SELECT 1 FROM port_passes WHERE hash = ?1 AND workspace = ?2 AND port = ?3 AND expires_at > ?4 \
                       AND (opened_by IS NULL \
                       OR EXISTS (SELECT 1 FROM logins WHERE token_hash = opened_by AND logins.expires_at > ?4) \
                       OR EXISTS (SELECT 1 FROM tokens WHERE tokens.hash = opened_by \
                           AND (tokens.expires_at IS NULL OR tokens.expires_at > ?4)))";
            Ok(prepare(conn, sql)?.exists(params![hash, Text(workspace), port.get(), now])?)
        })
        .await
    }
}
