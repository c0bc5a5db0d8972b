//! The server itself.

use std::{os::unix::fs::DirBuilderExt as _, path::Path, sync::Arc};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use sandboxed_core::AuditEntry;
use sandboxed_model::{Blame, Failure, Timestamp, doctor::DoctorReport, page::Page};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::PageQuery;
use crate::{
    extract::{Body, Caller, InQuery},
    problem::Problem,
    state::{Server, Shared},
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(get_version))
        .routes(routes!(get_openapi))
        .routes(routes!(get_doctor))
        .routes(routes!(get_audit_log))
        .routes(routes!(make_backup))
}

/// Which server this is.
#[derive(Serialize, ToSchema)]
struct Version {
    version: &'static str,
}

/// A backup that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BackupRequest {
    /// The file's name in the directory `backups` of the data directory; absent makes one from the time.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    to: Option<String>,
}

/// A backup that was made.
#[derive(Serialize, ToSchema)]
struct Backup {
    /// Where it is, relative to the data directory.
    path: String,
}

/// Get the server's version
#[utoipa::path(
    get, path = "/version", tag = "system",
    responses((status = 200, description = "The version.", body = Version))
)]
async fn get_version(_: Caller) -> Json<Version> {
    Json(Version { version: env!("CARGO_PKG_VERSION") })
}

/// Get this document
///
/// Public.
#[utoipa::path(
    get, path = "/openapi.json", tag = "system", security(()),
    responses((status = 200, description = "The OpenAPI 3.1 document.", body = Object))
)]
async fn get_openapi(State(server): Shared) -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], server.document.clone()).into_response()
}

/// Examine the machine
///
/// Tries what the server needs, and says how it came out and what would mend it.
#[utoipa::path(
    get, path = "/doctor", tag = "system",
    responses((status = 200, description = "The report.", body = DoctorReport))
)]
async fn get_doctor(State(server): Shared, _: Caller) -> Result<Json<DoctorReport>, Problem> {
    Ok(Json(server.orchestrator.doctor().await?))
}

/// Read the audit log
///
/// The newest first.
#[utoipa::path(
    get, path = "/audit", tag = "system", params(PageQuery), security(("token" = ["admin"]), ("session" = ["admin"])),
    responses((status = 200, description = "A part of the log.", body = Page<AuditEntry>))
)]
async fn get_audit_log(
    State(server): Shared,
    _: Caller,
    InQuery(query): InQuery<PageQuery>,
) -> Result<Json<Page<AuditEntry>>, Problem> {
    Ok(Json(server.orchestrator.audit_log(&query.request()?).await?))
}

/// Back up the database
///
/// Writes a copy into the directory `backups` of the data directory while the server goes on. A file that is there
/// is not replaced.
#[utoipa::path(
    post, path = "/backup", tag = "system", request_body = BackupRequest,
    security(("token" = ["admin"]), ("session" = ["admin"])),
    responses((status = 201, description = "The backup.", body = Backup))
)]
async fn make_backup(
    State(server): Shared,
    _: Caller,
    Body(wanted): Body<BackupRequest>,
) -> Result<(StatusCode, Json<Backup>), Problem> {
    let name = match wanted.to {
        Some(name) => backup_name(name)?,
        None => format!("sandboxed-{}.db", Timestamp::now().as_millis()),
    };
    let directory = server.orchestrator.config().server.data_dir.join("backups");
    let target = directory.join(&name);
    prepare(&directory).await?;
    if tokio::fs::try_exists(&target).await.map_err(|error| unusable(&directory, &error))? {
        return Err(Problem::new(StatusCode::CONFLICT, "backup.exists", format!("there is a backup {name:?} already")));
    }
    server.orchestrator.backup(&target).await?;
    Ok((StatusCode::CREATED, Json(Backup { path: format!("backups/{name}") })))
}

/// One name in the directory: no path, and no hidden file.
fn backup_name(name: String) -> Result<String, Problem> {
    let valid = (1..=100).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    let detail = "a backup's name has 1 to 100 of A-Z, a-z, 0-9, ., _ and -, starting with a letter or digit";
    if valid { Ok(name) } else { Err(Problem::invalid("backup.name_invalid", detail)) }
}

async fn prepare(directory: &Path) -> Result<(), Problem> {
    let path = directory.to_owned();
    let made = tokio::task::spawn_blocking(move || std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path));
    made.await.map_err(std::io::Error::other).and_then(|result| result).map_err(|error| unusable(directory, &error))
}

fn unusable(directory: &Path, error: &std::io::Error) -> Problem {
    let message = format!("the directory {} is not usable: {error}", directory.display());
    sandboxed_core::Error::from(Failure::new(Blame::Host, "backup.directory", message)).into()
}
