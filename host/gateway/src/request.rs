//! Reads of a request what has to be known of it, and puts another model's name into it.

use std::{borrow::Cow, fmt, ops::Range};

use bytes::{Bytes, BytesMut};
use sandboxed_model::wire::WireFormat;
use serde::{
    Deserializer as _,
    de::{Deserialize, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{Refusal, desk::Worst};

/// Strings that are longer and look like base64 are media.
const SHORTEST_MEDIA: usize = 1024;

/// Members at the top of a request that decide something here. A request that has one of them twice is refused: the provider
/// might take the other one.
const DECIDING: [&str; 11] = [
    "model",
    "stream",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "n",
    "background",
    "previous_response_id",
    "conversation",
    "generationConfig",
    "generation_config",
];

/// What a request says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Said {
    /// The model, and where in the body its JSON string is.
    pub(crate) model: Option<(String, Range<usize>)>,
    pub(crate) stream: bool,
    pub(crate) worst: Worst,
    /// The answer is to be made later and fetched by other means.
    pub(crate) background: bool,
}

/// Reads the body of a request.
///
/// # Errors
///
/// That it is no JSON object, or ambiguous.
pub(crate) fn read(format: WireFormat, body: &[u8]) -> Result<Said, Refusal> {
    let text = std::str::from_utf8(body).map_err(|_| unclear("it is no UTF-8"))?;
    let members = members(text)?;
    let mut said = Said { worst: Worst { answers: 1, ..Worst::default() }, ..Said::default() };
    let mut outputs = Vec::new();
    for (name, value) in &members {
        let raw = value.get();
        match name.as_ref() {
            "model" => {
                let model = serde_json::from_str(raw).map_err(|_| unclear("its model is no text"))?;
                let from = raw.as_ptr().addr() - text.as_ptr().addr();
                said.model = Some((model, from..from + raw.len()));
            }
            "stream" => said.stream = raw == "true",
            "background" => said.background = raw == "true",
            "max_tokens" | "max_completion_tokens" | "max_output_tokens" => outputs.extend(number(raw)),
            "n" => said.worst.answers = number(raw).unwrap_or(1).max(1),
            "generationConfig" | "generation_config" => {
                let inner = self::members(raw).unwrap_or_default();
                for (name, value) in &inner {
                    match name.as_ref() {
                        "maxOutputTokens" | "max_output_tokens" => outputs.extend(number(value.get())),
                        "candidateCount" | "candidate_count" => {
                            said.worst.answers = number(value.get()).unwrap_or(1).max(1);
                        }
                        _ => {}
                    }
                }
            }
            "previous_response_id" | "conversation" | "prompt" | "cachedContent" | "cached_content" => {
                said.worst.unseen_input |= raw != "null";
            }
            _ => {}
        }
    }
    // Where it is said twice in different words, either may be meant.
    said.worst.output_tokens = outputs.into_iter().max();
    let mut weight = Weight::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    match Weigh(&mut weight).deserialize(&mut deserializer) {
        Ok(()) => {
            let length = text.len() as u64;
            said.worst.text_bytes = length.saturating_sub(weight.media_bytes);
            (said.worst.media, said.worst.media_bytes) = (weight.media, weight.media_bytes);
        }
        // Deeper than the parser goes: all of it counts as text, which is more.
        Err(_) => said.worst.text_bytes = text.len() as u64,
    }
    said.worst.unseen_input |= weight.refers;
    if format == WireFormat::Gemini {
        // The path tells both.
        (said.model, said.stream) = (None, false);
    }
    Ok(said)
}

/// The body with another model's name, all else byte for byte as it was.
pub(crate) fn with_model(body: &Bytes, place: &Range<usize>, model: &str) -> Bytes {
    let name = serde_json::Value::from(model).to_string();
    let mut changed = BytesMut::with_capacity(body.len() + name.len());
    changed.extend_from_slice(&body[..place.start]);
    changed.extend_from_slice(name.as_bytes());
    changed.extend_from_slice(&body[place.end..]);
    changed.freeze()
}

fn unclear(why: &str) -> Refusal {
    Refusal::invalid("gateway.request_unclear", format!("The request cannot be read: {why}"))
}

/// The number that a limit is. What is none is left to the provider to refuse.
fn number(raw: &str) -> Option<u64> {
    raw.parse().ok()
}

fn members(text: &str) -> Result<Vec<(Cow<'_, str>, &RawValue)>, Refusal> {
    struct Members;
    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members: Self::Value = Vec::new();
            let known = [&DECIDING[..], &REFERRING, &NESTED].concat();
            while let Some(Name(name)) = map.next_key()? {
                let value = map.next_value()?;
                // The rest is for the provider alone, and there may be any number of it.
                if known.contains(&name.as_ref()) {
                    if members.iter().any(|(known, _)| *known == name) {
                        return Err(serde::de::Error::custom(format!("{name} is there twice")));
                    }
                    members.push((name, value));
                } else if known.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
                    // Some parsers take it for the same.
                    return Err(serde::de::Error::custom(format!("{name} is nearly a known name")));
                }
            }
            Ok(members)
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let members = deserializer.deserialize_map(Members).and_then(|members| deserializer.end().map(|()| members));
    members.map_err(|error| unclear(&error.to_string()))
}

/// Members at the top that refer to input which is elsewhere.
const REFERRING: [&str; 3] = ["prompt", "cachedContent", "cached_content"];

/// Members of Gemini's configuration that decide something.
const NESTED: [&str; 4] = ["maxOutputTokens", "max_output_tokens", "candidateCount", "candidate_count"];

/// The name of a member, borrowed where it has no escapes.
struct Name<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[derive(Default)]
struct Weight {
    media: u64,
    media_bytes: u64,
    refers: bool,
}

/// Finds media among all strings of a request, and references to what is elsewhere.
struct Weigh<'a>(&'a mut Weight);

impl<'de> DeserializeSeed<'de> for Weigh<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Weigh<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        if text.len() >= SHORTEST_MEDIA && is_base64(text) {
            self.0.media += 1;
            self.0.media_bytes += text.len() as u64;
        }
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
        while seq.next_element_seed(Weigh(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Name(name)) = map.next_key()? {
            match name.as_ref() {
                "file_id" | "fileUri" | "file_uri" | "file_url" => {
                    self.0.refers = true;
                    map.next_value::<IgnoredAny>()?;
                }
                _ => map.next_value_seed(Weigh(self.0))?,
            }
        }
        Ok(())
    }
}

/// Whether a text is base64, by itself or in a `data:` address. Its beginning and its end tell: text has spaces.
fn is_base64(text: &str) -> bool {
    let bytes = text.as_bytes();
    let body = match (text.starts_with("data:"), memchr::memchr(b',', &bytes[..bytes.len().min(256)])) {
        (true, Some(comma)) => &bytes[comma + 1..],
        _ => bytes,
    };
    let plain = |part: &[u8]| part.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_=".contains(byte));
    body.len() > 256
        && plain(&body[..128])
        && plain(&body[body.len() - 128..])
        && memchr::memchr2(b' ', b'\n', body).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Said {
        read(WireFormat::Messages, text.as_bytes()).unwrap()
    }

    #[test]
    fn the_top_model_is_found_and_replaced_in_place() {
        for (body, changed) in [
            (r#"{"model":"m","x":{"model":"n"}}"#, r#"{"model":"up","x":{"model":"n"}}"#),
            (
                "{\n \"x\" : [ {\"model\" : 1} ] ,\"model\"\t:  \"a\\u0062\\\"c\" }",
                "{\n \"x\" : [ {\"model\" : 1} ] ,\"model\"\t:  \"up\" }",
            ),
            (r#"{"mod\u0065l":"m"}"#, r#"{"mod\u0065l":"up"}"#),
        ] {
            let (_, place) = said(body).model.unwrap();
            assert_eq!(with_model(&Bytes::from(body.to_owned()), &place, "up"), changed);
        }
        assert_eq!(said("{\"model\" : \"a\\u0062\\\"c\" }").model.unwrap().0, "ab\"c");
        assert_eq!(said("{}").model, None);
    }

    #[test]
    fn what_decides_may_not_be_there_twice() {
        for body in [
            r#"{"model":"cheap","model":"dear"}"#,
            r#"{"model":"cheap","mod\u0065l":"dear"}"#,
            r#"{"model":"m","max_tokens":1,"max_tokens":99999}"#,
            r#"{"model":"cheap","Model":"dear"}"#,
            r#"{"model":1}"#,
            "[]",
            "{",
            "{} {}",
            "\"text\"",
            "{\"model\":\"\u{fffd}",
        ] {
            assert!(read(WireFormat::Chat, body.as_bytes()).is_err(), "{body}");
        }
        assert!(read(WireFormat::Chat, b"{\"model\":\"\xff\"}").is_err());
    }

    #[test]
    fn limits_of_output_are_read_in_all_words() {
        let limit = |body: &str| {
            let worst = read(WireFormat::Gemini, body.as_bytes()).unwrap().worst;
            (worst.output_tokens, worst.answers)
        };
        assert_eq!(limit(r#"{"max_tokens":5}"#), (Some(5), 1));
        assert_eq!(limit(r#"{"max_tokens":5,"max_completion_tokens":9,"n":3}"#), (Some(9), 3));
        assert_eq!(limit(r#"{"max_output_tokens":7}"#), (Some(7), 1));
        assert_eq!(limit(r#"{"generationConfig":{"maxOutputTokens":8,"candidateCount":2}}"#), (Some(8), 2));
        assert_eq!(limit(r#"{"max_tokens":"5"}"#), (None, 1));
    }

    #[test]
    fn media_are_told_apart_from_text() {
        let picture = "iVBORw0KGgo".repeat(500);
        let body = serde_json::json!({ "model": "m", "messages": [{ "content": [
            { "source": { "data": picture } },
            { "image_url": { "url": format!("data:image/png;base64,{picture}") } },
            { "text": "word ".repeat(1000) },
        ] }] });
        let worst = said(&body.to_string()).worst;
        assert_eq!((worst.media, worst.media_bytes), (2, 11_022));
        assert_eq!(worst.text_bytes, body.to_string().len() as u64 - 11_022);
        assert!(!worst.unseen_input);
        assert!(said(r#"{"previous_response_id":"resp_1"}"#).worst.unseen_input);
        assert!(said(r#"{"input":[{"file_id":"f"}]}"#).worst.unseen_input);
        assert!(!said(r#"{"previous_response_id":null}"#).worst.unseen_input);
    }

    #[test]
    fn depth_is_no_reason_to_fail() {
        let body = format!("{{\"model\":\"m\",\"x\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
        assert_eq!(said(&body).worst.text_bytes, body.len() as u64);
    }
}
