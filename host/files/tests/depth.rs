//! Directories nested deeper than a path can name, with as few descriptors as a server under load has left.
#![allow(clippy::unwrap_used)]

mod support;

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::{GO_ON, PLENTY, Place, code, path};

/// For this whole process, which is why these tests have a file of their own.
fn few_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(400), maximum: limit.maximum }).unwrap();
}

/// Makes directories in one another, deeper than any path can name.
fn nest(place: &Place, depth: usize) {
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at = openat(CWD, &place.inside, flags, Mode::empty()).unwrap();
    for _ in 0..depth {
        mkdirat(&at, "directory", Mode::RWXU).unwrap();
        at = openat(&at, "directory", flags, Mode::empty()).unwrap();
        openat(&at, "file", OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC, Mode::RUSR).unwrap();
    }
}

#[test]
fn directories_nested_5000_deep_are_removed() {
    let place = Place::new();
    few_descriptors();
    nest(&place, 5000);
    place.tree.remove(&path("directory"), true, &GO_ON).unwrap();
    assert!(place.names(".").is_empty());
}

#[test]
fn directories_nested_too_deep_are_told_instead_of_using_up_the_servers_descriptors() {
    let (place, copy) = (Place::new(), Place::new());
    few_descriptors();
    nest(&place, 1000);

    let usage = place.tree.usage(&path(""), u64::MAX, &GO_ON).unwrap();
    assert!(!usage.complete && usage.entries > 128);
    assert_eq!(code(place.tree.copy_to(&copy.tree, PLENTY, &GO_ON)), "too_deep");
    place.tree.remove(&path("directory"), true, &GO_ON).unwrap();
}
