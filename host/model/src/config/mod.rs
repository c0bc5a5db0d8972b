//! The configuration of a server: what `sandboxed.toml` and the environment say, checked and with defaults filled in.
//!
//! `config/sandboxed.toml` in the repository explains every key.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use serde::Deserialize;

use crate::{
    PluginId,
    ask::{ApprovalMode, ConfigRule},
    grant::Grants,
    plugin::PluginKind,
    template::NewTemplate,
    workspace::{NetworkMode, NetworkPolicy, WorkspaceLimits},
};

mod document;
mod engine;
mod git;
mod harnesses;
mod load;
mod models;
mod problem;
mod rules;
mod shape;
mod size;
#[cfg(test)]
mod tests;
mod upgrades;
mod variables;

pub(crate) use document::Document;
pub use engine::EngineConfig;
pub use git::{GitAccess, GitConfig, GitCredential, GitKey, KnownHosts, is_ssh_user};
pub use harnesses::HarnessesConfig;
pub use load::{EMBEDDED, Loaded, Source, load};
pub use models::ModelsConfig;
pub use problem::{Invalid, Problem};
pub use size::{ByteSize, InvalidSize, InvalidSpan, Span};
pub use upgrades::UpgradesConfig;

/// The whole configuration.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The HTTP server and where data is kept.
    pub server: ServerConfig,
    /// Who may use the server.
    pub auth: AuthConfig,
    /// How missions run.
    pub missions: MissionsConfig,
    /// What workspaces get that are made without saying.
    pub workspaces: WorkspacesConfig,
    /// Repositories in workspaces.
    pub git: GitConfig,
    /// The way into a tailnet.
    pub tailscale: TailscaleConfig,
    /// The programs of agents.
    pub harnesses: HarnessesConfig,
    /// How runs are supervised.
    pub runs: RunsConfig,
    /// What the server tells about itself.
    pub telemetry: TelemetryConfig,
    /// Secrets that plugins and workspaces may name, and where their values are found.
    pub secrets: BTreeMap<String, SecretSource>,
    /// The vault.
    pub vault: VaultConfig,
    /// Models, and the gateway by which agents ask them.
    pub models: ModelsConfig,
    /// Container engines on other machines, by the names that workspaces and grants give them.
    pub engines: BTreeMap<String, EngineConfig>,
    /// New versions of plugins.
    pub upgrades: UpgradesConfig,
    /// Plugins, in the order of loading.
    pub plugin: Vec<PluginConfig>,
    /// Templates of workspaces.
    pub template: Vec<NewTemplate>,
}

/// One entry of `[secrets]`: where the value of a secret is read when it is used.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SecretSource {
    /// A file that holds the value; one newline at its end does not belong to it.
    File(PathBuf),
    /// A variable of the server's environment.
    Env(String),
}

/// `[vault]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VaultConfig {
    /// What the master key is made of. Absent: the file `vault.key` in the data directory, made at the first start.
    pub key: Option<KeySource>,
    /// What the key before was made of. What is sealed with it is put under the key when the server is started.
    pub former_key: Option<KeySource>,
}

/// What a master key is made of.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum KeySource {
    /// A file that holds it, which the server writes when the key is replaced; made where there is none.
    File(PathBuf),
    /// A variable of the server's environment that holds it: 32 bytes in base64 or hexadecimal.
    Env(String),
    /// A variable of the server's environment that holds a passphrase.
    PassphraseEnv(String),
    /// A file that holds a passphrase; a newline at its end does not belong to it.
    PassphraseFile(PathBuf),
}

/// `[server]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address and port to listen on. An address other than loopback needs a password.
    pub listen: String,
    /// The directory of the database, workspaces and runs. A leading `~/` is the home directory.
    pub data_dir: PathBuf,
    /// Host names, besides the listen address and localhost, that requests may name in `Host` and `Origin`.
    pub allowed_hosts: Vec<String>,
    /// The name, or `name:port`, below which each port of a workspace has a name of its own for browsers. Absent:
    /// `ports.localhost` where the server listens on loopback, else browsers see no ports.
    pub ports_host: Option<String>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:3000".to_owned(),
            data_dir: PathBuf::from("~/.sandboxed-sh"),
            allowed_hosts: Vec::new(),
            ports_host: None,
        }
    }
}

/// `[auth]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// A file that holds the password of the user `admin`; absent makes one at first start and prints it once.
    pub admin_password_file: Option<PathBuf>,
    /// How long a login lasts.
    pub session_ttl: Span,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self { admin_password_file: None, session_ttl: Span(Duration::from_secs(7 * 24 * 3600)) }
    }
}

/// `[missions]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MissionsConfig {
    /// Turns that may be under way at once on this server.
    pub max_parallel: u32,
    /// Turns that may be under way at once in one workspace.
    pub max_parallel_per_workspace: u32,
    /// The harness of a mission that names none.
    pub default_harness: PluginId,
    /// The backend of a workspace that names none.
    pub default_backend: PluginId,
    /// A turn that prints nothing for so long is shown as stalled.
    pub stall_after: Span,
    /// How long a turn may take to end after an interrupt before its processes are killed.
    pub interrupt_grace: Span,
    /// Output of one tool call that is kept in the event log: this much from its start and a sixteenth of it from
    /// its end. The spool keeps more.
    pub tool_output_limit: ByteSize,
    /// The longest message.
    pub message_limit: ByteSize,
    /// The largest file that comes with a message, and all files of one message together.
    pub attachment_limit: ByteSize,
    /// How long a turn may take altogether.
    pub turn_within: Span,
    /// Whether the agents of missions ask that do not say.
    pub approvals: ApprovalMode,
    /// How long something that an agent asked waits for an answer before it counts as denied.
    pub approval_timeout: Span,
    /// Rules that answer before anybody is asked.
    pub approval_rules: Vec<ConfigRule>,
    /// The file with what all agents are to keep to. It is read anew for each turn.
    pub instructions_file: Option<PathBuf>,
}

impl Default for MissionsConfig {
    fn default() -> Self {
        let plugin = |name: &str| name.parse().expect("a literal that is a plugin id");
        Self {
            max_parallel: 4,
            max_parallel_per_workspace: 2,
            default_harness: plugin("shell"),
            default_backend: plugin("bubblewrap"),
            stall_after: Span(Duration::from_secs(300)),
            interrupt_grace: Span(Duration::from_secs(5)),
            tool_output_limit: ByteSize(4 << 20),
            message_limit: ByteSize(1 << 20),
            attachment_limit: ByteSize(20 << 20),
            turn_within: Span(Duration::from_secs(24 * 3600)),
            approvals: ApprovalMode::Bypass,
            approval_timeout: Span(Duration::from_secs(12 * 3600)),
            approval_rules: Vec::new(),
            instructions_file: None,
        }
    }
}

/// `[workspaces]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkspacesConfig {
    /// User ids of the machine that workspaces get one by one, where the server may give them. They belong to nobody
    /// else.
    pub users: UserRange,
    /// User ids of the machine of which workspaces with users of their own get 65,536 each. They belong to nobody else.
    pub user_ranges: UserRange,
    /// How long a layer of root file systems that no workspace uses is kept.
    pub keep_layers: Span,
    /// How long what holds a workspace together (its network, its system, its container) is kept after the last process in it
    /// has ended.
    pub keep_idle: Span,
    /// What a workspace reaches that does not say.
    pub network: NetworkPolicy,
    /// What the processes of a workspace may use that does not say.
    pub limits: LimitsConfig,
    /// The largest file, and the largest content of an archive, that is written for a person.
    pub upload_limit: ByteSize,
    /// Secrets that variables of workspaces may name.
    pub secrets: Vec<String>,
    /// Names in the machine's `/etc` that workspaces of the backend `bubblewrap` see besides those that programs need.
    pub etc: Vec<String>,
    /// Directories of the machine that workspaces may see, and those below them.
    pub mounts: Vec<PathBuf>,
    /// How long an init step may take that does not say.
    pub step_timeout: Span,
    /// How long the making of a root file system may take.
    pub system_timeout: Span,
    /// What all files of an image that is unpacked may have together.
    pub image_size: ByteSize,
    /// What results of init steps that are kept for other workspaces may take on disk. 0 keeps none.
    pub cache_size: ByteSize,
    /// How long such a result is kept that nobody uses.
    pub cache_age: Span,
}

impl Default for WorkspacesConfig {
    fn default() -> Self {
        let allow = DEFAULT_ALLOW.map(str::to_owned).to_vec();
        Self {
            users: UserRange { first: 210_000, count: 10_000 },
            user_ranges: UserRange { first: 655_360_000, count: 655_360_000 },
            keep_layers: Span(Duration::from_secs(30 * 24 * 3600)),
            keep_idle: Span(Duration::from_secs(300)),
            network: NetworkPolicy { mode: NetworkMode::Allow, allow, via: None },
            limits: LimitsConfig {
                memory: Some(ByteSize(8 << 30)),
                cpu_millis: None,
                processes: Some(4096),
                disk: Some(ByteSize(32 << 30)),
            },
            upload_limit: ByteSize(32 << 30),
            secrets: Vec::new(),
            etc: Vec::new(),
            mounts: Vec::new(),
            step_timeout: Span(Duration::from_secs(600)),
            system_timeout: Span(Duration::from_secs(30 * 60)),
            image_size: ByteSize(20 << 30),
            cache_size: ByteSize(10 << 30),
            cache_age: Span(Duration::from_secs(14 * 24 * 3600)),
        }
    }
}

/// What a workspace reaches by default: the models' own addresses, the registries of packages, and where code is kept.
const DEFAULT_ALLOW: [&str; 18] = [
    "api.anthropic.com:443",
    "api.openai.com:443",
    "generativelanguage.googleapis.com:443",
    "api.x.ai:443",
    "openrouter.ai:443",
    "registry.npmjs.org:443",
    "pypi.org:443",
    "files.pythonhosted.org:443",
    "index.crates.io:443",
    "static.crates.io:443",
    "crates.io:443",
    "proxy.golang.org:443",
    "sum.golang.org:443",
    "deb.debian.org:80",
    "security.debian.org:80",
    "github.com:443",
    "*.githubusercontent.com:443",
    "gitlab.com:443",
];

/// A range of user ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserRange {
    /// The first.
    pub first: u32,
    /// How many.
    pub count: u32,
}

/// `[workspaces.limits]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Memory.
    pub memory: Option<ByteSize>,
    /// Thousandths of a processor.
    pub cpu_millis: Option<u32>,
    /// Processes and threads.
    pub processes: Option<u32>,
    /// Files on disk.
    pub disk: Option<ByteSize>,
}

impl LimitsConfig {
    /// What a workspace gets that asks for `asked`.
    pub fn fill(&self, asked: WorkspaceLimits) -> WorkspaceLimits {
        WorkspaceLimits {
            memory: asked.memory.or(self.memory.map(|size| size.0)),
            cpu_millis: asked.cpu_millis.or(self.cpu_millis),
            processes: asked.processes.or(self.processes),
            disk: asked.disk.or(self.disk.map(|size| size.0)),
        }
    }
}

/// `[tailscale]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TailscaleConfig {
    /// The SOCKS5 server of `tailscaled`, on this machine. Absent: no workspace goes by it.
    pub socks5: Option<SocketAddr>,
    /// The socket at which `tailscaled` tells how it stands.
    pub socket: PathBuf,
}

impl Default for TailscaleConfig {
    fn default() -> Self {
        Self { socks5: None, socket: PathBuf::from("/var/run/tailscale/tailscaled.sock") }
    }
}

/// `[runs]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunsConfig {
    /// What one stream of one run may take on disk. Over it, output between the start and the latest part is dropped.
    pub spool_limit: ByteSize,
    /// How long the spool of an ended run is kept.
    pub keep: Span,
}

impl Default for RunsConfig {
    fn default() -> Self {
        Self { spool_limit: ByteSize(256 << 20), keep: Span(Duration::from_secs(30 * 24 * 3600)) }
    }
}

/// How log records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// `[telemetry]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryConfig {
    /// Which log records are written, in the syntax of `RUST_LOG`.
    pub log: String,
    /// How they are written.
    pub log_format: LogFormat,
    /// Where spans are sent by OTLP over HTTP: `http://localhost:4318`. Absent sends none.
    pub otlp_endpoint: Option<String>,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self { log: "info".to_owned(), log_format: LogFormat::Human, otlp_endpoint: None }
    }
}

/// `[[plugin]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginConfig {
    /// Its name; unique.
    pub id: PluginId,
    /// What it is for.
    pub kind: PluginKind,
    /// The component's file. A relative path is looked up beside the configuration file, then among the plugins
    /// that came with the server.
    pub component: PathBuf,
    /// What it may do. Nothing unless written here.
    #[serde(default)]
    pub grants: Grants,
    /// What a call may use.
    #[serde(default)]
    pub limits: PluginLimits,
    /// The plugin's own settings, checked against the schema in its manifest.
    #[serde(default)]
    pub config: toml::Table,
}

/// What one call of a plugin may use.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PluginLimits {
    /// Linear memory of an instance: at most [`PluginLimits::MOST_MEMORY`].
    pub memory: ByteSize,
    /// Time for a call, host calls included.
    pub deadline: Span,
    /// Host calls that one call may make.
    pub host_calls: u32,
}

impl PluginLimits {
    /// The most memory that any plugin can be given.
    pub const MOST_MEMORY: ByteSize = ByteSize(1 << 30);
}

impl Default for PluginLimits {
    fn default() -> Self {
        Self { memory: ByteSize(64 << 20), deadline: Span(Duration::from_secs(30)), host_calls: 10_000 }
    }
}
