//! `harness`

use clap::Subcommand;
use sandboxed_model::PluginId;

use super::Listing;

#[derive(Debug, Subcommand)]
pub(crate) enum Harness {
    /// List the harnesses and how their programs stand.
    List(Listing),
    /// Show what a harness is and can do, and which versions of its program are installed.
    Show {
        /// The harness.
        harness: PluginId,
        #[command(flatten)]
        listing: Listing,
    },
    /// Install the version that a harness is configured to use. Ctrl-C cancels it; what was fetched is kept.
    Install {
        /// The harness.
        harness: PluginId,
        /// Say what would be done, and do nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        listing: Listing,
    },
    /// Cancel an installation that is under way. What was fetched is kept.
    Cancel {
        /// The harness.
        harness: PluginId,
        #[command(flatten)]
        listing: Listing,
    },
    /// Try a harness out: one small question, from the installation of its program to the answer of a model.
    Test {
        /// The harness.
        harness: PluginId,
        /// The model that is asked, instead of the harness's default.
        #[arg(long)]
        model: Option<String>,
        #[command(flatten)]
        listing: Listing,
    },
    /// Stay with a version that is installed, or follow the configuration again.
    Use {
        /// The harness.
        harness: PluginId,
        /// The version.
        #[arg(
            id = "to",
            value_name = "VERSION",
            required_unless_present = "configured",
            conflicts_with = "configured"
        )]
        version: Option<String>,
        /// The version that the harness is configured to use.
        #[arg(long)]
        configured: bool,
        #[command(flatten)]
        listing: Listing,
    },
    /// Remove a version that is installed.
    Remove {
        /// The harness.
        harness: PluginId,
        /// The version.
        #[arg(id = "of", value_name = "VERSION")]
        version: String,
    },
}
