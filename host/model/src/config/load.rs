//! Reading a configuration: text and variables in, [`Config`] or everything that is wrong with them out.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Value;

use super::{
    Config, KeySource, KnownHosts, SecretSource,
    document::Document,
    problem::{Invalid, Problem},
};

/// The configuration of a server that finds none. It is the file `config/sandboxed.toml` of the repository.
pub const EMBEDDED: &str = include_str!("../../../../config/sandboxed.toml");

/// Before each variable that stands for a key.
const PREFIX: &str = "SANDBOXED_SH__";

/// What a configuration is made of.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Where the text is from, for messages.
    pub name: &'a str,
    /// TOML.
    pub text: &'a str,
    /// The home directory, for paths that begin with `~/`.
    pub home: Option<&'a Path>,
    /// The directory at which relative paths begin.
    pub working_dir: &'a Path,
}

/// A configuration that can be used.
#[derive(Clone)]
pub struct Loaded {
    /// The configuration, with all its paths absolute but those of plugin components.
    pub config: Config,
    /// The password of the user `admin` where a variable gives one.
    pub admin_password: Option<String>,
    /// What the operator should know and what keeps nothing from working.
    pub warnings: Vec<String>,
}

/// Reads a configuration. `environment` may be all variables of the process: those that mean nothing here are passed
/// over. `options` are keys that were given on the command line, as key, value and option; they win over all else.
///
/// # Errors
/// Everything that is wrong, not only what is found first.
pub fn load(
    source: Source<'_>,
    environment: impl IntoIterator<Item = (String, String)>,
    options: &[(&str, String, &str)],
) -> Result<Loaded, Invalid> {
    let mut document = Document::read(source)?;
    let mut environment: Vec<_> = environment.into_iter().collect();
    environment.sort();
    let mut warnings = Vec::new();
    let seed = document.apply_seed_variables(&environment, &mut warnings);
    for (name, value) in &environment {
        if let Some(key) = name.strip_prefix(PREFIX) {
            document.apply_variable(name, key, value);
        }
    }
    for (key, value, option) in options {
        let path: Vec<String> = key.split('.').map(str::to_owned).collect();
        document.set(&path, value, option);
    }
    document.check_values::<Config>();
    document.check_plugins();
    document.check_templates();
    let config = match document.problems.is_empty() {
        true => Config::deserialize(Value::Table(document.table.clone())).map_err(|error| {
            let message = error.message().trim().replace('\n', ", ");
            Invalid { problems: vec![Problem { origin: source.name.to_owned(), key: String::new(), message }] }
        })?,
        false => return Err(document.invalid()),
    };
    let config = absolute(config, &mut document, source);
    document.check_rules(&config, seed.admin_password.is_some());
    if !document.problems.is_empty() {
        return Err(document.invalid());
    }
    Ok(Loaded { config, admin_password: seed.admin_password, warnings })
}

/// Makes the paths of a configuration absolute.
fn absolute(mut config: Config, document: &mut Document<'_>, source: Source<'_>) -> Config {
    let mut resolve = |path: &Path, key: &[&str]| -> PathBuf {
        let Ok(below_home) = path.strip_prefix("~") else { return source.working_dir.join(path) };
        match source.home {
            Some(home) => home.join(below_home),
            None => {
                document.problem(key, "it begins with ~/ and there is no home directory; write an absolute path");
                path.to_owned()
            }
        }
    };
    config.server.data_dir = resolve(&config.server.data_dir, &["server", "data_dir"]);
    config.auth.admin_password_file =
        config.auth.admin_password_file.map(|path| resolve(&path, &["auth", "admin_password_file"]));
    config.missions.instructions_file =
        config.missions.instructions_file.map(|path| resolve(&path, &["missions", "instructions_file"]));
    config.harnesses.mirror = config.harnesses.mirror.map(|path| resolve(&path, &["harnesses", "mirror"]));
    config.models.catalogue = config.models.catalogue.map(|path| resolve(&path, &["models", "catalogue"]));
    for (name, engine) in &mut config.engines {
        for (path, key) in [(&mut engine.ca, "ca"), (&mut engine.cert, "cert"), (&mut engine.key, "key")] {
            *path = resolve(path, &["engines", name, key]);
        }
    }
    for (source, key) in [(&mut config.vault.key, "key"), (&mut config.vault.former_key, "former_key")] {
        if let Some(KeySource::File(path) | KeySource::PassphraseFile(path)) = source {
            *path = resolve(path, &["vault", key]);
        }
    }
    for (host, credential) in &mut config.git.credentials {
        if let Some(KnownHosts::File(path)) = &mut credential.known_hosts {
            *path = resolve(path, &["git", "credentials", host, "known_hosts"]);
        }
    }
    for (name, secret) in &mut config.secrets {
        if let SecretSource::File(path) = secret {
            *path = resolve(path, &["secrets", name]);
        }
    }
    config
}
