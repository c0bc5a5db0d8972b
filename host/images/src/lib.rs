//! Unpacks images of root file systems: a tar archive of one, what `docker save` writes, and an image layout as OCI
//! describes it, the last two with their layers, one over the other.
//!
//! An image may come from anywhere. Every part that has a digest is held against it before anything of it is used; what is
//! written stays in the directory that it is unpacked into, whatever names and links the image has; and what it may take is
//! bounded. All calls block. The crate knows nothing of workspaces.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod account;
mod compression;
mod digest;
mod error;
mod layer;
mod manifest;
mod member;
mod root;
mod source;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use account::Account;
pub use error::Error;

use crate::{
    layer::{Budget, Count},
    manifest::Image,
    member::names,
    root::Root,
    source::{Blobs, Source},
};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What to unpack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// An archive, or the directory of an image layout.
    pub source: PathBuf,
    /// Which of its images; absent where it holds one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// An existing, empty directory to unpack into.
    pub target: PathBuf,
    /// An existing directory for what is needed meanwhile.
    pub scratch: PathBuf,
    /// Bytes that all files of all layers may have together.
    pub max_bytes: u64,
    /// Files, directories and links that there may be in all layers together.
    pub max_entries: u64,
    /// Directories that there have to be: absolute paths. Those that are missing are made.
    #[serde(default)]
    pub directories: Vec<String>,
    /// A user that there has to be. One with the same number takes its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
}

/// What an image says besides its files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Variables for its processes, each `NAME=VALUE`, as the image says them.
    pub env: Vec<String>,
}

/// Unpacks an image; `tell` is told how far it is, line by line.
///
/// # Errors
/// When the source is none of what is known, is damaged or for another machine, is larger than it may be, or cannot be
/// written. What was unpacked before stays.
pub fn unpack(order: &Order, tell: &mut dyn FnMut(&str)) -> Result<Settings> {
    let root = Root::open(&order.target)?;
    let mut budget = Budget::new(order.max_bytes, order.max_entries);
    let settings = match Source::open(&order.source, &order.scratch, order.max_bytes)? {
        Source::Plain(_) if order.image.is_some() => {
            return Err(Error::Choice(
                "it is the archive of one root file system, and not of images with names".to_owned(),
            ));
        }
        Source::Plain(archive) => {
            tell("a tar archive of a root file system");
            tell(&told(layer::unpack(&root, archive, &mut budget)?));
            Settings::default()
        }
        Source::Oci(blobs) => {
            let image = manifest::oci(&blobs, order.image.as_deref())?;
            apply(&root, &blobs, "an image layout", image, &mut budget, tell)?
        }
        Source::Docker(blobs) => {
            let image = manifest::docker(&blobs, order.image.as_deref())?;
            apply(&root, &blobs, "an archive of images", image, &mut budget, tell)?
        }
    };
    for directory in &order.directories {
        root.directory(&names(directory.as_bytes())?)?;
    }
    if let Some(account) = &order.account {
        account.add(&root)?;
    }
    Ok(settings)
}

fn apply(
    root: &Root,
    blobs: &Blobs,
    what: &str,
    image: Image,
    budget: &mut Budget,
    tell: &mut dyn FnMut(&str),
) -> Result<Settings> {
    let Image { name, layers, env } = image;
    tell(&format!("{what}: {name}, {} layers", layers.len()));
    for (number, layer) in layers.iter().enumerate() {
        tell(&format!("layer {} of {}: sha256:{}", number + 1, layers.len(), layer.content));
        tell(&told(layer::apply(root, blobs, layer, budget)?));
    }
    Ok(Settings { env })
}

fn told(count: Count) -> String {
    let Count { entries, bytes, left_out } = count;
    let left_out = if left_out > 0 { format!("; {left_out} devices and pipes were left out") } else { String::new() };
    format!("{entries} files, {} MiB{left_out}", bytes >> 20)
}
