//! What an archive says of the workspace in it.

use std::collections::BTreeMap;

use sandboxed_files::PartSum;
use sandboxed_model::{
    Blame, Failure, Timestamp,
    recipe::{Blueprint, VariableName},
    template::TemplateUse,
    workspace::{Workspace, WorkspaceName},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, storage::Part};

/// Where it is in an archive, and its most bytes.
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const MOST_MANIFEST: usize = 64 << 20;
/// The same of the sums.
pub(super) const SUMS: &str = "sums.json";
pub(super) const MOST_SUMS: usize = 64 << 10;
/// What such an archive calls itself.
const FORMAT: &str = "sandboxed-sh workspace";
/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;
/// The longest title of a system, in characters.
const TITLE: usize = 200;

/// What comes first in an archive. It holds no value of a secret: variables name theirs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    format: String,
    version: u32,
    /// The version of the server that wrote it.
    made_by: String,
    made_at: Timestamp,
    pub(super) name: WorkspaceName,
    pub(super) workspace: Blueprint,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) template: Option<TemplateUse>,
    /// What its own system is, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) system: Option<String>,
    /// Variables that this wants its processes to have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) system_env: BTreeMap<VariableName, String>,
}

/// Enough of any version to say that it is another one.
#[derive(Deserialize)]
struct Heading {
    format: String,
    version: u32,
}

/// What comes last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Sums {
    /// SHA-256 of the manifest.
    manifest: String,
    parts: BTreeMap<String, PartRecord>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct PartRecord {
    sha256: String,
    entries: u64,
    bytes: u64,
    /// Sockets, devices and the like, which are not in it.
    left_out: u64,
}

impl Manifest {
    pub(super) fn of(workspace: &Workspace) -> Self {
        let Workspace { backend, options, network, limits, ports, recipe, .. } = workspace.clone();
        let blueprint = Blueprint {
            backend: Some(backend),
            options: options.as_object().cloned().unwrap_or_default(),
            network: Some(network),
            limits,
            ports,
            env: recipe.env,
            mounts: recipe.mounts,
            init: recipe.init,
            direct_keys: recipe.direct_keys,
            instructions: recipe.instructions,
            skills: recipe.skills,
            mcp_servers: recipe.mcp_servers,
        };
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            made_by: env!("CARGO_PKG_VERSION").to_owned(),
            made_at: Timestamp::now(),
            name: workspace.name.clone(),
            workspace: blueprint,
            template: workspace.template.clone(),
            system: workspace.root.as_ref().map(|root| root.title.clone()),
            system_env: workspace.root.as_ref().map(|root| root.env.clone()).unwrap_or_default(),
        }
    }

    /// Reads what an archive says.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let none = |error: serde_json::Error| invalid(format!("{MANIFEST} is none of an exported workspace: {error}"));
        let heading: Heading = serde_json::from_slice(bytes).map_err(none)?;
        if heading.format != FORMAT {
            return Err(invalid(format!("it is no exported workspace but {:?}", short(&heading.format))));
        }
        if heading.version != VERSION {
            let version = heading.version;
            let message = format!("the archive is of version {version}, and this server reads version {VERSION}");
            return Err(Error::File(
                Failure::new(Blame::Config, "archive.version", message).with_hint("use a server of the same version"),
            ));
        }
        let mut manifest: Self = serde_json::from_slice(bytes).map_err(none)?;
        manifest.system = manifest.system.map(|title| short(&title));
        Ok(manifest)
    }

    /// The directories that follow, in this order.
    pub(super) fn parts(&self) -> Vec<Part> {
        let root = self.system.is_some().then_some(Part::Root);
        root.into_iter().chain([Part::Tree, Part::Home]).collect()
    }
}

impl Sums {
    pub(super) fn new(manifest: &[u8]) -> Self {
        let digest = Sha256::digest(manifest);
        Self { manifest: digest.iter().map(|byte| format!("{byte:02x}")).collect(), parts: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, part: Part, sum: PartSum) {
        let PartSum { sha256, entries, bytes, left_out, written: _ } = sum;
        self.parts.insert(part.to_string(), PartRecord { sha256, entries, bytes, left_out });
    }

    /// Holds what was found in an archive against what it says at its end, and returns what is not in it.
    pub(super) fn check(&self, said: &[u8]) -> Result<u64, Error> {
        let said: Self = serde_json::from_slice(said).map_err(|error| invalid(format!("{SUMS}: {error}")))?;
        if said.manifest != self.manifest {
            return Err(invalid(format!("{MANIFEST} is not as it was written (its SHA-256 is another one)")));
        }
        if said.parts.len() != self.parts.len() {
            return Err(invalid("it does not hold the directories that it should".to_owned()));
        }
        let mut left_out: u64 = 0;
        for (part, found) in &self.parts {
            let wanted = said.parts.get(part);
            let same = |wanted: &&PartRecord| PartRecord { left_out: 0, ..(*wanted).clone() } == *found;
            match wanted.filter(same) {
                Some(wanted) => left_out = left_out.saturating_add(wanted.left_out),
                None => return Err(invalid(format!("{part} is not as it was written (its SHA-256 is another one)"))),
            }
        }
        Ok(left_out)
    }
}

fn short(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(TITLE).collect()
}

pub(super) fn invalid(reason: String) -> Error {
    Error::File(Failure::new(Blame::Config, "archive.invalid", format!("the archive cannot be used: {reason}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(changes: &[(&str, serde_json::Value)]) -> Vec<u8> {
        let mut manifest = serde_json::json!({
            "format": FORMAT, "version": 1, "made_by": "0.1.0", "made_at": Timestamp::now(),
            "name": "w", "workspace": { "backend": "bubblewrap" },
        });
        for (name, value) in changes {
            manifest[*name] = value.clone();
        }
        serde_json::to_vec(&manifest).unwrap()
    }

    fn code(read: Result<Manifest, Error>) -> String {
        read.unwrap_err().failure().code
    }

    #[test]
    fn another_version_is_told_apart_from_what_is_no_workspace() {
        assert!(Manifest::read(&manifest(&[])).is_ok());
        let newer = manifest(&[("version", 2.into()), ("what_is_new", true.into())]);
        assert_eq!(code(Manifest::read(&newer)), "archive.version");
        assert_eq!(code(Manifest::read(&manifest(&[("format", "else".into())]))), "archive.invalid");
        assert_eq!(code(Manifest::read(b"{}")), "archive.invalid");
    }

    #[test]
    fn what_is_not_known_in_a_manifest_is_not_passed_over() {
        assert_eq!(code(Manifest::read(&manifest(&[("more", 1.into())]))), "archive.invalid");
        let unknown = serde_json::json!({ "backend": "bubblewrap", "seccomp": false });
        assert_eq!(code(Manifest::read(&manifest(&[("workspace", unknown)]))), "archive.invalid");
    }

    #[test]
    fn a_part_that_is_not_as_it_was_written_is_found() {
        let part = |digit: char| PartSum { sha256: digit.to_string(), entries: 1, bytes: 2, left_out: 0, written: 0 };
        let sums = |digit| {
            let mut sums = Sums::new(b"manifest");
            sums.add(Part::Tree, part(digit));
            sums
        };
        let mut written = sums('a');
        written.add(Part::Tree, PartSum { left_out: 3, ..part('a') });
        let said = serde_json::to_vec(&written).unwrap();

        assert_eq!(sums('a').check(&said).unwrap(), 3);
        assert!(sums('b').check(&said).is_err());
        assert!(Sums::new(b"other").check(&said).is_err());
    }
}
