//! Beginning a plugin: a project that builds with cargo alone.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sandboxed_model::{PluginId, plugin::PluginKind};

use crate::failed::{Failed, Result};

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}

/// What stands in the templates for the plugin's name.
const NAME: &str = "{{name}}";
/// What stands in the templates for the path of the SDK.
const SDK: &str = "{{sdk}}";

/// Writes the project into the directory `name` below `parent`. Without `sdk` it gets a copy of the SDK.
pub(super) fn write(parent: &Path, name: &PluginId, kind: PluginKind, sdk: Option<&Path>) -> Result<PathBuf> {
    let project = parent.join(name.as_str());
    let unwritable =
        |path: &Path, error: &io::Error| Failed::new(format!("{} cannot be written: {error}", path.display()));
    let sdk_path = match sdk {
        Some(path) => {
            let path = path
                .canonicalize()
                .map_err(|error| Failed::usage(format!("there is no SDK at {}: {error}", path.display())))?;
            if !path.join("Cargo.toml").is_file() {
                return Err(Failed::usage(format!("there is no SDK at {}: it has no Cargo.toml", path.display())));
            }
            path.to_string_lossy().into_owned()
        }
        None => "sdk".to_owned(),
    };
    // It is the one that makes the directory, so nothing can be overwritten.
    fs::create_dir(&project).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failed::new(format!("{} exists already", project.display())).hint("take another name, or remove it")
        }
        _ => unwritable(&project, &error),
    })?;
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    let prefix = format!("{kind}/");
    for (path, text) in embedded::TEMPLATES {
        if let Some(path) = path.strip_prefix(&prefix) {
            let text = text.replace(NAME, name.as_str()).replace(SDK, &sdk_path);
            files.push((PathBuf::from(path), text));
        }
    }
    if sdk.is_none() {
        files.extend(embedded::SDK.iter().map(|(path, text)| (Path::new("sdk").join(path), (*text).to_owned())));
    }
    let manifest = files.iter_mut().find(|(path, _)| path == Path::new("Cargo.toml"));
    if let Some((_, manifest)) = manifest {
        manifest.push_str(&workspace(sdk.is_none())?);
    }
    for (path, text) in files {
        let path = project.join(path);
        let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, text));
        written.map_err(|error| unwritable(&path, &error))?;
    }
    Ok(project)
}

/// The tables that make the project a workspace of its own, with what the SDK takes from its workspace.
fn workspace(with_sdk: bool) -> Result<String> {
    let broken = |what: &str| Failed::new(format!("this program carries a broken SDK: {what}"));
    let source: toml::Table = embedded::WORKSPACE.parse().map_err(|_| broken("its workspace is no TOML"))?;
    let mut workspace = toml::Table::new();
    let members: Vec<toml::Value> = if with_sdk { vec!["sdk".into()] } else { Vec::new() };
    workspace.insert("members".to_owned(), members.into());
    workspace.insert("resolver".to_owned(), "3".into());
    let tables =
        source.get("workspace").and_then(toml::Value::as_table).ok_or_else(|| broken("it has no workspace"))?;
    if with_sdk {
        for key in ["package", "lints", "dependencies"] {
            if let Some(value) = tables.get(key) {
                workspace.insert(key.to_owned(), value.clone());
            }
        }
    }
    let mut root = toml::Table::new();
    root.insert("workspace".to_owned(), workspace.into());
    if let Some(profile) = source.get("profile") {
        root.insert("profile".to_owned(), profile.clone());
    }
    let text = toml::to_string(&root).map_err(|error| broken(&error.to_string()))?;
    Ok(format!("\n{text}"))
}
