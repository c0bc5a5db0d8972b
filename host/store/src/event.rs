//! The event log: rows of one tree, in which each mission's log is one piece.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sandboxed_model::{
    MissionId, Seq,
    attachment::Prompt,
    event::{Event, EventBody, Message},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Store,
    error::{Error, Result},
    mission,
    statement::prepare,
    value::{Count, Json, Millis},
};

/// Bits of an event's id that are its seq; the rest is the mission's key.
const SEQ_BITS: u32 = 32;

/// The last seq that a log can have.
pub(crate) const MAX_SEQ: u64 = (1 << SEQ_BITS) - 1;

/// The most events that one call of [`Store::events`] returns.
pub const MAX_EVENTS: u32 = 10_000;

/// Bytes of event bodies after which [`Store::events`] stops.
pub const MAX_EVENT_BYTES: usize = 16 * 1024 * 1024;

/// The id of an event.
pub(crate) fn id(mission: i64, seq: u64) -> i64 {
    (mission << SEQ_BITS) | i64::try_from(seq.min(MAX_SEQ)).unwrap_or(i64::MAX)
}

/// The id of a mission's title, before those of its events; the greatest number where there can be no such mission.
pub(crate) fn first_id(mission: i64) -> i64 {
    mission.checked_mul(1 << SEQ_BITS).unwrap_or(i64::MAX)
}

/// The key of the mission that an event belongs to.
pub(crate) const fn mission_of(id: i64) -> i64 {
    id >> SEQ_BITS
}

fn seq_of(id: i64) -> Seq {
    Seq(id.unsigned_abs() & MAX_SEQ)
}

/// The ids that a mission's title (the first) and events can have.
pub(crate) fn id_range(mission: i64) -> (i64, i64) {
    (id(mission, 0), id(mission, MAX_SEQ))
}

pub(crate) fn insert(conn: &Connection, mission: i64, event: &Event) -> Result<()> {
    let body = content(&event.body).map_err(|error| Error::Sqlite(format!("an event cannot be written: {error}")))?;
    prepare(conn, "INSERT INTO events (id, at, turn, kind, body) VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(params![
        id(mission, event.seq.0),
        Millis(event.at),
        event.turn,
        event.body.kind(),
        body
    ])?;
    Ok(())
}

/// The columns that [`from_row`] reads, in its order.
pub(crate) const COLUMNS: &str = "events.id, events.at, events.turn, events.kind, events.body";

pub(crate) fn from_row(row: &Row<'_>, mission: MissionId) -> Result<Event> {
    let id: i64 = row.get(0)?;
    let kind = row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?;
    let json = row.get_ref(4)?.as_str().map_err(rusqlite::Error::from)?;
    let body = body(kind, json).map_err(|error| Error::Corrupt(format!("event {id} cannot be read: {error}")))?;
    Ok(Event { mission, seq: seq_of(id), at: row.get::<_, Millis>(1)?.0, turn: row.get(2)?, body })
}

/// The JSON of what an event's kind holds.
fn content(body: &EventBody) -> serde_json::Result<String> {
    fn json<T: Serialize>(content: &T) -> serde_json::Result<String> {
        serde_json::to_string(content)
    }
    match body {
        EventBody::State(content) => json(content),
        EventBody::TurnStarted(content) => json(content),
        EventBody::TurnEnded(content) => json(content),
        EventBody::RunStarted(content) => json(content),
        EventBody::RunEnded(content) => json(content),
        EventBody::Session(content) => json(content),
        EventBody::Message(content) => json(content),
        EventBody::Thought(content) => json(content),
        EventBody::ToolCall(content) => json(content),
        EventBody::ToolOutput(content) => json(content),
        EventBody::Approval(content) => json(content),
        EventBody::Question(content) => json(content),
        EventBody::Plan(content) => json(content),
        EventBody::Usage(content) => json(content),
        EventBody::FileChange(content) => json(content),
        EventBody::Notice(content) => json(content),
        EventBody::Retry(content) => json(content),
        EventBody::Connections(content) => json(content),
        EventBody::Ports(content) => json(content),
        EventBody::Error(content) => json(content),
        EventBody::Other(content) => json(content),
    }
}

/// What [`content`] wrote.
fn body(kind: &str, json: &str) -> serde_json::Result<EventBody> {
    fn read<T: DeserializeOwned>(json: &str, wrap: fn(T) -> EventBody) -> serde_json::Result<EventBody> {
        serde_json::from_str(json).map(wrap)
    }
    match kind {
        "state" => read(json, EventBody::State),
        "turn_started" => read(json, EventBody::TurnStarted),
        "turn_ended" => read(json, EventBody::TurnEnded),
        "run_started" => read(json, EventBody::RunStarted),
        "run_ended" => read(json, EventBody::RunEnded),
        "session" => read(json, EventBody::Session),
        "message" => read(json, EventBody::Message),
        "thought" => read(json, EventBody::Thought),
        "tool_call" => read(json, EventBody::ToolCall),
        "tool_output" => read(json, EventBody::ToolOutput),
        "approval" => read(json, EventBody::Approval),
        "question" => read(json, EventBody::Question),
        "plan" => read(json, EventBody::Plan),
        "usage" => read(json, EventBody::Usage),
        "file_change" => read(json, EventBody::FileChange),
        "notice" => read(json, EventBody::Notice),
        "retry" => read(json, EventBody::Retry),
        "connections" => read(json, EventBody::Connections),
        "ports" => read(json, EventBody::Ports),
        "error" => read(json, EventBody::Error),
        "other" => read(json, EventBody::Other),
        unknown => Err(serde::de::Error::custom(format_args!("unknown kind {unknown:?}"))),
    }
}

/// The message at a place of a mission's log.
pub(crate) fn message(conn: &Connection, mission: i64, seq: u64) -> Result<Option<Prompt>> {
    let sql = "SELECT body FROM events WHERE id = ?1";
    let found = prepare(conn, sql)?.query_row([id(mission, seq)], |row| row.get::<_, Json<Message>>(0)).optional()?;
    Ok(found.map(|Json(Message { text, attachments, .. })| Prompt { text, attachments }))
}

impl Store {
    /// Events of a mission after `after`, in order, only of these `kinds` (all where empty).
    ///
    /// At most `limit` and [`MAX_EVENTS`], and it stops after [`MAX_EVENT_BYTES`]: fewer than `limit` need not mean
    /// that the log ends there, only an empty answer does.
    pub async fn events(&self, mission: MissionId, after: Seq, limit: u32, kinds: &[String]) -> Result<Vec<Event>> {
        let kinds = kinds.to_vec();
        self.read(move |conn| {
            let key = mission::key(conn, mission)?;
            let (from, to) = (id(key, after.0), id(key, MAX_SEQ));
            let limit = limit.min(MAX_EVENTS);
            let mut statement;
            let mut rows = if kinds.is_empty() {
                statement = prepare(
                    conn,
                    &format!("SELECT {COLUMNS} FROM events WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3"),
                )?;
                statement.query(params![from, to, limit])?
            } else {
                statement = prepare(
                    conn,
                    &format!(
                        "SELECT {COLUMNS} FROM events WHERE id > ?1 AND id <= ?2 \
                         AND +kind IN (SELECT value FROM json_each(?4)) ORDER BY id LIMIT ?3"
                    ),
                )?;
                statement.query(params![from, to, limit, Json(kinds)])?
            };
            let mut events = Vec::new();
            let mut bytes = 0;
            while let Some(row) = rows.next()? {
                bytes += row.get_ref(4)?.as_bytes().map_err(rusqlite::Error::from)?.len();
                events.push(from_row(row, mission)?);
                if bytes >= MAX_EVENT_BYTES {
                    break;
                }
            }
            Ok(events)
        })
        .await
    }

    /// The place of a mission's last event.
    pub async fn last_seq(&self, mission: MissionId) -> Result<Seq> {
        self.read(move |conn| {
            prepare(conn, "SELECT last_seq FROM missions WHERE id = ?1")?
                .query_row([mission.to_string()], |row| row.get::<_, Count>(0))
                .map(|seq| Seq(seq.0))
                .map_err(|error| mission::missing(error, mission))
        })
        .await
    }
}
