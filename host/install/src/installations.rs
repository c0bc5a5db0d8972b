//! What is installed.

use std::{
    fs::{self, File, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use sandboxed_model::{
    Blame, Failure, PluginId,
    install::{InstallOutline, InstalledVersion},
};

use crate::{
    downloads::Downloads, failure, fetch::Patience, origins::Origins, plan::Plan, plan::is_version, staging::Staging,
};

/// How the name of a directory begins that is on its way out.
const GONE: &str = ".gone-";
/// The directory of downloads, which no plugin can have the name of.
const DOWNLOADS: &str = ".downloads";
/// The file that holds the version to stay with.
const PINNED: &str = "pinned";
/// Most bytes of a record of an installation.
const MOST_RECORD: u64 = 64 << 10;

/// An installation that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Which it is.
    pub version: InstalledVersion,
    /// The directory of its programs, which all may read.
    pub directory: PathBuf,
}

/// The installations of all plugins, below one directory: `PLUGIN/VERSION-DIGEST/`. What has such a name is whole.
#[derive(Debug)]
pub struct Installations {
    pub(crate) root: PathBuf,
    pub(crate) downloads: Downloads,
}

impl Installations {
    /// The installations below a directory, which is made where it is missing. What a crash left unfinished is removed,
    /// but for downloads, which go on where they were.
    ///
    /// # Errors
    /// `install.failed`, `install.no_room`.
    pub fn open(root: impl Into<PathBuf>, origins: Origins, patience: Patience) -> Result<Self, Failure> {
        let root = root.into();
        make_directory(&root)?;
        for plugin in names(&root)? {
            let directory = root.join(&plugin);
            for name in names(&directory)? {
                if name.starts_with(Staging::PREFIX) || name.starts_with(GONE) {
                    remove(&directory.join(name))?;
                }
            }
        }
        let downloads = Downloads::open(root.join(DOWNLOADS), origins, patience)?;
        Ok(Self { root, downloads })
    }

    /// The directory below which all installations lie.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The installation of this plan, where there is one.
    ///
    /// # Errors
    /// `install.failed` where it cannot be read.
    pub fn find(&self, plugin: &PluginId, plan: &Plan) -> Result<Option<Installed>, Failure> {
        read(self.directory(plugin).join(plan.directory()))
    }

    /// What is installed for a plugin, the latest first.
    ///
    /// # Errors
    /// `install.failed` where it cannot be read.
    pub fn list(&self, plugin: &PluginId) -> Result<Vec<Installed>, Failure> {
        let directory = self.directory(plugin);
        let mut found = Vec::new();
        for name in names(&directory)?.into_iter().filter(|name| !name.starts_with('.')) {
            found.extend(read(directory.join(name))?);
        }
        found.sort_by_key(|installed: &Installed| std::cmp::Reverse(installed.version.installed_at));
        Ok(found)
    }

    /// The latest installation of a version.
    ///
    /// # Errors
    /// `install.failed` where it cannot be read.
    pub fn find_version(&self, plugin: &PluginId, version: &str) -> Result<Option<Installed>, Failure> {
        Ok(self.list(plugin)?.into_iter().find(|installed| installed.version.version == version))
    }

    /// Removes all installations of a version. Returns whether there was one.
    ///
    /// # Errors
    /// `install.failed` where it cannot be removed.
    pub fn remove(&self, plugin: &PluginId, version: &str) -> Result<bool, Failure> {
        let of_version = self.list(plugin)?.into_iter().filter(|installed| installed.version.version == version);
        let directories: Vec<PathBuf> = of_version.map(|installed| installed.directory).collect();
        for directory in &directories {
            let gone = tempfile::Builder::new().prefix(GONE).tempdir_in(self.directory(plugin));
            let gone = gone.map_err(|error| failure::io(directory, &error))?.keep();
            // In one step: what still has its name is whole.
            fs::rename(directory, &gone).map_err(|error| failure::io(directory, &error))?;
            remove(&gone)?;
        }
        Ok(!directories.is_empty())
    }

    /// Removes all but the latest versions of a plugin, so many of them, and those to spare. Returns the versions that
    /// were removed.
    ///
    /// # Errors
    /// `install.failed` where one cannot be removed.
    pub fn prune(
        &self,
        plugin: &PluginId,
        keep: usize,
        is_spared: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>, Failure> {
        let mut versions: Vec<String> = Vec::new();
        for installed in self.list(plugin)? {
            if !versions.contains(&installed.version.version) {
                versions.push(installed.version.version);
            }
        }
        let removed: Vec<String> = versions.into_iter().skip(keep).filter(|version| !is_spared(version)).collect();
        for version in &removed {
            self.remove(plugin, version)?;
        }
        Ok(removed)
    }

    /// The version that a plugin stays with, whatever its plan is.
    ///
    /// # Errors
    /// `install.failed` where it cannot be read.
    pub fn pinned(&self, plugin: &PluginId) -> Result<Option<String>, Failure> {
        let file = self.directory(plugin).join(PINNED);
        match fs::read_to_string(&file) {
            Ok(text) => Ok(Some(text.trim_end().to_owned()).filter(|version| is_version(version))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failure::io(&file, &error)),
        }
    }

    /// Has a plugin stay with a version that is installed, or follow its plan again.
    ///
    /// # Errors
    /// `install.not_installed` for a version that is not there; `install.failed`, `install.no_room`.
    pub fn pin(&self, plugin: &PluginId, version: Option<&str>) -> Result<(), Failure> {
        let file = self.directory(plugin).join(PINNED);
        let failed = |error| failure::io(&file, &error);
        let Some(version) = version else {
            return match fs::remove_file(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
                _ => Ok(()),
            };
        };
        if self.find_version(plugin, version)?.is_none() {
            let message = format!("version {version} of {plugin} is not installed");
            return Err(Failure::new(Blame::Config, "install.not_installed", message)
                .with_hint(format!("see which versions are, with `sandboxed-sh harness show {plugin}`")));
        }
        let new = tempfile::Builder::new().prefix(Staging::PREFIX).tempfile_in(self.directory(plugin));
        let mut new = new.map_err(failed)?;
        writeln!(new, "{version}").and_then(|()| new.as_file().sync_all()).map_err(failed)?;
        new.persist(&file).map_err(|error| failed(error.error)).map(drop)
    }

    /// What an installation would do.
    ///
    /// # Errors
    /// `install.unsupported` for a plan with an address that is not https; `install.failed`.
    pub fn outline(&self, plugin: &PluginId, plan: &Plan) -> Result<InstallOutline, Failure> {
        let mut check = vec![plan.check.program.clone()];
        check.extend(plan.check.args.iter().cloned());
        Ok(InstallOutline {
            version: plan.version.clone(),
            directory: self.directory(plugin).join(plan.directory()).display().to_string(),
            installed: self.find(plugin, plan)?.is_some(),
            downloads: plan.fetches().map(|fetch| self.downloads.outline(fetch)).collect::<Result<_, _>>()?,
            check,
        })
    }

    pub(crate) fn directory(&self, plugin: &PluginId) -> PathBuf {
        self.root.join(plugin.as_str())
    }
}

/// Makes a directory that all may go through, whatever the umask of the server is.
pub(crate) fn make_directory(path: &Path) -> Result<(), Failure> {
    let made = fs::create_dir_all(path).and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o755)));
    made.map_err(|error| failure::io(path, &error))
}

/// Reads what an installation says of itself. Without that it is none.
fn read(directory: PathBuf) -> Result<Option<Installed>, Failure> {
    let record = directory.join(Staging::RECORD);
    let file = match File::open(&record) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        opened => opened.map_err(|error| failure::io(&record, &error))?,
    };
    let version = serde_json::from_reader(io::Read::take(file, MOST_RECORD));
    let version = version.map_err(|error| failure::io(&record, &error.into()))?;
    Ok(Some(Installed { version, directory }))
}

/// The names in a directory that are text; none where there is no directory.
fn names(directory: &Path) -> Result<Vec<String>, Failure> {
    let failed = |error| failure::io(directory, &error);
    let entries = match fs::read_dir(directory) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        entries => entries.map_err(failed)?,
    };
    let names = entries.map(|entry| entry.map(|entry| entry.file_name().into_string().ok()));
    names.filter_map(io::Result::transpose).collect::<Result<_, _>>().map_err(failed)
}

/// Removes a directory with all that is in it, or a file.
fn remove(path: &Path) -> Result<(), Failure> {
    let removed = match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => fs::remove_file(path),
        removed => removed,
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failure::io(path, &error)),
        _ => Ok(()),
    }
}
