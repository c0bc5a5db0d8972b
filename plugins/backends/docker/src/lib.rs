//! Workspaces in containers of Docker or Podman: one container for each, made from an image, in which processes are
//! started by way of the engine. The server gives the user, the directories, the network and the limits.

mod options;

use std::collections::BTreeMap;

use sandboxed_sdk::{
    Backend,
    backend::{
        host::containers::{self, Container, Facts, Phase as ContainerPhase, Places},
        *,
    },
    config, config_schema, export_backend, failure, manifest,
};
use serde::Deserialize;

use crate::options::Options;

manifest!("../plugin.toml");
config_schema!("../config.schema.json");
export_backend!(Docker);

/// What a workspace is made from that names no image: it has bash, git and curl.
const DEFAULT_IMAGE: &str = "buildpack-deps:bookworm-scm";
const DEFAULT_SOCKET: &str = "/run/docker.sock";
/// What the host says of an image that is not on the engine.
const IMAGE_MISSING: &str = "containers.image_missing";
/// What it says of an engine that was not granted.
const DENIED: &str = "containers.denied";

/// The `config` table of the plugin.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Config {
    socket: Option<String>,
    engine: Option<String>,
    engines: Vec<String>,
    image: Option<String>,
    images: Option<Vec<String>>,
    archives: BTreeMap<String, String>,
    dockerfiles: bool,
    env: BTreeMap<String, String>,
    path: Option<String>,
}

impl Config {
    /// The engine of workspaces that name none.
    fn default_engine(&self) -> &str {
        self.engine.as_deref().or(self.socket.as_deref()).unwrap_or(DEFAULT_SOCKET)
    }

    /// All engines that workspaces may be on, the default one first.
    fn all_engines(&self) -> impl Iterator<Item = &str> {
        let default = self.default_engine();
        std::iter::once(default).chain(self.engines.iter().map(String::as_str).filter(move |&other| other != default))
    }

    /// The engine on which something of a workspace may be left, and whether its options name it. Nothing was ever made for
    /// options that cannot be read.
    fn engine_to_clear(&self, options: &str) -> (String, bool) {
        match Options::read(options).ok().and_then(Options::into_engine) {
            Some(engine) => (engine, true),
            None => (self.default_engine().to_owned(), false),
        }
    }

    /// The engine of a workspace with these options.
    fn engine_of(&self, options: &str) -> Result<String, Failure> {
        Ok(Options::read(options)?.engine(self.default_engine(), &self.engines)?.to_owned())
    }

    fn image(&self) -> &str {
        self.image.as_deref().unwrap_or(DEFAULT_IMAGE)
    }
}

struct Docker;

impl Backend for Docker {
    fn describe() -> About {
        About {
            abilities: Abilities::TTY
                | Abilities::ISOLATES_FILES
                | Abilities::ISOLATES_PROCESSES
                | Abilities::ISOLATES_NETWORK
                | Abilities::ENGINE_LIMITS,
            isolation:
                "Processes see a container made from an image, which they cannot change, and their workspace, and \
                        no other files or processes. They have no capabilities and share the kernel of the engine's \
                        machine."
                    .to_owned(),
        }
    }

    fn probe() -> Result<Vec<Requirement>, Failure> {
        let config: Config = config()?;
        let mut requirements = Vec::new();
        for engine in config.all_engines() {
            requirements.extend(probed(&config, engine)?);
        }
        Ok(requirements)
    }

    fn plan_image(options: String) -> Result<Option<ImagePlan>, Failure> {
        let config: Config = config()?;
        let options = Options::read(&options)?;
        let engine = options.engine(config.default_engine(), &config.engines)?.to_owned();
        Ok(Some(ImagePlan { engine, image: options.source(&config)? }))
    }

    fn ensure(spec: Spec) -> Result<Observed, Failure> {
        let config: Config = config()?;
        let options = Options::read(&spec.options)?;
        let engine = options.engine(config.default_engine(), &config.engines)?;
        let container = Container { image: options.source(&config)?, env: variables(&config, &options) };
        let places = match containers::ensure(engine, &container) {
            Err(failure) if failure.code == IMAGE_MISSING => {
                containers::make_image(engine, &container.image)?;
                containers::ensure(engine, &container)?
            }
            done => done?,
        };
        Ok(observed(Phase::Ready, places, format!("its container, made from {}, runs", made_from(&container.image))))
    }

    fn observe(spec: Spec) -> Result<Observed, Failure> {
        let (phase, places) = containers::observe(&config::<Config>()?.engine_of(&spec.options)?)?;
        let (phase, detail) = match phase {
            ContainerPhase::Absent => (Phase::Absent, "it has no container"),
            ContainerPhase::Stopped => (Phase::Stopped, "its container does not run"),
            ContainerPhase::Running => (Phase::Ready, "its container runs"),
            ContainerPhase::Foreign => (Phase::Broken, "a container that is not this server's has the name of its own"),
        };
        Ok(observed(phase, places, detail.to_owned()))
    }

    fn list_owned() -> Result<Vec<String>, Failure> {
        let config: Config = config()?;
        let (mut owned, mut last_failure) = (Vec::new(), None);
        for engine in config.all_engines() {
            match containers::list_owned(engine) {
                Ok(of_engine) => owned.extend(of_engine),
                // What the others keep is told all the same.
                Err(failure) => last_failure = Some(failure),
            }
        }
        owned.sort_unstable();
        owned.dedup();
        match last_failure {
            Some(failure) if owned.is_empty() => Err(failure),
            _ => Ok(owned),
        }
    }

    fn lead(spec: Spec, _observed: Observed) -> Result<Leader, Failure> {
        Ok(Leader::Container(config::<Config>()?.engine_of(&spec.options)?))
    }

    fn enter(spec: Spec, observed: Observed, command: Command) -> Result<Launch, Failure> {
        let engine = config::<Config>()?.engine_of(&spec.options)?;
        let command = inside(&observed, command)?;
        Ok(Launch::Contain(Contained { engine, command }))
    }

    fn stop(spec: Spec, grace_ms: u32) -> Result<(), Failure> {
        let config: Config = config()?;
        never_there(containers::stop(&config.engine_to_clear(&spec.options).0, grace_ms))
    }

    fn destroy(spec: Spec) -> Result<(), Failure> {
        let config: Config = config()?;
        let (engine, named) = config.engine_to_clear(&spec.options);
        never_there(containers::remove(&engine))?;
        if named {
            return Ok(());
        }
        // Of a workspace that is not there any more nobody knows which engine it named.
        for other in config.all_engines().filter(|&other| other != engine) {
            if containers::list_owned(other).is_ok_and(|owned| owned.contains(&spec.id)) {
                containers::remove(other)?;
            }
        }
        Ok(())
    }
}

/// On an engine that the plugin may not use it has never made anything.
fn never_there(done: Result<(), Failure>) -> Result<(), Failure> {
    match done {
        Err(failure) if failure.code == DENIED => Ok(()),
        done => done,
    }
}

/// What lacks on one engine.
fn probed(config: &Config, engine: &str) -> Result<Vec<Requirement>, Failure> {
    let there = |name: String, missing| Requirement { name, optional: false, missing };
    let facts = match containers::probe(engine) {
        Ok(facts) => facts,
        Err(failure) => return Ok(vec![there(format!("an engine at {engine}"), Some(failure))]),
    };
    let on = |name: &str| match engine.starts_with('/') {
        true => name.to_owned(),
        false => format!("{name} on {engine}"),
    };
    let Requirement { name, missing, .. } = limits(&facts);
    let mut requirements = vec![there(on(&self::engine(&facts)), None), there(on(&name), missing)];
    let image = config.image();
    let found =
        config.archives.contains_key(image) || containers::has_image(engine, &ImageSource::Registry(image.to_owned()))?;
    let missing = (!found).then(|| {
        failure!(Unavailable, "docker.image_missing", "the image {image} is not on the engine yet")
            .with_hint(format!("docker pull {image} (else it is fetched for the first workspace)"))
    });
    requirements.push(there(on(&format!("the image {image}")), missing));
    Ok(requirements)
}

fn observed(phase: Phase, places: Places, detail: String) -> Observed {
    let Places { tree, inbox, home } = places;
    Observed { phase, tree, inbox, home, detail, state: String::new() }
}

/// What an image comes from, in a few words.
fn made_from(image: &ImageSource) -> &str {
    match image {
        ImageSource::Registry(from) | ImageSource::Archive(from) => from,
        ImageSource::Dockerfile(_) => "its Dockerfile",
    }
}

/// The engine in a few words.
fn engine(facts: &Facts) -> String {
    let Facts { product, version, api, rootless, cgroup_version, .. } = facts;
    let rootless = if *rootless { ", rootless" } else { "" };
    let cgroups = cgroup_version.map(|version| format!(", cgroups version {version}")).unwrap_or_default();
    format!("an engine ({product} {version}, API {api}{rootless}{cgroups})")
}

/// Limits that do not hold are no limits, so what lacks is told.
fn limits(facts: &Facts) -> Requirement {
    let all =
        [("memory", facts.limits_memory), ("processors", facts.limits_cpu), ("processes", facts.limits_processes)];
    let lacking: Vec<&str> = all.into_iter().filter(|(_, holds)| !holds).map(|(name, _)| name).collect();
    let missing = (!lacking.is_empty()).then(|| {
        failure!(Unavailable, "docker.limits", "the engine cannot limit {}", lacking.join(", ")).with_hint(
            "run the engine as root, or on a machine with control groups of version 2 that are delegated to it",
        )
    });
    Requirement { name: "limits of memory, processors and processes".to_owned(), optional: false, missing }
}

/// Variables of the container. Who is nearer to the workspace has the last word.
fn variables(config: &Config, options: &Options) -> Vec<(String, String)> {
    let own = [("USER", "agent"), ("LOGNAME", "agent"), ("LANG", "C.UTF-8"), ("SHELL", "/bin/sh")];
    let mut variables: BTreeMap<String, String> =
        own.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
    variables.extend(config.path.iter().map(|path| ("PATH".to_owned(), path.clone())));
    variables.extend(config.env.clone());
    variables.extend(options.env.clone());
    variables.into_iter().collect()
}

/// The command as it is started in the container.
fn inside(observed: &Observed, mut command: Command) -> Result<Command, Failure> {
    let cwd = command.cwd.get_or_insert_with(|| observed.tree.clone());
    let below = |root: &String| cwd.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if ![&observed.tree, &observed.inbox, &observed.home].into_iter().any(below)
        || cwd.split('/').any(|part| part == "..")
    {
        return Err(failure!(
            Plugin,
            "backend.cwd_outside",
            "the working directory {cwd:?} lies outside of the workspace"
        ));
    }
    if command.tty.is_some() && !command.env.iter().any(|(name, _)| name == "TERM") {
        command.env.push(("TERM".to_owned(), Value::Plain("xterm-256color".to_owned())));
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready() -> Observed {
        let places = Places { tree: "/workspace".into(), inbox: "/inbox".into(), home: "/home/agent".into() };
        observed(Phase::Ready, places, String::new())
    }

    fn command(cwd: Option<&str>, tty: Option<Tty>) -> Command {
        let cwd = cwd.map(str::to_owned);
        Command { program: "make".to_owned(), args: vec!["test".to_owned()], env: Vec::new(), cwd, tty }
    }

    fn facts() -> Facts {
        Facts {
            product: "docker".to_owned(),
            version: "20.10.24".to_owned(),
            api: "1.41".to_owned(),
            rootless: false,
            cgroup_version: Some(1),
            limits_memory: true,
            limits_cpu: true,
            limits_processes: true,
        }
    }

    #[test]
    fn a_command_begins_in_the_tree_and_nowhere_outside_of_the_workspace() {
        assert_eq!(inside(&ready(), command(None, None)).expect("no directory").cwd.as_deref(), Some("/workspace"));
        for cwd in ["/workspace/src", "/inbox/run", "/home/agent/.config"] {
            assert!(inside(&ready(), command(Some(cwd), None)).is_ok(), "{cwd}");
        }
        for cwd in ["/", "/etc", "/workspaces", "/workspace/../etc", "relative"] {
            let failure = inside(&ready(), command(Some(cwd), None)).expect_err(cwd);
            assert_eq!(failure.code, "backend.cwd_outside", "{cwd}");
        }
    }

    #[test]
    fn a_terminal_has_a_kind() {
        let shown = inside(&ready(), command(None, Some(Tty { rows: 24, cols: 80 }))).expect("a plain command");
        assert_eq!(shown.env, [("TERM".to_owned(), Value::Plain("xterm-256color".to_owned()))]);
        assert!(inside(&ready(), command(None, None)).expect("a plain command").env.is_empty());
    }

    #[test]
    fn the_workspace_has_the_last_word_on_its_variables() {
        let mut config = Config { path: Some("/opt/bin:/bin".to_owned()), ..Config::default() };
        config.env = BTreeMap::from([("A", "config"), ("USER", "dev")].map(|(n, v)| (n.to_owned(), v.to_owned())));
        let options = Options::read(r#"{ "env": { "A": "workspace" } }"#).expect("valid options");

        let variables: BTreeMap<_, _> = variables(&config, &options).into_iter().collect();

        let value = |name: &str| variables.get(name).map(String::as_str);
        assert_eq!((value("A"), value("USER"), value("PATH")), (Some("workspace"), Some("dev"), Some("/opt/bin:/bin")));
    }

    #[test]
    fn an_engine_that_cannot_limit_says_what() {
        assert_eq!(limits(&facts()).missing, None);

        let lacking = limits(&Facts { limits_memory: false, limits_processes: false, ..facts() });

        assert!(lacking.missing.expect("a failure").message.ends_with("memory, processes"));
        assert_eq!(engine(&facts()), "an engine (docker 20.10.24, API 1.41, cgroups version 1)");
    }
}
