//! Finding the configuration, and what follows from where it was found.

use std::path::{Path, PathBuf};

use sandboxed_core::Setup;
use sandboxed_model::config::{self, Config, Loaded, Source};

use sandboxed_vault::Redaction;

use crate::{
    arguments::Place,
    failed::{Failed, Result},
};

/// The configuration in use.
pub(crate) struct Settings {
    /// The configuration.
    pub(crate) config: Config,
    /// The password of the user `admin` where a variable gives one.
    pub(crate) admin_password: Option<String>,
    /// Where the configuration was found; absent for the embedded one.
    pub(crate) file: Option<PathBuf>,
    /// Where plugins are looked for.
    pub(crate) plugin_dirs: Vec<PathBuf>,
    /// What the operator should know.
    pub(crate) warnings: Vec<String>,
    /// What keeps values of secrets out of all that this process tells.
    pub(crate) redaction: Redaction,
}

impl Settings {
    /// Finds and reads the configuration. `listen` is what the command line says besides `place`.
    pub(crate) fn load(place: &Place, listen: Option<&str>) -> Result<Self> {
        let home = dirs::home_dir();
        let working_dir = std::env::current_dir()
            .map_err(|error| Failed::new(format!("the working directory cannot be found: {error}")))?;
        let file = find(place.config.as_deref(), home.as_deref(), &working_dir)?;
        let (name, text) = match &file {
            Some((path, text)) => (path.display().to_string(), text.as_str()),
            None => ("the embedded configuration".to_owned(), config::EMBEDDED),
        };
        let mut options = Vec::new();
        if let Some(listen) = listen {
            options.push(("server.listen", listen.to_owned(), "--listen"));
        }
        if let Some(data_dir) = &place.data_dir {
            options.push(("server.data_dir", data_dir.to_string_lossy().into_owned(), "--data-dir"));
        }
        // A variable that is no text can be none of those that are looked for.
        let environment =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let source = Source { name: &name, text, home: home.as_deref(), working_dir: &working_dir };
        let Loaded { config, admin_password, warnings } = config::load(source, environment, &options)?;
        let file = file.map(|(path, _)| path);
        let plugin_dirs = plugin_dirs(file.as_deref(), &working_dir);
        Ok(Self { config, admin_password, file, plugin_dirs, warnings, redaction: Redaction::default() })
    }

    /// What it takes to start an orchestrator.
    pub(crate) fn setup(&self) -> Result<Setup> {
        Ok(Setup {
            config: self.config.clone(),
            plugin_dirs: self.plugin_dirs.clone(),
            program: program()?,
            redaction: self.redaction.clone(),
        })
    }

    /// The file of a component as the configuration names it, where there is one.
    pub(crate) fn component(&self, component: &Path) -> Option<PathBuf> {
        if component.is_absolute() {
            return component.is_file().then(|| component.to_owned());
        }
        self.plugin_dirs.iter().map(|directory| directory.join(component)).find(|path| path.is_file())
    }
}

/// This program itself.
pub(crate) fn program() -> Result<PathBuf> {
    std::env::current_exe().map_err(|error| Failed::new(format!("this program cannot find its own file: {error}")))
}

/// The configuration file with its text.
fn find(given: Option<&Path>, home: Option<&Path>, working_dir: &Path) -> Result<Option<(PathBuf, String)>> {
    let unreadable = |path: &Path, error: &std::io::Error| {
        Failed::usage(format!("the configuration {} cannot be read: {error}", path.display()))
    };
    if let Some(path) = given {
        return match std::fs::read_to_string(path) {
            Ok(text) => Ok(Some((path.to_owned(), text))),
            Err(error) => Err(unreadable(path, &error)),
        };
    }
    let in_home = home.map(|home| home.join(".sandboxed-sh/sandboxed.toml"));
    for path in [Some(working_dir.join("config/sandboxed.toml")), in_home].into_iter().flatten() {
        match std::fs::read_to_string(&path) {
            Ok(text) => return Ok(Some((path, text))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {}
            Err(error) => return Err(unreadable(&path, &error)),
        }
    }
    Ok(None)
}

/// Where plugins are looked for, in this order: beside the configuration, where the operator says, and where the
/// plugins that come with the server are installed.
fn plugin_dirs(config: Option<&Path>, working_dir: &Path) -> Vec<PathBuf> {
    let mut directories = Vec::new();
    directories.extend(config.and_then(Path::parent).map(|parent| working_dir.join(parent)));
    if let Some(directory) = std::env::var_os("SANDBOXED_SH_PLUGIN_DIR").filter(|value| !value.is_empty()) {
        directories.push(working_dir.join(directory));
    }
    let executable = program().ok().and_then(|path| path.canonicalize().ok());
    if let Some(beside) = executable.as_deref().and_then(Path::parent) {
        directories.push(beside.join("plugins"));
        if let Some(above) = beside.parent() {
            directories.push(above.join("plugins"));
            directories.push(above.join("lib/sandboxed-sh/plugins"));
        }
    }
    directories
}
