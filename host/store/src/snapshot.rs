//! Snapshots of workspaces.

use rusqlite::{OptionalExtension as _, Row, params};
use sandboxed_model::{
    SnapshotId, WorkspaceId,
    page::{Page, PageRequest},
    snapshot::Snapshot,
    workspace::Workspace,
};

use crate::{
    Store,
    cursor::{self, List},
    error::{Error, Result},
    statement::prepare,
    value::{Json, Millis, Text},
};

const SELECT: &str = "SELECT key, id, label, origin, owner, created_at FROM snapshots";

fn snapshot(row: &Row<'_>) -> rusqlite::Result<(i64, Snapshot)> {
    let snapshot = Snapshot {
        id: row.get::<_, Text<_>>(1)?.0,
        label: row.get(2)?,
        workspace: row.get::<_, Json<_>>(3)?.0,
        owner: row.get::<_, Text<_>>(4)?.0,
        created_at: row.get::<_, Millis>(5)?.0,
    };
    Ok((row.get(0)?, snapshot))
}

impl Store {
    /// Keeps a snapshot that is about to be taken. A hidden one is in no list.
    pub async fn insert_snapshot(&self, snapshot: Snapshot, hidden: bool) -> Result<()> {
        self.write(move |write| {
            let Snapshot { id, label, workspace, owner, created_at } = snapshot;
            prepare(
                write.conn,
                "INSERT INTO snapshots (id, workspace, label, origin, kept, unfinished, hidden, owner, created_at) \
                 VALUES (?1, ?2, ?3, ?4, '', 1, ?5, ?6, ?7)",
            )?
            .execute(params![
                Text(id),
                Text(workspace.id),
                label,
                Json(&workspace),
                hidden,
                Text(owner),
                Millis(created_at)
            ])?;
            Ok(())
        })
        .await
    }

    /// Notes that a snapshot was taken: `origin` is the workspace as it was, and begins with the same as the workspace
    /// does from now on where `shared`.
    pub async fn finish_snapshot(&self, id: SnapshotId, origin: Workspace, kept: String, shared: bool) -> Result<()> {
        self.write(move |write| {
            let sql = "UPDATE snapshots SET origin = ?2, kept = ?3, unfinished = 0 WHERE id = ?1";
            if prepare(write.conn, sql)?.execute(params![Text(id), Json(&origin), kept])? == 0 {
                return Err(Error::not_found("snapshot", id));
            }
            if shared {
                crate::workspace::set_layers(write.conn, origin.id, origin.root.as_ref(), &origin.layers)?;
            }
            Ok(())
        })
        .await
    }

    /// A snapshot that was taken, and what its backend kept.
    pub async fn snapshot(&self, id: SnapshotId) -> Result<(Snapshot, String)> {
        self.read(move |conn| {
            let sql = "SELECT key, id, label, origin, owner, created_at, kept FROM snapshots \
                       WHERE id = ?1 AND NOT unfinished";
            prepare(conn, sql)?
                .query_row([Text(id)], |row| Ok((snapshot(row)?.1, row.get(6)?)))
                .optional()?
                .ok_or_else(|| Error::not_found("snapshot", id))
        })
        .await
    }

    /// Snapshots of a workspace, or of all, the newest first.
    pub async fn snapshots(&self, workspace: Option<WorkspaceId>, page: &PageRequest) -> Result<Page<Snapshot>> {
        let before = List::Snapshots.place(page)?.unwrap_or(i64::MAX);
        let limit = cursor::limit(page);
        self.read(move |conn| {
            let of = if workspace.is_some() { "workspace = ?3 AND" } else { "?3 IS NULL AND" };
            let sql =
                format!("{SELECT} WHERE {of} key < ?1 AND NOT unfinished AND NOT hidden ORDER BY key DESC LIMIT ?2");
            let mut statement = prepare(conn, &sql)?;
            let rows = statement.query_map(params![before, limit + 1, workspace.map(Text)], snapshot)?;
            Ok(List::Snapshots.page(rows.collect::<rusqlite::Result<_>>()?, limit))
        })
        .await
    }

    /// Snapshots that a server died over.
    pub async fn unfinished_snapshots(&self) -> Result<Vec<Snapshot>> {
        self.read(move |conn| {
            let mut statement = prepare(conn, &format!("{SELECT} WHERE unfinished = 1 ORDER BY key"))?;
            let rows = statement.query_map([], |row| snapshot(row).map(|(_, snapshot)| snapshot))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Forgets a snapshot.
    pub async fn delete_snapshot(&self, id: SnapshotId) -> Result<()> {
        self.write(move |write| {
            match prepare(write.conn, "DELETE FROM snapshots WHERE id = ?1")?.execute([Text(id)])? {
                0 => Err(Error::not_found("snapshot", id)),
                _ => Ok(()),
            }
        })
        .await
    }
}
