//! A workspace's root: layers with the workspace's own changes on top.

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

use crate::{Error, Layer, LayerId, Layers, Result, sys};

/// Where a workspace's root is, and what the workspace changed of its layers.
#[derive(Debug, Clone)]
pub struct Root {
    directory: PathBuf,
}

/// A layer as it is seen by a workspace's users, for as long as this is kept.
struct Seen {
    at: PathBuf,
    mapped: bool,
}

impl Root {
    /// The root that is kept in `directory`, which exists and is for root alone.
    pub fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Where it is mounted.
    pub fn path(&self) -> PathBuf {
        self.directory.join("root")
    }

    /// What the workspace changed, as an overlay keeps it.
    pub fn changes(&self) -> PathBuf {
        self.directory.join("changes")
    }

    fn upper(&self) -> PathBuf {
        self.changes().join("upper")
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
        Ok(match device(&self.path())? {
            None => false,
            root => root != device(&self.directory)?,
        })
    }

    /// Mounts it, if it is not mounted: the layers of `lowest_first`, and what the workspace changed. Root of the system
    /// is the user `first_user` of the machine.
    ///
    /// # Errors
    /// [`Error::LayerMissing`]; when the kernel has no overlays here or cannot map users.
    pub fn mount(&self, layers: &Layers, lowest_first: &[LayerId], first_user: u32) -> Result<()> {
        if self.is_mounted()? {
            return Ok(());
        }
        make(&self.path(), 0o755, 0)?;
        make(&self.changes(), 0o700, 0)?;
        make(&self.upper(), 0o755, first_user)?;
        make(&self.changes().join("work"), 0o700, first_user)?;
        let mut seen = Vec::with_capacity(lowest_first.len());
        for (number, id) in lowest_first.iter().rev().enumerate() {
            let layer = layers.look(id)?.ok_or_else(|| Error::LayerMissing(id.clone()))?;
            seen.push(Seen::new(&layer, first_user, self.changes().join(format!("lower-{number}")))?);
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
            .and_then(|()| set("upperdir", &escaped(&self.upper())))
            .and_then(|()| set("workdir", &escaped(&self.changes().join("work"))))
            .and_then(|()| fsconfig_create(overlay.as_fd()))
            .and_then(|()| {
                let attributes = MountAttrFlags::MOUNT_ATTR_NODEV;
                fsmount(overlay.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)
            })
            .map_err(|error| Error::mount("putting the layers together")(error.into()))?;
        let to = self.path();
        move_mount(mounted.as_fd(), "", CWD, &to, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
            .map_err(|error| Error::mount("mounting it")(error.into()))
    }

    /// Unmounts it. Processes that run in it keep it for themselves. One that is not mounted is left as it is.
    ///
    /// # Errors
    /// When it cannot be unmounted.
    pub fn unmount(&self) -> Result<()> {
        // More than once where it was mounted over itself.
        while self.is_mounted()? {
            unmount(self.path(), UnmountFlags::DETACH).map_err(|error| Error::mount("unmounting it")(error.into()))?;
        }
        Ok(())
    }

    /// Tries in `directory`, on whose file system roots will be, whether they can be had: makes a layer, mounts it for
    /// other users, writes to it and looks at whom that belongs to.
    ///
    /// # Errors
    /// When they cannot, with the reason.
    pub fn try_out(directory: &Path, first_user: u32) -> Result<()> {
        let place = directory.join(format!("try-{:016x}", rand::random::<u64>()));
        make(&place, 0o700, 0)?;
        let root = Self::new(place.clone());
        let tried = (|| {
            let layers = Layers::open(place.join("layers"))?;
            let draft = layers.draft()?;
            let file = draft.files().join("file");
            fs::write(&file, "of the layer").map_err(Error::io("writing", &file))?;
            let layer = draft.finish("try", "try", 0)?;
            root.mount(&layers, &[layer.id()], first_user)?;
            let file = root.path().join("file");
            let owner = fs::metadata(&file).map_err(Error::io("looking at", &file))?.uid();
            if owner != first_user {
                let reason = io::Error::other(format!("what belongs to {first_user} is seen as {owner}'s"));
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
    fn new(layer: &Layer, first_user: u32, at: PathBuf) -> Result<Self> {
        if layer.record.first_user == first_user {
            return Ok(Self { at: layer.files(), mapped: false });
        }
        make(&at, 0o700, 0)?;
        let users = sys::user_namespace(layer.record.first_user, first_user)
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

    fn layer(layers: &Layers, key: &str, file: &str) -> LayerId {
        let draft = layers.draft().unwrap();
        fs::write(draft.files().join(file), key).unwrap();
        draft.finish(key, key, 0).unwrap().id()
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

        fn root(&self, name: &str, user: u32) -> Root {
            make(&self.0.path().join(name), 0o700, 0).unwrap();
            let root = Root::new(self.0.path().join(name));
            root.mount(&self.1, &self.2, user).unwrap();
            root
        }
    }

    impl Drop for Mounted {
        fn drop(&mut self) {
            for entry in fs::read_dir(self.0.path()).unwrap().flatten() {
                let _ = Root::new(entry.path()).unmount();
            }
        }
    }

    #[test]
    fn the_upper_layer_hides_the_lower_and_each_root_has_its_own_users_and_changes() {
        let mounted = Mounted::new();
        let (one, other) = (mounted.root("one", USER), mounted.root("other", USER + sys::USERS));

        fs::write(one.path().join("file"), "changed").unwrap();

        assert_eq!(fs::read_to_string(one.path().join("file")).unwrap(), "changed");
        assert_eq!(fs::read_to_string(other.path().join("file")).unwrap(), "upper");
        assert_eq!(fs::metadata(one.path().join("top")).unwrap().uid(), USER);
        assert_eq!(fs::metadata(other.path().join("file")).unwrap().uid(), USER + sys::USERS);
        assert_eq!(fs::read_dir(one.changes().join("upper")).unwrap().count(), 1, "more than the change is kept");
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

        root.mount(&mounted.1, &mounted.2, USER).unwrap();

        assert!(root.path().join("new").exists() && !root.path().join("top").exists());
        root.mount(&mounted.1, &mounted.2, USER).unwrap();
        root.unmount().unwrap();
        assert!(!root.is_mounted().unwrap(), "it was mounted twice");
    }

    #[test]
    fn a_root_of_a_layer_that_is_gone_says_so() {
        let mounted = Mounted::new();
        make(&mounted.0.path().join("one"), 0o700, 0).unwrap();

        let error =
            Root::new(mounted.0.path().join("one")).mount(&mounted.1, &[LayerId::of("gone")], USER).unwrap_err();

        assert!(matches!(error, Error::LayerMissing(_)), "{error}");
    }

    #[test]
    fn trying_it_out_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();

        Root::try_out(directory.path(), USER).unwrap();

        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
