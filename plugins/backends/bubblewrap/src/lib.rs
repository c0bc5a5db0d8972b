//! Workspaces in bubblewrap: user, process, mount, IPC, host name and cgroup namespaces of their own. The system is there
//! to read, the workspace's own directories to write, and nothing else of the machine. The server gives the user, the
//! network and the filter of system calls.

mod sandbox;

use std::collections::BTreeMap;

use sandboxed_sdk::{Backend, backend::*, config, config_schema, export_backend, failure, manifest};
use serde::Deserialize;

manifest!("../plugin.toml");
config_schema!("../config.schema.json");
export_backend!(Bubblewrap);

/// How long bubblewrap may take to say its version.
const PROBE_DEADLINE_MS: u32 = 5_000;
/// Where the version is kept between calls.
const VERSION_KEY: &str = "version";
/// The first that takes a size for a tmpfs and more than one filter.
const OLDEST: Version = Version(0, 5);
/// The first that keeps the inside from making user namespaces.
const WITHOUT_NESTING: Version = Version(0, 8);

/// The `config` table of the plugin.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Config {
    bwrap: Option<String>,
    path: Option<String>,
    env: BTreeMap<String, String>,
    read_only: Vec<String>,
    tmp_size: Option<u64>,
    shm_size: Option<u64>,
}

impl Config {
    fn bwrap(&self) -> &str {
        self.bwrap.as_deref().unwrap_or("bwrap")
    }
}

/// A version, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

impl Version {
    /// Reads what `bwrap --version` says: `bubblewrap 0.8.0`.
    fn parse(said: &str) -> Option<Self> {
        let mut numbers = said.trim().strip_prefix("bubblewrap ")?.split('.').map(str::parse);
        Some(Self(numbers.next()?.ok()?, numbers.next()?.ok()?))
    }
}

struct Bubblewrap;

impl Backend for Bubblewrap {
    fn describe() -> About {
        About {
            abilities: Abilities::TTY
                | Abilities::ISOLATES_FILES
                | Abilities::ISOLATES_PROCESSES
                | Abilities::ISOLATES_NETWORK,
            isolation: "Processes see the system read-only and their workspace, and no other files or processes. They \
                        share the machine's kernel, behind a filter of system calls."
                .to_owned(),
        }
    }

    fn probe() -> Result<Vec<Requirement>, Failure> {
        let missing = ask_version(&config::<Config>()?).err();
        Ok(vec![Requirement { name: "bubblewrap 0.5 or newer".to_owned(), optional: false, missing }])
    }

    fn ensure(spec: Spec) -> Result<Observed, Failure> {
        if spec.user == 0 {
            return Err(failure!(
                Unavailable,
                "bubblewrap.root",
                "bubblewrap that root starts is no sandbox, and this server may not start it as another user"
            )
            .with_hint("start the server as a user other than root, or give it CAP_SYS_ADMIN and CAP_SETUID"));
        }
        no_options(&spec.options)?;
        known_version(&config()?)?;
        Ok(ready())
    }

    fn observe(_spec: Spec) -> Result<Observed, Failure> {
        Ok(ready())
    }

    fn enter(spec: Spec, _observed: Observed, command: Command) -> Result<Launch, Failure> {
        let config: Config = config()?;
        let nesting = known_version(&config)? < WITHOUT_NESTING;
        sandbox::enter(&spec, command, &config, nesting).map(Launch::Spawn)
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
        .with_hint("leave the options away; what bubblewrap shows of the machine is set in the plugin's table")),
    }
}

/// The server makes the directories, and the sandbox lives as long as a process in it.
fn ready() -> Observed {
    Observed {
        phase: Phase::Ready,
        tree: sandbox::TREE.to_owned(),
        inbox: sandbox::INBOX.to_owned(),
        home: sandbox::HOME.to_owned(),
        detail: "a sandbox is made for each process that enters".to_owned(),
        state: String::new(),
    }
}

fn known_version(config: &Config) -> Result<Version, Failure> {
    let kept = host::kv::get(VERSION_KEY)?.and_then(|said| Version::parse(&String::from_utf8_lossy(&said)));
    kept.map_or_else(|| ask_version(config), Ok)
}

fn ask_version(config: &Config) -> Result<Version, Failure> {
    let command = Command {
        program: config.bwrap().to_owned(),
        args: vec!["--version".to_owned()],
        env: Vec::new(),
        cwd: None,
        tty: None,
    };
    host::kv::delete(VERSION_KEY)?;
    let output = host::run::short(&command, &[], PROBE_DEADLINE_MS).map_err(|failure| match failure.blame {
        Blame::Unavailable => missing(&failure.message),
        _ => failure,
    })?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = Version::parse(&said).ok_or_else(|| missing(&format!("it says {:?}", said.trim())))?;
    if version < OLDEST {
        return Err(missing(&format!("{} is too old", said.trim())));
    }
    host::kv::put(VERSION_KEY, said.as_bytes())?;
    Ok(version)
}

fn missing(why: &str) -> Failure {
    failure!(Unavailable, "bubblewrap.missing", "there is no bubblewrap on this machine that can be used: {why}")
        .with_hint("apt-get install bubblewrap")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared() {
        assert_eq!(Version::parse("bubblewrap 0.8.0\n"), Some(Version(0, 8)));
        assert_eq!(Version::parse("bubblewrap 1.10"), Some(Version(1, 10)));
        assert!(Version(0, 11) > WITHOUT_NESTING && Version(0, 6) < WITHOUT_NESTING);
        for wrong in ["", "bwrap: error", "bubblewrap x.y"] {
            assert_eq!(Version::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn options_that_nobody_heeds_are_refused() {
        let spec = Spec { options: r#"{"image":"debian"}"#.to_owned(), ..sandbox::tests::spec(1000) };

        let failure = Bubblewrap::ensure(spec).expect_err("an option of another backend");

        assert_eq!(failure.code, "workspace.options_invalid");
    }

    #[test]
    fn a_sandbox_that_root_would_start_is_refused() {
        let failure = Bubblewrap::ensure(sandbox::tests::spec(0)).expect_err("no sandbox");

        assert_eq!(failure.code, "bubblewrap.root");
        assert!(failure.hint.is_some());
    }
}
