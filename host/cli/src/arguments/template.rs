//! Arguments of commands about templates.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sandboxed_model::template::{TemplateChoice, TemplateName};

use super::{Listing, WorkspaceArguments};

/// `templates`
#[derive(Debug, Subcommand)]
pub(crate) enum Templates {
    /// List templates, newest first.
    List(Listing),
    /// Show a template.
    Show {
        /// Its name, and a version other than the newest.
        #[arg(value_name = "NAME[@VERSION]")]
        template: TemplateChoice,
        #[command(flatten)]
        listing: Listing,
    },
    /// List the versions of a template, newest first.
    Versions {
        /// Its name.
        template: TemplateName,
        #[command(flatten)]
        listing: Listing,
    },
    /// Make a template.
    Create(TemplateArguments),
    /// Make the next version of a template: from a file, or from the newest with what is said here.
    Update(TemplateArguments),
    /// Remove a template with all its versions. Workspaces stay as they are.
    Delete {
        /// Its name.
        template: TemplateName,
    },
}

/// What a template is to be.
#[derive(Debug, Args)]
pub(crate) struct TemplateArguments {
    /// A TOML or JSON file with its name, description and workspace.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// What it is for.
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    #[command(flatten)]
    pub(crate) workspace: Box<WorkspaceArguments>,
    #[command(flatten)]
    pub(crate) listing: Listing,
}
