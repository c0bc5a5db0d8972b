//! Reading, writing, listing, moving and removing.
#![allow(clippy::unwrap_used)]

mod support;

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

use sandboxed_files::{Etag, Kind, Name, Precondition, RelativePath, Tree};
use support::{GO_ON, Place, code, path};

#[test]
fn what_is_written_is_read_and_told() {
    let place = Place::new();
    place.write("file.txt", "hello").unwrap();

    assert_eq!(place.read("file.txt").unwrap(), "hello");
    let entry = place.tree.stat(&path("file.txt")).unwrap();
    assert_eq!((entry.kind, entry.size, entry.mode), (Kind::File, 5, 0o644));
    assert_eq!(entry.name.unwrap().as_utf8(), Some("file.txt"));
    let metadata = fs::metadata(place.inside.join("file.txt")).unwrap();
    assert_eq!(entry.modified.as_millis(), metadata.mtime() * 1000 + metadata.mtime_nsec() / 1_000_000);
    assert_eq!(place.names("."), ["file.txt"]);
}

#[test]
fn a_range_is_read_exactly() {
    let place = Place::new();
    place.put("file", "0123456789");
    let read = |range| {
        let mut reader = place.tree.read(&path("file")).unwrap();
        let mut content = String::new();
        reader.select(range).map(|range| {
            reader.read_to_string(&mut content).unwrap();
            (range, content)
        })
    };

    assert_eq!(read(2..5).unwrap(), (2..5, "234".to_owned()));
    assert_eq!(read(8..100).unwrap(), (8..10, "89".to_owned()));
    assert_eq!(code(read(10..11)), "range_invalid");
    assert_eq!(code(read(5..5)), "range_invalid");
}

#[test]
fn a_file_that_is_cut_short_while_it_is_read_ends_in_an_error_and_one_that_grows_does_not_grow() {
    let place = Place::new();
    place.put("file", "0123456789");
    let mut cut = place.tree.read(&path("file")).unwrap();
    let mut grown = place.tree.read(&path("file")).unwrap();

    place.put("file", "0123456789abc");
    let mut content = String::new();
    grown.read_to_string(&mut content).unwrap();
    assert_eq!(content, "0123456789");
    assert_eq!(code(grown.verify()), "changed");

    place.put("file", "012");
    assert_eq!(cut.read_to_string(&mut String::new()).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn the_version_of_a_file_changes_with_its_content_and_survives_its_text_form() {
    let place = Place::new();
    let version = || place.tree.read(&path("file")).unwrap().etag();
    place.write("file", "one").unwrap();
    let first = version();
    assert_eq!(version(), first);
    assert_eq!(place.tree.stat(&path("file")).unwrap().etag, first);
    assert_eq!(first.to_string().parse::<Etag>().unwrap(), first);
    let before_1970 = fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH - std::time::Duration::from_millis(1500));
    fs::File::options().write(true).open(place.inside.join("file")).unwrap().set_times(before_1970).unwrap();
    assert_ne!(version(), first);
    assert_eq!(version().to_string().parse::<Etag>().unwrap(), version());

    let written = place.tree.write(&path("file"), Precondition::None, 10, &b"two"[..], false).unwrap();

    assert_ne!(written, first);
    assert_eq!(version(), written);
    for wrong in ["", "1-2-3", "x-1-1-1", "1-1-1-", "1-1--1"] {
        assert!(wrong.parse::<Etag>().is_err(), "{wrong:?}");
    }
}

#[test]
fn a_write_that_expects_another_version_changes_nothing() {
    let place = Place::new();
    let old = place.tree.write(&path("file"), Precondition::IfAbsent, 10, &b"one"[..], false).unwrap();
    let new = place.tree.write(&path("file"), Precondition::IfMatch(old), 10, &b"two"[..], false).unwrap();
    let write = |precondition| place.tree.write(&path("file"), precondition, 10, &b"lost"[..], false);

    assert_eq!(code(write(Precondition::IfMatch(old))), "changed");
    assert_eq!(code(write(Precondition::IfAbsent)), "exists");
    assert_eq!(place.read("file").unwrap(), "two");
    fs::remove_file(place.inside.join("file")).unwrap();
    assert_eq!(code(write(Precondition::IfMatch(new))), "changed");
    assert!(place.names(".").is_empty());
}

#[test]
fn a_file_that_changes_while_its_successor_arrives_is_kept() {
    let place = Place::new();
    let old = place.tree.write(&path("file"), Precondition::None, 10, &b"one"[..], false).unwrap();
    let agent = Intrusion(|| place.put("file", "by the agent"));

    let written = place.tree.write(&path("file"), Precondition::IfMatch(old), 10, agent, false);

    assert_eq!(code(written), "changed");
    assert_eq!(place.read("file").unwrap(), "by the agent");
}

/// An empty content; something happens while it is read.
struct Intrusion<F>(F);

impl<F: FnMut()> Read for Intrusion<F> {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0();
        Ok(0)
    }
}

#[test]
fn of_many_writers_with_the_same_expectation_one_wins() {
    let place = Place::new();
    for _ in 0..20 {
        let old = place.tree.write(&path("file"), Precondition::None, 10, &b"old"[..], false).unwrap();
        let start = Barrier::new(8);
        let won: usize = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        let precondition = Precondition::IfMatch(old);
                        place.tree.write(&path("file"), precondition, 10, &b"new"[..], false).is_ok()
                    })
                })
                .collect();
            writers.into_iter().map(|writer| usize::from(writer.join().unwrap())).sum()
        });
        assert_eq!(won, 1);
    }
}

#[test]
fn a_reader_sees_the_old_or_the_new_content_and_never_a_mixture() {
    let place = Place::new();
    let contents = ["a".repeat(200_000), "b".repeat(100_000)];
    place.write("file", &contents[0]).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = [0; 2];
            while !done.load(Ordering::Relaxed) {
                let content = fs::read_to_string(place.inside.join("file")).unwrap();
                seen[contents.iter().position(|whole| *whole == content).unwrap()] += 1;
            }
            seen
        });
        for round in 0..200 {
            if reader.is_finished() {
                break;
            }
            place.write("file", &contents[round % 2]).unwrap();
        }
        done.store(true, Ordering::Relaxed);
        let seen = reader.join().unwrap();
        assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");
    });
    assert_eq!(place.names("."), ["file"]);
}

#[test]
fn a_write_that_fails_leaves_the_old_file_and_no_remains() {
    let place = Place::new();
    place.put("file", "old");
    let broken = (&b"half"[..]).chain(Broken);

    let failed = place.tree.write(&path("file"), Precondition::None, 100, broken, false);
    let large = place.tree.write(&path("file"), Precondition::None, 3, &b"four"[..], false);

    assert_eq!((code(failed), code(large)), ("input", "too_large"));
    assert_eq!(place.read("file").unwrap(), "old");
    assert_eq!(place.names("."), ["file"]);
    place.tree.write(&path("file"), Precondition::None, 4, &b"four"[..], false).unwrap();
}

struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the line is cut"))
    }
}

#[test]
fn a_replaced_file_leaves_its_permissions_but_no_set_user_id_bit() {
    let place = Place::new();
    place.put("script", "old");
    fs::set_permissions(place.inside.join("script"), fs::Permissions::from_mode(0o4750)).unwrap();

    place.write("script", "new").unwrap();

    assert_eq!(fs::metadata(place.inside.join("script")).unwrap().mode() & 0o7777, 0o750);
}

#[test]
fn what_is_made_belongs_to_the_owner_of_the_tree() {
    let place = Place::owned(Some((12_345, 23_456)));

    place.tree.write(&path("a/b/file"), Precondition::None, 10, &b"x"[..], true).unwrap();
    place.tree.make_directory(&path("made"), false).unwrap();
    place.put("by-root", "x");
    place.write("by-root", "y").unwrap();

    for at in ["a", "a/b", "a/b/file", "made", "by-root"] {
        let metadata = fs::metadata(place.inside.join(at)).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (12_345, 23_456), "{at}");
    }
}

#[test]
fn a_missing_directory_is_made_only_on_request() {
    let place = Place::new();
    assert_eq!(code(place.write("a/b", "x")), "not_found");
    assert_eq!(code(place.tree.make_directory(&path("a/b"), false)), "not_found");
    place.tree.make_directory(&path("a/b"), true).unwrap();
    place.tree.make_directory(&path("a/b"), true).unwrap();
    assert_eq!(code(place.tree.make_directory(&path("a"), false)), "exists");
    assert_eq!(code(place.tree.make_directory(&path(""), false)), "exists");
    place.put("file", "x");
    assert_eq!(code(place.tree.make_directory(&path("file/below"), true)), "not_a_directory");
    assert_eq!(code(place.write("a", "x")), "is_a_directory");
    assert_eq!(code(place.write("", "x")), "name_invalid");
    assert_eq!(code(place.read("a")), "is_a_directory");
    assert_eq!(code(place.tree.list(&path("file"), None, 1)), "not_a_directory");
}

#[test]
fn names_that_are_no_text_are_listed_and_used_without_loss() {
    let place = Place::new();
    let raw = b"caf\xE9 %41";
    fs::write(place.inside.join(OsStr::from_bytes(raw)), "latin").unwrap();

    assert_eq!(place.names("."), ["caf%E9 %2541"]);
    let name = Name::new(raw).unwrap();
    assert_eq!(name.as_utf8(), None);
    let at = RelativePath::from_escaped("caf%E9 %2541").unwrap();
    let mut content = String::new();
    place.tree.read(&at).unwrap().read_to_string(&mut content).unwrap();
    assert_eq!(content, "latin");
    symlink(OsStr::from_bytes(raw), place.inside.join("link")).unwrap();
    assert_eq!(place.tree.stat(&path("link")).unwrap().link_target.as_deref(), Some("caf%E9 %2541"));
}

#[test]
fn a_directory_of_20000_entries_is_paged_in_order_without_a_gap_or_a_double() {
    let place = Place::new();
    for number in 0..20_000 {
        fs::File::create(place.inside.join(format!("{number:05}"))).unwrap();
    }
    let (mut seen, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = place.tree.list(&path(""), after.as_ref(), 5000).unwrap();
        pages += 1;
        seen.extend(page.entries.into_iter().map(|entry| entry.name.unwrap().escaped()));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    // A page holds at most 1000, whatever is asked for.
    assert_eq!(pages, 20);
    assert!(seen.iter().eq((0..20_000).map(|number| format!("{number:05}")).collect::<Vec<_>>().iter()));
}

#[test]
fn a_page_that_holds_all_is_the_last_one() {
    let place = Place::new();
    for name in ["b", "a", "c"] {
        place.put(name, "x");
    }
    assert_eq!(place.tree.list(&path(""), None, 3).unwrap().next, None);
    let page = place.tree.list(&path(""), None, 2).unwrap();
    assert_eq!(page.next, Some(Name::new("b").unwrap()));
    assert_eq!(page.entries.len(), 2);
}

#[test]
fn a_rename_replaces_only_on_request() {
    let place = Place::new();
    place.put("one", "1");
    place.put("two", "2");
    place.put("directory/file", "x");
    let rename = |from: &str, to: &str, overwrite| code(place.tree.rename(&path(from), &path(to), overwrite));

    assert_eq!(rename("one", "two", false), "exists");
    assert_eq!(place.read("two").unwrap(), "2");
    assert_eq!(rename("one", "two", true), "done");
    assert_eq!(place.read("two").unwrap(), "1");
    assert_eq!(rename("two", "directory/three", false), "done");
    assert_eq!(rename("gone", "x", true), "not_found");
    assert_eq!(rename("directory", "directory/below", true), "into_itself");
    assert_eq!(rename("directory/three", "missing/x", true), "not_found");
    assert_eq!(rename("directory/three", "", true), "name_invalid");
    assert_eq!(place.names("directory"), ["file", "three"]);
}

#[test]
fn a_directory_with_entries_is_removed_only_on_request() {
    let place = Place::new();
    place.put("directory/a/b", "x");
    place.put("directory/c", "x");
    let remove = |at: &str, recursive| code(place.tree.remove(&path(at), recursive, &GO_ON));

    assert_eq!(remove("directory", false), "not_empty");
    assert_eq!(remove("directory", true), "done");
    assert_eq!(remove("directory", true), "not_found");
    assert_eq!(remove("", true), "name_invalid");
    assert!(place.names(".").is_empty());
}

#[test]
fn usage_counts_blocks_once_and_holes_not_at_all() {
    let place = Place::new();
    place.put("a/file", &"x".repeat(100_000));
    fs::hard_link(place.inside.join("a/file"), place.inside.join("same")).unwrap();
    fs::File::create(place.inside.join("holes")).unwrap().set_len(1 << 30).unwrap();

    let usage = place.tree.usage(&path(""), 1000, &GO_ON).unwrap();

    assert!((100_000..200_000).contains(&usage.bytes), "{usage:?}");
    assert_eq!((usage.entries, usage.complete), (5, true));
    assert!(!place.tree.usage(&path(""), 3, &GO_ON).unwrap().complete);
}

#[test]
fn long_work_stops_on_request() {
    let (place, copy, stop) = (Place::new(), Place::new(), AtomicBool::new(true));
    place.put("directory/file", "x");
    assert_eq!(code(place.tree.usage(&path(""), 100, &stop)), "cancelled");
    assert_eq!(code(place.tree.copy_to(&copy.tree, support::PLENTY, &stop)), "cancelled");
    assert_eq!(code(place.tree.remove(&path("directory"), true, &stop)), "cancelled");
    assert_eq!(place.read("directory/file").unwrap(), "x");
}

#[test]
fn a_tree_that_changed_in_any_way_has_another_fingerprint_and_a_copy_has_the_same() {
    let place = Place::new();
    place.put("a", "one");
    fs::create_dir(place.inside.join("d")).unwrap();
    symlink("a", place.inside.join("d/link")).unwrap();
    let of = |place: &Place| place.tree.fingerprint(100, &GO_ON).unwrap();
    let before = of(&place);
    assert_eq!((before.entries, before.bytes), (3, 3));

    let copy = Place::new();
    let limits = sandboxed_files::Limits { bytes: 100, entries: 100 };
    let to = sandboxed_files::Tree::open(&copy.inside, None).unwrap();
    place.tree.copy_to(&to, limits, &GO_ON).unwrap();
    assert_eq!(of(&copy), before);

    place.put("a", "two");
    assert_ne!(of(&place).hash, before.hash);
    fs::remove_file(copy.inside.join("d/link")).unwrap();
    symlink("b", copy.inside.join("d/link")).unwrap();
    assert_ne!(of(&copy).hash, before.hash);
    assert_eq!(code(place.tree.fingerprint(2, &GO_ON)), "too_many_entries");
}

#[test]
fn a_directory_of_another_file_system_appears_as_a_whole() {
    let place = Place::new();
    let elsewhere = tempfile::tempdir_in("/dev/shm").unwrap();
    fs::create_dir_all(elsewhere.path().join("made/below")).unwrap();
    fs::write(elsewhere.path().join("made/below/file"), "content").unwrap();
    symlink("below/file", elsewhere.path().join("made/link")).unwrap();
    let other = Tree::open(elsewhere.path(), None).unwrap();
    let adopt = |cancel: &AtomicBool| place.tree.adopt(&other, &path("made"), &path("taken"), cancel);

    assert_eq!(code(adopt(&AtomicBool::new(true))), "cancelled");
    assert_eq!(place.names("."), [""; 0], "what was broken off leaves nothing");
    adopt(&GO_ON).unwrap();
    assert_eq!(place.names("."), ["taken"]);
    assert_eq!(place.read("taken/link").unwrap(), "content");
    assert_eq!(code(adopt(&GO_ON)), "exists");
    assert_eq!(place.names("."), ["taken"]);
}
