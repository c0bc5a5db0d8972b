//! Nothing leads out of the tree, whatever the agent has put into it.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, RenameFlags, makedev, mknodat, renameat_with};
use sandboxed_files::{ArchiveFormat, Kind, Precondition, Tree};
use support::{GO_ON, Mount, PLENTY, Place, SECRET, code, path};

#[test]
fn reading_through_a_link_that_leads_out_is_refused() {
    let place = Place::with_escapes();
    for at in ["absolute-file", "relative-file", "absolute/secret", "relative/secret", "magic/etc/passwd"] {
        assert_eq!(code(place.read(at)), "outside", "{at}");
    }
}

#[test]
fn listing_measuring_and_packing_through_a_link_that_leads_out_is_refused() {
    let place = Place::with_escapes();
    for at in ["absolute", "relative", "magic"] {
        assert_eq!(code(place.tree.list(&path(at), None, 10)), "outside", "{at}");
        let packed = place.tree.archive(&path(at), std::io::sink(), ArchiveFormat::Tar, PLENTY, &GO_ON);
        assert_eq!(code(packed), "outside", "{at}");
        let below = path(&format!("{at}/secret"));
        assert_eq!(code(place.tree.stat(&below)), "outside", "{at}");
        assert_eq!(code(place.tree.usage(&below, 10, &GO_ON)), "outside", "{at}");
    }
}

#[test]
fn writing_through_a_link_that_leads_out_is_refused() {
    let place = Place::with_escapes();
    for at in ["absolute/new", "relative/new", "absolute/secret", "relative/secret", "relative/new/deep"] {
        let written = place.tree.write(&path(at), Precondition::None, 100, &b"x"[..], true);
        assert_eq!(code(written), "outside", "{at}");
        assert_eq!(code(place.tree.make_directory(&path(at), true)), "outside", "{at}");
    }
    for at in ["absolute-file", "relative-file"] {
        assert_eq!(code(place.write(at, "x")), "symbolic_link", "{at}");
    }
    place.assert_outside_untouched();
}

#[test]
fn a_file_outside_is_not_made_executable() {
    let place = Place::with_escapes();
    for at in ["absolute-file", "relative-file", "absolute/secret", "relative/secret", "magic"] {
        assert!(place.tree.make_executable(&path(at)).is_err(), "{at}");
    }
    assert_eq!(fs::metadata(place.outside.join("secret")).unwrap().permissions().mode() & 0o111, 0);
}

#[test]
fn moving_and_removing_through_a_link_that_leads_out_is_refused() {
    let place = Place::with_escapes();
    place.put("mine", "mine");
    for at in ["absolute/secret", "relative/secret"] {
        assert_eq!(code(place.tree.remove(&path(at), true, &GO_ON)), "outside", "{at}");
        assert_eq!(code(place.tree.rename(&path(at), &path("stolen"), true)), "outside", "{at}");
        assert_eq!(code(place.tree.rename(&path("mine"), &path(at), true)), "outside", "{at}");
    }
    place.assert_outside_untouched();
}

#[test]
fn removing_a_link_removes_the_link_and_not_what_it_leads_to() {
    let place = Place::with_escapes();
    place.put("directory/file", "x");
    symlink(&place.outside, place.inside.join("directory/out")).unwrap();

    place.tree.remove(&path("absolute"), true, &GO_ON).unwrap();
    place.tree.remove(&path("directory"), true, &GO_ON).unwrap();

    assert!(!place.names(".").iter().any(|name| name == "absolute" || name == "directory"));
    place.assert_outside_untouched();
}

#[test]
fn a_copy_and_an_archive_hold_links_as_links() {
    let (place, copy) = (Place::with_escapes(), Place::new());

    let copied = place.tree.copy_to(&copy.tree, PLENTY, &GO_ON).unwrap();
    let mut archive = Vec::new();
    place.tree.archive(&path(""), &mut archive, ArchiveFormat::Tar, PLENTY, &GO_ON).unwrap();

    assert_eq!((copied.links, copied.files), (5, 0));
    assert_eq!(fs::read_link(copy.inside.join("relative")).unwrap().to_str(), Some("../outside"));
    assert!(!archive.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()));
}

#[test]
fn links_that_stay_inside_are_followed_for_reading() {
    let place = Place::new();
    place.put("src/main.rs", "fn main() {}");
    symlink("src", place.inside.join("code")).unwrap();
    symlink("../src/./main.rs", place.inside.join("src/same")).unwrap();

    assert_eq!(place.read("code/main.rs").unwrap(), "fn main() {}");
    assert_eq!(place.read("src/same").unwrap(), "fn main() {}");
    assert_eq!(place.names("code"), ["main.rs", "same"]);
    place.write("code/new", "new").unwrap();
    assert_eq!(place.read("src/new").unwrap(), "new");
    place.tree.make_executable(&path("src/same")).unwrap();
    assert_eq!(fs::metadata(place.inside.join("src/main.rs")).unwrap().permissions().mode() & 0o777, 0o755);
    let link = place.tree.stat(&path("code")).unwrap();
    assert_eq!((link.kind, link.link_target.as_deref()), (Kind::Symlink, Some("src")));
}

#[test]
fn links_in_a_circle_are_refused() {
    let place = Place::new();
    symlink("b", place.inside.join("a")).unwrap();
    symlink("a", place.inside.join("b")).unwrap();

    assert_eq!(code(place.read("a")), "symbolic_link");
    assert_eq!(code(place.tree.list(&path("a"), None, 1)), "symbolic_link");
}

/// Runs it in a thread, so that a call that blocks fails the test instead of stopping it.
fn soon<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(call()));
    receiver.recv_timeout(Duration::from_secs(20)).unwrap()
}

#[test]
fn a_pipe_blocks_nothing_and_is_never_opened() {
    let place = Place::new();
    mknodat(CWD, place.inside.join("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();

    let (codes, place) = soon(move || {
        let at = path("pipe");
        let codes = [
            code(place.read("pipe")),
            code(place.write("pipe", "x")),
            code(place.tree.list(&at, None, 1)),
            code(place.tree.archive(&at, std::io::sink(), ArchiveFormat::Tar, PLENTY, &GO_ON)),
            code(place.read("pipe/below")),
        ];
        (codes, place)
    });

    assert_eq!(codes, ["special_file", "special_file", "not_a_directory", "special_file", "not_a_directory"]);
    assert_eq!(place.tree.stat(&path("pipe")).unwrap().kind, Kind::Other);
    let copy = Place::new();
    assert_eq!(place.tree.copy_to(&copy.tree, PLENTY, &GO_ON).unwrap().skipped, 1);
    let packed = place.tree.archive(&path(""), std::io::sink(), ArchiveFormat::Tar, PLENTY, &GO_ON).unwrap();
    assert_eq!((packed.entries, packed.skipped.count), (0, 1));
}

#[test]
fn a_device_is_refused_but_can_be_removed() {
    let place = Place::new();
    // Reading the zero device would give bytes without end.
    mknodat(CWD, place.inside.join("zero"), FileType::CharacterDevice, Mode::RUSR, makedev(1, 5)).unwrap();

    assert_eq!(code(place.read("zero")), "special_file");
    assert_eq!(code(place.write("zero", "x")), "special_file");
    assert_eq!(place.tree.stat(&path("zero")).unwrap().kind, Kind::Other);
    place.tree.remove(&path("zero"), false, &GO_ON).unwrap();
    assert!(place.names(".").is_empty());
}

#[test]
fn another_file_system_inside_the_tree_is_told_of_but_not_entered() {
    let place = Place::new();
    place.put("mounted/below", "x");
    let _mount = Mount::tmpfs(&place.inside.join("mounted"), c"size=1m");
    fs::write(place.inside.join("mounted/foreign"), SECRET).unwrap();

    assert_eq!(code(place.read("mounted/foreign")), "outside");
    assert_eq!(code(place.write("mounted/new", "x")), "outside");
    assert_eq!(code(place.tree.remove(&path("mounted"), true, &GO_ON)), "busy");
    let page = place.tree.list(&path(""), None, 10).unwrap();
    assert_eq!(page.entries[0].kind, Kind::Other);
    let packed = place.tree.archive(&path(""), std::io::sink(), ArchiveFormat::Tar, PLENTY, &GO_ON).unwrap();
    assert_eq!(packed.skipped.named, [("mounted".to_owned(), "another file system")]);
}

#[test]
fn a_full_file_system_is_reported_and_leaves_the_old_file_and_no_remains() {
    let place = Place::new();
    let _mount = Mount::tmpfs(&place.inside, c"size=1m");
    let tree = Tree::open(&place.inside, None).unwrap();
    let small = tree.write(&path("file"), Precondition::None, 1 << 30, &b"old"[..], false);
    small.unwrap();

    let full = tree.write(&path("file"), Precondition::None, 1 << 30, std::io::repeat(7).take(4 << 20), false);

    assert_eq!(code(full), "no_space");
    assert_eq!(fs::read(place.inside.join("file")).unwrap(), b"old");
    assert_eq!(fs::read_dir(&place.inside).unwrap().count(), 1);
    // What was written is given back.
    tree.write(&path("half"), Precondition::None, 1 << 30, std::io::repeat(7).take(512 << 10), false).unwrap();
}

/// While a directory and a file are swapped with links that lead out, as fast as it goes, does `attempt` until it has met both sides.
/// It tells whether it met the real one.
fn while_swapped(place: &Place, mut attempt: impl FnMut() -> bool) {
    place.put("dir/file", "harmless");
    place.put("dir/other", "harmless");
    symlink(&place.outside, place.inside.join("link")).unwrap();
    place.put("file", "harmless");
    symlink(place.outside.join("secret"), place.inside.join("file-link")).unwrap();
    let stop = AtomicBool::new(false);
    let (mut met, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for (one, other) in [("dir", "link"), ("file", "file-link")] {
                    let (one, other) = (place.inside.join(one), place.inside.join(other));
                    let _ = renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE);
                }
            }
        });
        let deadline = Instant::now() + Duration::from_secs(60);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for round in 0.. {
                if attempt() {
                    met += 1
                } else {
                    refused += 1
                }
                if round >= 3000 && met > 0 && refused > 0 || Instant::now() > deadline {
                    break;
                }
            }
        }));
        stop.store(true, Ordering::Relaxed);
        result.unwrap();
    });
    assert!(met > 0 && refused > 0, "the race did not happen: {met} met, {refused} refused");
    place.assert_outside_untouched();
}

#[test]
fn reading_while_links_are_swapped_in_never_gives_the_secret() {
    let place = Place::new();
    while_swapped(&place, || {
        let mut met = true;
        for at in ["dir/file", "dir/secret", "file"] {
            match place.read(at) {
                Ok(content) => assert_eq!(content, "harmless"),
                Err(error) => met &= error.code() != "outside",
            }
        }
        if let Ok(page) = place.tree.list(&path("dir"), None, 10) {
            assert!(page.entries.iter().all(|entry| entry.name.as_ref().unwrap().as_bytes() != b"secret"));
        }
        met
    });
}

#[test]
fn writing_while_links_are_swapped_in_never_touches_what_is_outside() {
    let place = Place::new();
    while_swapped(&place, || {
        let mut met = true;
        for at in ["dir/secret", "dir/new/deep"] {
            let written = place.tree.write(&path(at), Precondition::None, 100, &b"harmless"[..], true);
            met &= code(written) != "outside";
        }
        let _ = place.tree.make_directory(&path("dir/made"), false);
        let _ = place.tree.rename(&path("dir/made"), &path("dir/moved"), true);
        let _ = place.tree.rename(&path("dir/secret"), &path("stolen"), true);
        if let Ok(content) = place.read("stolen") {
            assert_eq!(content, "harmless");
        }
        for at in ["dir/secret", "dir/new", "dir/moved", "stolen"] {
            let _ = place.tree.remove(&path(at), true, &GO_ON);
        }
        met
    });
}

#[test]
fn walking_while_links_are_swapped_in_never_leaves_the_tree() {
    let (place, copies) = (Place::new(), tempfile::tempdir().unwrap());
    let mut round = 0;
    while_swapped(&place, || {
        let mut archive = Vec::new();
        let packed = place.tree.archive(&path("dir"), &mut archive, ArchiveFormat::Tar, PLENTY, &GO_ON);
        assert!(!archive.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()));
        if round < 200 {
            round += 1;
            let to = copies.path().join(round.to_string());
            fs::create_dir(&to).unwrap();
            let copied = place.tree.copy_to(&Tree::open(&to, None).unwrap(), PLENTY, &GO_ON);
            assert!(
                copied.is_err()
                    || !fs::read_to_string(to.join("file"))
                        .is_ok_and(|text| text == SECRET && !to.join("file").is_symlink())
            );
        }
        code(packed) != "outside"
    });
}
