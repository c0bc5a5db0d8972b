//! A run's directory: names, and reading and replacing what is in it.

use std::{
    fs::{self, DirBuilder, File, Permissions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use nix::{errno::Errno, fcntl::posix_fallocate};
use sandboxed_model::RunId;
use serde::{Serialize, de::DeserializeOwned};

use crate::record::{ExitRecord, Meta};

/// Records are small; a file that is larger than this is none of ours.
const RECORD_LIMIT: u64 = 64 << 10;

/// The directory of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunDir(PathBuf);

impl RunDir {
    pub(crate) const LOCK: &str = "lock";
    pub(crate) const SOCKET: &str = "ctl.sock";
    pub(crate) const LOG: &str = "shim.log";
    pub(crate) const EXIT: &str = "exit.json";
    const META: &str = "meta.json";
    const EXIT_RESERVED: &str = "exit.new";

    /// The directory of this run, which need not exist.
    pub(crate) fn new(runs: &Path, run: RunId) -> Self {
        Self(runs.join(run.to_string()))
    }

    /// A directory that is known to exist.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Makes the directory with its lock held and an empty log. It has its name only once the lock is held, so that
    /// nobody can take it for one that was left behind.
    pub(crate) fn create(&self) -> io::Result<(File, File)> {
        if self.0.exists() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let hidden = Self(hidden(&self.0, "new")?);
        DirBuilder::new().mode(0o700).create(&hidden.0)?;
        let made = (|| {
            let lock = private().create_new(true).open(hidden.file(Self::LOCK))?;
            lock.lock()?;
            let log = private().create_new(true).append(true).open(hidden.file(Self::LOG))?;
            fs::rename(&hidden.0, &self.0)?;
            Ok((lock, log))
        })();
        if made.is_err() {
            let _ = fs::remove_dir_all(&hidden.0);
        }
        made.map_err(|error: io::Error| match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENOTEMPTY | Errno::EEXIST) => io::ErrorKind::AlreadyExists.into(),
            _ => error,
        })
    }

    /// Removes the directory and all in it. It loses its name first, so that nobody sees a part of it.
    pub(crate) fn remove(&self) -> io::Result<()> {
        let hidden = hidden(&self.0, "old")?;
        match fs::rename(&self.0, &hidden) {
            Ok(()) => fs::remove_dir_all(&hidden),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The lock, if nobody holds it; it is held while the file is open.
    pub(crate) fn try_lock(&self) -> io::Result<Option<File>> {
        let lock = File::options().read(true).open(self.file(Self::LOCK))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    pub(crate) fn meta(&self) -> io::Result<Option<Meta>> {
        self.read(Self::META)
    }

    pub(crate) fn write_meta(&self, meta: &Meta) -> io::Result<()> {
        // Not synced: the record means nothing after the machine went down.
        let new = self.file("meta.new");
        fs::write(&new, json(meta)?)?;
        fs::set_permissions(&new, Permissions::from_mode(0o600))?;
        fs::rename(&new, self.file(Self::META))
    }

    pub(crate) fn exit_record(&self) -> io::Result<Option<ExitRecord>> {
        self.read(Self::EXIT)
    }

    /// Takes the space that the exit record will need, so that a disk that fills up later cannot swallow it.
    pub(crate) fn reserve_exit_record(&self) -> io::Result<File> {
        let file = private().create(true).truncate(true).open(self.file(Self::EXIT_RESERVED))?;
        posix_fallocate(&file, 0, 4096)?;
        Ok(file)
    }

    /// Writes the exit record: on the disk first, then in its place.
    pub(crate) fn write_exit_record(&self, mut reserved: &File, record: &ExitRecord) -> io::Result<()> {
        let bytes = json(record)?;
        reserved.rewind()?;
        reserved.write_all(&bytes)?;
        reserved.set_len(bytes.len() as u64)?;
        reserved.sync_all()?;
        fs::rename(self.file(Self::EXIT_RESERVED), self.file(Self::EXIT))
    }

    /// The last that the shim had to complain about.
    pub(crate) fn log(&self) -> String {
        let mut text = Vec::new();
        if let Ok(log) = File::open(self.file(Self::LOG)) {
            let _ = log.take(4096).read_to_end(&mut text);
        }
        String::from_utf8_lossy(&text).trim().to_owned()
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> io::Result<Option<T>> {
        let file = match File::open(self.file(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        file.take(RECORD_LIMIT).read_to_end(&mut bytes)?;
        serde_json::from_slice(&bytes).map(Some).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", self.file(name).display()))
        })
    }
}

/// Removes directories that were being made or removed when their process died.
pub(crate) fn sweep(runs: &Path) -> io::Result<()> {
    for entry in fs::read_dir(runs)?.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(".new-") || name.starts_with(".old-") {
            let directory = RunDir(entry.path());
            // Without a lock file there is nobody to hold it.
            if !matches!(directory.try_lock(), Ok(None)) {
                fs::remove_dir_all(&directory.0)?;
            }
        }
    }
    Ok(())
}

fn hidden(path: &Path, what: &str) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    Ok(path.with_file_name(format!(".{what}-{}", name.to_string_lossy())))
}

fn json(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Options for a file that only its owner may open.
fn private() -> fs::OpenOptions {
    let mut options = File::options();
    options.write(true).mode(0o600);
    options
}
