//! Containers of this machine that were looked at and still run. An engine takes milliseconds to describe a container; the kernel
//! tells in microseconds whether the process is still there that the description was about.

use std::{
    collections::HashMap,
    fs,
    sync::{Mutex, PoisonError},
};

use bollard::models::ContainerStateStatusEnum;
use sandboxed_model::WorkspaceId;
use serde::{Deserialize, Serialize};

use crate::{Engine, container::Container, machine::shows};

/// A workspace's container that ran when the engine was asked. It may be handed to another process of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownContainer {
    id: String,
    /// Its first process and when that started, in the kernel's clock ticks since boot.
    pid: i32,
    started: u64,
    spec: Option<String>,
}

/// What is known of all workspaces.
#[derive(Default)]
pub(crate) struct Known(Mutex<HashMap<WorkspaceId, KnownContainer>>);

impl KnownContainer {
    fn of(container: &Container) -> Option<Self> {
        if container.status != Some(ContainerStateStatusEnum::RUNNING) {
            return None;
        }
        let pid = container.pid.and_then(|pid| i32::try_from(pid).ok())?;
        let known = Self { id: container.id.clone(), pid, started: started(pid)?, spec: container.spec.clone() };
        known.runs().then_some(known)
    }

    /// Whether it was made from what has this digest.
    pub(crate) fn is_of(&self, spec: Option<&str>) -> bool {
        self.spec.is_some() && self.spec.as_deref() == spec
    }

    fn runs(&self) -> bool {
        // A number means nothing by itself: it may have come to mean another process, and the engine may count otherwise.
        shows(self.pid, &self.id) && started(self.pid) == Some(self.started)
    }
}

impl Known {
    fn map(&self) -> std::sync::MutexGuard<'_, HashMap<WorkspaceId, KnownContainer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// The workspace's container as it was last seen, if it still runs.
    pub fn known_container(&self, workspace: WorkspaceId) -> Option<KnownContainer> {
        let mut known = self.known().map();
        let found = known.get(&workspace)?;
        if found.runs() {
            return Some(found.clone());
        }
        known.remove(&workspace);
        None
    }

    /// Takes over what another process of this machine knows.
    pub(crate) fn know(&self, workspace: WorkspaceId, container: Option<KnownContainer>) {
        if let Some(container) = container.filter(|_| self.socket().is_some()) {
            self.known().map().insert(workspace, container);
        }
    }

    /// Remembers a container that was seen just now.
    pub(crate) fn remember(&self, workspace: WorkspaceId, container: &Container) {
        let known = KnownContainer::of(container).filter(|_| self.socket().is_some());
        let mut all = self.known().map();
        match known {
            Some(known) => all.insert(workspace, known),
            None => all.remove(&workspace),
        };
    }
}

impl From<KnownContainer> for Container {
    fn from(known: KnownContainer) -> Self {
        Self {
            id: known.id,
            status: Some(ContainerStateStatusEnum::RUNNING),
            pid: Some(known.pid.into()),
            spec: known.spec,
            programs: Vec::new(),
            oom_killed: false,
            exit_code: None,
        }
    }
}

/// When a process started. Absent: it is gone, or about to be.
fn started(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program, in parentheses, may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") { None } else { fields.nth(18)?.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_told_from_a_later_one_of_its_number() {
        let own = i32::try_from(std::process::id()).unwrap();
        let group = crate::machine::groups(own).unwrap().lines().next().unwrap().to_owned();
        let known = KnownContainer { id: group, pid: own, started: started(own).unwrap(), spec: None };

        assert!(known.runs());
        assert!(!KnownContainer { started: known.started + 1, ..known.clone() }.runs());
        assert!(!KnownContainer { id: "another".to_owned(), ..known }.runs());
    }
}
