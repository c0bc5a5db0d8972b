//! What goes into a workspace besides its backend: variables, directories of the machine, and what is run when it is made.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, MapAccess, Visitor},
};
use utoipa::ToSchema;

use crate::{
    PluginId,
    account::AccountName,
    context::{McpServer, McpServerName, SkillName},
    port::{self, DeclaredPort},
    workspace::{NetworkPolicy, WorkspaceLimits},
};

/// Names of variables that the backend or the server sets, whatever a workspace says.
const RESERVED: [&str; 16] = [
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TERM",
    "PWD",
    "OLDPWD",
    "SHLVL",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "FTP_PROXY",
    "NODE_USE_ENV_PROXY",
    "BASH_ENV",
    "ENV",
];
/// Beginnings of names that are kept back: the loader's, which change what every program is, and the server's own.
const RESERVED_BEGINNINGS: [&str; 2] = ["LD_", "SANDBOXED_"];

/// The name of a variable that a workspace may have: a letter or `_`, then letters, digits and `_`, 128 at most; none that
/// the backend or the server sets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
pub struct VariableName(String);

/// A text that is not the name of a variable of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidVariableName {
    /// No shell could use it.
    #[error("{0:?} is no name of a variable: a letter or _, then letters, digits and _, 128 at most")]
    Malformed(String),
    /// It is not a workspace's to set.
    #[error("the variable {0} is set by the backend or the server and cannot be set for a workspace")]
    Reserved(String),
}

impl VariableName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for VariableName {
    type Err = InvalidVariableName;

    fn from_str(text: &str) -> Result<Self, InvalidVariableName> {
        let valid = text.len() <= 128
            && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !valid {
            return Err(InvalidVariableName::Malformed(text.chars().take(64).collect()));
        }
        // Programs read the proxies' variables in either case.
        let upper = text.to_ascii_uppercase();
        let proxy = upper.ends_with("_PROXY");
        if (proxy && RESERVED.contains(&upper.as_str()))
            || RESERVED.contains(&text)
            || RESERVED_BEGINNINGS.iter().any(|beginning| text.starts_with(beginning))
        {
            return Err(InvalidVariableName::Reserved(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for VariableName {
    type Error = InvalidVariableName;

    fn try_from(text: String) -> Result<Self, InvalidVariableName> {
        text.parse()
    }
}

impl From<VariableName> for String {
    fn from(name: VariableName) -> Self {
        name.0
    }
}

impl fmt::Display for VariableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The value of a variable of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum EnvValue {
    /// The value itself.
    Plain(String),
    /// The value of a secret, which is put in place when a process is started.
    Secret {
        /// The name of the secret.
        secret: String,
    },
    /// The path of a file in memory that holds the value of a secret: in no other process's sight, and on no disk. Processes
    /// find it that inherit open files.
    SecretFile {
        /// The name of the secret.
        secret_file: String,
    },
}

impl EnvValue {
    /// The name of the secret, if it is one.
    pub fn secret(&self) -> Option<&str> {
        match self {
            Self::Plain(_) => None,
            Self::Secret { secret } | Self::SecretFile { secret_file: secret } => Some(secret),
        }
    }
}

impl<'de> Deserialize<'de> for EnvValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = EnvValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, { secret = \"NAME\" } or { secret_file = \"NAME\" }")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<EnvValue, E> {
                Ok(EnvValue::Plain(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<EnvValue, A::Error> {
                let (mut secret, mut secret_file) = (None, None);
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "secret" if secret.is_none() => secret = Some(map.next_value()?),
                        "secret" => return Err(de::Error::duplicate_field("secret")),
                        "secret_file" if secret_file.is_none() => secret_file = Some(map.next_value()?),
                        "secret_file" => return Err(de::Error::duplicate_field("secret_file")),
                        other => return Err(de::Error::unknown_field(other, &["secret", "secret_file"])),
                    }
                }
                match (secret, secret_file) {
                    (Some(secret), None) => Ok(EnvValue::Secret { secret }),
                    (None, Some(secret_file)) => Ok(EnvValue::SecretFile { secret_file }),
                    (None, None) => Err(de::Error::missing_field("secret")),
                    (Some(_), Some(_)) => Err(de::Error::custom("a variable is secret or secret_file, and not both")),
                }
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// A directory of the server's machine that a workspace sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// The directory: an absolute path without links, below a directory of `workspaces.mounts`.
    pub source: String,
    /// Where processes find it: `/mnt/NAME`. With the backend host, which has no `/mnt` of its own, it is
    /// `/run/sandboxed-sh/workspace/mnt-NAME` where the server is root, and else the source itself.
    pub target: String,
    /// Whether they may write to it. What they write, every other user of the directory sees.
    #[serde(default)]
    pub writable: bool,
}

/// A script that is run in a workspace when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InitStep {
    /// What it does, in a few words on one line: 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// What `sh -e` runs, in the workspace's tree: 64 KiB at most.
    #[schema(min_length = 1, max_length = 65536)]
    pub script: String,
    /// Seconds that it may take: 1 to 86,400. Absent: `workspaces.step_timeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 86_400)]
    pub timeout_secs: Option<u32>,
    /// Whether its result is kept for other workspaces. Absent: if making it took clearly longer than copying it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<bool>,
    /// Variables of the workspace whose values are secrets and which it gets. It gets no others of these. What it makes,
    /// and what steps after it make, is kept for no other workspace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<VariableName>,
}

/// What goes into a workspace besides its backend.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Recipe {
    /// Variables of all its processes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<VariableName, EnvValue>,
    /// Directories of the machine that it sees.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
    /// Scripts that are run in it, in this order, when it is made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub init: Vec<InitStep>,
    /// Accounts of providers whose keys are in the environment of its missions themselves, and not behind the gateway: every
    /// process of them can read these keys, and nothing of what they use is counted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 16)]
    pub direct_keys: Vec<AccountName>,
    /// What agents of its missions are to keep to, besides what repositories say: 64 KiB at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 65536)]
    pub instructions: Option<String>,
    /// Skills of the library that they have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 64)]
    pub skills: Vec<SkillName>,
    /// Servers of tools (Model Context Protocol) that they use, by the names that they have there: 32 at most.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub mcp_servers: BTreeMap<McpServerName, McpServer>,
}

impl Recipe {
    /// Steps that there may be.
    pub const MAX_STEPS: usize = 64;
    /// Variables, and directories, that there may be.
    pub const MAX_ENTRIES: usize = 256;
    /// Accounts whose keys there may be.
    pub const MAX_DIRECT_KEYS: usize = 16;
    /// Skills that there may be.
    pub const MAX_SKILLS: usize = 64;
    /// Servers of tools that there may be.
    pub const MAX_MCP_SERVERS: usize = 32;
    /// The longest instructions, in bytes.
    pub const MAX_INSTRUCTIONS: usize = 64 << 10;
    /// The longest value of a variable, in bytes.
    const MAX_VALUE: usize = 32 << 10;
    const MAX_SCRIPT: usize = 64 << 10;

    /// Says what in it can never work, whatever the machine.
    pub fn problem(&self) -> Option<String> {
        if self.env.len() > Self::MAX_ENTRIES || self.mounts.len() > Self::MAX_ENTRIES {
            return Some(format!("there can be {} variables and as many mounts", Self::MAX_ENTRIES));
        }
        if self.init.len() > Self::MAX_STEPS {
            return Some(format!("there can be {} init steps", Self::MAX_STEPS));
        }
        if self.direct_keys.len() > Self::MAX_DIRECT_KEYS {
            return Some(format!("there can be the keys of {} accounts", Self::MAX_DIRECT_KEYS));
        }
        let variables = self.env.iter().find_map(|(name, value)| value_problem(name, value));
        let mounts = || self.mounts.iter().enumerate().find_map(|(place, mount)| self.mount_problem(place, mount));
        let steps = || self.init.iter().find_map(|step| self.step_problem(step));
        variables.or_else(mounts).or_else(steps).or_else(|| self.context_problem())
    }

    fn context_problem(&self) -> Option<String> {
        let long = |text: &String| text.len() > Self::MAX_INSTRUCTIONS || text.contains('\0');
        if self.instructions.as_ref().is_some_and(long) {
            return Some("the instructions are longer than 64 KiB or hold a NUL character".to_owned());
        }
        if self.skills.len() > Self::MAX_SKILLS || self.mcp_servers.len() > Self::MAX_MCP_SERVERS {
            return Some(format!(
                "there can be {} skills and {} servers of tools",
                Self::MAX_SKILLS,
                Self::MAX_MCP_SERVERS
            ));
        }
        let variables: BTreeSet<_> = self.mcp_servers.keys().map(McpServerName::token_variable).collect();
        if variables.len() < self.mcp_servers.len() {
            return Some("two servers of tools have names that differ by - and _ alone".to_owned());
        }
        self.mcp_servers.iter().find_map(|(name, server)| server.problem(name))
    }

    fn mount_problem(&self, place: usize, Mount { source, target, .. }: &Mount) -> Option<String> {
        let plain = source.starts_with('/')
            && source.len() <= 4096
            && !source.contains('\0')
            && source[1..].split('/').all(|part| !matches!(part, "" | "." | ".."));
        if !plain {
            return Some(format!("the source {source:?} of a mount is no absolute path without . and .."));
        }
        let name = target.strip_prefix("/mnt/").unwrap_or_default();
        let named = (1..=100).contains(&name.len())
            && !name.starts_with('.')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if !named {
            return Some(format!(
                "the target {target:?} of a mount is not /mnt/NAME, with a NAME of a-z, 0-9, ., _ and -"
            ));
        }
        let twice = self.mounts[..place].iter().any(|other| other.target == *target);
        twice.then(|| format!("two mounts have the target {target}"))
    }

    fn step_problem(&self, step: &InitStep) -> Option<String> {
        let name = &step.name;
        if name.trim().is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
            return Some(format!("the name {name:?} of an init step has not 1 to 100 characters on one line"));
        }
        if step.script.trim().is_empty() || step.script.len() > Self::MAX_SCRIPT || step.script.contains('\0') {
            return Some(format!("the script of the init step {name:?} is empty, longer than 64 KiB, or no text"));
        }
        if step.timeout_secs.is_some_and(|seconds| !(1..=86_400).contains(&seconds)) {
            return Some(format!("timeout_secs of the init step {name:?} lies between 1 and 86,400"));
        }
        let unknown = step.secrets.iter().find(|name| self.env.get(name).and_then(EnvValue::secret).is_none());
        unknown.map(|variable| {
            format!("the init step {name:?} asks for the secret {variable}, which is no variable of the workspace with a secret")
        })
    }
}

fn value_problem(name: &VariableName, value: &EnvValue) -> Option<String> {
    match value {
        EnvValue::Plain(value) if value.len() > Recipe::MAX_VALUE || value.contains('\0') => {
            Some(format!("the value of the variable {name} is longer than 32 KiB or holds a NUL character"))
        }
        EnvValue::Secret { secret } | EnvValue::SecretFile { secret_file: secret }
            if secret.is_empty() || secret.len() > 200 || secret.contains('\0') =>
        {
            Some(format!("the variable {name} names no secret"))
        }
        _ => None,
    }
}

/// Everything that a workspace may be made with: what a template holds, and what is said beside it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Blueprint {
    /// The backend that isolates it; absent takes the configured default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<PluginId>,
    /// Options for the backend, by its own schema.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    #[schema(value_type = Object)]
    pub options: serde_json::Map<String, serde_json::Value>,
    /// What it reaches; absent takes the configured default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkPolicy>,
    /// What its processes may use together; what is absent takes the configured default.
    #[serde(skip_serializing_if = "is_default")]
    pub limits: WorkspaceLimits,
    /// Ports that are known before anything listens on them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<DeclaredPort>,
    /// Variables of all its processes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<VariableName, EnvValue>,
    /// Directories of the machine that it sees.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
    /// Scripts that are run in it, in this order, when it is made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub init: Vec<InitStep>,
    /// Accounts of providers whose keys are in the environment of its missions themselves, and not behind the gateway: every
    /// process of them can read these keys, and nothing of what they use is counted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 16)]
    pub direct_keys: Vec<AccountName>,
    /// What agents of its missions are to keep to, besides what repositories say: 64 KiB at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 65536)]
    pub instructions: Option<String>,
    /// Skills of the library that they have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 64)]
    pub skills: Vec<SkillName>,
    /// Servers of tools (Model Context Protocol) that they use, by the names that they have there: 32 at most.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub mcp_servers: BTreeMap<McpServerName, McpServer>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Blueprint {
    /// This with what `said` says in its place: options, limits and variables one by one, a mount by its target, a port by
    /// its name or its number, a server of tools by its name, and further init steps and instructions after these.
    #[must_use]
    pub fn with(mut self, said: Self) -> Self {
        self.backend = said.backend.or(self.backend);
        self.network = said.network.or(self.network);
        self.options.extend(said.options);
        self.limits = said.limits.or(self.limits);
        self.ports.retain(|port| said.ports.iter().all(|other| other.name != port.name && other.port != port.port));
        self.ports.extend(said.ports);
        self.env.extend(said.env);
        self.mounts.retain(|mount| said.mounts.iter().all(|other| other.target != mount.target));
        self.mounts.extend(said.mounts);
        self.init.extend(said.init);
        self.direct_keys.retain(|account| !said.direct_keys.contains(account));
        self.direct_keys.extend(said.direct_keys);
        self.instructions = match (self.instructions, said.instructions) {
            (Some(first), Some(then)) => Some(format!("{first}\n\n{then}")),
            (first, then) => then.or(first),
        };
        self.skills.retain(|skill| !said.skills.contains(skill));
        self.skills.extend(said.skills);
        self.mcp_servers.extend(said.mcp_servers);
        self
    }

    /// What goes into the workspace besides its backend.
    pub fn recipe(&self) -> Recipe {
        Recipe {
            env: self.env.clone(),
            mounts: self.mounts.clone(),
            init: self.init.clone(),
            direct_keys: self.direct_keys.clone(),
            instructions: self.instructions.clone(),
            skills: self.skills.clone(),
            mcp_servers: self.mcp_servers.clone(),
        }
    }

    /// Says what in it can never work, whatever the machine.
    pub fn problem(&self) -> Option<String> {
        let limits = self.limits.problem().map(str::to_owned);
        limits.or_else(|| port::problem_of(&self.ports)).or_else(|| self.recipe().problem())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(source: &str, target: &str) -> Mount {
        Mount { source: source.to_owned(), target: target.to_owned(), writable: false }
    }

    fn step(name: &str) -> InitStep {
        InitStep {
            name: name.to_owned(),
            script: "true".to_owned(),
            timeout_secs: None,
            cache: None,
            secrets: Vec::new(),
        }
    }

    #[test]
    fn names_that_the_backend_or_the_server_sets_are_kept_back() {
        for reserved in ["HOME", "LD_PRELOAD", "SANDBOXED_SH_RUN", "http_proxy", "Https_Proxy", "NO_PROXY", "ENV"] {
            let error = reserved.parse::<VariableName>().unwrap_err();
            assert_eq!(error, InvalidVariableName::Reserved(reserved.to_owned()));
        }
        for malformed in ["", "1A", "A-B", "A=B", "Ä", "A B"] {
            assert!(matches!(malformed.parse::<VariableName>(), Err(InvalidVariableName::Malformed(_))), "{malformed}");
        }
        for free in ["PATH", "LANG", "_x", "home", "MY_PROXY_HOST", "A1"] {
            assert!(free.parse::<VariableName>().is_ok(), "{free}");
        }
    }

    #[test]
    fn a_value_is_a_text_or_names_a_secret() {
        let read = |json: &str| serde_json::from_str::<EnvValue>(json);
        assert_eq!(read(r#""x""#).unwrap(), EnvValue::Plain("x".to_owned()));
        assert_eq!(read(r#"{"secret":"key"}"#).unwrap().secret(), Some("key"));
        assert_eq!(read(r#"{"secret_file":"key"}"#).unwrap(), EnvValue::SecretFile { secret_file: "key".to_owned() });
        assert!(read(r#"{"secret_file":"key","secret":"key"}"#).is_err());
        for wrong in ["1", "{}", r#"{"secret":"a","b":1}"#, r#"["key"]"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_can_never_work_is_told() {
        let with_mounts = |mounts: Vec<Mount>| Recipe { mounts, ..Recipe::default() }.problem();
        for source in ["relative", "/", "/srv/../etc", "/srv//x", "/srv/", "/srv/\0"] {
            assert!(with_mounts(vec![mount(source, "/mnt/x")]).is_some(), "{source}");
        }
        for target in ["/workspace", "/mnt", "/mnt/", "/mnt/a/b", "/mnt/..", "mnt/x"] {
            assert!(with_mounts(vec![mount("/srv/x", target)]).is_some(), "{target}");
        }
        assert!(with_mounts(vec![mount("/srv/x", "/mnt/x"), mount("/srv/y", "/mnt/x")]).is_some());
        assert_eq!(with_mounts(vec![mount("/srv/x", "/mnt/x"), mount("/srv/x", "/mnt/y")]), None);

        let with_step = |step: InitStep| Recipe { init: vec![step], ..Recipe::default() }.problem();
        assert_eq!(with_step(step("install")), None);
        assert!(with_step(step("two\nlines")).is_some());
        assert!(with_step(InitStep { timeout_secs: Some(0), ..step("x") }).is_some());
        assert!(with_step(InitStep { secrets: vec!["KEY".parse().unwrap()], ..step("x") }).is_some());
    }

    #[test]
    fn what_is_said_beside_a_template_counts_and_the_rest_of_it_stays() {
        let template: Blueprint = serde_json::from_str(
            r#"{"backend":"host","options":{"a":1,"b":1},"ports":[{"name":"web","port":80},{"name":"api","port":81},
                {"name":"db","port":82}],"limits":{"processes":10,"memory":40000000},
                "env":{"A":"1","B":"1"},"mounts":[{"source":"/srv/a","target":"/mnt/a"}],
                "init":[{"name":"one","script":"true"}]}"#,
        )
        .unwrap();
        let said: Blueprint = serde_json::from_str(
            r#"{"options":{"b":2},"ports":[{"name":"web","port":90},{"name":"own","port":81}],"limits":{"processes":20},"env":{"B":"2"},
                "mounts":[{"source":"/srv/b","target":"/mnt/a"}],"init":[{"name":"two","script":"true"}]}"#,
        )
        .unwrap();

        let both = template.with(said);

        assert_eq!(both.backend.as_ref().map(PluginId::as_str), Some("host"));
        assert_eq!(serde_json::Value::Object(both.options.clone()), serde_json::json!({ "a": 1, "b": 2 }));
        assert_eq!((both.limits.processes, both.limits.memory), (Some(20), Some(40_000_000)));
        let values: Vec<_> = both.env.values().cloned().collect();
        assert_eq!(values, [EnvValue::Plain("1".to_owned()), EnvValue::Plain("2".to_owned())]);
        assert_eq!(both.mounts, [mount("/srv/b", "/mnt/a")]);
        let ports: Vec<_> = both.ports.iter().map(|port| (port.name.to_string(), port.port.get())).collect();
        assert_eq!(ports, [("db".to_owned(), 82), ("web".to_owned(), 90), ("own".to_owned(), 81)]);
        let steps: Vec<_> = both.init.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(steps, ["one", "two"]);
    }
}
