//! A place for runs that leaves nothing behind.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use nix::{errno::Errno, sys::signal::kill, unistd::Pid};
use sandboxed_exec::{
    Attached, Chunk, ContainmentKind, OutputStream, Run, RunSpec, SpoolReader, StdinMode, Supervisor, SupervisorConfig,
};
use sandboxed_model::RunId;
use serde_json::Value;
use tempfile::TempDir;

/// The program that is the shim, and a server that can be killed.
pub(crate) const FIXTURE: &str = env!("CARGO_BIN_EXE_exec-test-fixture");

/// How long anything may take before a test gives it up.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Lab {
    pub(crate) supervisor: Supervisor,
    home: TempDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::with_limit(64 << 20)
    }

    pub(crate) fn with_limit(spool_limit: u64) -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("work")).unwrap();
        let supervisor = supervisor(&home.path().join("runs"), spool_limit);
        Self { supervisor, home }
    }

    pub(crate) fn held_by(mut self, kind: ContainmentKind) -> Self {
        self.supervisor = self.supervisor.clone().with_containment(kind);
        self
    }

    /// As a server that was started anew would have it.
    pub(crate) fn another_supervisor(&self) -> Supervisor {
        supervisor(&self.runs(), 64 << 20)
    }

    pub(crate) fn runs(&self) -> PathBuf {
        self.home.path().join("runs")
    }

    /// Where the payloads work.
    pub(crate) fn work(&self) -> PathBuf {
        self.home.path().join("work")
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn directory(&self, id: RunId) -> PathBuf {
        self.runs().join(id.to_string())
    }

    pub(crate) fn meta(&self, id: RunId) -> Value {
        serde_json::from_slice(&std::fs::read(self.directory(id).join("meta.json")).unwrap()).unwrap()
    }

    pub(crate) fn shim(&self, id: RunId) -> Pid {
        Pid::from_raw(i32::try_from(self.meta(id)["shim_pid"].as_i64().unwrap()).unwrap())
    }

    pub(crate) fn spec(&self, program: &str, args: &[&str]) -> RunSpec {
        RunSpec {
            id: RunId::new(),
            program: program.to_owned(),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            env: vec![("PATH".to_owned(), std::env::var("PATH").unwrap())],
            cwd: self.work(),
            tty: None,
            stdin: StdinMode::Pipe,
            guard: sandboxed_exec::Guard::default(),
        }
    }

    /// A shell script to run.
    pub(crate) fn script(&self, script: &str) -> RunSpec {
        self.spec("bash", &["-c", script])
    }

    pub(crate) async fn start(&self, spec: RunSpec) -> Run {
        self.supervisor.start(spec).await.unwrap()
    }

    /// Starts the run from a server of its own, which is a child of this process and leads a process group.
    pub(crate) async fn start_from_server(&self, spec: &RunSpec) -> std::process::Child {
        use std::{
            io::{BufRead, BufReader, Write},
            os::unix::process::CommandExt,
        };
        let mut server = std::process::Command::new(FIXTURE)
            .arg("server")
            .arg(self.runs())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        server.stdin.take().unwrap().write_all(&serde_json::to_vec(spec).unwrap()).unwrap();
        let output = server.stdout.take().unwrap();
        let said = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(output).read_line(&mut line).unwrap();
            line
        });
        assert!(said.await.unwrap().trim().parse::<u32>().is_ok(), "the server did not start the run");
        server
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // What a failed test left; a test that went well has ended its runs.
        let supervisor = self.supervisor.clone();
        let cleaner = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                for id in supervisor.list().await.unwrap_or_default() {
                    if let Ok(Attached::Live(run)) = supervisor.attach(id).await {
                        let _ = run.kill().await;
                    }
                }
            });
        });
        let _ = cleaner.join();
    }
}

fn supervisor(runs_dir: &Path, spool_limit: u64) -> Supervisor {
    Supervisor::new(SupervisorConfig {
        runs_dir: runs_dir.to_owned(),
        shim_program: FIXTURE.into(),
        shim_args: vec!["shim".into()],
        spool_limit,
    })
    .unwrap()
}

/// What a stream held.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) bytes: Vec<u8>,
    pub(crate) gaps: Vec<(u64, u64)>,
}

/// Reads a stream to its end.
pub(crate) async fn read_to_end(mut reader: SpoolReader) -> Heard {
    let mut heard = Heard::default();
    loop {
        match within(reader.next(1 << 18)).await.unwrap() {
            Chunk::Bytes { bytes, .. } => heard.bytes.extend(bytes),
            Chunk::Gap { offset, length } => heard.gaps.push((offset, length)),
            Chunk::End => return heard,
        }
    }
}

/// All that a run printed on standard output, as text.
pub(crate) async fn text(run: &Run) -> String {
    String::from_utf8(read_to_end(run.reader(OutputStream::Stdout, 0)).await.bytes).unwrap()
}

/// The first lines that a run prints on standard output.
pub(crate) async fn lines(run: &Run, count: usize) -> Vec<String> {
    let mut reader = run.reader(OutputStream::Stdout, 0);
    let mut heard = Vec::new();
    loop {
        match within(reader.next(1 << 16)).await.unwrap() {
            Chunk::Bytes { bytes, .. } => heard.extend(bytes),
            other => panic!("{other:?} after {:?}", String::from_utf8_lossy(&heard)),
        }
        let text = String::from_utf8(heard.clone()).unwrap();
        if text.matches('\n').count() >= count {
            return text.lines().take(count).map(str::to_owned).collect();
        }
    }
}

/// The process ids that a run prints first.
pub(crate) async fn pids(run: &Run, count: usize) -> Vec<Pid> {
    lines(run, count).await.iter().map(|line| Pid::from_raw(line.parse().unwrap())).collect()
}

/// Whether a process is there; one that is only waiting to be reaped is not.
pub(crate) fn is_alive(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    kill(pid, None) != Err(Errno::ESRCH) && !state.starts_with('Z') && !state.is_empty()
}

/// Waits for a future, but not for ever.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}

/// Waits until there is something.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The kinds of containment that this machine has; on a machine with none but process groups, only those.
pub(crate) fn kinds() -> Vec<ContainmentKind> {
    let best = sandboxed_exec::Containment::detect().kind();
    let usable = |kind: &ContainmentKind| {
        let place = match kind {
            ContainmentKind::CgroupV2 => "cgroup2",
            ContainmentKind::CgroupV1 => "freezer",
            ContainmentKind::ProcessGroup => return true,
        };
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
        *kind == best || (nix::unistd::Uid::effective().is_root() && mounts.contains(place))
    };
    ContainmentKind::ALL.into_iter().filter(usable).collect()
}
