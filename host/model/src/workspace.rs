//! Workspaces: where missions run.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    BuildId, Failure, PluginId, Timestamp, UserId, WorkspaceId,
    backend::WorkspacePhase,
    port::DeclaredPort,
    recipe::{Blueprint, Recipe, VariableName},
    template::{Drift, TemplateChoice, TemplateUse},
};

/// The name of a workspace: 1 to 64 of `a-z`, `0-9`, `-` and `_`, starting with a letter or digit, and not `import`, which is
/// an address of its own over HTTP. Unique on a server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[a-z0-9][a-z0-9_-]{0,63}$")]
pub struct WorkspaceName(String);

/// `POST /workspaces/import` is no workspace.
const RESERVED: &str = "import";

/// A text that is not a workspace name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a workspace name is 1 to 64 of a-z, 0-9, - and _, starting with a letter or digit, and not \"import\"")]
pub struct InvalidWorkspaceName;

impl WorkspaceName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WorkspaceName {
    type Err = InvalidWorkspaceName;

    fn from_str(text: &str) -> Result<Self, InvalidWorkspaceName> {
        let valid = text.len() <= 64
            && text != RESERVED
            && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_');
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidWorkspaceName) }
    }
}

impl TryFrom<String> for WorkspaceName {
    type Error = InvalidWorkspaceName;

    fn try_from(text: String) -> Result<Self, InvalidWorkspaceName> {
        text.parse()
    }
}

impl From<WorkspaceName> for String {
    fn from(name: WorkspaceName) -> Self {
        name.0
    }
}

impl fmt::Display for WorkspaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A workspace as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Workspace {
    /// The workspace.
    pub id: WorkspaceId,
    /// Its name.
    pub name: WorkspaceName,
    /// The backend that isolates it.
    pub backend: PluginId,
    /// Options for the backend.
    #[schema(value_type = Object)]
    pub options: serde_json::Value,
    /// What it reaches.
    pub network: NetworkPolicy,
    /// What its processes may use.
    pub limits: WorkspaceLimits,
    /// Ports that are known before anything listens on them.
    pub ports: Vec<DeclaredPort>,
    /// The user id on the server's machine that its processes run as. Absent: the server's own, because the server may
    /// not give others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<u32>,
    /// What its own root file system begins with. Absent: it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<WorkspaceRoot>,
    /// What its other directories begin with.
    #[serde(default, skip_serializing_if = "WorkspaceLayers::is_empty")]
    pub layers: WorkspaceLayers,
    /// How far it exists, as last seen.
    pub phase: WorkspacePhase,
    /// Why it cannot be used; absent where it can or where that is only a matter of time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Failure>,
    /// The last build that was begun to make it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<BuildId>,
    /// What goes into it besides its backend.
    #[serde(flatten)]
    pub recipe: Recipe,
    /// The template that it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateUse>,
    /// How it differs from its template; told of a single workspace and not in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// Who made it.
    pub owner: UserId,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a workspace's own root file system begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkspaceRoot {
    /// What it is, for a person.
    pub title: String,
    /// The layers that it shares with other workspaces, the lowest first.
    pub layers: Vec<String>,
    /// Variables that it wants its processes to have: those of an image.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<VariableName, String>,
    /// The layer that its backend plans and that the first of these stands for, because the system came from elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_place_of: Option<String>,
}

/// Layers that a workspace's directories begin with, the lowest first: what snapshots keep and forks share.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct WorkspaceLayers {
    /// Its files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tree: Vec<String>,
    /// Its agents' home.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub home: Vec<String>,
}

impl WorkspaceLayers {
    /// Whether every directory begins empty.
    pub fn is_empty(&self) -> bool {
        self.tree.is_empty() && self.home.is_empty()
    }
}

/// What is needed to make a workspace.
#[derive(Debug, Clone, PartialEq)]
pub struct NewWorkspace {
    /// Its name; absent makes one.
    pub name: Option<WorkspaceName>,
    /// The backend; absent takes the configured default.
    pub backend: Option<PluginId>,
    /// Options for the backend: a JSON object.
    pub options: serde_json::Value,
    /// What it reaches; absent takes the configured default.
    pub network: Option<NetworkPolicy>,
    /// What its processes may use; what is absent takes the configured default.
    pub limits: WorkspaceLimits,
    /// Ports that are known before anything listens on them.
    pub ports: Vec<DeclaredPort>,
    /// What goes into it besides its backend.
    pub recipe: Recipe,
    /// The template that it is made from, over which everything else here counts.
    pub template: Option<TemplateChoice>,
}

impl NewWorkspace {
    /// What is said of it, besides its name and template.
    ///
    /// # Errors
    /// When the options are no JSON object.
    pub fn blueprint(&self) -> Result<Blueprint, &'static str> {
        let options = self.options.as_object().ok_or("the options of a workspace are a JSON object")?;
        let Recipe { env, mounts, init, direct_keys, instructions, skills, mcp_servers } = self.recipe.clone();
        Ok(Blueprint {
            backend: self.backend.clone(),
            options: options.clone(),
            network: self.network.clone(),
            limits: self.limits,
            ports: self.ports.clone(),
            env,
            mounts,
            init,
            direct_keys,
            instructions,
            skills,
            mcp_servers,
        })
    }
}

impl Default for NewWorkspace {
    fn default() -> Self {
        Self {
            name: None,
            backend: None,
            options: serde_json::json!({}),
            network: None,
            limits: WorkspaceLimits::default(),
            ports: Vec::new(),
            recipe: Recipe::default(),
            template: None,
        }
    }
}

/// Something that a backend keeps of a workspace that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Leftover {
    /// The backend that keeps it.
    pub backend: PluginId,
    /// The id that the workspace had.
    pub workspace: WorkspaceId,
}

/// What a workspace reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkPolicy {
    /// How much.
    pub mode: NetworkMode,
    /// With `allow`: `host:port`, where `*.example.org` stands for every name below and port `*` for every port.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// With `allow` and `open`: the network by which all of it goes, in place of the machine's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<NetworkVia>,
}

/// A network by which workspaces reach what they reach, in place of the machine's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NetworkVia {
    /// The tailnet of the server's `tailscaled`: its machines, and nothing else.
    Tailnet,
    /// The exit node that the server's `tailscaled` uses: public addresses, and nothing else.
    ExitNode,
}

impl NetworkVia {
    /// The name in configuration and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tailnet => "tailnet",
            Self::ExitNode => "exit_node",
        }
    }
}

/// How much a workspace reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NetworkMode {
    /// Nothing but itself.
    None,
    /// Named hosts, through the server's proxy.
    Allow,
    /// Every public address, through the server's proxy.
    Open,
    /// What the server's machine reaches, its own services included.
    Shared,
}

impl NetworkMode {
    /// The name in configuration and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Allow => "allow",
            Self::Open => "open",
            Self::Shared => "shared",
        }
    }
}

impl fmt::Display for NetworkMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the processes of a workspace may use together. Absent is without limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WorkspaceLimits {
    /// Bytes of memory: 32 MiB to 1 PiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 33554432, maximum = 1125899906842624_u64)]
    pub memory: Option<u64>,
    /// Thousandths of a processor: 100 to 1,000,000. With less, the smallest program takes many seconds to start.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 100, maximum = 1_000_000)]
    pub cpu_millis: Option<u32>,
    /// Processes and threads: 8 to 4,194,304.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 8, maximum = 4_194_304)]
    pub processes: Option<u32>,
    /// Bytes that its files may take on disk, its home included: 1 MiB to 1 PiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1048576, maximum = 1125899906842624_u64)]
    pub disk: Option<u64>,
}

impl WorkspaceLimits {
    /// These, and where one is absent that of `others`.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            memory: self.memory.or(others.memory),
            cpu_millis: self.cpu_millis.or(others.cpu_millis),
            processes: self.processes.or(others.processes),
            disk: self.disk.or(others.disk),
        }
    }

    /// Says which limit is none that can be meant: too little for any process to start, or more than the kernel counts.
    pub fn problem(&self) -> Option<&'static str> {
        let outside =
            |value: Option<u64>, range: std::ops::RangeInclusive<u64>| value.is_some_and(|v| !range.contains(&v));
        if outside(self.memory, 32 << 20..=1 << 50) {
            Some("memory lies between 32 MiB and 1 PiB")
        } else if outside(self.cpu_millis.map(u64::from), 100..=1_000_000) {
            Some("cpu_millis lies between 100 and 1,000,000")
        } else if outside(self.processes.map(u64::from), 8..=4_194_304) {
            Some("processes lies between 8 and 4,194,304")
        } else if outside(self.disk, 1 << 20..=1 << 50) {
            Some("disk lies between 1 MiB and 1 PiB")
        } else {
            None
        }
    }
}
