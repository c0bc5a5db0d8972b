//! Arguments that describe a workspace to make.

use clap::Args;
use sandboxed_model::{
    PluginId,
    config::ByteSize,
    port::DeclaredPort,
    workspace::{NetworkMode, NetworkPolicy, NewWorkspace, WorkspaceLimits, WorkspaceName},
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
    /// What it reaches: none, allow, open or shared.
    #[arg(long, value_name = "MODE", value_parser = network_mode)]
    network: Option<NetworkMode>,
    /// A host that it reaches, and no others but those named like this: example.org:443, *.example.org:443.
    #[arg(long, value_name = "HOST:PORT")]
    allow: Vec<String>,
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
}

impl From<WorkspaceArguments> for NewWorkspace {
    fn from(arguments: WorkspaceArguments) -> Self {
        let WorkspaceArguments { name, backend, options, network, allow, memory, cpus, processes, disk, port } =
            arguments;
        let mode = network.or((!allow.is_empty()).then_some(NetworkMode::Allow));
        Self {
            name,
            backend,
            options: options.map_or_else(|| serde_json::json!({}), Value::Object),
            network: mode.map(|mode| NetworkPolicy { mode, allow }),
            limits: WorkspaceLimits { memory, cpu_millis: cpus, processes, disk },
            ports: port,
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

fn size(text: &str) -> Result<u64, String> {
    text.parse::<ByteSize>().map(|size| size.0).map_err(|error| error.to_string())
}

fn processors(text: &str) -> Result<u32, String> {
    let number: f64 = text.parse().map_err(|_| "it is no number".to_owned())?;
    let millis = (number * 1000.0).round();
    if !(10.0..=1e6).contains(&millis) {
        return Err("it lies between 0.01 and 1000".to_owned());
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
