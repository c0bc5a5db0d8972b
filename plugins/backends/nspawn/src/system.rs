//! The system of a workspace, as systemd-nspawn's arguments.

use sandboxed_sdk::{backend::*, failure};

use crate::{AGENT, Config, HOME, INBOX, TREE, run};

/// How many users each system has.
const USERS: u32 = 65_536;
const DEFAULT_TMP_SIZE: u64 = 2 << 30;
const DEFAULT_SHM_SIZE: u64 = 256 << 20;
/// How long a system that does nothing may take, and a small program.
const PROBE_DEADLINE_MS: u32 = 20_000;
const SHORT_DEADLINE_MS: u32 = 5_000;
/// What systemd-nspawn needs to be there and does not make itself where systemd does not run.
const PROPAGATE: &str = "/run/systemd/nspawn/propagate";
/// What every system is started with: one that does not boot, is known to nobody, and says nothing of the machine.
const COMMON: [&str; 9] = [
    "--quiet",
    "--as-pid2",
    "--register=no",
    "--keep-unit",
    "--pipe",
    "--private-users-ownership=off",
    "--timezone=off",
    "--link-journal=no",
    "--no-new-privileges=yes",
];

/// Makes what systemd-nspawn needs.
pub(crate) fn prepare() -> Result<(), Failure> {
    match run("mkdir", &["-p", PROPAGATE], SHORT_DEADLINE_MS)? {
        None => Ok(()),
        Some(said) => Err(failure!(Host, "nspawn.prepare", "{PROPAGATE} cannot be made: {said}")),
    }
}

/// What leads a workspace's system. Its first process says that it is there and waits; others join it.
pub(crate) fn lead(spec: &Spec, config: &Config) -> Result<Command, Failure> {
    let root = spec
        .root
        .as_deref()
        .ok_or_else(|| failure!(Host, "nspawn.no_root", "the workspace has no root file system"))?;
    let tmpfs = |path: &str, size: u64| format!("--tmpfs={path}:mode=1777,size={size}");
    let mut args = COMMON.map(str::to_owned).to_vec();
    args.extend([
        format!("--machine={}", machine(&spec.id)),
        format!("--directory={root}"),
        format!("--private-users={}:{USERS}", spec.user - AGENT),
        "--hostname=sandbox".to_owned(),
        "--drop-capability=all".to_owned(),
        // systemd-nspawn hands on the machine's /dev/net/tun, where it has one.
        "--tmpfs=/dev/net:mode=000,size=4096".to_owned(),
        format!("--bind={}:{TREE}", spec.tree),
        format!("--bind-ro={}:{INBOX}", spec.inbox),
        format!("--bind={}:{HOME}", spec.home),
        tmpfs("/tmp", config.tmp_size.unwrap_or(DEFAULT_TMP_SIZE)),
        tmpfs("/dev/shm", config.shm_size.unwrap_or(DEFAULT_SHM_SIZE)),
        // Names are the proxy's to look up, unless the network is the machine's.
        format!("--resolv-conf={}", if spec.shared_network { "copy-host" } else { "off" }),
    ]);
    for Mount { source, target, writable } in &spec.mounts {
        args.push(format!("--bind{}={}:{}", if *writable { "" } else { "-ro" }, escaped(source), escaped(target)));
    }
    args.extend(["sh", "-c", "echo ready; exec sleep infinity"].map(str::to_owned));
    Ok(command(args))
}

/// Why no system can be led here, if that is so: one is tried, made of the machine's own programs.
pub(crate) fn try_out() -> Result<Option<Failure>, Failure> {
    let missing = |code: &'static str, why: String, hint: &str| {
        Some(failure!(Unavailable, code, "systemd-nspawn cannot lead a system here: {why}").with_hint(hint))
    };
    let without = "apt-get install systemd-container";
    let rights = "start the server as root; in a container give it the capabilities SYS_ADMIN, NET_ADMIN and MKNOD, the \
                  host's cgroup namespace, and unmasked system paths";
    prepare()?;
    let mut args = COMMON.to_vec();
    args.extend(["--machine=sandboxed-sh-probe", "--directory=/", "--volatile=yes", "--private-network"]);
    args.extend(["--private-users=655360000:65536", "--resolv-conf=off", "true"]);
    match run("systemd-nspawn", &args, PROBE_DEADLINE_MS) {
        Ok(None) => Ok(None),
        Ok(Some(said)) => Ok(missing("nspawn.unusable", heard(&said), rights)),
        Err(failure) if failure.blame == Blame::Unavailable => Ok(missing("nspawn.missing", failure.message, without)),
        Err(failure) => Err(failure),
    }
}

/// Without the words that it has for every machine on which systemd does not run.
fn heard(said: &str) -> String {
    let lines: Vec<&str> = said.lines().filter(|line| !line.contains("Attempted to remove disk file system")).collect();
    lines.join("; ")
}

/// Removes what systemd-nspawn leaves of this system. What it leaves for all, two empty control groups where systemd does not
/// run, stays: another that starts at this moment would find them gone between making and using them.
pub(crate) fn tidy(id: &str) -> Result<(), Failure> {
    // It fails where the directory is not there.
    run("rmdir", &["--", &format!("{PROPAGATE}/{}", machine(id))], SHORT_DEADLINE_MS)?;
    Ok(())
}

/// A path, where a colon ends one.
fn escaped(path: &str) -> String {
    path.replace('\\', "\\\\").replace(':', "\\:")
}

fn machine(id: &str) -> String {
    format!("sandboxed-{id}")
}

fn command(args: Vec<String>) -> Command {
    let env = [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("LANG", "C.UTF-8")];
    Command {
        program: "systemd-nspawn".to_owned(),
        args,
        env: env.map(|(name, value)| (name.to_owned(), Value::Plain(value.to_owned()))).to_vec(),
        cwd: None,
        tty: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::spec;

    fn led(spec: &Spec) -> Vec<String> {
        lead(spec, &Config::default()).expect("a leader").args
    }

    #[test]
    fn a_system_has_the_users_of_its_workspace_and_only_its_directories() {
        let args = led(&spec("{}"));

        for expected in [
            "--directory=/data/w:1/root",
            "--private-users=655360000:65536",
            "--bind=/stage/tree:/workspace",
            "--bind-ro=/stage/inbox:/inbox",
            "--bind=/stage/home:/home/agent",
            "--resolv-conf=off",
        ] {
            assert!(args.iter().any(|arg| arg == expected), "{expected}: {args:?}");
        }
        assert_eq!(args.iter().filter(|arg| arg.starts_with("--bind")).count(), 3);
        assert_eq!(args.last().map(String::as_str), Some("echo ready; exec sleep infinity"));
    }

    #[test]
    fn directories_of_the_machine_are_bound_as_they_may_be_used() {
        let mount =
            |source: &str, writable| Mount { source: source.to_owned(), target: "/mnt/it".to_owned(), writable };

        let args = led(&Spec { mounts: vec![mount("/a:b", true), mount("/c", false)], ..spec("{}") });

        for expected in ["--bind=/a\\:b:/mnt/it", "--bind-ro=/c:/mnt/it"] {
            assert!(args.iter().any(|arg| arg == expected), "{expected}: {args:?}");
        }
    }

    #[test]
    fn names_are_looked_up_as_on_the_machine_only_in_its_network() {
        let args = led(&Spec { shared_network: true, ..spec("{}") });

        assert!(args.iter().any(|arg| arg == "--resolv-conf=copy-host"), "{args:?}");
    }

    #[test]
    fn words_that_are_said_on_every_machine_are_not_told() {
        let said = "Attempted to remove disk file system under \"/run\", and we can't allow that.\nclone() failed";

        assert_eq!(heard(said), "clone() failed");
    }
}
