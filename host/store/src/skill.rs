//! The library of skills.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sandboxed_model::{
    Timestamp,
    context::{Skill, SkillFile, SkillInfo, SkillName},
};

use crate::{
    Store,
    error::{Error, Result},
    statement::prepare,
    value::{Count, Json, Millis, Text},
};

/// Skills that the library may hold.
pub const MAX_SKILLS: u32 = 1000;

const SELECT: &str = "SELECT skills.name, skills.description, count(files.path), \
                      coalesce(sum(length(files.content)), 0), skills.updated_at \
                      FROM skills LEFT JOIN skill_files files ON files.skill = skills.key";

fn info(row: &Row<'_>) -> rusqlite::Result<SkillInfo> {
    Ok(SkillInfo {
        name: row.get::<_, Text<_>>(0)?.0,
        description: row.get(1)?,
        files: row.get(2)?,
        bytes: row.get::<_, Count>(3)?.0,
        updated_at: row.get::<_, Millis>(4)?.0,
    })
}

fn find(conn: &Connection, name: &SkillName) -> Result<SkillInfo> {
    let sql = format!("{SELECT} WHERE skills.name = ?1 GROUP BY skills.key");
    let found = prepare(conn, &sql)?.query_row([name.as_str()], info).optional()?;
    found.ok_or_else(|| Error::not_found("skill", name))
}

fn files(conn: &Connection, name: &SkillName) -> Result<Vec<SkillFile>> {
    let sql = "SELECT files.path, files.content, files.executable FROM skill_files files \
               JOIN skills ON skills.key = files.skill WHERE skills.name = ?1 ORDER BY files.path";
    let mut statement = prepare(conn, sql)?;
    let rows = statement.query_map([name.as_str()], |row| {
        Ok(SkillFile { path: row.get(0)?, bytes: row.get(1)?, executable: row.get(2)? })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

impl Store {
    /// Keeps a skill, in the place of one of the same name.
    ///
    /// # Errors
    /// [`Error::Conflict`] where there are [`MAX_SKILLS`] of other names.
    pub async fn put_skill(&self, name: SkillName, description: String, files: Vec<SkillFile>) -> Result<SkillInfo> {
        self.write(move |write| {
            let others = "SELECT count(*) FROM skills WHERE name > '' AND name <> ?1";
            let others: u32 = prepare(write.conn, others)?.query_row([name.as_str()], |row| row.get(0))?;
            if others >= MAX_SKILLS {
                return Err(Error::conflict("skill.library_full", format!("there can be {MAX_SKILLS} skills")));
            }
            let key: i64 = prepare(
                write.conn,
                "INSERT INTO skills (name, description, updated_at) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (name) DO UPDATE SET description = excluded.description, updated_at = excluded.updated_at \
                 RETURNING key",
            )?
            .query_row(params![name.as_str(), description, Millis(Timestamp::now())], |row| row.get(0))?;
            prepare(write.conn, "DELETE FROM skill_files WHERE skill = ?1")?.execute([key])?;
            for SkillFile { path, bytes, executable } in files {
                prepare(
                    write.conn,
                    "INSERT INTO skill_files (skill, path, executable, content) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![key, path, executable, bytes])?;
            }
            find(write.conn, &name)
        })
        .await
    }

    /// All skills by their names, without their files.
    pub async fn skills(&self) -> Result<Vec<SkillInfo>> {
        self.read(move |conn| {
            let sql = format!("{SELECT} WHERE skills.name > '' GROUP BY skills.name ORDER BY skills.name");
            let mut statement = prepare(conn, &sql)?;
            Ok(statement.query_map([], info)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// A skill with its files.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none of this name.
    pub async fn skill(&self, name: &SkillName) -> Result<Skill> {
        let name = name.clone();
        self.read(move |conn| Ok(Skill { info: find(conn, &name)?, files: files(conn, &name)? })).await
    }

    /// Which of these names no skill has.
    pub async fn missing_skills(&self, names: &[SkillName]) -> Result<Vec<SkillName>> {
        let names = names.to_vec();
        self.read(move |conn| {
            let sql = "SELECT value FROM json_each(?1) WHERE value NOT IN (SELECT name FROM skills)";
            let mut statement = prepare(conn, sql)?;
            let rows = statement.query_map([Json(&names)], |row| Ok(row.get::<_, Text<_>>(0)?.0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Forgets a skill.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none of this name.
    pub async fn delete_skill(&self, name: &SkillName) -> Result<()> {
        let name = name.clone();
        self.write(move |write| {
            let files = "DELETE FROM skill_files WHERE skill = (SELECT key FROM skills WHERE name = ?1)";
            prepare(write.conn, files)?.execute([name.as_str()])?;
            let rows = prepare(write.conn, "DELETE FROM skills WHERE name = ?1")?.execute([name.as_str()])?;
            if rows == 0 { Err(Error::not_found("skill", name)) } else { Ok(()) }
        })
        .await
    }
}
