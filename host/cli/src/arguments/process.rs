//! Arguments of commands about processes in workspaces.

use clap::{Args, Subcommand};
use sandboxed_model::RunId;

use super::Listing;

/// `exec`
#[derive(Debug, Args)]
pub(crate) struct Exec {
    /// The workspace, by its name or id.
    pub(crate) workspace: String,
    /// Where it begins, relative to the workspace's tree.
    #[arg(long, value_name = "DIR")]
    pub(crate) cwd: Option<String>,
    /// A variable of the command.
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    pub(crate) env: Vec<(String, String)>,
    /// The program and its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) command: Vec<String>,
}

/// `shell`
#[derive(Debug, Args)]
pub(crate) struct Shell {
    /// The workspace, by its name or id.
    pub(crate) workspace: String,
    /// Where it begins, relative to the workspace's tree.
    #[arg(long, value_name = "DIR")]
    pub(crate) cwd: Option<String>,
    /// The program and its arguments; without them a login shell.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) command: Vec<String>,
}

/// `processes`
#[derive(Debug, Subcommand)]
pub(crate) enum Processes {
    /// List the processes of a workspace, newest first.
    List {
        /// The workspace, by its name or id.
        workspace: String,
        #[command(flatten)]
        listing: Listing,
    },
    /// Follow a process and type into it, beside whoever else does.
    Attach {
        /// Its id.
        process: RunId,
    },
    /// Kill a process, where it lives, and forget what it printed.
    Remove {
        /// Its id.
        process: RunId,
    },
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}
