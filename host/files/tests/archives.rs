//! Packing, unpacking and copying.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use sandboxed_files::{ArchiveFormat, ExtractReport, Limits, Result, Tree};
use support::{GO_ON, Mount, PLENTY, Place, code, path};
use tar::{Builder, EntryType, Header};

/// An archive whose headers hold exactly the bytes that are asked for, which an honest archiver would not write.
struct Forged(Builder<Vec<u8>>);

impl Forged {
    fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    fn add(mut self, kind: EntryType, name: &str, link: &str, content: &str) -> Self {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o6755);
        header.set_size(content.len() as u64);
        header.set_cksum();
        self.0.append(&header, content.as_bytes()).unwrap();
        self
    }

    fn file(self, name: &str, content: &str) -> Self {
        self.add(EntryType::Regular, name, "", content)
    }

    fn link(self, name: &str, target: &str) -> Self {
        self.add(EntryType::Symlink, name, target, "")
    }

    fn unpack(self, place: &Place) -> Result<ExtractReport> {
        unpack(place, &self.0.into_inner().unwrap())
    }
}

fn unpack(place: &Place, archive: &[u8]) -> Result<ExtractReport> {
    place.tree.extract(&path("to"), archive, ArchiveFormat::Tar, PLENTY, &GO_ON)
}

fn reasons(report: &ExtractReport) -> Vec<(&str, &str)> {
    report.skipped.named.iter().map(|(path, reason)| (path.as_str(), *reason)).collect()
}

/// A tree with all that an archive or a copy has to keep.
fn sample() -> Place {
    let place = Place::new();
    place.put("src/main.rs", "fn main() {}");
    place.put(&format!("{}/{}", "deep".repeat(30), "long".repeat(40)), "far");
    fs::create_dir(place.inside.join("empty")).unwrap();
    symlink("../src/main.rs", place.inside.join("empty/link")).unwrap();
    symlink(format!("../src/{}", "x".repeat(150)), place.inside.join("empty/dangling")).unwrap();
    fs::set_permissions(place.inside.join("src/main.rs"), fs::Permissions::from_mode(0o4711)).unwrap();
    let times =
        fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000));
    fs::File::options().write(true).open(place.inside.join("src/main.rs")).unwrap().set_times(times).unwrap();
    place
}

/// Everything below a directory: path, mode, time of files, content or target.
fn contents(root: &Path) -> Vec<(String, u32, i64, String)> {
    let mut found = Vec::new();
    let mut left = vec![root.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let at = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&at).unwrap();
            let (mut modified, mut content) = (0, String::new());
            if metadata.is_dir() {
                left.push(at.clone());
            } else if metadata.is_symlink() {
                content = fs::read_link(&at).unwrap().to_str().unwrap().to_owned();
            } else {
                (modified, content) = (metadata.mtime(), fs::read_to_string(&at).unwrap());
            }
            let below = at.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            found.push((below, metadata.mode(), modified, content));
        }
    }
    found.sort();
    found
}

fn without_set_user_id(root: &Path) -> Vec<(String, u32, i64, String)> {
    contents(root).into_iter().map(|(path, mode, time, content)| (path, mode & !0o6000, time, content)).collect()
}

#[test]
fn what_is_packed_is_unpacked_the_same_in_both_formats() {
    for format in [ArchiveFormat::Tar, ArchiveFormat::TarGz] {
        let (from, to) = (sample(), Place::owned(Some((12_345, 23_456))));
        let mut archive = Vec::new();

        let packed = from.tree.archive(&path(""), &mut archive, format, PLENTY, &GO_ON).unwrap();
        let unpacked = to.tree.extract(&path("to"), archive.as_slice(), format, PLENTY, &GO_ON).unwrap();

        assert_eq!((packed.entries, packed.bytes), (unpacked.entries, unpacked.bytes));
        assert_eq!(unpacked.skipped.count, 0);
        assert_eq!(contents(&to.inside.join("to")), without_set_user_id(&from.inside));
        for at in ["to/src", "to/src/main.rs", "to/empty/link"] {
            assert_eq!(fs::symlink_metadata(to.inside.join(at)).unwrap().uid(), 12_345, "{at}");
        }
    }
}

#[test]
fn an_archive_is_one_that_the_tar_program_reads_and_writes() {
    let (from, to) = (sample(), Place::new());
    let mut archive = Vec::new();
    from.tree.archive(&path(""), &mut archive, ArchiveFormat::TarGz, PLENTY, &GO_ON).unwrap();
    let target = to.outside.join("target");
    fs::create_dir(&target).unwrap();
    fs::write(to.outside.join("archive"), &archive).unwrap();

    run("tar", &["-xzpf", to.outside.join("archive").to_str().unwrap(), "-C", target.to_str().unwrap()]);
    assert_eq!(contents(&target), without_set_user_id(&from.inside));

    for format in ["gnu", "pax", "ustar"] {
        let made = to.outside.join(format);
        let format = format!("--format={format}");
        run("tar", &["-cf", made.to_str().unwrap(), &format, "-C", target.to_str().unwrap(), "src", "empty/link"]);
        let report = to.tree.extract(&path("again"), fs::File::open(made).unwrap(), ArchiveFormat::Tar, PLENTY, &GO_ON);
        assert_eq!(report.unwrap().skipped.count, 0);
        assert_eq!(to.read("again/empty/link").unwrap(), "fn main() {}");
    }
}

fn run(program: &str, arguments: &[&str]) {
    assert!(std::process::Command::new(program).args(arguments).status().unwrap().success());
}

#[test]
fn one_file_is_packed_under_its_own_name() {
    let place = sample();
    let mut archive = Vec::new();
    place.tree.archive(&path("src/main.rs"), &mut archive, ArchiveFormat::Tar, PLENTY, &GO_ON).unwrap();
    unpack(&place, &archive).unwrap();
    assert_eq!(place.read("to/main.rs").unwrap(), "fn main() {}");
}

#[test]
fn packing_stops_at_its_limits_and_on_request() {
    let place = sample();
    let pack = |bytes, entries, stop: &AtomicBool| {
        let limits = Limits { bytes, entries };
        code(place.tree.archive(&path(""), io::sink(), ArchiveFormat::Tar, limits, stop))
    };
    assert_eq!(pack(14, 100, &GO_ON), "too_large");
    assert_eq!(pack(15, 6, &GO_ON), "too_many_entries");
    assert_eq!(pack(15, 7, &GO_ON), "done");
    assert_eq!(pack(15, 7, &AtomicBool::new(true)), "cancelled");
}

#[test]
fn what_could_not_be_packed_does_not_end_like_an_archive() {
    let place = sample();
    for format in [ArchiveFormat::Tar, ArchiveFormat::TarGz] {
        let mut packed = Vec::new();
        let limits = Limits { bytes: PLENTY.bytes, entries: 2 };

        let failed = place.tree.archive(&path(""), &mut packed, format, limits, &GO_ON);

        assert_eq!(failed.unwrap_err().code(), "too_many_entries");
        let to = Place::new();
        let unpacked = to.tree.extract(&path(""), packed.as_slice(), format, PLENTY, &GO_ON);
        assert_eq!(unpacked.unwrap_err().code(), "archive_invalid");
    }
}

#[test]
fn a_writer_that_fails_stops_the_packing() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let packed = sample().tree.archive(&path(""), Closed, ArchiveFormat::TarGz, PLENTY, &GO_ON);
    assert_eq!(code(packed), "output");
}

#[test]
fn an_archive_that_names_a_path_outside_is_refused() {
    for name in ["../outside/secret", "/etc/cron.d/x", "a/../../../outside/secret", "..", "a/../b"] {
        let place = Place::new();
        assert_eq!(code(Forged::new().file(name, "evil").unpack(&place)), "archive_invalid", "{name}");
        place.assert_outside_untouched();
        assert!(place.names("to").is_empty());
    }
}

#[test]
fn a_name_outside_in_an_extended_header_is_refused_too() {
    let place = Place::new();
    let record = "29 path=../../outside/secret\n";
    assert_eq!(record.len(), 29);
    let pax = Forged::new().add(EntryType::XHeader, "pax", "", record).file("harmless", "evil");
    assert_eq!(code(pax.unpack(&place)), "archive_invalid");
    let gnu = Forged::new().add(EntryType::GNULongName, "long", "", "../../outside/secret\0").file("harmless", "evil");
    assert_eq!(code(gnu.unpack(&place)), "archive_invalid");
    place.assert_outside_untouched();
}

#[test]
fn links_that_lead_out_are_left_out_and_nothing_is_written_through_a_link() {
    let place = Place::new();
    let outside = place.outside.to_str().unwrap().to_owned();
    let report = Forged::new()
        .link("absolute", &outside)
        .link("up", "../../outside")
        .link("a/up", "../../../outside")
        .link("inside", "../other")
        .file("inside/through", "x")
        .file("absolute/new", "x")
        .unpack(&place)
        .unwrap();

    let out = "the link leads out of the workspace";
    assert_eq!(
        reasons(&report),
        [("absolute", out), ("up", out), ("a/up", out), ("inside/through", "a symbolic link is on its way")]
    );
    // The name of the link that was left out is free for a directory.
    assert_eq!(place.read("to/absolute/new").unwrap(), "x");
    assert_eq!(place.names("."), ["to"]);
    place.assert_outside_untouched();
}

#[test]
fn a_link_of_the_agent_is_not_written_through_but_replaced() {
    let place = Place::new();
    fs::create_dir(place.inside.join("to")).unwrap();
    symlink(&place.outside, place.inside.join("to/dir")).unwrap();
    symlink(place.outside.join("secret"), place.inside.join("to/file")).unwrap();

    let report = Forged::new().file("dir/secret", "evil").file("file", "new").unpack(&place).unwrap();

    assert_eq!(reasons(&report), [("dir/secret", "a symbolic link is on its way")]);
    assert_eq!(place.read("to/file").unwrap(), "new");
    place.assert_outside_untouched();
}

#[test]
fn devices_pipes_and_hard_links_are_left_out_and_set_user_id_bits_dropped() {
    let place = Place::new();
    let report = Forged::new()
        .add(EntryType::Char, "device", "", "")
        .add(EntryType::Block, "disk", "", "")
        .add(EntryType::Fifo, "pipe", "", "")
        .add(EntryType::Link, "hard", "../outside/secret", "")
        .add(EntryType::Directory, "directory/", "", "")
        .file("program", "x")
        .unpack(&place)
        .unwrap();

    assert_eq!(
        reasons(&report),
        [("device", "a device"), ("disk", "a device"), ("pipe", "a pipe"), ("hard", "a hard link")]
    );
    assert_eq!(place.names("to"), ["directory", "program"]);
    assert_eq!(fs::metadata(place.inside.join("to/program")).unwrap().mode() & 0o7777, 0o755);
    assert_eq!(fs::metadata(place.inside.join("to/directory")).unwrap().mode() & 0o7777, 0o755);
}

#[test]
fn a_file_does_not_take_the_place_of_a_directory_nor_the_other_way_round() {
    let place = Place::new();
    place.put("to/directory/file", "kept");
    place.put("to/file", "kept");

    let report =
        Forged::new().file("directory", "x").link("directory", "y").file("file/x", "x").unpack(&place).unwrap();

    assert_eq!(report.skipped.count, 3);
    assert_eq!(place.names("to"), ["directory", "file"]);
    assert_eq!(place.read("to/directory/file").unwrap(), "kept");
}

#[test]
fn unpacking_stops_at_its_limits_even_if_the_archive_grows_a_thousandfold() {
    let place = Place::new();
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let mut header = Header::new_gnu();
    header.set_path("zeros").unwrap();
    header.set_mode(0o644);
    header.set_size(1 << 26);
    header.set_cksum();
    bomb.write_all(header.as_bytes()).unwrap();
    io::copy(&mut io::repeat(0).take(1 << 26), &mut bomb).unwrap();
    let bomb = bomb.finish().unwrap();
    let limits = Limits { bytes: 1 << 20, entries: 2 };

    let unpacked = place.tree.extract(&path("to"), bomb.as_slice(), ArchiveFormat::TarGz, limits, &GO_ON);
    assert_eq!(code(unpacked), "too_large");
    assert!(place.names("to").is_empty());
    let many = Forged::new().file("1", "").file("2", "").file("3", "").0.into_inner().unwrap();
    let unpacked = place.tree.extract(&path("to"), many.as_slice(), ArchiveFormat::Tar, limits, &GO_ON);
    assert_eq!(code(unpacked), "too_many_entries");
}

#[test]
fn extended_headers_may_not_fill_the_memory() {
    let unpack = |kind, size| {
        let archive = Forged::new().add(kind, "header", "", &"n".repeat(size)).file("file", "x");
        code(archive.unpack(&Place::new()))
    };
    assert_eq!(unpack(EntryType::XGlobalHeader, 65_536), "done");
    for kind in [EntryType::XGlobalHeader, EntryType::XHeader, EntryType::GNULongName, EntryType::GNULongLink] {
        assert_eq!(unpack(kind, 65_537), "archive_invalid", "{kind:?}");
    }
    let endless = (0..10).fold(Forged::new(), |archive, _| archive.add(EntryType::XGlobalHeader, "header", "", ""));
    assert_eq!(code(endless.file("file", "x").unpack(&Place::new())), "archive_invalid");
}

#[test]
fn files_that_are_stored_without_their_holes_are_refused() {
    let place = Place::new();
    let sparse = Forged::new().add(EntryType::GNUSparse, "sparse", "", "x").file("file", "x");
    let refused = sparse.unpack(&place).unwrap_err();
    assert_eq!(refused.code(), "archive_invalid");
    assert!(refused.to_string().contains("sparse files are not supported"), "{refused}");
}

#[test]
fn leading_directories_are_left_out_where_that_is_asked_for() {
    let place = Place::new();
    let archive = Forged::new()
        .file("note", "above what is stripped")
        .add(EntryType::Directory, "package/", "", "")
        .file("package/bin/agent", "program")
        .link("package/near", "bin/agent")
        // Without its directory it would lead out, though it did not before.
        .link("package/far", "../../note");
    let archive = archive.0.into_inner().unwrap();

    let unpacked =
        place.tree.extract_stripped(&path("to"), 1, archive.as_slice(), ArchiveFormat::Tar, PLENTY, &GO_ON).unwrap();

    assert_eq!(place.names("to"), ["bin", "near"]);
    assert_eq!(place.read("to/near").unwrap(), "program");
    assert_eq!(reasons(&unpacked), [("package/far", "the link leads out of the workspace")]);

    let nothing =
        place.tree.extract_stripped(&path("none"), 3, archive.as_slice(), ArchiveFormat::Tar, PLENTY, &GO_ON).unwrap();
    assert_eq!((nothing.entries, place.names("none").len()), (0, 0));
}

#[test]
fn bytes_that_are_no_whole_archive_are_refused() {
    let place = Place::new();
    let archive = Forged::new().file("file", &"x".repeat(5000)).0.into_inner().unwrap();
    for end in [0, 100, 512, 3000, 5512] {
        assert_eq!(code(unpack(&place, &archive[..end])), "archive_invalid", "{end}");
    }
    assert_eq!(code(unpack(&place, &[b'x'; 2048])), "archive_invalid");
    let plain = place.tree.extract(&path("to"), archive.as_slice(), ArchiveFormat::TarGz, PLENTY, &GO_ON);
    assert_eq!(code(plain), "archive_invalid");
    // Only what was whole is there.
    assert_eq!(place.names("to"), ["file"]);
    assert_eq!(place.read("to/file").unwrap().len(), 5000);
}

#[test]
fn a_copy_keeps_modes_times_links_and_owners() {
    let (from, to) = (sample(), Place::new());
    std::os::unix::fs::chown(from.inside.join("src/main.rs"), Some(111), Some(222)).unwrap();
    fs::set_permissions(from.inside.join("src/main.rs"), fs::Permissions::from_mode(0o4711)).unwrap();

    let report = from.tree.copy_to(&to.tree, PLENTY, &GO_ON).unwrap();

    assert_eq!((report.files, report.directories, report.links, report.bytes), (2, 3, 2, 15));
    assert_eq!(contents(&to.inside), contents(&from.inside));
    let copied = fs::metadata(to.inside.join("src/main.rs")).unwrap();
    assert_eq!((copied.uid(), copied.gid()), (111, 222));
}

#[test]
fn a_copy_for_another_owner_is_all_the_owners_and_drops_set_user_id_bits() {
    let (from, to) = (sample(), Place::owned(Some((12_345, 23_456))));

    from.tree.copy_to(&to.tree, PLENTY, &GO_ON).unwrap();

    assert_eq!(contents(&to.inside), without_set_user_id(&from.inside));
    for at in ["src", "src/main.rs", "empty/link"] {
        assert_eq!(fs::symlink_metadata(to.inside.join(at)).unwrap().uid(), 12_345, "{at}");
    }
}

#[test]
fn a_copy_keeps_holes_and_what_is_between_them() {
    let (from, to) = (Place::new(), Place::new());
    let file = fs::File::create(from.inside.join("holes")).unwrap();
    file.set_len(1 << 30).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"in the middle", 512 << 20).unwrap();

    from.tree.copy_to(&to.tree, PLENTY, &GO_ON).unwrap();

    let copy = fs::File::open(to.inside.join("holes")).unwrap();
    let metadata = copy.metadata().unwrap();
    assert_eq!(metadata.len(), 1 << 30);
    assert!(metadata.blocks() * 512 < 1 << 20);
    let mut middle = [0; 13];
    std::os::unix::fs::FileExt::read_exact_at(&copy, &mut middle, 512 << 20).unwrap();
    assert_eq!(&middle, b"in the middle");
}

#[test]
fn a_copy_onto_another_file_system_is_the_same() {
    let (from, to) = (sample(), Place::new());
    let _mount = Mount::tmpfs(&to.inside, c"size=2m");
    from.put("large", &"x".repeat(1 << 20));
    // More than the whole target holds, were it not a hole.
    fs::File::options().write(true).open(from.inside.join("large")).unwrap().set_len(4 << 20).unwrap();

    from.tree.copy_to(&Tree::open(&to.inside, None).unwrap(), PLENTY, &GO_ON).unwrap();

    assert_eq!(contents(&to.inside), contents(&from.inside));
}

#[test]
fn a_copy_stops_at_its_limits_and_goes_neither_into_itself_nor_over_files() {
    let (from, to) = (sample(), Place::new());
    let copy = |bytes, entries| code(from.tree.copy_to(&to.tree, Limits { bytes, entries }, &GO_ON));
    assert_eq!(copy(14, 100), "too_large");
    assert_eq!(copy(100, 100), "exists");
    assert_eq!(
        code(sample().tree.copy_to(&Place::new().tree, Limits { bytes: 100, entries: 6 }, &GO_ON)),
        "too_many_entries"
    );
    let only_one = Place::new();
    fs::create_dir(only_one.inside.join("below")).unwrap();
    let below = Tree::open(&only_one.inside.join("below"), None).unwrap();
    assert_eq!(code(only_one.tree.copy_to(&below, PLENTY, &GO_ON)), "into_itself");
}
