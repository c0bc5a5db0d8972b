//! The bare host: a workspace is a directory of the server's machine, and its processes are ordinary processes there.
//! It isolates nothing and says so.

use std::collections::BTreeMap;

use sandboxed_sdk::{Backend, backend::*, config, config_schema, export_backend, failure, manifest};
use serde::Deserialize;

manifest!("../plugin.toml");
config_schema!("../config.schema.json");
export_backend!(Host);

/// Where programs are looked for, as on a fresh Debian.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How long a program may take to say its version.
const PROBE_DEADLINE_MS: u32 = 5_000;

/// The `config` table of the plugin.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Config {
    path: Option<String>,
    env: BTreeMap<String, String>,
}

struct Host;

impl Backend for Host {
    fn describe() -> About {
        About {
            abilities: Abilities::TTY,
            isolation: "Nothing is isolated: processes run as the server's user, see all its files and processes, and \
                        use its network."
                .to_owned(),
        }
    }

    fn probe() -> Result<Vec<Requirement>, Failure> {
        ["bash", "git"].into_iter().map(probe_program).collect()
    }

    fn ensure(spec: Spec) -> Result<Observed, Failure> {
        Ok(ready(&spec))
    }

    fn observe(spec: Spec) -> Result<Observed, Failure> {
        Ok(ready(&spec))
    }

    fn enter(spec: Spec, _observed: Observed, command: Command) -> Result<Launch, Failure> {
        enter(&spec, command, config()?).map(Launch::Spawn)
    }
}

/// The workspace's directories are made by the server, and inside is outside here.
fn ready(spec: &Spec) -> Observed {
    Observed {
        phase: Phase::Ready,
        tree: spec.tree.clone(),
        inbox: spec.inbox.clone(),
        detail: "a directory of the server's machine".to_owned(),
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
    Ok(Requirement { name: program.to_owned(), missing })
}

fn missing(program: &str) -> Failure {
    failure!(Unavailable, "backend.program_missing", "there is no working {program} on this machine")
        .with_hint(format!("apt-get install {program}"))
}

fn enter(spec: &Spec, mut command: Command, config: Config) -> Result<Command, Failure> {
    let cwd = command.cwd.get_or_insert_with(|| spec.tree.clone());
    let below = |root: &str| cwd.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if !(below(&spec.tree) || below(&spec.inbox)) || cwd.split('/').any(|part| part == "..") {
        return Err(failure!(
            Plugin,
            "backend.cwd_outside",
            "the working directory {cwd:?} lies outside of the workspace"
        ));
    }
    let mut env = BTreeMap::from(
        [
            ("PATH", config.path.as_deref().unwrap_or(DEFAULT_PATH)),
            ("HOME", &spec.tree),
            ("LANG", "C.UTF-8"),
            ("SHELL", "/bin/bash"),
        ]
        .map(|(name, value)| (name.to_owned(), Value::Plain(value.to_owned()))),
    );
    if command.tty.is_some() {
        env.insert("TERM".to_owned(), Value::Plain("xterm-256color".to_owned()));
    }
    // Who is nearer to the process has the last word: the operator, then whoever made the command.
    env.extend(config.env.into_iter().map(|(name, value)| (name, Value::Plain(value))));
    env.extend(command.env);
    command.env = env.into_iter().collect();
    Ok(command)
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
        let entered = enter(&spec(), command(None), Config::default()).expect("a plain command");
        assert_eq!(entered.cwd.as_deref(), Some("/data/w/tree"));
        assert_eq!(variable(&entered, "PATH"), [&Value::Plain(DEFAULT_PATH.to_owned())]);
        assert!(variable(&entered, "TERM").is_empty(), "there is no terminal");
    }

    #[test]
    fn what_the_command_says_of_its_environment_counts() {
        let entered = enter(&spec(), command(None), Config::default()).expect("a plain command");
        assert_eq!(variable(&entered, "LANG"), [&Value::Plain("de_DE.UTF-8".to_owned())]);
    }

    #[test]
    fn the_operator_adds_and_replaces_variables() {
        testkit::set_config(r#"{ "path": "/opt/bin", "env": { "A": "1", "HOME": "/root", "LANG": "C" } }"#);
        let observed = Host::ensure(spec()).expect("a workspace");
        let Launch::Spawn(entered) = Host::enter(spec(), observed, command(None)).expect("a plain command");
        assert_eq!(variable(&entered, "PATH"), [&Value::Plain("/opt/bin".to_owned())]);
        assert_eq!(variable(&entered, "A"), [&Value::Plain("1".to_owned())]);
        assert_eq!(variable(&entered, "HOME"), [&Value::Plain("/root".to_owned())]);
        assert_eq!(variable(&entered, "LANG"), [&Value::Plain("de_DE.UTF-8".to_owned())], "the command's own counts");
    }

    #[test]
    fn a_terminal_has_a_type() {
        let with_terminal = Command { tty: Some(Tty { rows: 24, cols: 80 }), ..command(None) };
        let entered = enter(&spec(), with_terminal, Config::default()).expect("a plain command");
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
