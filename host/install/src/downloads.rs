//! What was downloaded, and is on the way.

use std::{
    collections::HashMap,
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, SystemTime},
};

use sandboxed_model::{
    Failure,
    install::{DownloadState, InstallActivity, OutlinedDownload},
};

use crate::{
    background::blocking,
    failure,
    fetch::{Fetcher, Patience},
    integrity::Integrity,
    origins::Origins,
    plan::Fetch,
    report::Report,
};

/// Downloads that no installation came for are kept so long.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The directory of downloads. A file that is named by its digest is whole; `.part` is the beginning of one.
#[derive(Debug)]
pub(crate) struct Downloads {
    directory: PathBuf,
    origins: Origins,
    fetcher: Fetcher,
    /// Whoever holds the lock of a digest fetches it.
    wanted: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
}

/// A download that an installation waits for. It stays on the disk as long as anybody wants it.
#[derive(Debug)]
pub(crate) struct Wanted {
    name: String,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Downloads {
    /// The downloads in a directory, which is made where it is missing. Old ones are removed.
    ///
    /// # Errors
    /// Those of the file system, `install.failed`.
    pub(crate) fn open(directory: PathBuf, origins: Origins, patience: Patience) -> Result<Self, Failure> {
        let failed = |error| failure::io(&directory, &error);
        fs::create_dir_all(&directory).map_err(failed)?;
        for entry in fs::read_dir(&directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let modified = entry.metadata().and_then(|metadata| metadata.modified()).map_err(failed)?;
            if SystemTime::now().duration_since(modified).is_ok_and(|age| age > KEPT) {
                fs::remove_file(entry.path()).map_err(failed)?;
            }
        }
        let fetcher = Fetcher::new(&origins, patience)?;
        Ok(Self { directory, origins, fetcher, wanted: Mutex::default() })
    }

    /// What a person calls something.
    pub(crate) fn name(&self, fetch: &Fetch) -> String {
        Origins::names(&fetch.source).into_iter().next().unwrap_or_default()
    }

    /// Where something is, and where it would come from.
    pub(crate) fn outline(&self, fetch: &Fetch) -> Result<OutlinedDownload, Failure> {
        let name = fetch.integrity.file_name();
        let length = |path: &Path| fs::metadata(path).ok().map(|metadata| metadata.len());
        let mirrored = self.origins.mirrored(&fetch.source);
        let address = self.origins.address(&fetch.source)?.to_string();
        let (from, state, present) = if let Some(bytes) = length(&self.directory.join(&name)) {
            (address, DownloadState::Downloaded, bytes)
        } else if let Some(file) = mirrored {
            let bytes = length(&file).unwrap_or_default();
            (file.display().to_string(), DownloadState::Mirrored, bytes)
        } else if self.origins.offline {
            (address, DownloadState::Missing, 0)
        } else if let Some(bytes) = length(&self.part(&name)) {
            (address, DownloadState::Partial, bytes)
        } else {
            (address, DownloadState::Absent, 0)
        };
        Ok(OutlinedDownload {
            from,
            names: Origins::names(&fetch.source),
            integrity: fetch.integrity.to_string(),
            into: if fetch.into.is_root() { String::new() } else { fetch.into.to_string() },
            state,
            present,
        })
    }

    /// Says that somebody waits for something.
    pub(crate) fn want(&self, fetch: &Fetch) -> Wanted {
        let name = fetch.integrity.file_name();
        let mut wanted = self.wanted();
        wanted.retain(|_, turn| turn.strong_count() > 0);
        let turn = wanted.get(&name).and_then(Weak::upgrade).unwrap_or_default();
        wanted.insert(name.clone(), Arc::downgrade(&turn));
        Wanted { name, turn }
    }

    /// Says that nobody has to fetch it again: it is removed when the last one who waits for it has it.
    pub(crate) fn release(&self, given_up: Wanted) -> Result<(), Failure> {
        let wanted = self.wanted();
        // Dropped before the map is let go: of two who release it at once the second is the last.
        let Wanted { name, turn } = given_up;
        let is_last = Arc::strong_count(&turn) == 1;
        let removed = if is_last { remove(&self.directory.join(&name)) } else { Ok(()) };
        drop(turn);
        drop(wanted);
        removed
    }

    /// Opens a file of the mirror or of the downloads, which is fetched where it is missing. Its digest is right.
    ///
    /// # Errors
    /// `install.checksum`, `install.offline`, and those of [`Fetcher::fetch`].
    pub(crate) async fn obtain(
        &self,
        fetch: &Fetch,
        wanted: &Wanted,
        step: usize,
        report: &Report,
    ) -> Result<File, Failure> {
        report.begin(step, InstallActivity::Downloading, &self.name(fetch));
        let _turn = wanted.turn.lock().await;
        let whole = self.directory.join(&wanted.name);
        if whole.is_file() {
            if let Ok(file) = verified(&whole, &fetch.integrity).await? {
                return Ok(file);
            }
            // The disk has changed it since it came.
            remove(&whole)?;
        }
        if let Some(file) = self.origins.mirrored(&fetch.source) {
            let is_right = verified(&file, &fetch.integrity).await?;
            return is_right.map_err(|got| failure::checksum(&file.display().to_string(), &fetch.integrity, got));
        }
        if self.origins.offline {
            return Err(failure::offline(&[missing(&Origins::names(&fetch.source))]));
        }
        self.download(fetch, &whole, report).await
    }

    async fn download(&self, fetch: &Fetch, whole: &Path, report: &Report) -> Result<File, Failure> {
        let address = self.origins.address(&fetch.source)?;
        let part = self.part(&fetch.integrity.file_name());
        loop {
            let is_resumed = part.is_file();
            self.fetcher.fetch(&address, &part, report).await?;
            match verified(&part, &fetch.integrity).await? {
                Ok(file) => {
                    fs::rename(&part, whole).map_err(|error| failure::io(whole, &error))?;
                    return Ok(file);
                }
                Err(got) => {
                    remove(&part)?;
                    // The beginning may have been another file's: it is fetched as a whole once.
                    if !is_resumed {
                        return Err(failure::checksum(address.as_str(), &fetch.integrity, got));
                    }
                }
            }
        }
    }

    fn part(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.part"))
    }

    fn wanted(&self) -> MutexGuard<'_, HashMap<String, Weak<tokio::sync::Mutex<()>>>> {
        // Each change is one call, so a panic leaves nothing half done.
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The names of something that is missing, for a person.
pub(crate) fn missing(names: &[String]) -> String {
    names.join(" or ")
}

/// Opens a file whose digest is right; else tells the digest that it has.
async fn verified(path: &Path, expected: &Integrity) -> Result<Result<File, Integrity>, Failure> {
    let (path, expected) = (path.to_owned(), expected.clone());
    blocking(move |stop| {
        let failed = |error| failure::io(&path, &error);
        let file = File::open(&path).map_err(failed)?;
        let got = expected.of_same_kind(&file, stop).map_err(failed)?;
        Ok(if got == expected { Ok(file) } else { Err(got) })
    })
    .await
}

fn remove(file: &Path) -> Result<(), Failure> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failure::io(file, &error)),
        _ => Ok(()),
    }
}
