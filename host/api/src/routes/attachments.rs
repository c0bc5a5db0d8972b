//! Files that come with messages.

use std::sync::Arc;

use axum::{Json, body::Body as Streamed, extract::State, response::Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use sandboxed_core::FileContent;
use sandboxed_model::{AttachmentId, attachment::Attachment};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::files::{dispose, pieces};
use crate::{
    body,
    extract::{Caller, InPath, InQuery},
    problem::{Document, MEDIA_TYPE, Problem},
    state::{Server, Shared},
};

/// A document of no site, which loads and runs nothing.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "sandbox; default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(create_attachment))
        .routes(routes!(get_attachment, delete_attachment))
        .routes(routes!(read_attachment))
}

/// What it is called.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct NameQuery {
    /// The file's name. Directories, control characters and what is over 100 characters are left out; of nothing `file` is made.
    name: String,
}

/// Bring a file for a message
///
/// The body is its content, which may be empty, up to `missions.attachment_limit`; what it is, the server finds out itself. A message that names it
/// takes it along. It is forgotten after a day if none does.
#[utoipa::path(
    post, path = "/attachments", tag = "missions", params(NameQuery),
    request_body(content = Option<Vec<u8>>, content_type = "application/octet-stream"),
    responses(
        (status = 201, description = "The attachment.", body = Attachment),
        (status = 413, description = "It is too large.", body = Document, content_type = MEDIA_TYPE)
    )
)]
async fn create_attachment(
    State(server): Shared,
    Caller(by): Caller,
    InQuery(query): InQuery<NameQuery>,
    content: Streamed,
) -> Result<(StatusCode, Json<Attachment>), Problem> {
    let made = server.orchestrator.create_attachment(&by, &query.name, body::reader(content)).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Get what is known of an attachment
#[utoipa::path(
    get, path = "/attachments/{id}", tag = "missions",
    params(("id" = inline(AttachmentId), Path, description = "The attachment")),
    responses((status = 200, description = "The attachment.", body = Attachment))
)]
async fn get_attachment(
    State(server): Shared,
    Caller(by): Caller,
    InPath(id): InPath<AttachmentId>,
) -> Result<Json<Attachment>, Problem> {
    Ok(Json(server.orchestrator.attachment(&by, id).await?))
}

/// Read an attachment
///
/// A browser shows images, and saves all else.
#[utoipa::path(
    get, path = "/attachments/{id}/content", tag = "missions",
    params(("id" = inline(AttachmentId), Path, description = "The attachment")),
    responses(
        (status = 200, description = "The content.", content(
            (Vec<u8> = "application/octet-stream"), (String = "text/plain"), (Vec<u8> = "image/png"),
            (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/gif"), (Vec<u8> = "image/webp")
        )),
        (status = 409, description = "It cannot be read.", body = Document, content_type = MEDIA_TYPE)
    )
)]
async fn read_attachment(
    State(server): Shared,
    Caller(by): Caller,
    InPath(id): InPath<AttachmentId>,
) -> Result<Response, Problem> {
    let (attachment, content) = server.orchestrator.read_attachment(&by, id).await?;
    Ok(served(&attachment, content))
}

/// Remove an attachment
///
/// One that no message names. All others go with their mission.
#[utoipa::path(
    delete, path = "/attachments/{id}", tag = "missions",
    params(("id" = inline(AttachmentId), Path, description = "The attachment")),
    responses((status = 204, description = "It is gone."))
)]
async fn delete_attachment(
    State(server): Shared,
    Caller(by): Caller,
    InPath(id): InPath<AttachmentId>,
) -> Result<StatusCode, Problem> {
    server.orchestrator.delete_attachment(&by, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The content as a browser can do no harm with it: it is a document of no site, and only what is an image is shown at all.
fn served(attachment: &Attachment, content: FileContent) -> Response {
    let (kind, how) = match attachment.media_type.as_str() {
        "image/png" => ("image/png", "inline"),
        "image/jpeg" => ("image/jpeg", "inline"),
        "image/gif" => ("image/gif", "inline"),
        "image/webp" => ("image/webp", "inline"),
        "text/plain" => ("text/plain; charset=utf-8", "attachment"),
        _ => ("application/octet-stream", "attachment"),
    };
    let size = content.size();
    let mut response = Response::new(body::pieces(pieces(content)));
    dispose(&mut response, how, &attachment.name, kind);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size));
    headers.insert(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    let of_this_site = HeaderName::from_static("cross-origin-resource-policy");
    headers.insert(of_this_site, const { HeaderValue::from_static("same-origin") });
    response
}
