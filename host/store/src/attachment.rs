//! Files that come with messages: what is known of them. Their content is not here.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sandboxed_model::{
    AttachmentId, MissionId, Timestamp, UserId,
    attachment::{Attachment, MessageAttachment},
};

use crate::{
    Store,
    error::{Error, Result},
    statement::prepare,
    value::{Count, Json, Millis, Text},
};

/// Attachments that no message names and that are kept at once.
pub const MAX_UNNAMED: u32 = 500;

/// An attachment with what only the server needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentRow {
    /// What everybody is told.
    pub attachment: Attachment,
    /// Who brought it.
    pub owner: UserId,
    /// The mission whose messages name it.
    pub mission: Option<MissionId>,
}

const COLUMNS: &str = "attachments.id, name, media_type, size, attachments.owner, missions.id, attachments.created_at";

fn read(row: &Row<'_>) -> rusqlite::Result<AttachmentRow> {
    let attachment = Attachment {
        id: row.get::<_, Text<_>>(0)?.0,
        name: row.get(1)?,
        media_type: row.get(2)?,
        size: row.get::<_, Count>(3)?.0,
        created_at: row.get::<_, Millis>(6)?.0,
    };
    let mission = row.get::<_, Option<Text<_>>>(5)?.map(|mission| mission.0);
    Ok(AttachmentRow { attachment, owner: row.get::<_, Text<_>>(4)?.0, mission })
}

/// Makes attachments a mission's.
///
/// # Errors
/// [`Error::NotFound`] where one is gone, [`Error::Conflict`] where one is another mission's.
pub(crate) fn claim(conn: &Connection, mission: i64, attachments: &[MessageAttachment]) -> Result<()> {
    for MessageAttachment { id, .. } in attachments {
        let sql = "UPDATE attachments SET mission = ?1 WHERE id = ?2 AND ifnull(mission, ?1) = ?1";
        if prepare(conn, sql)?.execute(params![mission, Text(id)])? > 0 {
            continue;
        }
        let there = prepare(conn, "SELECT 1 FROM attachments WHERE id = ?1")?.exists([Text(id)])?;
        return Err(match there {
            true => Error::conflict("attachment.taken", format!("the attachment {id} is another mission's")),
            false => Error::not_found("attachment", id),
        });
    }
    Ok(())
}

/// Forgets the attachments of a mission.
pub(crate) fn forget_mission(conn: &Connection, mission: i64) -> Result<Vec<AttachmentId>> {
    ids(conn, "DELETE FROM attachments WHERE mission = ?1 RETURNING id", params![mission])
}

fn ids(conn: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<Vec<AttachmentId>> {
    let mut statement = prepare(conn, sql)?;
    let rows = statement.query_map(params, |row| Ok(row.get::<_, Text<_>>(0)?.0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

impl Store {
    /// Keeps what is known of an attachment that no message names yet.
    ///
    /// # Errors
    /// [`Error::Conflict`] where there are [`MAX_UNNAMED`] of them.
    pub async fn insert_attachment(&self, attachment: Attachment, owner: UserId) -> Result<()> {
        self.write(move |write| {
            let sql = "SELECT count(*) FROM attachments WHERE mission IS NULL AND created_at >= 0";
            let unnamed: u32 = prepare(write.conn, sql)?.query_row([], |row| row.get(0))?;
            if unnamed >= MAX_UNNAMED {
                let message = format!("{MAX_UNNAMED} attachments wait for a message to come with");
                return Err(Error::conflict("attachment.too_many", message));
            }
            let Attachment { id, name, media_type, size, created_at } = attachment;
            prepare(
                write.conn,
                "INSERT INTO attachments (id, name, media_type, size, owner, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![Text(id), name, media_type, Count(size), Text(owner), Millis(created_at)])?;
            Ok(())
        })
        .await
    }

    /// What is known of an attachment.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none of this id.
    pub async fn attachment(&self, id: AttachmentId) -> Result<AttachmentRow> {
        self.read(move |conn| {
            let sql = format!(
                "SELECT {COLUMNS} FROM attachments LEFT JOIN missions ON missions.key = attachments.mission \
                 WHERE attachments.id = ?1"
            );
            let found = prepare(conn, &sql)?.query_row([Text(id)], read).optional()?;
            found.ok_or_else(|| Error::not_found("attachment", id))
        })
        .await
    }

    /// What is known of these attachments, in their order. Those that are not there are left out.
    pub async fn attachments(&self, ids: &[AttachmentId]) -> Result<Vec<AttachmentRow>> {
        let ids = ids.to_vec();
        self.read(move |conn| {
            let sql = format!(
                "SELECT {COLUMNS} FROM json_each(?1) JOIN attachments ON attachments.id = json_each.value \
                 LEFT JOIN missions ON missions.key = attachments.mission ORDER BY json_each.key"
            );
            let mut statement = prepare(conn, &sql)?;
            Ok(statement.query_map([Json(ids)], read)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Forgets an attachment that no message names.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none of this id, [`Error::Conflict`] where a message names it.
    pub async fn delete_attachment(&self, id: AttachmentId) -> Result<()> {
        self.write(move |write| {
            let sql = "DELETE FROM attachments WHERE id = ?1 AND mission IS NULL";
            if prepare(write.conn, sql)?.execute([Text(id)])? > 0 {
                return Ok(());
            }
            let named = prepare(write.conn, "SELECT 1 FROM attachments WHERE id = ?1")?.exists([Text(id)])?;
            Err(match named {
                true => Error::conflict("attachment.in_use", "a message names it: it goes with its mission"),
                false => Error::not_found("attachment", id),
            })
        })
        .await
    }

    /// Forgets attachments that came before a time and that no message names, at most `limit`, and returns them.
    pub async fn expire_attachments(&self, before: Timestamp, limit: u32) -> Result<Vec<AttachmentId>> {
        self.write(move |write| {
            let sql = "DELETE FROM attachments WHERE key IN (SELECT key FROM attachments WHERE mission IS NULL \
                       AND created_at < ?1 ORDER BY created_at LIMIT ?2) RETURNING id";
            ids(write.conn, sql, params![Millis(before), limit])
        })
        .await
    }

    /// Which of these attachments are not known.
    pub async fn missing_attachments(&self, of: Vec<AttachmentId>) -> Result<Vec<AttachmentId>> {
        self.read(move |conn| {
            let sql = "SELECT value FROM json_each(?1) WHERE value NOT IN (SELECT id FROM attachments)";
            ids(conn, sql, params![Json(of)])
        })
        .await
    }
}
