//! Workspaces.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sandboxed_model::{
    Failure, MissionId, RunId, WorkspaceId,
    backend::WorkspacePhase,
    page::{Page, PageRequest},
    port::DeclaredPort,
    workspace::{Workspace, WorkspaceLayers, WorkspaceName, WorkspaceRoot},
};

use crate::{
    Store, ask,
    cursor::{self, List},
    error::{Error, Result, is_duplicate},
    statement::prepare,
    value::{Json, Millis, Name, Text},
};

const SELECT: &str = "SELECT key, id, name, backend, options, network, limits, user, root, layers, phase, owner, \
                      created_at, ports, recipe, template, problem, \
                      (SELECT id FROM builds WHERE builds.workspace = workspaces.id ORDER BY builds.key DESC LIMIT 1) \
                      FROM workspaces";

fn workspace(row: &Row<'_>) -> rusqlite::Result<(i64, Workspace)> {
    let workspace = Workspace {
        id: row.get::<_, Text<_>>(1)?.0,
        name: row.get::<_, Text<_>>(2)?.0,
        backend: row.get::<_, Text<_>>(3)?.0,
        options: row.get::<_, Json<_>>(4)?.0,
        network: row.get::<_, Json<_>>(5)?.0,
        limits: row.get::<_, Json<_>>(6)?.0,
        user: row.get(7)?,
        root: row.get::<_, Option<Json<_>>>(8)?.map(|root| root.0),
        layers: row.get::<_, Json<_>>(9)?.0,
        phase: row.get::<_, Name<_>>(10)?.0,
        owner: row.get::<_, Text<_>>(11)?.0,
        created_at: row.get::<_, Millis>(12)?.0,
        ports: row.get::<_, Json<_>>(13)?.0,
        recipe: row.get::<_, Json<_>>(14)?.0,
        template: row.get::<_, Option<Json<_>>>(15)?.map(|json| json.0),
        problem: row.get::<_, Option<Json<_>>>(16)?.map(|json| json.0),
        build: row.get::<_, Option<Text<_>>>(17)?.map(|text| text.0),
        drift: None,
    };
    Ok((row.get(0)?, workspace))
}

pub(crate) fn exists(conn: &Connection, id: WorkspaceId) -> Result<bool> {
    Ok(prepare(conn, "SELECT 1 FROM workspaces WHERE id = ?1")?.exists([Text(id)])?)
}

/// User ids of which each workspace gets one: every `step`-th from `first` to `last`. Two pools of one server have none
/// in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserPool {
    /// The first.
    pub first: u32,
    /// None is greater.
    pub last: u32,
    /// How far two of them are apart, at least 1.
    pub step: u32,
}

/// The lowest user of the pool that has no workspace.
fn free_user(conn: &Connection, users: UserPool) -> Result<u32> {
    let UserPool { first, last, step } = users;
    let free = prepare(
        conn,
        "SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM workspaces WHERE user = ?1) \
         UNION ALL \
         SELECT * FROM (SELECT taken.user + ?3 FROM workspaces taken WHERE taken.user >= ?1 AND taken.user + ?3 <= ?2 \
             AND NOT EXISTS (SELECT 1 FROM workspaces next WHERE next.user = taken.user + ?3) \
             ORDER BY taken.user LIMIT 1) \
         LIMIT 1",
    )?
    .query_row(params![first, last, step], |row| row.get(0))
    .optional()?;
    free.ok_or_else(|| {
        let message = format!("every user id that workspaces may have ({first} to {last}) has a workspace");
        Error::conflict("workspace.users_exhausted", message)
    })
}

pub(crate) fn set_layers(
    conn: &Connection,
    id: WorkspaceId,
    root: Option<&WorkspaceRoot>,
    layers: &WorkspaceLayers,
) -> Result<()> {
    let sql = "UPDATE workspaces SET root = ?2, layers = ?3 WHERE id = ?1";
    match prepare(conn, sql)?.execute(params![Text(id), root.map(Json), Json(layers)])? {
        0 => Err(Error::not_found("workspace", id)),
        _ => Ok(()),
    }
}

/// Notes how far a workspace exists.
pub(crate) fn set_phase(
    conn: &Connection,
    id: WorkspaceId,
    phase: WorkspacePhase,
    problem: Option<&Failure>,
) -> Result<()> {
    let sql = "UPDATE workspaces SET phase = ?2, problem = ?3 WHERE id = ?1";
    let rows = prepare(conn, sql)?.execute(params![Text(id), Name(phase), problem.map(Json)])?;
    if rows == 0 { Err(Error::not_found("workspace", id)) } else { Ok(()) }
}

impl Store {
    /// Keeps a new workspace. One that has no user gets one of `users` that no other workspace has.
    ///
    /// # Errors
    /// [`Error::Conflict`] where the name or the id is taken, or every user has a workspace.
    pub async fn insert_workspace(&self, mut workspace: Workspace, users: Option<UserPool>) -> Result<Workspace> {
        self.write(move |write| {
            if let (None, Some(users)) = (workspace.user, users) {
                workspace.user = Some(free_user(write.conn, users)?);
            }
            prepare(
                write.conn,
                "INSERT INTO workspaces (id, name, backend, options, network, limits, user, root, layers, phase, owner, \
                 created_at, ports, recipe, template, problem) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
            )?
            .execute(params![
                Text(workspace.id),
                Text(&workspace.name),
                Text(&workspace.backend),
                Json(&workspace.options),
                Json(&workspace.network),
                Json(&workspace.limits),
                workspace.user,
                workspace.root.as_ref().map(Json),
                Json(&workspace.layers),
                Name(workspace.phase),
                Text(workspace.owner),
                Millis(workspace.created_at),
                Json(&workspace.ports),
                Json(&workspace.recipe),
                workspace.template.as_ref().map(Json),
                workspace.problem.as_ref().map(Json),
            ])
            .map_err(|error| {
                if is_duplicate(&error) {
                    let message = format!("there is a workspace {} already", workspace.name);
                    Error::conflict("workspace.exists", message)
                } else {
                    error.into()
                }
            })?;
            Ok(workspace)
        })
        .await
    }

    /// Keeps what a workspace's directories begin with.
    pub async fn set_workspace_layers(
        &self,
        id: WorkspaceId,
        root: Option<WorkspaceRoot>,
        layers: WorkspaceLayers,
    ) -> Result<()> {
        self.write(move |write| set_layers(write.conn, id, root.as_ref(), &layers)).await
    }

    /// What the directories of all workspaces and snapshots begin with.
    pub async fn used_layers(&self) -> Result<Vec<(Option<WorkspaceRoot>, WorkspaceLayers)>> {
        self.read(move |conn| {
            // All there are, which is what is asked for.
            let sql = "SELECT root, layers FROM workspaces WHERE key > 0 UNION ALL \
                       SELECT origin ->> 'root', coalesce(origin ->> 'layers', '{}') FROM snapshots WHERE key > 0";
            let mut found = prepare(conn, sql)?;
            let used = found.query_map([], |row| {
                Ok((row.get::<_, Option<Json<_>>>(0)?.map(|root| root.0), row.get::<_, Json<_>>(1)?.0))
            })?;
            Ok(used.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// A workspace.
    pub async fn workspace(&self, id: WorkspaceId) -> Result<Workspace> {
        self.read(move |conn| {
            prepare(conn, &format!("{SELECT} WHERE id = ?1"))?
                .query_row([Text(id)], workspace)
                .optional()?
                .map(|(_, workspace)| workspace)
                .ok_or_else(|| Error::not_found("workspace", id))
        })
        .await
    }

    /// The workspace of a name.
    pub async fn workspace_by_name(&self, name: &WorkspaceName) -> Result<Workspace> {
        let name = name.clone();
        self.read(move |conn| {
            prepare(conn, &format!("{SELECT} WHERE name = ?1"))?
                .query_row([name.as_str()], workspace)
                .optional()?
                .map(|(_, workspace)| workspace)
                .ok_or_else(|| Error::not_found("workspace", name))
        })
        .await
    }

    /// All workspaces, the newest first.
    pub async fn workspaces(&self, page: &PageRequest) -> Result<Page<Workspace>> {
        let before = List::Workspaces.place(page)?.unwrap_or(i64::MAX);
        let limit = cursor::limit(page);
        self.read(move |conn| {
            let mut statement = prepare(conn, &format!("{SELECT} WHERE key < ?1 ORDER BY key DESC LIMIT ?2"))?;
            let rows = statement.query_map(params![before, limit + 1], workspace)?;
            Ok(List::Workspaces.page(rows.collect::<rusqlite::Result<_>>()?, limit))
        })
        .await
    }

    /// Those of these workspaces that are not there, in the same order.
    pub async fn missing_workspaces(&self, ids: Vec<WorkspaceId>) -> Result<Vec<WorkspaceId>> {
        self.read(move |conn| {
            let texts: Vec<String> = ids.iter().map(ToString::to_string).collect();
            let sql = "SELECT json_each.key FROM json_each(?1) \
                       WHERE NOT EXISTS (SELECT 1 FROM workspaces WHERE id = json_each.value) ORDER BY json_each.key";
            let mut statement = prepare(conn, sql)?;
            let places = statement.query_map([Json(&texts)], |row| row.get::<_, i64>(0))?;
            let places = places.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(places.into_iter().filter_map(|place| ids.get(usize::try_from(place).ok()?).copied()).collect())
        })
        .await
    }

    /// The workspaces in which a turn is under way or a process runs.
    pub async fn workspaces_in_use(&self) -> Result<Vec<Workspace>> {
        self.read(|conn| {
            let sql = format!(
                "{SELECT} WHERE id IN (SELECT workspace FROM missions WHERE state IN ('running', 'awaiting_approval') \
                 UNION SELECT workspace FROM processes WHERE ended_at IS NULL) ORDER BY key"
            );
            let mut statement = prepare(conn, &sql)?;
            let rows = statement.query_map([], |row| workspace(row).map(|(_, workspace)| workspace))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// The run that holds what the workspace's processes share.
    pub async fn workspace_leader(&self, id: WorkspaceId) -> Result<Option<RunId>> {
        self.read(move |conn| {
            let sql = "SELECT leader FROM workspaces WHERE id = ?1";
            let leader =
                prepare(conn, sql)?.query_row([Text(id)], |row| row.get::<_, Option<Text<_>>>(0)).optional()?;
            Ok(leader.flatten().map(|text| text.0))
        })
        .await
    }

    /// Notes the run that holds what the workspace's processes share.
    pub async fn set_workspace_leader(&self, id: WorkspaceId, leader: Option<RunId>) -> Result<()> {
        self.write(move |write| {
            let sql = "UPDATE workspaces SET leader = ?2 WHERE id = ?1";
            let rows = prepare(write.conn, sql)?.execute(params![Text(id), leader.map(Text)])?;
            if rows == 0 { Err(Error::not_found("workspace", id)) } else { Ok(()) }
        })
        .await
    }

    /// Replaces the declared ports of a workspace.
    pub async fn set_workspace_ports(&self, id: WorkspaceId, ports: Vec<DeclaredPort>) -> Result<()> {
        self.write(move |write| {
            let sql = "UPDATE workspaces SET ports = ?2 WHERE id = ?1";
            let rows = prepare(write.conn, sql)?.execute(params![Text(id), Json(&ports)])?;
            if rows == 0 { Err(Error::not_found("workspace", id)) } else { Ok(()) }
        })
        .await
    }

    /// Notes how far a workspace exists, and that nothing is wrong with it.
    pub async fn set_workspace_phase(&self, id: WorkspaceId, phase: WorkspacePhase) -> Result<()> {
        self.write(move |write| set_phase(write.conn, id, phase, None)).await
    }

    /// Notes how far a workspace exists, and why no further.
    pub async fn set_workspace_problem(&self, id: WorkspaceId, phase: WorkspacePhase, problem: Failure) -> Result<()> {
        self.write(move |write| set_phase(write.conn, id, phase, Some(&problem))).await
    }

    /// Forgets a workspace. Missions that ended in it keep its id.
    ///
    /// # Errors
    /// [`Error::Conflict`] where a mission that has not ended uses it.
    pub async fn delete_workspace(&self, id: WorkspaceId) -> Result<()> {
        self.write(move |write| {
            let user = prepare(
                write.conn,
                "SELECT id, title FROM missions WHERE workspace = ?1 AND state IN \
                 ('queued', 'running', 'awaiting_user', 'awaiting_approval', 'parked', 'interrupted') LIMIT 1",
            )?
            .query_row([Text(id)], |row| Ok((row.get::<_, Text<MissionId>>(0)?.0, row.get::<_, String>(1)?)))
            .optional()?;
            if let Some((mission, title)) = user {
                let message = format!("mission {mission} ({title}) uses the workspace and has not ended");
                return Err(Error::conflict("workspace.in_use", message));
            }
            ask::forget_workspace(write.conn, id)?;
            let rows = prepare(write.conn, "DELETE FROM workspaces WHERE id = ?1")?.execute([Text(id)])?;
            if rows == 0 { Err(Error::not_found("workspace", id)) } else { Ok(()) }
        })
        .await
    }
}
