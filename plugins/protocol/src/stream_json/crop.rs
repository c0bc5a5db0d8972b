//! Keeping what an agent prints small.

use serde_json::{Map, Value, json};

/// Bytes of an id or a name.
const NAME: usize = 128;
/// Bytes of one text within a value.
const TEXT: usize = 1 << 10;
/// Bytes of a value, as JSON.
const VALUE: usize = 4 << 10;

/// The start of a text, cut between characters.
pub(super) fn start(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// An id or a name: cut where it is absurdly long, and without control characters, which take much room when saved.
pub(super) fn name(text: &str) -> String {
    start(text, NAME).chars().filter(|character| !character.is_control()).collect()
}

/// A value with its long texts cut, and at most 4 KiB of it.
pub(super) fn value(value: &Value) -> Value {
    let cut = cut(value, 0);
    match cut.to_string() {
        text if text.len() > VALUE => json!({ "cut": start(&text, TEXT) }),
        _ => cut,
    }
}

fn cut(value: &Value, depth: usize) -> Value {
    match value {
        Value::String(text) if text.len() > TEXT => {
            let start = start(text, TEXT);
            Value::String(format!("{start}… ({} more bytes)", text.len() - start.len()))
        }
        // What is nested deeper than this is not read by anybody.
        Value::Array(_) | Value::Object(_) if depth > 8 => Value::String("…".to_owned()),
        Value::Array(items) => items.iter().map(|item| cut(item, depth + 1)).collect(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, field)| (key.clone(), cut(field, depth + 1)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_and_say_so() {
        let cut = value(&json!({ "a": "ä".repeat(1000), "b": 1 }));
        assert_eq!(cut["b"], 1);
        assert!(cut["a"].as_str().is_some_and(|text| text.ends_with("… (976 more bytes)")), "{cut}");
    }

    #[test]
    fn a_value_is_never_large() {
        let many: Vec<u32> = (0..100_000).collect();
        for large in [json!(many), json!({ "x".repeat(1 << 20): "\u{1}".repeat(1 << 20) }), json!("\u{1}".repeat(5000))]
        {
            assert!(value(&large).to_string().len() <= 8 << 10);
        }
    }
}
