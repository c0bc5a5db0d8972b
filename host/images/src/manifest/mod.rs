//! What images say that they are made of.

mod docker;
mod oci;

use serde::Deserialize;

pub(crate) use self::{docker::docker, oci::oci};
use crate::{Error, Result, digest};

/// The most layers that an image has here. Docker knows 127.
const MAX_LAYERS: usize = 1000;

/// An image that was chosen.
#[derive(Debug)]
pub(crate) struct Image {
    /// What it is called, for a person.
    pub(crate) name: String,
    /// The lowest first.
    pub(crate) layers: Vec<Layer>,
    /// Variables, each `NAME=VALUE`.
    pub(crate) env: Vec<String>,
}

/// A layer of an image.
#[derive(Debug)]
pub(crate) struct Layer {
    /// The name of its file.
    pub(crate) blob: String,
    /// SHA-256 of the file, if its name or its manifest says it.
    pub(crate) digest: Option<String>,
    /// SHA-256 of the archive in it.
    pub(crate) content: String,
}

/// The configuration of an image.
#[derive(Debug, Deserialize)]
struct Config {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
    #[serde(default)]
    config: Option<Settings>,
    rootfs: RootFs,
}

#[derive(Debug, Default, Deserialize)]
struct Settings {
    #[serde(default, rename = "Env")]
    env: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

impl Config {
    fn read(bytes: &[u8]) -> Result<Self> {
        parse("the configuration of the image", bytes)
    }

    /// `linux/amd64`
    fn platform(&self) -> String {
        format!("{}/{}", self.os, self.architecture)
    }

    fn is_of_this_machine(&self) -> bool {
        is_of_this_machine(&self.os, &self.architecture)
    }

    /// The image whose layers are in these files.
    fn image(self, name: String, files: Vec<(String, Option<String>)>) -> Result<Image> {
        let diff_ids = self.rootfs.diff_ids;
        if files.len() != diff_ids.len() || files.len() > MAX_LAYERS {
            return Err(Error::Invalid(format!(
                "the image has {} layers and its configuration names {}; at most {MAX_LAYERS} are possible",
                files.len(),
                diff_ids.len()
            )));
        }
        let layers = files
            .into_iter()
            .zip(&diff_ids)
            .map(|((blob, digest), content)| Ok(Layer { blob, digest, content: digest::parse(content)?.to_owned() }));
        let env = self.config.and_then(|config| config.env).unwrap_or_default();
        Ok(Image { name, layers: layers.collect::<Result<_>>()?, env })
    }
}

fn is_of_this_machine(os: &str, architecture: &str) -> bool {
    os == "linux" && architecture == machine()
}

/// What images call the machine's processor.
fn machine() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        other => other,
    }
}

fn parse<'a, T: Deserialize<'a>>(what: &str, bytes: &'a [u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| Error::Invalid(format!("{what} cannot be understood: {error}")))
}

/// None of them is for this machine.
fn other_platforms(found: &[String]) -> Error {
    let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
    Error::Choice(format!("the image is not for this machine (linux/{}); there is {found}", machine()))
}

/// More than one could be meant, or none.
fn undecided(wanted: Option<&str>, names: &[String]) -> Error {
    let listed = if names.is_empty() { "there are images without a name".to_owned() } else { names.join(", ") };
    Error::Choice(match wanted {
        Some(wanted) => format!("it holds no image {wanted:?}, or several: {listed}"),
        None => format!("it holds no image, or several of which one has to be named (PATH#NAME): {listed}"),
    })
}
