//! Packing into an archive.

use std::cell::Cell;
use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::fs::{Stat, readlinkat};
use tar::{Builder, EntryType, Header};

use crate::entry::{Kind, size};
use crate::error::At;
use crate::name::escape;
use crate::tree::{Found, open_file, proceed};
use crate::walk::{Visit, Walk};
use crate::{Error, Limits, RelativePath, Result, Tree};

/// Entries that a report names; the rest is only counted.
const MAX_NAMED: usize = 100;

/// How an archive is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveFormat {
    /// tar with GNU long names.
    Tar,
    /// The same, compressed with gzip.
    TarGz,
}

/// Entries that were left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Skipped {
    /// How many.
    pub count: u64,
    /// The first 100: the path, escaped as [`Name::escaped`](crate::Name::escaped) does, and the reason.
    pub named: Vec<(String, &'static str)>,
}

impl Skipped {
    pub(crate) fn add(&mut self, path: &[u8], reason: &'static str) {
        self.count += 1;
        if self.named.len() < MAX_NAMED {
            self.named.push((escape(path), reason));
        }
    }
}

/// What was packed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArchiveReport {
    /// Files, directories and links.
    pub entries: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// What was left out.
    pub skipped: Skipped,
}

impl Tree {
    /// Writes a file or a directory and all below it as an archive, as a stream. Names in it start at the directory, or are the
    /// file's own. Links stay links; owners and set-user-id bits are left out.
    ///
    /// # Errors
    /// `output` where the writer fails, `too_large` and `too_many_entries` above the limits, `too_deep`, `changed` where a file was cut
    /// short meanwhile, `special_file`, `cancelled`, and those of [`Tree::read`]. After an error the archive is not whole; the writer
    /// must not be ended as if it were.
    pub fn archive<W: Write>(
        &self,
        path: &RelativePath,
        writer: W,
        format: ArchiveFormat,
        limits: Limits,
        cancel: &AtomicBool,
    ) -> Result<ArchiveReport> {
        let failed = Cell::new(false);
        let writer = Whole { writer, failed: &failed };
        match format {
            ArchiveFormat::Tar => {
                let (mut writer, report) = self.pack(path, writer, limits, cancel, &failed)?;
                writer.flush().map_err(Error::Output)?;
                Ok(report)
            }
            ArchiveFormat::TarGz => {
                let encoder = GzEncoder::new(writer, Compression::default());
                let (encoder, report) = self.pack(path, encoder, limits, cancel, &failed)?;
                encoder.finish().and_then(|mut writer| writer.flush()).map_err(Error::Output)?;
                Ok(report)
            }
        }
    }

    fn pack<W: Write>(
        &self,
        path: &RelativePath,
        writer: W,
        limits: Limits,
        cancel: &AtomicBool,
        failed: &Cell<bool>,
    ) -> Result<(W, ArchiveReport)> {
        let mut packing = Packing { builder: Builder::new(writer), report: ArchiveReport::default(), limits, cancel };
        if let Err(error) = packing.all(self, path) {
            // Both writers end what they have begun when they are dropped, and it would look like an archive.
            failed.set(true);
            return Err(error);
        }
        let writer = packing.builder.into_inner().map_err(Error::Output)?;
        Ok((writer, packing.report))
    }
}

/// A writer that takes nothing any more once packing has failed.
struct Whole<'f, W> {
    writer: W,
    failed: &'f Cell<bool>,
}

impl<W: Write> Write for Whole<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.failed.get() { Err(io::ErrorKind::BrokenPipe.into()) } else { self.writer.write(bytes) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

struct Packing<'c, W: Write> {
    builder: Builder<W>,
    report: ArchiveReport,
    limits: Limits,
    cancel: &'c AtomicBool,
}

impl<W: Write> Packing<'_, W> {
    fn all(&mut self, tree: &Tree, path: &RelativePath) -> Result<()> {
        let found = tree.find(path, true)?;
        if Kind::of(&found.stat) == Kind::Directory {
            let mut walk = Walk::new(path.clone(), tree.directory(path)?)?;
            while let Some(visit) = walk.next()? {
                match visit {
                    Visit::Entry(name, found) => {
                        let (below, path) = (walk.below(&name), walk.path(&name));
                        self.add(&below, &found, &path)?;
                        if Kind::of(&found.stat) == Kind::Directory {
                            walk.enter(&name, &found)?;
                        }
                    }
                    Visit::Mount(name) => self.report.skipped.add(&walk.below(&name), "another file system"),
                    Visit::Left(_) => {}
                }
            }
            return Ok(());
        }
        // Only the root has no name, and it is a directory.
        let name = path.name().ok_or_else(|| Error::NotFound(path.clone()))?;
        if Kind::of(&found.stat) == Kind::Other {
            return Err(Error::SpecialFile(path.clone()));
        }
        self.add(name.as_bytes(), &found, path)
    }

    fn add(&mut self, below: &[u8], found: &Found, path: &RelativePath) -> Result<()> {
        proceed(self.cancel)?;
        let name = Path::new(OsStr::from_bytes(below));
        let stat = &found.stat;
        match Kind::of(stat) {
            Kind::File => {
                self.count(size(stat))?;
                let mut header = header(stat, EntryType::Regular);
                header.set_size(size(stat));
                let mut content = Exact::new(open_file(found, path)?, size(stat), self.cancel);
                self.builder.append_data(&mut header, name, &mut content).map_err(Error::Output)?;
                content.finish(path)?;
            }
            Kind::Directory => {
                self.count(0)?;
                let mut header = header(stat, EntryType::Directory);
                self.builder.append_data(&mut header, name, io::empty()).map_err(Error::Output)?;
            }
            Kind::Symlink => {
                self.count(0)?;
                let leads = readlinkat(&found.handle, "", Vec::new()).at(path)?;
                let mut header = header(stat, EntryType::Symlink);
                let leads = Path::new(OsStr::from_bytes(leads.as_bytes()));
                self.builder.append_link(&mut header, name, leads).map_err(Error::Output)?;
            }
            Kind::Other => self.report.skipped.add(below, "a pipe, a socket or a device"),
        }
        Ok(())
    }

    fn count(&mut self, bytes: u64) -> Result<()> {
        self.report.entries += 1;
        self.report.bytes = self.report.bytes.saturating_add(bytes);
        if self.report.entries > self.limits.entries {
            return Err(Error::TooManyEntries { limit: self.limits.entries });
        }
        if self.report.bytes > self.limits.bytes {
            return Err(Error::TooLarge { limit: self.limits.bytes });
        }
        Ok(())
    }
}

fn header(stat: &Stat, kind: EntryType) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(stat.st_mode & 0o777);
    header.set_mtime(u64::try_from(stat.st_mtime).unwrap_or(0));
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    header
}

/// Gives exactly the bytes that the header has announced, and keeps what went wrong for later, so that each failure of the archive
/// writer is one of the writer's own.
pub(crate) struct Exact<'c, R> {
    content: R,
    left: u64,
    problem: Option<Problem>,
    cancel: &'c AtomicBool,
}

enum Problem {
    Short,
    Cancelled,
    Failed(io::Error),
}

impl<'c, R: Read> Exact<'c, R> {
    pub(crate) fn new(content: R, left: u64, cancel: &'c AtomicBool) -> Self {
        Self { content, left, problem: None, cancel }
    }

    pub(crate) fn finish(self, path: &RelativePath) -> Result<()> {
        match self.problem {
            None => Ok(()),
            Some(Problem::Short) => Err(Error::Changed(path.clone())),
            Some(Problem::Cancelled) => Err(Error::Cancelled),
            Some(Problem::Failed(error)) => Err::<(), _>(error).at(path),
        }
    }
}

impl<R: Read> Read for Exact<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if want == 0 || self.problem.is_some() {
            return Ok(0);
        }
        if proceed(self.cancel).is_err() {
            self.problem = Some(Problem::Cancelled);
            return Ok(0);
        }
        match self.content.read(&mut buffer[..want]) {
            Ok(0) => self.problem = Some(Problem::Short),
            Ok(got) => {
                self.left -= got as u64;
                return Ok(got);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => self.problem = Some(Problem::Failed(error)),
        }
        Ok(0)
    }
}
