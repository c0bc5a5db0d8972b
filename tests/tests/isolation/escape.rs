//! Every way out that `escape.sh` tries, and what each backend holds.

use std::{collections::BTreeMap, path::Path, process::Command};

use sandboxed_tests::{Server, server::Options, until};
use serde_json::json;

use crate::{
    backends::{Backend, HOST},
    begin, cancel,
    machine::Machine,
    of_kind, said, speaks, workspace,
};

on_each_backend!(
    only_the_ways_that_are_known_lead_out,
    killing_everything_kills_nothing_outside_of_the_workspace,
    the_environment_holds_nothing_of_the_servers,
);

const SCRIPT: &str = include_str!("escape.sh");

/// A server with two workspaces of a backend on a machine. A mission is under way in one of them.
pub(crate) struct Scene {
    pub(crate) machine: Machine,
    pub(crate) server: Server,
    pub(crate) attacker: String,
    pub(crate) neighbour: String,
    pub(crate) neighbours_mission: String,
    neighbours_run: String,
    neighbour_pid: u32,
    neighbour_mark: String,
}

impl Scene {
    pub(crate) async fn new(backend: &Backend, options: Options) -> Self {
        let machine = Machine::new().await;
        let config = options.config.or_else(backend.config);
        let server = Server::start_with(Options { config, ..options }).await;
        let api = server.api.url.strip_prefix("http://").unwrap();
        let (listed, relay, port) = (machine.listed, machine.relay, machine.port);
        let allow = [
            format!("127.0.0.1:{listed}"),
            format!("127.0.0.1:{relay}"),
            // A name whose address no rule names, and the server itself, which no rule opens.
            format!("localhost:{port}"),
            api.to_owned(),
        ];
        let network = json!({ "mode": "allow", "allow": allow });
        let attacker = workspace(&server, backend, json!({ "name": "attacker", "network": network })).await;
        let neighbour = workspace(&server, backend, json!({ "name": "neighbour" })).await;
        let neighbour_mark = format!("{}.5", 2_000_000 + server.pid());
        let script = format!("echo secret > secret; echo up; exec sleep {neighbour_mark}");
        let neighbours_mission = begin(&server, &neighbour, &script).await;
        speaks(&server, &neighbours_mission).await;
        let neighbour_pid = until("the neighbour to sleep", async || sleeper(&neighbour_mark)).await;
        let started = of_kind(&server, &neighbours_mission, "run_started").await;
        let neighbours_run = started[0]["run"].as_str().unwrap().to_owned();
        Self { machine, server, attacker, neighbour, neighbours_mission, neighbours_run, neighbour_pid, neighbour_mark }
    }

    /// The variables of `escape.sh`.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let data = self.server.data_dir();
        let tree = |workspace: &str| data.join(format!("workspaces/{workspace}/tree"));
        let secret = data.parent().unwrap().join("a-secret");
        std::fs::write(&secret, "a secret of the operator's").unwrap();
        std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let mut variables = self.machine.variables();
        variables.retain(|(name, _)| *name != "NAMED");
        variables.extend([
            ("NAMED", self.machine.port.to_string()),
            ("DATA", data.display().to_string()),
            ("SECRET_FILE", secret.display().to_string()),
            ("SERVER_PID", self.server.pid().to_string()),
            ("API", self.server.api.url.clone()),
            ("NEIGHBOUR_PID", self.neighbour_pid.to_string()),
            ("NEIGHBOUR_SOCKET", data.join(format!("runs/{}/ctl.sock", self.neighbours_run)).display().to_string()),
            ("NEIGHBOUR_MARK", self.neighbour_mark.clone()),
            ("NEIGHBOUR_FILE", tree(&self.neighbour).join("secret").display().to_string()),
        ]);
        variables
    }

    /// Tries everything from inside the workspace.
    pub(crate) async fn attack(&self) -> BTreeMap<String, String> {
        let tree = self.server.data_dir().join(format!("workspaces/{}/tree", self.attacker));
        plant_setuid(&tree);
        let mut script = String::from("export SETUID=$PWD/setuid-id");
        for (name, value) in self.variables() {
            script.push_str(&format!(" {name}='{value}'"));
        }
        script.push('\n');
        script.push_str(SCRIPT);
        outcomes(&said(&self.server, &self.attacker, &script).await)
    }

    pub(crate) async fn survives(&mut self) {
        assert!(self.machine.is_alive(), "the machine's process was killed");
        assert_eq!(self.server.api.state(&self.neighbours_mission).await, "running");
        cancel(&self.server, &self.neighbours_mission).await;
    }
}

/// Puts a program of root's into a directory that gives whoever starts it root's rights, unless it is kept from it.
fn plant_setuid(directory: &Path) {
    let program = directory.join("setuid-id");
    std::fs::copy("/usr/bin/id", &program).unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o4755)).unwrap();
}

fn outcomes(printed: &str) -> BTreeMap<String, String> {
    let lines = printed.lines().map(|line| line.split_once(": ").unwrap_or_else(|| panic!("{printed}")));
    lines.map(|(name, outcome)| (name.to_owned(), outcome.to_owned())).collect()
}

/// The names of all attempts.
pub(crate) fn attempts() -> Vec<&'static str> {
    let lines = SCRIPT.lines().filter_map(|line| line.strip_prefix("try "));
    lines.map(|line| line.split(' ').next().unwrap()).collect()
}

/// Everything is refused but what the list of hosts lets through and this.
#[track_caller]
pub(crate) fn assert_reached(outcomes: &BTreeMap<String, String>, shared: &[&str]) {
    let mut reached: Vec<&str> = Vec::new();
    for attempt in attempts() {
        match outcomes.get(attempt).map(String::as_str) {
            Some("reached") => reached.push(attempt),
            Some("refused") => {}
            other => panic!("{attempt} came to {other:?}"),
        }
    }
    reached.sort_unstable();
    let mut expected = [&BY_LIST[..], shared].concat();
    expected.sort_unstable();
    assert_eq!(reached, expected);
}

/// The process that sleeps for just this time.
fn sleeper(mark: &str) -> Option<u32> {
    std::fs::read_dir("/proc").unwrap().flatten().find_map(|process| {
        let line = std::fs::read(process.path().join("cmdline")).ok()?;
        let found =
            line.split(|byte| *byte == 0).any(|argument| argument == mark.as_bytes()) && line.starts_with(b"sleep");
        found.then(|| process.file_name().to_str()?.parse().ok())?
    })
}

/// What the list of hosts gives, and a relay in it: whoever is let through can pass on what is sent to it.
pub(crate) const BY_LIST: [&str; 4] = [
    "listed_address_by_proxy",
    "listed_address_by_tunnel",
    "listed_address_by_socks",
    "unlisted_port_by_a_listed_relay",
];

async fn only_the_ways_that_are_known_lead_out(backend: &Backend) {
    let mut scene = Scene::new(backend, Options::default()).await;

    let outcomes = scene.attack().await;

    assert_reached(&outcomes, backend.shared);
    scene.survives().await;
}

/// Reached by nobody on some machines, because there is no such thing there.
const NOT_EVERYWHERE: [&str; 16] = [
    "another_kernel",
    "clock_of_the_machine",
    "devices_of_the_kernel",
    "disk",
    "docker",
    "kernel_cryptography",
    "keyring",
    "load_a_module",
    "loopback_of_the_machine_v6",
    "memory_of_the_kernel",
    "metadata_of_the_cloud",
    "more_open_files",
    "private_keys_of_the_machine",
    "sysrq",
    "user_namespace_by_x32",
    "vsock",
];

/// If an attempt could not succeed anywhere, that it is refused would say nothing.
#[tokio::test]
async fn without_isolation_every_attempt_succeeds() {
    let mut scene = Scene::new(&HOST, Options::default()).await;
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("escape.sh");
    std::fs::write(&script, SCRIPT).unwrap();
    plant_setuid(directory.path());
    let mut command = Command::new("bash");
    command.arg(&script).current_dir(directory.path()).env("SETUID", directory.path().join("setuid-id"));
    command.envs(scene.variables()).env_remove("http_proxy");

    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();

    let outcomes = outcomes(&String::from_utf8(output.stdout).unwrap());
    let refused: Vec<&str> = attempts()
        .into_iter()
        .filter(|attempt| outcomes[*attempt] != "reached")
        .filter(|attempt| !NOT_EVERYWHERE.contains(attempt))
        // There is no proxy outside.
        .filter(|attempt| !attempt.contains("proxy") && !BY_LIST.contains(attempt))
        .filter(|attempt| {
            !["other_spellings", "listed_name_of_a_private_address", "another_host_in_the_request"].contains(attempt)
        })
        .collect();
    assert_eq!(refused, Vec::<&str>::new());
    scene.survives().await;
}

async fn killing_everything_kills_nothing_outside_of_the_workspace(backend: &Backend) {
    let mut scene = Scene::new(backend, Options::default()).await;

    said(&scene.server, &scene.attacker, "trap '' TERM; kill -9 -1; kill -TERM -1; echo done").await;

    let kill_all = "for p in /proc/[0-9]*; do kill -9 ${p#/proc/}; done; for p in $(seq 2 99999); do kill -9 $p; done";
    said(&scene.server, &scene.attacker, kill_all).await;
    assert_eq!(said(&scene.server, &scene.attacker, "echo still here").await, "still here\n");
    scene.survives().await;
}

/// Variables that a workspace's processes have, besides those that tell of the proxy.
const VARIABLES: [&str; 12] =
    ["HOME", "HOSTNAME", "LANG", "LOGNAME", "OLDPWD", "PATH", "PWD", "SANDBOXED_SH_RUN", "SHELL", "SHLVL", "USER", "_"];

async fn the_environment_holds_nothing_of_the_servers(backend: &Backend) {
    let server = crate::server(backend, &[("OPERATORS_OWN", "kept-from-all")]).await;
    let workspace = workspace(&server, backend, json!({})).await;

    let printed =
        said(&server, &workspace, "env; echo; cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n'").await;

    let (own, all) = printed.split_once("\n\n").unwrap();
    assert!(!own.contains("kept-from-all") && !all.contains("kept-from-all"), "{printed}");
    assert!(!own.contains(server.api.token.as_str()) && !own.contains("OPERATORS_OWN"), "{own}");
    let names = own.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name);
    let other: Vec<&str> =
        names.filter(|name| !VARIABLES.contains(name) && !name.to_ascii_lowercase().ends_with("_proxy")).collect();
    assert_eq!(other, Vec::<&str>::new());
}
