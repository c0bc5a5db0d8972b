//! Paths and names as callers give them.
#![allow(clippy::unwrap_used)]

use sandboxed_files::{Name, RelativePath};

fn refusal(path: impl AsRef<[u8]>) -> &'static str {
    RelativePath::parse(path).unwrap_err().code()
}

#[test]
fn a_path_is_reduced_to_its_names() {
    for (given, parsed) in [("a/b", "a/b"), ("./a//b/", "a/b"), ("a/../b", "b"), ("a/..", "."), ("", "."), (".", ".")] {
        assert_eq!(RelativePath::parse(given).unwrap().to_string(), parsed, "{given:?}");
    }
}

#[test]
fn a_path_that_is_absolute_or_leads_above_the_root_is_outside() {
    for given in ["/etc/passwd", "..", "../a", "a/../../b", "a/b/../../.."] {
        assert_eq!(refusal(given), "outside", "{given:?}");
    }
}

#[test]
fn a_path_that_no_file_can_have_is_refused() {
    assert_eq!(refusal("a\0b"), "name_invalid");
    assert_eq!(refusal("n".repeat(256)), "name_invalid");
    assert_eq!(refusal("ab/".repeat(1366)), "name_invalid");
    assert!(RelativePath::parse("n".repeat(255)).is_ok());
    assert!(RelativePath::parse("ab/".repeat(1365)).is_ok());
}

#[test]
fn an_entry_cannot_be_called_like_a_path() {
    for given in ["", ".", "..", "a/b", "a\0"] {
        assert_eq!(Name::new(given).unwrap_err().code(), "name_invalid", "{given:?}");
    }
}

#[test]
fn the_escaped_form_of_a_name_loses_nothing() {
    for (bytes, escaped) in [
        (&b"plain.txt"[..], "plain.txt"),
        ("grün".as_bytes(), "grün"),
        (b"100%", "100%25"),
        (b"a\xFFb", "a%FFb"),
        (b"\xF0\x9F\x98", "%F0%9F%98"),
        (b"line\nbreak\x1b[31m", "line%0Abreak%1B[31m"),
    ] {
        let name = Name::new(bytes).unwrap();
        assert_eq!(name.escaped(), escaped);
        assert_eq!(Name::from_escaped(escaped).unwrap(), name);
    }
}

#[test]
fn a_wrong_escape_is_refused_and_an_escape_hides_no_slash_or_parent() {
    for given in ["%", "%4", "%zz", "%+1"] {
        assert_eq!(Name::from_escaped(given).unwrap_err().code(), "name_invalid", "{given:?}");
    }
    assert_eq!(Name::from_escaped("%2Fetc").unwrap_err().code(), "name_invalid");
    assert_eq!(RelativePath::from_escaped("%2E%2E/secret").unwrap_err().code(), "outside");
    assert_eq!(RelativePath::from_escaped("%2Fetc").unwrap_err().code(), "outside");
}
