//! A container as the kernel of this machine shows it, where the engine is on this machine and its processes can be seen.

use std::{fs, path::Path};

use sandboxed_model::WorkspaceId;

use crate::{Engine, Error};

impl Engine {
    /// The first process of the workspace's container, by its number on this machine. Absent where it cannot be told for
    /// sure: the engine is elsewhere, or shows its processes under other numbers.
    ///
    /// # Errors
    /// The container is absent, foreign or not running; the engine fails.
    pub async fn first_process(&self, workspace: WorkspaceId) -> Result<Option<i32>, Error> {
        let container = self.own_running(workspace).await?;
        let pid = container.pid.and_then(|pid| i32::try_from(pid).ok()).filter(|_| self.socket().is_some());
        // A number means nothing by itself: the engine may be in another container than this process.
        Ok(pid.filter(|&pid| groups(pid).is_some_and(|groups| groups.contains(&container.id))))
    }

    /// What [`Engine::oom_kills`] tells, read from the control group. Absent where it cannot be seen.
    pub(crate) async fn machine_oom_kills(&self, workspace: WorkspaceId) -> Result<Option<u64>, Error> {
        let Some(pid) = self.first_process(workspace).await? else { return Ok(None) };
        let named = |text: String| text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok());
        Ok(counter(pid, "memory", "memory.oom_control")
            .and_then(named)
            .or_else(|| counter(pid, "", "memory.events").and_then(named)))
    }

    /// How many processes and threads the workspace's container has, read from the control group. Absent where it cannot
    /// be seen.
    pub(crate) async fn machine_processes(&self, workspace: WorkspaceId) -> Result<Option<u64>, Error> {
        let Some(pid) = self.first_process(workspace).await? else { return Ok(None) };
        let found = counter(pid, "pids", "pids.current").or_else(|| counter(pid, "", "pids.current"));
        Ok(found.and_then(|text| text.trim().parse().ok()))
    }
}

/// The control groups of a process.
fn groups(pid: i32) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()
}

/// A file of the process's group in the hierarchy of this controller (`""` is version 2), where it is mounted as usual.
fn counter(pid: i32, controller: &str, file: &str) -> Option<String> {
    let groups = groups(pid)?;
    let group = groups.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, group) = (fields.next()?, fields.next()?);
        controllers.split(',').any(|name| name == controller).then(|| group.trim_start_matches('/'))
    })?;
    fs::read_to_string(Path::new("/sys/fs/cgroup").join(controller).join(group).join(file)).ok()
}
