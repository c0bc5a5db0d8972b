//! What `/proc` tells of processes.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use nix::unistd::Pid;

/// What is read of `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    /// It has ended and waits to be reaped.
    pub(crate) zombie: bool,
    pub(crate) parent: i32,
    pub(crate) session: i32,
    /// Clock ticks between boot and its start (field 22): with the pid, names one process until the next boot.
    pub(crate) started: u64,
}

/// The process of this number, if there is one.
pub(crate) fn stat(pid: Pid) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The program's name (field 2) is in brackets and may hold anything, brackets and blanks too.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    Some(Stat {
        zombie: matches!(*fields.first()?, "Z" | "X"),
        parent: fields.get(1)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
    })
}

/// Names this boot of the machine.
pub(crate) fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

fn processes() -> io::Result<Vec<(i32, Stat)>> {
    let pids = fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(pids.filter_map(|pid| Some((pid, stat(Pid::from_raw(pid))?))).filter(|(_, stat)| !stat.zombie).collect())
}

/// Everything below a process, without the process.
pub(crate) fn descendants(of: Pid) -> io::Result<Vec<Pid>> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for (pid, stat) in processes()? {
        children.entry(stat.parent).or_default().push(pid);
    }
    Ok(below(&children, vec![of.as_raw()]))
}

/// Every process whose environment has this variable with this value, everything below those, and everything in the
/// session that `leader` (pid and start) leads.
pub(crate) fn belonging_to(variable: &str, value: &str, leader: Option<(Pid, u64)>) -> io::Result<Vec<Pid>> {
    let mark = format!("{variable}={value}");
    // The number of a session is safe to go by only while its leader is the process that it was.
    let session = leader.filter(|&(pid, start)| stat(pid).is_some_and(|stat| stat.started == start));
    let me = Pid::this().as_raw();
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    let mut found = Vec::new();
    for (pid, stat) in processes()? {
        children.entry(stat.parent).or_default().push(pid);
        let in_session = session.is_some_and(|(leader, _)| stat.session == leader.as_raw());
        if pid != me && (in_session || has_variable(pid, mark.as_bytes())) {
            found.push(pid);
        }
    }
    let mut all = below(&children, found.clone());
    all.extend(found.into_iter().map(Pid::from_raw));
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

/// The oldest descendant of a process that is in another namespace of processes than this one.
pub(crate) fn oldest_inside(of: Pid) -> io::Result<Option<(Pid, Stat)>> {
    let namespace = |pid: String| fs::read_link(format!("/proc/{pid}/ns/pid"));
    let own = namespace("self".to_owned())?;
    let inside =
        descendants(of)?.into_iter().filter(|pid| namespace(pid.to_string()).is_ok_and(|theirs| theirs != own));
    Ok(inside.filter_map(|pid| Some((pid, stat(pid)?))).min_by_key(|(pid, stat)| (stat.started, *pid)))
}

fn has_variable(pid: i32, mark: &[u8]) -> bool {
    fs::read(format!("/proc/{pid}/environ")).is_ok_and(|all| all.split(|&byte| byte == 0).any(|one| one == mark))
}

fn below(children: &HashMap<i32, Vec<i32>>, mut from: Vec<i32>) -> Vec<Pid> {
    let mut found = Vec::new();
    while let Some(parent) = from.pop() {
        for &child in children.get(&parent).into_iter().flatten() {
            found.push(Pid::from_raw(child));
            from.push(child);
        }
    }
    found
}

/// A mounted file system, as `/proc/self/mountinfo` tells it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// The directory of the file system that is mounted.
    pub(crate) root: PathBuf,
    /// Where it is mounted.
    pub(crate) point: PathBuf,
    pub(crate) kind: String,
    /// Options of the file system itself: with cgroup v1, its controllers.
    pub(crate) options: String,
}

/// The mounted hierarchies of control groups. Looked for once: they are there before everything else, and a machine with many
/// containers has hundreds of mounts.
pub(crate) fn cgroup_mounts() -> io::Result<&'static [Mount]> {
    static FOUND: OnceLock<Vec<Mount>> = OnceLock::new();
    if let Some(found) = FOUND.get() {
        return Ok(found);
    }
    let text = fs::read_to_string("/proc/self/mountinfo")?;
    let found = text.lines().filter_map(parse_mount).filter(|mount| mount.kind.starts_with("cgroup")).collect();
    Ok(FOUND.get_or_init(|| found))
}

fn parse_mount(line: &str) -> Option<Mount> {
    let (place, what) = line.split_once(" - ")?;
    let mut place = place.split(' ').skip(3);
    let (root, point) = (place.next()?, place.next()?);
    let mut what = what.split(' ');
    let kind = what.next()?.to_owned();
    let options = what.nth(1)?.to_owned();
    Some(Mount { root: unescape(root), point: unescape(point), kind, options })
}

/// Blanks, tabs, newlines and backslashes in a path are written as `\` and three octal digits.
fn unescape(text: &str) -> PathBuf {
    let mut out = text.to_owned();
    for (code, plain) in [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")] {
        out = out.replace(code, plain);
    }
    out.into()
}

/// The cgroup that this process is in, in the hierarchy of this controller (`""` is version 2), as a path below the
/// hierarchy's root.
pub(crate) fn own_cgroup(controller: &str) -> io::Result<Option<PathBuf>> {
    let text = fs::read_to_string("/proc/self/cgroup")?;
    let found = text.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        controllers.split(',').any(|one| one == controller).then(|| Path::new(path).to_owned())
    });
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_name_with_brackets_and_blanks_does_not_shift_the_fields() {
        let text = "7 (a) b (c)) Z 3 7 5 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";

        let stat = parse_stat(text).unwrap();

        assert_eq!(stat, Stat { zombie: true, parent: 3, session: 5, started: 4711 });
    }

    #[test]
    fn a_mount_with_optional_fields_and_a_blank_in_its_path_is_read() {
        let line = "35 24 0:30 /docker/x /sys/fs/a\\040b rw,nosuid shared:9 master:1 - cgroup cgroup rw,freezer";

        let mount = parse_mount(line).unwrap();

        assert_eq!(mount.root, Path::new("/docker/x"));
        assert_eq!(mount.point, Path::new("/sys/fs/a b"));
        assert_eq!((mount.kind.as_str(), mount.options.as_str()), ("cgroup", "rw,freezer"));
    }

    #[test]
    fn the_own_process_is_told_with_the_parent_that_it_has() {
        let own = stat(Pid::this()).unwrap();

        assert_eq!(own.parent, Pid::parent().as_raw());
        assert!(!own.zombie);
    }
}
