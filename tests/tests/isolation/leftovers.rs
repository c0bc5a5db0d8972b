//! What a workspace and its runs are on the machine, and what may be left of them: processes, mounts, control groups
//! and containers. A network, and what leads into it, is gone with the last process or mount that holds it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use sandboxed_tests::Server;

/// Processes that sleep for just this time.
pub(crate) fn sleepers(mark: &str) -> Vec<u32> {
    let sleeps = |line: &[u8]| {
        let mut arguments = line.split(|byte| *byte == 0);
        arguments.next().is_some_and(|program| program.ends_with(b"sleep")) && arguments.next() == Some(mark.as_bytes())
    };
    processes()
        .filter(|(_, path)| fs::read(path.join("cmdline")).is_ok_and(|line| sleeps(&line)))
        .map(|p| p.0)
        .collect()
}

fn processes() -> impl Iterator<Item = (u32, PathBuf)> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
}

/// Ids by which traces of runs and workspaces are known.
pub(crate) struct Traces {
    ids: Vec<String>,
}

impl Traces {
    /// Traces of what has these ids.
    pub(crate) fn of(ids: Vec<String>) -> Self {
        Self { ids }
    }

    /// Traces of all runs and workspaces that a server has.
    pub(crate) fn of_all(server: &Server) -> Self {
        Self::of_data(&server.data_dir())
    }

    /// Traces of all runs and workspaces that a data directory tells of.
    pub(crate) fn of_data(directory: &Path) -> Self {
        let names = ["runs", "workspaces"].map(|name| fs::read_dir(directory.join(name)).unwrap());
        let names = names.into_iter().flatten().flatten().map(|entry| entry.file_name().into_string().unwrap());
        Self::of(names.filter(|name| !name.starts_with('.')).collect())
    }

    /// What is there of them, in words.
    pub(crate) fn found(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (pid, path) in processes() {
            if self.owns_process(&path) {
                found.push(format!("process {pid} {}", text(&path.join("cmdline"))));
            }
            if self.is_in(&text(&path.join("mountinfo"))) {
                found.push(format!("mounts of the process {pid}"));
            }
        }
        self.find_groups(Path::new("/sys/fs/cgroup"), &mut found);
        if Path::new("/run/docker.sock").exists() {
            let list = ["ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.Labels}}"];
            let listed = String::from_utf8(Command::new("docker").args(list).output().unwrap().stdout).unwrap();
            found.extend(listed.lines().filter(|line| self.is_in(line)).map(|line| format!("container {line}")));
        }
        found
    }

    fn owns_process(&self, path: &Path) -> bool {
        ["environ", "cmdline", "cgroup"].iter().any(|file| self.is_in(&text(&path.join(file))))
    }

    fn find_groups(&self, directory: &Path, found: &mut Vec<String>) {
        let Ok(entries) = fs::read_dir(directory) else { return };
        for group in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            if self.is_in(&group.file_name().to_string_lossy()) {
                found.push(format!("control group {}", group.path().display()));
            }
            self.find_groups(&group.path(), found);
        }
    }

    fn is_in(&self, text: &str) -> bool {
        self.ids.iter().any(|id| text.contains(id))
    }
}

/// Empty for what is gone in this moment.
fn text(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).replace('\0', " ")
}
