//! Arguments of commands about repositories.

use clap::Args;
use sandboxed_model::{MissionId, git::DiffOf};

use super::Listing;

/// `workspaces clone`
#[derive(Debug, Args)]
pub(crate) struct CloneRepository {
    /// The workspace, by its name or id.
    pub(crate) workspace: String,
    /// Where the repository is: https://host/path, or user@host:path over SSH. What opens it is configured in [git.credentials].
    pub(crate) url: String,
    /// The directory, from the workspace's tree.
    #[arg(long, default_value = ".")]
    pub(crate) path: String,
    /// The branch; without it the one that the remote has checked out.
    #[arg(long)]
    pub(crate) branch: Option<String>,
    /// Only so many of the last commits.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) depth: Option<u32>,
    #[command(flatten)]
    pub(crate) listing: Listing,
}

/// `missions diff`
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The mission.
    pub(crate) mission: MissionId,
    /// Of one turn, by its number; without it all since the mission began.
    #[arg(long, default_value = "total", value_parser = diff_of)]
    pub(crate) turn: DiffOf,
    #[command(flatten)]
    pub(crate) listing: Listing,
}

/// `missions commit`
#[derive(Debug, Args)]
pub(crate) struct Commit {
    /// The mission.
    pub(crate) mission: MissionId,
    /// The message; `-` reads it from standard input.
    #[arg(short, long)]
    pub(crate) message: String,
    #[command(flatten)]
    pub(crate) listing: Listing,
}

/// `missions push`
#[derive(Debug, Args)]
pub(crate) struct Push {
    /// The mission.
    pub(crate) mission: MissionId,
    /// The repository; without it the one that was cloned into the workspace.
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// The branch there; without it sandboxed/ID.
    #[arg(long)]
    pub(crate) branch: Option<String>,
    /// Replace a branch that went another way.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) listing: Listing,
}

fn diff_of(text: &str) -> Result<DiffOf, String> {
    match text.parse() {
        _ if text == "total" => Ok(DiffOf::Total),
        Ok(turn @ 1..) => Ok(DiffOf::Turn(turn)),
        _ => Err("it is the number of a turn, from 1 on, or total".to_owned()),
    }
}
