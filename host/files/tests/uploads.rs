//! Uploads in parts.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use sandboxed_files::{Precondition, UploadId, UploadLimits, Uploads};
use support::{Place, code, path};

const LIMITS: UploadLimits = UploadLimits { bytes: 1 << 20, open: 3, age: Duration::from_secs(3600) };

fn uploads(place: &Place, limits: UploadLimits) -> Uploads {
    Uploads::open(&place.tree, &place.inside.with_file_name("parts"), limits).unwrap()
}

#[test]
fn a_file_arrives_in_parts_and_appears_as_a_whole() {
    let place = Place::owned(Some((12_345, 23_456)));
    let parts = uploads(&place, LIMITS);
    let id = parts.start(&path("a/file"), 10).unwrap();

    assert_eq!(parts.append(id, 0, &b"01234"[..]).unwrap(), 5);
    assert_eq!(code(parts.finish(&place.tree, id, Precondition::None, true)), "upload_incomplete");
    assert!(place.names(".").is_empty());
    // The server may start anew in between.
    let parts = uploads(&place, LIMITS);
    let status = parts.status(id.to_string().parse().unwrap()).unwrap();
    assert_eq!((status.path, status.received, status.total), (path("a/file"), 5, 10));
    assert_eq!(parts.append(id, 5, &b"56789"[..]).unwrap(), 10);
    let etag = parts.finish(&place.tree, id, Precondition::IfAbsent, true).unwrap();

    assert_eq!(place.read("a/file").unwrap(), "0123456789");
    assert_eq!(place.tree.stat(&path("a/file")).unwrap().etag, etag);
    assert_eq!(fs::metadata(place.inside.join("a/file")).unwrap().uid(), 12_345);
    assert_eq!(code(parts.status(id)), "upload_unknown");
    assert_eq!(fs::read_dir(place.inside.with_file_name("parts")).unwrap().count(), 0);
}

#[test]
fn a_part_that_does_not_continue_the_upload_is_refused() {
    let place = Place::new();
    let parts = uploads(&place, LIMITS);
    let id = parts.start(&path("file"), 4).unwrap();
    parts.append(id, 0, &b"01"[..]).unwrap();

    assert_eq!(code(parts.append(id, 0, &b"01"[..])), "upload_offset");
    assert_eq!(code(parts.append(id, 3, &b"3"[..])), "upload_offset");
    assert_eq!(code(parts.append(id, 2, &b"23456"[..])), "too_large");
    assert_eq!(parts.status(id).unwrap().received, 2);
}

#[test]
fn what_arrived_before_the_line_was_cut_is_kept() {
    let place = Place::new();
    let parts = uploads(&place, LIMITS);
    let id = parts.start(&path("file"), 4).unwrap();

    assert_eq!(code(parts.append(id, 0, (&b"012"[..]).chain(Broken))), "input");

    assert_eq!(parts.status(id).unwrap().received, 3);
    parts.append(id, 3, &b"3"[..]).unwrap();
    parts.finish(&place.tree, id, Precondition::None, false).unwrap();
    assert_eq!(place.read("file").unwrap(), "0123");
}

struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the line is cut"))
    }
}

#[test]
fn one_call_at_a_time_works_on_an_upload() {
    let place = Place::new();
    let parts = uploads(&place, LIMITS);
    let id = parts.start(&path("file"), 4).unwrap();
    let mut codes = Vec::new();

    parts.append(id, 0, Meanwhile(|| codes.push(code(parts.append(id, 0, &b"x"[..]))))).unwrap();
    parts.append(id, 0, Meanwhile(|| codes.push(code(parts.abort(id))))).unwrap();

    assert_eq!(codes, ["upload_busy", "upload_busy"]);
    parts.abort(id).unwrap();
    assert_eq!(code(parts.abort(id)), "upload_unknown");
}

struct Meanwhile<F>(F);

impl<F: FnMut()> Read for Meanwhile<F> {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0();
        Ok(0)
    }
}

#[test]
fn a_refused_finish_keeps_the_upload() {
    let place = Place::new();
    let parts = uploads(&place, LIMITS);
    place.put("file", "old");
    let id = parts.start(&path("file"), 0).unwrap();

    assert_eq!(code(parts.finish(&place.tree, id, Precondition::IfAbsent, false)), "exists");
    parts.finish(&place.tree, id, Precondition::None, false).unwrap();
    assert_eq!(place.read("file").unwrap(), "");
}

#[test]
fn uploads_are_limited_in_size_and_number_and_expire() {
    let place = Place::new();
    let parts = uploads(&place, LIMITS);
    assert_eq!(code(parts.start(&path("file"), (1 << 20) + 1)), "too_large");
    for _ in 0..3 {
        parts.start(&path("file"), 1).unwrap();
    }
    assert_eq!(code(parts.start(&path("file"), 1)), "too_many_uploads");
    assert_eq!(parts.expire().unwrap(), 0);

    for entry in fs::read_dir(place.inside.with_file_name("parts")).unwrap() {
        let times = fs::FileTimes::new().set_modified(std::time::SystemTime::now() - Duration::from_secs(3601));
        fs::File::options().write(true).open(entry.unwrap().path()).unwrap().set_times(times).unwrap();
    }

    assert_eq!(parts.expire().unwrap(), 3);
    assert_eq!(fs::read_dir(place.inside.with_file_name("parts")).unwrap().count(), 0);
    parts.start(&path("file"), 1).unwrap();
}

#[test]
fn parts_may_not_lie_in_the_tree_and_names_of_uploads_are_no_paths() {
    let place = Place::new();
    assert_eq!(code(Uploads::open(&place.tree, &place.inside.join("parts"), LIMITS)), "name_invalid");
    for wrong in ["", "../outside/secret", "+123", &"A".repeat(32), &"0".repeat(33)] {
        assert_eq!(code(wrong.parse::<UploadId>()), "upload_unknown", "{wrong:?}");
    }
}
