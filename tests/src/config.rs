//! The configuration that comes with the server, with changes.

use crate::root;

/// The file with what the tests need besides: the image that systems begin with.
pub fn of_tests() -> String {
    let component = "component = \"nspawn.wasm\"\n";
    let images = format!("config = {{ images = {{ {} = \"{}\" }} }}\n", root::IMAGE, root::place().display());
    changed(&[(component, &format!("{component}{images}"))])
}

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
