//! What a plugin may really do.

use std::{
    collections::HashMap,
    env,
    path::{Path, PathBuf},
};

use sandboxed_model::{
    Blame, Failure, PluginId,
    grant::{FileAccess, Grants},
    plugin::PluginRequest,
};

/// The rights of one loaded plugin.
#[derive(Debug)]
pub(crate) struct Rights {
    /// What is granted and, where the plugin has a manifest, also asked for.
    pub(crate) grants: Grants,
    /// The granted programs by the name and by the path that they may be called with.
    programs: HashMap<String, Result<PathBuf, ()>>,
    /// The plugin's settings, as JSON.
    pub(crate) config: String,
}

impl Rights {
    pub(crate) fn new(grants: Grants, config: String) -> Self {
        let mut programs = HashMap::new();
        for granted in &grants.run {
            let path = resolve(granted);
            if let Ok(path) = &path {
                programs.insert(path.to_string_lossy().into_owned(), Ok(path.clone()));
            }
            programs.insert(granted.clone(), path);
        }
        Self { grants, programs, config }
    }

    /// The path of a program that may be run. What a granted name means was decided when the plugin was loaded, so
    /// that no file that appears on the PATH later and no variable can change it.
    pub(crate) fn program(&self, asked: &str) -> Result<&Path, Failure> {
        match self.programs.get(asked) {
            Some(Ok(path)) => Ok(path),
            Some(Err(())) => Err(Failure::new(
                Blame::Unavailable,
                "run.program_missing",
                format!("there is no program {asked:?} on the server's PATH"),
            )
            .with_hint(format!("install {asked} and reload the plugin"))),
            None => Err(Failure::new(Blame::Denied, "run.denied", format!("the program {asked:?} was not granted"))
                .with_hint(format!("grants.run = [\"{asked}\"]"))),
        }
    }
}

/// What is both granted and asked for.
pub(crate) fn effective(grants: &Grants, requests: Option<&[PluginRequest]>) -> Grants {
    let Some(requests) = requests else { return grants.clone() };
    let asked = |grant: &str| requests.iter().any(|request| request.grant == grant);
    let both = |grant: &str, granted: &[String]| -> Vec<String> {
        let covers = |value: &String| {
            requests.iter().any(|request| {
                // Without values the plugin asks for whatever the operator chooses.
                request.grant == grant && (request.values.is_empty() || request.values.contains(value))
            })
        };
        granted.iter().filter(|value| covers(value)).cloned().collect()
    };
    let asked_access = requests.iter().filter(|request| request.grant == "workspace_files").map(|request| {
        if request.values.iter().any(|value| value == "write") { FileAccess::Write } else { FileAccess::Read }
    });
    Grants {
        // Every plugin may speak to its operator who lets it.
        log: grants.log,
        progress: grants.progress,
        kv: grants.kv && asked("kv"),
        secrets: both("secrets", &grants.secrets),
        fetch: both("fetch", &grants.fetch),
        run: both("run", &grants.run),
        containers: both("containers", &grants.containers),
        archives: both("archives", &grants.archives),
        workspace_files: asked_access.max().and_then(|asked| grants.workspace_files.map(|granted| granted.min(asked))),
        workspace_run: grants.workspace_run && asked("workspace_run"),
    }
}

/// Says where grants go beyond what the plugin asks for.
pub(crate) fn warn_of_unused(id: &PluginId, granted: &Grants, effective: &Grants) {
    if granted != effective {
        tracing::warn!(plugin = %id, ?granted, ?effective, "grants that the plugin does not ask for have no effect");
    }
}

fn resolve(program: &str) -> Result<PathBuf, ()> {
    let candidates: Vec<PathBuf> = if program.contains('/') {
        vec![PathBuf::from(program)]
    } else {
        env::split_paths(&env::var_os("PATH").unwrap_or_default()).map(|folder| folder.join(program)).collect()
    };
    let executable = candidates.into_iter().filter(|path| path.is_absolute()).find(|path| is_executable(path));
    // The name stays as granted: programs that serve many names tell by it what to be.
    executable.ok_or(())
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;

    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}
