//! Reading of a file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use rustix::fs::fstat;

use crate::entry::size;
use crate::error::At;
use crate::tree::open_file;
use crate::{Error, Etag, RelativePath, Result, Tree};

/// An open file. It gives exactly the bytes of its range: bytes that are appended later are left out, and a file that was cut
/// short meanwhile ends in [`io::ErrorKind::UnexpectedEof`], so a length that was announced before is never wrong in silence.
#[derive(Debug)]
pub struct Reader {
    file: File,
    path: RelativePath,
    size: u64,
    etag: Etag,
    left: u64,
}

impl Tree {
    /// Opens a file for reading; a link at the end is followed if it stays inside.
    ///
    /// # Errors
    /// `not_found`, `is_a_directory`, `special_file`, `outside`, `not_permitted`.
    pub fn read(&self, path: &RelativePath) -> Result<Reader> {
        let found = self.find(path, true)?;
        let file = open_file(&found, path)?;
        let stat = fstat(&file).at(path)?;
        let size = size(&stat);
        Ok(Reader { file, path: path.clone(), size, etag: Etag::of(&stat), left: size })
    }
}

impl Reader {
    /// Bytes of the whole file when it was opened.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The version that was opened.
    pub fn etag(&self) -> Etag {
        self.etag
    }

    /// Reads only these bytes from here on. An end after the end of the file is cut.
    ///
    /// # Errors
    /// `range_invalid` where the range is empty or starts at or after the end of the file.
    pub fn select(&mut self, range: Range<u64>) -> Result<Range<u64>> {
        let end = range.end.min(self.size);
        if range.start >= end {
            return Err(Error::RangeInvalid { size: self.size });
        }
        self.file.seek(SeekFrom::Start(range.start)).at(&self.path)?;
        self.left = end - range.start;
        Ok(range.start..end)
    }

    /// Whether the file is still the version that was opened. Asked after the last byte, it tells whether what was read is one
    /// version and not a mixture.
    ///
    /// # Errors
    /// `changed` where it is not.
    pub fn verify(&self) -> Result<()> {
        if Etag::of(&fstat(&self.file).at(&self.path)?).same_content(self.etag) {
            Ok(())
        } else {
            Err(Error::Changed(self.path.clone()))
        }
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if want == 0 {
            return Ok(0);
        }
        let got = self.file.read(&mut buffer[..want])?;
        if got == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file was cut short while it was read"));
        }
        self.left -= got as u64;
        Ok(got)
    }
}
