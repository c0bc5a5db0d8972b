//! A directory of layers with its own changes on top.

use std::{
    fs, io,
    os::{
        fd::AsFd,
        unix::fs::{DirBuilderExt, MetadataExt, chown},
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::CWD,
    mount::{
        FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, fsconfig_create,
        fsconfig_set_string, fsmount, fsopen, move_mount, open_tree, unmount,
    },
};

use crate::{Error, Layer, LayerId, Layers, Result, Users, sys};

/// A directory that begins with layers, and what was changed of them.
#[derive(Debug, Clone)]
pub struct Overlay {
    at: PathBuf,
    changes: PathBuf,
}

/// A layer as it is seen by other users, for as long as this is kept.
struct Seen {
    at: PathBuf,
    mapped: bool,
}

impl Overlay {
    /// The directory that is mounted at `at` and whose changes are kept in `changes`. Both are for root alone, or below a
    /// directory that is, and on one file system.
    pub fn new(at: PathBuf, changes: PathBuf) -> Self {
        Self { at, changes }
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.at
    }

    /// What was changed, as an overlay keeps it: what was removed is in it as a device, and it must not be read as if it
    /// were the directory.
    pub fn changed(&self) -> PathBuf {
        self.changes.join("upper")
    }

    /// Removes what was changed. It must not be mounted.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn discard(&self) -> Result<()> {
        match fs::remove_dir_all(&self.changes) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(Error::io("removing", &self.changes)),
        }
    }

    /// Whether it is mounted.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub fn is_mounted(&self) -> Result<bool> {
        let device = |path: &Path| match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            found => found.map(|found| Some(found.dev())).map_err(Error::io("looking at", path)),
        };
        Ok(match device(&self.at)? {
            None => false,
            here => here != device(self.at.parent().unwrap_or(Path::new("/")))?,
        })
    }

    /// Mounts it, if it is not mounted: the layers of `lowest_first`, and what was changed. What belongs to a layer's
    /// users belongs to the same ones of `users`. The directory itself is `owner`'s and has this mode.
    ///
    /// # Errors
    /// [`Error::LayerMissing`]; when the kernel has no overlays here or cannot map users.
    pub fn mount(&self, layers: &Layers, lowest_first: &[LayerId], users: Users, owner: u32, mode: u32) -> Result<()> {
        if self.is_mounted()? {
            return Ok(());
        }
        make(&self.at, 0o755, 0)?;
        make(&self.changes, 0o700, 0)?;
        make(&self.changed(), mode, owner)?;
        make(&self.changes.join("work"), 0o700, users.first)?;
        let mut seen = Vec::with_capacity(lowest_first.len());
        for (number, id) in lowest_first.iter().rev().enumerate() {
            let layer = layers.look(id)?.ok_or_else(|| Error::LayerMissing(id.clone()))?;
            seen.push(Seen::new(&layer, users, self.changes.join(format!("lower-{number}")))?);
        }
        let lower: Vec<String> = seen.iter().map(|seen| escaped(&seen.at)).collect();
        self.overlay(&lower.join(":"))
        // The overlay keeps the layers, not the places where they were seen.
    }

    fn overlay(&self, lower: &str) -> Result<()> {
        let overlay = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)
            .map_err(|error| Error::mount("the kernel has no overlay file system")(error.into()))?;
        let set = |name: &'static str, value: &str| fsconfig_set_string(overlay.as_fd(), name, value);
        let mounted = set("source", "sandboxed-sh")
            .and_then(|()| set("lowerdir", lower))
            .and_then(|()| set("upperdir", &escaped(&self.changed())))
            .and_then(|()| set("workdir", &escaped(&self.changes.join("work"))))
            // Or a directory of a layer could not be renamed.
            .and_then(|()| set("redirect_dir", "on"))
            .and_then(|()| fsconfig_create(overlay.as_fd()))
            .and_then(|()| {
                let attributes = MountAttrFlags::MOUNT_ATTR_NODEV;
                fsmount(overlay.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)
            })
            .map_err(|error| Error::mount("putting the layers together")(error.into()))?;
        move_mount(mounted.as_fd(), "", CWD, &self.at, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
            .map_err(|error| Error::mount("mounting it")(error.into()))
    }

    /// Unmounts it. Processes that run in it keep it for themselves. One that is not mounted is left as it is.
    ///
    /// # Errors
    /// When it cannot be unmounted.
    pub fn unmount(&self) -> Result<()> {
        // More than once where it was mounted over itself.
        while self.is_mounted()? {
            unmount(&self.at, UnmountFlags::DETACH).map_err(|error| Error::mount("unmounting it")(error.into()))?;
        }
        Ok(())
    }

    /// Tries in `directory`, on whose file system they will be, whether overlays can be had: makes a layer, mounts it for
    /// another user, writes to it and looks at whom that belongs to.
    ///
    /// # Errors
    /// When they cannot, with the reason.
    pub fn try_out(directory: &Path, user: u32) -> Result<()> {
        let place = directory.join(format!("try-{:016x}", rand::random::<u64>()));
        make(&place, 0o700, 0)?;
        let root = Self::new(place.join("root"), place.join("changes"));
        let one = |first| Users { first, count: 1 };
        let tried = (|| {
            let layers = Layers::open(place.join("layers"))?;
            let draft = layers.draft()?;
            let file = draft.files().join("file");
            fs::write(&file, "of the layer").map_err(Error::io("writing", &file))?;
            let layer = draft.finish("try", "try", one(0))?;
            root.mount(&layers, &[layer.id()], one(user), user, 0o755)?;
            let file = root.path().join("file");
            let owner = fs::metadata(&file).map_err(Error::io("looking at", &file))?.uid();
            if owner != user {
                let reason = io::Error::other(format!("what belongs to {user} is seen as {owner}'s"));
                return Err(Error::mount("mapping users")(reason));
            }
            let made = root.path().join("made");
            fs::write(&made, "of the workspace").map_err(Error::io("writing", &made))
        })();
        let unmounted = root.unmount();
        let removed = fs::remove_dir_all(&place).map_err(Error::io("removing", &place));
        tried.and(unmounted).and(removed)
    }
}

impl Seen {
    fn new(layer: &Layer, users: Users, at: PathBuf) -> Result<Self> {
        let theirs = layer.users();
        if theirs.first == users.first {
            return Ok(Self { at: layer.files(), mapped: false });
        }
        make(&at, 0o700, 0)?;
        let users = sys::user_namespace(theirs.first, users.first, theirs.count.min(users.count))
            .map_err(Error::mount("making a namespace of users"))?;
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        let tree =
            open_tree(CWD, layer.files(), flags).map_err(|error| Error::mount("opening a layer")(error.into()))?;
        sys::map_users(tree.as_fd(), &users).map_err(Error::mount("mapping the users of a layer"))?;
        move_mount(tree.as_fd(), "", CWD, &at, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
            .map_err(|error| Error::mount("mounting a layer")(error.into()))?;
        Ok(Self { at, mapped: true })
    }
}

impl Drop for Seen {
    fn drop(&mut self) {
        if self.mapped {
            let gone = unmount(&self.at, UnmountFlags::DETACH)
                .map_err(io::Error::from)
                .and_then(|()| fs::remove_dir(&self.at));
            if let Err(error) = gone {
                tracing::warn!(%error, at = %self.at.display(), "a layer is still mounted");
            }
        }
    }
}

/// As the kernel reads paths of overlays: the list of layers is split at colons.
fn escaped(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "\\\\").replace(':', "\\:")
}

/// Makes a directory that belongs to `owner`, where it is missing.
fn make(path: &Path, mode: u32, owner: u32) -> Result<()> {
    match fs::DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        made => made.map_err(Error::io("making", path))?,
    }
    chown(path, Some(owner), Some(owner)).map_err(Error::io("giving away", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: u32 = 1_310_720_000;

    fn users(first: u32) -> Users {
        Users { first, count: 65_536 }
    }

    fn layer(layers: &Layers, key: &str, file: &str) -> LayerId {
        let draft = layers.draft().unwrap();
        fs::write(draft.files().join(file), key).unwrap();
        draft.finish(key, key, users(0)).unwrap().id()
    }

    struct Mounted(tempfile::TempDir, Layers, Vec<LayerId>);

    impl Mounted {
        fn new() -> Self {
            let directory = tempfile::Builder::new().prefix("a:b\\c").tempdir().unwrap();
            let layers = Layers::open(directory.path().join("layers")).unwrap();
            let ids =
                vec![layer(&layers, "lower", "file"), layer(&layers, "upper", "file"), layer(&layers, "top", "top")];
            Self(directory, layers, ids)
        }

        fn place(&self, name: &str) -> Overlay {
            Overlay::new(self.0.path().join(name), self.0.path().join(format!("{name}-changes")))
        }

        fn root(&self, name: &str, user: u32) -> Overlay {
            let root = self.place(name);
            root.mount(&self.1, &self.2, users(user), user, 0o750).unwrap();
            root
        }
    }

    impl Drop for Mounted {
        fn drop(&mut self) {
            for name in ["one", "other"] {
                let _ = self.place(name).unmount();
            }
        }
    }

    #[test]
    fn the_upper_layer_hides_the_lower_and_each_root_has_its_own_users_and_changes() {
        let mounted = Mounted::new();
        let (one, other) = (mounted.root("one", USER), mounted.root("other", USER + 65_536));

        fs::write(one.path().join("file"), "changed").unwrap();

        assert_eq!(fs::read_to_string(one.path().join("file")).unwrap(), "changed");
        assert_eq!(fs::read_to_string(other.path().join("file")).unwrap(), "upper");
        assert_eq!(fs::metadata(one.path().join("top")).unwrap().uid(), USER);
        let directory = fs::metadata(one.path()).unwrap();
        assert_eq!((directory.uid(), directory.mode() & 0o777), (USER, 0o750));
        assert_eq!(fs::metadata(other.path().join("file")).unwrap().uid(), USER + 65_536);
        assert_eq!(fs::read_dir(one.changed()).unwrap().count(), 1, "more than the change is kept");
        one.unmount().unwrap();
        other.unmount().unwrap();
    }

    #[test]
    fn a_root_that_was_unmounted_comes_back_with_its_changes() {
        let mounted = Mounted::new();
        let root = mounted.root("one", USER);
        fs::remove_file(root.path().join("top")).unwrap();
        fs::write(root.path().join("new"), "new").unwrap();
        root.unmount().unwrap();
        assert!(!root.is_mounted().unwrap() && !root.path().join("new").exists());

        root.mount(&mounted.1, &mounted.2, users(USER), USER, 0o755).unwrap();

        assert!(root.path().join("new").exists() && !root.path().join("top").exists());
        root.mount(&mounted.1, &mounted.2, users(USER), USER, 0o755).unwrap();
        root.unmount().unwrap();
        assert!(!root.is_mounted().unwrap(), "it was mounted twice");
    }

    #[test]
    fn a_root_of_a_layer_that_is_gone_says_so() {
        let mounted = Mounted::new();

        let error =
            mounted.place("one").mount(&mounted.1, &[LayerId::of("gone")], users(USER), USER, 0o755).unwrap_err();

        assert!(matches!(error, Error::LayerMissing(_)), "{error}");
    }

    #[test]
    fn what_was_changed_becomes_a_layer_of_whoever_comes_after() {
        let mounted = Mounted::new();
        let one = mounted.root("one", USER);
        fs::remove_file(one.path().join("top")).unwrap();
        fs::write(one.path().join("new"), "new").unwrap();
        chown(one.path().join("new"), Some(USER + 7), Some(USER + 7)).unwrap();
        one.unmount().unwrap();
        let kept = mounted.1.keep("snapshot", "a snapshot", users(USER), &one.changed()).unwrap();
        let layers: Vec<LayerId> = mounted.2.iter().cloned().chain([kept.id()]).collect();

        let other = mounted.place("other");
        other.mount(&mounted.1, &layers, users(USER + 65_536), USER + 65_536, 0o755).unwrap();
        one.mount(&mounted.1, &layers, users(USER), USER, 0o755).unwrap();
        fs::write(one.path().join("new"), "newer").unwrap();

        assert!(!other.path().join("top").exists());
        assert_eq!(fs::read_to_string(other.path().join("new")).unwrap(), "new");
        assert_eq!(fs::metadata(other.path().join("new")).unwrap().uid(), USER + 65_536 + 7);
        other.unmount().unwrap();
        one.unmount().unwrap();
    }

    #[test]
    fn trying_it_out_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();

        Overlay::try_out(directory.path(), USER).unwrap();

        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
