//! Results of steps that are kept for other workspaces: what was in tree and home after a step, below the step's key.
//!
//! Copying many files may take longer than making them, so a result is kept where making it took clearly longer than a copy
//! will take, or where its step says so. A result is looked over before it is used, and dropped if it is not what it was.

use std::{
    fs::{self, File, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, SystemTime},
};

use nix::unistd::{getegid, geteuid};
use sandboxed_files::{Limits, Tree};
use sandboxed_model::BuildId;
use serde::{Deserialize, Serialize};
use tokio::sync::RwLock;

/// Files, directories and links that are kept of one workspace at most.
const MOST_ENTRIES: u64 = 2_000_000;
/// What copying costs on a slow disk: for each entry, and for each MiB.
const COPY_ENTRY: Duration = Duration::from_micros(100);
const COPY_MIB: Duration = Duration::from_millis(5);
/// A result that took less to make is not even looked at.
const QUICK: Duration = Duration::from_secs(2);

/// The results that are kept.
#[derive(Clone)]
pub(crate) struct StepCache(Arc<Inner>);

struct Inner {
    root: PathBuf,
    size: u64,
    age: Duration,
    /// Held to read by who uses a result, and to write by who removes some.
    use_of: RwLock<()>,
}

/// `manifest.json` of a result. It is written last, so a result that has one is whole.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
struct Manifest {
    tree: Part,
    home: Part,
}

#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
struct Part {
    hash: String,
    entries: u64,
    bytes: u64,
}

/// The directories of a workspace that a step changes.
#[derive(Debug, Clone)]
pub(crate) struct Contents {
    pub(crate) tree: PathBuf,
    pub(crate) home: PathBuf,
    /// Whose they are.
    pub(crate) owner: Option<u32>,
}

/// How expensive a result was.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Worth {
    /// It is kept, whatever it cost.
    Kept,
    /// Making it took so long.
    Took(Duration),
}

const TREE: &str = "tree";
const HOME: &str = "home";
const MANIFEST: &str = "manifest.json";

impl StepCache {
    /// The results below `root`, which is made where it is missing. Blocks.
    pub(crate) fn open(root: PathBuf, size: u64, age: Duration) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&root)?;
        for entry in fs::read_dir(&root)?.flatten() {
            // What a server that was killed was making or removing.
            if entry.file_name().to_string_lossy().starts_with('.') {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(Self(Arc::new(Inner { root, size, age, use_of: RwLock::new(()) })))
    }

    /// The last of these keys whose result is kept.
    pub(crate) async fn last_kept(&self, keys: Vec<String>) -> Option<usize> {
        if self.0.size == 0 {
            return None;
        }
        let inner = Arc::clone(&self.0);
        let look = move || keys.iter().rposition(|key| inner.root.join(key).join(MANIFEST).exists());
        tokio::task::spawn_blocking(look).await.ok().flatten()
    }

    /// Fills a workspace, whose directories are empty, with a result. False: it is not there any more, or was not what it
    /// was when it was kept and is now removed; the directories may then hold a part of it.
    pub(crate) async fn restore(&self, key: &str, to: Contents, stop: Arc<AtomicBool>) -> io::Result<bool> {
        let using = self.0.use_of.read().await;
        let entry = self.0.root.join(key);
        let copied =
            tokio::task::spawn_blocking(move || copy_out(&entry, &to, &stop)).await.map_err(io::Error::other)?;
        drop(using);
        match copied {
            Ok(true) => Ok(true),
            Ok(false) => {
                tracing::warn!(key, "a kept result of a step is not what it was, and is removed");
                self.remove(key).await?;
                Ok(false)
            }
            Err(sandboxed_files::Error::NotFound(_)) => Ok(false),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    /// Keeps what is in a workspace, if that is worth it. False: it is not.
    pub(crate) async fn keep(
        &self,
        key: &str,
        from: Contents,
        worth: Worth,
        build: BuildId,
        stop: Arc<AtomicBool>,
    ) -> io::Result<bool> {
        if self.0.size == 0 || matches!(worth, Worth::Took(time) if time < QUICK) {
            return Ok(false);
        }
        let (inner, key) = (Arc::clone(&self.0), key.to_owned());
        let kept = tokio::task::spawn_blocking(move || {
            let new = inner.root.join(format!(".new-{build}"));
            let kept = copy_in(&inner, &key, &new, &from, worth, &stop);
            match fs::remove_dir_all(&new) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => kept,
            }
        });
        let kept = kept.await.map_err(io::Error::other)??;
        if kept {
            self.expire().await?;
        }
        Ok(kept)
    }

    /// Removes results that nobody used for too long, and of the others those unused for longest until the rest is no larger
    /// than it may be.
    pub(crate) async fn expire(&self) -> io::Result<()> {
        let _alone = self.0.use_of.write().await;
        let inner = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || expire(&inner)).await.map_err(io::Error::other)?
    }

    async fn remove(&self, key: &str) -> io::Result<()> {
        let _alone = self.0.use_of.write().await;
        let (inner, key) = (Arc::clone(&self.0), key.to_owned());
        tokio::task::spawn_blocking(move || remove(&inner.root, &key)).await.map_err(io::Error::other)?
    }
}

/// Takes an entry's name away first, so that no part of it can be taken for the whole.
fn remove(root: &Path, key: &str) -> io::Result<()> {
    let old = root.join(format!(".old-{key}"));
    match fs::rename(root.join(key), &old) {
        Ok(()) => fs::remove_dir_all(old),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn part(tree: &Tree, stop: &AtomicBool) -> sandboxed_files::Result<Part> {
    let found = tree.fingerprint(MOST_ENTRIES, stop)?;
    let hash = found.hash.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Part { hash, entries: found.entries, bytes: found.bytes })
}

fn copy_out(entry: &Path, to: &Contents, stop: &AtomicBool) -> sandboxed_files::Result<bool> {
    let manifest =
        fs::read(entry.join(MANIFEST)).ok().and_then(|bytes| serde_json::from_slice::<Manifest>(&bytes).ok());
    let Some(manifest) = manifest else { return Ok(false) };
    let owner = to.owner.map(|user| (user, user));
    let limits = Limits { bytes: u64::MAX, entries: MOST_ENTRIES };
    for (name, part_then, place) in [(TREE, &manifest.tree, &to.tree), (HOME, &manifest.home, &to.home)] {
        let from = Tree::open(&entry.join(name), None)?;
        if part(&from, stop)? != *part_then {
            return Ok(false);
        }
        from.copy_to(&Tree::open(place, owner)?, limits, stop)?;
    }
    // When it was last used; nothing else depends on it.
    let _ =
        File::options().write(true).open(entry.join(MANIFEST)).and_then(|file| file.set_modified(SystemTime::now()));
    Ok(true)
}

fn copy_in(inner: &Inner, key: &str, new: &Path, from: &Contents, worth: Worth, stop: &AtomicBool) -> io::Result<bool> {
    let entry = inner.root.join(key);
    if entry.exists() {
        return Ok(false);
    }
    let (tree, home) = (open(&from.tree, None)?, open(&from.home, None)?);
    let (in_tree, in_home) = (part(&tree, stop), part(&home, stop));
    let (in_tree, in_home) = (in_tree.map_err(io::Error::other)?, in_home.map_err(io::Error::other)?);
    let (entries, bytes) = (in_tree.entries + in_home.entries, in_tree.bytes.saturating_add(in_home.bytes));
    let copying = COPY_ENTRY * u32::try_from(entries).unwrap_or(u32::MAX)
        + COPY_MIB * u32::try_from(bytes >> 20).unwrap_or(u32::MAX);
    let space = nix::sys::statvfs::statvfs(&inner.root)?;
    // The types differ between platforms; on 64-bit Linux both are u64 already.
    #[allow(clippy::useless_conversion)]
    let free = u64::from(space.blocks_available()) * u64::from(space.fragment_size());
    let too_quick = matches!(worth, Worth::Took(time) if time < copying * 2);
    if too_quick || bytes > inner.size || bytes > free / 2 {
        return Ok(false);
    }
    fs::DirBuilder::new().mode(0o700).create(new)?;
    // The copy belongs to the server and has no bits that give rights.
    let own = Some((geteuid().as_raw(), getegid().as_raw()));
    let limits = Limits { bytes: inner.size, entries: MOST_ENTRIES };
    let mut parts = Vec::with_capacity(2);
    for (name, from) in [(TREE, &tree), (HOME, &home)] {
        let place = new.join(name);
        fs::DirBuilder::new().mode(0o700).create(&place)?;
        let to = open(&place, own)?;
        from.copy_to(&to, limits, stop).map_err(io::Error::other)?;
        parts.push(part(&to, stop).map_err(io::Error::other)?);
    }
    let [tree, home] = <[Part; 2]>::try_from(parts).map_err(|_| io::Error::other("there are two parts"))?;
    let manifest = new.join(MANIFEST);
    fs::write(&manifest, serde_json::to_vec(&Manifest { tree, home })?)?;
    fs::set_permissions(&manifest, Permissions::from_mode(0o600))?;
    match fs::rename(new, &entry) {
        Ok(()) => Ok(true),
        // Another build was faster; its result is as good.
        Err(_) if entry.exists() => Ok(false),
        Err(error) => Err(error),
    }
}

fn open(path: &Path, owner: Option<(u32, u32)>) -> io::Result<Tree> {
    Tree::open(path, owner).map_err(io::Error::other)
}

fn expire(inner: &Inner) -> io::Result<()> {
    let now = SystemTime::now();
    let mut kept = Vec::new();
    for entry in fs::read_dir(&inner.root)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let manifest = entry.path().join(MANIFEST);
        let used = fs::metadata(&manifest).and_then(|metadata| metadata.modified());
        let read = fs::read(&manifest).ok().and_then(|bytes| serde_json::from_slice::<Manifest>(&bytes).ok());
        match (used, read) {
            (Ok(used), Some(manifest)) if now.duration_since(used).unwrap_or_default() <= inner.age => {
                kept.push((used, manifest.tree.bytes.saturating_add(manifest.home.bytes), name));
            }
            _ => remove(&inner.root, &name)?,
        }
    }
    // The last used first.
    kept.sort_by(|one, other| other.cmp(one));
    let mut sum: u64 = 0;
    for (_, bytes, name) in kept {
        sum = sum.saturating_add(bytes);
        if sum > inner.size {
            remove(&inner.root, &name)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Lab {
        home: tempfile::TempDir,
        cache: StepCache,
    }

    impl Lab {
        fn new(size: u64, age: Duration) -> Self {
            let home = tempfile::tempdir().unwrap();
            let cache = StepCache::open(home.path().join("steps"), size, age).unwrap();
            Self { home, cache }
        }

        fn contents(&self, name: &str) -> Contents {
            let place = self.home.path().join(name);
            for part in [TREE, HOME] {
                fs::create_dir_all(place.join(part)).unwrap();
            }
            Contents { tree: place.join(TREE), home: place.join(HOME), owner: None }
        }

        async fn keep(&self, key: &str, bytes: usize, worth: Worth) -> bool {
            let from = self.contents(&format!("from-{key}"));
            fs::write(from.tree.join("file"), vec![7; bytes]).unwrap();
            self.cache.keep(key, from, worth, BuildId::new(), Arc::default()).await.unwrap()
        }

        async fn restore(&self, key: &str) -> bool {
            let to = self.contents(&format!("to-{key}"));
            self.cache.restore(key, to, Arc::default()).await.unwrap()
        }
    }

    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn what_was_kept_is_found_again_with_all_that_was_in_it() {
        let lab = Lab::new(1 << 20, LONG);
        assert!(lab.keep("a", 10, Worth::Kept).await);

        assert_eq!(lab.cache.last_kept(["a", "b"].map(str::to_owned).to_vec()).await, Some(0));
        assert!(lab.restore("a").await);
        assert_eq!(fs::read(lab.home.path().join("to-a/tree/file")).unwrap(), vec![7; 10]);
    }

    #[tokio::test]
    async fn a_quick_result_and_one_that_is_too_large_are_not_kept() {
        let lab = Lab::new(1 << 20, LONG);
        assert!(!lab.keep("quick", 10, Worth::Took(Duration::from_millis(100))).await);
        assert!(!lab.keep("large", 2 << 20, Worth::Kept).await);
        assert!(lab.keep("slow", 10, Worth::Took(LONG)).await);
    }

    #[tokio::test]
    async fn what_changed_since_it_was_kept_is_removed_and_not_used() {
        let lab = Lab::new(1 << 20, LONG);
        lab.keep("a", 10, Worth::Kept).await;
        fs::write(lab.home.path().join("steps/a/tree/file"), "other").unwrap();

        assert!(!lab.restore("a").await);
        assert!(!lab.home.path().join("steps/a").exists());
    }

    #[tokio::test]
    async fn results_expire_by_age_and_by_what_they_take_together() {
        let lab = Lab::new(100, LONG);
        for key in ["a", "b"] {
            lab.keep(key, 40, Worth::Kept).await;
        }
        lab.restore("a").await;
        lab.keep("c", 40, Worth::Kept).await;
        let kept = |key: &str| lab.home.path().join("steps").join(key).exists();
        assert_eq!([kept("a"), kept("b"), kept("c")], [true, false, true], "the one unused for longest goes");

        let lab = Lab::new(100, Duration::ZERO);
        lab.keep("a", 40, Worth::Kept).await;
        assert!(!lab.home.path().join("steps/a").exists());
    }
}
