//! `Idempotency-Key`: a change that is asked for again is answered again and not done again.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    middleware::Next,
    response::Response,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use sandboxed_core::StoredAnswer;
use sandboxed_model::{UserId, access::Principal};
use sha2::{Digest, Sha256};

use crate::{
    contract::IDEMPOTENCY_KEY,
    extract::too_large,
    observe::RequestId,
    problem::{self, Problem},
    router::MAX_BODY,
    state::Server,
};

/// Tells that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// The longest key.
pub(crate) const MAX_KEY: usize = 255;

/// Keys of changes that are under way.
#[derive(Debug, Default)]
pub(crate) struct KeysInUse(Mutex<HashSet<(UserId, String)>>);

/// Holds a key as long as its change is under way.
struct KeyInUse<'a> {
    keys: &'a KeysInUse,
    key: (UserId, String),
}

impl KeysInUse {
    fn take(&self, user: UserId, key: &str) -> Option<KeyInUse<'_>> {
        let key = (user, key.to_owned());
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        taken.then(|| KeyInUse { keys: self, key })
    }
}

impl Drop for KeyInUse<'_> {
    fn drop(&mut self) {
        self.keys.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// Answers a request: from the store if its key was answered before, else by its handler.
pub(crate) async fn once(
    server: &Server,
    principal: &Principal,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let Some(key) = key_of(request.headers())? else { return Ok(next.run(request).await) };
    // The key is taken before the store is asked: else two requests could both find nothing.
    let Some(_in_use) = server.keys_in_use.take(principal.user, &key) else {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "http.idempotency_in_progress",
            "a request with this Idempotency-Key is under way: wait for its answer",
        ));
    };
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_BODY).await.map_err(|_| too_large())?;
    let request_hash = hash(&parts, &body);
    if let Some(stored) = server.orchestrator.stored_answer(principal, &key).await? {
        if stored.request_hash != request_hash {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "http.idempotency_key_reused",
                "this Idempotency-Key came with another request before: use a new key for a new request",
            ));
        }
        return replay(stored);
    }
    let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    let response = problem::render(response, &request_id, server.orchestrator.redaction());
    if !is_kept(response.status()) {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.map_err(|_| Problem::internal())?;
    let answer = StoredAnswer { request_hash, status: parts.status.as_u16(), body: body.to_vec() };
    if let Err(error) = server.orchestrator.store_answer(principal, &key, answer).await {
        tracing::warn!(%error, "the answer to an Idempotency-Key could not be stored");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// What may come out otherwise when it is tried again is not kept.
fn is_kept(status: StatusCode) -> bool {
    !status.is_server_error() && status != StatusCode::TOO_MANY_REQUESTS
}

fn key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let valid = value.to_str().ok().filter(|key| {
        values.next().is_none() && (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
    });
    let detail = format!("an Idempotency-Key has 1 to {MAX_KEY} visible ASCII characters and is given once");
    valid.map(|key| Some(key.to_owned())).ok_or_else(|| Problem::invalid("http.idempotency_key_invalid", detail))
}

fn hash(parts: &http::request::Parts, body: &Bytes) -> [u8; 32] {
    let mut hasher = Sha256::new();
    let content_type = parts.headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    for part in [parts.method.as_str().as_bytes(), parts.uri.to_string().as_bytes(), content_type] {
        hasher.update(part);
        hasher.update([0]);
    }
    hasher.update(body);
    hasher.finalize().into()
}

fn replay(stored: StoredAnswer) -> Result<Response, Problem> {
    let status = StatusCode::from_u16(stored.status).map_err(|_| Problem::internal())?;
    let media_type = if status.is_client_error() { problem::MEDIA_TYPE } else { "application/json" };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(REPLAYED, const { HeaderValue::from_static("true") });
    if !stored.body.is_empty() {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        *response.body_mut() = Body::from(stored.body);
    }
    Ok(response)
}
