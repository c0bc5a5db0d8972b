//! The list of models, in the words of the provider that is asked for it.

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use sandboxed_model::{Blame, Failure, wire::WireFormat};
use serde_json::{Value, json};

use crate::{Reason, Refusal, desk::ModelListing};

/// The list, or one of it.
///
/// # Errors
///
/// That there is no such model.
pub(crate) fn answer(
    format: WireFormat,
    models: &[ModelListing],
    one: Option<&str>,
) -> Result<Response<Bytes>, Refusal> {
    let body = match one {
        Some(id) => models.iter().find(|model| model.id == id).map(|model| entry(format, model)).ok_or_else(|| {
            let message = format!("There is no model {:?} here", id.chars().take(128).collect::<String>());
            Refusal::new(Reason::Unknown, Failure::new(Blame::Config, "gateway.model_unknown", message))
        })?,
        None => list(format, models),
    };
    let mut response = Response::new(Bytes::from(body.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

fn list(format: WireFormat, models: &[ModelListing]) -> Value {
    let entries: Vec<Value> = models.iter().map(|model| entry(format, model)).collect();
    match format {
        WireFormat::Messages => json!({
            "data": entries,
            "has_more": false,
            "first_id": models.first().map(|model| &model.id),
            "last_id": models.last().map(|model| &model.id),
        }),
        WireFormat::Chat | WireFormat::Responses => json!({ "object": "list", "data": entries }),
        WireFormat::Gemini => json!({ "models": entries }),
    }
}

fn entry(format: WireFormat, model: &ModelListing) -> Value {
    let ModelListing { id, display_name, created, owner } = model;
    match format {
        WireFormat::Messages => {
            json!({ "type": "model", "id": id, "display_name": display_name, "created_at": created })
        }
        WireFormat::Chat | WireFormat::Responses => {
            json!({ "id": id, "object": "model", "created": created.as_millis() / 1000, "owned_by": owner })
        }
        WireFormat::Gemini => json!({
            "name": format!("models/{id}"),
            "displayName": display_name,
            "supportedGenerationMethods": ["generateContent", "countTokens"],
        }),
    }
}
