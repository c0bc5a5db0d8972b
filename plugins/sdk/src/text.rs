//! Text out of bytes that arrive in pieces.

use serde::{Deserialize, Serialize};

/// Decodes UTF-8 that is cut anywhere. Bytes that are no UTF-8 become U+FFFD; a character that is cut waits for its
/// rest. Small enough to be part of a session's saved state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextDecoder {
    /// The start of a character: three bytes at most.
    pending: Vec<u8>,
}

impl TextDecoder {
    /// The text of the bytes so far, without the start of a character that is not complete.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        let mut all = std::mem::take(&mut self.pending);
        all.extend_from_slice(bytes);
        let mut text = String::with_capacity(all.len());
        let mut rest = all.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    return text;
                }
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(valid));
                    match error.error_len() {
                        Some(length) => {
                            text.push(char::REPLACEMENT_CHARACTER);
                            rest = &after[length..];
                        }
                        None => {
                            self.pending = after.to_vec();
                            return text;
                        }
                    }
                }
            }
        }
    }

    /// The end of the bytes: what is left of a character that was never completed.
    pub fn finish(&mut self) -> String {
        match std::mem::take(&mut self.pending).is_empty() {
            true => String::new(),
            false => char::REPLACEMENT_CHARACTER.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_the_same_wherever_the_bytes_are_cut() {
        let bytes = b"a\xc3\xa4\xe2\x82\xac\xf0\x9f\xa6\x80\xff\xfe\x80b\xe2\x82";
        let mut whole = TextDecoder::default();
        let expected = whole.push(bytes) + &whole.finish();
        assert_eq!(expected, "aä€🦀\u{fffd}\u{fffd}\u{fffd}b\u{fffd}");
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let mut decoder = TextDecoder::default();
                let mut text = decoder.push(&bytes[..first]);
                text += &decoder.push(&bytes[first..second]);
                text += &decoder.push(&bytes[second..]);
                text += &decoder.finish();
                assert_eq!(text, expected, "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn what_waits_is_never_more_than_a_character() {
        let mut decoder = TextDecoder::default();
        for byte in b"\xf0\x9f\xa6\xf0\x9f\xa6\xf0\x9f\xa6" {
            decoder.push(&[*byte]);
            assert!(decoder.pending.len() <= 3);
        }
    }
}
