//! Arguments that describe a workspace to make.

use std::collections::BTreeMap;

use clap::Args;
use sandboxed_model::{
    PluginId,
    account::AccountName,
    config::ByteSize,
    context::{McpAddress, McpProgram, McpServer, McpServerName, SkillName},
    port::DeclaredPort,
    recipe::{EnvValue, InitStep, Mount, Recipe, VariableName},
    template::TemplateChoice,
    workspace::{NetworkMode, NetworkPolicy, NetworkVia, NewWorkspace, WorkspaceLimits, WorkspaceName},
};
use serde_json::Value;

use super::{JsonObject, json_object, ports::declared_port};

/// A workspace to make.
#[derive(Debug, Args)]
pub(crate) struct WorkspaceArguments {
    /// Its name; made up where none is given.
    name: Option<WorkspaceName>,
    /// The backend that isolates it.
    #[arg(long, value_name = "PLUGIN")]
    backend: Option<PluginId>,
    /// Options for the backend.
    #[arg(long, value_name = "JSON", value_parser = json_object)]
    options: Option<JsonObject>,
    /// A Dockerfile that it is made by, for backends with the option `dockerfile`. No other files go into the build.
    #[arg(long, value_name = "FILE", value_parser = text_of)]
    dockerfile: Option<String>,
    /// What it reaches: none, allow, open or shared.
    #[arg(long, value_name = "MODE", value_parser = network_mode)]
    network: Option<NetworkMode>,
    /// A host that it reaches, and no others but those named like this: example.org:443, *.example.org:443.
    #[arg(long, value_name = "HOST:PORT")]
    allow: Vec<String>,
    /// The network by which all of it goes: tailnet (its machines only) or exit_node (public addresses only).
    #[arg(long, value_name = "NETWORK", value_parser = network_via)]
    via: Option<NetworkVia>,
    /// Memory that its processes may use together: 512MiB, 4GiB.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    memory: Option<u64>,
    /// Processors that they may use: 2, 0.5.
    #[arg(long, value_name = "NUMBER", value_parser = processors)]
    cpus: Option<u32>,
    /// Processes and threads that there may be.
    #[arg(long, value_name = "NUMBER")]
    processes: Option<u32>,
    /// What its files may take on disk: 500MiB, 10GiB.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    disk: Option<u64>,
    /// A port that is known before anything listens on it: web=3000, api=https:8443.
    #[arg(long, value_name = "NAME=PORT", value_parser = declared_port)]
    port: Vec<DeclaredPort>,
    /// A variable of all its processes.
    #[arg(long, value_name = "NAME=VALUE", value_parser = plain_variable)]
    env: Vec<(VariableName, EnvValue)>,
    /// A variable whose value is a secret that is for workspaces, or that workspaces.secrets lists.
    #[arg(long, value_name = "NAME=SECRET", value_parser = secret_variable)]
    secret_env: Vec<(VariableName, EnvValue)>,
    /// A variable that holds the path of a file in memory with the value of a secret.
    #[arg(long, value_name = "NAME=SECRET", value_parser = secret_file)]
    secret_file: Vec<(VariableName, EnvValue)>,
    /// A directory of the machine below one of workspaces.mounts; with `:rw` it can be written to.
    #[arg(long, value_name = "SOURCE:/mnt/NAME[:rw]", value_parser = mount)]
    mount: Vec<Mount>,
    /// A file with a shell script that is run in it when it is made.
    #[arg(long, value_name = "FILE", value_parser = init_step)]
    init: Vec<InitStep>,
    /// An account of a provider whose key is in the environment of its missions itself, and not behind the gateway.
    #[arg(long, value_name = "ACCOUNT")]
    direct_key: Vec<AccountName>,
    /// A file with what agents of its missions are to keep to, besides what repositories say.
    #[arg(long, value_name = "FILE", value_parser = text_of)]
    instructions: Option<String>,
    /// A skill of the library that they have.
    #[arg(long, value_name = "NAME")]
    skill: Vec<SkillName>,
    /// A server of tools that they use: an address, with @SECRET for the token that it wants, or a program with arguments.
    #[arg(long, value_name = "NAME=URL[@SECRET]|NAME=PROGRAM…", value_parser = mcp_server)]
    mcp_server: Vec<(McpServerName, McpServer)>,
    /// The template that it is made from; what else is said counts over it.
    #[arg(long, value_name = "NAME[@VERSION]")]
    template: Option<TemplateChoice>,
}

impl From<WorkspaceArguments> for NewWorkspace {
    fn from(arguments: WorkspaceArguments) -> Self {
        let WorkspaceArguments { name, backend, options, network, allow, memory, cpus, processes, disk, port, .. } =
            arguments;
        let WorkspaceArguments {
            dockerfile, env, secret_env, secret_file, mount, init, template, via, direct_key, ..
        } = arguments;
        let WorkspaceArguments { instructions, skill, mcp_server, .. } = arguments;
        let mut options = options.unwrap_or_default();
        options.extend(dockerfile.map(|text| ("dockerfile".to_owned(), Value::String(text))));
        let mode = network
            .or((!allow.is_empty()).then_some(NetworkMode::Allow))
            .or(via.is_some().then_some(NetworkMode::Open));
        Self {
            name,
            backend,
            options: Value::Object(options),
            network: mode.map(|mode| NetworkPolicy { mode, allow, via }),
            limits: WorkspaceLimits { memory, cpu_millis: cpus, processes, disk },
            ports: port,
            recipe: Recipe {
                env: env.into_iter().chain(secret_env).chain(secret_file).collect(),
                mounts: mount,
                init,
                direct_keys: direct_key,
                instructions,
                skills: skill,
                mcp_servers: mcp_server.into_iter().collect(),
            },
            template,
        }
    }
}

fn network_mode(name: &str) -> Result<NetworkMode, String> {
    let known = [NetworkMode::None, NetworkMode::Allow, NetworkMode::Open, NetworkMode::Shared];
    known
        .into_iter()
        .find(|mode| mode.as_str() == name)
        .ok_or_else(|| format!("the modes are {}", known.map(NetworkMode::as_str).join(", ")))
}

fn network_via(name: &str) -> Result<NetworkVia, String> {
    let known = [NetworkVia::Tailnet, NetworkVia::ExitNode];
    known
        .into_iter()
        .find(|via| via.as_str() == name)
        .ok_or_else(|| format!("the networks are {}", known.map(NetworkVia::as_str).join(" and ")))
}

fn plain_variable(text: &str) -> Result<(VariableName, EnvValue), String> {
    let (name, value) = text.split_once('=').ok_or("it is NAME=VALUE")?;
    Ok((named(name)?, EnvValue::Plain(value.to_owned())))
}

fn secret_file(text: &str) -> Result<(VariableName, EnvValue), String> {
    let (name, secret) =
        text.split_once('=').ok_or("it is NAME=SECRET, with the name of a secret and not its value")?;
    Ok((named(name)?, EnvValue::SecretFile { secret_file: secret.to_owned() }))
}

fn secret_variable(text: &str) -> Result<(VariableName, EnvValue), String> {
    let (name, secret) =
        text.split_once('=').ok_or("it is NAME=SECRET, with the name of a secret and not its value")?;
    Ok((named(name)?, EnvValue::Secret { secret: secret.to_owned() }))
}

/// What begins like an address is one. A program's words are those of a shell's command line.
fn mcp_server(text: &str) -> Result<(McpServerName, McpServer), String> {
    let (name, said) = text.split_once('=').ok_or("it is NAME=URL or NAME=PROGRAM")?;
    let name = name.parse::<McpServerName>().map_err(|error| error.to_string())?;
    if said.starts_with("https://") || said.starts_with("http://") {
        let (url, token) = match said.rsplit_once('@') {
            Some((url, secret)) => (url.to_owned(), Some(secret.to_owned())),
            None => (said.to_owned(), None),
        };
        return Ok((name, McpServer::Http(McpAddress { url, token })));
    }
    let mut words = shlex::split(said).ok_or("its command line has an open quote")?.into_iter();
    let program = words.next().ok_or("it names no program")?;
    Ok((name, McpServer::Program(McpProgram { program, args: words.collect(), env: BTreeMap::new() })))
}

fn named(name: &str) -> Result<VariableName, String> {
    name.parse::<VariableName>().map_err(|error| error.to_string())
}

fn mount(text: &str) -> Result<Mount, String> {
    let (text, writable) = match text.strip_suffix(":rw") {
        Some(rest) => (rest, true),
        None => (text.strip_suffix(":ro").unwrap_or(text), false),
    };
    let (source, target) =
        text.rsplit_once(':').ok_or("it is SOURCE:/mnt/NAME, with :rw behind it where it is to be written")?;
    Ok(Mount { source: source.to_owned(), target: target.to_owned(), writable })
}

fn text_of(path: &str) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("it cannot be read: {error}"))
}

/// A step that runs the script in this file and has its name.
fn init_step(path: &str) -> Result<InitStep, String> {
    let script = text_of(path)?;
    let name = std::path::Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.ok_or("it has no name")?.chars().take(100).collect();
    Ok(InitStep { name, script, timeout_secs: None, cache: None, secrets: Vec::new() })
}

fn size(text: &str) -> Result<u64, String> {
    text.parse::<ByteSize>().map(|size| size.0).map_err(|error| error.to_string())
}

fn processors(text: &str) -> Result<u32, String> {
    let number: f64 = text.parse().map_err(|_| "it is no number".to_owned())?;
    let millis = (number * 1000.0).round();
    if !(100.0..=1e6).contains(&millis) {
        return Err("it lies between 0.1 and 1000".to_owned());
    }
    Ok(millis as u32)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        workspace: WorkspaceArguments,
    }

    fn parse(line: &str) -> Result<NewWorkspace, String> {
        let line = Line::try_parse_from(format!("x {line}").split_whitespace());
        line.map(|line| line.workspace.into()).map_err(|error| error.to_string())
    }

    #[test]
    fn naming_a_host_is_enough_to_allow_only_it() {
        let network = parse("--allow example.org:443").unwrap().network.unwrap();

        assert_eq!((network.mode, network.allow), (NetworkMode::Allow, vec!["example.org:443".to_owned()]));
        assert_eq!(parse("").unwrap().network, None);
        let network = parse("--via exit_node").unwrap().network.unwrap();
        assert_eq!((network.mode, network.via), (NetworkMode::Open, Some(NetworkVia::ExitNode)));
    }

    #[test]
    fn a_dockerfile_is_an_option_among_others() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "FROM a").unwrap();

        let new = parse(&format!("--options {{\"x\":1}} --dockerfile {}", file.path().display())).unwrap();

        assert_eq!(new.options, serde_json::json!({ "x": 1, "dockerfile": "FROM a" }));
        assert!(parse("--dockerfile /no/such/file").is_err());
    }

    #[test]
    fn variables_secrets_and_mounts_are_read() {
        let recipe =
            parse("--env A=b=c --secret-env KEY=npm --mount /srv/a:/mnt/a --mount /srv/b:/mnt/b:rw").unwrap().recipe;

        let env: Vec<_> = recipe.env.iter().map(|(name, value)| (name.as_str(), value.secret())).collect();
        assert_eq!(env, [("A", None), ("KEY", Some("npm"))]);
        let mounts: Vec<_> = recipe.mounts.iter().map(|m| (m.source.as_str(), m.target.as_str(), m.writable)).collect();
        assert_eq!(mounts, [("/srv/a", "/mnt/a", false), ("/srv/b", "/mnt/b", true)]);
        for wrong in ["--env A", "--env LD_PRELOAD=x", "--mount /srv", "--init /no/such/file", "--template No"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn limits_are_read_in_the_units_that_people_use() {
        let limits = parse("--memory 2GiB --cpus 0.5 --processes 100").unwrap().limits;

        assert_eq!((limits.memory, limits.cpu_millis, limits.processes), (Some(2 << 30), Some(500), Some(100)));
        for wrong in ["--cpus 0", "--cpus many", "--memory 2cats", "--network wide"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
