//! All layers of a server.

use std::{
    collections::HashSet,
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use crate::{
    Error, Layer, LayerId, Result,
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
}

impl Layers {
    /// The layers in `directory`, which is made where it is missing. What a server that died left half-made is removed.
    ///
    /// # Errors
    /// When the directory cannot be used.
    pub fn open(directory: PathBuf) -> Result<Self> {
        let failed = || Error::io("using the directory of layers", &directory);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(failed())?;
        for entry in fs::read_dir(&directory).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            if entry.file_name().to_string_lossy().starts_with(DRAFT) {
                remove(&entry.path())?;
            }
        }
        Ok(Self { directory })
    }

    /// The layer of this id, if it is there. One whose files are not as they were is removed, and is not there.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub fn find(&self, id: &LayerId) -> Result<Option<Layer>> {
        let Some(layer) = self.look(id)? else { return Ok(None) };
        if Contents::of(&layer.files())? == layer.record.contents {
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
        let record: Record = serde_json::from_slice(&record)
            .map_err(|error| Error::io("reading the record of", &directory)(error.into()))?;
        Ok((LayerId::of(&record.key) == *id).then_some(Layer { directory, record }))
    }

    /// Begins a layer.
    ///
    /// # Errors
    /// When its directory cannot be made.
    pub fn draft(&self) -> Result<Draft> {
        let directory = self.directory.join(format!("{DRAFT}{:016x}", rand::random::<u64>()));
        let make = |path: &Path, mode| fs::DirBuilder::new().mode(mode).create(path).map_err(Error::io("making", path));
        make(&directory, 0o700)?;
        let draft = Draft { directory, layers: self.clone() };
        make(&draft.files(), 0o755)?;
        Ok(draft)
    }

    /// Removes layers that are none of `used` and that nobody has used for `age`; returns how many.
    ///
    /// # Errors
    /// When the layers cannot be listed. One that cannot be removed is left for the next time.
    pub fn expire(&self, used: &HashSet<LayerId>, age: Duration) -> Result<usize> {
        let failed = || Error::io("listing", &self.directory);
        let mut removed = 0;
        for entry in fs::read_dir(&self.directory).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            let Ok(id) = entry.file_name().to_string_lossy().parse::<LayerId>() else { continue };
            let modified = entry.metadata().and_then(|metadata| metadata.modified()).map_err(failed())?;
            let old = modified.elapsed().is_ok_and(|unused| unused >= age);
            if old && !used.contains(&id) {
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
        fs::rename(&directory, &away).map_err(Error::io("removing", &directory))?;
        remove(&away)
    }
}

impl Draft {
    /// The directory that whoever makes the layer fills.
    pub fn files(&self) -> PathBuf {
        self.directory.join(Layer::FILES)
    }

    /// Keeps the layer. If somebody made one with the same key meanwhile, that is the one that is kept.
    ///
    /// # Errors
    /// When it cannot be looked at or moved to its place.
    pub fn finish(self, key: &str, title: &str, first_user: u32) -> Result<Layer> {
        let contents = Contents::of(&self.files())?;
        let record = Record { key: key.to_owned(), title: title.to_owned(), first_user, contents };
        let id = LayerId::of(key);
        let written = serde_json::to_vec(&record).map_err(io::Error::from).and_then(|json| {
            let path = self.directory.join(Layer::RECORD);
            fs::write(&path, json)?;
            fs::File::open(&path)?.sync_all()
        });
        written.map_err(Error::io("writing the record of", &self.directory))?;
        let place = self.layers.directory.join(id.as_str());
        match fs::rename(&self.directory, &place) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            moved => moved.map_err(Error::io("keeping", &place))?,
        }
        self.layers.look(&id)?.ok_or(Error::LayerMissing(id))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone where it was kept.
        if let Err(error) = remove(&self.directory) {
            tracing::warn!(%error, "a layer that was given up could not be removed");
        }
    }
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

    fn layers() -> (tempfile::TempDir, Layers) {
        let directory = tempfile::tempdir().unwrap();
        let layers = Layers::open(directory.path().join("layers")).unwrap();
        (directory, layers)
    }

    fn make(layers: &Layers, key: &str) -> Layer {
        let draft = layers.draft().unwrap();
        fs::write(draft.files().join("file"), key).unwrap();
        draft.finish(key, "a layer", 0).unwrap()
    }

    #[test]
    fn a_finished_layer_is_found_by_its_key_and_a_dropped_draft_leaves_nothing() {
        let (directory, layers) = layers();
        drop(layers.draft().unwrap());
        let made = make(&layers, "one");

        let found = layers.find(&LayerId::of("one")).unwrap().unwrap();

        assert_eq!((found.title(), found.bytes()), ("a layer", 3));
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
        first.finish("key", "first", 0).unwrap();

        let kept = second.finish("key", "second", 0).unwrap();

        assert_eq!(kept.title(), "first");
        assert!(kept.files().join("first").exists());
    }

    #[test]
    fn a_server_that_died_leaves_no_draft() {
        let (directory, layers) = layers();
        let draft = std::mem::ManuallyDrop::new(layers.draft().unwrap());
        fs::write(draft.files().join("half"), "").unwrap();

        Layers::open(directory.path().join("layers")).unwrap();

        assert!(!draft.files().exists());
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
