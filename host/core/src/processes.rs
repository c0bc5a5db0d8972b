//! Processes that people start in workspaces: commands and shells. They are runs like those of missions: they outlive
//! the server, any number of viewers read what they print from any place on, and what is typed arrives once.

use std::{
    collections::HashMap,
    path::{Component, Path},
    sync::{Arc, Mutex, PoisonError},
};

use sandboxed_exec::{Attached, Run, RunSpec, SpoolReader, StdinMode};
use sandboxed_model::{
    RunId, Timestamp, WorkspaceId,
    access::Principal,
    command::{Command, Exit, OutputStream, Tty, Value},
    page::{Page, PageRequest},
    process::{NewProcess, Process},
};

use tokio_util::sync::CancellationToken;

use crate::{
    Error, Orchestrator, Result,
    sandbox::{Sandbox, Speaker},
    services::Services,
};

/// Processes of one workspace that may run at once.
const MOST: u32 = 64;
/// What runs where no command is named.
const SHELL: [&str; 2] = ["bash", "-l"];

/// The processes that run.
#[derive(Default)]
pub(crate) struct Processes(Mutex<HashMap<RunId, Arc<Live>>>);

/// A process that runs.
struct Live {
    run: Run,
    /// Keeps what the process shares with others of its workspace, until its end.
    sandbox: Mutex<Option<Sandbox>>,
    /// The number of the last write. Held while one is made, so that they arrive in this order.
    action: tokio::sync::Mutex<u64>,
    /// Cancelled once its end is stored.
    noted: CancellationToken,
}

/// What a process printed, read from some place on.
pub struct ProcessOutput {
    reader: SpoolReader,
}

/// A piece of what a process printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessChunk {
    /// Bytes from this place on.
    Bytes {
        /// Their place in the stream.
        offset: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// This much is not kept any more.
    Gap {
        /// Where it was.
        offset: u64,
        /// Bytes.
        length: u64,
    },
    /// The stream has ended.
    End,
}

impl ProcessOutput {
    /// The next piece, when there is one; at most 64 KiB. A call that is given up has read nothing.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub async fn next(&mut self) -> Result<ProcessChunk> {
        Ok(match self.reader.next(64 << 10).await.map_err(|error| error.failure())? {
            sandboxed_exec::Chunk::Bytes { offset, bytes } => ProcessChunk::Bytes { offset, bytes },
            sandboxed_exec::Chunk::Gap { offset, length } => ProcessChunk::Gap { offset, length },
            sandboxed_exec::Chunk::End => ProcessChunk::End,
        })
    }
}

impl Orchestrator {
    /// Starts a process in a workspace.
    ///
    /// # Errors
    /// When there is no such workspace, it cannot be entered, the command cannot be started, or too many run.
    pub async fn start_process(&self, by: &Principal, workspace: WorkspaceId, new: NewProcess) -> Result<Process> {
        let services = &self.services;
        let workspace = services.workspace(workspace).await?;
        services.check_not_building(&workspace)?;
        let sandbox = services.sandbox(&workspace, None).await?;
        let NewProcess { command, cwd, env, tty, stdin } = new;
        if command.iter().chain(&cwd).chain(env.keys()).chain(env.values()).any(|text| text.contains('\0')) {
            let message = "a command, its directory and its variables cannot hold a NUL character".to_owned();
            return Err(Error::Invalid { code: "process.nul", message });
        }
        let command = if command.is_empty() { SHELL.map(str::to_owned).to_vec() } else { command };
        let process = Process {
            id: RunId::new(),
            workspace: workspace.id,
            command: command.clone(),
            cwd: cwd.clone(),
            tty,
            owner: by.user,
            created_at: Timestamp::now(),
            ended_at: None,
            exit: None,
        };
        let mut words = command.into_iter();
        let entered = Command {
            program: words.next().unwrap_or_default(),
            args: words.collect(),
            env: env.into_iter().map(|(name, value)| (name, Value::Plain(value))).collect(),
            cwd: cwd.map(|cwd| below(&sandbox.observed().tree, &cwd)).transpose()?,
            tty,
        };
        let host = sandbox.process(entered, Speaker::SERVER, &process.id.to_string()).await?;
        // Stored first, so that no process can exist of which the store knows nothing.
        services.store.insert_process(process.clone(), MOST).await?;
        let started = services.supervisor.start(RunSpec {
            id: process.id,
            program: host.program,
            args: host.args,
            env: host.env,
            cwd: host.cwd,
            tty: host.tty,
            stdin: if stdin { StdinMode::Pipe } else { StdinMode::Null },
            guard: host.guard,
        });
        match started.await {
            Ok(run) => {
                services.hold_process(run, workspace.id, Some(sandbox), 0);
                Ok(process)
            }
            Err(error) => {
                services.store.delete_process(process.id).await?;
                services.contained.abandon(workspace.id, process.id.to_string());
                Err(error.failure().into())
            }
        }
    }

    /// A process as it stands.
    ///
    /// # Errors
    /// When there is none of this id.
    pub async fn process(&self, id: RunId) -> Result<Process> {
        Ok(self.services.store.process(id).await?)
    }

    /// Processes of a workspace, the newest first.
    ///
    /// # Errors
    /// When there is no such workspace, or the cursor is none of this list.
    pub async fn processes(&self, workspace: WorkspaceId, page: &PageRequest) -> Result<Page<Process>> {
        self.services.workspace(workspace).await?;
        Ok(self.services.store.processes(workspace, page).await?)
    }

    /// What a process printed on a stream, from `offset` on, and what it will print. With a terminal all is on standard
    /// output.
    ///
    /// # Errors
    /// When there is none of this id.
    pub async fn process_output(&self, id: RunId, stream: OutputStream, offset: u64) -> Result<ProcessOutput> {
        self.process(id).await?;
        Ok(self.services.run_output(id, stream, offset))
    }

    /// How many bytes a process has printed on standard output so far; absent when it has ended.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn process_printed(&self, id: RunId) -> Result<Option<u64>> {
        match self.services.processes.get(id) {
            Some(live) => match live.run.status().await {
                Ok(status) => Ok(Some(status.stdout.length)),
                Err(_) if live.run.is_over() => Ok(None),
                Err(error) => Err(error.failure().into()),
            },
            None => Ok(None),
        }
    }

    /// Waits for the end of a process.
    ///
    /// # Errors
    /// When there is none of this id.
    pub async fn process_exit(&self, id: RunId) -> Result<Exit> {
        if let Some(live) = self.services.processes.get(id) {
            let exit = live.run.exit().await;
            // Whoever hears of the end finds it wherever else they look.
            live.noted.cancelled().await;
            return Ok(exit);
        }
        let unknown = || Exit::Lost("its end was not seen".to_owned());
        Ok(self.process(id).await?.exit.unwrap_or_else(unknown))
    }

    /// Writes to a process's standard input or types into its terminal.
    ///
    /// # Errors
    /// When it has ended, takes no input, or does not read what was written before.
    pub async fn write_process(&self, id: RunId, bytes: &[u8]) -> Result<()> {
        let live = self.live_process(id).await?;
        let mut action = live.action.lock().await;
        *action += 1;
        live.run.write(*action, bytes).await.map_err(refused)
    }

    /// Ends a process's standard input; with a terminal, by typing control-D.
    ///
    /// # Errors
    /// As [`Orchestrator::write_process`].
    pub async fn close_process_input(&self, id: RunId) -> Result<()> {
        let live = self.live_process(id).await?;
        let mut action = live.action.lock().await;
        *action += 1;
        live.run.close_input(*action).await.map_err(refused)
    }

    /// Gives a process's terminal another size.
    ///
    /// # Errors
    /// When it has ended or has no terminal.
    pub async fn resize_process(&self, id: RunId, tty: Tty) -> Result<()> {
        self.live_process(id).await?.run.resize(tty).await.map_err(refused)
    }

    /// Sends a signal, by its number, to everything that the process started.
    ///
    /// # Errors
    /// When it has ended, or there is no such signal.
    pub async fn signal_process(&self, id: RunId, signal: i32) -> Result<()> {
        self.live_process(id).await?.run.signal(signal).await.map_err(refused)
    }

    /// Kills a process with all that it started, where it lives, and forgets it with what it printed.
    ///
    /// # Errors
    /// When there is none of this id, or something of it cannot be killed.
    pub async fn remove_process(&self, id: RunId) -> Result<()> {
        self.process(id).await?;
        self.services.remove_process(id).await
    }

    async fn live_process(&self, id: RunId) -> Result<Arc<Live>> {
        let found = self.services.processes.get(id);
        match found {
            Some(live) => Ok(live),
            None => {
                self.process(id).await?;
                Err(Error::Conflict { code: "process.ended", message: format!("the process {id} has ended") })
            }
        }
    }
}

impl Processes {
    fn get(&self, id: RunId) -> Option<Arc<Live>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Whether none runs.
    pub(crate) fn is_idle(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn insert(&self, id: RunId, live: Arc<Live>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, live);
    }

    fn remove(&self, id: RunId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

impl Services {
    /// Holds a process until it ends, and notes its end.
    fn hold_process(self: &Arc<Self>, run: Run, workspace: WorkspaceId, sandbox: Option<Sandbox>, last_action: u64) {
        let id = run.id();
        let action = tokio::sync::Mutex::new(last_action);
        let noted = CancellationToken::new();
        let live = Arc::new(Live { run: run.clone(), sandbox: Mutex::new(sandbox), action, noted: noted.clone() });
        self.processes.insert(id, Arc::clone(&live));
        let noted = noted.drop_guard();
        let services = Arc::downgrade(self);
        let mut stopping = self.stopping();
        tokio::spawn(async move {
            let _noted = noted;
            let exit = tokio::select! {
                exit = run.exit() => exit,
                () = stopping.wait() => return,
            };
            let Some(services) = services.upgrade() else { return };
            let mark = id.to_string();
            let exit = services.contained.exit(workspace, &mark, exit).await;
            // Whoever hears of the end finds the workspace free.
            live.sandbox.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Err(error) = services.store.end_process(id, exit, Timestamp::now()).await {
                tracing::error!(%error, process = %id, "the end of a process could not be stored");
            }
            services.contained.forget(workspace, &mark).await;
            services.processes.remove(id);
        });
    }

    /// Takes up processes that a former server started.
    pub(crate) async fn recover_processes(self: &Arc<Self>) -> Result<()> {
        for process in self.store.live_processes().await? {
            let exit = match self.supervisor.attach(process.id).await.map_err(|error| error.failure())? {
                Attached::Live(run) => {
                    let sandbox = match self.workspace(process.workspace).await {
                        Ok(workspace) => self.sandbox(&workspace, None).await.ok(),
                        Err(_) => None,
                    };
                    let last = run.status().await.ok().and_then(|status| status.last_action).unwrap_or(0);
                    self.hold_process(run, process.workspace, sandbox, last);
                    continue;
                }
                Attached::Ended(exit) => exit,
                Attached::Lost { reason } => Exit::Lost(reason),
                Attached::Missing => Exit::Lost("it was never started".to_owned()),
            };
            let mark = process.id.to_string();
            let exit = self.contained.exit(process.workspace, &mark, exit).await;
            self.store.end_process(process.id, exit, Timestamp::now()).await?;
            self.contained.forget(process.workspace, &mark).await;
        }
        Ok(())
    }

    /// What a run printed on a stream from `offset` on, and what it will print.
    pub(crate) fn run_output(&self, id: RunId, stream: OutputStream, offset: u64) -> ProcessOutput {
        ProcessOutput { reader: self.supervisor.reader(id, stream, offset) }
    }

    pub(crate) async fn remove_process(&self, id: RunId) -> Result<()> {
        if let Some(live) = self.processes.get(id) {
            live.run.kill().await.map_err(|error| error.failure())?;
            live.run.exit().await;
        }
        self.supervisor.remove(id).await.map_err(|error| error.failure())?;
        let workspace = self.store.process(id).await?.workspace;
        self.contained.over(workspace, &id.to_string()).await;
        self.contained.forget(workspace, &id.to_string()).await;
        self.processes.remove(id);
        Ok(self.store.delete_process(id).await?)
    }

    /// Kills the processes of a workspace. What they printed stays.
    pub(crate) async fn kill_processes(&self, workspace: WorkspaceId) -> Result<()> {
        let live = self.store.live_processes().await?.into_iter().filter(|process| process.workspace == workspace);
        for live in live.filter_map(|process| self.processes.get(process.id)) {
            live.run.kill().await.map_err(|error| error.failure())?;
        }
        Ok(())
    }

    /// Removes all processes of a workspace that is removed.
    pub(crate) async fn remove_processes(&self, workspace: WorkspaceId) -> Result<()> {
        loop {
            let page = self.store.processes(workspace, &PageRequest { cursor: None, limit: 100 }).await?;
            if page.items.is_empty() {
                return Ok(());
            }
            for process in page.items {
                self.remove_process(process.id).await?;
            }
        }
    }
}

/// Why a process did not take what it was sent.
fn refused(error: sandboxed_exec::Error) -> Error {
    use sandboxed_exec::Error as Refused;
    let code = match &error {
        Refused::Ended | Refused::Lost(_) => "process.ended",
        Refused::StdinClosed => "process.input_closed",
        Refused::StdinFull { .. } => "process.input_full",
        Refused::NoTerminal => "process.no_terminal",
        _ => return error.failure().into(),
    };
    Error::Conflict { code, message: error.to_string() }
}

/// A directory below the workspace's tree. What it is is looked at by the sandbox; here it only must not lead out.
fn below(tree: &str, cwd: &str) -> Result<String> {
    let leaves = Path::new(cwd).components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir));
    if leaves {
        let message = format!("the directory {cwd:?} is not relative to the workspace");
        return Err(Error::Invalid { code: "path.escape", message });
    }
    Ok(format!("{tree}/{cwd}"))
}
