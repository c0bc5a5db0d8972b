//! Builds of workspaces.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sandboxed_model::{
    BuildId, Failure, MissionId, Timestamp, WorkspaceId,
    backend::WorkspacePhase,
    build::Build,
    page::{Page, PageRequest},
    port::DeclaredPort,
    recipe::Recipe,
    template::TemplateUse,
    workspace::{NetworkPolicy, WorkspaceLimits},
};

use crate::{
    Store,
    cursor::{self, List},
    error::{Error, Result},
    statement::prepare,
    value::{Json, Millis, Name, Text},
    workspace,
};

const SELECT: &str =
    "SELECT key, id, workspace, state, problem, in_place, steps, owner, created_at, ended_at FROM builds";

/// What a workspace is from now on.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkspaceUpdate {
    /// Options for its backend.
    pub options: serde_json::Value,
    /// What it reaches.
    pub network: NetworkPolicy,
    /// What its processes may use.
    pub limits: WorkspaceLimits,
    /// Ports that are known before anything listens on them.
    pub ports: Vec<DeclaredPort>,
    /// What goes into it besides its backend.
    pub recipe: Recipe,
    /// The template that it comes from.
    pub template: Option<TemplateUse>,
}

fn build(row: &Row<'_>) -> rusqlite::Result<(i64, Build)> {
    let build = Build {
        id: row.get::<_, Text<_>>(1)?.0,
        workspace: row.get::<_, Text<_>>(2)?.0,
        state: row.get::<_, Name<_>>(3)?.0,
        problem: row.get::<_, Option<Json<_>>>(4)?.map(|json| json.0),
        in_place: row.get(5)?,
        steps: row.get::<_, Json<_>>(6)?.0,
        owner: row.get::<_, Text<_>>(7)?.0,
        created_at: row.get::<_, Millis>(8)?.0,
        ended_at: row.get::<_, Option<Millis>>(9)?.map(|millis| millis.0),
    };
    Ok((row.get(0)?, build))
}

/// Refuses what is in use: a mission is under way in it, or a person's process, or it is being built.
fn check_idle(conn: &Connection, workspace: WorkspaceId) -> Result<()> {
    let in_use = |message: String| Err(Error::conflict("workspace.in_use", message));
    let mission = prepare(
        conn,
        "SELECT id, title FROM missions WHERE workspace = ?1 AND state IN ('running', 'awaiting_approval') LIMIT 1",
    )?
    .query_row([Text(workspace)], |row| Ok((row.get::<_, Text<MissionId>>(0)?.0, row.get::<_, String>(1)?)))
    .optional()?;
    if let Some((mission, title)) = mission {
        return in_use(format!("a turn of the mission {mission} ({title}) is under way in the workspace"));
    }
    let sql = "SELECT 1 FROM processes WHERE workspace = ?1 AND ended_at IS NULL LIMIT 1";
    if prepare(conn, sql)?.exists([Text(workspace)])? {
        return in_use("processes run in the workspace".to_owned());
    }
    check_not_built(conn, workspace)
}

fn check_not_built(conn: &Connection, workspace: WorkspaceId) -> Result<()> {
    let live = prepare(conn, "SELECT id FROM builds WHERE workspace = ?1 AND ended_at IS NULL")?
        .query_row([Text(workspace)], |row| row.get::<_, Text<BuildId>>(0))
        .optional()?;
    match live {
        Some(Text(build)) => {
            Err(Error::conflict("build.under_way", format!("the build {build} of the workspace is under way")))
        }
        None => Ok(()),
    }
}

fn insert(conn: &Connection, build: &Build) -> Result<()> {
    workspace::set_phase(conn, build.workspace, WorkspacePhase::Building, None)?;
    prepare(
        conn,
        "INSERT INTO builds (id, workspace, state, problem, in_place, steps, owner, created_at, ended_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        Text(build.id),
        Text(build.workspace),
        Name(build.state),
        build.problem.as_ref().map(Json),
        build.in_place,
        Json(&build.steps),
        Text(build.owner),
        Millis(build.created_at),
        build.ended_at.map(Millis),
    ])?;
    Ok(())
}

fn update(conn: &Connection, build: &Build) -> Result<()> {
    let sql = "UPDATE builds SET state = ?2, problem = ?3, steps = ?4, ended_at = ?5 WHERE id = ?1";
    let rows = prepare(conn, sql)?.execute(params![
        Text(build.id),
        Name(build.state),
        build.problem.as_ref().map(Json),
        Json(&build.steps),
        build.ended_at.map(Millis),
    ])?;
    if rows == 0 { Err(Error::not_found("build", build.id)) } else { Ok(()) }
}

impl Store {
    /// Begins a build: from now on the workspace is being built. It must be idle, and have no other build.
    ///
    /// # Errors
    /// [`Error::Conflict`] where it is in use or being built, [`Error::NotFound`] where there is no such workspace.
    pub async fn begin_build(&self, build: Build) -> Result<()> {
        self.write(move |write| {
            check_idle(write.conn, build.workspace)?;
            insert(write.conn, &build)
        })
        .await
    }

    /// Changes what a workspace is, and begins a build where it takes one.
    ///
    /// # Errors
    /// As [`Store::begin_build`].
    pub async fn change_workspace(&self, id: WorkspaceId, to: WorkspaceUpdate, build: Option<Build>) -> Result<()> {
        self.write(move |write| {
            check_idle(write.conn, id)?;
            let WorkspaceUpdate { options, network, limits, ports, recipe, template } = to;
            let rows = prepare(
                write.conn,
                "UPDATE workspaces SET options = ?2, network = ?3, limits = ?4, recipe = ?5, template = ?6, \
                 ports = ?7 WHERE id = ?1",
            )?
            .execute(params![
                Text(id),
                Json(&options),
                Json(&network),
                Json(&limits),
                Json(&recipe),
                template.as_ref().map(Json),
                Json(&ports),
            ])?;
            if rows == 0 {
                return Err(Error::not_found("workspace", id));
            }
            build.iter().try_for_each(|build| insert(write.conn, build))
        })
        .await
    }

    /// Keeps how a build stands.
    ///
    /// # Errors
    /// [`Error::NotFound`] where it was forgotten meanwhile.
    pub async fn update_build(&self, build: Build) -> Result<()> {
        self.write(move |write| update(write.conn, &build)).await
    }

    /// Keeps how a build ended, and how far its workspace exists by that.
    ///
    /// # Errors
    /// [`Error::NotFound`] where it was forgotten meanwhile.
    pub async fn end_build(&self, build: Build, phase: WorkspacePhase, problem: Option<Failure>) -> Result<()> {
        self.write(move |write| {
            update(write.conn, &build)?;
            match workspace::set_phase(write.conn, build.workspace, phase, problem.as_ref()) {
                // It is being removed.
                Err(Error::NotFound { .. }) => Ok(()),
                other => other,
            }
        })
        .await
    }

    /// A build.
    pub async fn build(&self, id: BuildId) -> Result<Build> {
        self.read(move |conn| {
            prepare(conn, &format!("{SELECT} WHERE id = ?1"))?
                .query_row([Text(id)], build)
                .optional()?
                .map(|(_, build)| build)
                .ok_or_else(|| Error::not_found("build", id))
        })
        .await
    }

    /// Builds of a workspace, the newest first.
    pub async fn builds(&self, workspace: WorkspaceId, page: &PageRequest) -> Result<Page<Build>> {
        let before = List::Builds.place(page)?.unwrap_or(i64::MAX);
        let limit = cursor::limit(page);
        self.read(move |conn| {
            let sql = format!("{SELECT} WHERE workspace = ?1 AND key < ?2 ORDER BY key DESC LIMIT ?3");
            let mut statement = prepare(conn, &sql)?;
            let rows = statement.query_map(params![Text(workspace), before, limit + 1], build)?;
            Ok(List::Builds.page(rows.collect::<rusqlite::Result<_>>()?, limit))
        })
        .await
    }

    /// All builds that have not ended.
    pub async fn live_builds(&self) -> Result<Vec<Build>> {
        self.read(move |conn| {
            let mut statement = prepare(conn, &format!("{SELECT} WHERE ended_at IS NULL ORDER BY key"))?;
            let rows = statement.query_map([], |row| build(row).map(|(_, build)| build))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Builds that ended before this time and after which there was another in the same workspace, at most `limit`.
    pub async fn outlived_builds(&self, before: Timestamp, limit: u32) -> Result<Vec<Build>> {
        self.read(move |conn| {
            let sql = format!(
                "{SELECT} WHERE ended_at < ?1 AND EXISTS (SELECT 1 FROM builds later \
                 WHERE later.workspace = builds.workspace AND later.key > builds.key) ORDER BY ended_at LIMIT ?2"
            );
            let mut statement = prepare(conn, &sql)?;
            let rows = statement.query_map(params![Millis(before), limit], |row| build(row).map(|(_, build)| build))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Forgets a build.
    pub async fn delete_build(&self, id: BuildId) -> Result<()> {
        self.write(move |write| {
            prepare(write.conn, "DELETE FROM builds WHERE id = ?1")?.execute([Text(id)])?;
            Ok(())
        })
        .await
    }
}
