//! A run's own directory.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File, TryLockError},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use sandboxed_keeper::{INBOX, RUNS, RunEnd, is_mark};

/// After so long nobody asks for a run any more that has ended.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// A run's own directory.
#[derive(Debug, Clone)]
pub(super) struct Place(PathBuf);

impl Place {
    pub(super) fn of(mark: &str) -> io::Result<Self> {
        Self::below(Path::new(RUNS), mark)
    }

    pub(super) fn below(runs: &Path, mark: &str) -> io::Result<Self> {
        match is_mark(mark) {
            true => Ok(Self(runs.join(mark))),
            false => Err(io::Error::other("this is no mark of a run")),
        }
    }

    /// Makes it. False: it is there.
    pub(super) fn make(&self) -> io::Result<bool> {
        match DirBuilder::new().mode(0o700).create(&self.0) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Where the program's input is handed in.
    pub(super) fn input(&self) -> PathBuf {
        self.0.join("input")
    }

    /// Holds the place for as long as the file lives.
    pub(super) fn hold(&self) -> io::Result<File> {
        let file = File::create(self.0.join("held"))?;
        file.lock()?;
        Ok(file)
    }

    /// Whether somebody holds it.
    pub(super) fn is_held(&self) -> bool {
        let Ok(file) = File::open(self.0.join("held")) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    /// Whether somebody holds it or has held it.
    pub(super) fn was_held(&self) -> bool {
        self.0.join("held").exists()
    }

    /// Leaves the end of the run, as a whole or not at all.
    pub(super) fn leave_end(&self, end: &RunEnd) -> io::Result<()> {
        let part = self.0.join("end.part");
        fs::write(&part, serde_json::to_vec(end)?)?;
        fs::rename(part, self.0.join("end"))
    }

    /// The end of the run, as it was left.
    pub(super) fn end(&self) -> Option<Vec<u8>> {
        fs::read(self.0.join("end")).ok()
    }

    pub(super) fn remove(&self) -> io::Result<()> {
        fs::remove_dir_all(&self.0)
    }
}

/// Removes what was left for a run in the inbox: `clear MARK`.
pub(crate) fn clear_inbox(mut arguments: impl Iterator<Item = OsString>) -> io::Result<()> {
    let mark = arguments.next().and_then(|mark| mark.into_string().ok()).filter(|mark| is_mark(mark));
    let mark = mark.ok_or_else(|| io::Error::other("this is no mark of a run"))?;
    match fs::remove_dir_all(Path::new(INBOX).join(mark)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Removes what is left of runs that ended long ago.
pub(super) fn forget_old() {
    let Ok(entries) = fs::read_dir(RUNS) else { return };
    for entry in entries.flatten() {
        let old = || Some(SystemTime::now().duration_since(entry.metadata().ok()?.modified().ok()?).ok()? > KEPT);
        let name = entry.file_name();
        let Some(place) = name.to_str().and_then(|mark| Place::of(mark).ok()) else { continue };
        if old() == Some(true) && !place.is_held() {
            let _ = place.remove();
        }
    }
}
