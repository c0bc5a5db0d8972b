//! What `docker save` writes: `manifest.json`, a list of images.

use serde::Deserialize;

use super::{Config, Image, other_platforms, parse, undecided};
use crate::{Result, digest, source::Blobs};

#[derive(Debug, Deserialize)]
struct Saved {
    #[serde(rename = "Config")]
    config: String,
    #[serde(default, rename = "RepoTags")]
    tags: Option<Vec<String>>,
    #[serde(rename = "Layers")]
    layers: Vec<String>,
}

/// The image of this name, or the only one that is for this machine.
pub(crate) fn docker(blobs: &Blobs, wanted: Option<&str>) -> Result<Image> {
    let manifest = blobs.document("manifest.json")?;
    let saved: Vec<Saved> = parse("manifest.json", &manifest)?;
    let names: Vec<String> = saved.iter().flat_map(|image| image.tags.clone().unwrap_or_default()).collect();
    let named = |image: &Saved| match (wanted, &image.tags) {
        (None, _) => true,
        (Some(wanted), Some(tags)) => tags.iter().any(|tag| tag == wanted),
        (Some(_), None) => false,
    };
    let mut fitting = Vec::new();
    let mut others = Vec::new();
    for image in saved.into_iter().filter(named) {
        let bytes = blobs.document(&image.config)?;
        if let Some(expected) = digest_in(&image.config) {
            digest::check(&image.config, &expected, digest::of(&bytes))?;
        }
        let config = Config::read(&bytes)?;
        match config.is_of_this_machine() {
            true => fitting.push((image, config)),
            false => others.push(config.platform()),
        }
    }
    match (fitting.pop(), fitting.is_empty()) {
        (Some((image, config)), true) => {
            let name =
                image.tags.and_then(|tags| tags.into_iter().next()).unwrap_or_else(|| "without a name".to_owned());
            let files = image.layers.into_iter().map(|layer| {
                let digest = digest_in(&layer).filter(|_| layer.starts_with("blobs/"));
                (layer, digest)
            });
            let files = files.collect();
            config.image(name, files)
        }
        (None, _) if !others.is_empty() => Err(other_platforms(&others)),
        _ => Err(undecided(wanted, &names)),
    }
}

/// The SHA-256 that a file has for its name: `HEX.json` or `blobs/sha256/HEX`.
fn digest_in(name: &str) -> Option<String> {
    let last = name.rsplit('/').next().unwrap_or(name);
    let digits = last.strip_suffix(".json").unwrap_or(last);
    digest::parse(&format!("sha256:{digits}")).ok().map(str::to_owned)
}
