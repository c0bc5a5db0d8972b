//! All runs of a server.

use std::{ffi::OsString, fs::DirBuilder, os::unix::fs::DirBuilderExt, path::PathBuf, sync::Arc};

use sandboxed_model::{
    RunId,
    command::{Exit, OutputStream, ResourceUsage},
};

use crate::{
    ContainmentKind, Error, Run, RunSpec, SpoolReader,
    directory::{RunDir, sweep},
    inspect::{Found, inspect},
    shim::Order,
    spool::Watcher,
    start::start,
};

/// Where runs are and how their shims are started.
#[derive(Debug, Clone)]
pub struct SupervisorConfig {
    /// Holds a directory for each run. Only one server may use it at a time.
    pub runs_dir: PathBuf,
    /// The program that calls [`crate::shim_main`] when it is started with `shim_args`.
    pub shim_program: PathBuf,
    /// Its arguments.
    pub shim_args: Vec<OsString>,
    /// Bytes that one stream of one run may take on disk, at least 1 MiB. Beyond it, what was printed between the
    /// first eighth and the newest is dropped.
    pub spool_limit: u64,
}

/// Starts runs and finds them again. Clones are the same supervisor.
#[derive(Debug, Clone)]
pub struct Supervisor {
    config: Arc<SupervisorConfig>,
    containment: Option<ContainmentKind>,
    watcher: Arc<Watcher>,
}

/// How a run was found.
#[derive(Debug, Clone)]
pub enum Attached {
    /// It lives.
    Live(Run),
    /// It has ended.
    Ended(Exit),
    /// Its supervisor was killed or the machine was restarted. What was left of it is killed.
    Lost {
        /// What is known.
        reason: String,
    },
    /// It was never started, or was removed.
    Missing,
}

impl Supervisor {
    /// A supervisor of the runs in this directory, which is made if it is missing. Runs that are there go on.
    ///
    /// # Errors
    /// When the directory cannot be made or used.
    pub fn new(mut config: SupervisorConfig) -> Result<Self, Error> {
        let directory = config.runs_dir.display().to_string();
        let prepared = DirBuilder::new().recursive(true).mode(0o700).create(&config.runs_dir).and_then(|()| {
            config.runs_dir = config.runs_dir.canonicalize()?;
            sweep(&config.runs_dir)
        });
        prepared.map_err(Error::io(format!("preparing the directory of runs {directory}")))?;
        Ok(Self { config: Arc::new(config), containment: None, watcher: Arc::default() })
    }

    /// The same with runs held together by this kind and no other. Without it, the best kind that works is taken.
    #[must_use]
    pub fn with_containment(mut self, kind: ContainmentKind) -> Self {
        self.containment = Some(kind);
        self
    }

    /// Starts a run and returns when its process runs. If the future is dropped, what was begun is killed, and
    /// [`Supervisor::attach`] finds the run lost or missing.
    ///
    /// # Errors
    /// [`Error::Launch`] says why the program does not start; then nothing of the run is left.
    pub async fn start(&self, spec: RunSpec) -> Result<Run, Error> {
        spec.check()?;
        let id = spec.id;
        let directory = self.directory(id);
        let order = Order {
            directory: directory.path().to_owned(),
            spec,
            spool_limit: self.config.spool_limit,
            containment: self.containment,
        };
        let running = start(&self.config.shim_program, &self.config.shim_args, order).await?;
        match self.look(id).await? {
            Found::Live(live) => Run::live(id, directory, live, Arc::clone(&self.watcher)),
            Found::Over(exit) => Ok(Run::over(id, directory, running, exit, Arc::clone(&self.watcher))),
            Found::Nothing => Err(Error::Shim("the run's directory is gone".to_owned())),
        }
    }

    /// Finds a run again.
    ///
    /// # Errors
    /// When its files cannot be read, or its lock is held by a process that cannot be seen from here.
    pub async fn attach(&self, id: RunId) -> Result<Attached, Error> {
        Ok(match self.look(id).await? {
            Found::Live(live) => Attached::Live(Run::live(id, self.directory(id), live, Arc::clone(&self.watcher))?),
            Found::Over(Exit::Lost(reason)) => Attached::Lost { reason },
            Found::Over(exit) => Attached::Ended(exit),
            Found::Nothing => Attached::Missing,
        })
    }

    /// Reads a stream of a run, live or over, from this place on.
    pub fn reader(&self, id: RunId, stream: OutputStream, offset: u64) -> SpoolReader {
        SpoolReader::new(self.directory(id), stream, offset, Arc::clone(&self.watcher))
    }

    /// What a run uses, or used when it is over. Absent where that is not counted or the run was lost.
    ///
    /// # Errors
    /// When its files cannot be read.
    pub async fn usage(&self, id: RunId) -> Result<Option<ResourceUsage>, Error> {
        let directory = self.directory(id);
        let read = move || match directory.exit_record()? {
            Some(record) => Ok(record.usage),
            None => Ok(directory.meta()?.and_then(|meta| meta.limited).map(|limited| limited.usage())),
        };
        let usage = tokio::task::spawn_blocking(read).await.map_err(Error::task)?;
        usage.map_err(Error::io("reading what a run uses"))
    }

    /// Bytes that a run printed which is over, kept or not. Absent where that is not known.
    ///
    /// # Errors
    /// When its files cannot be read.
    pub async fn printed(&self, id: RunId) -> Result<Option<u64>, Error> {
        let directory = self.directory(id);
        let read = move || Ok(directory.exit_record()?.and_then(|record| Some(record.stdout? + record.stderr?)));
        let printed = tokio::task::spawn_blocking(read).await.map_err(Error::task)?;
        printed.map_err(Error::io("reading what a run printed"))
    }

    /// Whether anything is kept of a run, live or over: then it can be read.
    pub async fn is_kept(&self, id: RunId) -> bool {
        let directory = self.directory(id);
        tokio::task::spawn_blocking(move || directory.path().exists()).await.unwrap_or(false)
    }

    /// Every run that has a directory, oldest first.
    ///
    /// # Errors
    /// When the directory of runs cannot be read.
    pub async fn list(&self) -> Result<Vec<RunId>, Error> {
        let config = Arc::clone(&self.config);
        let listed = tokio::task::spawn_blocking(move || {
            let mut ids: Vec<RunId> = std::fs::read_dir(&config.runs_dir)?
                .flatten()
                .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
                .collect();
            ids.sort_unstable();
            Ok(ids)
        });
        listed.await.map_err(Error::task)?.map_err(Error::io("listing runs"))
    }

    /// Removes everything that is kept of a run that is over. A run that is not there is as good as removed.
    ///
    /// # Errors
    /// [`Error::Alive`] while it lives.
    pub async fn remove(&self, id: RunId) -> Result<(), Error> {
        let directory = self.directory(id);
        let removed = tokio::task::spawn_blocking(move || match inspect(&directory)? {
            Found::Live(_) => Err(Error::Alive(id)),
            Found::Over(_) => directory.remove().map_err(Error::io("removing a run")),
            Found::Nothing => Ok(()),
        });
        removed.await.map_err(Error::task)?
    }

    async fn look(&self, id: RunId) -> Result<Found, Error> {
        let directory = self.directory(id);
        tokio::task::spawn_blocking(move || inspect(&directory)).await.map_err(Error::task)?
    }

    fn directory(&self, id: RunId) -> RunDir {
        RunDir::new(&self.config.runs_dir, id)
    }
}
