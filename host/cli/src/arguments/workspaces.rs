//! `workspaces`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sandboxed_model::{BuildId, PluginId, SnapshotId, moving::ExportFormat, workspace::WorkspaceName};

use super::{CloneRepository, JsonObject, Listing, WorkspaceArguments, json_object};

#[derive(Debug, Subcommand)]
pub(crate) enum Workspaces {
    /// List workspaces by name.
    List(Listing),
    /// Make a workspace.
    Create {
        #[command(flatten)]
        workspace: Box<WorkspaceArguments>,
        #[command(flatten)]
        waiting: Waiting,
        #[command(flatten)]
        listing: Listing,
    },
    /// Show a workspace, and how it differs from its template.
    Show {
        /// Its name or id.
        workspace: String,
        #[command(flatten)]
        listing: Listing,
    },
    /// Make a workspace from how another stands. No process may run in the other.
    Fork {
        /// The other's name or id.
        workspace: String,
        /// The new one's name; made up where none is given.
        name: Option<WorkspaceName>,
        #[command(flatten)]
        listing: Listing,
    },
    /// Make a workspace stand as it stood. What it has changed since is gone.
    Restore {
        /// Its name or id.
        workspace: String,
        /// One of its snapshots.
        snapshot: SnapshotId,
    },
    /// Clone a repository into a workspace.
    Clone(CloneRepository),
    /// Write a workspace with its settings, files, home and system to one archive, to be imported elsewhere. Secrets are
    /// named in it and not held, but whatever agents wrote is in it.
    Export {
        /// Its name or id.
        workspace: String,
        /// The file; `-` is standard output. Absent: the workspace's name.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// tar.zst or tar; without it as the file's name says, else tar.zst.
        #[arg(long)]
        format: Option<ExportFormat>,
    },
    /// Make a workspace from an exported one, of this server or another.
    Import {
        /// The archive; `-` is standard input.
        file: PathBuf,
        /// Another name than it had.
        #[arg(long)]
        name: Option<WorkspaceName>,
        /// Another backend than it had; it then has none of its options.
        #[arg(long, value_name = "PLUGIN")]
        backend: Option<PluginId>,
        /// Options for the backend, in place of those that it had.
        #[arg(long, value_name = "JSON", value_parser = json_object)]
        options: Option<JsonObject>,
        #[command(flatten)]
        waiting: Waiting,
        #[command(flatten)]
        listing: Listing,
    },
    /// Delete a workspace with its files.
    Delete {
        /// Its name or id.
        workspace: String,
    },
    /// Show what backends keep of workspaces that are not there, a container for example.
    Leftovers {
        /// Remove it.
        #[arg(long)]
        remove: bool,
        #[command(flatten)]
        listing: Listing,
    },
    /// Make what the last build did not: the system and the init steps.
    Build {
        /// Its name or id.
        workspace: String,
        /// Run all of them again.
        #[arg(long)]
        from_start: bool,
        #[command(flatten)]
        waiting: Waiting,
        #[command(flatten)]
        listing: Listing,
    },
    /// List the builds of a workspace, newest first.
    Builds {
        /// Its name or id.
        workspace: String,
        #[command(flatten)]
        listing: Listing,
    },
    /// Show what the steps of a build print, until it ends.
    Log {
        /// Its name or id.
        workspace: String,
        /// The build; without it the last.
        #[arg(long, value_name = "ID")]
        build: Option<BuildId>,
        /// Only this step.
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
        step: Option<u32>,
    },
    /// End a workspace's build and what it runs.
    CancelBuild {
        /// Its name or id.
        workspace: String,
        #[command(flatten)]
        listing: Listing,
    },
    /// Bring a workspace to the newest version of its template.
    ApplyTemplate {
        /// Its name or id.
        workspace: String,
        /// Another version.
        #[arg(long = "template-version", value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
        template_version: Option<u32>,
        /// Only say what would be done.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        waiting: Waiting,
        #[command(flatten)]
        listing: Listing,
    },
}

/// Whether a command waits for a build.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Waiting {
    /// Do not wait for the build and its log.
    #[arg(long)]
    pub(crate) no_wait: bool,
}
