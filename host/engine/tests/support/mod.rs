//! An engine to test with, an image to run and a workspace that cleans up after itself.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use sandboxed_engine::{
    ContainerSpec, Endpoint, Engine, Env, Error, ExecSession, ExecSpec, ExecUser, ImageReference, Network,
    OutputStream, Owner, Storage, User,
};
use sandboxed_model::{WorkspaceId, workspace::WorkspaceLimits};
pub(crate) use sandboxed_tests::engine::socket;
use tempfile::TempDir;

/// Long enough for a busy machine; nothing here is expected to take it.
const DEADLINE: Duration = Duration::from_secs(60);

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
            storage: Storage::Directories { tree: self.tree(), home: self.files.path().join("home") },
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
        sandboxed_tests::engine::ask(&self.socket, "GET", path, None).1
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
