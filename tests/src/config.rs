//! The configuration that comes with the server, with changes.

use crate::{engine, root};

/// What the engine calls the small Debian.
const DEBIAN: &str = "sandboxed-test/debian:1";

/// The file with what the tests need besides: the image that systems begin with.
pub fn of_tests() -> String {
    with_images(&[(root::IMAGE, &root::place().display().to_string())])
}

/// The file with these images for systems, each a name and where it is.
pub fn with_images(images: &[(&str, &str)]) -> String {
    let component = "component = \"nspawn.wasm\"\n";
    let listed: Vec<String> = images.iter().map(|(name, place)| format!("{name} = \"{place}\"")).collect();
    // What is behind a `#` names one of several images in it.
    let files = images.iter().map(|(_, place)| place.rsplit_once('#').map_or(*place, |(file, _)| file));
    let granted: Vec<String> = files.map(|file| format!("\"{file}\"")).collect();
    let config = format!("config = {{ images = {{ {} }} }}\n", listed.join(", "));
    let grants = format!("grants.archives = [{}]\n", granted.join(", "));
    changed(&[(component, &format!("{component}{config}{grants}"))])
}

/// The file of the tests with an engine of the tests' own, whose containers begin with the same small Debian as systems.
pub fn with_an_engine() -> String {
    let (socket, archive) = (engine::socket(), root::archive());
    let (socket, archive) = (socket.display(), archive.display());
    let grants = format!("grants.containers = [\"{socket}\"]\ngrants.archives = [\"{archive}\"]\n");
    let config = format!(
        "config = {{ socket = \"{socket}\", image = \"{DEBIAN}\", archives = {{ \"{DEBIAN}\" = \"{archive}\" }} }}\n"
    );
    let text = of_tests();
    let there = "grants.containers = [\"/run/docker.sock\"]\n";
    assert!(text.contains(there));
    text.replacen(there, &format!("{grants}{config}"), 1)
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
