//! The messages that wait in a mission's queue.

use std::collections::HashSet;

use rusqlite::{Connection, params};
use sandboxed_model::{MessageId, MissionId, queue::QueuedMessage};

use crate::{
    Store, attachment,
    error::{Error, Result, is_duplicate},
    mission,
    statement::prepare,
    value::{Json, Millis, Text},
};

/// The most messages that a queue can hold.
pub const MAX_QUEUE: usize = 1000;

/// A change of a mission's queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueChange {
    /// Adds a message at the end.
    Add(QueuedMessage),
    /// Adds a message before all others.
    AddFirst(QueuedMessage),
    /// Replaces a message's text.
    Edit {
        /// The message.
        id: MessageId,
        /// The new text.
        text: String,
    },
    /// Removes a message that is not to be sent.
    Remove(MessageId),
    /// Puts the messages in this order. It must name each once.
    Order(Vec<MessageId>),
    /// Takes a message out because it is being sent.
    Take(MessageId),
    /// Takes a message out that the agent has, if it is still there.
    Taken(MessageId),
}

/// Applies changes and returns how many messages the queue holds after them.
pub(crate) fn apply(conn: &Connection, mission: i64, changes: Vec<QueueChange>) -> Result<u32> {
    for change in changes {
        match change {
            QueueChange::Add(message) => add(conn, mission, &message, Place::Last)?,
            QueueChange::AddFirst(message) => add(conn, mission, &message, Place::First)?,
            QueueChange::Edit { id, text } => {
                let sql = "UPDATE queue SET text = ?3 WHERE mission = ?1 AND id = ?2";
                known(id, prepare(conn, sql)?.execute(params![mission, Text(id), text])?)?;
            }
            QueueChange::Remove(id) | QueueChange::Take(id) => {
                let sql = "DELETE FROM queue WHERE mission = ?1 AND id = ?2";
                known(id, prepare(conn, sql)?.execute(params![mission, Text(id)])?)?;
            }
            QueueChange::Taken(id) => {
                prepare(conn, "DELETE FROM queue WHERE mission = ?1 AND id = ?2")?
                    .execute(params![mission, Text(id)])?;
            }
            QueueChange::Order(ids) => order(conn, mission, &ids)?,
        }
    }
    Ok(prepare(conn, "SELECT count(*) FROM queue WHERE mission = ?1")?.query_row([mission], |row| row.get(0))?)
}

fn known(id: MessageId, rows: usize) -> Result<()> {
    if rows == 0 { Err(Error::not_found("message", id)) } else { Ok(()) }
}

#[derive(Clone, Copy)]
enum Place {
    First,
    Last,
}

fn add(conn: &Connection, mission: i64, message: &QueuedMessage, place: Place) -> Result<()> {
    let (held, first, last): (usize, i64, i64) = prepare(
        conn,
        "SELECT count(*), ifnull(min(position), 1), ifnull(max(position), 0) FROM queue WHERE mission = ?1",
    )?
    .query_row([mission], |row| Ok((row.get::<_, u32>(0)? as usize, row.get(1)?, row.get(2)?)))?;
    if held >= MAX_QUEUE {
        return Err(Error::QueueFull { limit: MAX_QUEUE });
    }
    attachment::claim(conn, mission, &message.attachments)?;
    let position = match place {
        Place::First => first - 1,
        Place::Last => last + 1,
    };
    prepare(
        conn,
        "INSERT INTO queue (mission, position, id, text, attachments, steer, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        mission,
        position,
        Text(message.id),
        message.text,
        Json(&message.attachments),
        message.steer,
        Millis(message.created_at)
    ])
    .map_err(|error| {
        if is_duplicate(&error) {
            Error::conflict("message.exists", format!("message {} is in the queue already", message.id))
        } else {
            error.into()
        }
    })?;
    Ok(())
}

fn order(conn: &Connection, mission: i64, ids: &[MessageId]) -> Result<()> {
    let present: HashSet<MessageId> = read(conn, mission)?.into_iter().map(|message| message.id).collect();
    let named: HashSet<MessageId> = ids.iter().copied().collect();
    if named.len() != ids.len() || named != present {
        return Err(Error::conflict(
            "queue.changed",
            "the order must name each message of the queue once; the queue may have changed meanwhile",
        ));
    }
    prepare(
        conn,
        "UPDATE queue SET position = json_each.key + 1 FROM json_each(?2) \
         WHERE queue.mission = ?1 AND queue.id = json_each.value",
    )?
    .execute(params![mission, Json(ids)])?;
    Ok(())
}

fn read(conn: &Connection, mission: i64) -> Result<Vec<QueuedMessage>> {
    let sql = "SELECT id, text, steer, created_at, attachments FROM queue WHERE mission = ?1 ORDER BY position";
    let mut statement = prepare(conn, sql)?;
    let rows = statement.query_map([mission], |row| {
        Ok(QueuedMessage {
            id: row.get::<_, Text<_>>(0)?.0,
            text: row.get(1)?,
            attachments: row.get::<_, Json<_>>(4)?.0,
            steer: row.get(2)?,
            created_at: row.get::<_, Millis>(3)?.0,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

impl Store {
    /// The messages that wait for a mission's next turns, in the order of sending.
    pub async fn queue(&self, mission: MissionId) -> Result<Vec<QueuedMessage>> {
        self.read(move |conn| read(conn, mission::key(conn, mission)?)).await
    }
}
