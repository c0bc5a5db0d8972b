//! From a file to a plugin that can be called.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use sandboxed_model::{
    Blame, Failure, Timestamp,
    config::PluginConfig,
    grant::Grants,
    plugin::{PluginImport, PluginKind, PluginRequest, PluginVersion},
    tools::Tool,
};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;
use wasmtime::{Engine, component::Linker};

use crate::{
    aot::AotCache,
    bindings::{backend::BackendPre, harness::HarnessPre, tools::ToolsPre},
    capability,
    component::Shape,
    grants::{Rights, effective, warn_of_unused},
    manifest::Manifest,
    state::PluginState,
};

/// The largest component that is read. One with an interpreter inside has some 20 MB.
const MAX_COMPONENT: u64 = 256 << 20;

/// One version of a plugin, ready to be instantiated.
pub(crate) struct Loaded {
    pub(crate) digest: String,
    pub(crate) version: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) requests: Vec<PluginRequest>,
    pub(crate) imports: Vec<PluginImport>,
    pub(crate) rights: Arc<Rights>,
    pub(crate) granted: Grants,
    pub(crate) loaded_at: Timestamp,
    pub(crate) pre: Pre,
    /// What a tools plugin offers: asked once, because it never changes.
    pub(crate) tools: OnceCell<Vec<Tool>>,
}

impl Loaded {
    /// What is remembered of it when it is not in use.
    pub(crate) fn kept(&self) -> PluginVersion {
        PluginVersion { digest: self.digest.clone(), version: self.version.clone() }
    }

    /// What people call it by: its version where it has one, and what tells it from all others.
    pub(crate) fn name(&self) -> String {
        let digest = &self.digest[..12];
        self.version.as_ref().map_or_else(|| digest.to_owned(), |version| format!("{version} ({digest})"))
    }
}

/// A component whose imports are resolved.
pub(crate) enum Pre {
    Backend(BackendPre<PluginState>),
    Harness(HarnessPre<PluginState>),
    Tools(ToolsPre<PluginState>),
}

/// A component as it is in a file.
pub(crate) struct File {
    pub(crate) digest: String,
    pub(crate) wasm: Vec<u8>,
}

impl File {
    /// Reads the present file of a component.
    pub(crate) fn read(component: &Path, directories: &[PathBuf]) -> Result<Self, Failure> {
        let wasm = read(&find(component, directories)?)?;
        Ok(Self { digest: digest(&wasm), wasm })
    }
}

/// Makes of a component a version of a plugin. Takes as long as compiling does, where it is not in the cache.
pub(crate) fn load(
    engine: &Engine,
    cache: &AotCache,
    config: &PluginConfig,
    File { digest, wasm }: &File,
) -> Result<Loaded, Failure> {
    let manifest = Manifest::read(wasm)?;
    let component = cache.component(engine, digest, wasm).map_err(|error| not_compiled(&error))?;
    let shape = Shape::of(engine, &component)?;
    if shape.kind != config.kind {
        return Err(wrong_kind(shape.kind, config.kind));
    }
    let grants = effective(&config.grants, manifest.requests.as_deref());
    shape.check(&config.id, &grants)?;
    let settings = settings(config, manifest.config_schema.as_ref())?;
    let pre = link(engine, &component, &shape).map_err(|error| {
        Failure::new(Blame::Plugin, "plugin.wrong_world", format!("it does not fit its contract: {error:#}"))
            .with_hint("rebuild it with the sdk of this release")
    })?;
    warn_of_unused(&config.id, &config.grants, &grants);
    Ok(Loaded {
        digest: digest.clone(),
        version: manifest.version,
        description: manifest.description,
        requests: manifest.requests.unwrap_or_default(),
        imports: shape.describe(&grants),
        rights: Arc::new(Rights::new(grants, settings)),
        granted: config.grants.clone(),
        loaded_at: Timestamp::now(),
        pre,
        tools: OnceCell::new(),
    })
}

fn link(engine: &Engine, component: &wasmtime::component::Component, shape: &Shape) -> wasmtime::Result<Pre> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    capability::link_types(&mut linker)?;
    // Only what the component imports, and `Shape::check` has seen that all of it is granted.
    for &interface in &shape.interfaces {
        capability::link(&mut linker, interface)?;
    }
    let pre = linker.instantiate_pre(component)?;
    Ok(match shape.kind {
        PluginKind::Backend => Pre::Backend(BackendPre::new(pre)?),
        PluginKind::Harness => Pre::Harness(HarnessPre::new(pre)?),
        PluginKind::Tools => Pre::Tools(ToolsPre::new(pre)?),
    })
}

/// The file of a component: as it is, or the first below one of the directories.
pub(crate) fn find(component: &Path, directories: &[PathBuf]) -> Result<PathBuf, Failure> {
    if component.is_absolute() && component.is_file() {
        return Ok(component.to_owned());
    }
    let found = directories.iter().map(|directory| directory.join(component)).find(|path| path.is_file());
    found.ok_or_else(|| {
        let tried = directories.iter().map(|directory| directory.display().to_string()).collect::<Vec<_>>();
        let tried = if component.is_absolute() { String::new() } else { format!(" in {}", tried.join(", ")) };
        let message = format!("there is no file {}{tried}", component.display());
        Failure::new(Blame::Config, "plugin.missing_file", message)
            .with_hint("build the plugins, or set `component` to the file's path")
    })
}

/// The bytes of a component, or why the file cannot be one.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let refuse = |code: &str, message: String| Failure::new(Blame::Config, code, message);
    let shown = path.display();
    let size = std::fs::metadata(path).map(|metadata| metadata.len());
    if size.is_ok_and(|size| size > MAX_COMPONENT) {
        return Err(refuse("plugin.too_large", format!("{shown} is over {MAX_COMPONENT} bytes")));
    }
    let wasm = std::fs::read(path)
        .map_err(|error| refuse("plugin.missing_file", format!("{shown} cannot be read: {error}")))?;
    if !wasm.starts_with(b"\0asm") {
        return Err(refuse("plugin.not_wasm", format!("{shown} is no WebAssembly file")));
    }
    if !wasmparser::Parser::is_component(&wasm) {
        return Err(refuse("plugin.not_a_component", format!("{shown} is a core module and no component"))
            .with_hint("build it for the target wasm32-wasip2"));
    }
    Ok(wasm)
}

/// SHA-256 in hex.
pub(crate) fn digest(wasm: &[u8]) -> String {
    Sha256::digest(wasm).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Why a component could not be compiled.
pub(crate) fn not_compiled(error: &wasmtime::Error) -> Failure {
    Failure::new(Blame::Plugin, "plugin.not_compiled", format!("the component cannot be compiled: {error:#}"))
}

fn wrong_kind(found: PluginKind, wanted: PluginKind) -> Failure {
    Failure::new(
        Blame::Config,
        "plugin.wrong_world",
        format!("the component is of kind {found}, and the configuration says {wanted}"),
    )
    .with_hint(format!("kind = \"{found}\""))
}

/// The plugin's `config` table as JSON, checked against its schema.
fn settings(config: &PluginConfig, schema: Option<&serde_json::Value>) -> Result<String, Failure> {
    let invalid = |message: String| {
        Failure::new(Blame::Config, "plugin.config_invalid", message)
            .with_hint(format!("mend `config` in the [[plugin]] table with id = \"{}\"", config.id))
    };
    let settings = serde_json::to_value(&config.config).map_err(|error| invalid(error.to_string()))?;
    match schema {
        Some(schema) => {
            let validator = jsonschema::validator_for(schema)
                .map_err(|error| invalid(format!("the plugin's schema is not valid: {error}")))?;
            if let Some(error) = validator.iter_errors(&settings).next() {
                return Err(invalid(format!("config{}: {error}", error.instance_path())));
            }
        }
        None if config.config.is_empty() => {}
        None => return Err(invalid("the plugin takes no config".to_owned())),
    }
    Ok(settings.to_string())
}
