//! Whole directories in an archive, and archives that somebody else has written.
#![allow(clippy::unwrap_used)]

mod support;

use std::ffi::CString;
use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, XattrFlags, getxattr, mknodat, setxattr};
use sandboxed_files::{Limits, Owners, Packer, ParcelFormat, PartSum, Result, Unpacker};
use support::{GO_ON, PLENTY, Place, code};
use tar::{Builder, EntryType, Header};

const MINE: Owners = Owners::One { user: None, inside: 1000 };
const RANGE: Owners = Owners::Range { first: 700_000, count: 65_536, stranger: 1000 };
const ELSEWHERE: Owners = Owners::Range { first: 900_000, count: 65_536, stranger: 1000 };

fn pack(place: &Place, owners: Owners, format: ParcelFormat) -> (Vec<u8>, PartSum) {
    let mut archive = Vec::new();
    let mut packer = Packer::new(&mut archive, format, &GO_ON).unwrap();
    packer.text("first", b"a text").unwrap();
    let sum = packer.directory("part", &place.tree, owners).unwrap();
    packer.finish().unwrap();
    (archive, sum)
}

fn unpack(archive: &[u8], place: &Place, owners: Owners, limits: Limits) -> Result<PartSum> {
    let mut unpacker = Unpacker::new(archive)?;
    assert_eq!(unpacker.text("first", 100)?, b"a text");
    let sum = unpacker.directory("part", &place.tree, owners, limits, &GO_ON)?;
    unpacker.finish()?;
    Ok(sum)
}

/// Everything that a directory can hold, of users 0, 33 and 1000 of the range.
fn sample() -> Place {
    let place = Place::new();
    place.put("deep/er/file", "content");
    fs::hard_link(place.inside.join("deep/er/file"), place.inside.join("again")).unwrap();
    symlink("/anywhere", place.inside.join("link")).unwrap();
    symlink("../outside/secret", place.inside.join("deep/out")).unwrap();
    let long = "l".repeat(120);
    place.put(&format!("{long}/{long}"), "long");
    place.put("odd\nname \\ ü", "odd");
    mknodat(CWD, place.inside.join("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    drop(UnixListener::bind(place.inside.join("socket")).unwrap());
    let sparse = fs::File::create(place.inside.join("sparse")).unwrap();
    sparse.write_all_at(b"end", 64 << 20).unwrap();
    let program = place.inside.join("program");
    fs::write(&program, "#!").unwrap();
    setxattr(&program, "user.note", b"of mine\n= and more", XattrFlags::empty()).unwrap();
    setxattr(&program, "trusted.mark", b"of the machine", XattrFlags::empty()).unwrap();
    for entry in walk(&place.inside) {
        std::os::unix::fs::lchown(entry, Some(701_000), Some(701_000)).unwrap();
    }
    chown(place.inside.join("deep"), Some(700_033), Some(700_033)).unwrap();
    chown(&program, Some(700_000), Some(700_000)).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o6755)).unwrap();
    fs::set_permissions(place.inside.join("deep/er"), fs::Permissions::from_mode(0o1550)).unwrap();
    place
}

fn walk(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut found = vec![directory.to_owned()];
    let mut at = 0;
    while let Some(next) = found.get(at).cloned() {
        at += 1;
        if next.symlink_metadata().unwrap().is_dir() {
            found.extend(fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    found
}

fn look(place: &Place, name: &str) -> fs::Metadata {
    place.inside.join(name).symlink_metadata().unwrap()
}

#[test]
fn a_directory_comes_out_as_it_went_in_with_its_users_moved_to_another_range() {
    let from = sample();
    for format in [ParcelFormat::Tar, ParcelFormat::TarZst] {
        let (archive, packed) = pack(&from, RANGE, format);
        let to = Place::new();

        let unpacked = unpack(&archive, &to, ELSEWHERE, PLENTY).unwrap();

        assert_eq!(
            (&unpacked.sha256, unpacked.entries, unpacked.bytes),
            (&packed.sha256, packed.entries, packed.bytes)
        );
        assert_eq!(packed.left_out, 1, "the socket");
        assert_eq!(fs::read_to_string(to.inside.join("deep/er/file")).unwrap(), "content");
        assert_eq!(look(&to, "again").ino(), look(&to, "deep/er/file").ino(), "two names of one file");
        assert_eq!(fs::read_link(to.inside.join("link")).unwrap(), Path::new("/anywhere"));
        assert_eq!(fs::read_to_string(to.inside.join("odd\nname \\ ü")).unwrap(), "odd");
        assert!(!to.inside.join("socket").exists());
        assert_eq!(look(&to, "pipe").mode(), 0o010_400);
        let program = look(&to, "program");
        assert_eq!((program.uid(), program.gid(), program.mode() & 0o7777), (900_000, 900_000, 0o6755));
        assert_eq!((look(&to, "deep").uid(), look(&to, "link").uid()), (900_033, 901_000));
        assert_eq!(look(&to, "deep/er").mode() & 0o7777, 0o1550);
        for name in ["deep", "link", "program", "pipe", "sparse"] {
            let (was, is) = (look(&from, name), look(&to, name));
            assert_eq!((was.mtime(), was.mtime_nsec()), (is.mtime(), is.mtime_nsec()), "{name}");
        }
        let mut value = [0; 64];
        let note = getxattr(to.inside.join("program"), "user.note", &mut value).unwrap();
        assert_eq!(&value[..note], b"of mine\n= and more");
        assert!(getxattr(to.inside.join("program"), "trusted.mark", &mut value).is_err());
        let sparse = look(&to, "sparse");
        assert_eq!(sparse.len(), (64 << 20) + 3);
        assert!(sparse.blocks() < 128, "{} blocks of a file that is a hole", sparse.blocks());
        to.assert_outside_untouched();
    }
}

#[test]
fn where_all_is_one_users_nothing_is_set_user_id() {
    let (archive, _) = pack(&sample(), RANGE, ParcelFormat::TarZst);
    let to = Place::new();

    unpack(&archive, &to, Owners::One { user: Some(4321), inside: 1000 }, PLENTY).unwrap();

    let program = look(&to, "program");
    assert_eq!((program.uid(), program.gid(), program.mode() & 0o7777), (4321, 4321, 0o755));
    assert_eq!(look(&to, "deep").uid(), 4321);
}

#[test]
fn other_programs_read_the_archive() {
    let (archive, _) = pack(&sample(), RANGE, ParcelFormat::Tar);
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("archive"), archive).unwrap();

    let listed = std::process::Command::new("tar").args(["-xf", "archive"]).current_dir(&place).output().unwrap();

    assert!(listed.status.success() && listed.stderr.is_empty(), "{listed:?}");
    assert_eq!(fs::read_to_string(place.path().join("part/deep/er/file")).unwrap(), "content");
    assert_eq!(fs::read_to_string(place.path().join("part/odd\nname \\ ü")).unwrap(), "odd");
}

#[test]
fn what_is_cut_off_or_changed_is_not_taken_for_whole() {
    let from = Place::new();
    from.put("file", &"content ".repeat(1000));
    for format in [ParcelFormat::Tar, ParcelFormat::TarZst] {
        let (archive, packed) = pack(&from, MINE, format);
        for length in [0, 3, 100, 600, archive.len() / 2, archive.len() * 9 / 10] {
            let cut = &archive[..length.min(archive.len() - 1024.min(archive.len() / 8))];
            let result = Unpacker::new(cut).and_then(|mut unpacker| {
                unpacker.text("first", 100)?;
                unpacker.directory("part", &Place::new().tree, MINE, PLENTY, &GO_ON)?;
                unpacker.finish()
            });
            assert_eq!(code(result), "archive_invalid", "{format:?} cut at {length}");
        }
        if format == ParcelFormat::Tar {
            let mut changed = archive.clone();
            let at = changed.windows(8).position(|window| window == b"content ").unwrap();
            changed[at] = b'C';
            assert_ne!(unpack(&changed, &Place::new(), MINE, PLENTY).unwrap().sha256, packed.sha256);
        }
    }
}

/// An archive as nobody honest writes it.
struct Forged(Builder<Vec<u8>>);

impl Forged {
    fn new() -> Self {
        let forged = Self(Builder::new(Vec::new()));
        forged.add(EntryType::Regular, "first", "", b"a text").add(EntryType::Directory, "part", "", b"")
    }

    fn add(mut self, kind: EntryType, name: &str, link: &str, content: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o777);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(content.len() as u64);
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    fn file(self, name: &str) -> Self {
        self.add(EntryType::Regular, name, "", b"of the archive")
    }

    fn bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

#[test]
fn what_would_lead_out_or_is_no_file_is_refused_and_nothing_beside_is_touched() {
    use EntryType::{Block, Char, Directory, Link, Symlink};
    let hostile = [
        ("a path up", Forged::new().file("part/../outside/secret")),
        ("an absolute path", Forged::new().file("/part/file")),
        ("another part", Forged::new().file("partly")),
        ("the directory again", Forged::new().add(Directory, "part", "", b"")),
        ("no directory before", Forged::new().file("part/missing/file")),
        ("through a link", Forged::new().add(Symlink, "part/to", "../outside", b"").file("part/to/secret")),
        ("over a link", Forged::new().add(Symlink, "part/to", "../outside/secret", b"").file("part/to")),
        ("twice", Forged::new().file("part/file").file("part/file")),
        ("a directory twice", Forged::new().add(Directory, "part/d", "", b"").add(Directory, "part/d", "", b"")),
        (
            "back into a directory",
            Forged::new().add(Directory, "part/d", "", b"").file("part/file").file("part/d/late"),
        ),
        ("a device", Forged::new().add(Char, "part/null", "", b"")),
        ("a disk", Forged::new().add(Block, "part/disk", "", b"")),
        ("a hard link out", Forged::new().add(Link, "part/hard", "../outside/secret", b"")),
        ("a hard link to an absolute path", Forged::new().add(Link, "part/hard", "/etc/passwd", b"")),
        ("a hard link to nothing", Forged::new().add(Link, "part/hard", "part/none", b"")),
        ("a hard link to a directory", Forged::new().add(Link, "part/hard", "part", b"")),
        (
            "a hard link through a link",
            Forged::new().add(Symlink, "part/to", "../outside", b"").add(Link, "part/hard", "part/to/secret", b""),
        ),
        (
            "a hard link to a link",
            Forged::new().add(Symlink, "part/to", "../outside/secret", b"").add(Link, "part/hard", "part/to", b""),
        ),
        ("a link to nothing", Forged::new().add(Symlink, "part/to", "", b"")),
    ];
    for (what, forged) in hostile {
        let place = Place::new();

        assert_eq!(code(unpack(&forged.bytes(), &place, MINE, PLENTY)), "archive_invalid", "{what}");

        place.assert_outside_untouched();
    }
}

#[test]
fn owners_beyond_the_range_and_attributes_of_the_system_are_refused() {
    let mut forged = Forged::new();
    let mut header = Header::new_gnu();
    header.set_path("part/file").unwrap();
    header.set_mode(0o4755);
    header.set_uid(65_536);
    header.set_gid(0);
    header.set_size(0);
    header.set_cksum();
    forged.0.append(&header, &b""[..]).unwrap();
    assert_eq!(code(unpack(&forged.bytes(), &Place::new(), RANGE, PLENTY)), "archive_invalid");

    for name in ["security.capability", "trusted.overlay.opaque", "user.overlay.opaque", "system.posix_acl_access"] {
        let mut forged = Forged::new();
        let key = format!("SCHILY.xattr.{name}");
        forged.0.append_pax_extensions([(key.as_str(), b"y".as_slice())]).unwrap();
        let (forged, place) = (forged.file("part/file"), Place::new());
        assert_eq!(code(unpack(&forged.bytes(), &place, RANGE, PLENTY)), "archive_invalid", "{name}");
        let name = CString::new(name).unwrap();
        assert!(getxattr(place.inside.join("file"), name, &mut [0; 8]).is_err());
    }
}

#[test]
fn a_small_archive_that_would_become_large_ends_at_the_limit() {
    let limits = Limits { bytes: 1 << 20, entries: 100 };
    let from = Place::new();
    fs::write(from.inside.join("ones"), vec![1; 8 << 20]).unwrap();
    let (archive, _) = pack(&from, MINE, ParcelFormat::TarZst);
    assert!(archive.len() < 8192, "{} bytes are no bomb", archive.len());
    let to = Place::new();
    assert_eq!(code(unpack(&archive, &to, MINE, limits)), "too_large");
    assert!(look(&to, "ones").blocks() * 512 <= 1 << 20);

    let many = (0..200).fold(Forged::new(), |forged, number| forged.file(&format!("part/{number}"))).bytes();
    assert_eq!(code(unpack(&many, &Place::new(), MINE, limits)), "too_many_entries");
    let mut deep = Forged::new();
    for depth in 1..200 {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Directory);
        header.set_mode(0o700);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(0);
        deep.0.append_data(&mut header, format!("part{}", "/d".repeat(depth)), std::io::empty()).unwrap();
    }
    assert_eq!(code(unpack(&deep.bytes(), &Place::new(), MINE, PLENTY)), "too_deep");
}
