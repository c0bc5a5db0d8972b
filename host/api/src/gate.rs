//! The one way in: who asks, whether they may, whether the request is one that the operation knows; and for changes,
//! that they are done once, to their end, and noted.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{MatchedPath, Query, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header, uri::Authority};
use sandboxed_core::{Error, Orchestrator};
use sandboxed_model::access::Principal;
use tracing::Instrument as _;

use crate::{
    audit::{self, LoggedIn},
    body,
    contract::Operation,
    extract::SessionSecret,
    idempotency,
    problem::Problem,
    state::Server,
};

/// The name of the cookie that holds a login.
pub(crate) const SESSION_COOKIE: &str = "sandboxed_session";
/// How long a client waits for the head of an answer after the last piece of its request was read. A change that takes
/// longer goes on.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// How a request proves on whose behalf it is made.
pub(crate) enum Credential {
    Token(String),
    Session(String),
}

/// Lets a request through to its handler, or answers it itself.
pub(crate) async fn gate(State(server): State<Arc<Server>>, mut request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("", MatchedPath::as_str);
    // The page at `/`, unknown paths and unknown methods: nothing behind them needs a right.
    let Some(operation) = server.contract.operation(request.method(), route).cloned() else {
        return next.run(request).await;
    };
    let principal = match admit(&server, &operation, &mut request).await {
        Ok(principal) => principal,
        Err(problem) => return problem.into_response(),
    };
    let (request, progress) = body::followed(request);
    let answer = async {
        if operation.changes {
            return change(server, operation, principal, request, next).await;
        }
        match check(&operation, request.uri(), principal.as_ref()) {
            Ok(()) => next.run(request).await,
            Err(problem) => problem.into_response(),
        }
    };
    progress.timeout(ANSWER_TIMEOUT, answer).await.unwrap_or_else(|| {
        let detail =
            format!("the answer took more than {} s; a change may still be under way", ANSWER_TIMEOUT.as_secs());
        Problem::new(StatusCode::GATEWAY_TIMEOUT, "http.timeout", detail).into_response()
    })
}

/// Carries out a change in a task of its own, so that it does not end half-way when its client goes away.
async fn change(
    server: Arc<Server>,
    operation: Operation,
    principal: Option<Principal>,
    request: Request,
    next: Next,
) -> Response {
    let tasks = server.changes.clone();
    let work = async move {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let route = request.extensions().get::<MatchedPath>().cloned();
        let user = principal.as_ref().map(|principal| principal.user);
        let permitted = check(&operation, &uri, principal.as_ref());
        let response = match (permitted, principal) {
            (Err(problem), _) => problem.into_response(),
            (Ok(()), Some(principal)) if operation.idempotent => {
                idempotency::once(&server, &principal, request, next).await.unwrap_or_else(Problem::into_response)
            }
            (Ok(()), _) => next.run(request).await,
        };
        let user = user.or_else(|| response.extensions().get::<LoggedIn>().map(|logged_in| logged_in.0));
        let route = route.as_ref().map_or("", MatchedPath::as_str);
        audit::note(&server.orchestrator, user, &method, route, &uri, response.status()).await;
        response
    };
    tasks.spawn(work.in_current_span()).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a change broke off");
        Problem::internal().into_response()
    })
}

/// Finds out who asks.
async fn admit(server: &Server, operation: &Operation, request: &mut Request) -> Result<Option<Principal>, Problem> {
    let credential = credential(request.headers());
    let from_browser = !matches!(credential, Some(Credential::Token(_)));
    // Browsers let any page open a WebSocket with the cookie.
    let upgrades = request.headers().contains_key(header::UPGRADE);
    if (operation.changes || upgrades) && from_browser {
        let with_cookie = operation.scope.is_some() && credential.is_some();
        if let Some(authority) = request.extensions().get::<Authority>() {
            server.hosts.check_origin(authority, request.headers(), with_cookie)?;
        }
    }
    if operation.scope.is_none() {
        return Ok(None);
    }
    let principal = authenticate(&server.orchestrator, credential.as_ref()).await?;
    if let Some(Credential::Session(secret)) = credential {
        request.extensions_mut().insert(SessionSecret(secret));
    }
    request.extensions_mut().insert(principal.clone());
    Ok(Some(principal))
}

async fn authenticate(orchestrator: &Orchestrator, credential: Option<&Credential>) -> Result<Principal, Error> {
    match credential {
        Some(Credential::Token(secret)) => orchestrator.authenticate_token(secret).await,
        Some(Credential::Session(secret)) => orchestrator.authenticate_session(secret).await,
        None => Err(Error::Unauthenticated("this needs an API token (Authorization: Bearer sbx_…) or a login")),
    }
}

/// A request with `Authorization` stands or falls with it; the cookie is then not looked at.
pub(crate) fn credential(headers: &HeaderMap) -> Option<Credential> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        return Some(Credential::Token(bearer(value).unwrap_or_default().to_owned()));
    }
    cookies(headers).find(|(name, _)| *name == SESSION_COOKIE).map(|(_, secret)| Credential::Session(secret.to_owned()))
}

/// The secret in a header `Authorization`.
pub(crate) fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, secret) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(secret.trim())
}

/// The cookies of a request.
pub(crate) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='))
}

fn check(operation: &Operation, uri: &Uri, principal: Option<&Principal>) -> Result<(), Problem> {
    permit(operation, principal)?;
    check_query(operation, uri)
}

fn permit(operation: &Operation, principal: Option<&Principal>) -> Result<(), Problem> {
    match (operation.scope, principal) {
        (None, _) => Ok(()),
        (Some(needed), Some(principal)) if principal.scope >= needed => Ok(()),
        (Some(needed), _) => Err(Error::Forbidden { needed }.into()),
    }
}

/// Refuses parameters that the operation does not know: a filter with a typing error must not widen a list.
fn check_query(operation: &Operation, uri: &Uri) -> Result<(), Problem> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|rejection| Problem::invalid("http.query_invalid", rejection.body_text()))?;
    for (name, value) in pairs {
        if !operation.open_query && !operation.query.contains(&name) {
            let known: Vec<&str> = operation.query.iter().map(String::as_str).collect();
            let detail = match known.is_empty() {
                true => format!("this operation has no query parameter {name:?}, or any other"),
                false => format!("this operation has no query parameter {name:?}; it has {}", known.join(", ")),
            };
            return Err(Problem::invalid("http.query_unknown", detail));
        }
        if value.contains('\0') {
            return Err(Problem::invalid(
                "http.query_invalid",
                format!("the parameter {name:?} holds a NUL character"),
            ));
        }
    }
    Ok(())
}
