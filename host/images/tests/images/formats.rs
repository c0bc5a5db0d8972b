//! What an image comes as is told by what is in it.

use std::fs;

use sandboxed_images::{Account, Error};

use crate::lab::{Item, Lab, Layout, gzip, saved, tar, this_machine, zstd};

fn system(text: &str) -> Vec<u8> {
    tar(&[
        Item::Directory("etc/"),
        Item::File("etc/kind", text.as_bytes()),
        Item::Directory("usr/"),
        Item::Symlink("bin", "usr/bin"),
    ])
}

#[test]
fn an_archive_of_a_root_file_system_is_unpacked_as_it_is_however_it_is_compressed() {
    for pack in [gzip, zstd, |bytes: &[u8]| bytes.to_vec()] {
        let lab = Lab::new();

        let settings = lab.unpack(&pack(&system("plain"))).unwrap();

        assert_eq!(lab.all(), ["bin", "etc", "etc/kind", "usr"]);
        assert_eq!(lab.read("etc/kind"), "plain");
        assert!(settings.env.is_empty());
    }
}

#[test]
fn what_docker_saved_is_unpacked_layer_over_layer_with_its_variables() {
    for pack in [gzip, |bytes: &[u8]| bytes.to_vec()] {
        let lab = Lab::new();
        let layers = [system("lower"), tar(&[Item::File("etc/kind", b"upper"), Item::File("etc/more", b"")])];

        let settings = lab.unpack(&pack(&saved(&layers))).unwrap();

        assert_eq!(lab.all(), ["bin", "etc", "etc/kind", "etc/more", "usr"]);
        assert_eq!(lab.read("etc/kind"), "upper");
        assert_eq!(settings.env, ["PATH=/opt/bin:/usr/bin:/bin", "KIND=of an image"]);
    }
}

#[test]
fn an_image_layout_is_a_directory_or_an_archive_and_its_layers_are_compressed_or_not() {
    for pack in [gzip, zstd, |bytes: &[u8]| bytes.to_vec()] {
        let lab = Lab::new();
        let mut layout = Layout::new(lab.home.path().join("layout"));
        let image = layout.image(this_machine(), &[system("lower"), tar(&[Item::File("etc/more", b"x")])], pack);
        layout.name(image, "one");

        lab.unpack(&layout.archive()).unwrap();
        assert_eq!(lab.all(), ["bin", "etc", "etc/kind", "etc/more", "usr"]);

        let mut lab = Lab::new();
        lab.order.source.clone_from(&layout.at);
        lab.go().unwrap();
        assert_eq!(lab.all(), ["bin", "etc", "etc/kind", "etc/more", "usr"]);
    }
}

#[test]
fn of_an_image_for_several_machines_that_of_this_one_is_taken() {
    let mut lab = Lab::new();
    let mut layout = Layout::new(lab.home.path().join("layout"));
    let images = [
        layout.image("sparc", &[system("another machine's")], gzip),
        layout.image(this_machine(), &[system("this machine's")], gzip),
    ];
    layout.name(layout.index(&images), "both");
    lab.order.source.clone_from(&layout.at);

    lab.go().unwrap();

    assert_eq!(lab.read("etc/kind"), "this machine's");
}

#[test]
fn an_image_that_is_for_other_machines_only_says_for_which() {
    let mut lab = Lab::new();
    let mut layout = Layout::new(lab.home.path().join("layout"));
    layout.name(layout.image("sparc", &[system("")], gzip), "one");
    lab.order.source.clone_from(&layout.at);

    let error = lab.go().unwrap_err();

    assert!(matches!(error, Error::Choice(_)) && error.to_string().contains("linux/sparc"), "{error}");
    assert!(lab.all().is_empty());
}

#[test]
fn one_of_several_images_is_chosen_by_its_name() {
    let mut lab = Lab::new();
    let mut layout = Layout::new(lab.home.path().join("layout"));
    for name in ["one", "other"] {
        layout.name(layout.image(this_machine(), &[system(name)], gzip), name);
    }
    lab.order.source.clone_from(&layout.at);

    let error = lab.go().unwrap_err().to_string();
    assert!(error.contains("one, other"), "{error}");
    lab.order.image = Some("third".to_owned());
    assert!(lab.go().unwrap_err().to_string().contains("one, other"));

    lab.order.image = Some("other".to_owned());
    lab.go().unwrap();
    assert_eq!(lab.read("etc/kind"), "other");
}

#[test]
fn what_is_no_image_is_refused() {
    let lab = Lab::new();
    for nothing in [b"".as_slice(), b"no archive of any kind", &gzip(b"no archive of any kind")] {
        assert!(matches!(lab.unpack(nothing), Err(Error::Invalid(_))), "{nothing:?}");
    }
    fs::remove_file(&lab.order.source).unwrap();
    assert!(matches!(lab.go(), Err(Error::Io { .. })));
    fs::create_dir(&lab.order.source).unwrap();
    assert!(matches!(lab.go(), Err(Error::Invalid(_))));
}

#[test]
fn directories_and_the_user_that_there_have_to_be_are_made() {
    let mut lab = Lab::new();
    lab.order.directories = ["/workspace", "/home/agent", "/usr"].map(str::to_owned).to_vec();
    lab.order.account = Some(Account { name: "agent".to_owned(), id: 1000, home: "/home/agent".to_owned() });

    lab.unpack(&tar(&[Item::File("etc/passwd", b"root:x:0:0:root:/root:/bin/sh"), Item::File("bin/sh", b"")])).unwrap();

    assert!(lab.path("workspace").is_dir() && lab.path("home/agent").is_dir() && lab.path("usr").is_dir());
    assert_eq!(lab.read("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nagent:x:1000:1000:agent:/home/agent:/bin/sh\n");
    assert_eq!(lab.read("etc/group"), "agent:x:1000:\n");
}

#[test]
fn a_user_of_the_images_own_with_the_same_number_stays_who_it_is() {
    let mut lab = Lab::new();
    lab.order.account = Some(Account { name: "agent".to_owned(), id: 1000, home: "/home/agent".to_owned() });

    lab.unpack(&tar(&[Item::File("etc/passwd", b"node:x:1000:1000::/home/node:/bin/bash\n")])).unwrap();

    assert_eq!(lab.read("etc/passwd"), "node:x:1000:1000::/home/node:/bin/bash\n");
}
