//! The bare host: a workspace is a directory of the server's machine, and its processes are ordinary processes there, as
//! a user of their own where the server may give one, behind a filter of system calls, and with rules for files where
//! the kernel has Landlock. The machine's processes and much of its files stay in sight, and it says so.

use std::collections::BTreeMap;

use sandboxed_sdk::{Backend, backend::*, config, config_schema, export_backend, failure, manifest};
use serde::Deserialize;

manifest!("../plugin.toml");
config_schema!("../config.schema.json");
export_backend!(Host);

/// Where programs are looked for, as on a fresh Debian.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The system, to read and to run.
const READ: [&str; 13] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/etc",
    "/proc",
    "/sys",
    "/dev",
    "/run/systemd/resolve",
];
/// What every program may write to.
const WRITE: [&str; 10] = [
    "/tmp",
    "/var/tmp",
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
    "/dev/pts",
    "/dev/shm",
];
/// How long a program may take to say its version.
const PROBE_DEADLINE_MS: u32 = 5_000;

/// The `config` table of the plugin.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Config {
    path: Option<String>,
    env: BTreeMap<String, String>,
    /// Further files to read and run.
    read: Vec<String>,
    /// Further files to write.
    write: Vec<String>,
}

struct Host;

impl Backend for Host {
    fn describe() -> About {
        About {
            abilities: Abilities::TTY | Abilities::ISOLATES_NETWORK,
            isolation: "Weakly isolated: processes share the machine's processes, /tmp and system files. They have a \
                        user of their own only where the server is root, and else what the server's user has, but for \
                        the files that Landlock keeps from them."
                .to_owned(),
        }
    }

    fn probe() -> Result<Vec<Requirement>, Failure> {
        ["bash", "git"].into_iter().map(probe_program).collect()
    }

    fn ensure(spec: Spec) -> Result<Observed, Failure> {
        no_options(&spec.options)?;
        Ok(ready(&spec))
    }

    fn observe(spec: Spec) -> Result<Observed, Failure> {
        Ok(ready(&spec))
    }

    fn enter(spec: Spec, _observed: Observed, command: Command) -> Result<Launch, Failure> {
        enter(&spec, command, config()?).map(Launch::Spawn)
    }
}

/// A workspace has no options of its own here; one that was meant for another backend must not go unheeded.
fn no_options(options: &str) -> Result<(), Failure> {
    match options.trim() {
        "" | "{}" => Ok(()),
        given => Err(failure!(
            Config,
            "workspace.options_invalid",
            "this backend knows no options, and these are given: {given}"
        )
        .with_hint("leave the options away")),
    }
}

/// The workspace's directories are made by the server, and inside is outside here.
fn ready(spec: &Spec) -> Observed {
    Observed {
        phase: Phase::Ready,
        tree: spec.tree.clone(),
        inbox: spec.inbox.clone(),
        home: spec.home.clone(),
        detail: "a directory of the server's machine".to_owned(),
        state: String::new(),
    }
}

fn probe_program(program: &str) -> Result<Requirement, Failure> {
    let command = Command {
        program: program.to_owned(),
        args: vec!["--version".to_owned()],
        env: Vec::new(),
        cwd: None,
        tty: None,
    };
    let missing = match host::run::short(&command, &[], PROBE_DEADLINE_MS) {
        Ok(output) if output.exit == Exit::Code(0) => None,
        Ok(_) => Some(missing(program)),
        Err(failure) if failure.blame == Blame::Unavailable => Some(missing(program)),
        Err(failure) => return Err(failure),
    };
    Ok(Requirement { name: program.to_owned(), optional: false, missing })
}

fn missing(program: &str) -> Failure {
    failure!(Unavailable, "backend.program_missing", "there is no working {program} on this machine")
        .with_hint(format!("apt-get install {program}"))
}

fn enter(spec: &Spec, mut command: Command, config: Config) -> Result<Spawned, Failure> {
    let cwd = command.cwd.get_or_insert_with(|| spec.tree.clone());
    let below = |root: &str| cwd.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if !(below(&spec.tree) || below(&spec.inbox) || below(&spec.home)) || cwd.split('/').any(|part| part == "..") {
        return Err(failure!(
            Plugin,
            "backend.cwd_outside",
            "the working directory {cwd:?} lies outside of the workspace"
        ));
    }
    let mut env = BTreeMap::from(
        [
            ("PATH", config.path.as_deref().unwrap_or(DEFAULT_PATH)),
            ("HOME", &spec.home),
            ("LANG", "C.UTF-8"),
            ("SHELL", "/bin/bash"),
        ]
        .map(|(name, value)| (name.to_owned(), Value::Plain(value.to_owned()))),
    );
    if command.tty.is_some() {
        env.insert("TERM".to_owned(), Value::Plain("xterm-256color".to_owned()));
    }
    // With the tree the server's own directory would be opened, and all other workspaces.
    let holds_the_tree = |path: &str| spec.tree.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
    if WRITE.iter().any(|path| holds_the_tree(path)) {
        env.insert("TMPDIR".to_owned(), Value::Plain(spec.home.clone()));
    }
    // Who is nearer to the process has the last word: the operator, then whoever made the command.
    env.extend(config.env.into_iter().map(|(name, value)| (name, Value::Plain(value))));
    env.extend(command.env);
    command.env = env.into_iter().collect();
    let mounts = |writable| spec.mounts.iter().filter(move |mount| mount.writable == writable);
    let rules = PathRules {
        read: READ
            .iter()
            .map(|&path| path.to_owned())
            .chain(config.read)
            .chain([spec.inbox.clone()])
            .chain(mounts(false).map(|mount| mount.source.clone()))
            .collect(),
        write: WRITE
            .iter()
            .filter(|path| !holds_the_tree(path))
            .map(|&path| path.to_owned())
            .chain(config.write)
            .chain([spec.tree.clone(), spec.home.clone()])
            .chain(mounts(true).map(|mount| mount.source.clone()))
            .collect(),
    };
    Ok(Spawned { command, filtered: true, rules: Some(rules), attachments: Vec::new(), wrapper: false })
}

#[cfg(test)]
mod tests {
    use sandboxed_sdk::testkit;

    use super::*;

    fn spec() -> Spec {
        Spec {
            id: "w".to_owned(),
            tree: "/data/w/tree".to_owned(),
            inbox: "/data/w/inbox".to_owned(),
            home: "/data/w/home".to_owned(),
            etc: "/data/w/etc".to_owned(),
            user: 1000,
            root: None,
            root_env: Vec::new(),
            shared_network: false,
            mounts: Vec::new(),
            options: "{}".to_owned(),
        }
    }

    fn command(cwd: Option<&str>) -> Command {
        Command {
            program: "true".to_owned(),
            args: Vec::new(),
            env: vec![("LANG".to_owned(), Value::Plain("de_DE.UTF-8".to_owned()))],
            cwd: cwd.map(str::to_owned),
            tty: None,
        }
    }

    fn variable<'a>(command: &'a Command, name: &str) -> Vec<&'a Value> {
        command.env.iter().filter(|(given, _)| given == name).map(|(_, value)| value).collect()
    }

    #[test]
    fn a_command_begins_in_the_tree_with_a_small_environment() {
        let Spawned { command: entered, rules, filtered, .. } =
            enter(&spec(), command(None), Config::default()).expect("a plain command");
        let rules = rules.expect("rules for files");
        assert!(filtered && rules.write.contains(&"/data/w/tree".to_owned()));
        assert!(!rules.read.iter().chain(&rules.write).any(|path| ["/", "/root", "/home"].contains(&path.as_str())));
        assert_eq!(entered.cwd.as_deref(), Some("/data/w/tree"));
        assert_eq!(variable(&entered, "PATH"), [&Value::Plain(DEFAULT_PATH.to_owned())]);
        assert!(variable(&entered, "TERM").is_empty(), "there is no terminal");
    }

    #[test]
    fn options_that_nobody_heeds_are_refused() {
        let spec = Spec { options: r#"{"image":"debian"}"#.to_owned(), ..spec() };

        let failure = Host::ensure(spec).expect_err("an option of another backend");

        assert_eq!(failure.code, "workspace.options_invalid");
    }

    #[test]
    fn what_the_command_says_of_its_environment_counts() {
        let Spawned { command: entered, .. } =
            enter(&spec(), command(None), Config::default()).expect("a plain command");
        assert_eq!(variable(&entered, "LANG"), [&Value::Plain("de_DE.UTF-8".to_owned())]);
    }

    #[test]
    fn the_operator_adds_and_replaces_variables() {
        testkit::set_config(r#"{ "path": "/opt/bin", "env": { "A": "1", "HOME": "/root", "LANG": "C" } }"#);
        let observed = Host::ensure(spec()).expect("a workspace");
        let launch = Host::enter(spec(), observed, command(None)).expect("a plain command");
        let Launch::Spawn(Spawned { command: entered, .. }) = launch else { panic!("{launch:?}") };
        assert_eq!(variable(&entered, "PATH"), [&Value::Plain("/opt/bin".to_owned())]);
        assert_eq!(variable(&entered, "A"), [&Value::Plain("1".to_owned())]);
        assert_eq!(variable(&entered, "HOME"), [&Value::Plain("/root".to_owned())]);
        assert_eq!(variable(&entered, "LANG"), [&Value::Plain("de_DE.UTF-8".to_owned())], "the command's own counts");
    }

    #[test]
    fn a_tree_below_a_directory_for_everybody_does_not_open_that_directory() {
        let spec = Spec { tree: "/tmp/data/w/tree".to_owned(), home: "/tmp/data/w/home".to_owned(), ..spec() };

        let Spawned { command, rules, .. } = enter(&spec, command(None), Config::default()).expect("a plain command");

        let write = rules.expect("rules for files").write;
        assert!(!write.contains(&"/tmp".to_owned()) && write.contains(&"/tmp/data/w/tree".to_owned()));
        assert!(write.contains(&"/var/tmp".to_owned()));
        assert_eq!(variable(&command, "TMPDIR"), [&Value::Plain("/tmp/data/w/home".to_owned())]);
    }

    #[test]
    fn a_terminal_has_a_type() {
        let with_terminal = Command { tty: Some(Tty { rows: 24, cols: 80 }), ..command(None) };
        let Spawned { command: entered, .. } =
            enter(&spec(), with_terminal, Config::default()).expect("a plain command");
        assert_eq!(variable(&entered, "TERM"), [&Value::Plain("xterm-256color".to_owned())]);
    }

    #[test]
    fn a_working_directory_outside_of_the_workspace_is_refused() {
        for cwd in ["/", "/data/w", "/data/w/treeless", "/data/w/tree/../../x", "relative"] {
            let failure = enter(&spec(), command(Some(cwd)), Config::default()).expect_err(cwd);
            assert_eq!(failure.code, "backend.cwd_outside", "{cwd}");
        }
        for cwd in ["/data/w/tree", "/data/w/tree/src", "/data/w/inbox/run"] {
            assert!(enter(&spec(), command(Some(cwd)), Config::default()).is_ok(), "{cwd}");
        }
    }
}
