//! Containers of workspaces on other machines.

use sandboxed_engine::{ContainerSpec, EngineFacts, Env, Network, Product, SECCOMP, Storage, User};
use sandboxed_model::{
    Blame, Failure,
    backend::BackendSpec,
    container::ContainerRequest,
    workspace::{NetworkMode, WorkspaceLimits},
};

use crate::{
    containers::{accounts, limits},
    services::Services,
};

impl Services {
    /// A workspace's container on an engine of another machine, as it has to be: its files are volumes there.
    pub(crate) async fn distant_container(
        &self,
        workspace: &BackendSpec,
        request: ContainerRequest,
        facts: &EngineFacts,
    ) -> Result<ContainerSpec, Failure> {
        let terms = workspace.terms;
        let refused =
            |code, message: &str, hint: &str| Err(Failure::new(Blame::Unavailable, code, message).with_hint(hint));
        if facts.product == Product::Podman {
            let message = "an engine on another machine must be Docker, and this is Podman";
            return refused("containers.keeper", message, "run a Docker engine there");
        }
        if matches!(terms.network, NetworkMode::Allow | NetworkMode::Open) {
            let message =
                "the engine is on another machine, where the server cannot watch over what goes out of a container";
            let hint =
                "make the workspace with the network none (--network none), or with shared, the engine's own bridge";
            return refused("containers.network_unavailable", message, hint);
        }
        if !workspace.asked_mounts.is_empty() {
            let message = "directories of the server's machine are not on the engine's";
            return refused("containers.mounts_unavailable", message, "make the workspace without mounts");
        }
        let env = Env::new(request.env).map_err(|error| {
            Failure::new(Blame::Config, "containers.invalid", format!("the container cannot be made: {error}"))
        })?;
        let image = self.image(request.image, terms).await?;
        self.note_use(&image).await;
        // From here on there may be something of the workspace's on the engine.
        tokio::fs::create_dir_all(self.paths.accounts(workspace.id)).await.map_err(|error| accounts(&error))?;
        Ok(ContainerSpec {
            workspace: workspace.id,
            image: image.name,
            storage: Storage::Volumes,
            binds: Vec::new(),
            limits: limits(terms.limits, self.config.workspaces.limits.fill(WorkspaceLimits::default()), facts)?,
            network: if terms.network == NetworkMode::Shared { Network::Bridge } else { Network::None },
            env,
            // The users of the server's machine mean nothing there.
            user: User::default(),
            seccomp: Some(SECCOMP.to_owned()),
        })
    }
}
