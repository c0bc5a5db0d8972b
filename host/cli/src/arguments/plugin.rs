//! `plugin`

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use sandboxed_model::{PluginId, plugin::PluginKind};

use super::Listing;

#[derive(Debug, Subcommand)]
pub(crate) enum Plugin {
    /// List the plugins and how they are.
    List(Listing),
    /// Show what a plugin asks for, what it was granted and how it is used.
    #[command(visible_alias = "show")]
    Inspect {
        /// The plugin.
        plugin: PluginId,
        #[command(flatten)]
        listing: Listing,
    },
    /// Load a plugin's component anew, even a version that was rolled back.
    Reload {
        /// The plugin.
        plugin: PluginId,
        #[command(flatten)]
        listing: Listing,
    },
    /// End the trial of a plugin's new version: it counts as good.
    Keep {
        /// The plugin.
        plugin: PluginId,
        #[command(flatten)]
        listing: Listing,
    },
    /// Put the version before in the place of a plugin's version in use.
    RollBack {
        /// The plugin.
        plugin: PluginId,
        #[command(flatten)]
        listing: Listing,
    },
    /// Check a component file and say what it would need to be granted. Runs none of its code.
    Verify {
        /// The component.
        file: PathBuf,
        #[command(flatten)]
        listing: Listing,
    },
    /// Begin a plugin: a project in the directory NAME that builds with cargo alone.
    New {
        /// The name of the plugin and the directory.
        name: PluginId,
        /// What it is for.
        #[arg(long)]
        kind: Kind,
        /// What it is written in.
        #[arg(long, default_value = "rust")]
        lang: Language,
        /// Use the SDK at this path instead of a copy.
        #[arg(long, value_name = "PATH")]
        sdk: Option<PathBuf>,
    },
}

/// A kind of plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Makes workspaces.
    Backend,
    /// Drives agents.
    Harness,
    /// Offers tools.
    Tools,
}

impl From<Kind> for PluginKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Backend => Self::Backend,
            Kind::Harness => Self::Harness,
            Kind::Tools => Self::Tools,
        }
    }
}

/// What a new plugin is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// Rust.
    Rust,
}
