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
        let counted = groups(pid).and_then(|groups| {
            groups.lines().find_map(|line| {
                let mut fields = line.splitn(3, ':').skip(1);
                let (controllers, group) = (fields.next()?, fields.next()?.trim_start_matches('/'));
                let file = match controllers {
                    "" => Path::new("/sys/fs/cgroup").join(group).join("memory.events"),
                    _ if controllers.split(',').any(|name| name == "memory") => {
                        Path::new("/sys/fs/cgroup/memory").join(group).join("memory.oom_control")
                    }
                    _ => return None,
                };
                let text = fs::read_to_string(file).ok()?;
                text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
            })
        });
        Ok(counted)
    }
}

/// The control groups of a process.
fn groups(pid: i32) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()
}
