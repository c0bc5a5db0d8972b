//! What a layer hides of those below it.

use std::{fs, os::unix::fs::MetadataExt as _};

use crate::lab::{Item, Lab};

#[test]
fn a_layer_hides_files_and_directories_of_those_below() {
    let lab = Lab::new();
    let lower = [
        Item::File("gone", b""),
        Item::File("directory/a/b", b""),
        Item::File("kept/file", b"below"),
        Item::File("kept/other", b"below"),
    ];
    let upper = [Item::File(".wh.gone", b""), Item::File(".wh.directory", b""), Item::File("kept/.wh.other", b"")];

    lab.layers(&[&lower, &upper]).unwrap();

    assert_eq!(lab.all(), ["kept", "kept/file"]);
}

#[test]
fn an_opaque_directory_hides_what_is_below_and_nothing_of_its_own_layer_wherever_the_mark_stands() {
    let mark = Item::File("d/.wh..wh..opq", b"");
    for upper in [
        vec![Item::Directory("d/"), mark, Item::File("d/new", b"")],
        vec![Item::Directory("d/"), Item::File("d/new", b""), Item::File("d/.wh..wh..opq", b"")],
    ] {
        let lab = Lab::new();

        lab.layers(&[&[Item::File("d/old", b""), Item::File("d/deep/old", b"")], &upper]).unwrap();

        assert_eq!(lab.all(), ["d", "d/new"]);
    }
}

#[test]
fn a_name_that_is_hidden_and_given_again_is_the_new_one() {
    let lab = Lab::new();

    lab.layers(&[&[Item::File("name/old", b"")], &[Item::File("name", b"a file now"), Item::File(".wh.name", b"")]])
        .unwrap();

    assert_eq!(lab.read("name"), "a file now");
}

#[test]
fn what_is_of_another_kind_takes_the_place_of_what_was_there() {
    let lab = Lab::new();
    let lower = [Item::File("a/file", b""), Item::File("b", b""), Item::Symlink("c", "a"), Item::Directory("d")];
    let upper =
        [Item::File("a", b"a file"), Item::Directory("b/"), Item::Directory("c/"), Item::Symlink("d", "nowhere")];

    lab.layers(&[&lower, &upper]).unwrap();

    assert_eq!(lab.read("a"), "a file");
    assert!(lab.path("b").is_dir());
    assert!(fs::symlink_metadata(lab.path("c")).unwrap().is_dir());
    assert_eq!(fs::read_link(lab.path("d")).unwrap().to_str(), Some("nowhere"));
}

#[test]
fn hard_links_are_one_file_also_over_layers() {
    let lab = Lab::new();

    lab.layers(&[&[Item::File("one", b"x"), Item::Link("two", "one")], &[Item::Link("three", "/one")]]).unwrap();

    let inode = |name: &str| fs::metadata(lab.path(name)).unwrap().ino();
    assert_eq!((inode("one"), inode("one")), (inode("two"), inode("three")));
}

#[test]
fn directories_are_found_by_the_links_of_the_image() {
    let lab = Lab::new();
    let lower = [Item::Directory("usr/lib/"), Item::Symlink("lib", "/usr/lib")];

    lab.layers(&[&lower, &[Item::File("lib/library", b"x"), Item::File("lib/.wh.none", b"")]]).unwrap();

    assert_eq!(lab.read("usr/lib/library"), "x");
}

#[test]
fn devices_are_left_out() {
    let lab = Lab::new();

    lab.layers(&[&[Item::Device("dev/null"), Item::File("file", b"")]]).unwrap();

    assert_eq!(lab.all(), ["dev", "file"]);
}
