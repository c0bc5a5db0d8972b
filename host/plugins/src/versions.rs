//! Versions of plugins on disk: the components that are in use or can be gone back to, each under its digest, and for
//! each plugin how its versions stand. A server that is started anew goes on from there.

use std::{
    collections::HashSet,
    fs::{self, DirBuilder, File},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use sandboxed_model::{Failure, PluginId, Timestamp, plugin::PluginVersion};
use serde::{Deserialize, Serialize};

use crate::load;

/// Where versions are kept. Without a directory nothing is, and each start is the first.
pub(crate) struct Versions(Option<PathBuf>);

/// How the versions of a plugin stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) current: PluginVersion,
    pub(crate) before: Option<PluginVersion>,
    /// The current one is on trial; the one before is what it would be rolled back to.
    pub(crate) trial: Option<Trying>,
    pub(crate) bad: Vec<Bad>,
}

/// How a trial stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trying {
    pub(crate) since: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) traps: u32,
}

/// A version that was rolled back, which is not tried again by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bad {
    pub(crate) digest: String,
    pub(crate) why: Failure,
}

impl Versions {
    /// Opens the directory, making it where missing.
    pub(crate) fn open(directory: Option<PathBuf>) -> io::Result<Self> {
        if let Some(directory) = &directory {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        Ok(Self(directory))
    }

    /// How the versions of a plugin stood. What cannot be read is as good as nothing.
    pub(crate) fn record(&self, plugin: &PluginId) -> Option<Record> {
        let text = fs::read(self.0.as_ref()?.join(format!("{plugin}.json"))).ok()?;
        let record: Record = serde_json::from_slice(&text)
            .inspect_err(|error| tracing::warn!(%plugin, %error, "what is known of a plugin's versions cannot be read"))
            .ok()?;
        let mut known = std::iter::once(&record.current).chain(&record.before);
        let sound = known.all(|version| is_digest(&version.digest));
        sound.then_some(record)
    }

    /// Keeps how the versions of a plugin stand.
    pub(crate) fn keep_record(&self, plugin: &PluginId, record: &Record) -> io::Result<()> {
        let Some(directory) = &self.0 else { return Ok(()) };
        // What says that something is bad is to outlast the machine's loss of power as well.
        let lasting = record.trial.is_some() || !record.bad.is_empty();
        write_new(directory, &directory.join(format!("{plugin}.json")), &serde_json::to_vec(record)?, lasting)
    }

    /// The component of a version, if it is there and what it was.
    pub(crate) fn component(&self, digest: &str) -> Option<load::File> {
        let wasm = fs::read(self.0.as_ref()?.join(format!("{digest}.wasm"))).ok()?;
        (load::digest(&wasm) == digest).then(|| load::File { digest: digest.to_owned(), wasm })
    }

    /// Keeps the component of a version.
    pub(crate) fn keep_component(&self, file: &load::File) -> io::Result<()> {
        let Some(directory) = &self.0 else { return Ok(()) };
        let path = directory.join(format!("{}.wasm", file.digest));
        // One that is shorter was not written to its end before the machine lost its power.
        if fs::metadata(&path).is_ok_and(|there| there.len() == file.wasm.len() as u64) {
            return Ok(());
        }
        write_new(directory, &path, &file.wasm, false)
    }

    /// Removes components that are none of these versions.
    pub(crate) fn prune(&self, versions: &HashSet<String>) -> io::Result<()> {
        let Some(directory) = &self.0 else { return Ok(()) };
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            let is_component = path.extension().is_some_and(|extension| extension == "wasm");
            let digest = path.file_stem().and_then(|stem| stem.to_str());
            if is_component && !digest.is_some_and(|digest| versions.contains(digest)) {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
}

/// Writes a file so that readers see the former or the whole.
fn write_new(directory: &Path, path: &Path, bytes: &[u8], lasting: bool) -> io::Result<()> {
    let temporary = directory.join(format!(".{:016x}.new", rand::random::<u64>()));
    let mut file = File::options().create_new(true).write(true).mode(0o600).open(&temporary)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| if lasting { file.sync_data() } else { Ok(()) })
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let digest = load::digest(b"one");
        let current = PluginVersion { digest, version: Some("1.0.0".to_owned()) };
        Record { current, before: None, trial: None, bad: Vec::new() }
    }

    #[test]
    fn a_component_that_was_altered_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let versions = Versions::open(Some(folder.path().to_owned())).unwrap();
        let file = load::File { digest: load::digest(b"one"), wasm: b"one".to_vec() };
        versions.keep_component(&file).unwrap();
        assert_eq!(versions.component(&file.digest).unwrap().wasm, b"one");
        fs::write(folder.path().join(format!("{}.wasm", file.digest)), b"two").unwrap();
        assert!(versions.component(&file.digest).is_none());
    }

    #[test]
    fn a_component_that_was_cut_is_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let versions = Versions::open(Some(folder.path().to_owned())).unwrap();
        let file = load::File { digest: load::digest(b"one"), wasm: b"one".to_vec() };
        fs::write(folder.path().join(format!("{}.wasm", file.digest)), b"").unwrap();
        versions.keep_component(&file).unwrap();
        assert!(versions.component(&file.digest).is_some());
    }

    #[test]
    fn a_record_that_names_another_file_is_as_good_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let versions = Versions::open(Some(folder.path().to_owned())).unwrap();
        let plugin: PluginId = "shell".parse().unwrap();
        versions.keep_record(&plugin, &record()).unwrap();
        assert_eq!(versions.record(&plugin), Some(record()));
        let mut elsewhere = record();
        elsewhere.current.digest = "../../etc/passwd".to_owned();
        versions.keep_record(&plugin, &elsewhere).unwrap();
        assert_eq!(versions.record(&plugin), None);
    }

    #[test]
    fn only_components_that_are_still_wanted_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let versions = Versions::open(Some(folder.path().to_owned())).unwrap();
        let files = ["one", "two"].map(|text| load::File { digest: load::digest(text.as_bytes()), wasm: text.into() });
        files.iter().for_each(|file| versions.keep_component(file).unwrap());
        versions.prune(&HashSet::from([files[0].digest.clone()])).unwrap();
        assert!(versions.component(&files[0].digest).is_some() && versions.component(&files[1].digest).is_none());
    }
}
