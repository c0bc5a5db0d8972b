//! Landlock: files that a process may use, enforced by the kernel on it and all that it starts.

use std::{
    ffi::CString,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::PathBuf,
};

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, PathBeneath, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, Scope, path_beneath_rules,
};
use serde::{Deserialize, Serialize};

use super::{FileIdentity, Guard};
use crate::{LaunchFailure, sys::open_only};

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

    /// The rules as the kernel has them, for paths as the guarded process sees them. Absent: it has no Landlock.
    pub(super) fn ruleset(&self, guard: &Guard) -> Result<Option<OwnedFd>, LaunchFailure> {
        let (read, held_to_read) = outside(&self.read, guard)?;
        let (write, held_to_write) = outside(&self.write, guard)?;
        let make = || {
            let held = |directories: Vec<OwnedFd>, access| {
                directories.into_iter().map(move |directory| Ok(PathBeneath::new(directory, access)))
            };
            Ruleset::default()
                .set_compatibility(CompatLevel::BestEffort)
                .handle_access(AccessFs::from_all(NEWEST))?
                .scope(Scope::from_all(NEWEST))?
                .create()?
                .add_rules(path_beneath_rules(&read, AccessFs::from_read(NEWEST)))?
                .add_rules(path_beneath_rules(&write, AccessFs::from_all(NEWEST)))?
                .add_rules(held(held_to_read, AccessFs::from_read(NEWEST)))?
                .add_rules(held(held_to_write, AccessFs::from_all(NEWEST)))
        };
        let made = make().map_err(|error: RulesetError| LaunchFailure::system("making the rules for files", error))?;
        Ok(made.into())
    }
}

/// The files outside of the guarded process: paths, and directories that are held because others may change what lies on
/// the way to them.
fn outside(paths: &[PathBuf], guard: &Guard) -> Result<(Vec<PathBuf>, Vec<OwnedFd>), LaunchFailure> {
    let (mut plain, mut held) = (Vec::new(), Vec::new());
    for path in paths {
        match guard.mounted(path).and_then(|(mount, _)| Some((mount, mount.only?))) {
            Some((mount, FileIdentity { device, inode })) => {
                let failed = |reason: String| LaunchFailure::system("making the rules for files", reason);
                let from =
                    CString::new(mount.from.as_os_str().as_bytes()).map_err(|error| failed(error.to_string()))?;
                let directory = open_only(&from, (device, inode));
                held.push(directory.map_err(|error| failed(format!("{}: {error}", mount.from.display())))?);
            }
            None => plain.push(guard.outside(path)),
        }
    }
    Ok((plain, held))
}
