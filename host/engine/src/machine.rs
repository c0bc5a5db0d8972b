//! A container as the kernel of this machine shows it, where the engine is on this machine and its processes can be seen.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use nix::unistd::Uid;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use sandboxed_model::WorkspaceId;

use crate::{Engine, Error, RUN_VARIABLE};

/// Looks at a container's processes after which they are made to stand still: they multiply faster than they are killed.
const LOOKS: u32 = 50;

/// How long killed processes may take to be gone.
const WITHIN: Duration = Duration::from_secs(10);

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
        Ok(pid.filter(|&pid| shows(pid, &container.id)))
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

impl Engine {
    /// Does what [`Engine::kill_run`] does from outside, which needs neither a shell nor room for a process in the
    /// container. False where it cannot be done: the engine is elsewhere, or this process is not root.
    pub(crate) async fn machine_kill(&self, workspace: WorkspaceId, mark: &str) -> Result<bool, Error> {
        if !Uid::effective().is_root() {
            return Ok(false);
        }
        let container = self.own_running(workspace).await?;
        let Some(first) = self.first_process(workspace).await? else { return Ok(false) };
        let Some(list) = file(first, "pids", "cgroup.procs").or_else(|| file(first, "", "cgroup.procs")) else {
            return Ok(false);
        };
        let hunt = |looks| {
            let (list, id, mark) = (list.clone(), container.id.clone(), format!("{RUN_VARIABLE}={mark}"));
            tokio::task::spawn_blocking(move || hunt(&list, &id, mark.as_bytes(), looks))
        };
        let broken = |reason: String| Error::Connection { what: "kill a run", reason };
        let done = async |looks| -> Result<bool, Error> {
            let hunted = hunt(looks).await.map_err(|error| broken(error.to_string()))?;
            hunted.map_err(|error| broken(error.to_string()))
        };
        if done(LOOKS).await? {
            return Ok(true);
        }
        // What stands still has no children, and dies as soon as it moves again.
        self.call("pause a container", self.docker().pause_container(&container.id)).await?;
        let looked = done(1).await;
        self.call("wake a container", self.docker().unpause_container(&container.id)).await?;
        looked?;
        done(u32::MAX).await
    }
}

/// Kills what is in the list and carries the mark. True when two looks in a row found nothing; false when so many did not
/// suffice. Blocks.
fn hunt(list: &Path, container: &str, mark: &[u8], looks: u32) -> io::Result<bool> {
    let give_up = Instant::now() + WITHIN;
    let (mut clean, mut looked) = (0, 0);
    while looked < looks && Instant::now() < give_up {
        looked += 1;
        let pids = match fs::read_to_string(list) {
            Ok(pids) => pids,
            // The container has ended, and all that was in it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
            Err(error) => return Err(error),
        };
        let found = pids.lines().filter_map(|pid| pid.parse().ok()).filter(|&pid| kill(pid, container, mark)).count();
        if found > 0 {
            clean = 0;
            std::thread::sleep(Duration::from_millis(1));
            continue;
        }
        clean += 1;
        if clean == 2 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Kills the process if it is one of the container's and carries the mark. True if it was.
fn kill(number: i32, container: &str, mark: &[u8]) -> bool {
    let Some(pid) = Pid::from_raw(number) else { return false };
    // From here on it cannot come to mean another process.
    let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
    let own = shows(number, container);
    let environ = || fs::read(format!("/proc/{number}/environ")).unwrap_or_default();
    own && environ().split(|&byte| byte == 0).any(|one| one == mark) && pidfd_send_signal(handle, Signal::KILL).is_ok()
}

/// Whether the kernel of this machine shows a process under this number that is in this container.
pub(crate) fn shows(pid: i32, container: &str) -> bool {
    groups(pid).is_some_and(|groups| groups.contains(container))
}

/// The control groups of a process.
pub(crate) fn groups(pid: i32) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()
}

/// A file of the process's group in the hierarchy of this controller (`""` is version 2), where it is mounted as usual.
fn counter(pid: i32, controller: &str, name: &str) -> Option<String> {
    fs::read_to_string(file(pid, controller, name)?).ok()
}

/// The same by its path.
fn file(pid: i32, controller: &str, name: &str) -> Option<PathBuf> {
    let groups = groups(pid)?;
    let group = groups.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, group) = (fields.next()?, fields.next()?);
        controllers.split(',').any(|one| one == controller).then(|| group.trim_start_matches('/'))
    })?;
    let path = Path::new("/sys/fs/cgroup").join(controller).join(group).join(name);
    path.exists().then_some(path)
}
