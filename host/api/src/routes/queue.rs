//! The messages of a mission that wait for their turn.

use std::sync::Arc;

use axum::{Json, extract::State};
use http::StatusCode;
use sandboxed_model::{
    AttachmentId, MessageId, MissionId,
    queue::{NewMessage, QueuedMessage},
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::List;
use crate::{
    extract::{Body, Caller, InPath},
    problem::Problem,
    state::{Server, Shared},
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(send_message))
        .routes(routes!(list_queue, reorder_queue))
        .routes(routes!(edit_queued_message, remove_queued_message))
        .routes(routes!(send_now))
}

/// A message.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MessageText {
    #[schema(min_length = 1, pattern = r"^[^\u0000]*[^\s\u0000][^\u0000]*$")]
    text: String,
}

/// A message that is sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MessageRequest {
    #[schema(min_length = 1, pattern = r"^[^\u0000]*[^\s\u0000][^\u0000]*$")]
    text: String,
    /// The files that come with it. None can with `steer`.
    #[serde(default)]
    #[schema(max_items = 20)]
    attachments: Vec<AttachmentId>,
    /// Whether it is for the turn that is under way, if there is one and its agent can be told something in the middle of
    /// one. Otherwise it waits for its turn.
    #[serde(default)]
    steer: bool,
}

/// A queue's order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct QueueOrder {
    /// Each message that waits, once, in the order of sending.
    #[schema(max_items = 10000)]
    order: Vec<MessageId>,
}

/// Send a message
///
/// It is put at the end of the mission's queue. A mission that had ended or waited is taken up again.
#[utoipa::path(
    post, path = "/missions/{id}/messages", tag = "missions",
    params(("id" = inline(MissionId), Path, description = "The mission")),
    request_body = MessageRequest,
    responses((status = 201, description = "The message in the queue.", body = QueuedMessage))
)]
async fn send_message(
    State(server): Shared,
    Caller(by): Caller,
    InPath(id): InPath<MissionId>,
    Body(MessageRequest { text, attachments, steer }): Body<MessageRequest>,
) -> Result<(StatusCode, Json<QueuedMessage>), Problem> {
    let message = NewMessage { text, attachments, steer };
    Ok((StatusCode::CREATED, Json(server.orchestrator.send_message(&by, id, message).await?)))
}

/// List the messages that wait
#[utoipa::path(
    get, path = "/missions/{id}/queue", tag = "missions",
    params(("id" = inline(MissionId), Path, description = "The mission")),
    responses((status = 200, description = "The messages in the order of sending.", body = List<QueuedMessage>))
)]
async fn list_queue(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<MissionId>,
) -> Result<Json<List<QueuedMessage>>, Problem> {
    Ok(Json(List { items: server.orchestrator.queue(id).await? }))
}

/// Give the queue another order
#[utoipa::path(
    put, path = "/missions/{id}/queue", tag = "missions",
    params(("id" = inline(MissionId), Path, description = "The mission")),
    request_body = QueueOrder,
    responses((status = 200, description = "The messages in their new order.", body = List<QueuedMessage>))
)]
async fn reorder_queue(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<MissionId>,
    Body(queue): Body<QueueOrder>,
) -> Result<Json<List<QueuedMessage>>, Problem> {
    Ok(Json(List { items: server.orchestrator.reorder_queue(id, queue.order).await? }))
}

/// Replace the text of a message that waits
#[utoipa::path(
    patch, path = "/missions/{id}/queue/{message}", tag = "missions",
    params(
        ("id" = inline(MissionId), Path, description = "The mission"),
        ("message" = inline(MessageId), Path, description = "The message")
    ),
    request_body = MessageText,
    responses((status = 200, description = "The message with its new text.", body = QueuedMessage))
)]
async fn edit_queued_message(
    State(server): Shared,
    _: Caller,
    InPath((id, message)): InPath<(MissionId, MessageId)>,
    Body(new): Body<MessageText>,
) -> Result<Json<QueuedMessage>, Problem> {
    Ok(Json(server.orchestrator.edit_queued(id, message, new.text).await?))
}

/// Take a message out of the queue
#[utoipa::path(
    delete, path = "/missions/{id}/queue/{message}", tag = "missions",
    params(
        ("id" = inline(MissionId), Path, description = "The mission"),
        ("message" = inline(MessageId), Path, description = "The message")
    ),
    responses((status = 204, description = "It will not be sent."))
)]
async fn remove_queued_message(
    State(server): Shared,
    _: Caller,
    InPath((id, message)): InPath<(MissionId, MessageId)>,
) -> Result<StatusCode, Problem> {
    server.orchestrator.remove_queued(id, message).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Send a message now
///
/// It is put first, and the turn that is under way is interrupted.
#[utoipa::path(
    post, path = "/missions/{id}/queue/{message}/send-now", tag = "missions",
    params(
        ("id" = inline(MissionId), Path, description = "The mission"),
        ("message" = inline(MessageId), Path, description = "The message")
    ),
    responses((status = 204, description = "It is sent next."))
)]
async fn send_now(
    State(server): Shared,
    _: Caller,
    InPath((id, message)): InPath<(MissionId, MessageId)>,
) -> Result<StatusCode, Problem> {
    server.orchestrator.send_now(id, message).await?;
    Ok(StatusCode::NO_CONTENT)
}
