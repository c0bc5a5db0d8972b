//! Workspaces on engines of other machines. Nothing of their files is here: each use of them is a call of the keeper in the
//! workspace's container. What needs their files on this machine is refused.

mod changes;
mod container;
mod files;
mod tools;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sandboxed_engine::{Engine, Phase, keeper::FileAnswer, keeper::FileRequest};
use sandboxed_model::{
    Blame, Failure, PluginId, WorkspaceId,
    backend::{BackendSpec, Leader, Observed, Terms, WorkspacePhase},
    files::DiskUsage,
    workspace::{NetworkMode, Workspace, WorkspaceLimits},
};
use tokio::time::Instant;

pub(crate) use self::files::DistantContent;
use crate::{
    Result,
    contained::Busy,
    files::{MOST_COUNTED, refused_there},
    sandbox::ready,
    services::Services,
    uses::Use,
};

/// How long it is taken for granted which engine a backend names for some options.
const HOLD: Duration = Duration::from_secs(60);
/// Answers that are remembered at most.
const REMEMBERED: usize = 1000;

/// Which engine backends name for which options, as they said lately.
#[derive(Default)]
pub(crate) struct Places(Mutex<HashMap<(PluginId, String), Said>>);

/// When a backend said something, and what.
type Said = (Instant, Option<String>);

/// The files of a workspace on another machine, ready to be used. Its container stays as long as this.
pub(crate) struct Distant {
    engine: Engine,
    workspace: WorkspaceId,
    _busy: Busy,
    _in_use: Use,
}

impl Services {
    /// The engine on another machine that has the workspace, if one has.
    pub(crate) async fn distant_engine(&self, workspace: &Workspace) -> std::result::Result<Option<String>, Failure> {
        self.engine_for(&workspace.backend, &workspace.options.to_string()).await
    }

    /// The same for a workspace that is made with these options.
    pub(crate) async fn engine_for(
        &self,
        backend: &PluginId,
        options: &str,
    ) -> std::result::Result<Option<String>, Failure> {
        if self.config.engines.is_empty() {
            return Ok(None);
        }
        let key = (backend.clone(), options.to_owned());
        let known = self.places.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some((_, engine)) = known.filter(|(since, _)| since.elapsed() < HOLD) {
            return Ok(engine);
        }
        let backend = self.plugins.backend(backend)?;
        let engine = match backend.describe().await?.engine_limits {
            true => match backend.lead(&only_options(options), &nothing_observed()).await? {
                Leader::Container(engine) => Some(engine).filter(|engine| !engine.starts_with('/')),
                Leader::Server | Leader::Program(_) => None,
            },
            false => None,
        };
        let mut places = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= REMEMBERED {
            places.clear();
        }
        places.insert(key, (Instant::now(), engine.clone()));
        Ok(engine)
    }

    /// The files of a workspace on another machine, with its container running. Absent: they are here.
    pub(crate) async fn distant(self: &Arc<Self>, id: WorkspaceId) -> Result<Option<Distant>> {
        let workspace = self.workspace(id).await?;
        let Some(engine) = self.distant_engine(&workspace).await? else { return Ok(None) };
        let in_use = self.using(id).await;
        let busy = self.contained.busy(id, &engine).await;
        let backend = self.plugins.backend(&workspace.backend)?;
        ready(&backend, &self.isolation.spec(&workspace, &self.paths)).await?;
        let engine = self.engines.at(&engine).await?;
        Ok(Some(Distant { engine, workspace: id, _busy: busy, _in_use: in_use }))
    }

    /// Refuses what needs the files of a workspace on this machine.
    pub(crate) async fn check_here(&self, workspace: &Workspace, what: &str) -> std::result::Result<(), Failure> {
        self.check_made_here(&workspace.backend, &workspace.options.to_string(), what).await
    }

    /// The same for a workspace that is made with these options.
    pub(crate) async fn check_made_here(
        &self,
        backend: &PluginId,
        options: &str,
        what: &str,
    ) -> std::result::Result<(), Failure> {
        match self.engine_for(backend, options).await? {
            None => Ok(()),
            Some(engine) => {
                let message = format!("{what}: the files of the workspace are on the machine of the engine {engine}");
                Err(Failure::new(Blame::Unavailable, "workspace.distant", message)
                    .with_hint("use a workspace on an engine of this machine, or on another backend"))
            }
        }
    }

    /// What a workspace may use on an engine of another machine, where nobody watches over its disk.
    pub(crate) fn limits_there(
        asked: WorkspaceLimits,
        limits: WorkspaceLimits,
    ) -> std::result::Result<WorkspaceLimits, Failure> {
        if asked.disk.is_some() {
            let message = "the disk of a workspace on an engine of another machine cannot be limited";
            return Err(Failure::new(Blame::Unavailable, "workspace.limits_unavailable", message).with_hint(
                "make the workspace without this limit, and give the engine's volumes a file system of their own",
            ));
        }
        Ok(WorkspaceLimits { disk: None, ..limits })
    }

    /// What the files of a workspace on another machine take. Absent: its container does not run, and is not started for this.
    pub(crate) async fn distant_usage(&self, workspace: WorkspaceId, engine: &str) -> Result<Option<DiskUsage>> {
        let _busy = self.contained.busy(workspace, engine).await;
        let engine = self.engines.at(engine).await?;
        if engine.observe(workspace).await.map_err(|error| error.failure())?.phase != Phase::Running {
            return Ok(None);
        }
        let request = FileRequest::Usage { path: None, most: MOST_COUNTED };
        match engine.ask_keeper_briefly(workspace, &request).await.map_err(|error| error.failure())? {
            FileAnswer::Usage(usage) => Ok(Some(usage)),
            other => Err(unexpected(other)),
        }
    }
}

impl Distant {
    /// Leaves files in a directory of the inbox. Each is told by its path, its bytes, and whether it is a program.
    pub(crate) async fn leave_files(
        &self,
        directory: &str,
        files: &[(String, Vec<u8>, bool)],
    ) -> std::result::Result<(), Failure> {
        self.engine.leave_files(self.workspace, directory, files).await.map_err(|error| error.failure())
    }

    /// Removes such a directory.
    pub(crate) async fn clear_files(&self, directory: &str) -> std::result::Result<(), Failure> {
        self.engine.clear_files(self.workspace, directory).await.map_err(|error| error.failure())
    }

    async fn ask(&self, request: &FileRequest) -> Result<FileAnswer> {
        Ok(self.engine.ask_keeper_briefly(self.workspace, request).await.map_err(|error| error.failure())?)
    }
}

/// What was not done, or what makes no sense as an answer.
fn unexpected(answer: FileAnswer) -> crate::Error {
    match answer {
        FileAnswer::Failed(failure) => refused_there(failure),
        _ => {
            let message = "the keeper of the workspace's files answers what was not asked";
            Failure::new(Blame::Unavailable, "containers.keeper", message).into()
        }
    }
}

/// A workspace of which nothing but the options is known.
fn only_options(options: &str) -> BackendSpec {
    BackendSpec {
        id: WorkspaceId::new(),
        tree: String::new(),
        inbox: String::new(),
        home: String::new(),
        user: 0,
        root: None,
        shared_network: false,
        mounts: Vec::new(),
        asked_mounts: Vec::new(),
        etc: String::new(),
        root_env: Vec::new(),
        options: options.to_owned(),
        terms: Terms { network: NetworkMode::None, limits: WorkspaceLimits::default() },
    }
}

fn nothing_observed() -> Observed {
    Observed {
        phase: WorkspacePhase::Absent,
        tree: String::new(),
        inbox: String::new(),
        home: String::new(),
        detail: String::new(),
        state: String::new(),
    }
}
