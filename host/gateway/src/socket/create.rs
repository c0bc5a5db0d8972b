//! The message that begins a request.

use std::ops::Range;

use bytes::Bytes;
use sandboxed_model::wire::WireFormat;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::{
    Refusal,
    request::{self, Said},
};

/// A `response.create`.
pub(super) struct Create {
    text: Utf8Bytes,
    pub(super) model: String,
    /// Where the model's JSON string is in the text.
    place: Range<usize>,
    pub(super) said: Said,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
}

/// Whether a message ends the request that is being answered: the only other one that is known to use nothing.
pub(super) fn is_cancel(text: &str) -> bool {
    serde_json::from_str::<Message<'_>>(text).is_ok_and(|message| message.kind == "response.cancel")
}

/// Reads a message that begins a request. Its members are at the top, or in `response`.
///
/// # Errors
///
/// That it is none, or not clear.
pub(super) fn read(text: Utf8Bytes) -> Result<Create, Refusal> {
    let unclear = |why: &str| Refusal::invalid("gateway.request_unclear", format!("The message cannot be read: {why}"));
    let message: Message<'_> = serde_json::from_str(&text).map_err(|error| unclear(&error.to_string()))?;
    if message.kind != "response.create" {
        return Err(unclear("it is no response.create"));
    }
    let inner = message.response.map(RawValue::get).filter(|inner| inner.starts_with('{'));
    let (body, offset) = match inner {
        Some(inner) => (inner, inner.as_ptr().addr() - text.as_ptr().addr()),
        None => (text.as_str(), 0),
    };
    let said = request::read(WireFormat::Responses, body.as_bytes())?;
    if said.background {
        return Err(unclear("answers in the background are not served"));
    }
    let (model, place) = said.model.clone().ok_or_else(|| unclear("it names no model"))?;
    Ok(Create { model, place: place.start + offset..place.end + offset, said, text })
}

impl Create {
    /// The message with the name that the model has on a route.
    pub(super) fn text_for(&self, model: &str) -> Utf8Bytes {
        if model == self.model {
            return self.text.clone();
        }
        let changed = request::with_model(&Bytes::from(self.text.clone()), &self.place, model);
        // What was put in is text, so that it is text as a whole; if it were not, the message as it came is refused upstream.
        Utf8Bytes::try_from(changed).unwrap_or_else(|_| self.text.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_replaced_wherever_it_is_said() {
        for (text, changed) in [
            (
                r#"{"type":"response.create","model":"m","input":"\"model\":\"m\""}"#,
                r#"{"type":"response.create","model":"up","input":"\"model\":\"m\""}"#,
            ),
            (
                r#"{"model":"x","type":"response.create","response":{"input":[], "model" : "m"}}"#,
                r#"{"model":"x","type":"response.create","response":{"input":[], "model" : "up"}}"#,
            ),
        ] {
            let create = read(text.into()).unwrap();
            assert_eq!((create.model.as_str(), create.text_for("up").as_str()), ("m", changed));
            assert_eq!(create.text_for("m").as_str(), text);
        }
        for text in ["", "[]", "{}", r#"{"type":"response.dance"}"#, r#"{"type":"response.create"}"#] {
            assert!(read(text.into()).is_err(), "{text}");
        }
    }
}
