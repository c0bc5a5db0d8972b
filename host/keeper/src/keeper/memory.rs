//! What the kernel has killed because memory was used up.

use std::fs;

/// Where control groups of version 1 and 2 keep the count.
const COUNTERS: [&str; 2] = ["/sys/fs/cgroup/memory/memory.oom_control", "/sys/fs/cgroup/memory.events"];

/// Processes of the container that were killed so since its start, as far as the kernel tells.
pub(super) fn oom_kills() -> u64 {
    let count = |path| {
        let text = fs::read_to_string(path).ok()?;
        text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
    };
    COUNTERS.into_iter().find_map(count).unwrap_or(0)
}
