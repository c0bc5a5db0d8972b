//! What a component would be, before anybody uses it.

use std::path::Path;

use sandboxed_model::{
    Failure,
    grant::Grants,
    plugin::{PluginImport, PluginKind, PluginRequest},
};
use wasmtime::component::Component;

use crate::{
    component::Shape,
    engine,
    load::{digest, not_compiled, read},
    manifest::Manifest,
};

/// What a component is and wants.
#[derive(Debug)]
pub struct Verification {
    /// The name that its author gave it.
    pub id: Option<String>,
    /// What it is for.
    pub kind: PluginKind,
    /// SHA-256 of the file, in hex.
    pub digest: String,
    /// The version in its manifest.
    pub version: Option<String>,
    /// The description in its manifest.
    pub description: Option<String>,
    /// What its manifest asks for, with reasons.
    pub requests: Vec<PluginRequest>,
    /// What it imports, in plain words, with the line that grants each.
    pub imports: Vec<PluginImport>,
}

/// Looks at a component's file without running anything of it.
///
/// # Errors
/// Why the file cannot be a plugin of this host.
pub fn verify_file(path: &Path) -> Result<Verification, Failure> {
    let wasm = read(path)?;
    let manifest = Manifest::read(&wasm)?;
    let engine = engine::start().map_err(|error| not_compiled(&error))?;
    let component = Component::new(&engine, &wasm).map_err(|error| not_compiled(&error))?;
    let shape = Shape::of(&engine, &component)?;
    Ok(Verification {
        id: manifest.id,
        kind: shape.kind,
        digest: digest(&wasm),
        version: manifest.version,
        description: manifest.description,
        requests: manifest.requests.unwrap_or_default(),
        imports: shape.describe(&Grants::default()),
    })
}
