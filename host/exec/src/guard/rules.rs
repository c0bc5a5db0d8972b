//! Landlock: files that a process may use, enforced by the kernel on it and all that it starts.

use std::{os::fd::OwnedFd, path::PathBuf};

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr, Scope, path_beneath_rules,
};
use serde::{Deserialize, Serialize};

use super::Guard;
use crate::LaunchFailure;

/// Files that a process may use. What is not below one of the paths is out of its reach. Paths that do not exist are
/// passed over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathRules {
    /// Files and directories to read and to run programs from.
    pub read: Vec<PathBuf>,
    /// Files and directories to do anything with.
    pub write: Vec<PathBuf>,
}

/// The newest rights that are known here; a kernel that knows fewer enforces those (compatibility of the crate).
const NEWEST: ABI = ABI::V6;

impl PathRules {
    /// Whether the kernel enforces rules at all.
    pub fn are_enforced_here() -> bool {
        Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(ABI::V1))
            .is_ok_and(|rules| rules.create().is_ok())
    }

    /// The same files, by their paths outside of the guarded process.
    pub(super) fn seen_by(&self, guard: &Guard) -> Self {
        let outside = |paths: &[PathBuf]| paths.iter().map(|path| guard.outside(path)).collect();
        Self { read: outside(&self.read), write: outside(&self.write) }
    }

    /// The rules as the kernel has them. Absent: it has no Landlock.
    pub(super) fn ruleset(&self) -> Result<Option<OwnedFd>, LaunchFailure> {
        let make = || {
            Ruleset::default()
                .set_compatibility(CompatLevel::BestEffort)
                .handle_access(AccessFs::from_all(NEWEST))?
                .scope(Scope::from_all(NEWEST))?
                .create()?
                .add_rules(path_beneath_rules(&self.read, AccessFs::from_read(NEWEST)))?
                .add_rules(path_beneath_rules(&self.write, AccessFs::from_all(NEWEST)))
        };
        let made = make().map_err(|error| LaunchFailure::system("making the rules for files", error))?;
        Ok(made.into())
    }
}
