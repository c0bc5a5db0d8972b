//! `acp`.

use clap::Args;
use sandboxed_model::{PluginId, template::TemplateChoice, workspace::WorkspaceName};

use super::{JsonObject, asks::Ways, json_object};

/// What holds for the sessions of an editor, until it chooses otherwise.
#[derive(Debug, Args)]
pub(crate) struct Acp {
    /// The harness of new sessions; without it the server's default.
    #[arg(long, value_name = "PLUGIN")]
    pub(crate) harness: Option<PluginId>,
    /// The workspace of new sessions, made where there is none of this name; without it each directory of the editor's has
    /// one of its own.
    #[arg(long, value_name = "NAME")]
    pub(crate) workspace: Option<WorkspaceName>,
    /// The backend of workspaces that are made.
    #[arg(long, value_name = "PLUGIN")]
    pub(crate) backend: Option<PluginId>,
    /// The template of workspaces that are made.
    #[arg(long, value_name = "NAME[@VERSION]", conflicts_with = "backend")]
    pub(crate) template: Option<TemplateChoice>,
    /// Let each session work in a worktree of its own of the workspace's repository, on the branch sandboxed/ID.
    #[arg(long)]
    pub(crate) worktree: bool,
    /// The model.
    #[arg(long)]
    pub(crate) model: Option<String>,
    #[command(flatten)]
    pub(crate) ways: Ways,
    /// Settings for the harness.
    #[arg(long, value_name = "JSON", value_parser = json_object)]
    pub(crate) settings: Option<JsonObject>,
}
