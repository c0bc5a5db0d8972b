//! Ways in which programs write bytes.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};

/// Base64 in both alphabets: of the value alone, with and without padding, and of what of it is to be seen where it stands
/// at any place of something longer.
pub(super) fn base64(value: &[u8]) -> Vec<Vec<u8>> {
    let mut all: Vec<String> = vec![
        STANDARD.encode(value),
        STANDARD_NO_PAD.encode(value),
        URL_SAFE.encode(value),
        URL_SAFE_NO_PAD.encode(value),
    ];
    for before in 0..3 {
        let mut shifted = vec![0; before];
        shifted.extend_from_slice(value);
        // Characters that also depend on what stands before or after the value are left out.
        let start = (before * 8).div_ceil(6);
        let end = shifted.len() * 8 / 6;
        all.push(STANDARD_NO_PAD.encode(&shifted)[start..end].to_owned());
        all.push(URL_SAFE_NO_PAD.encode(&shifted)[start..end].to_owned());
    }
    all.into_iter().map(String::into_bytes).collect()
}

/// The same cut into lines, as `base64`, `openssl` and mail do.
pub(super) fn base64_lines(value: &[u8]) -> Vec<Vec<u8>> {
    let whole = STANDARD.encode(value);
    let widths = [76, 64].into_iter().filter(|&width| whole.len() > width);
    widths.flat_map(|width| whole.as_bytes().chunks(width).map(<[u8]>::to_vec)).collect()
}

pub(super) fn hex(value: &[u8]) -> Vec<Vec<u8>> {
    let lower: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
    vec![lower.to_ascii_uppercase().into_bytes(), lower.into_bytes()]
}

/// Hexadecimal cut into lines, as `xxd -p` does.
pub(super) fn hex_lines(value: &[u8]) -> Vec<Vec<u8>> {
    let whole = hex(value);
    whole.iter().flat_map(|hex| hex.chunks(60).filter(|_| hex.len() > 60).map(<[u8]>::to_vec)).collect()
}

/// `%XX`, with the sets of characters that the common libraries leave as they are, with digits of both cases; and of every
/// byte.
pub(super) fn percent(value: &[u8]) -> Vec<Vec<u8>> {
    const KEPT: [&str; 5] = ["-._~", "-._~/", "-_.!~*'()", "-_.!~*'();,/?:@&=+$#", "-._*"];
    let mut all = Vec::new();
    for lower in [false, true] {
        for kept in KEPT {
            all.push(escape(value, lower, |byte| byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte)));
        }
        all.push(escape(value, lower, |_| false));
    }
    let plus: Vec<_> = all.iter().map(|text| replaced(text, b"%20", b"+")).collect();
    all.extend(plus);
    all
}

fn escape(value: &[u8], lower: bool, kept: impl Fn(u8) -> bool) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(value.len() * 3);
    for &byte in value {
        match (kept(byte), lower) {
            (true, _) => escaped.push(byte),
            (false, false) => escaped.extend(format!("%{byte:02X}").into_bytes()),
            (false, true) => escaped.extend(format!("%{byte:02x}").into_bytes()),
        }
    }
    escaped
}

/// The inside of a JSON string, as the common libraries write it.
pub(super) fn json(text: &str) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for slash in [false, true] {
        for digits in [None, Some(false), Some(true)] {
            for html in [false, true] {
                all.push(json_of(text, slash, digits, html).into_bytes());
            }
        }
    }
    all
}

/// `ascii`: other characters become `\uXXXX`, with digits in upper case or not. `html`: so do `<`, `>` and `&`.
fn json_of(text: &str, slash: bool, ascii: Option<bool>, html: bool) -> String {
    let mut escaped = String::with_capacity(text.len() * 2);
    let unit = |unit: u16| match ascii {
        Some(true) => format!("\\u{unit:04X}"),
        _ => format!("\\u{unit:04x}"),
    };
    for character in text.chars() {
        match character {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            '/' if slash => escaped.push_str("\\/"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            '\u{8}' => escaped.push_str("\\b"),
            '\u{c}' => escaped.push_str("\\f"),
            '<' | '>' | '&' if html => escaped.push_str(&unit(character as u16)),
            _ if character.is_ascii_control() || (ascii.is_some() && !character.is_ascii()) => {
                for &mut part in character.encode_utf16(&mut [0; 2]) {
                    escaped.push_str(&unit(part));
                }
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

/// `bytes` with every `from` as `to`.
pub(super) fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut result = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(from) {
            result.extend_from_slice(to);
            rest = after;
        } else {
            result.push(rest[0]);
            rest = &rest[1..];
        }
    }
    result
}
