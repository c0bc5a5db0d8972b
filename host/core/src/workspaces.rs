//! What a person can do with workspaces.

use std::{path::Path, time::Duration};

use sandboxed_exec::Limits;
use sandboxed_model::{
    Blame, Failure, PluginId, RunId, Timestamp, WorkspaceId,
    access::Principal,
    backend::WorkspacePhase,
    command::{Command, ResourceUsage},
    page::{Page, PageRequest},
    workspace::{NewWorkspace, Workspace, WorkspaceLayers, WorkspaceName},
};

use sandboxed_store::UserPool;

use crate::{
    Error, Orchestrator, Result, blueprint::Resolved, contained::container_usage, isolation::make_directory,
    sandbox::Speaker, services::Services,
};

/// How long a backend may take to end what it runs for a workspace that is deleted.
const STOP_GRACE_MS: u32 = 5_000;
/// How long the first process in a new workspace may take, and what is kept of what it says.
const ENTER_DEADLINE: Duration = Duration::from_secs(20);
const ENTER_OUTPUT: usize = 4096;
/// How old the measurement of a workspace's files may be that is shown.
const DISK_FRESH: Duration = Duration::from_secs(2);

impl Orchestrator {
    /// Makes a workspace: its directory, and whatever its backend needs. Where it is a system of its own or has init steps it
    /// is then being built, by the build that it names.
    ///
    /// # Errors
    /// When the name is taken, the backend or the template does not exist, the operator does not let workspaces have what it
    /// asks for, or the backend cannot make it.
    pub async fn create_workspace(&self, by: &Principal, new: NewWorkspace) -> Result<Workspace> {
        let id = WorkspaceId::new();
        let invalid = |message: &str| Error::Invalid { code: "workspace.options_invalid", message: message.to_owned() };
        let beside = new.blueprint().map_err(invalid)?;
        let (blueprint, template) = self.services.with_template(new.template, beside).await?;
        let Resolved { backend, options, network, limits, ports, recipe } = self.services.resolve(blueprint).await?;
        let name = match new.name {
            Some(name) => name,
            None => made_up_name(id),
        };
        let workspace = Workspace {
            id,
            name,
            backend,
            options,
            network,
            limits,
            ports,
            user: None,
            root: None,
            layers: WorkspaceLayers::default(),
            phase: WorkspacePhase::Absent,
            problem: None,
            build: None,
            recipe,
            template,
            drift: None,
            owner: by.user,
            created_at: Timestamp::now(),
        };
        let users = self.services.users_for(&workspace.backend).await?;
        // The row comes first: what is on disk without a row would belong to nobody.
        let workspace = self.services.store.insert_workspace(workspace, users).await?;
        match self.services.begin_workspace(&workspace).await {
            Ok(build) => {
                if build.is_none() {
                    self.services.store.set_workspace_phase(id, WorkspacePhase::Ready).await?;
                }
                self.workspace(id).await
            }
            Err(error) => {
                self.give_up_workspace(&workspace, &error).await?;
                Err(error)
            }
        }
    }

    /// Removes a workspace that could not be made. One that cannot be removed either says why it could not be made.
    pub(crate) async fn give_up_workspace(&self, workspace: &Workspace, why: &Error) -> Result<()> {
        let leader = self.services.store.workspace_leader(workspace.id).await?;
        if let Err(left) = self.services.remove_workspace(workspace, leader).await {
            tracing::warn!(error = %left, workspace = %workspace.id, "a workspace that failed could not be removed");
            let phase = WorkspacePhase::Broken;
            return Ok(self.services.store.set_workspace_problem(workspace.id, phase, why.failure()).await?);
        }
        Ok(self.services.store.delete_workspace(workspace.id).await?)
    }

    /// A workspace as it stands.
    ///
    /// # Errors
    /// When there is none of this id.
    pub async fn workspace(&self, id: WorkspaceId) -> Result<Workspace> {
        self.services.with_drift(self.services.workspace(id).await?).await
    }

    /// The workspace of this name.
    ///
    /// # Errors
    /// When there is none of this name.
    pub async fn workspace_by_name(&self, name: &WorkspaceName) -> Result<Workspace> {
        self.services.with_drift(self.services.store.workspace_by_name(name).await?).await
    }

    /// Workspaces in the order of their names.
    ///
    /// # Errors
    /// When the cursor is none of this list.
    pub async fn workspaces(&self, page: &PageRequest) -> Result<Page<Workspace>> {
        Ok(self.services.store.workspaces(page).await?)
    }

    /// What the processes of a workspace use together now, and what its files take.
    ///
    /// # Errors
    /// When there is none of this id, or its files cannot be looked at.
    pub async fn workspace_usage(&self, id: WorkspaceId) -> Result<ResourceUsage> {
        let workspace = self.workspace(id).await?;
        if let Some(engine) = self.services.engine_of(&workspace).await? {
            let disk = match self.services.distant_engine(&workspace).await? {
                Some(engine) => self.services.distant_usage(id, &engine).await?.map(|usage| usage.bytes),
                None => Some(self.services.disk_used(&workspace, DISK_FRESH).await?),
            };
            return Ok(ResourceUsage { disk, ..container_usage(&engine, id).await? });
        }
        let usage = tokio::task::spawn_blocking(move || Limits::usage(&id.to_string()));
        let usage = usage.await.map_err(|error| unusable(&self.services.paths.workspace(id), &error.into()))?;
        let disk = self.services.disk_used(&workspace, DISK_FRESH).await?;
        Ok(ResourceUsage { disk: Some(disk), ..usage.unwrap_or_default() })
    }

    /// Removes a workspace and its files; refused while a mission that has not ended uses it.
    ///
    /// # Errors
    /// When it is in use, or its backend cannot remove it.
    pub async fn delete_workspace(&self, id: WorkspaceId) -> Result<()> {
        let workspace = self.workspace(id).await?;
        // Only the row knows what a former server started.
        let leader = self.services.store.workspace_leader(id).await?;
        // The row goes first and is what decides: from here on no mission can begin in the workspace.
        self.services.store.delete_workspace(id).await?;
        self.services.admission.forget(id);
        self.services.disks.forget(id);
        if let Err(error) = self.services.remove_workspace(&workspace, leader).await {
            let problem = Some(error.failure());
            let broken = Workspace { phase: WorkspacePhase::Broken, problem, ..workspace };
            self.services.store.insert_workspace(broken, None).await?;
            self.services.store.set_workspace_leader(id, leader).await?;
            return Err(error);
        }
        self.services.collect_layers().await
    }
}

impl Services {
    /// The workspace of this id.
    pub(crate) async fn workspace(&self, id: WorkspaceId) -> Result<Workspace> {
        Ok(self.store.workspace(id).await?)
    }

    /// The users of which a workspace of this backend gets one. Absent: the server may not give any.
    pub(crate) async fn users_for(&self, backend: &PluginId) -> Result<Option<UserPool>> {
        let about = self.plugins.backend(backend)?.describe().await?;
        Ok(if about.user_range { Some(self.isolation.ranges()?) } else { self.isolation.users() })
    }

    async fn with_drift(&self, workspace: Workspace) -> Result<Workspace> {
        let drift = self.drift(&workspace).await?;
        Ok(Workspace { drift, ..workspace })
    }

    /// Makes a workspace's directories.
    pub(crate) async fn make_directories(&self, workspace: &Workspace) -> Result<()> {
        let (id, user) = (workspace.id, workspace.user);
        let directory = self.paths.workspace(id);
        let wanted = [
            (directory.clone(), None, 0o700),
            (self.paths.tree(id), user, 0o700),
            (self.paths.home(id), user, 0o700),
            (self.paths.inbox(id), None, 0o755),
        ];
        let made = tokio::task::spawn_blocking(move || {
            wanted.iter().try_for_each(|(path, owner, mode)| make_directory(path, *owner, *mode))
        });
        made.await.map_err(std::io::Error::other).and_then(|made| made).map_err(|e| unusable(&directory, &e))
    }

    /// Makes a workspace's directories, and has a first process enter it. The root that it begins with is there.
    pub(crate) async fn make_workspace(&self, workspace: &Workspace) -> Result<()> {
        self.make_directories(workspace).await?;
        let sandbox = self.sandbox(workspace, None).await?;
        // What cannot be entered is told now and not to the first mission.
        let command = Command { program: "true".to_owned(), ..Command::default() };
        let tried = sandbox.short(command, Speaker::SERVER, Vec::new(), ENTER_DEADLINE, ENTER_OUTPUT).await?;
        match tried.exit.is_success() {
            true => Ok(()),
            false => {
                let said = String::from_utf8_lossy(&tried.stderr);
                let message = format!("no process can enter the workspace: {}", said.trim());
                Err(Failure::new(Blame::Unavailable, "workspace.not_entered", message)
                    .with_hint("`sandboxed-sh doctor` tells what this machine lacks, and which backends work on it")
                    .into())
            }
        }
    }

    /// Removes all that a workspace is on the machine; `leader` is the one that the store knows or knew.
    pub(crate) async fn remove_workspace(&self, workspace: &Workspace, leader: Option<RunId>) -> Result<()> {
        self.remove_builds(workspace.id).await?;
        self.remove_processes(workspace.id).await?;
        self.end_leader(workspace.id, leader).await?;
        let backend = self.plugins.backend(&workspace.backend)?;
        let spec = self.isolation.spec(workspace, &self.paths);
        backend.stop(&spec, STOP_GRACE_MS).await?;
        backend.destroy(&spec).await?;
        self.contained.forget_workspace(workspace.id);
        self.unmount(workspace.id).await?;
        let (id, paths) = (workspace.id, self.paths.clone());
        let directory = self.paths.workspace(id);
        let removed = tokio::task::spawn_blocking(move || paths.remove_workspace(id));
        removed.await.map_err(std::io::Error::other).and_then(|result| result).map_err(|e| unusable(&directory, &e))
    }
}

/// The name of a workspace that was given none.
pub(crate) fn made_up_name(id: WorkspaceId) -> WorkspaceName {
    // The random end of the id: the start is the time and so nearly the same for neighbours.
    format!("ws-{}", &id.to_string()[24..]).parse().expect("hexadecimal digits after a prefix")
}

fn unusable(directory: &Path, error: &std::io::Error) -> Error {
    let failure = Failure::new(
        Blame::Host,
        "workspace.directory",
        format!("the directory {} of the workspace is not usable: {error}", directory.display()),
    );
    Error::Failure(failure)
}
