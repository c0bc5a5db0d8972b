//! What is looked for, to find a value.

use std::collections::BTreeSet;

use super::{MIN_REDACTED, encode};

/// A longer value is looked for in pieces of [`PIECE`] bytes.
const WHOLE: usize = 1024;
const PIECE: usize = 256;
/// The shortest line of a value of many lines that is looked for by itself.
const LINE: usize = 16;

/// All that is looked for, to find this value.
pub(super) fn patterns(value: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut found = BTreeSet::new();
    if value.len() <= WHOLE {
        add(value, &mut found);
        // A program may add or take away what ends a line.
        let trimmed = value.trim_ascii();
        if trimmed.len() != value.len() {
            add(trimmed, &mut found);
        }
    } else {
        for piece in value.chunks(PIECE) {
            add(piece, &mut found);
        }
    }
    found.extend(encode::base64_lines(value));
    found.extend(encode::hex_lines(value));
    if value.contains(&b'\n') {
        let lines = value.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
        // What frames a key is the same for all keys.
        for line in lines.filter(|line| line.len() >= LINE && !line.starts_with(b"-----")) {
            for piece in line.chunks(WHOLE) {
                add(piece, &mut found);
            }
        }
        found.insert(encode::replaced(value, b"\n", b"\r\n"));
    }
    found.retain(|pattern| pattern.len() >= MIN_REDACTED);
    found
}

fn add(value: &[u8], found: &mut BTreeSet<Vec<u8>>) {
    if value.len() < MIN_REDACTED {
        return;
    }
    let text = String::from_utf8_lossy(value);
    let escaped = encode::json(&text);
    let encoded = encode::base64(value);
    for inner in &escaped {
        // JSON in JSON, and in base64.
        found.extend(encode::json(&String::from_utf8_lossy(inner)));
        found.extend(encode::base64(inner));
    }
    for inner in &encoded {
        found.extend(encode::base64(inner));
        found.extend(encode::percent(inner));
        found.insert(encode::replaced(inner, b"/", b"\\/"));
    }
    for inner in encode::percent(value) {
        found.extend(encode::percent(&inner));
        found.insert(inner);
    }
    found.extend(encode::hex(value));
    found.extend(escaped);
    found.extend(encoded);
    found.insert(text.into_owned().into_bytes());
    found.insert(value.to_vec());
}
