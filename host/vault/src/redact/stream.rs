//! Values in texts that come in pieces.

use super::{Redactor, into_text};

/// Takes values out of one text that comes in pieces. An end that more text could make a value of is held back until it is
/// known: at most as much as the longest way of writing a value.
#[derive(Debug, Clone, Default)]
pub struct TextRedactor {
    held: Vec<u8>,
}

impl TextRedactor {
    /// One that goes on where another, whose end was `held`, stood.
    pub fn going_on(held: Vec<u8>) -> Self {
        Self { held }
    }

    /// What is held back. It may be the most of a value.
    pub fn held(&self) -> &[u8] {
        &self.held
    }

    /// Takes the next piece and returns what can be told by now.
    pub fn push(&mut self, redactor: Option<&Redactor>, text: String) -> String {
        let Some(redactor) = redactor else {
            if self.held.is_empty() {
                return text;
            }
            // The values are gone that it was held back for.
            self.held.extend_from_slice(text.as_bytes());
            return into_text(std::mem::take(&mut self.held));
        };
        let whole = match self.held.is_empty() {
            true => text.into_bytes(),
            false => {
                let mut held = std::mem::take(&mut self.held);
                held.extend_from_slice(text.as_bytes());
                held
            }
        };
        let mut told = Vec::with_capacity(whole.len());
        let mut done = 0;
        loop {
            let open = character_start(&whole, done, redactor.open_end(&whole, done));
            match redactor.find(&whole, done) {
                // Found, and nothing that begins before it can still become longer.
                Some((start, end, shown)) if start < open => {
                    told.extend_from_slice(&whole[done..start]);
                    told.extend_from_slice(shown.as_bytes());
                    done = end;
                }
                _ => {
                    told.extend_from_slice(&whole[done..open]);
                    self.held = whole[open..].to_vec();
                    return into_text(told);
                }
            }
        }
    }

    /// The text has ended: what was held back is no value.
    pub fn finish(&mut self, redactor: Option<&Redactor>) -> String {
        let held = std::mem::take(&mut self.held);
        match redactor {
            Some(redactor) => into_text(redactor.bytes(&held).into_owned()),
            None => into_text(held),
        }
    }
}

/// Takes values out of bytes that come in pieces, and leaves each byte its place: values become `*`. As with texts, an end
/// that may become a value is held back.
#[derive(Debug, Clone, Default)]
pub struct ByteMask {
    held: Vec<u8>,
}

impl ByteMask {
    /// Takes the next piece and returns what can be told by now.
    pub fn push(&mut self, redactor: Option<&Redactor>, bytes: &[u8]) -> Vec<u8> {
        let mut whole = std::mem::take(&mut self.held);
        whole.extend_from_slice(bytes);
        let Some(redactor) = redactor else { return whole };
        let mut done = 0;
        loop {
            let open = redactor.open_end(&whole, done);
            match redactor.find(&whole, done) {
                Some((start, end, _)) if start < open => {
                    whole[start..end].fill(b'*');
                    done = end;
                }
                _ => {
                    self.held = whole.split_off(open);
                    return whole;
                }
            }
        }
    }

    /// The bytes have ended, or go on elsewhere.
    pub fn finish(&mut self, redactor: Option<&Redactor>) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.held);
        let mut done = 0;
        while let Some((start, end, _)) = redactor.and_then(|redactor| redactor.find(&rest, done)) {
            rest[start..end].fill(b'*');
            done = end;
        }
        rest
    }
}

/// The start of the character in which `at` is, not before `from`.
fn character_start(text: &[u8], from: usize, at: usize) -> usize {
    let mut start = at;
    while start > from && text.get(start).is_some_and(|byte| byte & 0xC0 == 0x80) {
        start -= 1;
    }
    start
}
