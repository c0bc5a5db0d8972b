//! A tree to work on, with a secret beside it.
#![allow(dead_code, unreachable_pub)] // Each test file uses a part.

use std::ffi::CStr;
use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use sandboxed_files::{Error, Limits, Name, Precondition, RelativePath, Result, Tree};

pub const SECRET: &str = "the secret beside the tree";

pub static GO_ON: AtomicBool = AtomicBool::new(false);

pub const PLENTY: Limits = Limits { bytes: 1 << 30, entries: 1_000_000 };

/// `tree` is the confined tree; `outside` holds a secret that no operation may reach.
pub struct Place {
    pub tree: Tree,
    pub inside: PathBuf,
    pub outside: PathBuf,
    _directory: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self::owned(None)
    }

    pub fn owned(owner: Option<(u32, u32)>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (inside, outside) = (directory.path().join("tree"), directory.path().join("outside"));
        fs::create_dir(&inside).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("secret"), SECRET).unwrap();
        let tree = Tree::open(&inside, owner).unwrap();
        Self { tree, inside, outside, _directory: directory }
    }

    /// A tree from which links lead out at the end and on the way, absolutely and by `..`.
    pub fn with_escapes() -> Self {
        let place = Self::new();
        symlink(place.outside.join("secret"), place.inside.join("absolute-file")).unwrap();
        symlink(&place.outside, place.inside.join("absolute")).unwrap();
        symlink("../outside/secret", place.inside.join("relative-file")).unwrap();
        symlink("../outside", place.inside.join("relative")).unwrap();
        symlink("/proc/self/root", place.inside.join("magic")).unwrap();
        place
    }

    /// Fails the test if anything beside the tree was changed, made or removed.
    pub fn assert_outside_untouched(&self) {
        let names: Vec<_> = fs::read_dir(&self.outside).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["secret"]);
        assert_eq!(fs::read_to_string(self.outside.join("secret")).unwrap(), SECRET);
    }

    pub fn put(&self, at: &str, content: &str) {
        let at = self.inside.join(at);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, content).unwrap();
    }

    pub fn write(&self, at: &str, content: &str) -> Result<()> {
        self.tree.write(&path(at), Precondition::None, 1 << 20, content.as_bytes(), false).map(drop)
    }

    pub fn read(&self, at: &str) -> Result<String> {
        let mut content = String::new();
        self.tree.read(&path(at))?.read_to_string(&mut content).map_err(Error::Input)?;
        Ok(content)
    }

    /// Names that a listing shows, escaped.
    pub fn names(&self, at: &str) -> Vec<String> {
        let page = self.tree.list(&path(at), None, 1000).unwrap();
        page.entries.iter().filter_map(|entry| entry.name.as_ref()).map(Name::escaped).collect()
    }
}

/// A mounted file system that goes away with the test.
pub struct Mount(PathBuf);

impl Mount {
    pub fn tmpfs(at: &Path, options: &CStr) -> Self {
        rustix::mount::mount("tmpfs", at, "tmpfs", rustix::mount::MountFlags::empty(), options).unwrap();
        Self(at.to_owned())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = rustix::mount::unmount(&self.0, rustix::mount::UnmountFlags::DETACH);
    }
}

pub fn path(text: &str) -> RelativePath {
    RelativePath::parse(text).unwrap()
}

/// The code of a refusal.
pub fn code<T>(result: Result<T>) -> &'static str {
    match result {
        Ok(_) => "done",
        Err(error) => error.code(),
    }
}
