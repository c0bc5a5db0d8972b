//! What a workspace's container uses.

use std::time::Duration;

use bollard::query_parameters::StatsOptions;
use futures_util::StreamExt;
use sandboxed_model::WorkspaceId;

use crate::{Engine, Error, ExecUser};

/// Prints the kernel's counter from where cgroups of version 1 or 2 keep it.
const OOM_SCRIPT: &str = "for file in /sys/fs/cgroup/memory/memory.oom_control /sys/fs/cgroup/memory.events; do
  [ -r $file ] && while read -r key value; do [ $key = oom_kill ] && echo $value; done <$file
done; :";

/// What a workspace's container uses, at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Processor time since its start, of all processors together.
    pub cpu: Duration,
    /// Bytes of memory, without the files that the kernel would drop first.
    pub memory: u64,
    /// Bytes of memory that it may use: its limit, or the machine's memory.
    pub memory_limit: u64,
    /// Processes and threads.
    pub processes: u64,
    /// Bytes that came in by network since its start.
    pub received: u64,
    /// Bytes that went out by network since its start.
    pub sent: u64,
}

impl Engine {
    /// Asks what the workspace's container uses.
    ///
    /// # Errors
    /// The container is absent, foreign or not running; the engine fails.
    pub async fn stats(&self, workspace: WorkspaceId) -> Result<Stats, Error> {
        let what = "ask what a container uses";
        let container = self.own_running(workspace).await?;
        // One sample: the engine waits a second for a second one otherwise.
        let options = StatsOptions { stream: false, one_shot: true };
        let mut samples = self.docker().stats(&container.id, Some(options)).boxed();
        let next = async { samples.next().await.transpose() };
        let sample = self
            .call(what, next)
            .await?
            .ok_or_else(|| Error::Connection { what, reason: "the answer is empty".into() })?;
        let memory = sample.memory_stats.unwrap_or_default();
        let cache = memory.stats.as_ref().and_then(|stats| {
            // Version 1 and version 2 of cgroups.
            stats.get("total_inactive_file").or_else(|| stats.get("inactive_file")).copied()
        });
        let networks = sample.networks.unwrap_or_default();
        Ok(Stats {
            cpu: Duration::from_nanos(
                sample.cpu_stats.and_then(|cpu| cpu.cpu_usage).and_then(|usage| usage.total_usage).unwrap_or(0),
            ),
            memory: memory.usage.unwrap_or(0).saturating_sub(cache.unwrap_or(0)),
            memory_limit: memory.limit.unwrap_or(0),
            processes: sample.pids_stats.and_then(|pids| pids.current).unwrap_or(0),
            received: networks.values().filter_map(|network| network.rx_bytes).sum(),
            sent: networks.values().filter_map(|network| network.tx_bytes).sum(),
        })
    }

    /// How many processes the kernel has ended since the container's start because its memory was used up. Engines tell
    /// it of the whole container when that has ended (see [`Observation::oom_killed`](crate::Observation::oom_killed));
    /// this asks the kernel, on the engine's machine itself where that can be seen and else inside, which needs `sh` in the
    /// image. Two answers, before and after a program, tell what became of that program.
    ///
    /// # Errors
    /// The container is absent, foreign or not running; it has no `sh` or does not show the counter; the engine fails.
    pub async fn oom_kills(&self, workspace: WorkspaceId) -> Result<u64, Error> {
        if let Some(count) = self.machine_oom_kills(workspace).await? {
            return Ok(count);
        }
        let (_, printed) = self.short(workspace, &["sh", "-c", OOM_SCRIPT], ExecUser::Container).await?;
        let count = std::str::from_utf8(&printed).ok().and_then(|text| text.trim().parse().ok());
        count.ok_or_else(|| Error::Connection {
            what: "ask for the processes that memory has cost",
            reason: "the container does not show the kernel's counter".into(),
        })
    }
}
