//! How much of an answer can be seen: bytes of text, reasoning and arguments.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// What models do not write: names, marks, and what is for machines alone.
const UNWRITTEN: [&str; 19] = [
    "call_id",
    "caller",
    "data",
    "encrypted_content",
    "finishReason",
    "finish_reason",
    "format",
    "id",
    "index",
    "item_id",
    "logprobs",
    "model",
    "obfuscation",
    "object",
    "role",
    "signature",
    "status",
    "thoughtSignature",
    "type",
];

/// Bytes of what a model has written in a part of an answer. Rather too many than too few.
pub(super) fn bytes(part: &RawValue) -> u64 {
    let mut seen = 0;
    let mut deserializer = serde_json::Deserializer::from_str(part.get());
    match Seen(&mut seen).deserialize(&mut deserializer) {
        Ok(()) => seen,
        Err(_) => part.get().len() as u64,
    }
}

struct Seen<'a>(&'a mut u64);

impl<'de> DeserializeSeed<'de> for Seen<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seen<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        *self.0 += text.len() as u64;
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Seen(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                // Arguments that are JSON and no text: their names and numbers were written as well.
                "args" => *self.0 += map.next_value::<&RawValue>()?.get().len() as u64,
                name if UNWRITTEN.contains(&name) => {
                    map.next_value::<IgnoredAny>()?;
                }
                _ => map.next_value_seed(Seen(self.0))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_model_writes_is_seen_and_nothing_else() {
        for (part, seen) in [
            (r#"{"type":"text_delta","text":"hällo"}"#, 6),
            (r#"{"type":"input_json_delta","partial_json":"{\"a\":"}"#, 5),
            (r#"{"type":"signature_delta","signature":"AAAAAAAAAA"}"#, 0),
            (r#"[{"index":0,"delta":{"role":"assistant","content":"abc"},"finish_reason":null}]"#, 3),
            (r#"[{"delta":{"tool_calls":[{"index":0,"id":"call_1","function":{"arguments":"xyz"}}]}}]"#, 3),
            (r#"[{"content":{"parts":[{"functionCall":{"name":"f","args":{"n":123}}}],"role":"model"}}]"#, 10),
            (r#""plain""#, 5),
        ] {
            let part: Box<RawValue> = serde_json::from_str(part).unwrap();
            assert_eq!(bytes(&part), seen, "{part}");
        }
    }
}
