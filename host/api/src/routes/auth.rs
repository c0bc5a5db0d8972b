//! Logins.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json,
    extract::{ConnectInfo, State},
    response::{AppendHeaders, IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use sandboxed_core::LoginAttempt;
use sandboxed_model::{
    UserId,
    access::{Scope, User},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    audit::LoggedIn,
    extract::{Body, Caller, SessionSecret},
    gate::SESSION_COOKIE,
    problem::{Document, MEDIA_TYPE, Problem},
    state::{Server, Shared},
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new().routes(routes!(log_in)).routes(routes!(log_out)).routes(routes!(me))
}

/// Who wants to log in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    #[schema(min_length = 1, max_length = 1024, format = Password)]
    password: String,
}

/// On whose behalf a request is made.
#[derive(Serialize, ToSchema)]
struct Me {
    user: UserId,
    name: String,
    /// How far this credential goes.
    scope: Scope,
}

/// Log in.
///
/// Sets the cookie `sandboxed_session`. Public. Failed attempts are slowed down by name and by address.
#[utoipa::path(
    post, path = "/auth/login", tag = "auth", security(()), request_body = Login,
    responses(
        (status = 200, description = "The cookie is set.", body = User,
            headers(("Set-Cookie" = String, description = "The login, `HttpOnly` and `SameSite=Strict`"))),
        (status = 401, description = "Name and password do not fit.", body = Document, content_type = MEDIA_TYPE),
        (status = 429, description = "Too many failed attempts.", body = Document, content_type = MEDIA_TYPE,
            headers(("Retry-After" = u32, description = "Seconds until the next attempt is looked at"))),
    )
)]
async fn log_in(
    State(server): Shared,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Body(login): Body<Login>,
) -> Result<Response, Problem> {
    let Login { name, password } = login;
    if !(1..=100).contains(&name.chars().count()) || !(1..=1024).contains(&password.chars().count()) {
        let detail = "name has 1 to 100 and password 1 to 1,024 characters";
        return Err(Problem::invalid("auth.login_invalid", detail));
    }
    let attempt = LoginAttempt { name, password, from: peer.ip().to_canonical() };
    let grant = server.orchestrator.log_in(attempt).await?;
    let cookie = cookie(&headers, &grant.token, grant.ttl.as_secs());
    let user = LoggedIn(grant.user.id);
    let mut response = (AppendHeaders([(header::SET_COOKIE, cookie)]), Json(grant.user)).into_response();
    response.extensions_mut().insert(user);
    Ok(response)
}

/// Log out.
///
/// Ends the login of the cookie. A request that came with an API token ends nothing.
#[utoipa::path(
    post, path = "/auth/logout", tag = "auth", security(("token" = ["read"]), ("session" = ["read"])),
    responses((status = 204, description = "The login has ended."))
)]
async fn log_out(
    State(server): Shared,
    _: Caller,
    session: Option<SessionSecret>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some(SessionSecret(secret)) = session else { return Ok(StatusCode::NO_CONTENT.into_response()) };
    server.orchestrator.log_out(&secret).await?;
    let cookie = cookie(&headers, "", 0);
    Ok((StatusCode::NO_CONTENT, AppendHeaders([(header::SET_COOKIE, cookie)])).into_response())
}

/// Who am I?
#[utoipa::path(get, path = "/auth/me", tag = "auth", responses((status = 200, description = "You.", body = Me)))]
async fn me(Caller(principal): Caller) -> Json<Me> {
    Json(Me { user: principal.user, name: principal.name, scope: principal.scope })
}

/// Whether a proxy says that the browser's side of the connection is encrypted.
pub(crate) fn is_encrypted(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https")
}

/// `Secure` is set where a proxy says that the browser's side is encrypted; on plain HTTP a browser would drop the
/// cookie.
fn cookie(headers: &HeaderMap, secret: &str, max_age: u64) -> String {
    let secure = if is_encrypted(headers) { "; Secure" } else { "" };
    format!("{SESSION_COOKIE}={secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age}{secure}")
}
