//! The control surface, under `/_/`.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::{answer::Body, intake, json::text_of, key, scenario::Scenario, service::Stage};

/// Where the control surface begins.
pub(crate) const PREFIX: &str = "/_/";

/// Longest wait for answers that go on.
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers one request to the control surface.
pub(crate) async fn serve(stage: Arc<Stage>, request: Request<Incoming>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let method = request.method().clone();
    if value("settled") == Some("1") && !stage.ledger.settled(PATIENCE).await {
        return answer(StatusCode::CONFLICT, &json!({ "error": "some answers still go on" }));
    }
    match (method, path.strip_prefix(PREFIX).unwrap_or_default()) {
        (Method::GET, "health") => answer(StatusCode::OK, &json!({ "ok": true })),
        (Method::GET, "ledger") => {
            let from = value("from").and_then(|from| from.parse().ok()).unwrap_or(0);
            let of_key = value("key").map(key::fingerprint);
            let of_model = value("model");
            let mut records = stage.ledger.records(from);
            records.retain(|record| {
                of_model.is_none_or(|model| record.model == model)
                    && of_key.as_ref().is_none_or(|of| record.key.as_ref().is_some_and(|key| key.fingerprint == *of))
            });
            answer(StatusCode::OK, &records)
        }
        (Method::GET, "totals") => answer(StatusCode::OK, &stage.ledger.totals()),
        (Method::GET, "scenario") => answer(StatusCode::OK, &*stage.play.scenario()),
        (Method::PUT | Method::POST, "scenario") => {
            let headers = request.headers().clone();
            let (_, body) = intake::read(request.into_body(), &headers, 0).await;
            let text = body.ok().and_then(|body| String::from_utf8(body).ok());
            match text.as_deref().map(Scenario::parse) {
                Some(Ok(scenario)) => {
                    stage.play.put(scenario);
                    answer(StatusCode::OK, &Value::Null)
                }
                Some(Err(error)) => answer(StatusCode::BAD_REQUEST, &json!({ "error": error.to_string() })),
                None => answer(StatusCode::BAD_REQUEST, &json!({ "error": "the body cannot be read" })),
            }
        }
        (Method::POST, "reset") => {
            stage.ledger.reset();
            stage.play.restart();
            answer(StatusCode::OK, &Value::Null)
        }
        _ => answer(
            StatusCode::NOT_FOUND,
            &json!({ "error": "no such path: /_/ledger, totals, scenario, reset, health" }),
        ),
    }
}

fn answer(status: StatusCode, value: &impl serde::Serialize) -> Response<Body> {
    let body = Full::new(Bytes::from(text_of(value))).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    response
}
