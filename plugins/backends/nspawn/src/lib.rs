//! Workspaces that are systems: each has files, processes, users, host name and network of its own, led by one
//! systemd-nspawn. What it begins with is a distribution or an archive, shared by all workspaces that begin with the
//! same; what it changes is its own. The server mounts the files and lets processes join.

mod root;
mod system;

use std::collections::BTreeMap;

use sandboxed_sdk::{
    Backend,
    backend::*,
    config, config_schema, export_backend, failure,
    inside::{self, DEFAULT_PATH},
    manifest,
};
use serde::Deserialize;

manifest!("../plugin.toml");
config_schema!("../config.schema.json");
export_backend!(Nspawn);

const TREE: &str = "/workspace";
const INBOX: &str = "/inbox";
const HOME: &str = "/home/agent";
/// Whom agents are inside. The server gives the workspace's directories to this one of its users.
const AGENT: u32 = 1000;

/// The `config` table of the plugin.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Config {
    suite: Option<root::Suite>,
    packages: Option<Vec<String>>,
    mirrors: BTreeMap<root::Suite, String>,
    keyrings: BTreeMap<root::Suite, String>,
    mirror_timeout: Option<u32>,
    images: BTreeMap<String, String>,
    path: Option<String>,
    env: BTreeMap<String, String>,
    tmp_size: Option<u64>,
    shm_size: Option<u64>,
}

/// The options of a workspace.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// What it begins with, if not with what the operator says.
    suite: Option<root::Suite>,
    /// Further packages.
    packages: Vec<String>,
    /// An image that it begins with in place of a suite.
    image: Option<String>,
    /// Whom agents are.
    user: Account,
}

/// Whom agents are inside.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Account {
    /// A user without rights.
    #[default]
    Agent,
    /// The system's root: it installs packages and changes every file of the system, and has no rights outside of it.
    Root,
}

impl Options {
    fn read(options: &str) -> Result<Self, Failure> {
        let invalid = |error: serde_json::Error| {
            failure!(Config, "nspawn.options_invalid", "the options of the workspace cannot be understood: {error}")
                .with_hint(
                    "the options are suite (bookworm, trixie, noble, jammy), packages, image and user (agent, root)",
                )
        };
        serde_json::from_str(options).map_err(invalid)
    }
}

struct Nspawn;

impl Backend for Nspawn {
    fn describe() -> About {
        About {
            abilities: Abilities::TTY
                | Abilities::ISOLATES_FILES
                | Abilities::ISOLATES_PROCESSES
                | Abilities::ISOLATES_NETWORK
                | Abilities::USER_RANGE,
            isolation: "A system of its own: its files, processes and users are none of the machine's. It shares the \
                        machine's kernel, behind a filter of system calls."
                .to_owned(),
        }
    }

    fn probe() -> Result<Vec<Requirement>, Failure> {
        let nspawn = Requirement {
            name: "systemd-nspawn, tried with a system".to_owned(),
            optional: false,
            missing: system::try_out()?,
        };
        Ok(std::iter::once(nspawn).chain(root::probe(&config()?)?).collect())
    }

    fn plan_root(options: String) -> Result<Option<RootPlan>, Failure> {
        root::plan(&Options::read(&options)?, &config()?).map(Some)
    }

    fn make_root(options: String, target: String) -> Result<RootSource, Failure> {
        root::make(&Options::read(&options)?, &config()?, &target)
    }

    fn ensure(spec: Spec) -> Result<Observed, Failure> {
        Options::read(&spec.options)?;
        match spec.root {
            Some(_) => Ok(observed(Phase::Ready)),
            None => Err(failure!(Host, "nspawn.no_root", "the workspace has no root file system")),
        }
    }

    fn observe(spec: Spec) -> Result<Observed, Failure> {
        Ok(observed(if spec.root.is_some() { Phase::Ready } else { Phase::Absent }))
    }

    fn lead(spec: Spec, _observed: Observed) -> Result<Leader, Failure> {
        system::prepare()?;
        system::lead(&spec, &config()?).map(Leader::Program)
    }

    fn enter(spec: Spec, _observed: Observed, mut command: Command) -> Result<Launch, Failure> {
        let config: Config = config()?;
        inside::check_directory(command.cwd.get_or_insert_with(|| TREE.to_owned()), &[TREE, INBOX, HOME])?;
        let (user, name) = match Options::read(&spec.options)?.user {
            Account::Agent => (AGENT, "agent"),
            Account::Root => (0, "root"),
        };
        let mut base = vec![("PATH", DEFAULT_PATH), ("LANG", "C.UTF-8")];
        // What an image says counts over what is said of all systems, and under what the operator says.
        base.extend(spec.root_env.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        base.extend(config.path.iter().map(|path| ("PATH", path.as_str())));
        base.extend([("HOME", HOME), ("USER", name), ("LOGNAME", name), ("SHELL", "/bin/bash")]);
        if user == 0 {
            // The workspace's directories are the agent's, and git as root refuses to work in them.
            base.extend([
                ("GIT_CONFIG_COUNT", "1"),
                ("GIT_CONFIG_KEY_0", "safe.directory"),
                ("GIT_CONFIG_VALUE_0", "*"),
            ]);
        }
        command.env = inside::variables(&base, command.tty.is_some(), &config.env, command.env);
        Ok(Launch::Join(Joined { command, user }))
    }

    fn stop(spec: Spec, _grace_ms: u32) -> Result<(), Failure> {
        system::tidy(&spec.id)
    }
}

/// The server mounts the root and keeps the leader.
fn observed(phase: Phase) -> Observed {
    Observed {
        phase,
        tree: TREE.to_owned(),
        inbox: INBOX.to_owned(),
        home: HOME.to_owned(),
        detail: "a system that starts with the first process".to_owned(),
        state: String::new(),
    }
}

/// Runs one of the small programs to its end. Absent: it succeeded.
fn run(program: &str, args: &[&str], deadline_ms: u32) -> Result<Option<String>, Failure> {
    let command = Command {
        program: program.to_owned(),
        args: args.iter().map(|&argument| argument.to_owned()).collect(),
        env: Vec::new(),
        cwd: None,
        tty: None,
    };
    let output = host::run::short(&command, &[], deadline_ms)?;
    let said = || String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Ok((output.exit != Exit::Code(0)).then(said))
}

#[cfg(test)]
mod tests {
    use sandboxed_sdk::testkit;

    use super::*;

    pub(crate) fn spec(options: &str) -> Spec {
        Spec {
            id: "w".to_owned(),
            tree: "/stage/tree".to_owned(),
            inbox: "/stage/inbox".to_owned(),
            home: "/stage/home".to_owned(),
            etc: "/stage/etc".to_owned(),
            user: 655_361_000,
            root: Some("/data/w:1/root".to_owned()),
            root_env: Vec::new(),
            shared_network: false,
            mounts: Vec::new(),
            options: options.to_owned(),
        }
    }

    fn enter(options: &str) -> Joined {
        testkit::set_config("{}");
        let command = Command {
            program: "make".to_owned(),
            args: Vec::new(),
            env: vec![("TOKEN".to_owned(), Value::Secret("key".to_owned()))],
            cwd: None,
            tty: None,
        };
        let launch = Nspawn::enter(spec(options), observed(Phase::Ready), command).expect("a plain command");
        let Launch::Join(joined) = launch else { panic!("{launch:?}") };
        joined
    }

    #[test]
    fn processes_join_as_the_agent_or_where_the_workspace_says_so_as_root() {
        let joined = enter("{}");
        assert_eq!((joined.user, joined.command.cwd.as_deref()), (1000, Some(TREE)));
        assert!(joined.command.env.contains(&("TOKEN".to_owned(), Value::Secret("key".to_owned()))));
        assert!(joined.command.env.contains(&("USER".to_owned(), Value::Plain("agent".to_owned()))));

        assert_eq!(enter(r#"{ "user": "root" }"#).user, 0);
    }

    #[test]
    fn what_an_image_says_of_variables_counts_over_the_backend_and_under_the_operator() {
        let variable = |config: &str, name: &str| {
            testkit::set_config(config);
            let root_env = [("PATH", "/opt/bin:/bin"), ("HOME", "/root"), ("KIND", "of the image")];
            let root_env = root_env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
            let command =
                Command { program: "env".to_owned(), args: Vec::new(), env: Vec::new(), cwd: None, tty: None };
            let launch = Nspawn::enter(Spec { root_env, ..spec("{}") }, observed(Phase::Ready), command);
            let Ok(Launch::Join(joined)) = launch else { panic!("{launch:?}") };
            let found = joined.command.env.into_iter().find(|(found, _)| found == name);
            let Some((_, Value::Plain(value))) = found else { panic!("{name} is no plain variable") };
            value
        };

        assert_eq!(variable("{}", "PATH"), "/opt/bin:/bin");
        assert_eq!(variable("{}", "KIND"), "of the image");
        assert_eq!(variable("{}", "HOME"), HOME);
        assert_eq!(variable(r#"{ "path": "/own" }"#, "PATH"), "/own");
        assert_eq!(variable(r#"{ "env": { "KIND": "own" } }"#, "KIND"), "own");
    }

    #[test]
    fn options_that_nobody_knows_are_refused_before_anything_is_made() {
        testkit::set_config("{}");
        for options in [r#"{ "suit": "bookworm" }"#, r#"{ "suite": "sarge" }"#] {
            let failure = Nspawn::plan_root(options.to_owned()).expect_err(options);
            assert_eq!(failure.code, "nspawn.options_invalid", "{options}");
        }
    }

    #[test]
    fn a_workspace_without_a_root_is_none() {
        testkit::set_config("{}");
        let failure = Nspawn::ensure(Spec { root: None, ..spec("{}") }).expect_err("no root");

        assert_eq!(failure.code, "nspawn.no_root");
    }
}
