//! What the documentation says exists.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Texts of all Rust files below a directory; what was built is passed over.
fn sources(directory: &Path, into: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() && name != "target" && !name.to_string_lossy().starts_with('.') {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(fs::read_to_string(path).unwrap());
        }
    }
}

/// Names of all functions in the sources.
fn functions() -> BTreeSet<String> {
    let mut texts = Vec::new();
    for directory in ["host", "plugins", "tests"] {
        sources(&root().join(directory), &mut texts);
    }
    let names = texts.iter().flat_map(|text| text.split("fn ").skip(1));
    let end = |rest: &str| rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
    names.map(|rest| rest[..end(rest)].to_owned()).collect()
}

/// Words in backquotes that are written like a function: at least three words, joined.
fn named(text: &str) -> BTreeSet<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let plain = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    quoted.filter(plain).filter(|word| word.matches('_').count() >= 2).collect()
}

#[test]
fn every_test_that_the_security_page_names_exists() {
    let page = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let attempts = fs::read_to_string(root().join("tests/tests/isolation/escape.sh")).unwrap();
    let (named, functions) = (named(&page), functions());
    assert!(named.len() > 50, "only {} names were found", named.len());

    let is_attempt = |name: &str| attempts.contains(&format!("\ntry {name} "));
    let missing: Vec<&str> = named.into_iter().filter(|name| !functions.contains(*name) && !is_attempt(name)).collect();

    assert_eq!(missing, Vec::<&str>::new());
}
