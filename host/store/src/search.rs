//! The search index over event texts and mission titles.

use rusqlite::{Connection, params};
use sandboxed_model::{
    MissionId,
    event::Event,
    page::{Page, PageRequest},
};

use crate::{
    Store,
    cursor::{self, List},
    error::Result,
    event, mission,
    statement::prepare,
    value::Text,
    words::{self, Query},
};

/// A text that an operation adds to the index.
#[derive(Debug)]
pub(crate) struct IndexEntry {
    id: i64,
    words: String,
}

impl IndexEntry {
    /// The text of an event; absent where there is nothing to look for.
    pub(crate) fn of_event(mission: i64, event: &Event) -> Option<Self> {
        let words = words::indexed(event.body.searchable_text()?);
        (!words.is_empty()).then(|| Self { id: event::id(mission, event.seq.0), words })
    }

    /// A mission's title.
    pub(crate) fn of_title(mission: i64, title: &str) -> Self {
        Self { id: event::id(mission, 0), words: words::indexed(title) }
    }
}

/// Adds what a batch wrote. In the order of ids, because the index starts a new segment where they go back.
pub(crate) fn add(conn: &Connection, mut entries: Vec<IndexEntry>) -> Result<()> {
    // Stable: of two titles of a mission the later one stays the later one.
    entries.sort_by_key(|entry| entry.id);
    for IndexEntry { id, words } in entries {
        let sql = if event::id(event::mission_of(id), 0) == id {
            "INSERT OR REPLACE INTO search (rowid, words) VALUES (?1, ?2)"
        } else {
            "INSERT INTO search (rowid, words) VALUES (?1, ?2)"
        };
        prepare(conn, sql)?.execute(params![id, words])?;
    }
    Ok(())
}

/// An event that was looked for.
#[derive(Debug, Clone, PartialEq)]
pub struct EventHit {
    /// The event.
    pub event: Event,
    /// A piece of its text around the first word that was looked for.
    pub snippet: String,
}

impl Store {
    /// Events whose text holds all words of `query`, of all missions or one, the newest missions first and in each
    /// the newest events first. A text without any word finds nothing.
    pub async fn search_events(
        &self,
        query: &str,
        mission: Option<MissionId>,
        page: &PageRequest,
    ) -> Result<Page<EventHit>> {
        let place = List::Hits.place(page)?;
        let limit = cursor::limit(page);
        let query = Query::parse(query);
        self.read(move |conn| {
            let (first, last) = match mission {
                Some(mission) => event::id_range(mission::key(conn, mission)?),
                None => (0, i64::MAX),
            };
            let Some(query) = query else { return Ok(List::Hits.page(Vec::new(), limit)) };
            let before = place.unwrap_or(i64::MAX).min(last);
            let mut statement = prepare(
                conn,
                &format!(
                    "SELECT {}, missions.id FROM search \
                     JOIN events ON events.id = search.rowid \
                     JOIN missions ON missions.key = search.rowid >> 32 \
                     WHERE search MATCH ?1 AND search.rowid > ?2 AND search.rowid < ?3 \
                     ORDER BY search.rowid DESC LIMIT ?4",
                    event::COLUMNS
                ),
            )?;
            let mut rows = statement.query(params![query.fts(), first, before, limit + 1])?;
            let mut hits = Vec::new();
            while let Some(row) = rows.next()? {
                let event = event::from_row(row, row.get::<_, Text<MissionId>>(5)?.0)?;
                let snippet = event.body.searchable_text().map(|text| query.snippet(text)).unwrap_or_default();
                hits.push((row.get(0)?, EventHit { event, snippet }));
            }
            Ok(List::Hits.page(hits, limit))
        })
        .await
    }
}
