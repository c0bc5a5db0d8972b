//! What an operator writes about one agent: the `config` table of the plugin's entry.

use std::collections::BTreeMap;

use sandboxed_protocol::install::Install;
use serde::Deserialize;

use crate::mcp::McpTable;

/// One agent that speaks the protocol. `config.schema.json` explains each key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    pub(crate) summary: String,
    pub(crate) command: CommandTable,
    #[serde(default)]
    pub(crate) env: BTreeMap<String, EnvValue>,
    #[serde(default)]
    pub(crate) home_files: BTreeMap<String, HomeFile>,
    pub(crate) install: Option<Install>,
    pub(crate) instructions: Option<Instructions>,
    /// Where the agent looks for skills, below the mission's home.
    pub(crate) skills: Option<String>,
    pub(crate) mcp: Option<McpTable>,
    /// The agent looks at images.
    #[serde(default)]
    pub(crate) images: bool,
    #[serde(default)]
    pub(crate) models: Vec<String>,
    #[serde(default)]
    pub(crate) efforts: Vec<String>,
    #[serde(default)]
    pub(crate) options: Options,
    #[serde(default)]
    pub(crate) modes: Modes,
    #[serde(default = "yes")]
    pub(crate) asks: bool,
    pub(crate) auth_method: Option<String>,
    #[serde(default)]
    pub(crate) resume: Resume,
    pub(crate) usage: Option<UsageTable>,
    #[serde(default)]
    pub(crate) end_turn_errors: Vec<String>,
    #[serde(default)]
    pub(crate) at_end: AtEnd,
    #[serde(default)]
    pub(crate) protocol: Highest,
    #[serde(default)]
    pub(crate) start_within_ms: StartWithin,
}

/// Milliseconds until an agent must have opened its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct StartWithin(pub(crate) u32);

impl Default for StartWithin {
    fn default() -> Self {
        Self(120_000)
    }
}

fn yes() -> bool {
    true
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommandTable {
    pub(crate) program: String,
    #[serde(default)]
    pub(crate) args: Vec<Arg>,
    #[serde(default)]
    pub(crate) node: bool,
}

/// One argument, or several that stand or fall together.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Arg {
    One(String),
    Group(Vec<String>),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum EnvValue {
    Plain(String),
    Secret(SecretName),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecretName {
    pub(crate) secret: String,
}

/// Where the agent reads what it is to keep to besides what the repository says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Instructions {
    /// Below the mission's home.
    pub(crate) file: String,
}

/// A file of the agent's configuration: a text, or a table in the format that the file's name tells.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum HomeFile {
    Text(String),
    Table(serde_json::Map<String, serde_json::Value>),
}

/// Ids of the session's options that choose the model and the effort.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Options {
    pub(crate) model: Option<String>,
    pub(crate) effort: Option<String>,
}

/// Ids of the session's modes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Modes {
    pub(crate) bypass: Option<String>,
    pub(crate) ask: Option<String>,
    pub(crate) plan: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Resume {
    pub(crate) by: ResumeBy,
    /// The id that is sent instead of the session's own.
    pub(crate) id: Option<String>,
    /// What follows where the agent does not know the session.
    pub(crate) lost: Lost,
    /// For so long the agent must be silent after it loaded a session, before it gets the prompt.
    pub(crate) settle_ms: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ResumeBy {
    /// `session/load`, which tells again what was said.
    #[default]
    Load,
    /// `session/resume`, which tells nothing again.
    Resume,
    /// The placeholder `{session}` in the command; `session/new` then goes on with that session.
    Argument,
    /// Not at all.
    None,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Lost {
    /// The turn fails, and the next one begins a new session.
    #[default]
    Fail,
    /// The turn begins a new session, and says so.
    New,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UsageTable {
    /// JSON pointer into the result of `session/prompt`.
    pub(crate) at: String,
    #[serde(default)]
    pub(crate) cached: Cached,
    #[serde(default)]
    pub(crate) cost: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Cached {
    /// Input is counted without what came from the cache.
    #[default]
    Apart,
    /// Input is counted with it.
    Included,
}

/// How the process is ended when its turn is over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AtEnd {
    /// Its standard input is closed.
    #[default]
    Close,
    /// It gets SIGTERM as well.
    Terminate,
}

/// The highest version of the protocol that is offered to the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub(crate) struct Highest(pub(crate) u64);

impl Default for Highest {
    fn default() -> Self {
        Self(1)
    }
}

impl TryFrom<u64> for Highest {
    type Error = String;

    fn try_from(version: u64) -> Result<Self, String> {
        match version {
            1 | 2 => Ok(Self(version)),
            _ => Err(format!("version {version} of the protocol is not spoken, only 1 and 2")),
        }
    }
}
