//! All layers of a server.

use std::{
    collections::HashSet,
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use crate::{
    Error, Layer, LayerId, Result, Users,
    layer::{Contents, Record},
};

/// Names of layers that are being made or removed begin so.
const DRAFT: &str = "draft-";

/// The layers in one directory. Clones are the same layers.
#[derive(Debug, Clone)]
pub struct Layers {
    directory: PathBuf,
}

/// A layer that is being made. Dropped, it is removed.
#[derive(Debug)]
pub struct Draft {
    directory: PathBuf,
    layers: Layers,
    env: Vec<String>,
    left: bool,
}

impl Layers {
    /// The layers in `directory`, which is made where it is missing.
    ///
    /// # Errors
    /// When the directory cannot be used.
    pub fn open(directory: PathBuf) -> Result<Self> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory);
        made.map_err(Error::io("using the directory of layers", &directory))?;
        Ok(Self { directory })
    }

    /// Removes drafts, besides those of these names: what a server that died left half-made or half-removed.
    ///
    /// # Errors
    /// When they cannot be listed or removed.
    pub fn sweep(&self, keep: &HashSet<String>) -> Result<()> {
        let failed = || Error::io("listing", &self.directory);
        for entry in fs::read_dir(&self.directory).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.strip_prefix(DRAFT).is_some_and(|name| !keep.contains(name)) {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }

    /// The layer of this id, if it is there and whole. One whose files or whose record are not as they were is removed, and
    /// is not there.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub fn find(&self, id: &LayerId) -> Result<Option<Layer>> {
        let Some(layer) = self.look(id)? else {
            if self.directory.join(id.as_str()).exists() {
                tracing::warn!(layer = %id, "what is kept of a layer is damaged and is removed");
                self.remove(id)?;
            }
            return Ok(None);
        };
        let whole = match &layer.record.contents {
            Some(contents) => Contents::of(&layer.files())? == *contents,
            None => true,
        };
        if whole {
            // When it was used last: the age of a layer is counted from there.
            let touched = fs::File::open(&layer.directory).and_then(|file| file.set_modified(SystemTime::now()));
            touched.map_err(Error::io("using", &layer.directory))?;
            return Ok(Some(layer));
        }
        tracing::warn!(layer = %id, title = layer.title(), "a layer is not as it was made and is removed");
        self.remove(id)?;
        Ok(None)
    }

    /// The layer of this id, as it was when it was made.
    pub(crate) fn look(&self, id: &LayerId) -> Result<Option<Layer>> {
        let directory = self.directory.join(id.as_str());
        let record = match fs::read(directory.join(Layer::RECORD)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(Error::io("reading the record of", &directory))?,
        };
        // One that cannot be understood is as good as none.
        let Ok(record) = serde_json::from_slice::<Record>(&record) else { return Ok(None) };
        let layer = Layer { directory, record };
        Ok((layer.id() == *id && layer.files().is_dir()).then_some(layer))
    }

    /// Whether there is a layer of this id.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub fn contains(&self, id: &LayerId) -> Result<bool> {
        Ok(self.look(id)?.is_some())
    }

    /// The directory of a layer's files, which nobody may change.
    ///
    /// # Errors
    /// [`Error::LayerMissing`].
    pub fn files(&self, id: &LayerId) -> Result<PathBuf> {
        Ok(self.look(id)?.ok_or_else(|| Error::LayerMissing(id.clone()))?.files())
    }

    /// Begins a layer.
    ///
    /// # Errors
    /// When its directory cannot be made.
    pub fn draft(&self) -> Result<Draft> {
        self.begin(&format!("{:016x}", rand::random::<u64>()))
    }

    /// Begins a layer under a name by which it can be found again. What was begun under it before is removed.
    ///
    /// # Errors
    /// When its directory cannot be made.
    pub fn begin(&self, name: &str) -> Result<Draft> {
        let draft = self.draft_at(name);
        remove(&draft.directory)?;
        let make = |path: &Path, mode| fs::DirBuilder::new().mode(mode).create(path).map_err(Error::io("making", path));
        make(&draft.directory, 0o700)?;
        make(&draft.files(), 0o755)?;
        make(&draft.scratch(), 0o700)?;
        make(&draft.stage(), 0o700)?;
        Ok(draft)
    }

    /// Finds what was begun under this name.
    pub fn resume(&self, name: &str) -> Option<Draft> {
        let draft = self.draft_at(name);
        if draft.files().is_dir() {
            return Some(draft);
        }
        draft.leave();
        None
    }

    fn draft_at(&self, name: &str) -> Draft {
        let directory = self.directory.join(format!("{DRAFT}{name}"));
        Draft { directory, layers: self.clone(), env: Vec::new(), left: false }
    }

    /// Makes a directory, which is moved away, a layer. To call it again after it was cut short changes nothing more.
    /// Nobody looks later whether it is as it was: a layer of a hundred thousand files would take seconds.
    ///
    /// # Errors
    /// When the directory is on another file system, or neither it nor the layer is there.
    pub fn keep(&self, key: &str, title: &str, users: Users, from: &Path) -> Result<Layer> {
        let id = LayerId::of(key);
        let directory = self.directory.join(id.as_str());
        let files = directory.join(Layer::FILES);
        if !files.exists() {
            match fs::DirBuilder::new().mode(0o700).create(&directory) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made.map_err(Error::io("making", &directory))?,
            }
            let record =
                Record { key: key.to_owned(), title: title.to_owned(), users, contents: None, env: Vec::new() };
            write(&directory, &record)?;
            // Last: a layer whose files are there is whole.
            fs::rename(from, &files).map_err(Error::io("keeping", from))?;
        }
        self.look(&id)?.ok_or(Error::LayerMissing(id))
    }

    /// Removes layers that were kept ([`Layers::keep`]) and are none of `used`; returns how many.
    ///
    /// # Errors
    /// When the layers cannot be listed. One that cannot be removed is left for the next time.
    pub fn collect(&self, used: &HashSet<LayerId>) -> Result<usize> {
        self.remove_unused(used, |id, _| Ok(self.look(id)?.is_some_and(|layer| layer.record.contents.is_none())))
    }

    /// Removes layers that are none of `used` and that nobody has used for `age`; returns how many.
    ///
    /// # Errors
    /// When the layers cannot be listed. One that cannot be removed is left for the next time.
    pub fn expire(&self, used: &HashSet<LayerId>, age: Duration) -> Result<usize> {
        self.remove_unused(used, |_, unused| Ok(unused >= age))
    }

    fn remove_unused(
        &self,
        used: &HashSet<LayerId>,
        due: impl Fn(&LayerId, Duration) -> Result<bool>,
    ) -> Result<usize> {
        let failed = || Error::io("listing", &self.directory);
        let mut removed = 0;
        for entry in fs::read_dir(&self.directory).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            let Ok(id) = entry.file_name().to_string_lossy().parse::<LayerId>() else { continue };
            let modified = entry.metadata().and_then(|metadata| metadata.modified()).map_err(failed())?;
            // A clock that was set back makes nothing older.
            let unused = modified.elapsed().unwrap_or_default();
            if !used.contains(&id) && due(&id, unused)? {
                match self.remove(&id) {
                    Ok(()) => removed += 1,
                    Err(error) => tracing::warn!(%error, layer = %id, "a layer that nobody uses could not be removed"),
                }
            }
        }
        Ok(removed)
    }

    /// Moved away first: a layer is whole or not there.
    fn remove(&self, id: &LayerId) -> Result<()> {
        let directory = self.directory.join(id.as_str());
        let away = self.directory.join(format!("{DRAFT}{:016x}", rand::random::<u64>()));
        match fs::rename(&directory, &away) {
            // Somebody else was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            moved => moved.map_err(Error::io("removing", &directory))?,
        }
        remove(&away)
    }
}

impl Draft {
    /// The directory that whoever makes the layer fills.
    pub fn files(&self) -> PathBuf {
        self.directory.join(Layer::FILES)
    }

    /// A directory for what is needed only as long as the layer is made.
    pub fn scratch(&self) -> PathBuf {
        self.directory.join("scratch")
    }

    /// An empty directory over which whoever makes the layer may mount something.
    pub fn stage(&self) -> PathBuf {
        self.directory.join("stage")
    }

    /// What whoever runs in it gets as variables, each `NAME=VALUE`.
    pub fn set_env(&mut self, env: Vec<String>) {
        self.env = env;
    }

    /// Leaves it as it is, to be found again by [`Layers::resume`].
    pub fn leave(mut self) {
        self.left = true;
    }

    /// Keeps the layer. If somebody made one with the same key meanwhile, that is the one that is kept. A machine that goes
    /// down before all of it is on the disk leaves one that is not as its record says, which [`Layers::find`] notices.
    ///
    /// # Errors
    /// When it cannot be looked at or moved to its place.
    pub fn finish(self, key: &str, title: &str, users: Users) -> Result<Layer> {
        for needless in [self.scratch(), self.stage()] {
            remove(&needless)?;
        }
        let contents = Some(Contents::of(&self.files())?);
        let env = self.env.clone();
        let record = Record { key: key.to_owned(), title: title.to_owned(), users, contents, env };
        let id = LayerId::of(key);
        write(&self.directory, &record)?;
        let place = self.layers.directory.join(id.as_str());
        if self.layers.look(&id)?.is_none() && place.exists() {
            // Damaged; nothing could be made in its place.
            self.layers.remove(&id)?;
        }
        match fs::rename(&self.directory, &place) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            moved => moved.map_err(Error::io("keeping", &place))?,
        }
        self.layers.look(&id)?.ok_or(Error::LayerMissing(id))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.left {
            return;
        }
        // Gone where it was kept.
        if let Err(error) = remove(&self.directory) {
            tracing::warn!(%error, "a layer that was given up could not be removed");
        }
    }
}

fn write(directory: &Path, record: &Record) -> Result<()> {
    let path = directory.join(Layer::RECORD);
    let written = serde_json::to_vec(record).map_err(io::Error::from).and_then(|json| {
        fs::write(&path, json)?;
        fs::File::open(&path)?.sync_all()
    });
    written.map_err(Error::io("writing the record of", directory))
}

/// Removes a directory with everything in it; links are removed and not followed.
fn remove(directory: &Path) -> Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(Error::io("removing", directory)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: Users = Users { first: 0, count: 65_536 };

    fn layers() -> (tempfile::TempDir, Layers) {
        let directory = tempfile::tempdir().unwrap();
        let layers = Layers::open(directory.path().join("layers")).unwrap();
        (directory, layers)
    }

    fn make(layers: &Layers, key: &str) -> Layer {
        let draft = layers.draft().unwrap();
        fs::write(draft.files().join("file"), key).unwrap();
        draft.finish(key, "a layer", USERS).unwrap()
    }

    #[test]
    fn a_finished_layer_is_found_by_its_key_and_a_dropped_draft_leaves_nothing() {
        let (directory, layers) = layers();
        drop(layers.draft().unwrap());
        let made = make(&layers, "one");

        let found = layers.find(&LayerId::of("one")).unwrap().unwrap();

        assert_eq!(found.title(), "a layer");
        assert_eq!(fs::read_to_string(made.files().join("file")).unwrap(), "one");
        assert!(layers.find(&LayerId::of("two")).unwrap().is_none());
        assert_eq!(fs::read_dir(directory.path().join("layers")).unwrap().count(), 1);
    }

    #[test]
    fn a_layer_that_was_changed_is_not_used_again() {
        let (_directory, layers) = layers();
        let made = make(&layers, "one");
        fs::write(made.files().join("file"), "something else").unwrap();

        assert!(layers.find(&made.id()).unwrap().is_none());
        assert!(!made.files().exists());
    }

    #[test]
    fn who_comes_second_gets_what_the_first_made() {
        let (_directory, layers) = layers();
        let (first, second) = (layers.draft().unwrap(), layers.draft().unwrap());
        fs::write(first.files().join("first"), "").unwrap();
        first.finish("key", "first", USERS).unwrap();

        let kept = second.finish("key", "second", USERS).unwrap();

        assert_eq!(kept.title(), "first");
        assert!(kept.files().join("first").exists());
    }

    #[test]
    fn what_a_server_that_died_left_goes_but_for_what_goes_on() {
        let (directory, layers) = layers();
        for name in ["dead", "alive"] {
            let draft = layers.begin(name).unwrap();
            fs::write(draft.files().join("half"), name).unwrap();
            draft.leave();
        }

        let layers = Layers::open(directory.path().join("layers")).unwrap();
        layers.sweep(&HashSet::from(["alive".to_owned()])).unwrap();

        assert!(layers.resume("dead").is_none());
        let made = layers.resume("alive").unwrap().finish("key", "a layer", USERS).unwrap();
        assert_eq!(fs::read_to_string(made.files().join("half")).unwrap(), "alive");
        assert_eq!(fs::read_dir(directory.path().join("layers")).unwrap().count(), 1);
    }

    #[test]
    fn a_layer_whose_record_is_gone_or_damaged_is_removed_and_can_be_made_anew() {
        for damage in [None, Some(""), Some("{ \"key\": "), Some("{}")] {
            let (_directory, layers) = layers();
            let made = make(&layers, "one");
            let record = made.directory.join(Layer::RECORD);
            match damage {
                None => fs::remove_file(&record).unwrap(),
                Some(text) => fs::write(&record, text).unwrap(),
            }

            assert!(layers.find(&made.id()).unwrap().is_none(), "{damage:?}");
            assert!(!made.directory.exists(), "{damage:?}");

            fs::create_dir_all(made.files()).unwrap();
            fs::write(made.files().join("remains"), "").unwrap();
            let again = make(&layers, "one");
            assert!(!again.files().join("remains").exists());
            assert!(layers.find(&again.id()).unwrap().is_some());
        }
    }

    #[test]
    fn what_whoever_made_a_layer_says_of_variables_is_kept_with_it() {
        let (_directory, layers) = layers();
        let mut draft = layers.draft().unwrap();
        draft.set_env(vec!["PATH=/bin".to_owned()]);

        let made = draft.finish("key", "a layer", USERS).unwrap();

        assert_eq!(layers.find(&made.id()).unwrap().unwrap().env(), ["PATH=/bin"]);
    }

    #[test]
    fn a_directory_that_is_kept_moves_and_to_keep_it_again_changes_nothing() {
        let (directory, layers) = layers();
        let from = directory.path().join("from");
        fs::create_dir(&from).unwrap();
        fs::write(from.join("file"), "kept").unwrap();

        layers.keep("key", "kept", USERS, &from).unwrap();
        let again = layers.keep("key", "kept", USERS, &from).unwrap();

        assert!(!from.exists());
        assert_eq!(fs::read_to_string(again.files().join("file")).unwrap(), "kept");
        assert_eq!(layers.collect(&HashSet::from([again.id()])).unwrap(), 0);
        assert_eq!(layers.collect(&HashSet::new()).unwrap(), 1);
        assert!(!again.files().exists());
    }

    #[test]
    fn only_what_was_kept_is_collected() {
        let (_directory, layers) = layers();
        let made = make(&layers, "made");

        assert_eq!(layers.collect(&HashSet::new()).unwrap(), 0);

        assert!(layers.contains(&made.id()).unwrap());
    }

    #[test]
    fn keeping_what_is_not_there_is_an_error_and_no_layer() {
        let (directory, layers) = layers();

        assert!(layers.keep("key", "kept", USERS, &directory.path().join("gone")).is_err());

        assert!(layers.find(&LayerId::of("key")).unwrap().is_none());
    }

    #[test]
    fn layers_that_nobody_uses_go_after_their_time() {
        let (_directory, layers) = layers();
        let (used, unused) = (make(&layers, "used"), make(&layers, "unused"));
        let in_use = HashSet::from([used.id()]);

        assert_eq!(layers.expire(&in_use, Duration::from_secs(3600)).unwrap(), 0);
        assert_eq!(layers.expire(&in_use, Duration::ZERO).unwrap(), 1);

        assert!(layers.find(&used.id()).unwrap().is_some());
        assert!(layers.find(&unused.id()).unwrap().is_none());
    }
}
