//! An image layout as OCI describes it: `index.json` leads to manifests, and each manifest to layers.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Config, Image, is_of_this_machine, other_platforms, parse, undecided};
use crate::{Error, Result, digest, source::Blobs};

/// How deep an index may lead to another.
const MAX_DEPTH: usize = 3;
/// Descriptors that are looked at.
const MAX_DESCRIPTORS: usize = 1000;
const NAMES: [&str; 2] = ["org.opencontainers.image.ref.name", "io.containerd.image.name"];

#[derive(Debug, Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

#[derive(Debug, Clone, Deserialize)]
struct Descriptor {
    #[serde(default, rename = "mediaType")]
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default)]
    platform: Option<Platform>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Clone, Deserialize)]
struct Platform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
}

#[derive(Debug, Deserialize)]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
}

/// The image of this name, or the only one, as it is for this machine.
pub(crate) fn oci(blobs: &Blobs, wanted: Option<&str>) -> Result<Image> {
    let bytes = blobs.document("index.json")?;
    let index: Index = parse("index.json", &bytes)?;
    let names: Vec<String> = index.manifests.iter().flat_map(Descriptor::names).map(str::to_owned).collect();
    let named = |found: &&Descriptor| wanted.is_none_or(|wanted| found.names().any(|name| name == wanted));
    let mut fitting: Vec<(String, Manifest, Config)> = Vec::new();
    let mut seen = Seen::default();
    for found in index.manifests.iter().filter(named) {
        let name = found.names().next().unwrap_or("without a name").to_owned();
        let Some((manifest, config)) = choose(blobs, found, 0, &mut seen)? else { continue };
        // The same image may have several names.
        if !fitting.iter().any(|(_, other, _)| other.config.digest == manifest.config.digest) {
            fitting.push((name, manifest, config));
        }
    }
    match (fitting.pop(), fitting.is_empty()) {
        (Some((name, manifest, config)), true) => {
            let files = manifest.layers.into_iter().map(|layer| {
                if layer.media_type.ends_with("+encrypted") {
                    return Err(Error::invalid("a layer of the image is encrypted"));
                }
                Ok((layer.blob()?, Some(digest::parse(&layer.digest)?.to_owned())))
            });
            config.image(name, files.collect::<Result<_>>()?)
        }
        (None, _) if !seen.others.is_empty() => Err(other_platforms(&seen.others)),
        _ => Err(undecided(wanted, &names)),
    }
}

/// What was looked at.
#[derive(Default)]
struct Seen {
    descriptors: usize,
    /// Platforms that are not this machine's.
    others: Vec<String>,
}

/// The manifest for this machine that a descriptor leads to.
fn choose(blobs: &Blobs, found: &Descriptor, depth: usize, seen: &mut Seen) -> Result<Option<(Manifest, Config)>> {
    seen.descriptors += 1;
    if depth > MAX_DEPTH || seen.descriptors > MAX_DESCRIPTORS {
        return Err(Error::invalid("the image's indexes lead to too many others"));
    }
    if let Some(Platform { os, architecture }) = &found.platform
        && !is_of_this_machine(os, architecture)
    {
        // What tells how an image was built is listed beside it as one for nowhere.
        if os != "unknown" {
            seen.others.push(format!("{os}/{architecture}"));
        }
        return Ok(None);
    }
    let bytes = found.document(blobs)?;
    let Ok(manifest) = serde_json::from_slice::<Manifest>(&bytes) else {
        let index: Index = parse("an index of the image", &bytes)?;
        for found in &index.manifests {
            if let Some(chosen) = choose(blobs, found, depth + 1, seen)? {
                return Ok(Some(chosen));
            }
        }
        return Ok(None);
    };
    let config = Config::read(&manifest.config.document(blobs)?)?;
    if config.is_of_this_machine() {
        return Ok(Some((manifest, config)));
    }
    seen.others.push(config.platform());
    Ok(None)
}

impl Descriptor {
    fn names(&self) -> impl Iterator<Item = &str> {
        let annotations = self.annotations.iter();
        annotations.flat_map(|all| NAMES.iter().filter_map(|name| all.get(*name).map(String::as_str)))
    }

    fn blob(&self) -> Result<String> {
        Ok(format!("blobs/sha256/{}", digest::parse(&self.digest)?))
    }

    /// What it leads to, which is what its digest says.
    fn document(&self, blobs: &Blobs) -> Result<Vec<u8>> {
        let name = self.blob()?;
        let bytes = blobs.document(&name)?;
        if bytes.len() as u64 != self.size {
            return Err(Error::Invalid(format!("{name} has {} bytes and not {}", bytes.len(), self.size)));
        }
        digest::check(&name, digest::parse(&self.digest)?, digest::of(&bytes))?;
        Ok(bytes)
    }
}
