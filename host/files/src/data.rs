//! Moving of content into a file.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::FileExt;
use std::sync::atomic::AtomicBool;

use rustix::fs::{SeekFrom, copy_file_range, ftruncate, ioctl_ficlone, seek};
use rustix::io::Errno;

use crate::error::At;
use crate::tree::proceed;
use crate::{Error, RelativePath, Result};

/// Bytes that are moved at once between a reader and a file.
const CHUNK: usize = 128 * 1024;

/// Bytes that the kernel moves at once; between two of them a request to stop is seen.
const KERNEL_CHUNK: u64 = 64 * 1024 * 1024;

/// Appends all of the reader to the file, at most `limit` bytes.
pub(crate) fn fill(mut file: &File, mut reader: impl Read, limit: u64, path: &RelativePath) -> Result<u64> {
    // One byte more than allowed is enough to see that there is more; many small files then need no large buffer each.
    let mut buffer = vec![0; limit.saturating_add(1).min(CHUNK as u64) as usize];
    let mut moved = 0;
    loop {
        let got = match reader.read(&mut buffer) {
            Ok(0) => return Ok(moved),
            Ok(got) => got,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(Error::Input(error)),
        };
        if got as u64 > limit - moved {
            return Err(Error::TooLarge { limit });
        }
        file.write_all(&buffer[..got]).at(path)?;
        moved += got as u64;
    }
}

/// Makes `to`, an empty file, hold the first `size` bytes of `from`: shared blocks where the file system can, else a copy that
/// keeps holes. A source that shrinks meanwhile leaves zeros at the end.
pub(crate) fn clone(from: &File, to: &File, size: u64, cancel: &AtomicBool, path: &RelativePath) -> Result<()> {
    if ioctl_ficlone(to, from).is_ok() {
        // The source may have grown since it was measured.
        return ftruncate(to, size).at(path);
    }
    let mut at = 0;
    while at < size {
        let data = match seek(from, SeekFrom::Data(at)) {
            Ok(data) => data.min(size),
            Err(Errno::NXIO) => break,
            Err(Errno::INVAL | Errno::OPNOTSUPP) => at,
            Err(errno) => return Err(Error::from_errno(errno, path)),
        };
        let end = match seek(from, SeekFrom::Hole(data)) {
            Ok(hole) if hole > data => hole.min(size),
            _ => size,
        };
        if copy_range(from, to, data..end, cancel, path)? < end {
            break;
        }
        at = end;
    }
    ftruncate(to, size).at(path)
}

/// Tells where it ended: before the end of the range if the source has shrunk.
fn copy_range(
    from: &File,
    to: &File,
    range: std::ops::Range<u64>,
    cancel: &AtomicBool,
    path: &RelativePath,
) -> Result<u64> {
    let (mut source, mut target) = (range.start, range.start);
    while source < range.end {
        proceed(cancel)?;
        let want = (range.end - source).min(KERNEL_CHUNK) as usize;
        match copy_file_range(from, Some(&mut source), to, Some(&mut target), want) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::XDEV | Errno::NOSYS | Errno::INVAL | Errno::OPNOTSUPP | Errno::BADF) => {
                return copy_by_hand(from, to, source..range.end, cancel, path);
            }
            Err(errno) => return Err(Error::from_errno(errno, path)),
        }
    }
    Ok(source)
}

fn copy_by_hand(
    from: &File,
    to: &File,
    range: std::ops::Range<u64>,
    cancel: &AtomicBool,
    path: &RelativePath,
) -> Result<u64> {
    let mut buffer = vec![0; CHUNK];
    let mut at = range.start;
    while at < range.end {
        proceed(cancel)?;
        let want = (range.end - at).min(CHUNK as u64) as usize;
        let got = match from.read_at(&mut buffer[..want], at) {
            Ok(0) => break,
            Ok(got) => got,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err::<u64, io::Error>(error).at(path),
        };
        to.write_all_at(&buffer[..got], at).at(path)?;
        at += got as u64;
    }
    Ok(at)
}
