//! An archive is hostile until it is shown not to be.

use std::io::{self, Read};

use sandboxed_tarball::{Entries, Error, Forward, Rules, Stream};
use tar::EntryType;

use crate::forge::{Forged, RULES, pass, read};

/// Each kind of header, with content of its own.
fn sample() -> Forged {
    Forged::default()
        .header(EntryType::XGlobalHeader, b"13 comment=x\n", |_| {})
        .header(EntryType::GNULongName, b"a/long/name\0", |_| {})
        .header(EntryType::GNULongLink, b"where/it/leads\0", |_| {})
        .header(EntryType::Symlink, b"", |_| {})
        .pax(b"12 mtime=-5\n9 path=d\n27 SCHILY.xattr.user.a=b\nc\n")
        .header(EntryType::Directory, b"", |_| {})
        .file(&[b'x'; 700])
}

#[test]
fn sizes_that_overflow_end_too_early_and_take_no_memory() {
    for size in [u64::MAX, u64::MAX - 1, u64::MAX - 511, u64::MAX - 512, 1 << 63, (1 << 63) - 1, 1 << 40] {
        let binary = Forged::default().header(EntryType::Regular, b"x", |header| header.set_size(size)).end();
        for archive in [binary, Forged::default().claiming(&size.to_string(), b"x").end()] {
            assert!(matches!(pass(&archive, RULES), Err(Error::EndsEarly)), "{size}");
            let told = read(&archive, RULES);
            assert!(
                matches!(&told, Err(Error::Input(error)) if error.kind() == io::ErrorKind::UnexpectedEof),
                "{size}"
            );
        }
        let long = |kind| Forged::default().header(kind, b"x", |header| header.set_size(size)).end();
        for kind in [EntryType::XHeader, EntryType::XGlobalHeader, EntryType::GNULongName, EntryType::GNULongLink] {
            assert!(matches!(pass(&long(kind), RULES), Err(Error::Refused(_))), "{kind:?} {size}");
        }
    }
}

#[test]
fn positions_do_not_overflow_where_passing_over_costs_nothing() {
    /// Says that everything can be passed over, as a sparse file does.
    struct Endless(io::Cursor<Vec<u8>>);
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }
    impl Forward for Endless {
        fn forward(&mut self, bytes: u64) -> io::Result<u64> {
            Ok(bytes)
        }
    }
    let huge = Forged::default().header(EntryType::Regular, b"", |header| header.set_size(u64::MAX));
    let archive = Endless(io::Cursor::new([huge.0.clone(), huge.0.clone(), huge.end()].concat()));
    let mut entries = Entries::new(archive, RULES);

    for _ in 0..3 {
        assert_eq!(entries.next_entry().unwrap().unwrap().size, u64::MAX);
    }
    assert!(entries.next_entry().unwrap().is_none());
    assert_eq!(entries.position(), u64::MAX);
}

#[test]
fn sizes_that_are_no_numbers_are_refused() {
    for size in ["", "-1", "18446744073709551616", "1e3"] {
        assert!(pass(&Forged::default().claiming(size, b"x").end(), RULES).is_err(), "{size}");
    }
    for size in [[0; 12], *b"-00000000001", *b"99999999999\0"] {
        let archive = Forged::default().header(EntryType::Regular, b"", |header| header.as_old_mut().size = size);
        assert!(matches!(pass(&archive.end(), RULES), Err(Error::Unreadable(_))), "{size:?}");
    }
}

#[test]
fn extended_headers_are_neither_long_nor_endless() {
    let long = |kind, size| pass(&Forged::default().header(kind, &vec![b'\0'; size], |_| {}).file(b"").end(), RULES);
    assert!(long(EntryType::GNULongName, 1024).is_ok());
    for kind in [EntryType::XHeader, EntryType::XGlobalHeader, EntryType::GNULongName, EntryType::GNULongLink] {
        let told = long(kind, 1025);
        assert!(matches!(told, Err(Error::Refused(_))), "{kind:?}: {told:?}");
        let many = |count| (0..count).fold(Forged::default(), |made, _| made.header(kind, b"", |_| {})).file(b"").end();
        assert!(pass(&many(4), RULES).is_ok(), "{kind:?}");
        assert!(matches!(pass(&many(5), RULES), Err(Error::Refused(_))), "{kind:?}");
    }
    // One that never ends is not read to its end.
    let one = Forged::default().header(EntryType::XGlobalHeader, b"", |_| {}).0;
    let endless = Repeated { block: one, read: 0 };
    let mut entries = Entries::new(Stream(endless), RULES);
    assert!(matches!(entries.next_entry(), Err(Error::Refused(_))));
    assert!(entries.into_inner().0.read <= 5 * 512);
}

struct Repeated {
    block: Vec<u8>,
    read: usize,
}

impl Read for Repeated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = &self.block[self.read % self.block.len()..];
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        self.read += read;
        Ok(read)
    }
}

#[test]
fn the_limit_of_extended_headers_is_told_as_it_is() {
    for (extension, told) in [(64 << 10, "64 KiB"), (1 << 20, "1 MiB")] {
        let rules = Rules { extension, ..RULES };
        let archive = Forged::default().header(EntryType::XHeader, b"", |header| header.set_size(extension + 1)).end();
        let error = pass(&archive, rules).unwrap_err();
        assert_eq!(error.to_string(), format!("an extended header is larger than {told}"));
    }
}

#[test]
fn lengths_of_records_that_lie_are_found_in_whole_archives_too() {
    for records in ["8 path=a\n", "11 path=a\n", "99999999999999999999 path=a\n", "-9 path=a\n", "9 path=a\n\n"] {
        let archive = Forged::default().pax(records.as_bytes()).file(b"").end();
        assert!(matches!(pass(&archive, RULES), Err(Error::Unreadable(_))), "{records:?}");
    }
    // An entry that a value seems to hold is a part of the value.
    let archive = Forged::default().pax(b"26 comment=x\n9 path=evil\n\n").file(b"").end();
    assert_eq!(pass(&archive, RULES).unwrap()[0].path, b"name");
}

#[test]
fn a_changed_bit_anywhere_in_a_header_is_found() {
    let archive = Forged::default().file(b"content").end();
    for bit in 0..512 * 8 {
        let mut changed = archive.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let told = pass(&changed, RULES);
        // Digits of the sum itself have more than one spelling.
        let is_its_own = (148..156).contains(&(bit / 8)) && told.is_ok();
        assert!(is_its_own || matches!(told, Err(Error::Sum)), "bit {bit}: {told:?}");
    }
    for nothing in [vec![b'x'; 2048], b"no archive at all".repeat(100)] {
        assert!(matches!(pass(&nothing, RULES), Err(Error::Sum)));
    }
}

#[test]
fn sparse_files_of_both_kinds_are_refused() {
    let old = Forged::default().header(EntryType::GNUSparse, b"", |_| {}).end();
    let new = Forged::default().pax(b"22 GNU.sparse.major=1\n").file(b"").end();
    for archive in [old, new] {
        let told = pass(&archive, RULES);
        assert!(matches!(&told, Err(Error::Refused(why)) if why.contains("sparse")), "{told:?}");
    }
}

#[test]
fn an_archive_that_is_cut_at_any_byte_is_not_taken_for_whole() {
    let lax = Rules { unmarked_end: true, ..RULES };
    let made = sample();
    let (whole, archive) = (made.0.len(), made.end());
    assert_eq!(read(&archive, RULES).unwrap().len(), 3);
    // Behind what is said of all, behind the link, and behind the directory.
    let ends = [1024, 3584, 5120, whole];
    for length in 0..archive.len() {
        let cut = &archive[..length];
        assert_eq!(read(cut, RULES).is_ok(), length >= whole + 512, "{length}");
        assert_eq!(pass(cut, RULES).is_ok(), length >= whole + 512, "{length}");
        let may_end = length >= whole + 512 || ends.contains(&length);
        assert_eq!(pass(cut, lax).is_ok(), may_end, "{length}");
    }
}

#[test]
fn whatever_a_header_holds_reading_ends() {
    let named = Forged::default().header(EntryType::GNULongName, b"a/long/name\0", |_| {}).file(b"content");
    let said = Forged::default().pax(b"10 size=7\n12 mtime=-5\n27 SCHILY.xattr.user.a=b\nc\n").file(b"content");
    for archive in [named.end(), said.end()] {
        // Short of the mark of the end, and without what fills the blocks up.
        for at in (0..2048).filter(|at| at % 512 < 350 && (at / 512 != 3 || at % 512 < 7)) {
            for byte in [0, b'-', b'9', b'\n', 0xff] {
                let mut changed = archive.clone();
                changed[at] = byte;
                if at / 512 % 2 == 0 {
                    sum_again(&mut changed[at / 512 * 512..][..512]);
                }
                // Only that it comes back, with no more than there was; much of this is an archive.
                let found = read(&changed, RULES).unwrap_or_default();
                assert!(found.iter().map(|(_, content)| content.len()).sum::<usize>() <= archive.len());
            }
        }
    }
}

/// Makes the sum of a header right.
fn sum_again(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

#[test]
fn a_reader_that_fails_is_told_as_one_that_fails() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let archive = Forged::default().file(b"x");
    for length in [0, 100, 512] {
        let input = archive.0[..length].chain(Broken);
        let mut entries = Entries::new(Stream(input), RULES);
        let told = entries.next_entry().and_then(|_| entries.next_entry());
        assert!(matches!(&told, Err(Error::Input(error)) if error.to_string() == "the disk is gone"), "{told:?}");
    }
}
