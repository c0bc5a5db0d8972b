//! A workspace's container: made, seen, stopped and removed.

use std::{collections::HashMap, time::Duration};

use bollard::{
    models::{ContainerInspectResponse, ContainerStateStatusEnum},
    query_parameters::{
        CreateContainerOptions, InspectContainerOptions, ListContainersOptions, RemoveContainerOptions,
        StartContainerOptions, StopContainerOptions,
    },
};
use sandboxed_model::WorkspaceId;

use crate::{ContainerSpec, Engine, Error, OWNER_LABEL, Storage, WORKSPACE_LABEL, spec::SPEC_LABEL};

/// Above the time that processes get to end: what the engine itself needs to stop a container.
const STOP_MARGIN: Duration = Duration::from_secs(60);

/// How long the engine may take between giving a name away and showing the container that has it; usually 50 ms.
const APPEARS_WITHIN: Duration = Duration::from_secs(10);

/// How often it is looked for meanwhile.
const APPEARS_EVERY: Duration = Duration::from_millis(20);

/// How long an engine may tell a state that is none of the API's, and how often it is asked again.
const SETTLES_WITHIN: Duration = Duration::from_secs(10);
const SETTLES_EVERY: Duration = Duration::from_millis(100);

/// How far a workspace's container exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// There is none.
    Absent,
    /// It is there, and no program can be started in it.
    Stopped,
    /// Programs can be started in it.
    Running,
    /// Something that is not this server's has its name.
    Foreign,
}

/// A workspace's container as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// How far it exists.
    pub phase: Phase,
    /// The kernel ended a process in it because the container's memory was used up. Some engines tell it only when the
    /// container has stopped (see [`Engine::oom_kills`]), and forget it with the next start.
    pub oom_killed: bool,
    /// The exit status of a container that has stopped.
    pub exit_code: Option<i64>,
}

/// What [`Engine::ensure_container`] had to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ensured {
    /// The container was made and started.
    Created,
    /// It was there and was started.
    Started,
    /// It was running.
    Running,
}

/// One of this server's containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// It runs.
    pub running: bool,
    /// The image that it was made from, as the engine names it.
    pub image: String,
}

/// This server's container, seen just now.
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) status: Option<ContainerStateStatusEnum>,
    /// Its first process, as the engine's machine numbers it.
    pub(crate) pid: Option<i64>,
    /// The programs that were started in it and are not forgotten yet.
    pub(crate) programs: Vec<String>,
    pub(crate) spec: Option<String>,
    pub(crate) oom_killed: bool,
    pub(crate) exit_code: Option<i64>,
}

enum Seen {
    Absent,
    Foreign,
    Own(Container),
}

/// The name of a workspace's container.
pub(crate) fn name(workspace: WorkspaceId) -> String {
    format!("sandboxed-{workspace}")
}

impl Container {
    fn running(&self) -> bool {
        self.status == Some(ContainerStateStatusEnum::RUNNING)
    }
}

impl Engine {
    async fn see(&self, workspace: WorkspaceId) -> Result<Seen, Error> {
        let name = name(workspace);
        let mut patience = SETTLES_WITHIN;
        let found = loop {
            let inspect = self.docker().inspect_container(&name, None::<InspectContainerOptions>);
            match self.call("look at a container", inspect).await {
                Ok(found) => break found,
                Err(error) if error.status() == Some(404) => return Ok(Seen::Absent),
                // Podman calls one `stopped` that has ended and is not cleared yet; no state of the API is called so.
                Err(error) if error.is_unreadable() && !patience.is_zero() => {
                    tokio::time::sleep(SETTLES_EVERY).await;
                    patience = patience.saturating_sub(SETTLES_EVERY);
                }
                Err(error) => return Err(error),
            }
        };
        let ContainerInspectResponse { id: Some(id), name: Some(found_name), state, config, exec_ids, .. } = found
        else {
            return Ok(Seen::Foreign);
        };
        let labels = config.and_then(|config| config.labels);
        let label = |name: &str| labels.as_ref().and_then(|labels| labels.get(name)).cloned();
        // The name too: the engine also finds a container by the start of its id, and an image that was made from a
        // workspace hands its labels on.
        let own = self.owner().owns(labels.as_ref())
            && label(WORKSPACE_LABEL).is_some_and(|id| id == workspace.to_string())
            && found_name.trim_start_matches('/') == name;
        if !own {
            return Ok(Seen::Foreign);
        }
        let state = state.unwrap_or_default();
        let container = Container {
            id,
            status: state.status,
            pid: state.pid.filter(|&pid| pid > 0),
            programs: exec_ids.unwrap_or_default(),
            spec: label(SPEC_LABEL),
            oom_killed: state.oom_killed.unwrap_or(false),
            exit_code: state.exit_code,
        };
        self.remember(workspace, &container);
        Ok(Seen::Own(container))
    }

    /// The workspace's container, if it is there and this server's.
    pub(crate) async fn own(&self, workspace: WorkspaceId) -> Result<Container, Error> {
        match self.see(workspace).await? {
            Seen::Own(container) => Ok(container),
            Seen::Absent => Err(Error::Absent(workspace)),
            Seen::Foreign => Err(foreign(workspace)),
        }
    }

    /// The same, if it runs too.
    pub(crate) async fn own_running(&self, workspace: WorkspaceId) -> Result<Container, Error> {
        if let Some(known) = self.known_container(workspace) {
            return Ok(known.into());
        }
        let container = self.own(workspace).await?;
        if container.running() { Ok(container) } else { Err(Error::NotRunning(workspace)) }
    }

    /// Makes the workspace's container if it is not there, and starts it if it does not run. To call it again changes
    /// nothing.
    ///
    /// # Errors
    /// [`Error::RecreateNeeded`] when there is one that was made from another spec; [`Error::ImageMissing`]; a foreign
    /// container with its name; an image without `sleep`.
    pub async fn ensure_container(&self, spec: &ContainerSpec) -> Result<Ensured, Error> {
        self.ensure(spec).await.map_err(|error| match error {
            Error::Refused { what, status, message } => {
                Error::Refused { what, status, message: spec.env.redact(&message) }
            }
            other => other,
        })
    }

    async fn ensure(&self, spec: &ContainerSpec) -> Result<Ensured, Error> {
        let body = spec.body(self.owner(), self.socket())?;
        let digest = body.labels.as_ref().and_then(|labels| labels.get(SPEC_LABEL)).cloned();
        if self.known_container(spec.workspace).is_some_and(|known| known.is_of(digest.as_deref())) {
            return Ok(Ensured::Running);
        }
        let (container, created) = match self.see(spec.workspace).await? {
            Seen::Own(container) => (container, false),
            Seen::Foreign => return Err(foreign(spec.workspace)),
            Seen::Absent => {
                if spec.storage == Storage::Volumes {
                    self.prepare_volumes(spec).await?;
                }
                let options = CreateContainerOptions { name: Some(name(spec.workspace)), ..Default::default() };
                let created = self.call("make a container", self.docker().create_container(Some(options), body)).await;
                match created {
                    Ok(_) => (self.own(spec.workspace).await?, true),
                    Err(error) if error.status() == Some(404) => {
                        return Err(Error::ImageMissing { image: spec.image.clone() });
                    }
                    // Somebody was faster: what they make is looked at like any other.
                    Err(error) if error.status() == Some(409) => (self.appearing(spec.workspace, error).await?, false),
                    Err(error) => return Err(error),
                }
            }
        };
        if container.spec != digest {
            return Err(Error::RecreateNeeded(spec.workspace));
        }
        let ensured = match (created, container.running()) {
            (_, true) => return Ok(Ensured::Running),
            (true, false) => Ensured::Created,
            (false, false) => Ensured::Started,
        };
        if container.status == Some(ContainerStateStatusEnum::PAUSED) {
            self.call("wake a container", self.docker().unpause_container(&container.id)).await?;
            return Ok(ensured);
        }
        let started = self
            .call("start a container", self.docker().start_container(&container.id, None::<StartContainerOptions>))
            .await;
        if let (Err(error), true) = (started, created) {
            // What could not be started once is of no use, and would hide the cause behind "made with other options"
            // as soon as that is mended.
            let _ = self.remove(spec.workspace).await;
            return Err(error);
        }
        Ok(ensured)
    }

    /// A container whose name is taken: the engine shows it a little later.
    async fn appearing(&self, workspace: WorkspaceId, conflict: Error) -> Result<Container, Error> {
        let wait = async {
            loop {
                match self.own(workspace).await {
                    Err(Error::Absent(_)) => tokio::time::sleep(APPEARS_EVERY).await,
                    found => return found,
                }
            }
        };
        tokio::time::timeout(APPEARS_WITHIN, wait).await.unwrap_or(Err(conflict))
    }

    /// Looks at the workspace's container.
    ///
    /// # Errors
    /// The engine does not answer.
    pub async fn observe(&self, workspace: WorkspaceId) -> Result<Observation, Error> {
        let bare = |phase| Observation { phase, oom_killed: false, exit_code: None };
        Ok(match self.see(workspace).await? {
            Seen::Absent => bare(Phase::Absent),
            Seen::Foreign => bare(Phase::Foreign),
            Seen::Own(container) => {
                let running = container.running();
                Observation {
                    phase: if running { Phase::Running } else { Phase::Stopped },
                    oom_killed: container.oom_killed,
                    exit_code: container.exit_code.filter(|_| !running),
                }
            }
        })
    }

    /// All containers of this server, running or not.
    ///
    /// # Errors
    /// The engine does not answer.
    pub async fn list_owned(&self) -> Result<Vec<Owned>, Error> {
        let filter = vec![format!("{OWNER_LABEL}={}", self.owner())];
        let options = ListContainersOptions {
            all: true,
            filters: Some(HashMap::from([("label".to_owned(), filter)])),
            ..Default::default()
        };
        let found = self.call("list containers", self.docker().list_containers(Some(options))).await?;
        Ok(found
            .into_iter()
            .filter_map(|container| {
                let labels = container.labels.as_ref().filter(|labels| self.owner().owns(Some(labels)))?;
                let workspace: WorkspaceId = labels.get(WORKSPACE_LABEL)?.parse().ok()?;
                let named = container.names?.iter().any(|found| found.trim_start_matches('/') == name(workspace));
                named.then(|| Owned {
                    workspace,
                    running: container.state.is_some_and(|state| state.to_string() == "running"),
                    image: container.image.unwrap_or_default(),
                })
            })
            .collect())
    }

    /// Asks all processes of the workspace's container to end and kills those that have not after `grace` (counted in
    /// whole seconds, rounded up). One that is absent or stopped is left as it is.
    ///
    /// # Errors
    /// A foreign container; the engine fails.
    pub async fn stop(&self, workspace: WorkspaceId, grace: Duration) -> Result<(), Error> {
        let container = match self.see(workspace).await? {
            Seen::Absent => return Ok(()),
            Seen::Foreign => return Err(foreign(workspace)),
            Seen::Own(container) => container,
        };
        let seconds = grace.as_secs() + u64::from(grace.subsec_nanos() > 0);
        let options =
            StopContainerOptions { t: Some(i32::try_from(seconds).unwrap_or(i32::MAX)), ..Default::default() };
        let stop = self.docker().stop_container(&container.id, Some(options));
        gone_is_fine(self.call_within("stop a container", grace.saturating_add(STOP_MARGIN), stop).await)
    }

    /// Kills every process of the workspace's container at once, whatever it is, and with that stops it:
    /// [`Engine::ensure_container`] starts it again. One that is absent or stopped is left as it is.
    ///
    /// # Errors
    /// A foreign container; the engine fails.
    pub async fn kill_all(&self, workspace: WorkspaceId) -> Result<(), Error> {
        let container = match self.see(workspace).await? {
            Seen::Absent => return Ok(()),
            Seen::Foreign => return Err(foreign(workspace)),
            Seen::Own(container) => container,
        };
        // To stop with no grace kills, and unlike `kill` returns when it is done.
        let options = StopContainerOptions { t: Some(0), ..Default::default() };
        let stop = self.docker().stop_container(&container.id, Some(options));
        gone_is_fine(self.call("kill a container", stop).await)
    }

    /// Removes the workspace's container and its volumes, running or not. Mounted directories stay. One that is absent
    /// is no error.
    ///
    /// # Errors
    /// A foreign container; the engine fails.
    pub async fn remove(&self, workspace: WorkspaceId) -> Result<(), Error> {
        let container = match self.see(workspace).await? {
            Seen::Absent => return Ok(()),
            Seen::Foreign => return Err(foreign(workspace)),
            Seen::Own(container) => container,
        };
        let options = RemoveContainerOptions { v: true, force: true, link: false };
        let removed =
            self.call("remove a container", self.docker().remove_container(&container.id, Some(options))).await;
        gone_is_fine(removed)
    }
}

fn foreign(workspace: WorkspaceId) -> Error {
    Error::Foreign { what: format!("a container {}", name(workspace)) }
}

/// Whoever wanted it gone has what they wanted.
pub(crate) fn gone_is_fine(done: Result<(), Error>) -> Result<(), Error> {
    match done {
        Err(error) if error.status() == Some(404) => Ok(()),
        done => done,
    }
}
