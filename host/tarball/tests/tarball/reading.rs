//! What honest archives say.

use std::io::Read as _;

use sandboxed_tarball::{Entries, Error, Kind, Rules, Stream};
use tar::{Builder, EntryType, Header};

use crate::forge::{Forged, RULES, pass, read};

#[test]
fn an_entry_is_told_with_all_that_the_archive_says_of_it() {
    let archive = Forged::default()
        .pax(b"18 mtime=1.000005\n27 SCHILY.xattr.user.a=b\nc\n15 uid=4000000\n")
        .header(EntryType::Regular, b"content", |header| header.set_mode(0o106_755))
        .end();

    let found = read(&archive, RULES).unwrap();

    let [(entry, content)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((entry.path.as_slice(), entry.kind, entry.size), (b"name".as_slice(), Kind::File, 7));
    assert_eq!(content, b"content");
    assert_eq!((entry.mode, entry.user, entry.group), (0o6755, Some(4_000_000), Some(100)));
    assert_eq!((entry.modified, entry.nanoseconds), (1, 5000));
    assert_eq!(entry.attributes, [(b"user.a".to_vec(), b"b\nc".to_vec())]);
}

#[test]
fn long_names_and_links_are_those_of_gnu_ustar_and_pax() {
    let long = format!("{}/{}", "d".repeat(90), "f".repeat(90));
    let mut gnu = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Symlink);
    header.set_size(0);
    header.set_mode(0o777);
    gnu.append_link(&mut header, &long, &long).unwrap();
    let mut ustar = Builder::new(Vec::new());
    let mut header = Header::new_ustar();
    header.set_path(&long).unwrap();
    header.set_size(0);
    header.set_mode(0o644);
    header.set_cksum();
    ustar.append(&header, &b""[..]).unwrap();
    let pax = format!("191 path={long}\n195 linkpath={long}\n").into_bytes();
    let pax = Forged::default().pax(&pax).header(EntryType::Link, b"", |_| {}).end();

    let (gnu, ustar) = (gnu.into_inner().unwrap(), ustar.into_inner().unwrap());
    for (archive, kind, link) in
        [(gnu, Kind::Symlink, long.as_str()), (ustar, Kind::File, ""), (pax, Kind::Link, &long)]
    {
        let found = pass(&archive, RULES).unwrap();
        assert_eq!((found.len(), found[0].kind), (1, kind));
        assert_eq!((found[0].path.as_slice(), found[0].link.as_slice()), (long.as_bytes(), link.as_bytes()));
    }
}

#[test]
fn each_kind_is_known_and_what_is_none_is_told_so() {
    for (kind, known) in [
        (EntryType::Regular, Kind::File),
        (EntryType::Continuous, Kind::File),
        (EntryType::Directory, Kind::Directory),
        (EntryType::Symlink, Kind::Symlink),
        (EntryType::Link, Kind::Link),
        (EntryType::Fifo, Kind::Pipe),
        (EntryType::Char, Kind::Device),
        (EntryType::Block, Kind::Device),
        (EntryType::new(b'V'), Kind::Other),
    ] {
        let found = pass(&Forged::default().header(kind, b"", |_| {}).file(b"x").end(), RULES).unwrap();
        assert_eq!((found[0].kind, found.len()), (known, 2));
    }
    let old = Forged::default().header(EntryType::Regular, b"", |header| header.as_old_mut().name[4] = b'/');
    assert_eq!(pass(&old.end(), RULES).unwrap()[0].kind, Kind::Directory);
}

#[test]
fn the_size_of_what_has_no_content_is_not_passed_over() {
    for kind in [EntryType::Link, EntryType::Symlink, EntryType::Directory, EntryType::Char, EntryType::Fifo] {
        let archive = Forged::default().header(kind, b"", |header| header.set_size(5000)).file(b"next").end();

        let found = read(&archive, RULES).unwrap();

        assert_eq!((found[0].0.size, found[0].1.as_slice()), (0, b"".as_slice()), "{kind:?}");
        assert_eq!(found[1].1, b"next", "{kind:?}");
    }
    let unknown = Forged::default().header(EntryType::new(b'V'), &[b'x'; 600], |_| {}).file(b"next").end();
    assert_eq!(read(&unknown, RULES).unwrap()[1].1, b"next");
}

#[test]
fn what_is_not_read_is_passed_over_and_what_lies_where_is_told() {
    let archive = Forged::default().file(&[b'x'; 1000]).file(b"the second").end();
    let mut entries = Entries::new(Stream(archive.as_slice()), RULES);

    entries.next_entry().unwrap().unwrap();
    assert_eq!(entries.position(), 512);
    entries.content().read_exact(&mut [0; 10]).unwrap();
    entries.next_entry().unwrap().unwrap();

    let at = usize::try_from(entries.position()).unwrap();
    assert_eq!(&archive[at..at + 10], b"the second");
    assert!(entries.next_entry().unwrap().is_none());
    assert_eq!(entries.into_inner().0.len(), 512, "the second block of the mark is left");
}

#[test]
fn an_archive_ends_without_its_mark_only_where_that_is_taken() {
    let lax = Rules { unmarked_end: true, ..RULES };
    let unmarked = Forged::default().file(b"x");
    assert_eq!(pass(&unmarked.0, lax).unwrap().len(), 1);
    assert!(matches!(pass(&unmarked.0, RULES), Err(Error::EndsEarly)));
    // Nothing is no archive, and half of a header is no end.
    assert!(matches!(pass(b"", lax), Err(Error::EndsEarly)));
    assert!(matches!(pass(&unmarked.clone().file(b"").0[..1024 + 511], lax), Err(Error::EndsEarly)));
    for announced in [unmarked.clone().pax(b""), unmarked.header(EntryType::GNULongName, b"long", |_| {})] {
        assert!(matches!(pass(&announced.0, lax), Err(Error::EndsEarly)));
        assert!(matches!(pass(&announced.end(), RULES), Err(Error::EndsEarly)));
    }
}

#[test]
fn what_is_said_of_all_entries_may_be_all_there_is() {
    let empty = Forged::default().header(EntryType::XGlobalHeader, b"13 comment=x\n", |_| {}).end();
    assert!(pass(&empty, RULES).unwrap().is_empty());
}

#[test]
fn an_owner_that_is_no_number_is_absent() {
    let archive = Forged::default().header(EntryType::Regular, b"", |header| {
        header.as_old_mut().uid = *b"nobody!\0";
        header.as_old_mut().gid = [0; 8];
    });
    let found = pass(&archive.end(), RULES).unwrap();
    assert_eq!((found[0].user, found[0].group), (None, None));
}
