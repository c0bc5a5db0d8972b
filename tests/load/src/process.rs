//! What processes take of the memory.

use std::{collections::HashMap, fs};

/// The memory in which a process is, in MiB: what it shares counts as a whole.
pub(crate) fn resident_mib(pid: u32) -> f64 {
    kilobytes(&fs::read_to_string(format!("/proc/{pid}/status")).unwrap(), "VmRSS:").unwrap() / 1024.0
}

/// The memory of a process, in MiB: what it shares with others counts by its part.
pub(crate) fn proportional_mib(pid: u32) -> f64 {
    // One that ended meanwhile takes nothing.
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    kilobytes(&rollup, "Pss:").unwrap_or(0.0) / 1024.0
}

/// These processes and all that they started.
pub(crate) fn trees(roots: &[u32]) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // Behind the name, which may hold anything: state, parent.
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_ascii_whitespace().nth(1)?.parse().ok());
        children.entry(parent.unwrap_or(0)).or_default().push(pid);
    }
    let mut found = roots.to_vec();
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        found.extend(children.remove(pid).unwrap_or_default());
        next += 1;
    }
    found
}

fn kilobytes(text: &str, field: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with(field))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}
