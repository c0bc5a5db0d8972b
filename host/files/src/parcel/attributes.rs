//! Extended attributes that go with a file: those of the file's own user, and no others. What a name of another kind does is
//! the kernel's business: capabilities, labels, access lists, marks of overlays.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{XattrFlags, fsetxattr, getxattr, listxattr};
use rustix::io::Errno;

use crate::tree::descriptor_path;

/// Names of a user's own begin so.
const OWN: &[u8] = b"user.";
/// But these an overlay in a namespace of users reads.
const OVERLAY: &[u8] = b"user.overlay.";
/// Bytes that all attributes of one file take in an archive. The readers of one take no longer headers.
const MOST: usize = 48 << 10;
/// What an attribute takes besides its name and its value, at most: its length, the kind of record, and the ends of both.
const RECORD: usize = 24;

/// Whether an attribute of this name goes along.
pub(super) fn goes_along(name: &[u8]) -> bool {
    name.starts_with(OWN) && name.len() > OWN.len() && !name.starts_with(OVERLAY) && !name.contains(&b'=')
}

/// Names and values.
pub(super) type Attributes = Vec<(Vec<u8>, Vec<u8>)>;

/// The attributes of a file or directory that go along, in the order of their names, and how many of a user's own do not.
pub(super) fn read(found: BorrowedFd<'_>) -> rustix::io::Result<(Attributes, u64)> {
    // By the kernel's link: the descriptor itself was opened for looking only.
    let path = descriptor_path(found);
    let mut names = vec![0; 64 << 10];
    let length = match listxattr(path.as_str(), names.as_mut_slice()) {
        Ok(length) => length,
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => 0,
        // A list longer than the kernel's own limit of 64 KiB is not made by honest means.
        Err(Errno::RANGE | Errno::TOOBIG) => return Ok((Vec::new(), 1)),
        Err(errno) => return Err(errno),
    };
    let (mut attributes, mut total, mut left_out) = (Vec::new(), 0, 0);
    for name in names[..length].split(|byte| *byte == 0).filter(|name| name.starts_with(OWN)) {
        let mut value = vec![0; MOST];
        match getxattr(path.as_str(), name, value.as_mut_slice()) {
            Ok(length) if goes_along(name) && total + taken(name, length) <= MOST => {
                value.truncate(length);
                total += taken(name, length);
                attributes.push((name.to_vec(), value));
            }
            Ok(_) | Err(Errno::RANGE) => left_out += 1,
            Err(Errno::NODATA) => {}
            Err(errno) => return Err(errno),
        }
    }
    attributes.sort_unstable();
    Ok((attributes, left_out))
}

/// Bytes that an attribute with a value of this length takes in an archive, at most.
fn taken(name: &[u8], value: usize) -> usize {
    name.len() + value + RECORD
}

/// Gives a new file or directory its attributes. A file system that knows none keeps none.
pub(super) fn write(made: impl AsFd, attributes: &Attributes) -> rustix::io::Result<()> {
    for (name, value) in attributes {
        match fsetxattr(made.as_fd(), name.as_slice(), value, XattrFlags::empty()) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => {}
            set => set?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use sandboxed_tarball::ATTRIBUTE;

    use super::super::pack::record;
    use super::*;

    #[test]
    fn an_attribute_takes_no_more_of_an_archive_than_is_counted() {
        for name in ["user.a", "user.of a longer name than most"] {
            for value in [0, 1, 60, 70, 80, 900, 1000, 9000, 10_000, MOST] {
                let record = record(&[ATTRIBUTE, name.as_bytes()].concat(), &vec![b'x'; value]);
                assert!(record.len() <= taken(name.as_bytes(), value), "{} for {value}", record.len());
            }
        }
    }
}
