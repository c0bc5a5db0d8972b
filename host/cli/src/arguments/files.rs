//! Arguments of commands about files in workspaces.

use std::{path::PathBuf, str::FromStr};

use clap::{Args, Subcommand};
use sandboxed_model::files::ArchiveFormat;

use super::Listing;

/// A file of a workspace: `WORKSPACE:PATH`, or `WORKSPACE` for all of its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileAt {
    /// The workspace's name or id.
    pub(crate) workspace: String,
    /// The path from its tree, with `%XX` in names as a list shows them.
    pub(crate) path: String,
}

impl FromStr for FileAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A name of a workspace has no colon.
        let (workspace, path) = text.split_once(':').unwrap_or((text, ""));
        if workspace.is_empty() {
            return Err("write it as WORKSPACE:PATH".to_owned());
        }
        Ok(Self { workspace: workspace.to_owned(), path: path.to_owned() })
    }
}

/// `files`
#[derive(Debug, Subcommand)]
pub(crate) enum Files {
    /// List a directory.
    Ls {
        /// The directory.
        #[arg(value_name = "WORKSPACE[:PATH]")]
        at: FileAt,
        /// Only names after this one.
        #[arg(long, value_name = "NAME")]
        after: Option<String>,
        /// How many at most.
        #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        #[command(flatten)]
        listing: Listing,
    },
    /// Show what a file is.
    Stat {
        /// The file or directory.
        #[arg(value_name = "WORKSPACE[:PATH]")]
        at: FileAt,
        #[command(flatten)]
        listing: Listing,
    },
    /// Print a file.
    Cat {
        /// The file.
        #[arg(value_name = "WORKSPACE:PATH")]
        at: FileAt,
    },
    /// Put a file into a workspace.
    Put(Put),
    /// Give an upload up that broke off.
    Abort {
        /// The workspace.
        workspace: String,
        /// The upload.
        upload: String,
    },
    /// Get a file from a workspace.
    Get {
        /// The file.
        #[arg(value_name = "WORKSPACE:PATH")]
        at: FileAt,
        /// Where to; a directory gets it under its name.
        #[arg(default_value = ".")]
        local: PathBuf,
    },
    /// Give a file or directory another name or place.
    Mv {
        /// The file.
        #[arg(value_name = "WORKSPACE:PATH")]
        from: FileAt,
        /// Its path afterwards, in the same workspace.
        to: String,
        /// Take the place of a file that is there.
        #[arg(long)]
        overwrite: bool,
    },
    /// Remove a file.
    Rm {
        /// The file.
        #[arg(value_name = "WORKSPACE:PATH")]
        at: FileAt,
        /// Remove a directory with all that is in it.
        #[arg(short, long)]
        recursive: bool,
    },
    /// Make a directory.
    Mkdir {
        /// The directory.
        #[arg(value_name = "WORKSPACE:PATH")]
        at: FileAt,
        /// Make missing directories above it too; one that exists is fine.
        #[arg(short, long)]
        parents: bool,
    },
    /// Get a directory as an archive.
    Archive {
        /// The directory.
        #[arg(value_name = "WORKSPACE[:PATH]")]
        at: FileAt,
        /// Where to; `-` is standard output.
        local: PathBuf,
        /// How it is packed: tar.gz or tar; without it as the name says.
        #[arg(long, value_parser = format)]
        format: Option<ArchiveFormat>,
    },
    /// Unpack an archive into a directory of a workspace.
    Unpack {
        /// The archive; `-` is standard input.
        local: PathBuf,
        /// The directory, which is made where it is missing.
        #[arg(value_name = "WORKSPACE[:PATH]")]
        at: FileAt,
        /// How it is packed: tar.gz or tar; without it as the name says.
        #[arg(long, value_parser = format)]
        format: Option<ArchiveFormat>,
        #[command(flatten)]
        listing: Listing,
    },
    /// Show how much space a file or directory takes.
    Du {
        /// The file or directory.
        #[arg(value_name = "WORKSPACE[:PATH]")]
        at: FileAt,
        #[command(flatten)]
        listing: Listing,
    },
}

/// `files put`
#[derive(Debug, Args)]
pub(crate) struct Put {
    /// The file; `-` is standard input.
    pub(crate) local: PathBuf,
    /// Where to; a directory's path with `/` at its end gets it under its name.
    #[arg(value_name = "WORKSPACE:PATH")]
    pub(crate) at: FileAt,
    /// Make missing directories.
    #[arg(short, long)]
    pub(crate) parents: bool,
    /// Only where there is nothing of this name.
    #[arg(long, conflicts_with = "if_version")]
    pub(crate) if_absent: bool,
    /// Only over this version, as `files ls --json` tells it.
    #[arg(long, value_name = "ETAG")]
    pub(crate) if_version: Option<String>,
    /// Go on with an upload that broke off.
    #[arg(long, value_name = "UPLOAD")]
    pub(crate) resume: Option<String>,
}

fn format(name: &str) -> Result<ArchiveFormat, String> {
    let known = ArchiveFormat::ALL.map(ArchiveFormat::as_str).join(", ");
    let found = ArchiveFormat::ALL.into_iter().find(|format| format.as_str() == name);
    found.ok_or_else(|| format!("the formats are {known}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_workspace_and_a_path_after_the_first_colon() {
        let at = |workspace: &str, path: &str| Ok(FileAt { workspace: workspace.to_owned(), path: path.to_owned() });
        assert_eq!("demo:src/a:b".parse::<FileAt>(), at("demo", "src/a:b"));
        assert_eq!("demo".parse::<FileAt>(), at("demo", ""));
        assert!(":a".parse::<FileAt>().is_err());
    }
}
