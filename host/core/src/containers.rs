//! What backends are lent of container engines. What a container may do is decided here and not by the plugin: its user,
//! its directories, its limits and its network are those of the workspace.

use std::{io, os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};

use sandboxed_engine::{
    Bind, CgroupVersion, ContainerSpec, Engine, EngineFacts, Env, Error, GROUP, HOME, ImageReference, Network, PASSWD,
    Phase, Product, SECCOMP, Storage, TREE, User, keeper,
};
use sandboxed_exec::Guard;
use sandboxed_model::{
    Blame, Failure, WorkspaceId,
    backend::{BackendSpec, Terms},
    container::{self, ContainerPhase, ContainerPlaces, ContainerRequest, ImageSource},
    workspace::{NetworkMode, WorkspaceLimits},
};
use sandboxed_plugins::ports::{Containers, PortFuture};

use crate::{container_mounts::binds, harnesses, mounts::Found, ports::Late, services::Services};

/// Where a container finds the files that the server leaves for runs.
const INBOX: &str = "/inbox";
/// The port.
pub(crate) struct HostContainers(pub(crate) Late);

impl Containers for HostContainers {
    fn probe(&self, socket: String) -> PortFuture<'_, Result<container::EngineFacts, Failure>> {
        Box::pin(async move {
            let engine = self.0.services()?.engines.at(&socket).await?;
            let facts = engine.probe().await.map_err(|error| error.failure())?;
            Ok(container::EngineFacts {
                product: match facts.product {
                    Product::Docker => "docker".to_owned(),
                    Product::Podman => "podman".to_owned(),
                },
                version: facts.version,
                api: facts.api,
                rootless: facts.rootless,
                cgroup_version: facts.cgroup.map(|version| match version {
                    CgroupVersion::V1 => 1,
                    CgroupVersion::V2 => 2,
                }),
                limits_memory: facts.limits.memory,
                limits_cpu: facts.limits.cpu,
                limits_processes: facts.limits.processes,
            })
        })
    }

    fn has_image(&self, socket: String, image: ImageSource) -> PortFuture<'_, Result<bool, Failure>> {
        Box::pin(async move {
            let services = self.0.services()?;
            let engine = services.engines.at(&socket).await?;
            // Of no workspace, and so without a network.
            let terms = Terms { network: NetworkMode::None, limits: WorkspaceLimits::default() };
            let image = services.image(image, terms).await?;
            engine.has_image(&image.name).await.map_err(|error| error.failure())
        })
    }

    fn make_image(
        &self,
        socket: String,
        workspace: BackendSpec,
        image: ImageSource,
    ) -> PortFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            let services = self.0.services()?;
            let engine = services.engines.at(&socket).await?;
            let image = services.image(image, workspace.terms).await?;
            services.note_use(&image).await;
            tracing::info!(image = %image.name, "an image is fetched or made");
            let said = |line: &str| tracing::debug!(line, "the engine makes an image");
            engine.make_image(&image.name, &image.work, said).await.map_err(|error| error.failure())
        })
    }

    fn ensure(
        &self,
        socket: String,
        workspace: BackendSpec,
        request: ContainerRequest,
    ) -> PortFuture<'_, Result<ContainerPlaces, Failure>> {
        Box::pin(async move {
            let services = self.0.services()?;
            let engine = services.engines.at(&socket).await?;
            let facts = services.engines.facts(&socket, &engine).await?;
            if !socket.starts_with('/') {
                let spec = services.distant_container(&workspace, request, &facts).await?;
                run(&engine, &spec).await?;
                return Ok(places(true));
            }
            let found = services.container_mounts(&workspace).await?;
            let spec = services.container(&workspace, request, &found, &facts).await?;
            services.run_with_mounts(&engine, &spec, found).await?;
            Ok(places(false))
        })
    }

    fn observe(
        &self,
        socket: String,
        workspace: WorkspaceId,
    ) -> PortFuture<'_, Result<(ContainerPhase, ContainerPlaces), Failure>> {
        Box::pin(async move {
            let engine = self.0.services()?.engines.at(&socket).await?;
            let seen = engine.observe(workspace).await.map_err(|error| error.failure())?;
            let phase = match seen.phase {
                Phase::Absent => ContainerPhase::Absent,
                Phase::Stopped => ContainerPhase::Stopped,
                Phase::Running => ContainerPhase::Running,
                Phase::Foreign => ContainerPhase::Foreign,
            };
            Ok((phase, places(!socket.starts_with('/'))))
        })
    }

    fn list_owned(&self, socket: String) -> PortFuture<'_, Result<Vec<WorkspaceId>, Failure>> {
        Box::pin(async move {
            let engine = self.0.services()?.engines.at(&socket).await?;
            let owned = engine.list_owned().await.map_err(|error| error.failure())?;
            let mut workspaces: Vec<WorkspaceId> = owned.into_iter().map(|owned| owned.workspace).collect();
            if !socket.starts_with('/') {
                workspaces.extend(engine.list_owned_volumes().await.map_err(|error| error.failure())?);
                workspaces.sort_unstable();
                workspaces.dedup();
            }
            Ok(workspaces)
        })
    }

    fn stop(&self, socket: String, workspace: WorkspaceId, grace: Duration) -> PortFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            let services = self.0.services()?;
            let Some(engine) = services.engine_to_clear(&socket, workspace).await? else { return Ok(()) };
            // All runs have ended, and what keeps a container alive has nothing to put in order.
            let grace = if engine.is_quiet(workspace).await.unwrap_or(false) { Duration::ZERO } else { grace };
            engine.stop(workspace, grace).await.map_err(|error| error.failure())
        })
    }

    fn remove(&self, socket: String, workspace: WorkspaceId) -> PortFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            let services = self.0.services()?;
            let Some(engine) = services.engine_to_clear(&socket, workspace).await? else { return Ok(()) };
            engine.remove(workspace).await.map_err(|error| error.failure())?;
            match socket.starts_with('/') {
                true => Ok(()),
                false => engine.remove_volumes(workspace).await.map_err(|error| error.failure()),
            }
        })
    }
}

impl Services {
    /// The engine, to end something there. Absent: it does not answer, and was never asked for a container of the
    /// workspace.
    async fn engine_to_clear(&self, socket: &str, workspace: WorkspaceId) -> Result<Option<Engine>, Failure> {
        match self.engines.at(socket).await {
            Ok(engine) => Ok(Some(engine)),
            // They are written before a container is asked for.
            Err(_) if tokio::fs::metadata(self.paths.accounts(workspace)).await.is_err() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// A workspace's container as it has to be.
    async fn container(
        &self,
        workspace: &BackendSpec,
        request: ContainerRequest,
        mounts: &[Found],
        facts: &EngineFacts,
    ) -> Result<ContainerSpec, Failure> {
        let terms = workspace.terms;
        let user = user(workspace, facts)?;
        if matches!(terms.network, NetworkMode::Allow | NetworkMode::Open) && !Guard::is_privileged() {
            return Err(no_way_out());
        }
        let image = self.image(request.image, terms).await?;
        self.note_use(&image).await;
        let env = Env::new(request.env).map_err(|error| {
            Failure::new(Blame::Config, "containers.invalid", format!("the container cannot be made: {error}"))
        })?;
        let [passwd, group, filter] = self.written_for(workspace.id, user).await?;
        let seccomp = match facts.product {
            Product::Docker => SECCOMP.to_owned(),
            // It reads the profile itself.
            Product::Podman => filter.to_string_lossy().into_owned(),
        };
        let bind = |source, target: &str| Bind { source, target: target.into(), read_only: true };
        Ok(ContainerSpec {
            workspace: workspace.id,
            image: image.name,
            storage: Storage::Directories { tree: self.paths.tree(workspace.id), home: self.paths.home(workspace.id) },
            binds: [
                bind(self.paths.inbox(workspace.id), INBOX),
                bind(self.paths.harnesses(), harnesses::TARGET),
                bind(passwd, "/etc/passwd"),
                bind(group, "/etc/group"),
            ]
            .into_iter()
            .chain(binds(workspace.id, mounts))
            .collect(),
            limits: limits(terms.limits, self.config.workspaces.limits.fill(WorkspaceLimits::default()), facts)?,
            network: if terms.network == NetworkMode::Shared { Network::Bridge } else { Network::None },
            env,
            user: User { uid: user, gid: user },
            seccomp: Some(seccomp),
        })
    }

    /// Files that name the container's user, which no image knows, and the filter of system calls.
    async fn written_for(&self, workspace: WorkspaceId, user: u32) -> Result<[PathBuf; 3], Failure> {
        let directory = self.paths.accounts(workspace);
        let passwd = format!("agent:x:{user}:{user}:agent:{HOME}:/bin/sh\n{PASSWD}");
        let group = format!("agent:x:{user}:\n{GROUP}");
        let written = tokio::task::spawn_blocking(move || {
            std::fs::create_dir_all(&directory)?;
            let write = |name: &str, text: String| {
                let path = directory.join(name);
                // A file that is mounted must stay the same one.
                if std::fs::read_to_string(&path).ok().as_ref() != Some(&text) {
                    std::fs::write(&path, text)?;
                    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644))?;
                }
                io::Result::Ok(path)
            };
            Ok([write("passwd", passwd)?, write("group", group)?, write("seccomp.json", SECCOMP.to_owned())?])
        });
        written.await.map_err(io::Error::other).and_then(|written| written).map_err(|error| accounts(&error))
    }
}

pub(crate) fn accounts(error: &io::Error) -> Failure {
    Failure::new(Blame::Host, "containers.accounts", format!("the container's users cannot be written: {error}"))
}

fn places(distant: bool) -> ContainerPlaces {
    let inbox = if distant { keeper::INBOX } else { INBOX };
    ContainerPlaces { tree: TREE.to_owned(), inbox: inbox.to_owned(), home: HOME.to_owned() }
}

pub(crate) fn reference(image: &str) -> Result<ImageReference, Failure> {
    image.parse().map_err(|error: sandboxed_engine::InvalidImageReference| {
        Failure::new(Blame::Config, "containers.image_invalid", error.to_string())
            .with_hint("write it as debian:bookworm or registry.example.org/team/image:1")
    })
}

/// The user inside whose files are the workspace's user's outside.
fn user(workspace: &BackendSpec, facts: &EngineFacts) -> Result<u32, Failure> {
    match (facts.rootless, facts.userns, workspace.user) {
        // The engine's own user, who has to be the server's.
        (true, _, _) => Ok(0),
        (false, true, _) => {
            let message = "the engine gives containers other user ids (userns-remap), and the workspace's files would be \
                           nobody's in there";
            Err(Failure::new(Blame::Unavailable, "containers.userns", message)
                .with_hint("run the engine without userns-remap, or use a rootless engine of the server's user"))
        }
        (false, false, 0) => {
            let message = "the workspace has no user of its own, and nothing in a container runs as root";
            Err(Failure::new(Blame::Unavailable, "containers.root", message)
                .with_hint("start the server as a user other than root, or give it CAP_SYS_ADMIN and CAP_SETUID"))
        }
        (false, false, user) => Ok(user),
    }
}

/// Limits that hold. A default that the engine cannot hold is left out; what was asked for is not.
pub(crate) fn limits(
    asked: WorkspaceLimits,
    defaults: WorkspaceLimits,
    facts: &EngineFacts,
) -> Result<WorkspaceLimits, Failure> {
    let cannot = |name: &str| {
        Failure::new(Blame::Unavailable, "containers.limits_unavailable", format!("the engine cannot limit {name}"))
            .with_hint("make the workspace without this limit, or run the engine as root")
    };
    let mut limits = asked;
    if !facts.limits.memory && limits.memory.is_some() {
        if limits.memory != defaults.memory {
            return Err(cannot("memory"));
        }
        limits.memory = None;
    }
    if !facts.limits.cpu && limits.cpu_millis.is_some() {
        if limits.cpu_millis != defaults.cpu_millis {
            return Err(cannot("processors"));
        }
        limits.cpu_millis = None;
    }
    if !facts.limits.processes && limits.processes.is_some() {
        if limits.processes != defaults.processes {
            return Err(cannot("processes"));
        }
        limits.processes = None;
    }
    Ok(limits)
}

/// The way out of a workspace's network begins in the network of its container.
pub(crate) fn no_way_out() -> Failure {
    let message = "the server may not enter the container's network, so it cannot watch over what goes out of it";
    Failure::new(Blame::Unavailable, "containers.network_unavailable", message).with_hint(
        "start the server as root on the engine's machine, or make the workspace with the network none or shared",
    )
}

/// Makes the container run as it has to be.
pub(crate) async fn run(engine: &Engine, spec: &ContainerSpec) -> Result<(), Failure> {
    let made = match engine.ensure_container(spec).await {
        Err(Error::RecreateNeeded(id)) if may_be_replaced(engine, id).await => {
            engine.remove(id).await.map_err(|error| error.failure())?;
            engine.ensure_container(spec).await
        }
        made => made,
    };
    made.map(drop).map_err(|error| error.failure())
}

/// A container that is not what is wanted goes if nobody works in it.
pub(crate) async fn may_be_replaced(engine: &Engine, workspace: WorkspaceId) -> bool {
    matches!(engine.is_quiet(workspace).await, Ok(true) | Err(Error::NotRunning(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sandboxed_engine::LimitSupport;

    fn facts() -> EngineFacts {
        EngineFacts {
            product: Product::Docker,
            version: String::new(),
            api: String::new(),
            rootless: false,
            userns: false,
            seccomp: None,
            storage_driver: String::new(),
            cgroup: None,
            limits: LimitSupport { memory: true, cpu: true, processes: true },
            os: String::new(),
            arch: String::new(),
            kernel: String::new(),
            runtimes: Vec::new(),
        }
    }

    fn workspace(user: u32) -> BackendSpec {
        BackendSpec {
            id: WorkspaceId::new(),
            tree: String::new(),
            inbox: String::new(),
            home: String::new(),
            etc: String::new(),
            user,
            root: None,
            root_env: Vec::new(),
            shared_network: false,
            mounts: Vec::new(),
            options: "{}".to_owned(),
            terms: Terms { network: NetworkMode::None, limits: WorkspaceLimits::default() },
            asked_mounts: Vec::new(),
        }
    }

    #[test]
    fn nothing_runs_as_root_unless_root_inside_is_an_ordinary_user_outside() {
        let code = |user_id, facts: &EngineFacts| user(&workspace(user_id), facts).map_err(|failure| failure.code);
        let rootless = EngineFacts { rootless: true, userns: true, ..facts() };
        let remapped = EngineFacts { userns: true, ..facts() };

        assert_eq!(code(210_000, &facts()), Ok(210_000));
        assert_eq!(code(0, &facts()), Err("containers.root".to_owned()));
        assert_eq!(code(1000, &rootless), Ok(0));
        assert_eq!(code(210_000, &remapped), Err("containers.userns".to_owned()));
    }

    #[test]
    fn a_limit_that_cannot_hold_is_refused_where_it_was_asked_for_and_left_out_where_it_is_the_default() {
        let defaults = WorkspaceLimits { memory: Some(8 << 30), cpu_millis: None, processes: Some(4096), disk: None };
        let weak = EngineFacts { limits: LimitSupport { memory: false, cpu: true, processes: true }, ..facts() };
        let asked = WorkspaceLimits { memory: Some(1 << 30), ..defaults };

        assert_eq!(limits(defaults, defaults, &weak), Ok(WorkspaceLimits { memory: None, ..defaults }));
        assert_eq!(limits(asked, defaults, &weak).unwrap_err().code, "containers.limits_unavailable");
        assert_eq!(limits(asked, defaults, &facts()), Ok(asked));
    }
}
