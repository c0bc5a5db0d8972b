//! A served agent, a real sshd, and the commands that are run against them.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use sandboxed_ssh::{Agent, HostKeys, Key, Limits, Target, Use};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    net::UnixListener,
    process::{Child, ChildStderr, Command},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A folder of a test, removed with it.
pub(crate) fn folder() -> TempDir {
    tempfile::Builder::new().prefix("ssh-").tempdir().unwrap()
}

/// A key pair of `ssh-keygen`: `FILE` and `FILE.pub`.
pub(crate) async fn key_file(file: &Path, options: &[&str], passphrase: &str) {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-C", "a test", "-N", passphrase]).args(options).arg("-f").arg(file);
    expect_success(&run(&mut command).await);
}

pub(crate) fn key(file: &Path) -> Key {
    Key::from_openssh("deploy", &std::fs::read(file).unwrap(), None).unwrap()
}

pub(crate) async fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).kill_on_drop(true).env_remove("SSH_AUTH_SOCK").env_remove("SSH_ASKPASS");
    timeout(DEADLINE, command.output()).await.expect("the command ends").unwrap()
}

pub(crate) async fn run_with(agent: &Served, command: &mut Command) -> Output {
    command.stdin(Stdio::null()).kill_on_drop(true).env("SSH_AUTH_SOCK", &agent.socket).env_remove("SSH_ASKPASS");
    timeout(DEADLINE, command.output()).await.expect("the command ends").unwrap()
}

pub(crate) fn expect_success(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn expect_failure(output: &Output) -> String {
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The user who runs the tests: the only one as whom an sshd that is not root's lets anyone in.
pub(crate) async fn user() -> String {
    expect_success(&run(Command::new("id").arg("-un")).await).trim().to_owned()
}

/// An agent that is served until it is dropped.
pub(crate) struct Served {
    pub(crate) agent: Agent,
    pub(crate) socket: PathBuf,
    told: Arc<Mutex<Vec<Use>>>,
    shutdown: CancellationToken,
    task: Option<JoinHandle<()>>,
    _folder: TempDir,
}

impl Served {
    pub(crate) fn new(keys: Vec<Key>, host_keys: HostKeys, user: &str) -> Self {
        Self::limited(keys, host_keys, user, Limits::default())
    }

    pub(crate) fn limited(keys: Vec<Key>, host_keys: HostKeys, user: &str, limits: Limits) -> Self {
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&told);
        let target = Target { host_keys, user: user.to_owned() };
        let agent = Agent::new(keys, target, limits, Box::new(move |told| sink.lock().unwrap().push(told)));
        let folder = folder();
        let socket = folder.path().join("agent");
        let listener = UnixListener::bind(&socket).unwrap();
        let (served, shutdown) = (agent.clone(), CancellationToken::new());
        let until = shutdown.clone();
        let task = tokio::spawn(async move { served.serve(listener, until).await });
        Self { agent, socket, told, shutdown, task: Some(task), _folder: folder }
    }

    pub(crate) fn told(&self) -> Vec<Use> {
        self.told.lock().unwrap().clone()
    }

    pub(crate) async fn stop(&mut self) {
        self.shutdown.cancel();
        timeout(DEADLINE, self.task.take().unwrap()).await.expect("the agent ends").unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// A real sshd on loopback.
pub(crate) struct Sshd {
    pub(crate) port: u16,
    pub(crate) folder: TempDir,
    _child: Child,
}

impl Sshd {
    /// Starts one with a new host key of the kind and lets the owner of a public key in.
    pub(crate) async fn start(host_key: &[&str], authorized: &Path) -> Self {
        // An sshd of root's refuses to start without its empty folder, which the system's service makes otherwise.
        if user().await == "root" {
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        let folder = folder();
        let at = folder.path();
        key_file(&at.join("host_key"), host_key, "").await;
        std::fs::copy(authorized, at.join("authorized_keys")).unwrap();
        let mut log_of_last = String::new();
        // Another process may take the port between the look and the start.
        for _ in 0..5 {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
            let config = format!(
                "ListenAddress 127.0.0.1\nPort {port}\nHostKey {0}/host_key\nAuthorizedKeysFile {0}/authorized_keys\n\
                 PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
                 PermitRootLogin yes\nPubkeyAuthentication yes\n",
                at.display()
            );
            std::fs::write(at.join("sshd_config"), config).unwrap();
            // It executes itself again for each connection, so it wants its whole path.
            let mut command = Command::new(sshd_program());
            command.arg("-D").arg("-e").arg("-f").arg(at.join("sshd_config"));
            let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
            let log = BufReader::new(child.stderr.take().unwrap()).lines();
            match timeout(DEADLINE, listening(log)).await.expect("sshd starts or ends") {
                Ok(()) => return Self { port, folder, _child: child },
                Err(said) => log_of_last = said,
            }
        }
        panic!("sshd does not start: {log_of_last}");
    }

    /// What a client's `known_hosts` has of it.
    pub(crate) fn known_hosts(&self) -> String {
        let public = std::fs::read_to_string(self.folder.path().join("host_key.pub")).unwrap();
        format!("[127.0.0.1]:{} {public}", self.port)
    }

    pub(crate) fn host_keys(&self) -> HostKeys {
        HostKeys::of("127.0.0.1", self.port, &self.known_hosts()).unwrap()
    }

    /// The words of an `ssh` that knows this host and nothing of the machine's settings.
    pub(crate) fn ssh(&self) -> Vec<String> {
        let known_hosts = self.folder.path().join("known_hosts");
        std::fs::write(&known_hosts, self.known_hosts()).unwrap();
        let option = |text: &str| ["-o".to_owned(), text.to_owned()];
        let mut words = vec!["ssh".to_owned(), "-F".to_owned(), "none".to_owned()];
        words.extend(option("BatchMode=yes"));
        words.extend(option("IdentityFile=none"));
        words.extend(option("GlobalKnownHostsFile=none"));
        words.extend(option(&format!("UserKnownHostsFile={}", known_hosts.display())));
        words.extend(option(&format!("Port={}", self.port)));
        words
    }

    /// Runs a command there as a user, with the agent.
    pub(crate) async fn login(&self, agent: &Served, user: &str, options: &[&str], command: &str) -> Output {
        let words = self.ssh();
        let mut ssh = Command::new(&words[0]);
        ssh.args(&words[1..]).arg("-o").arg(format!("IdentityAgent={}", agent.socket.display())).args(options);
        run(ssh.arg("-l").arg(user).arg("127.0.0.1").arg(command)).await
    }
}

fn sshd_program() -> &'static str {
    ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd"]
        .into_iter()
        .find(|path| Path::new(path).exists())
        .expect("sshd is installed (openssh-server)")
}

/// Waits until an sshd listens, and reads on what it says; what it said where it ended before.
async fn listening(mut log: Lines<BufReader<ChildStderr>>) -> Result<(), String> {
    let mut said = String::new();
    while let Ok(Some(line)) = log.next_line().await {
        if line.contains("Server listening on") {
            tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
            return Ok(());
        }
        said.push_str(&line);
    }
    Err(said)
}
