//! What agents asked and what is not settled with them, and the rules that answer in a person's place.

use rusqlite::{Connection, Row, named_params, params};
use sandboxed_model::{
    AskId, MissionId, RuleId, Timestamp, WorkspaceId,
    ask::{ApprovalRule, Ask, RuleScope},
};

use crate::{
    Store,
    error::{Error, Result},
    mission,
    statement::prepare,
    value::{Json, Millis, Name, Text},
};

/// The most things that an agent may have asked and not been told at once.
pub const MAX_ASKS: usize = 256;
/// The most rules that a mission or a workspace has.
pub const MAX_RULES: usize = 1000;

/// Something that an agent asked, with what it calls it.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveAsk {
    /// The agent's own id of it.
    pub native: String,
    /// What it asked, and what was decided.
    pub ask: Ask,
}

/// A change of what an agent asked.
#[derive(Debug, Clone, PartialEq)]
pub enum AskChange {
    /// The agent asks.
    Open(LiveAsk),
    /// It is decided, and the agent has to be told.
    Decide(Ask),
    /// The agent was told, or waits no longer. One that is not there is closed already.
    Close(AskId),
    /// A decision is to hold for more than this.
    Rule(ApprovalRule),
}

/// Applies changes and returns how many things wait for an answer after them.
pub(crate) fn apply(conn: &Connection, key: i64, changes: Vec<AskChange>) -> Result<u32> {
    for change in changes {
        match change {
            AskChange::Open(live) => open(conn, key, &live)?,
            AskChange::Decide(ask) => decide(conn, key, &ask)?,
            AskChange::Close(id) => {
                prepare(conn, "DELETE FROM asks WHERE mission = ?1 AND id = ?2")?.execute(params![key, Text(id)])?;
            }
            AskChange::Rule(rule) => add_rule(conn, &rule)?,
        }
    }
    let sql = "SELECT count(*) FROM asks WHERE mission = ?1 AND status = 'open'";
    Ok(prepare(conn, sql)?.query_row([key], |row| row.get(0))?)
}

fn open(conn: &Connection, key: i64, live: &LiveAsk) -> Result<()> {
    let held: u32 =
        prepare(conn, "SELECT count(*) FROM asks WHERE mission = ?1")?.query_row([key], |row| row.get(0))?;
    if held as usize >= MAX_ASKS {
        return Err(Error::conflict("ask.too_many", format!("the agent waits for {MAX_ASKS} answers already")));
    }
    prepare(conn, "INSERT INTO asks (id, mission, native, status, ask) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![Text(live.ask.id()), key, live.native, Name(live.ask.status()), Json(&live.ask)])?;
    Ok(())
}

fn decide(conn: &Connection, key: i64, ask: &Ask) -> Result<()> {
    let sql = "UPDATE asks SET status = ?3, ask = ?4 WHERE mission = ?1 AND id = ?2 AND status = 'open'";
    let rows = prepare(conn, sql)?.execute(params![key, Text(ask.id()), Name(ask.status()), Json(ask)])?;
    if rows == 0 {
        return Err(Error::conflict("ask.settled", "it is answered already, or the agent waits for it no longer"));
    }
    Ok(())
}

fn add_rule(conn: &Connection, rule: &ApprovalRule) -> Result<()> {
    let (mission, workspace) = scope(rule.scope);
    let sql = "SELECT count(*) FROM approval_rules WHERE mission = ?1 OR workspace = ?2";
    let held: u32 = prepare(conn, sql)?.query_row(params![mission.map(Text), workspace.map(Text)], |row| row.get(0))?;
    if held as usize >= MAX_RULES {
        return Err(Error::conflict("rule.too_many", format!("there are {MAX_RULES} rules already: remove some")));
    }
    prepare(
        conn,
        "INSERT INTO approval_rules (id, mission, workspace, verdict, tool_kind, pattern, made_by, created_at, \
         expires_at) VALUES (:id, :mission, :workspace, :verdict, :tool_kind, :pattern, :made_by, :created_at, \
         :expires_at)",
    )?
    .execute(named_params! {
        ":id": Text(rule.id),
        ":mission": mission.map(Text),
        ":workspace": workspace.map(Text),
        ":verdict": Name(rule.verdict),
        ":tool_kind": Name(rule.tool_kind),
        ":pattern": rule.pattern,
        ":made_by": Text(rule.made_by),
        ":created_at": Millis(rule.created_at),
        ":expires_at": rule.expires_at.map(Millis),
    })?;
    Ok(())
}

fn scope(scope: RuleScope) -> (Option<MissionId>, Option<WorkspaceId>) {
    match scope {
        RuleScope::Mission(mission) => (Some(mission), None),
        RuleScope::Workspace(workspace) => (None, Some(workspace)),
    }
}

const RULES: &str = "SELECT id, mission, workspace, verdict, tool_kind, pattern, made_by, created_at, expires_at \
     FROM approval_rules";

fn rule(row: &Row<'_>) -> rusqlite::Result<ApprovalRule> {
    let mission = row.get::<_, Option<Text<MissionId>>>(1)?;
    let scope = match mission {
        Some(mission) => RuleScope::Mission(mission.0),
        None => RuleScope::Workspace(row.get::<_, Text<_>>(2)?.0),
    };
    Ok(ApprovalRule {
        id: row.get::<_, Text<_>>(0)?.0,
        scope,
        verdict: row.get::<_, Name<_>>(3)?.0,
        tool_kind: row.get::<_, Name<_>>(4)?.0,
        pattern: row.get(5)?,
        made_by: row.get::<_, Text<_>>(6)?.0,
        created_at: row.get::<_, Millis>(7)?.0,
        expires_at: row.get::<_, Option<Millis>>(8)?.map(|at| at.0),
    })
}

/// Forgets what belongs to a mission alone.
pub(crate) fn forget_mission(conn: &Connection, key: i64, mission: MissionId) -> Result<()> {
    prepare(conn, "DELETE FROM asks WHERE mission = ?1")?.execute([key])?;
    prepare(conn, "DELETE FROM approval_rules WHERE mission = ?1")?.execute([Text(mission)])?;
    Ok(())
}

/// Forgets the rules of a workspace.
pub(crate) fn forget_workspace(conn: &Connection, workspace: WorkspaceId) -> Result<()> {
    prepare(conn, "DELETE FROM approval_rules WHERE workspace = ?1")?.execute([Text(workspace)])?;
    Ok(())
}

impl Store {
    /// What the agent of a mission asked and was not told, the oldest first.
    pub async fn asks(&self, mission: MissionId) -> Result<Vec<LiveAsk>> {
        self.read(move |conn| {
            let key = mission::key(conn, mission)?;
            let mut statement = prepare(conn, "SELECT native, ask FROM asks WHERE mission = ?1 ORDER BY key")?;
            let rows = statement
                .query_map([key], |row| Ok(LiveAsk { native: row.get(0)?, ask: row.get::<_, Json<_>>(1)?.0 }))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// What waits for an answer in all missions, the oldest first; at most `limit`.
    pub async fn open_asks(&self, limit: u32) -> Result<Vec<(MissionId, Ask)>> {
        self.read(move |conn| {
            // All keys are greater than zero: to say so lets the index of what is open be searched.
            let mut statement = prepare(
                conn,
                "SELECT missions.id, asks.ask FROM asks JOIN missions ON missions.key = asks.mission \
                 WHERE asks.status = 'open' AND asks.key > 0 ORDER BY asks.key LIMIT ?1",
            )?;
            let rows =
                statement.query_map([limit], |row| Ok((row.get::<_, Text<_>>(0)?.0, row.get::<_, Json<_>>(1)?.0)))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// The rules that hold in a mission of a workspace at a time, those of the mission first.
    pub async fn approval_rules(
        &self,
        mission: Option<MissionId>,
        workspace: WorkspaceId,
        now: Timestamp,
    ) -> Result<Vec<ApprovalRule>> {
        self.read(move |conn| {
            let mut rules = Vec::new();
            for (column, id) in
                [("mission", mission.map(|id| id.to_string())), ("workspace", Some(workspace.to_string()))]
            {
                let Some(id) = id else { continue };
                let sql =
                    format!("{RULES} WHERE {column} = ?1 AND (expires_at IS NULL OR expires_at > ?2) ORDER BY key");
                let mut statement = prepare(conn, &sql)?;
                for found in statement.query_map(params![id, Millis(now)], rule)? {
                    rules.push(found?);
                }
            }
            Ok(rules)
        })
        .await
    }

    /// Removes a rule.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none of this id.
    pub async fn remove_approval_rule(&self, id: RuleId) -> Result<()> {
        self.write(move |write| {
            let rows = prepare(write.conn, "DELETE FROM approval_rules WHERE id = ?1")?.execute([Text(id)])?;
            if rows == 0 { Err(Error::not_found("rule", id)) } else { Ok(()) }
        })
        .await
    }
}
