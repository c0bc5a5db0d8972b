//! Short helper programs: bounded in time and output, and gone when nobody waits for them any more.

use std::{fmt, io, os::unix::process::CommandExt, path::PathBuf, process::Stdio, sync::OnceLock, time::Duration};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use sandboxed_model::{
    RunId,
    command::{Exit, Output},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
    time::{Instant, sleep_until},
};

use crate::{
    Containment, Error, Guard, LaunchFailure, RUN_VARIABLE,
    containment::{Tree, kill_orphans},
    guard::{Listener, Ready, Waiting},
    limits::{self, LimitedTree},
    program,
    spec::{Names, check},
    sys::{self, Birthplace, Refusal},
};

/// How long what a helper started may hold on to its output after it ended and everything it started was killed.
const LINGER: Duration = Duration::from_secs(1);
/// How long killed processes may take to be gone.
const KILL_PATIENCE: Duration = Duration::from_secs(5);
/// Bytes that are read at once.
const BATCH: usize = 64 << 10;

/// A helper program to run to its end.
#[derive(Clone)]
pub struct ShortSpec {
    /// A name to look up on the PATH in `env`, or a path.
    pub program: PathBuf,
    /// Arguments after the program name. Every process on the machine can read them.
    pub args: Vec<String>,
    /// All variables that the process gets, besides [`crate::RUN_VARIABLE`].
    pub env: Vec<(String, String)>,
    /// Absolute working directory.
    pub cwd: PathBuf,
    /// What it finds on its standard input.
    pub stdin: Vec<u8>,
    /// When it is killed with all that it started.
    pub deadline: Duration,
    /// Bytes that are kept of each stream; the rest is read and counted as cut off.
    pub max_output: usize,
    /// What it may not see or do.
    pub guard: Guard,
}

/// Values of variables may be secrets and are not shown.
impl fmt::Debug for ShortSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShortSpec")
            .field("program", &self.program)
            .field("args", &self.args)
            .field("env", &Names(&self.env))
            .field("cwd", &self.cwd)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// Runs a helper program to its end. When it ends, at the deadline, and when the future is dropped, everything that it
/// started is killed. Where there are no cgroups, a process that it left behind with an empty environment is missed.
/// A helper is not a run: one that is under way when the server is killed goes on to its own end.
///
/// # Errors
/// [`Error::Deadline`] when it did not end in time; [`Error::Launch`] when it did not start. That it failed is no
/// error: see [`Output::exit`].
pub async fn short(spec: ShortSpec) -> Result<Output, Error> {
    let deadline = Instant::now() + spec.deadline;
    let time = spec.deadline;
    let prepared = tokio::task::spawn_blocking(move || prepare(spec)).await.map_err(Error::task)??;
    let (mut running, stdin, max_output) = prepared.spawn()?;
    let finished = tokio::select! {
        biased;
        output = attend(&mut running, stdin, max_output) => Some(output),
        () = sleep_until(deadline) => None,
    };
    running.end().await;
    match finished {
        Some(output) => output.map_err(Error::io("running a helper program")),
        None => Err(Error::Deadline(time)),
    }
}

/// A helper program that is ready to start.
struct Prepared {
    spec: ShortSpec,
    program: String,
    path: PathBuf,
    command: std::process::Command,
    tree: Empty,
    name: String,
    refusal: Refusal,
    birthplace: Birthplace,
    waiting: Waiting,
}

/// A tree that holds nothing yet. Dropped, it is removed.
struct Empty(Option<Held>);

/// A tree and the groups with its limits.
struct Held {
    tree: Tree,
    limited: Option<LimitedTree>,
}

impl Held {
    fn remove(&self) -> io::Result<()> {
        self.tree.remove()?;
        self.limited.as_ref().map_or(Ok(()), LimitedTree::remove)
    }
}

impl Drop for Empty {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.0.take().map(|tree| tree.remove()) {
            tracing::warn!(%error, "the cgroup of a helper program could not be removed");
        }
    }
}

/// Looks everything up and makes the cgroup. Blocks.
fn prepare(spec: ShortSpec) -> Result<Prepared, Error> {
    // Tried once: it does not change while the server runs.
    static CONTAINMENT: OnceLock<Containment> = OnceLock::new();
    let program = spec.program.to_str().ok_or_else(|| Error::Invalid(format!("{:?} is no text", spec.program)))?;
    let program = program.to_owned();
    check(&program, &spec.args, &spec.env)?;
    let path = program::find(&program, &spec.env, &spec.cwd, &spec.guard)?;
    let (confinement, args, birthplace, waiting) = Ready::new(&spec.guard, &spec.cwd, &spec.args)?.into_parts();
    let name = format!("short-{}", RunId::new());
    let kind = CONTAINMENT.get_or_init(Containment::detect).kind();
    let failed = |error: io::Error| LaunchFailure::Containment { reason: error.to_string() };
    let tree = Tree::named(kind, spec.guard.limits.as_ref(), &name).map_err(failed)?;
    tree.create().map_err(failed)?;
    let mut tree = Empty(Some(Held { tree, limited: None }));
    let mut command = std::process::Command::new(&path);
    command.arg0(&program).args(args).env_clear();
    command.envs(spec.env.iter().map(|(name, value)| (name, value))).env(RUN_VARIABLE, &name);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let (Some(held), Some(limits)) = (&mut tree.0, &spec.guard.limits) {
        held.limited = Some(LimitedTree::create(limits, &name).map_err(|error| limits::refused(&error))?);
    }
    let mut join = match &tree.0 {
        Some(Held { tree: Tree::Cgroup(cgroup), .. }) => vec![cgroup.procs().map_err(failed)?],
        _ => Vec::new(),
    };
    // Not tied to the life of this thread, which is one of the runtime's and may end.
    if let Some(Held { limited: Some(limited), .. }) = &tree.0 {
        join.extend(limited.procs().map_err(|error| limits::refused(&error))?);
    }
    let (refusal, refused) = sys::refusal().map_err(|error| LaunchFailure::system("opening a pipe", error))?;
    sys::prepare(&mut command, sys::ChildSetup { join, refused, terminal: false, dies_with: None, confinement });
    Ok(Prepared { spec, program, path, command, tree, name, refusal, birthplace, waiting })
}

impl Prepared {
    fn spawn(self) -> Result<(Running, Vec<u8>, usize), Error> {
        let Self { spec, program, path, command, mut tree, name, refusal, birthplace, waiting } = self;
        let mut command = Command::from(command);
        match birthplace.spawn(|| command.kill_on_drop(true).spawn()) {
            Ok(child) => {
                let mut running = Running { child, tree: tree.0.take(), name, gate: None };
                let listener = waiting.listener().map_err(Error::io("taking over its network"))?;
                running.gate =
                    listener.map(GateTask::start).transpose().map_err(Error::io("taking over its network"))?;
                Ok((running, spec.stdin, spec.max_output))
            }
            Err(error) => Err(match refusal.step() {
                Some(step) => program::step_failure(step, &error, &spec.cwd).into(),
                None => {
                    let bytes = program::argument_bytes(&spec.args, &spec.env);
                    program::exec_failure(&error, &program, &path, bytes, &spec.guard).into()
                }
            }),
        }
    }
}

/// A helper program that runs. Dropped, it is killed with all that it started.
struct Running {
    child: Child,
    /// Until everything is killed.
    tree: Option<Held>,
    name: String,
    gate: Option<GateTask>,
}

/// Hands over connections out of the helper's network, for as long as it lives.
struct GateTask(tokio::task::JoinHandle<()>);

impl GateTask {
    fn start(listener: Listener) -> io::Result<Self> {
        let Listener { inside, sender } = listener;
        let inside = tokio::net::TcpListener::from_std(inside)?;
        Ok(Self(tokio::spawn(async move {
            while let Ok((connection, _)) = inside.accept().await {
                let sender = sender.clone();
                let sent = tokio::task::spawn_blocking(move || sender.send(&connection.into_std()?));
                if let Ok(Err(error)) = sent.await {
                    tracing::debug!(%error, "a connection found nobody at the gate");
                }
            }
        })))
    }
}

impl Drop for GateTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Running {
    /// Kills what is left and returns when it is gone.
    async fn end(&mut self) {
        let Some(kill) = self.take_kill() else { return };
        // The first process is a child of ours and must be reaped to be gone.
        let _ = self.child.start_kill();
        let (killed, _) = tokio::join!(tokio::task::spawn_blocking(kill), self.child.wait());
        if let Err(error) = killed.map_err(io::Error::other).and_then(|killed| killed) {
            tracing::error!(%error, "what a helper program started could not be killed");
        }
    }

    fn take_kill(&mut self) -> Option<impl FnOnce() -> io::Result<()> + Send + use<>> {
        let held = self.tree.take()?;
        let name = self.name.clone();
        let group = self.child.id().map(|id| Pid::from_raw(id.cast_signed()));
        Some(move || {
            if let Some(group) = group {
                // The leader is not reaped yet, so the number is still its own.
                let _ = killpg(group, Signal::SIGKILL);
            }
            let left = match &held.tree {
                Tree::Cgroup(cgroup) => {
                    let until = std::time::Instant::now() + KILL_PATIENCE;
                    while !cgroup.is_empty()? && std::time::Instant::now() < until {
                        cgroup.kill()?;
                        std::thread::sleep(Duration::from_micros(500));
                    }
                    usize::from(!cgroup.is_empty()?)
                }
                Tree::ProcessGroup => kill_orphans(&held.tree, RUN_VARIABLE, &name, None, KILL_PATIENCE)?,
            };
            if left > 0 {
                return Err(io::Error::other(format!("processes of {name} are left")));
            }
            held.remove()
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(kill) = self.take_kill() {
            std::thread::spawn(move || {
                if let Err(error) = kill() {
                    tracing::error!(%error, "what a helper program started could not be killed");
                }
            });
        }
    }
}

/// One stream, kept up to a limit.
struct Kept<R> {
    source: Option<R>,
    buffer: Vec<u8>,
    kept: Vec<u8>,
    limit: usize,
    truncated: bool,
}

impl<R: AsyncRead + Unpin> Kept<R> {
    fn new(source: Option<R>, limit: usize) -> Self {
        Self { source, buffer: vec![0; BATCH], kept: Vec::new(), limit, truncated: false }
    }

    /// Reads once. A call that is given up has read nothing.
    async fn read(&mut self) {
        let Some(source) = &mut self.source else { return std::future::pending().await };
        match source.read(&mut self.buffer).await {
            Ok(0) | Err(_) => self.source = None,
            Ok(read) => {
                let room = self.limit - self.kept.len();
                self.truncated |= read > room;
                self.kept.extend(&self.buffer[..read.min(room)]);
            }
        }
    }
}

async fn attend(running: &mut Running, stdin: Vec<u8>, max_output: usize) -> io::Result<Output> {
    let mut sink = running.child.stdin.take();
    let mut stdout = Kept::new(running.child.stdout.take(), max_output);
    let mut stderr = Kept::new(running.child.stderr.take(), max_output);
    let mut unwritten = stdin.as_slice();
    let mut status = None;
    let mut give_up = Instant::now();
    while status.is_none() || stdout.source.is_some() || stderr.source.is_some() {
        if unwritten.is_empty() {
            sink = None;
        }
        tokio::select! {
            ended = running.child.wait(), if status.is_none() => {
                status = Some(ended?);
                // What it started may hold its output open for ever.
                running.end().await;
                give_up = Instant::now() + LINGER;
            }
            () = stdout.read() => {}
            () = stderr.read() => {}
            written = write(&mut sink, unwritten), if sink.is_some() => match written {
                Ok(written) => unwritten = &unwritten[written..],
                // It does not want to read all of it, which is its right.
                Err(_) => sink = None,
            },
            () = sleep_until(give_up), if status.is_some() => break,
        }
    }
    let exit = status.map_or_else(|| Exit::Lost("its end was not seen".to_owned()), exit);
    Ok(Output { exit, stdout: stdout.kept, stderr: stderr.kept, truncated: stdout.truncated || stderr.truncated })
}

async fn write(sink: &mut Option<tokio::process::ChildStdin>, bytes: &[u8]) -> io::Result<usize> {
    match sink {
        Some(sink) => sink.write(bytes).await,
        None => std::future::pending().await,
    }
}

fn exit(status: std::process::ExitStatus) -> Exit {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Lost(format!("it ended with {status}")),
    }
}
