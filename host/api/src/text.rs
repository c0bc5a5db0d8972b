//! Bytes of a stream as JSON: text where they are UTF-8, base64 where they are not. No character is cut in two.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// Cuts a stream of bytes into pieces of text and of other bytes.
#[derive(Default)]
pub(crate) struct TextPieces {
    /// The beginning of a character whose end has not come: at most three bytes.
    held: Vec<u8>,
}

/// A piece of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    Bytes(Vec<u8>),
}

impl Piece {
    /// The piece of this stream as JSON.
    pub(crate) fn labelled(&self, stream: &str) -> Value {
        match self {
            Self::Text(text) => json!({ "stream": stream, "text": text }),
            Self::Bytes(bytes) => json!({ "stream": stream, "base64": STANDARD.encode(bytes) }),
        }
    }
}

impl TextPieces {
    /// The pieces that are whole with these bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Piece> {
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(bytes);
        let mut pieces = Vec::new();
        let mut rest = all.as_slice();
        while !rest.is_empty() {
            match str::from_utf8(rest) {
                Ok(text) => {
                    pieces.push(Piece::Text(text.to_owned()));
                    break;
                }
                Err(error) => {
                    let (text, other) = rest.split_at(error.valid_up_to());
                    if !text.is_empty() {
                        pieces.push(Piece::Text(String::from_utf8_lossy(text).into_owned()));
                    }
                    let Some(length) = error.error_len() else {
                        self.held = other.to_vec();
                        break;
                    };
                    match pieces.last_mut() {
                        Some(Piece::Bytes(bytes)) => bytes.extend_from_slice(&other[..length]),
                        _ => pieces.push(Piece::Bytes(other[..length].to_vec())),
                    }
                    rest = &other[length..];
                }
            }
        }
        pieces
    }

    /// What is left at the end of the stream.
    pub(crate) fn rest(&mut self) -> Option<Piece> {
        (!self.held.is_empty()).then(|| Piece::Bytes(std::mem::take(&mut self.held)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_comes_in_two_parts_stays_whole() {
        let mut pieces = TextPieces::default();
        let (first, second) = "aé€😀".as_bytes().split_at(8);

        assert_eq!(pieces.push(first), [Piece::Text("aé€".to_owned())]);
        assert_eq!(pieces.push(second), [Piece::Text("😀".to_owned())]);
        assert_eq!(pieces.rest(), None);
    }

    #[test]
    fn what_is_no_text_is_kept_as_it_is() {
        let mut pieces = TextPieces::default();

        let cut = pieces.push(b"ok\xff\xfeend\xe2\x82");

        let expected = [Piece::Text("ok".to_owned()), Piece::Bytes(vec![0xff, 0xfe]), Piece::Text("end".to_owned())];
        assert_eq!(cut, expected);
        assert_eq!(pieces.rest(), Some(Piece::Bytes(vec![0xe2, 0x82])));
    }
}
