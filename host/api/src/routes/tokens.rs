//! API tokens.

use std::sync::Arc;

use axum::{Json, extract::State};
use http::StatusCode;
use sandboxed_model::{
    Timestamp, TokenId,
    access::{Scope, TokenInfo},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::List;
use crate::{
    extract::{Body, Caller, InPath},
    problem::Problem,
    state::{Server, Shared},
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new().routes(routes!(list_tokens, create_token)).routes(routes!(revoke_token))
}

/// A token that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewToken {
    /// What it is for.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$"
    )]
    name: String,
    /// How far it goes; at most as far as the credential that makes it.
    scope: Scope,
    /// When it stops working; absent means never.
    expires_at: Option<Timestamp>,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
struct CreatedToken {
    /// What goes into the header `Authorization` after `Bearer`. It is shown this once.
    secret: String,
    token: TokenInfo,
}

/// List my API tokens
#[utoipa::path(
    get, path = "/tokens", tag = "auth",
    responses((status = 200, description = "Your tokens.", body = List<TokenInfo>))
)]
async fn list_tokens(State(server): Shared, Caller(by): Caller) -> Result<Json<List<TokenInfo>>, Problem> {
    Ok(Json(List { items: server.orchestrator.tokens(&by).await? }))
}

/// Make an API token
///
/// A repeated request makes another token: the answer holds the secret and is stored nowhere.
#[utoipa::path(
    post, path = "/tokens", tag = "auth", request_body = NewToken,
    responses((status = 201, description = "The token.", body = CreatedToken))
)]
async fn create_token(
    State(server): Shared,
    Caller(by): Caller,
    Body(new): Body<NewToken>,
) -> Result<(StatusCode, Json<CreatedToken>), Problem> {
    let made = server.orchestrator.create_token(&by, new.name, new.scope, new.expires_at).await?;
    Ok((StatusCode::CREATED, Json(CreatedToken { secret: made.secret, token: made.info })))
}

/// End an API token
#[utoipa::path(
    delete, path = "/tokens/{id}", tag = "auth", params(("id" = inline(TokenId), Path, description = "The token")),
    responses((status = 204, description = "It works no longer."))
)]
async fn revoke_token(
    State(server): Shared,
    Caller(by): Caller,
    InPath(id): InPath<TokenId>,
) -> Result<StatusCode, Problem> {
    server.orchestrator.revoke_token(&by, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
