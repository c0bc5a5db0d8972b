//! An image is hostile until it is shown not to be.

use std::{fs, io::Write as _};

use sandboxed_images::Error;

use crate::lab::{Item, Lab, Layout, gzip, saved, sha256, tar, this_machine, zstd};

#[test]
fn names_that_lead_out_are_refused() {
    for name in ["../outside", "a/../../outside", "/../outside", "..", ".wh..", "a/.wh..."] {
        let lab = Lab::new();
        fs::write(lab.home.path().join("outside"), "untouched").unwrap();
        for archive in [tar(&[Item::File(name, b"x")]), saved(&[tar(&[Item::File(name, b"x")])])] {
            // What hides `.` in a root file system of its own is a file of that name.
            let done = lab.unpack(&archive);
            assert!(matches!(done, Err(Error::Invalid(_))) || name.contains(".wh."), "{name}: {done:?}");
        }
        assert_eq!(fs::read_to_string(lab.home.path().join("outside")).unwrap(), "untouched");
    }
}

#[test]
fn a_link_of_the_image_leads_nowhere_but_into_it() {
    let outside = tempfile::tempdir().unwrap();
    let path = outside.path().to_str().unwrap();
    let up = format!("{}{path}", "../".repeat(20));
    for target in [path, &up] {
        let lab = Lab::new();
        let inside = &path[1..];
        let links = [Item::Directory(inside), Item::Symlink("link", target), Item::File("link/file", b"x")];
        let hides = [Item::Symlink("link", target), Item::File("link/.wh..wh..opq", b"")];
        fs::write(outside.path().join("precious"), "untouched").unwrap();

        lab.unpack(&tar(&links)).unwrap();
        lab.layers(&[&[Item::Symlink("other", target)], &[Item::File("other/.wh.precious", b"")], &hides]).unwrap();

        let left: Vec<_> = fs::read_dir(outside.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(left, ["precious"], "{target}");
        assert_eq!(lab.read(&format!("{inside}/file")), "x", "it lies where the link leads in the image");
    }
}

#[test]
fn a_hard_link_to_a_file_outside_is_none() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "a secret").unwrap();
    let path = outside.path().join("secret");
    let directory = outside.path().to_str().unwrap();
    for items in [
        vec![Item::Link("stolen", path.to_str().unwrap())],
        vec![Item::Symlink("way", directory), Item::Link("stolen", "way/secret")],
        vec![Item::Link("stolen", "../../../etc/passwd")],
        vec![Item::Directory("d/"), Item::Link("stolen", "d")],
    ] {
        let lab = Lab::new();

        assert!(lab.unpack(&tar(&items)).is_err());

        assert!(!lab.path("stolen").exists());
    }
}

#[test]
fn a_layer_that_is_not_what_its_digest_says_is_refused_before_any_of_it_is_unpacked() {
    let archive = tar(&[Item::File("file", b"good")]);
    let mut lab = Lab::new();
    let mut layout = Layout::new(lab.home.path().join("layout"));
    layout.name(layout.image(this_machine(), std::slice::from_ref(&archive), gzip), "one");
    let blob = layout.at.join("blobs/sha256").join(sha256(&gzip(&archive)));
    fs::write(blob, gzip(&tar(&[Item::File("file", b"evil")]))).unwrap();
    lab.order.source.clone_from(&layout.at);

    let error = lab.go().unwrap_err();

    assert!(matches!(error, Error::Digest { .. }), "{error}");
    assert!(lab.all().is_empty());

    let lab = Lab::new();
    let mut evil = saved(std::slice::from_ref(&archive));
    let at = evil.windows(4).position(|window| window == b"good").unwrap();
    evil[at..at + 4].copy_from_slice(b"evil");
    let error = lab.unpack(&evil).unwrap_err();
    assert!(matches!(error, Error::Digest { .. }), "{error}");
    assert!(lab.all().is_empty());
}

#[test]
fn what_says_what_an_image_is_made_of_is_held_against_its_digest_too() {
    let mut lab = Lab::new();
    let mut layout = Layout::new(lab.home.path().join("layout"));
    let image = layout.image(this_machine(), &[tar(&[Item::File("file", b"")])], gzip);
    let manifest = layout.at.join("blobs/sha256").join(&image["digest"].as_str().unwrap()["sha256:".len()..]);
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replacen("schemaVersion\":2", "schemaVersion\":3", 1)).unwrap();
    layout.name(image, "one");
    lab.order.source.clone_from(&layout.at);

    assert!(matches!(lab.go(), Err(Error::Digest { .. })));
}

#[test]
fn a_digest_is_no_path() {
    let mut lab = Lab::new();
    let mut layout = Layout::new(lab.home.path().join("layout"));
    let mut image = layout.image(this_machine(), &[tar(&[Item::File("file", b"")])], gzip);
    image["digest"] = "sha256:../../../../etc/passwd".into();
    layout.name(image, "one");
    lab.order.source.clone_from(&layout.at);

    assert!(matches!(lab.go(), Err(Error::Invalid(_))));
}

#[test]
fn a_bomb_is_refused_at_the_limit_and_a_layer_of_one_before_any_of_it_is_unpacked() {
    let large = tar(&[Item::File("zeros", &vec![0; 2 << 20])]);
    let names: Vec<String> = (0..200).map(|number| format!("file-{number}")).collect();
    let many: Vec<Item<'_>> = names.iter().map(|name| Item::File(name, b"")).collect();
    let many = tar(&many);
    for bomb in [&large, &many] {
        for packed in [bomb.clone(), gzip(bomb), zstd(bomb)] {
            let lab = Lab::new();
            assert!(matches!(lab.unpack(&packed), Err(Error::TooLarge { .. })));
        }
        let lab = Lab::new();
        assert!(matches!(lab.unpack(&saved(std::slice::from_ref(bomb))), Err(Error::TooLarge { .. })));
        assert!(lab.all().is_empty());
    }
}

#[test]
fn what_is_hidden_behind_the_end_of_an_archive_is_a_bomb_too() {
    let mut archive = tar(&[Item::File("file", b"")]);
    archive.extend(vec![0; 4 << 20]);
    let lab = Lab::new();

    assert!(matches!(lab.unpack(&gzip(&saved(&[archive]))), Err(Error::TooLarge { .. })));
}

#[test]
fn a_tree_is_no_deeper_than_anybody_can_walk() {
    let lab = Lab::new();
    let long = "d".repeat(90);
    let mut items = vec![Item::Directory("a/")];
    let names: Vec<(String, String)> =
        (0..60).map(|number| (format!("l{number}"), format!("l{}", number + 1))).collect();
    // Each link leads into what the one before leads to: no name is long, and the tree is as deep as all of them.
    items.push(Item::Symlink("l0", "a"));
    let targets: Vec<String> = names.iter().map(|(from, _)| format!("{from}/{long}")).collect();
    for (target, (_, to)) in targets.iter().zip(&names) {
        items.push(Item::Directory(target));
        items.push(Item::Symlink(to, target));
    }

    assert!(matches!(lab.unpack(&tar(&items)), Err(Error::Invalid(_))));
}

#[test]
fn circles_of_links_and_files_in_the_way_are_refused() {
    for items in [
        vec![Item::Symlink("a", "b"), Item::Symlink("b", "a"), Item::File("a/file", b"")],
        vec![Item::File("a", b""), Item::File("a/file", b"")],
        vec![Item::Symlink("a", "nowhere"), Item::File("a/file", b"")],
    ] {
        let lab = Lab::new();
        assert!(lab.unpack(&tar(&items)).is_err());
    }
}

#[test]
fn archives_that_end_too_early_or_are_damaged_are_refused() {
    let whole = saved(&[tar(&[Item::File("file", &[7; 5000])])]);
    for end in [100, 600, 2000, 5000] {
        assert!(Lab::new().unpack(&whole[..end]).is_err(), "{end}");
    }
    let plain = tar(&[Item::Directory("etc/"), Item::File("etc/file", &[7; 5000])]);
    for end in [3000, 700, 512 + 511] {
        assert!(Lab::new().unpack(&plain[..end]).is_err(), "{end}");
    }
    // Some archives end without a mark, but none within what it is compressed with.
    let lab = Lab::new();
    lab.unpack(&plain[..512 + 512 + 5120]).unwrap();
    assert_eq!(lab.all(), ["etc", "etc/file"]);
    let mut cut = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    cut.write_all(&plain[..512]).unwrap();
    cut.flush().unwrap();
    assert!(Lab::new().unpack(cut.get_ref()).is_err());
    let mut broken = plain.clone();
    broken[600] ^= 1;
    assert!(matches!(Lab::new().unpack(&broken), Err(Error::Invalid(_))));
}
