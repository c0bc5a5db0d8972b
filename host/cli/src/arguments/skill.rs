//! `skills`

use std::path::PathBuf;

use clap::Subcommand;
use sandboxed_model::context::SkillName;

use super::Listing;

#[derive(Debug, Subcommand)]
pub(crate) enum Skills {
    /// List the skills of the library.
    List(Listing),
    /// Show a skill: what it says, and which files it has.
    Show {
        /// Its name.
        name: SkillName,
        #[command(flatten)]
        listing: Listing,
    },
    /// Put a directory with a SKILL.md into the library, in the place of a skill of the same name.
    Add {
        /// The directory. It has the skill's name.
        #[arg(value_name = "DIRECTORY")]
        directory: PathBuf,
        #[command(flatten)]
        listing: Listing,
    },
    /// Remove a skill. Workspaces that have it go on without.
    Delete {
        /// Its name.
        name: SkillName,
    },
}
