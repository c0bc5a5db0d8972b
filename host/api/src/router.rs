//! All routes, and the layers around them.

use std::{any::Any, sync::Arc};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::from_fn_with_state,
    response::{IntoResponse as _, Response},
};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    dashboard, gate::gate, headers::guard, observe::observe, openapi, problem::Problem, routes, state::Server,
};

/// The largest body that is read, in bytes.
pub(crate) const MAX_BODY: usize = 16 << 20;

/// All routes with the document that describes them.
pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    let api = OpenApiRouter::new()
        .merge(routes::auth::routes())
        .merge(routes::tokens::routes())
        .merge(routes::missions::routes())
        .merge(routes::queue::routes())
        .merge(routes::attachments::routes())
        .merge(routes::events::routes())
        .merge(routes::workspaces::routes())
        .merge(routes::builds::routes())
        .merge(routes::templates::routes())
        .merge(routes::processes::routes())
        .merge(routes::snapshots::routes())
        .merge(routes::moving::routes())
        .merge(routes::leftovers::routes())
        .merge(routes::files::routes())
        .merge(routes::ports::routes())
        .merge(routes::git::routes())
        .merge(routes::asks::routes())
        .merge(routes::secrets::routes())
        .merge(routes::skills::routes())
        .merge(routes::accounts::routes())
        .merge(routes::sign_in::routes())
        .merge(routes::spending::routes())
        .merge(routes::plugins::routes())
        .merge(routes::harnesses::routes())
        .merge(routes::system::routes());
    let mut all = OpenApiRouter::with_openapi(openapi::base()).nest("/api/v1", api).merge(routes::health::routes());
    openapi::complete(all.get_openapi_mut());
    all
}

/// The routes as a service. The last layer is the outermost.
pub(crate) fn with_layers(routes: Router<Arc<Server>>, server: Arc<Server>) -> Router {
    routes
        .fallback(dashboard::fallback)
        .layer(from_fn_with_state(Arc::clone(&server), gate))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(Arc::clone(&server), guard))
        .layer(from_fn_with_state(Arc::clone(&server), observe))
        .with_state(server)
}

fn panicked(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    Problem::internal().into_response()
}
