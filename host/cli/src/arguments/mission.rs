//! `missions`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sandboxed_model::{MissionId, state::MissionState};

use super::{
    Commit, Diff, Listing, Push,
    asks::{Asks, Ways},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Missions {
    /// List missions, newest first.
    List {
        /// Only in these states.
        #[arg(long, value_delimiter = ',', value_parser = mission_state, value_name = "STATE")]
        state: Vec<MissionState>,
        /// Only in this workspace.
        #[arg(long, value_name = "NAME|ID")]
        workspace: Option<String>,
        /// Only those whose title or events hold these words.
        #[arg(long, value_name = "WORDS")]
        search: Option<String>,
        /// How many at most.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        #[command(flatten)]
        listing: Listing,
    },
    /// Show a mission.
    Show {
        /// The mission.
        mission: MissionId,
        #[command(flatten)]
        listing: Listing,
    },
    /// Show what happened in a mission.
    Events {
        /// The mission.
        mission: MissionId,
        /// Only after this event.
        #[arg(long, default_value_t = 0, value_name = "SEQ")]
        after: u64,
        /// Only of these kinds.
        #[arg(long, value_delimiter = ',', value_name = "KIND")]
        kind: Vec<String>,
        /// Print one event a line, as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show a mission as it goes, until it ends.
    Follow {
        /// The mission.
        mission: MissionId,
        /// Only after this event.
        #[arg(long, default_value_t = 0, value_name = "SEQ")]
        after: u64,
        /// Print one event a line, as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Change a mission: its title at once, all else from its next turn on.
    #[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["title", "model", "default_model", "effort", "approvals", "mode"]))]
    Edit {
        /// The mission.
        mission: MissionId,
        /// Another title.
        #[arg(long)]
        title: Option<String>,
        /// Another model.
        #[arg(long)]
        model: Option<String>,
        /// Leave the model to the harness.
        #[arg(long, conflicts_with = "model")]
        default_model: bool,
        #[command(flatten)]
        ways: Ways,
        #[command(flatten)]
        listing: Listing,
    },
    #[command(flatten)]
    Asks(Asks),
    /// Queue a further message for a mission.
    Send {
        /// The mission.
        mission: MissionId,
        /// The message; `-` reads it from standard input.
        text: String,
        /// A file that comes along; as often as there are files.
        #[arg(long, value_name = "FILE", conflicts_with = "steer")]
        attach: Vec<PathBuf>,
        /// Tell it the agent in the middle of the turn that is under way, where the agent can be told.
        #[arg(long)]
        steer: bool,
        #[command(flatten)]
        listing: Listing,
    },
    /// List the messages that wait for their turn.
    Queue {
        /// The mission.
        mission: MissionId,
        #[command(flatten)]
        listing: Listing,
    },
    /// End the turn that is under way; the mission stays.
    Interrupt(OneMission),
    /// End a mission and its processes.
    Cancel(OneMission),
    /// Take up a mission that was interrupted, failed or cancelled with its last message.
    Resume(OneMission),
    /// Close a mission that waits for its person.
    Finish(OneMission),
    /// Remove a mission that has ended, with all its events.
    Delete {
        /// The mission.
        mission: MissionId,
    },
    /// Show what a mission has changed.
    Diff(Diff),
    /// Commit what a mission has changed.
    Commit(Commit),
    /// Push what a mission has committed.
    Push(Push),
    /// Look for words in what was said and printed.
    Search {
        /// The words.
        words: String,
        /// Only in this mission.
        #[arg(long)]
        mission: Option<MissionId>,
        /// How many at most.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        #[command(flatten)]
        listing: Listing,
    },
}

#[derive(Debug, Args)]
pub(crate) struct OneMission {
    /// The mission.
    pub(crate) mission: MissionId,
    #[command(flatten)]
    pub(crate) listing: Listing,
}

fn mission_state(name: &str) -> Result<MissionState, String> {
    let known = MissionState::ALL.map(MissionState::as_str).join(", ");
    MissionState::parse(name).ok_or_else(|| format!("the states are {known}"))
}
