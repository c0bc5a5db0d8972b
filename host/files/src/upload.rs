//! Uploads that go on after a broken connection.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{DirBuilder, File, Metadata};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, Dir, FlockOperation, Mode, OFlags, fdatasync, flock, fstat, fsync, unlinkat};
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

use crate::data::{clone, fill};
use crate::error::At;
use crate::{Error, Etag, Precondition, RelativePath, Result, Tree};

/// What follows the id in the name of the file with the bytes.
const PART: &str = "part";

/// What follows the id in the name of the file with the total and the path.
const GOAL: &str = "goal";

/// Names an upload. It cannot be guessed, but it is no secret: the caller checks who may use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UploadId(u128);

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl std::str::FromStr for UploadId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let digits = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match u128::from_str_radix(text, 16) {
            Ok(id) if digits => Ok(Self(id)),
            _ => Err(Error::UploadUnknown),
        }
    }
}

/// How much uploads may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadLimits {
    /// Bytes of one file.
    pub bytes: u64,
    /// Uploads that are open at once.
    pub open: usize,
    /// How long an upload is kept after its last part.
    pub age: Duration,
}

/// How far an upload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadStatus {
    /// The file that is to be written.
    pub path: RelativePath,
    /// Bytes that have arrived; the next part starts here.
    pub received: u64,
    /// Bytes of the whole file.
    pub total: u64,
}

/// The uploads into one tree. Their parts lie in a private directory outside the tree, where the agent sees and reaches nothing, and
/// survive a restart of the server.
#[derive(Debug)]
pub struct Uploads {
    directory: OwnedFd,
    limits: UploadLimits,
}

impl Uploads {
    /// Opens the directory of the parts of one tree, made `rwx------` where it is missing.
    ///
    /// # Errors
    /// `name_invalid` for a directory inside the tree, `not_permitted`, `no_space`.
    pub fn open(tree: &Tree, directory: &Path, limits: UploadLimits) -> Result<Self> {
        let here = RelativePath::root();
        DirBuilder::new().recursive(true).mode(0o700).create(directory).at(&here)?;
        let directory = directory.canonicalize().at(&here)?;
        let root = fstat(&tree.root).at(&here)?;
        let is_root = |above: Metadata| (above.dev(), above.ino()) == (root.st_dev, root.st_ino);
        for above in directory.ancestors() {
            if above.metadata().map(is_root).at(&here)? {
                return Err(Error::NameInvalid("the parts of uploads may not lie inside the tree"));
            }
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(CWD, &directory, flags, Mode::empty()).at(&here)?;
        Ok(Self { directory, limits })
    }

    /// Starts an upload of `total` bytes to `path`, which is looked at only when the upload is finished.
    ///
    /// # Errors
    /// `too_large`, `too_many_uploads`, `name_invalid` for the root, `no_space`.
    pub fn start(&self, path: &RelativePath, total: u64) -> Result<UploadId> {
        if path.is_root() {
            return Err(Error::NameInvalid("the root of the tree is no file"));
        }
        if total > self.limits.bytes {
            return Err(Error::TooLarge { limit: self.limits.bytes });
        }
        self.expire()?;
        if self.ids(PART)?.len() >= self.limits.open {
            return Err(Error::TooManyUploads { limit: self.limits.open });
        }
        let mut random = [0; 16];
        getrandom(&mut random, GetRandomFlags::empty()).at(path)?;
        let id = UploadId(u128::from_ne_bytes(random));
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY;
        // The part comes last: an upload is known by its part, so a known one has its goal.
        let mut goal = self.file(id, GOAL, flags).at(path)?;
        let written = writeln!(goal, "{total}").and_then(|()| goal.write_all(path.as_bytes()));
        written.and_then(|()| goal.sync_all()).at(path)?;
        self.file(id, PART, flags).at(path)?;
        fsync(&self.directory).at(path)?;
        Ok(id)
    }

    /// Appends bytes that start at `offset` of the file and tells where the next ones start. What arrives before the reader fails is
    /// kept.
    ///
    /// # Errors
    /// `upload_unknown`, `upload_busy`, `upload_offset`, `too_large` past the announced total, `input`, `no_space`.
    pub fn append(&self, id: UploadId, offset: u64, reader: impl Read) -> Result<u64> {
        let (mut part, status) = self.locked(id)?;
        if offset != status.received {
            return Err(Error::UploadOffset { expected: status.received });
        }
        part.seek(SeekFrom::End(0)).at(&status.path)?;
        let filled = fill(&part, reader, status.total.saturating_sub(status.received), &status.path);
        fdatasync(&part).at(&status.path)?;
        Ok(status.received + filled?)
    }

    /// How far the upload is.
    ///
    /// # Errors
    /// `upload_unknown`.
    pub fn status(&self, id: UploadId) -> Result<UploadStatus> {
        let part = self.existing(id, PART, OFlags::RDONLY)?;
        self.status_of(id, &part)
    }

    /// Writes the file, as [`Tree::write`] does, and forgets the upload. After an error it is still there.
    ///
    /// # Errors
    /// `upload_unknown`, `upload_busy`, `upload_incomplete`, and those of [`Tree::write`].
    pub fn finish(&self, tree: &Tree, id: UploadId, precondition: Precondition, parents: bool) -> Result<Etag> {
        let (part, status) = self.locked(id)?;
        let UploadStatus { path, received, total } = status;
        if received < total {
            return Err(Error::UploadIncomplete { received, total });
        }
        let etag = tree.write_with(&path, precondition, parents, |staged| {
            clone(&part, staged.file(), total, &AtomicBool::new(false), &path)
        })?;
        self.forget(id, &path)?;
        Ok(etag)
    }

    /// Forgets the upload and its bytes.
    ///
    /// # Errors
    /// `upload_unknown`, `upload_busy`.
    pub fn abort(&self, id: UploadId) -> Result<()> {
        let (_part, status) = self.locked(id)?;
        self.forget(id, &status.path)
    }

    /// Forgets the uploads whose last part came longer ago than the age limit, and tells how many.
    ///
    /// # Errors
    /// `io` for the directory of the parts.
    pub fn expire(&self) -> Result<usize> {
        let here = RelativePath::root();
        let old = |kind: &str, id| match self.existing(id, kind, OFlags::RDONLY) {
            Ok(file) => {
                let age = file.metadata().at(&here)?.modified().at(&here)?.elapsed();
                // A time in the future, after the clock was set back, is young.
                Ok(age.is_ok_and(|age| age > self.limits.age))
            }
            Err(Error::UploadUnknown) => Ok(false),
            Err(error) => Err(error),
        };
        let mut expired = 0;
        for id in self.ids(PART)? {
            match self.locked(id) {
                Ok(_) if !old(PART, id)? => {}
                Ok(_) => {
                    self.forget(id, &here)?;
                    expired += 1;
                }
                // In use or finished meanwhile.
                Err(Error::UploadBusy | Error::UploadUnknown) => {}
                Err(error) => return Err(error),
            }
        }
        // What a crash between two steps has left: one file of the two.
        for id in self.ids(GOAL)? {
            if old(GOAL, id)? && matches!(self.status(id), Err(Error::UploadUnknown)) {
                self.forget(id, &here)?;
            }
        }
        Ok(expired)
    }

    fn locked(&self, id: UploadId) -> Result<(File, UploadStatus)> {
        let part = self.existing(id, PART, OFlags::RDWR)?;
        match flock(&part, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::AGAIN) => return Err(Error::UploadBusy),
            locked => locked.at(&RelativePath::root())?,
        }
        // The one who held the lock before may have finished.
        if fstat(&part).at(&RelativePath::root())?.st_nlink == 0 {
            return Err(Error::UploadUnknown);
        }
        let status = self.status_of(id, &part)?;
        Ok((part, status))
    }

    fn status_of(&self, id: UploadId, part: &File) -> Result<UploadStatus> {
        let here = RelativePath::root();
        let mut goal = Vec::new();
        self.existing(id, GOAL, OFlags::RDONLY)?.read_to_end(&mut goal).at(&here)?;
        let (total, path) = goal
            .iter()
            .position(|byte| *byte == b'\n')
            .map(|end| (&goal[..end], &goal[end + 1..]))
            .ok_or(Error::UploadUnknown)?;
        let total = std::str::from_utf8(total).ok().and_then(|text| text.parse().ok()).ok_or(Error::UploadUnknown)?;
        Ok(UploadStatus { path: RelativePath::parse(path)?, received: part.metadata().at(&here)?.len(), total })
    }

    fn existing(&self, id: UploadId, kind: &str, flags: OFlags) -> Result<File> {
        match self.file(id, kind, flags) {
            Err(Errno::NOENT) => Err(Error::UploadUnknown),
            file => file.at(&RelativePath::root()),
        }
    }

    fn file(&self, id: UploadId, kind: &str, flags: OFlags) -> rustix::io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.directory, format!("{id}.{kind}"), flags, Mode::RUSR | Mode::WUSR)?.into())
    }

    fn forget(&self, id: UploadId, path: &RelativePath) -> Result<()> {
        for kind in [PART, GOAL] {
            match unlinkat(&self.directory, format!("{id}.{kind}"), AtFlags::empty()) {
                Err(Errno::NOENT) => {}
                removed => removed.at(path)?,
            }
        }
        Ok(())
    }

    fn ids(&self, kind: &str) -> Result<Vec<UploadId>> {
        let here = RelativePath::root();
        let mut ids = Vec::new();
        for entry in Dir::read_from(self.directory.as_fd()).at(&here)? {
            let entry = entry.at(&here)?;
            let name = Path::new(OsStr::from_bytes(entry.file_name().to_bytes()));
            if name.extension() == Some(OsStr::new(kind)) {
                ids.extend(name.file_stem().and_then(OsStr::to_str).and_then(|stem| stem.parse::<UploadId>().ok()));
            }
        }
        Ok(ids)
    }
}
