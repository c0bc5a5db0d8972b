//! Plugins as people see them.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Failure, PluginId, Timestamp, grant::Grants};

/// What a plugin is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PluginKind {
    /// Makes workspaces.
    Backend,
    /// Drives agents.
    Harness,
    /// Offers tools.
    Tools,
}

impl PluginKind {
    /// The name in TOML and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Backend => "backend",
            Self::Harness => "harness",
            Self::Tools => "tools",
        }
    }
}

impl fmt::Display for PluginKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How well a plugin is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PluginHealth {
    /// It works.
    Ready,
    /// It failed of late and is still used.
    Degraded,
    /// It failed too often: calls are refused until the back-off ends or it is reloaded.
    Quarantined,
    /// It could not be loaded.
    Disabled,
}

/// One interface that a plugin's component imports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginImport {
    /// The interface with its version: `sandboxed:host/log@0.1.0`.
    pub interface: String,
    /// What it lets the plugin do, in plain words.
    pub meaning: String,
    /// The line in the plugin's table of `sandboxed.toml` that grants it; absent where no grant is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// Whether it is granted (always true where no grant is needed).
    pub granted: bool,
}

/// What a plugin asks for in its manifest, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginRequest {
    /// The grant's name: `run`, `fetch`, `log` …
    pub grant: String,
    /// The values asked for; empty where the grant has none.
    #[serde(default)]
    pub values: Vec<String>,
    /// Why.
    pub why: String,
}

/// How a plugin has been used since the server started.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct PluginCounters {
    /// Calls made.
    pub calls: u64,
    /// Calls that returned a failure.
    pub failures: u64,
    /// Calls that trapped, ran out of time or out of memory.
    pub traps: u64,
    /// Times it was loaded anew.
    pub reloads: u64,
}

/// How the version in use does that has to prove itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginTrial {
    /// When it came into use.
    pub since: Timestamp,
    /// When it counts as good.
    pub until: Timestamp,
    /// Calls of it that trapped.
    pub traps: u32,
    /// With more of them it is rolled back.
    pub traps_allowed: u32,
}

/// A version of a plugin that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginVersion {
    /// SHA-256 of the component, in hex.
    pub digest: String,
    /// The version in its manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// A plugin as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginInfo {
    /// Its name.
    pub id: PluginId,
    /// What it is for.
    pub kind: PluginKind,
    /// The component's file as configured.
    pub component: String,
    /// SHA-256 of the component, in hex; absent when it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The version in its manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The description in its manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How well it is.
    pub health: PluginHealth,
    /// Why it is not ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Failure>,
    /// The version in use is on trial; absent where it has proved itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<PluginTrial>,
    /// The version before the one in use, which can be gone back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<PluginVersion>,
    /// What the operator granted.
    pub grants: Grants,
    /// What its manifest asks for.
    pub requests: Vec<PluginRequest>,
    /// What its component imports.
    pub imports: Vec<PluginImport>,
    /// How it has been used.
    pub counters: PluginCounters,
    /// When the version in use was loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loaded_at: Option<Timestamp>,
}
