//! Providers of models, and the accounts at them.

use std::sync::Arc;

use axum::{Json, extract::State};
use http::StatusCode;
use sandboxed_core::{AccountKey, NewProviderAccount, Trial};
use sandboxed_model::{
    UserId,
    account::{Account, AccountChange, AccountName, ModelPattern},
    catalogue::Model,
    provider::{Provider, ProviderId},
    secret::SecretName,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{List, secrets::Hidden};
use crate::{
    extract::{Body, Caller, InPath, InQuery},
    problem::{Document, MEDIA_TYPE, Problem},
    state::{Server, Shared},
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list_providers))
        .routes(routes!(list_models))
        .routes(routes!(list_accounts, add_account))
        .routes(routes!(order_accounts))
        .routes(routes!(get_account, change_account, delete_account))
        .routes(routes!(test_account))
}

/// An account that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AccountRequest {
    /// Its name.
    name: AccountName,
    /// Whose it is: a provider of the catalogue.
    provider: ProviderId,
    /// The key. It goes into the vault, and no operation returns it.
    #[schema(value_type = Option<String>, write_only)]
    key: Option<Hidden>,
    /// The name of a secret in place of a key, one that is for the provider. With neither, the account shows none.
    secret: Option<SecretName>,
    /// Where the provider is, of those that are not in one place for all.
    #[schema(max_length = 2000)]
    base_url: Option<String>,
    /// The models that it is used for, with `*` for any text. Empty: all.
    #[serde(default)]
    #[schema(max_items = 100)]
    models: Vec<ModelPattern>,
    /// Whether it is used.
    #[serde(default = "yes")]
    #[schema(default = true)]
    enabled: bool,
    /// The only user whose missions use it. Absent: everybody's do.
    owner: Option<UserId>,
}

fn yes() -> bool {
    true
}

/// What is to be changed of an account. What is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AccountUpdate {
    /// Another key.
    #[schema(value_type = Option<String>, write_only)]
    key: Option<Hidden>,
    /// The name of a secret in place of a key.
    secret: Option<SecretName>,
    /// Where the provider is.
    #[schema(max_length = 2000)]
    base_url: Option<String>,
    /// The models that it is used for.
    #[schema(max_items = 100)]
    models: Option<Vec<ModelPattern>>,
    /// Whether it is used.
    enabled: Option<bool>,
    /// The only user whose missions use it.
    owner: Option<UserId>,
    /// Lets everybody's missions use it.
    #[serde(default)]
    for_everybody: bool,
}

/// An order of accounts.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AccountOrder {
    /// All accounts, each once.
    accounts: Vec<AccountName>,
}

/// Which models are listed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ModelsQuery {
    /// Only this provider's.
    #[param(required = false)]
    provider: Option<ProviderId>,
}

fn key(key: Option<Hidden>, secret: Option<SecretName>) -> Result<Option<AccountKey>, Problem> {
    match (key, secret) {
        (Some(_), Some(_)) => {
            Err(Problem::invalid("account.key_invalid", "an account has a key or a secret, not both"))
        }
        (Some(key), None) => Ok(Some(AccountKey::Value(key.into_bytes()))),
        (None, Some(secret)) => Ok(Some(AccountKey::Secret(secret))),
        (None, None) => Ok(None),
    }
}

/// List providers
///
/// Those that the catalogue knows.
#[utoipa::path(
    get, path = "/providers", tag = "models",
    responses((status = 200, description = "All providers.", body = List<Provider>))
)]
async fn list_providers(State(server): Shared, _: Caller) -> Json<List<Provider>> {
    Json(List { items: server.orchestrator.providers().to_vec() })
}

/// List models
///
/// Those that the catalogue knows, with their prices.
#[utoipa::path(
    get, path = "/models", tag = "models", params(ModelsQuery),
    responses((status = 200, description = "All models.", body = List<Model>))
)]
async fn list_models(State(server): Shared, _: Caller, InQuery(query): InQuery<ModelsQuery>) -> Json<List<Model>> {
    Json(List { items: server.orchestrator.catalogue_models(query.provider.as_ref()).to_vec() })
}

/// List accounts
///
/// In the order in which they are used, with how each stands.
#[utoipa::path(
    get, path = "/accounts", tag = "models",
    responses((status = 200, description = "All accounts.", body = List<Account>))
)]
async fn list_accounts(State(server): Shared, _: Caller) -> Result<Json<List<Account>>, Problem> {
    Ok(Json(List { items: server.orchestrator.accounts().await? }))
}

/// Add an account
///
/// It is used after all others.
#[utoipa::path(
    post, path = "/accounts", tag = "models", request_body = AccountRequest,
    responses(
        (status = 201, description = "It is there.", body = Account),
        (status = 404, description = "The catalogue has no such provider.", body = Document, content_type = MEDIA_TYPE)
    ),
    security(("token" = ["admin"]), ("session" = ["admin"]))
)]
async fn add_account(
    State(server): Shared,
    _: Caller,
    Body(wanted): Body<AccountRequest>,
) -> Result<(StatusCode, Json<Account>), Problem> {
    let AccountRequest { name, provider, key: value, secret, base_url, models, enabled, owner } = wanted;
    let key = key(value, secret)?.unwrap_or(AccountKey::None);
    let new = NewProviderAccount { name, provider, key, base_url, models, enabled, owner };
    Ok((StatusCode::CREATED, Json(server.orchestrator.add_account(new).await?)))
}

/// Order the accounts
///
/// Those before others are used first.
#[utoipa::path(
    put, path = "/account-order", tag = "models", request_body = AccountOrder,
    responses((status = 200, description = "All accounts in the new order.", body = List<Account>)),
    security(("token" = ["admin"]), ("session" = ["admin"]))
)]
async fn order_accounts(
    State(server): Shared,
    _: Caller,
    Body(wanted): Body<AccountOrder>,
) -> Result<Json<List<Account>>, Problem> {
    Ok(Json(List { items: server.orchestrator.order_accounts(wanted.accounts).await? }))
}

/// Get an account
#[utoipa::path(
    get, path = "/accounts/{name}", tag = "models",
    params(("name" = inline(AccountName), Path, description = "Its name")),
    responses((status = 200, description = "The account.", body = Account))
)]
async fn get_account(
    State(server): Shared,
    _: Caller,
    InPath(name): InPath<AccountName>,
) -> Result<Json<Account>, Problem> {
    Ok(Json(server.orchestrator.account(&name).await?))
}

/// Change an account
///
/// Another key makes an account ready again whose key was refused.
#[utoipa::path(
    patch, path = "/accounts/{name}", tag = "models", request_body = AccountUpdate,
    params(("name" = inline(AccountName), Path, description = "Its name")),
    responses((status = 200, description = "The account.", body = Account)),
    security(("token" = ["admin"]), ("session" = ["admin"]))
)]
async fn change_account(
    State(server): Shared,
    _: Caller,
    InPath(name): InPath<AccountName>,
    Body(wanted): Body<AccountUpdate>,
) -> Result<Json<Account>, Problem> {
    let AccountUpdate { key: value, secret, base_url, models, enabled, owner, for_everybody } = wanted;
    let owner = match (owner, for_everybody) {
        (Some(_), true) => {
            return Err(Problem::invalid("account.owner_invalid", "an account is for one user or for everybody"));
        }
        (Some(owner), false) => Some(Some(owner)),
        (None, true) => Some(None),
        (None, false) => None,
    };
    let change = AccountChange { credential: None, base_url: base_url.map(Some), models, enabled, owner };
    Ok(Json(server.orchestrator.change_account(&name, key(value, secret)?, change).await?))
}

/// Remove an account
///
/// With its key, if that was given with it. What was used by it stays in the sums.
#[utoipa::path(
    delete, path = "/accounts/{name}", tag = "models",
    params(("name" = inline(AccountName), Path, description = "Its name")),
    responses((status = 204, description = "It is gone.")),
    security(("token" = ["admin"]), ("session" = ["admin"]))
)]
async fn delete_account(
    State(server): Shared,
    _: Caller,
    InPath(name): InPath<AccountName>,
) -> Result<StatusCode, Problem> {
    server.orchestrator.delete_account(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Try an account
///
/// Asks the provider for its list of models, which costs nothing. An account that answers is ready again.
#[utoipa::path(
    post, path = "/accounts/{name}/test", tag = "models",
    params(("name" = inline(AccountName), Path, description = "Its name")),
    responses((status = 200, description = "How it came out.", body = Trial)),
    security(("token" = ["admin"]), ("session" = ["admin"]))
)]
async fn test_account(
    State(server): Shared,
    _: Caller,
    InPath(name): InPath<AccountName>,
) -> Result<Json<Trial>, Problem> {
    Ok(Json(server.orchestrator.test_account(&name).await?))
}
