//! An engine to test with, an image to run and a workspace that cleans up after itself.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{OnceLock, mpsc},
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use sandboxed_engine::{
    ContainerSpec, Endpoint, Engine, Env, Error, ExecSession, ExecSpec, ExecUser, ImageReference, Network,
    OutputStream, Owner, User,
};
use sandboxed_model::{WorkspaceId, workspace::WorkspaceLimits};
use tempfile::TempDir;

/// Long enough for a busy machine; nothing here is expected to take it.
const DEADLINE: Duration = Duration::from_secs(60);

const MACHINE: &str = "/var/run/docker.sock";

/// Whether the engine reaches what listens on this machine's own address: one that the tests have started does not.
pub(crate) fn shares_loopback() -> bool {
    socket() == Path::new(MACHINE)
}

/// The socket of an engine: the machine's own, or one that lives as long as this process.
pub(crate) fn socket() -> PathBuf {
    static SOCKET: OnceLock<PathBuf> = OnceLock::new();
    SOCKET
        .get_or_init(|| {
            let machine = Path::new(MACHINE);
            if UnixStream::connect(machine).is_ok() {
                return machine.to_owned();
            }
            let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("engine-{}", std::process::id()));
            Daemon::launch(root, false).into_background()
        })
        .clone()
}

/// Runs an engine in the directory `$1` until it is told to end, and then removes the directory if `$2` is `rm`.
const DAEMON: &str = r#"
unshare --net dockerd --bridge=none --iptables=false --host="unix://$1/sock" \
  --data-root "$1/data" --exec-root "$1/exec" --pidfile "$1/pid" &
trap 'kill $!' TERM
wait $!
wait $!
"$2" -rf "$1"
"#;

/// An engine of one's own. It has its own network namespace: two on one machine fight over the bridge otherwise.
pub(crate) struct Daemon {
    root: PathBuf,
    end: Option<mpsc::Sender<()>>,
    ended: mpsc::Receiver<()>,
}

impl Daemon {
    /// Its files stay in `root`, for the next one.
    pub(crate) fn start(root: PathBuf) -> Self {
        Self::launch(root, true)
    }

    fn launch(root: PathBuf, keep: bool) -> Self {
        std::fs::create_dir_all(&root).unwrap();
        let (end, must_end) = mpsc::channel();
        let (has_ended, ended) = mpsc::channel();
        let thread_root = root.clone();
        // `--pdeathsig` looks at the thread that started the process: it must live as long as the daemon.
        std::thread::spawn(move || {
            let root = thread_root;
            let log = std::fs::File::create(root.join("log")).unwrap();
            let mut daemon = Command::new("setpriv")
                .args(["--pdeathsig", "TERM", "sh", "-c", DAEMON, "sh"])
                .arg(&root)
                .arg(if keep { "true" } else { "rm" })
                .stdin(Stdio::null())
                .stdout(log.try_clone().unwrap())
                .stderr(log)
                .spawn()
                .expect("the tests need a running Docker, or root and dockerd, setpriv and unshare to start one");
            let _ = must_end.recv();
            let _ = Command::new("kill").arg(daemon.id().to_string()).status();
            let _ = daemon.wait();
            let _ = has_ended.send(());
        });
        let daemon = Self { root, end: Some(end), ended };
        let give_up = Instant::now() + DEADLINE;
        while UnixStream::connect(daemon.socket()).is_err() {
            assert!(Instant::now() < give_up, "dockerd does not start, see {}", daemon.root.join("log").display());
            std::thread::sleep(Duration::from_millis(20));
        }
        daemon
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.root.join("sock")
    }

    /// Ends the daemon and returns when it has ended.
    pub(crate) fn stop(&mut self) {
        if self.end.take().is_some() {
            self.ended.recv_timeout(DEADLINE).expect("dockerd ends when it is told to");
        }
    }

    fn into_background(self) -> PathBuf {
        let socket = self.socket();
        std::mem::forget(self);
        socket
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A server, an image and the directories of a workspace. What it made on the engine goes when it goes.
pub(crate) struct Fixture {
    pub(crate) engine: Engine,
    pub(crate) workspace: WorkspaceId,
    pub(crate) image: ImageReference,
    pub(crate) files: TempDir,
    socket: PathBuf,
    owner: Owner,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::on(&socket()).await
    }

    pub(crate) async fn on(socket: &Path) -> Self {
        let workspace = WorkspaceId::new();
        let owner: Owner = format!("test-{workspace}").parse().unwrap();
        let engine = Engine::connect(Endpoint::Socket(socket.to_owned()), owner.clone()).await.unwrap();
        let files = tempfile::tempdir().unwrap();
        for directory in ["tree", "home"] {
            let path = files.path().join(directory);
            std::fs::create_dir(&path).unwrap();
            std::os::unix::fs::chown(&path, Some(1000), Some(1000)).unwrap();
        }
        let image: ImageReference = format!("sandboxed-test/{workspace}:1").parse().unwrap();
        let fixture = Self { engine, workspace, image, files, socket: socket.to_owned(), owner };
        fixture.engine.import_image(&fixture.image, std::io::Cursor::new(root_file_system("image"))).await.unwrap();
        fixture
    }

    /// With a container that runs.
    pub(crate) async fn running() -> Self {
        let fixture = Self::new().await;
        fixture.engine.ensure_container(&fixture.spec()).await.unwrap();
        fixture
    }

    pub(crate) fn spec(&self) -> ContainerSpec {
        ContainerSpec {
            workspace: self.workspace,
            image: self.image.clone(),
            tree: self.tree(),
            home: self.files.path().join("home"),
            binds: Vec::new(),
            limits: WorkspaceLimits::default(),
            network: Network::None,
            env: Env::default(),
            user: User::default(),
            seccomp: None,
        }
    }

    pub(crate) fn tree(&self) -> PathBuf {
        self.files.path().join("tree")
    }

    /// Another server on the same engine.
    pub(crate) async fn neighbour(&self) -> Engine {
        let owner = format!("other-{}", self.workspace).parse().unwrap();
        Engine::connect(Endpoint::Socket(self.socket.clone()), owner).await.unwrap()
    }

    pub(crate) async fn start(&self, spec: &ExecSpec) -> ExecSession {
        self.engine.exec(self.workspace, spec).await.unwrap()
    }

    /// What a shell command prints and how it ends.
    pub(crate) async fn sh(&self, command: &str) -> Ended {
        finish(self.start(&shell(command)).await).await
    }

    /// The engine's own description of an object.
    pub(crate) fn ask(&self, path: &str) -> serde_json::Value {
        let mut connection = UnixStream::connect(&self.socket).unwrap();
        write!(connection, "GET {path} HTTP/1.0\r\nHost: engine\r\n\r\n").unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let (socket, owner, workspace, image) =
            (self.socket.clone(), self.owner.clone(), self.workspace, self.image.clone());
        // The test's own runtime cannot wait here, and may be the one that is going.
        let cleaned = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let engine = Engine::connect(Endpoint::Socket(socket), owner).await?;
                engine.remove(workspace).await?;
                engine.remove_image(&image).await
            })
        });
        if let (Ok(Err(error)), false) = (cleaned.join(), std::thread::panicking()) {
            panic!("the test left something behind: {error}");
        }
    }
}

pub(crate) fn shell(command: &str) -> ExecSpec {
    ExecSpec {
        argv: ["sh", "-c", command].map(str::to_owned).to_vec(),
        env: Env::default(),
        cwd: None,
        tty: None,
        user: ExecUser::Container,
    }
}

pub(crate) fn env(name: &str, value: &str) -> Env {
    Env::new([(name.to_owned(), value.to_owned())]).unwrap()
}

/// What a program printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) exit: Result<i64, Error>,
}

pub(crate) async fn finish(mut session: ExecSession) -> Ended {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Some(piece) = session.output.next().await {
        match piece.unwrap() {
            (OutputStream::Stdout, bytes) => stdout.extend(bytes),
            (OutputStream::Stderr, bytes) => stderr.extend(bytes),
        }
    }
    let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    Ended { stdout, stderr, exit: session.control.exit().await }
}

/// Waits until the condition holds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let give_up = Instant::now() + DEADLINE;
    while !holds().await {
        assert!(Instant::now() < give_up, "not within {DEADLINE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A root file system of nothing but a static busybox and a file `name`.
pub(crate) fn root_file_system(name: &str) -> Vec<u8> {
    let busybox = std::fs::read("/bin/busybox").expect("the tests need a static /bin/busybox (busybox-static)");
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(busybox.len() as u64);
    header.set_mode(0o755);
    archive.append_data(&mut header, "bin/busybox", busybox.as_slice()).unwrap();
    let applets = ["cat", "dd", "head", "id", "ls", "ps", "setsid", "sh", "sleep", "stty", "tail", "touch", "true"];
    for applet in applets {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        archive.append_link(&mut header, format!("bin/{applet}"), "busybox").unwrap();
    }
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    archive.append_data(&mut header, name, std::io::empty()).unwrap();
    archive.into_inner().unwrap()
}
