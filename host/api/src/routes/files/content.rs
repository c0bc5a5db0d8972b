//! The content of files.

use std::sync::Arc;

use axum::{
    Json,
    body::Body as Streamed,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sandboxed_core::FileContent;
use sandboxed_model::files::FileWritten;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    super::workspaces::WorkspaceRef,
    attach,
    conditions::{self, Reading},
};
use crate::{
    body,
    extract::{Caller, InPath, InQuery},
    problem::{Document, MEDIA_TYPE, Problem},
    state::{Server, Shared},
};

pub(super) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new().routes(routes!(read_file, write_file))
}

/// Which file is meant.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ReadQuery {
    /// Its path from the workspace's tree.
    path: String,
}

/// Which file is written.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct WriteQuery {
    /// Its path from the workspace's tree.
    path: String,
    /// Whether missing directories above it are made.
    #[param(required = false)]
    parents: Option<bool>,
}

/// Read a file
///
/// Or a part of it: one range of bytes. A link that stays inside the workspace is followed. The connection breaks off if the
/// file is cut short meanwhile.
#[utoipa::path(
    get, path = "/workspaces/{id}/files/content", tag = "files",
    params(
        ("id" = inline(WorkspaceRef), Path, description = "The workspace's id or name"), ReadQuery,
        ("Range" = Option<String>, Header, description = "`bytes=FIRST-LAST`"),
        ("If-Range" = Option<String>, Header, description = "The version of which a part is wanted; of another one all is sent"),
        ("If-Match" = Option<String>, Header, description = "Only this version"),
        ("If-None-Match" = Option<String>, Header, description = "Only another version")
    ),
    responses(
        (status = 200, description = "The content.", body = Vec<u8>, content_type = "application/octet-stream",
         headers(("ETag" = String, description = "The version"))),
        (status = 206, description = "The part.", body = Vec<u8>, content_type = "application/octet-stream",
         headers(("Content-Range" = String, description = "Which part of how many bytes"))),
        (status = 304, description = "It is the version that the client has."),
        (status = 409, description = "It is no file.", body = Document, content_type = MEDIA_TYPE),
        (status = 412, description = "It is another version.", body = Document, content_type = MEDIA_TYPE),
        (status = 416, description = "The part is not within the file.", body = Document, content_type = MEDIA_TYPE)
    )
)]
async fn read_file(
    State(server): Shared,
    _: Caller,
    InPath(workspace): InPath<WorkspaceRef>,
    InQuery(wanted): InQuery<ReadQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let workspace = workspace.resolve(&server.orchestrator).await?;
    let mut content = server.orchestrator.read_file(workspace.id, &wanted.path).await?;
    let size = content.size();
    let range = match conditions::of_reading(&headers, content.etag())? {
        Reading::Send => conditions::range(&headers, size),
        Reading::SendWhole => None,
        Reading::NotModified => {
            let mut response = StatusCode::NOT_MODIFIED.into_response();
            insert(&mut response, header::ETAG, &quoted(content.etag()));
            return Ok(response);
        }
        Reading::Failed => {
            let detail = "the file is another version than the request names";
            return Err(Problem::new(StatusCode::PRECONDITION_FAILED, "path.changed", detail));
        }
    };
    let selected = match range {
        None => None,
        Some(range) => match content.select(range) {
            Ok(range) => Some(range),
            Err(error) => {
                let mut response = Problem::from(error).into_response();
                insert(&mut response, header::CONTENT_RANGE, &format!("bytes */{size}"));
                return Ok(response);
            }
        },
    };
    let (name, etag) = (content.name().to_owned(), quoted(content.etag()));
    let mut response = Response::new(body::pieces(pieces(content)));
    attach(&mut response, &name, "application/octet-stream");
    insert(&mut response, header::ETAG, &etag);
    response.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let length = match selected {
        Some(range) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let told = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            insert(&mut response, header::CONTENT_RANGE, &told);
            range.end - range.start
        }
        None => size,
    };
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    Ok(response)
}

/// Write a file
///
/// As a whole: whoever reads meanwhile sees all of the old or all of the new content. The file belongs to the workspace's
/// user. Nothing is written through a link. A body of any size is taken as it comes, up to `workspaces.upload_limit` and the
/// workspace's limit of disk.
#[utoipa::path(
    put, path = "/workspaces/{id}/files/content", tag = "files",
    params(
        ("id" = inline(WorkspaceRef), Path, description = "The workspace's id or name"), WriteQuery,
        ("If-Match" = Option<String>, Header, description = "Only over this version, or with `*` over any"),
        ("If-None-Match" = Option<String>, Header, description = "With `*`: only where there is nothing")
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "The file as it is now.", body = FileWritten,
         headers(("ETag" = String, description = "The version"))),
        (status = 412, description = "The condition does not hold.", body = Document, content_type = MEDIA_TYPE)
    )
)]
async fn write_file(
    State(server): Shared,
    _: Caller,
    InPath(workspace): InPath<WorkspaceRef>,
    InQuery(wanted): InQuery<WriteQuery>,
    headers: HeaderMap,
    content: Streamed,
) -> Result<Response, Problem> {
    let condition = conditions::of_writing(&headers)?;
    let workspace = workspace.resolve(&server.orchestrator).await?;
    let parents = wanted.parents.unwrap_or(false);
    let content = body::reader(content);
    let written = server.orchestrator.write_file(workspace.id, &wanted.path, condition, parents, content).await;
    Ok(answer(written.map_err(refused)?))
}

/// The answer to a file that was written.
pub(super) fn answer(written: FileWritten) -> Response {
    let etag = quoted(&written.etag);
    let mut response = Json(written).into_response();
    insert(&mut response, header::ETAG, &etag);
    response
}

/// That a name is taken is, for a write, a condition that does not hold.
pub(super) fn refused(error: sandboxed_core::Error) -> Problem {
    Problem::from(error).told_as("path.exists", StatusCode::PRECONDITION_FAILED)
}

/// The content piece by piece.
pub(in crate::routes) fn pieces(
    mut content: FileContent,
) -> impl futures_util::Stream<Item = sandboxed_core::Result<Vec<u8>>> {
    async_stream::try_stream! {
        while let Some(piece) = content.next().await? {
            yield piece;
        }
    }
}

fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}

fn insert(response: &mut Response, name: header::HeaderName, value: &str) {
    // All that is told here is made of digits and letters.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
