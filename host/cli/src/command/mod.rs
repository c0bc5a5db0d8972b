//! The commands, a file for each kind of thing.

pub(crate) mod access;
mod asks;
mod attachments;
pub(crate) mod backup;
pub(crate) mod builds;
pub(crate) mod doctor;
pub(crate) mod files;
mod git;
pub(crate) mod harness;
mod hidden;
pub(crate) mod missions;
mod moving;
pub(crate) mod plugin;
pub(crate) mod ports;
pub(crate) mod processes;
mod project;
pub(crate) mod providers;
pub(crate) mod replay;
pub(crate) mod run;
pub(crate) mod secrets;
pub(crate) mod serve;
mod sign_in;
pub(crate) mod skills;
pub(crate) mod snapshots;
pub(crate) mod templates;
pub(crate) mod tools;
pub(crate) mod usage;
mod verify;
pub(crate) mod workspaces;

use clap::CommandFactory as _;
use sandboxed_model::Timestamp;
use tokio::io::AsyncReadExt as _;

use crate::{
    arguments::{Arguments, Place},
    client::Client,
    failed::{Failed, Result},
    output,
};

/// The longest text that is read from standard input, in bytes. The server has a limit of its own.
const MAX_INPUT: u64 = 64 << 20;

/// Does something with the server and lets go of it.
async fn with_client<T>(place: &Place, work: impl AsyncFnOnce(&Client) -> Result<T>) -> Result<T> {
    let client = Client::connect(place).await?;
    let result = work(&client).await;
    client.close().await;
    result
}

/// The text of an argument, where `-` stands for standard input.
async fn text_or_stdin(argument: String) -> Result<String> {
    if argument != "-" {
        return Ok(argument);
    }
    let mut text = String::new();
    let read = tokio::io::stdin().take(MAX_INPUT).read_to_string(&mut text).await;
    read.map_err(|error| Failed::new(format!("standard input cannot be read: {error}")))?;
    Ok(text)
}

/// How long ago something was, in its largest unit.
fn ago(at: Timestamp) -> String {
    let seconds = Timestamp::now().as_millis().saturating_sub(at.as_millis()).max(0) / 1000;
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..86_400 => format!("{} h ago", seconds / 3600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

/// Prints the OpenAPI document.
pub(crate) fn openapi() -> Result<()> {
    output::print_json(&sandboxed_api::openapi())
}

/// Prints the completions for a shell.
pub(crate) fn completions(shell: clap_complete::Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "sandboxed-sh", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}
