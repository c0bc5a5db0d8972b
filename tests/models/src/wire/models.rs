//! The lists of models.

use crate::{json::Obj, route::Format};

/// When every model came out: 2025-01-01.
const CREATED: i64 = 1_735_689_600;

fn anthropic(id: &str) -> Obj {
    Obj::of("model")
        .put("id", id)
        .put("display_name", id)
        .put("created_at", "2025-01-01T00:00:00Z")
        .put("lifecycle", "active")
        .put("max_input_tokens", 200_000)
        .put("max_tokens", 64_000)
}

fn openai(id: &str) -> Obj {
    Obj::new().put("id", id).put("object", "model").put("created", CREATED).put("owned_by", "scripted")
}

fn google(id: &str) -> Obj {
    Obj::new()
        .put("name", format!("models/{id}"))
        .put("version", "001")
        .put("displayName", id)
        .put("description", "A scripted model")
        .put("inputTokenLimit", 1_048_576)
        .put("outputTokenLimit", 65_536)
        .put("supportedGenerationMethods", ["generateContent", "countTokens"])
}

/// All models.
pub(crate) fn list(format: Format, models: &[String]) -> String {
    let each = |one: fn(&str) -> Obj| models.iter().map(|id| one(id)).collect::<Vec<_>>();
    match format {
        Format::Messages => Obj::new()
            .put("data", each(anthropic))
            .put("has_more", false)
            .put("first_id", models.first())
            .put("last_id", models.last())
            .text(),
        Format::Chat | Format::Responses => Obj::new().put("object", "list").put("data", each(openai)).text(),
        Format::Gemini => Obj::new().put("models", each(google)).text(),
    }
}

/// One model, if there is one of this name.
pub(crate) fn one(format: Format, models: &[String], id: &str) -> Option<String> {
    let id = models.iter().find(|known| known.as_str() == id)?;
    Some(match format {
        Format::Messages => anthropic(id).text(),
        Format::Chat | Format::Responses => openai(id).text(),
        Format::Gemini => google(id).text(),
    })
}
