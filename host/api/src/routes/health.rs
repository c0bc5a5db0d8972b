//! For those who watch the server.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    extract::Caller,
    problem::Problem,
    state::{Server, Shared},
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new().routes(routes!(healthz)).routes(routes!(readyz)).routes(routes!(metrics))
}

/// Does the server live?
///
/// Public.
#[utoipa::path(
    get, path = "/healthz", tag = "system", security(()),
    responses((status = 200, description = "It lives.", body = String, content_type = "text/plain"))
)]
async fn healthz() -> &'static str {
    "ok\n"
}

/// Can the server do its work?
///
/// Public.
#[utoipa::path(
    get, path = "/readyz", tag = "system", security(()),
    responses((status = 200, description = "It can.", body = String, content_type = "text/plain"))
)]
async fn readyz(State(server): Shared) -> Result<&'static str, Problem> {
    server.orchestrator.ready().await?;
    Ok("ready\n")
}

/// Get metrics
///
/// In the text format of Prometheus. A scraper needs an API token with the scope `read`.
#[utoipa::path(
    get, path = "/metrics", tag = "system",
    responses((status = 200, description = "The metrics.", body = String, content_type = "text/plain"))
)]
async fn metrics(State(server): Shared, _: Caller) -> Response {
    let format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, format)], server.metrics.render()).into_response()
}
