//! The configuration that comes with the server, with changes.

/// The file with each of these parts replaced by another.
#[track_caller]
pub fn changed(changes: &[(&str, &str)]) -> String {
    let mut text = include_str!("../../config/sandboxed.toml").to_owned();
    for (part, by) in changes {
        assert!(text.contains(part), "the configuration has no {part:?}");
        text = text.replacen(part, by, 1);
    }
    text
}
