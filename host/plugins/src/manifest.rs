//! What a plugin says of itself: custom sections inside the component.

use sandboxed_model::{Blame, Failure, plugin::PluginRequest};
use serde::Deserialize;
use wasmparser::{Parser, Payload};

const MANIFEST: &str = "sandboxed:manifest";
const CONFIG_SCHEMA: &str = "sandboxed:config-schema";
/// Longest section that is looked at.
const MAX_SECTION: usize = 256 << 10;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Manifest {
    /// The name that its author gave it; the operator's configuration may give another.
    pub(crate) id: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) description: Option<String>,
    /// Absent when the plugin carries no manifest: then what the operator grants is what it gets.
    pub(crate) requests: Option<Vec<PluginRequest>>,
    pub(crate) config_schema: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    id: Option<String>,
    #[allow(dead_code, reason = "the component's exports tell what it is")]
    kind: Option<String>,
    version: Option<String>,
    description: Option<String>,
    #[serde(default)]
    request: Vec<PluginRequest>,
}

impl Manifest {
    /// Reads the sections of a component and of the modules inside.
    pub(crate) fn read(wasm: &[u8]) -> Result<Self, Failure> {
        let mut manifest = Self::default();
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload.map_err(|error| invalid(&format!("the component is damaged: {error}")))?;
            let Payload::CustomSection(section) = payload else { continue };
            if !matches!(section.name(), MANIFEST | CONFIG_SCHEMA) {
                continue;
            }
            if section.data().len() > MAX_SECTION {
                return Err(invalid(&format!("{} is over {MAX_SECTION} bytes", section.name())));
            }
            let text = std::str::from_utf8(section.data())
                .map_err(|error| invalid(&format!("{} is no text: {error}", section.name())))?;
            if section.name() == MANIFEST {
                let text: Text = toml::from_str(text).map_err(|error| invalid(&error.to_string()))?;
                manifest.id = text.id;
                manifest.version = text.version;
                manifest.description = text.description;
                manifest.requests = Some(text.request);
            } else {
                let schema = serde_json::from_str(text);
                manifest.config_schema =
                    Some(schema.map_err(|error| invalid(&format!("the schema of its config is no JSON: {error}")))?);
            }
        }
        Ok(manifest)
    }
}

fn invalid(why: &str) -> Failure {
    Failure::new(Blame::Plugin, "plugin.manifest_invalid", format!("the plugin's manifest cannot be read: {why}"))
}
