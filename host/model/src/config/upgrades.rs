//! What the configuration says of new versions of plugins.

use std::time::Duration;

use serde::Deserialize;

use super::Span;

/// `[upgrades]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UpgradesConfig {
    /// How long a new version of a plugin is on trial. 0 tries none: a new version counts as good at once.
    pub trial: Span,
    /// How many calls of a version on trial may trap. With one more the version before takes its place.
    pub traps: u32,
}

impl Default for UpgradesConfig {
    fn default() -> Self {
        Self { trial: Span(Duration::from_secs(600)), traps: 3 }
    }
}
