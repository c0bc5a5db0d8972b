//! Secrets: kept, described and counted, and never told.

use std::{fmt, sync::Arc};

use axum::{Json, extract::State};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::StatusCode;
use sandboxed_core::NewSecret;
use sandboxed_model::{
    page::Page,
    secret::{Audience, Secret, SecretName, SecretUse, VaultStatus},
};
use secrecy::{SecretSlice, SecretString};
use serde::{Deserialize, Deserializer, de};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use zeroize::Zeroizing;

use super::{List, PageQuery};
use crate::{
    extract::{Body, Caller, InPath, InQuery},
    problem::Problem,
    state::{Server, Shared},
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list_secrets))
        .routes(routes!(get_secret, set_secret, describe_secret, delete_secret))
        .routes(routes!(list_secret_uses))
        .routes(routes!(vault_status))
        .routes(routes!(rotate_vault_key))
}

/// A text that is overwritten when it is given up, and in no message of an error.
pub(super) struct Hidden(Zeroizing<String>);

impl Hidden {
    pub(super) fn into_bytes(self) -> SecretSlice<u8> {
        self.0.as_bytes().to_vec().into()
    }

    pub(super) fn into_text(self) -> SecretString {
        self.0.as_str().into()
    }
}

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl de::Visitor<'_> for Text {
            type Value = Hidden;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Hidden, E> {
                Ok(Hidden(Zeroizing::new(text.to_owned())))
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<Hidden, E> {
                Ok(Hidden(Zeroizing::new(text)))
            }
        }

        deserializer.deserialize_string(Text)
    }
}

/// A value for a secret, and who may use it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SecretValue {
    /// The value, as text: 6 bytes to 64 KiB.
    #[schema(value_type = Option<String>, write_only)]
    value: Option<Hidden>,
    /// The value in base64, for one that is no text. One of the two is given.
    #[schema(value_type = Option<String>, write_only)]
    value_base64: Option<Hidden>,
    /// Who may use it. Absent: those who may already, and nobody for a new secret.
    #[schema(max_items = 64)]
    audience: Option<Vec<Audience>>,
    /// What it is for, on one line. Absent: what is said already.
    #[schema(max_length = 1024)]
    description: Option<String>,
}

impl SecretValue {
    fn value(&self) -> Result<SecretSlice<u8>, Problem> {
        let value = match (&self.value, &self.value_base64) {
            (Some(text), None) => text.0.as_bytes().to_vec(),
            (None, Some(base64)) => BASE64_STANDARD
                .decode(base64.0.as_bytes())
                .map_err(|_| Problem::invalid("secrets.value_invalid", "value_base64 is no base64"))?,
            _ => {
                let detail = "a secret has a value: value, or value_base64";
                return Err(Problem::invalid("secrets.value_invalid", detail));
            }
        };
        Ok(value.into())
    }
}

/// What is said of a secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SecretTerms {
    /// Who may use it. Absent: those who may already.
    #[schema(max_items = 64)]
    audience: Option<Vec<Audience>>,
    /// What it is for, on one line. Absent: what is said already.
    #[schema(max_length = 1024)]
    description: Option<String>,
}

/// How a secret is removed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DeleteQuery {
    /// Also where something names it.
    #[serde(default)]
    #[param(required = false)]
    force: bool,
}

/// List secrets
///
/// By their names, without their values, those of `[secrets]` included.
#[utoipa::path(
    get, path = "/secrets", tag = "secrets",
    responses((status = 200, description = "All secrets.", body = List<Secret>))
)]
async fn list_secrets(State(server): Shared, _: Caller) -> Result<Json<List<Secret>>, Problem> {
    Ok(Json(List { items: server.orchestrator.secrets().await? }))
}

/// Get a secret
///
/// Without its value: no operation returns that.
#[utoipa::path(
    get, path = "/secrets/{name}", tag = "secrets", params(("name" = String, Path, description = "Its name")),
    responses((status = 200, description = "The secret.", body = Secret))
)]
async fn get_secret(State(server): Shared, _: Caller, InPath(name): InPath<String>) -> Result<Json<Secret>, Problem> {
    Ok(Json(server.orchestrator.secret(&name).await?))
}

/// Set a secret
///
/// Keeps a new secret, or gives another value to the one of this name, which is used from then on.
#[utoipa::path(
    put, path = "/secrets/{name}", tag = "secrets", request_body = SecretValue,
    params(("name" = inline(SecretName), Path, description = "Its name")),
    responses(
        (status = 200, description = "It has another value.", body = Secret),
        (status = 201, description = "It is new.", body = Secret)
    ),
    security(("token" = ["admin"]), ("session" = ["admin"]))
)]
async fn set_secret(
    State(server): Shared,
    _: Caller,
    InPath(name): InPath<SecretName>,
    Body(wanted): Body<SecretValue>,
) -> Result<(StatusCode, Json<Secret>), Problem> {
    let value = wanted.value()?;
    let new = NewSecret { name, value, audience: wanted.audience, description: wanted.description };
    let (secret, is_new) = server.orchestrator.set_secret(new).await?;
    Ok((if is_new { StatusCode::CREATED } else { StatusCode::OK }, Json(secret)))
}

/// Describe a secret
///
/// Says anew who may use it, or what it is for. Its value stays.
#[utoipa::path(
    patch, path = "/secrets/{name}", tag = "secrets", request_body = SecretTerms,
    params(("name" = inline(SecretName), Path, description = "Its name")),
    responses((status = 200, description = "The secret.", body = Secret)),
    security(("token" = ["admin"]), ("session" = ["admin"]))
)]
async fn describe_secret(
    State(server): Shared,
    _: Caller,
    InPath(name): InPath<SecretName>,
    Body(wanted): Body<SecretTerms>,
) -> Result<Json<Secret>, Problem> {
    let SecretTerms { audience, description } = wanted;
    Ok(Json(server.orchestrator.describe_secret(&name, audience, description).await?))
}

/// Remove a secret
///
/// Refused while a workspace, a template or the configuration names it, unless it is forced: what names it then fails when it
/// is started.
#[utoipa::path(
    delete, path = "/secrets/{name}", tag = "secrets",
    params(("name" = inline(SecretName), Path, description = "Its name"), DeleteQuery),
    responses((status = 204, description = "It is gone.")),
    security(("token" = ["admin"]), ("session" = ["admin"]))
)]
async fn delete_secret(
    State(server): Shared,
    _: Caller,
    InPath(name): InPath<SecretName>,
    InQuery(query): InQuery<DeleteQuery>,
) -> Result<StatusCode, Problem> {
    server.orchestrator.delete_secret(&name, query.force).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the uses of a secret
///
/// By user and hour, the newest first. They are kept for 90 days, also when the secret is gone.
#[utoipa::path(
    get, path = "/secrets/{name}/uses", tag = "secrets",
    params(("name" = String, Path, description = "Its name"), PageQuery),
    responses((status = 200, description = "A part of the list.", body = Page<SecretUse>))
)]
async fn list_secret_uses(
    State(server): Shared,
    _: Caller,
    InPath(name): InPath<String>,
    InQuery(query): InQuery<PageQuery>,
) -> Result<Json<Page<SecretUse>>, Problem> {
    Ok(Json(server.orchestrator.secret_uses(&name, &query.request()?).await?))
}

/// See how the vault stands
#[utoipa::path(
    get, path = "/vault", tag = "secrets",
    responses((status = 200, description = "Its key, and how far that is replaced.", body = VaultStatus))
)]
async fn vault_status(State(server): Shared, _: Caller) -> Result<Json<VaultStatus>, Problem> {
    Ok(Json(server.orchestrator.vault_status().await?))
}

/// Replace the master key of the vault
///
/// Values are put under a new key in the background, and everything goes on meanwhile. `GET /api/v1/vault` says how many are
/// left.
#[utoipa::path(
    post, path = "/vault/rotate-key", tag = "secrets",
    responses((status = 202, description = "It has begun.", body = VaultStatus)),
    security(("token" = ["admin"]), ("session" = ["admin"]))
)]
async fn rotate_vault_key(State(server): Shared, _: Caller) -> Result<(StatusCode, Json<VaultStatus>), Problem> {
    Ok((StatusCode::ACCEPTED, Json(server.orchestrator.rotate_vault_key().await?)))
}
