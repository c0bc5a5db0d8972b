//! What happened in missions: lists, live streams and search.

use std::sync::Arc;

use axum::{Json, extract::State, response::Response};
use futures_util::StreamExt as _;
use http::HeaderMap;
use sandboxed_core::{EventHit, FollowMissions};
use sandboxed_model::{Blame, Failure, MissionId, Seq, event::Event, page::Page};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{List, page_request, search_words, within};
use crate::{
    extract::{Caller, InPath, InQuery},
    problem::{Document, MEDIA_TYPE, Problem},
    sse::{self, MAX_POSITION, SseEvent},
    state::{Server, Shared},
};

/// Events in an answer where the caller names no number.
const DEFAULT_EVENTS: u32 = 200;
/// The most events that an answer holds.
const MAX_EVENTS: u32 = 1000;

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list_events))
        .routes(routes!(stream_events))
        .routes(routes!(stream_missions))
        .routes(routes!(search_events))
}

/// Which events are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct EventQuery {
    /// Only events after this place in the mission's log.
    #[param(required = false, minimum = 0, maximum = 9007199254740991_u64)]
    after: Option<u64>,
    /// How many at most; 200 where absent.
    #[param(required = false, minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Only events of these kinds, separated by commas: `message`, `tool_call` …
    #[param(required = false, value_type = Vec<String>, style = Form, explode = false)]
    kind: Option<String>,
}

/// Where a stream begins.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct StreamQuery {
    /// The id of the last event that is known already. The header `Last-Event-ID` goes before it.
    #[param(required = false, minimum = 0, maximum = 9007199254740991_u64)]
    after: Option<u64>,
}

/// What is being looked for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SearchQuery {
    /// Words that the event holds; the last one may be the beginning of a word.
    #[param(min_length = 1, max_length = 200)]
    q: String,
    /// Only events of this mission.
    #[param(required = false, inline)]
    mission: Option<MissionId>,
    /// `next_cursor` of the part before.
    #[param(required = false, min_length = 1, max_length = 512)]
    cursor: Option<String>,
    /// How many at most; 50 where absent.
    #[param(required = false, minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// List the events of a mission
#[utoipa::path(
    get, path = "/missions/{id}/events", tag = "missions",
    params(("id" = inline(MissionId), Path, description = "The mission"), EventQuery),
    responses((status = 200, description = "Events in order.", body = List<Event>))
)]
async fn list_events(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<MissionId>,
    InQuery(query): InQuery<EventQuery>,
) -> Result<Json<List<Event>>, Problem> {
    let after = Seq(position(query.after)?);
    let limit = within(query.limit, DEFAULT_EVENTS, MAX_EVENTS)?;
    let kinds = query.kind.as_deref().unwrap_or_default().split(',').filter(|kind| !kind.is_empty());
    let kinds: Vec<String> = kinds.map(str::to_owned).collect();
    Ok(Json(List { items: server.orchestrator.events(id, after, limit, &kinds).await? }))
}

/// Follow a mission
///
/// Server-sent events: `id` is the event's place, `event` its kind, `data` the event as JSON. All events after the
/// given one, those that are stored first and then those to come, each once and in order. The stream ends when the
/// server stops or the mission is removed.
#[utoipa::path(
    get, path = "/missions/{id}/stream", tag = "missions",
    params(
        ("id" = inline(MissionId), Path, description = "The mission"), StreamQuery,
        ("Last-Event-ID" = Option<u64>, Header, description = "The id of the last event that is known already", maximum = 9007199254740991_u64)
    ),
    responses((status = 200, description = "The stream.", body = String, content_type = "text/event-stream"))
)]
async fn stream_events(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<MissionId>,
    InQuery(query): InQuery<StreamQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let after = sse::position(&headers, query.after)?.unwrap_or_default();
    let events = server.orchestrator.follow_mission(id, Seq(after)).await?;
    let events =
        events.map(|event| event.map(|event| SseEvent { id: event.seq.0, kind: event.kind, data: event.json }));
    Ok(sse::answer(events, server.stopping.clone()))
}

/// Follow all missions
///
/// Server-sent events of the kind `mission`: `id` is the revision, `data` the mission as it then stands. Without a
/// position the stream begins with changes from now on.
#[utoipa::path(
    get, path = "/stream", tag = "missions",
    params(
        StreamQuery,
        ("Last-Event-ID" = Option<u64>, Header, description = "The id of the last event that is known already", maximum = 9007199254740991_u64)
    ),
    responses((status = 200, description = "The stream.", body = String, content_type = "text/event-stream"))
)]
async fn stream_missions(
    State(server): Shared,
    _: Caller,
    InQuery(query): InQuery<StreamQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let from = match sse::position(&headers, query.after)? {
        Some(revision) => FollowMissions::After(revision),
        None => FollowMissions::FromNow,
    };
    let missions = server.orchestrator.follow_missions(from).await?;
    let events = missions.map(|mission| {
        let mission = mission?;
        let data = serde_json::to_string(&*mission)
            .map_err(|error| Failure::new(Blame::Host, "http.json", format!("a mission is no JSON: {error}")))?;
        Ok(SseEvent { id: mission.revision, kind: "mission", data: data.into() })
    });
    Ok(sse::answer(events, server.stopping.clone()))
}

/// Search events
///
/// The best match first.
#[utoipa::path(
    get, path = "/search", tag = "missions", params(SearchQuery),
    responses(
        (status = 200, description = "A part of the matches.", body = Page<EventHit>),
        (status = 404, description = "There is no such mission.", body = Document, content_type = MEDIA_TYPE)
    )
)]
async fn search_events(
    State(server): Shared,
    _: Caller,
    InQuery(query): InQuery<SearchQuery>,
) -> Result<Json<Page<EventHit>>, Problem> {
    let page = page_request(query.cursor, query.limit)?;
    let words = search_words(query.q)?;
    Ok(Json(server.orchestrator.search_events(&words, query.mission, &page).await?))
}

fn position(after: Option<u64>) -> Result<u64, Problem> {
    match after.unwrap_or_default() {
        after if after <= MAX_POSITION => Ok(after),
        _ => Err(Problem::invalid("stream.position_invalid", format!("after is at most {MAX_POSITION}"))),
    }
}
