//! The command line.

mod acp;
pub(crate) mod asks;
mod files;
mod git;
mod harness;
mod mission;
mod plugin;
mod ports;
mod process;
mod provider;
mod secret;
mod skill;
mod snapshot;
mod template;
mod usage;
mod workspace;
mod workspaces;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use sandboxed_model::{
    MissionId, PluginId, TokenId, access::Scope, template::TemplateChoice, workspace::WorkspaceName,
};

pub(crate) use self::{
    acp::Acp,
    files::{FileAt, Files, Put},
    git::{CloneRepository, Commit, Diff, Push},
    harness::Harness,
    mission::{Missions, OneMission},
    plugin::{Language, Plugin},
    ports::{Forward, Ports},
    process::{Exec, Processes, Shell},
    provider::{AddAccount, KeyArguments, Providers, SignIn},
    secret::Secrets,
    skill::Skills,
    snapshot::Snapshots,
    template::{TemplateArguments, Templates},
    usage::{Budgets, Usage},
    workspace::WorkspaceArguments,
    workspaces::{Waiting, Workspaces},
};

/// Runs AI coding agents as missions in isolated workspaces.
#[derive(Debug, Parser)]
#[command(name = "sandboxed-sh", version, propagate_version = true, max_term_width = 110)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which configuration, data and server a command is about.
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    /// The configuration file.
    #[arg(long, global = true, env = "SANDBOXED_SH_CONFIG", value_name = "FILE", help_heading = "Place")]
    pub(crate) config: Option<PathBuf>,
    /// The data directory, instead of server.data_dir.
    #[arg(long, global = true, value_name = "DIR", help_heading = "Place")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The server to use; without it the one that runs on the data directory, or none.
    #[arg(long, global = true, env = "SANDBOXED_SH_URL", value_name = "URL", help_heading = "Place")]
    pub(crate) server: Option<String>,
    /// An API token of the server. The variable keeps it out of the list of processes.
    #[arg(
        long,
        global = true,
        env = "SANDBOXED_SH_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN",
        help_heading = "Place"
    )]
    pub(crate) token: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the server.
    Serve(Serve),
    /// Run one mission and show it as it goes; the exit status tells how it ended.
    Run(Run),
    /// Let an editor drive missions: speaks the Agent Client Protocol on standard input and output.
    Acp(Acp),
    /// Read what a mission's agent printed again, by its harness as it is now, and show what it would tell otherwise.
    Replay {
        /// The mission.
        mission: MissionId,
        #[command(flatten)]
        listing: Listing,
    },
    /// Look at missions and steer them.
    #[command(subcommand)]
    Missions(Missions),
    /// Make, show and delete the places where missions run.
    #[command(subcommand)]
    Workspaces(Workspaces),
    /// Keep how workspaces stand, and make others from it.
    #[command(subcommand)]
    Snapshots(Snapshots),
    /// Make, show and change what workspaces are made from.
    #[command(subcommand)]
    Templates(Templates),
    /// Run a command in a workspace; the exit status is the command's.
    Exec(Exec),
    /// Open a terminal in a workspace.
    Shell(Shell),
    /// Look at the processes that people started in workspaces.
    #[command(subcommand)]
    Processes(Processes),
    /// Look at files of workspaces, put them in and get them out.
    #[command(subcommand)]
    Files(Files),
    /// See what listens in a workspace, declare ports, and let a browser in.
    Ports(Ports),
    /// Take connections on this machine and pass them on to a port of a workspace.
    Forward(Forward),
    /// Keep secrets, say who may use them, and see who did. No command shows a value.
    #[command(subcommand)]
    Secret(Secrets),
    /// Keep skills: instructions that agents read when they need them.
    #[command(subcommand)]
    Skills(Skills),
    /// Add accounts at providers of models, try them, and say which are used first.
    #[command(subcommand)]
    Provider(Providers),
    /// See what missions used of models, and what it cost.
    Usage(Usage),
    /// Say what may be spent on models.
    #[command(subcommand)]
    Budget(Budgets),
    /// Look at plugins, check them and begin new ones.
    #[command(subcommand)]
    Plugin(Plugin),
    /// Use the tools of plugins.
    #[command(subcommand)]
    Tools(Tools),
    /// Look at harnesses and install what they need.
    #[command(subcommand)]
    Harness(Harness),
    /// Try what the server needs on this machine.
    Doctor(Listing),
    /// Make, list and revoke API tokens.
    #[command(subcommand)]
    Token(Token),
    /// Users.
    #[command(subcommand)]
    User(User),
    /// Print the OpenAPI document of the HTTP API.
    Openapi,
    /// Write a copy of the database to a file. A running server goes on meanwhile.
    Backup(Backup),
    /// Put a backup in the place of the database. The server must be stopped.
    Restore(Restore),
    /// Print the completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Supervises one run. Started by the server.
    #[command(hide = true)]
    Shim,
    /// Stands for a program in a container. Started by the server.
    #[command(hide = true)]
    Contained,
}

/// How a list is printed.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Listing {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Check the configuration and start nothing.
    #[arg(long)]
    pub(crate) check: bool,
    /// Address and port to listen on, instead of server.listen.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<String>,
    /// Do not run the welcome mission on a new data directory.
    #[arg(long)]
    pub(crate) no_welcome: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// What the agent is to do; `-` reads it from standard input.
    pub(crate) prompt: String,
    /// A file that comes with the prompt; as often as there are files.
    #[arg(long, value_name = "FILE")]
    pub(crate) attach: Vec<PathBuf>,
    /// The harness that drives the agent.
    #[arg(long, value_name = "PLUGIN")]
    pub(crate) harness: Option<PluginId>,
    /// The backend of a workspace that is made for the mission.
    #[arg(long, value_name = "PLUGIN")]
    pub(crate) backend: Option<PluginId>,
    /// The template of a workspace that is made for the mission.
    #[arg(long, value_name = "NAME[@VERSION]", conflicts_with = "backend")]
    pub(crate) template: Option<TemplateChoice>,
    /// The workspace; made where there is none of this name. Without it the mission gets one of its own.
    #[arg(long, value_name = "NAME")]
    pub(crate) workspace: Option<WorkspaceName>,
    /// Work in a worktree of its own of the workspace's repository, on the branch sandboxed/ID.
    #[arg(long, requires = "workspace")]
    pub(crate) worktree: bool,
    /// The model.
    #[arg(long)]
    pub(crate) model: Option<String>,
    #[command(flatten)]
    pub(crate) ways: asks::Ways,
    /// Settings for the harness.
    #[arg(long, value_name = "JSON", value_parser = json_object)]
    pub(crate) settings: Option<JsonObject>,
    /// A title; without it the first line of the prompt.
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// Print one event a line, as JSON, and nothing else.
    #[arg(long)]
    pub(crate) json: bool,
    /// Start the mission, print its id and leave it to the server.
    #[arg(long, conflicts_with = "json")]
    pub(crate) detach: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Tools {
    /// List the tools of one plugin or of all.
    List {
        /// The plugin.
        plugin: Option<PluginId>,
        #[command(flatten)]
        listing: Listing,
    },
    /// Call a tool on a workspace.
    Call {
        /// The plugin.
        plugin: PluginId,
        /// The tool.
        tool: String,
        /// The workspace's name or id.
        #[arg(long, value_name = "NAME|ID")]
        workspace: String,
        /// The arguments.
        #[arg(long, value_name = "JSON", value_parser = json_object)]
        args: Option<JsonObject>,
        #[command(flatten)]
        listing: Listing,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Make a token and print its secret, once.
    Create {
        /// What it is for.
        name: String,
        /// How far it goes.
        #[arg(long, default_value = "write")]
        scope: TokenScope,
        /// How long it works, like `30d`; without it until it is revoked.
        #[arg(long, value_name = "TIME", value_parser = span)]
        expires_in: Option<std::time::Duration>,
        #[command(flatten)]
        listing: Listing,
    },
    /// List the tokens.
    List(Listing),
    /// End a token.
    Revoke {
        /// The token.
        id: TokenId,
    },
}

/// How far a token goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TokenScope {
    /// Look.
    Read,
    /// Look, and use missions and workspaces.
    Write,
    /// Everything.
    Admin,
}

impl From<TokenScope> for Scope {
    fn from(scope: TokenScope) -> Self {
        match scope {
            TokenScope::Read => Self::Read,
            TokenScope::Write => Self::Write,
            TokenScope::Admin => Self::Admin,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Set the password of the user `admin`. The server must be stopped. Asks for it, or reads a line from standard
    /// input.
    SetPassword,
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// Where to write it.
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup.
    pub(crate) file: PathBuf,
}

/// A JSON object from the command line.
pub(crate) type JsonObject = serde_json::Map<String, serde_json::Value>;

fn json_object(text: &str) -> Result<JsonObject, String> {
    serde_json::from_str(text).map_err(|error| format!("it is no JSON object: {error}"))
}

fn span(text: &str) -> Result<std::time::Duration, String> {
    text.parse::<sandboxed_model::config::Span>().map(|span| span.0).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn no_argument_of_a_command_has_the_name_of_a_global_option() {
        fn check(command: &clap::Command, globals: &[String]) {
            for argument in command.get_arguments().filter(|argument| !argument.is_global_set()) {
                let id = argument.get_id().to_string();
                assert!(!globals.contains(&id), "{} {id}", command.get_name());
            }
            command.get_subcommands().for_each(|subcommand| check(subcommand, globals));
        }
        let command = Arguments::command();
        let globals = command.get_arguments().filter(|argument| argument.is_global_set());
        let globals: Vec<String> = globals.map(|argument| argument.get_id().to_string()).collect();
        assert_eq!(globals.len(), 4);
        check(&command, &globals);
    }
}
