//! Processes that people start in workspaces.

use rusqlite::{OptionalExtension as _, Row, params};
use sandboxed_model::{
    RunId, Timestamp, WorkspaceId,
    command::Exit,
    page::{Page, PageRequest},
    process::Process,
};

use crate::{
    Store,
    cursor::{self, List},
    error::{Error, Result},
    statement::prepare,
    value::{Json, Millis, Text},
};

const SELECT: &str =
    "SELECT key, id, workspace, command, cwd, tty, owner, created_at, ended_at, process_exit FROM processes";

fn process(row: &Row<'_>) -> rusqlite::Result<(i64, Process)> {
    let process = Process {
        id: row.get::<_, Text<_>>(1)?.0,
        workspace: row.get::<_, Text<_>>(2)?.0,
        command: row.get::<_, Json<_>>(3)?.0,
        cwd: row.get(4)?,
        tty: row.get::<_, Option<Json<_>>>(5)?.map(|json| json.0),
        owner: row.get::<_, Text<_>>(6)?.0,
        created_at: row.get::<_, Millis>(7)?.0,
        ended_at: row.get::<_, Option<Millis>>(8)?.map(|millis| millis.0),
        exit: row.get::<_, Option<Json<_>>>(9)?.map(|json| json.0),
    };
    Ok((row.get(0)?, process))
}

impl Store {
    /// Keeps a new process. A workspace has at most `most` that have not ended.
    ///
    /// # Errors
    /// [`Error::Conflict`] where there are as many already, and [`Error::NotFound`] where there is no such workspace.
    pub async fn insert_process(&self, process: Process, most: u32) -> Result<()> {
        self.write(move |write| {
            if !crate::workspace::exists(write.conn, process.workspace)? {
                return Err(Error::not_found("workspace", process.workspace));
            }
            let sql = "SELECT 1 FROM workspaces WHERE id = ?1 AND phase = 'building'";
            if prepare(write.conn, sql)?.exists([Text(process.workspace)])? {
                return Err(Error::conflict("build.under_way", "the workspace is being built"));
            }
            let sql = "SELECT count(*) FROM processes WHERE workspace = ?1 AND ended_at IS NULL";
            let live: u32 = prepare(write.conn, sql)?.query_row([Text(process.workspace)], |row| row.get(0))?;
            if live >= most {
                let message = format!("{live} processes run in the workspace already");
                return Err(Error::conflict("process.too_many", message));
            }
            prepare(
                write.conn,
                "INSERT INTO processes (id, workspace, command, cwd, tty, owner, created_at, ended_at, process_exit) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                Text(process.id),
                Text(process.workspace),
                Json(&process.command),
                process.cwd,
                process.tty.map(Json),
                Text(process.owner),
                Millis(process.created_at),
                process.ended_at.map(Millis),
                process.exit.as_ref().map(Json),
            ])?;
            Ok(())
        })
        .await
    }

    /// Notes the end of a process.
    pub async fn end_process(&self, id: RunId, exit: Exit, at: Timestamp) -> Result<()> {
        self.write(move |write| {
            let sql = "UPDATE processes SET ended_at = ?2, process_exit = ?3 WHERE id = ?1 AND ended_at IS NULL";
            prepare(write.conn, sql)?.execute(params![Text(id), Millis(at), Json(&exit)])?;
            Ok(())
        })
        .await
    }

    /// A process.
    pub async fn process(&self, id: RunId) -> Result<Process> {
        self.read(move |conn| {
            prepare(conn, &format!("{SELECT} WHERE id = ?1"))?
                .query_row([Text(id)], process)
                .optional()?
                .map(|(_, process)| process)
                .ok_or_else(|| Error::not_found("process", id))
        })
        .await
    }

    /// Processes of a workspace, the newest first.
    pub async fn processes(&self, workspace: WorkspaceId, page: &PageRequest) -> Result<Page<Process>> {
        let before = List::Processes.place(page)?.unwrap_or(i64::MAX);
        let limit = cursor::limit(page);
        self.read(move |conn| {
            let sql = format!("{SELECT} WHERE workspace = ?1 AND key < ?2 ORDER BY key DESC LIMIT ?3");
            let mut statement = prepare(conn, &sql)?;
            let rows = statement.query_map(params![Text(workspace), before, limit + 1], process)?;
            Ok(List::Processes.page(rows.collect::<rusqlite::Result<_>>()?, limit))
        })
        .await
    }

    /// All processes that are not known to have ended.
    pub async fn live_processes(&self) -> Result<Vec<Process>> {
        self.read(move |conn| {
            let mut statement = prepare(conn, &format!("{SELECT} WHERE ended_at IS NULL ORDER BY key"))?;
            let rows = statement.query_map([], |row| process(row).map(|(_, process)| process))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Processes that ended before this time, at most `limit`.
    pub async fn ended_processes_before(&self, before: Timestamp, limit: u32) -> Result<Vec<RunId>> {
        self.read(move |conn| {
            let sql = "SELECT id FROM processes WHERE ended_at < ?1 ORDER BY ended_at LIMIT ?2";
            let mut statement = prepare(conn, sql)?;
            let rows = statement.query_map(params![Millis(before), limit], |row| row.get::<_, Text<_>>(0))?;
            Ok(rows.map(|row| row.map(|text| text.0)).collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Forgets a process.
    pub async fn delete_process(&self, id: RunId) -> Result<()> {
        self.write(move |write| {
            prepare(write.conn, "DELETE FROM processes WHERE id = ?1")?.execute([Text(id)])?;
            Ok(())
        })
        .await
    }
}
