//! A server that is started, killed and started again on the same data.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::{Api, cli, config, plugin_cache, programs, until};

/// A running server with a data directory of its own.
pub struct Server {
    home: TempDir,
    config: PathBuf,
    environment: Vec<(String, String)>,
    user: Option<u32>,
    child: Child,
    /// Its HTTP API, with the operator's token.
    pub api: Api,
}

/// How a server is started.
#[derive(Default)]
pub struct Options {
    /// The text of `sandboxed.toml`; absent takes the embedded one, with what the tests need.
    pub config: Option<String>,
    /// Variables.
    pub environment: Vec<(String, String)>,
    /// The data directory is a file system of its own with this many bytes. Needs root.
    pub disk: Option<u64>,
    /// The server runs as this user, without any right of root's. Needs root.
    pub user: Option<u32>,
    /// Harnesses whose programs are installed already.
    pub programs: Vec<String>,
    /// Where the directory with all that is the server's is made; absent makes it where temporary files are.
    pub place: Option<PathBuf>,
}

impl Server {
    /// Starts a server on a new data directory.
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    /// Starts a server with options on a new data directory.
    pub async fn start_with(options: Options) -> Self {
        let home = options.place.as_ref().map_or_else(tempfile::tempdir, tempfile::tempdir_in).unwrap();
        let config = home.path().join("sandboxed.toml");
        std::fs::write(&config, options.config.unwrap_or_else(config::of_tests)).unwrap();
        if let Some(bytes) = options.disk {
            let data = home.path().join("data");
            std::fs::create_dir(&data).unwrap();
            let size = format!("size={bytes},mode=0700");
            nix::mount::mount(Some("tmpfs"), &data, Some("tmpfs"), nix::mount::MsFlags::empty(), Some(size.as_str()))
                .unwrap();
        }
        plugin_cache::lend(&home.path().join("data"));
        for harness in &options.programs {
            programs::lend(&home.path().join("data"), harness);
        }
        if let Some(user) = options.user {
            move_in(home.path(), user);
        }
        let Options { environment, user, .. } = options;
        let child = spawn(home.path(), &config, &environment, user);
        let mut server = Self { home, config, environment, user, child, api: Api::unconnected() };
        server.connect().await;
        server
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Process id of the server.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What the server has logged so far, over all its starts.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.home.path().join("server.log")).unwrap()
    }

    /// Kills the server as a crash would: it gets no chance to do anything.
    pub fn crash(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the server to stop and waits until it has.
    pub async fn stop(&mut self) -> i32 {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM).unwrap();
        let child = &mut self.child;
        until("the server to stop", async || child.try_wait().unwrap()).await.code().unwrap_or(-1)
    }

    /// Gives the server, which was started with a configuration, another one for its next start.
    pub fn configure(&self, config: &str) {
        std::fs::write(&self.config, config).unwrap();
    }

    /// Starts the server again on the same data.
    pub async fn restart(&mut self) {
        self.child = spawn(self.home.path(), &self.config, &self.environment, self.user);
        self.connect().await;
    }

    /// Runs the command line on this server's data directory.
    pub fn cli(&self, arguments: &[&str]) -> cli::Finished {
        cli::cli(&self.data_dir(), arguments)
    }

    async fn connect(&mut self) {
        let path = self.data_dir().join("server.json");
        let pid = self.child.id();
        let child = &mut self.child;
        let log = self.home.path().join("server.log");
        let found: Value = until("the server to listen", async || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the server ended with {status}:\n{}", std::fs::read_to_string(&log).unwrap());
            }
            let text = std::fs::read_to_string(&path).ok()?;
            let found: Value = serde_json::from_str(&text).ok()?;
            (found["pid"] == pid).then_some(found)
        })
        .await;
        plugin_cache::keep(&self.data_dir());
        self.api = Api::new(found["url"].as_str().unwrap(), found["token"].as_str().unwrap());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Runs outlive the server by design; a test must not leave any.
        for meta in glob_runs(&self.data_dir()) {
            if let Some(pid) = meta["shim_pid"].as_i64().or_else(|| meta["shim"]["pid"].as_i64()) {
                let group = Pid::from_raw(i32::try_from(pid).unwrap());
                let _ = kill(group, Signal::SIGKILL);
            }
            if let Some(pid) = meta["payload_pid"].as_i64().or_else(|| meta["pid"].as_i64()) {
                let _ = nix::sys::signal::killpg(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGKILL);
            }
            for group in cgroups(&meta) {
                remove_cgroup(&group);
            }
        }
        // What the server mounted for workspaces stays mounted for the next server; the disk comes last.
        for mounted in mounted_below(self.home.path()).into_iter().rev() {
            let _ = nix::mount::umount2(&mounted, nix::mount::MntFlags::MNT_DETACH);
        }
    }
}

/// What is mounted below a directory, what lies higher first.
fn mounted_below(directory: &Path) -> Vec<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(4)).map(PathBuf::from);
    points.filter(|point| point.starts_with(directory)).collect()
}

/// What is written about each run that has not ended.
fn glob_runs(data_dir: &Path) -> Vec<Value> {
    let Ok(runs) = std::fs::read_dir(data_dir.join("runs")) else { return Vec::new() };
    runs.flatten()
        .filter(|run| !run.path().join("exit.json").exists())
        .filter_map(|run| std::fs::read_to_string(run.path().join("meta.json")).ok())
        .filter_map(|text| serde_json::from_str(&text).ok())
        .collect()
}

/// The control groups that a record names.
fn cgroups(record: &Value) -> Vec<PathBuf> {
    match record {
        Value::String(text) if text.starts_with("/sys/fs/cgroup/") => vec![PathBuf::from(text)],
        Value::Array(values) => values.iter().flat_map(cgroups).collect(),
        Value::Object(values) => values.values().flat_map(cgroups).collect(),
        _ => Vec::new(),
    }
}

/// Kills what is in a control group and removes it, and the one above if nothing else is in it.
fn remove_cgroup(group: &Path) {
    let until = Instant::now() + Duration::from_secs(2);
    while std::fs::remove_dir(group).is_err() && group.exists() && Instant::now() < until {
        let members = std::fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
        for member in members.lines().filter_map(|line| line.parse().ok()).filter(|&pid| pid > 0) {
            let _ = kill(Pid::from_raw(member), Signal::SIGKILL);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let _ = group.parent().map(std::fs::remove_dir);
}

/// Makes a home a user's own, with all that the server needs: where the binary was built the user may see nothing.
fn move_in(home: &Path, user: u32) {
    let binary = home.join("sandboxed-sh");
    if std::fs::hard_link(cli::binary(), &binary).is_err() {
        std::fs::copy(cli::binary(), &binary).unwrap();
    }
    let plugins = home.join("plugins");
    std::fs::create_dir(&plugins).unwrap();
    for plugin in std::fs::read_dir(cli::plugin_dir()).unwrap().flatten() {
        std::fs::copy(plugin.path(), plugins.join(plugin.file_name())).unwrap();
    }
    let own = Command::new("chown").args(["-R", &format!("{user}:{user}")]).args([home.join("data"), plugins]).status();
    assert!(own.unwrap().success());
    std::os::unix::fs::chown(home, Some(user), Some(user)).unwrap();
}

fn spawn(home: &Path, config: &Path, environment: &[(String, String)], user: Option<u32>) -> Child {
    let log = File::options().create(true).append(true).open(home.join("server.log")).unwrap();
    let mut command = cli::command(&home.join("data"));
    if let Some(user) = user {
        let plain = std::mem::replace(&mut command, Command::new("setpriv"));
        command.args([&format!("--reuid={user}"), &format!("--regid={user}")]);
        command.args(["--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--"]).arg(home.join("sandboxed-sh"));
        for (name, value) in plain.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.env("SANDBOXED_SH_PLUGIN_DIR", home.join("plugins")).current_dir(home);
    }
    command
        .arg("--config")
        .arg(config)
        .args(["serve", "--no-welcome", "--listen", "127.0.0.1:0"])
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .stdin(Stdio::null())
        .spawn()
        .unwrap()
}
