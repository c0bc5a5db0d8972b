//! `containers`: the workspaces' containers, made and removed by engines.

use std::{future::Future, path::PathBuf, time::Duration};

use sandboxed_model::{
    Blame, Failure,
    backend::BackendSpec,
    container::{ContainerPhase, ContainerPlaces, ContainerRequest, ImageSource},
};

use crate::{
    bindings::host::{
        containers::{Container, Facts, Host, Phase, Places},
        failures, images,
    },
    state::PluginState,
};

type Answer<T> = wasmtime::Result<Result<T, failures::Failure>>;

impl PluginState {
    /// Counts the call, sees that the engine is granted, and does not let the work go on beyond the plugin's time.
    async fn on_engine<T>(&mut self, engine: &str, work: impl Future<Output = Result<T, Failure>> + Send) -> Answer<T> {
        self.count_host_call()?;
        if !self.rights.grants.containers.iter().any(|granted| granted == engine) {
            let message = format!("the container engine {engine:?} was not granted");
            let failure = Failure::new(Blame::Denied, "containers.denied", message)
                .with_hint(format!("grants.containers = [\"{engine}\"]"));
            return Ok(Err(failure.into()));
        }
        let done = tokio::time::timeout(self.time_for(0), work).await;
        Ok(done.unwrap_or_else(|_| Err(late())).map_err(Into::into))
    }

    /// An image that the plugin may name.
    fn image(&self, image: images::ImageSource) -> Result<ImageSource, Failure> {
        let image = ImageSource::from(image);
        match &image {
            ImageSource::Archive(archive)
                if !self.rights.grants.archives.iter().any(|it| archive.as_os_str() == it.as_str()) =>
            {
                let message = format!("the archive {:?} was not granted", archive.display());
                Err(Failure::new(Blame::Denied, "containers.archive_denied", message)
                    .with_hint(format!("grants.archives = [{:?}]", archive.display())))
            }
            _ => Ok(image),
        }
    }

    fn subject(&self) -> Result<BackendSpec, Failure> {
        self.subject
            .clone()
            .ok_or_else(|| Failure::new(Blame::Plugin, "containers.no_workspace", "this call is about no workspace"))
    }
}

fn late() -> Failure {
    Failure::new(Blame::Deadline, "containers.deadline", "the container engine did not finish within the plugin's time")
        .with_hint("limits.deadline in the plugin's table gives it longer")
}

impl Host for PluginState {
    async fn probe(&mut self, engine: String) -> Answer<Facts> {
        let containers = self.ports.containers.clone();
        let facts = self.on_engine(&engine, containers.probe(engine.clone())).await?;
        Ok(facts.map(|facts| Facts {
            product: facts.product,
            version: facts.version,
            api: facts.api,
            rootless: facts.rootless,
            cgroup_version: facts.cgroup_version,
            limits_memory: facts.limits_memory,
            limits_cpu: facts.limits_cpu,
            limits_processes: facts.limits_processes,
        }))
    }

    async fn has_image(&mut self, engine: String, image: images::ImageSource) -> Answer<bool> {
        let (containers, image) = (self.ports.containers.clone(), self.image(image));
        let work = async { containers.has_image(engine.clone(), image?).await };
        self.on_engine(&engine, work).await
    }

    async fn make_image(&mut self, engine: String, image: images::ImageSource) -> Answer<()> {
        let (containers, subject, image) = (self.ports.containers.clone(), self.subject(), self.image(image));
        let work = async { containers.make_image(engine.clone(), subject?, image?).await };
        self.on_engine(&engine, work).await
    }

    async fn ensure(&mut self, engine: String, container: Container) -> Answer<Places> {
        let (containers, subject) = (self.ports.containers.clone(), self.subject());
        let (image, env) = (self.image(container.image), container.env);
        let work = async { containers.ensure(engine.clone(), subject?, ContainerRequest { image: image?, env }).await };
        Ok(self.on_engine(&engine, work).await?.map(Into::into))
    }

    async fn observe(&mut self, engine: String) -> Answer<(Phase, Places)> {
        let (containers, subject) = (self.ports.containers.clone(), self.subject());
        let work = async { containers.observe(engine.clone(), subject?.id).await };
        Ok(self.on_engine(&engine, work).await?.map(|(phase, places)| (phase.into(), places.into())))
    }

    async fn list_owned(&mut self, engine: String) -> Answer<Vec<String>> {
        let containers = self.ports.containers.clone();
        let owned = self.on_engine(&engine, containers.list_owned(engine.clone())).await?;
        Ok(owned.map(|owned| owned.iter().map(ToString::to_string).collect()))
    }

    async fn stop(&mut self, engine: String, grace_ms: u32) -> Answer<()> {
        let (containers, subject) = (self.ports.containers.clone(), self.subject());
        let grace = Duration::from_millis(grace_ms.into());
        let work = async { containers.stop(engine.clone(), subject?.id, grace).await };
        self.on_engine(&engine, work).await
    }

    async fn remove(&mut self, engine: String) -> Answer<()> {
        let (containers, subject) = (self.ports.containers.clone(), self.subject());
        let work = async { containers.remove(engine.clone(), subject?.id).await };
        self.on_engine(&engine, work).await
    }
}

impl From<images::ImageSource> for ImageSource {
    fn from(image: images::ImageSource) -> Self {
        match image {
            images::ImageSource::Registry(name) => Self::Registry(name),
            images::ImageSource::Archive(path) => Self::Archive(PathBuf::from(path)),
            images::ImageSource::Dockerfile(images::Dockerfile { text, bases }) => Self::Dockerfile { text, bases },
        }
    }
}

impl From<ContainerPlaces> for Places {
    fn from(places: ContainerPlaces) -> Self {
        let ContainerPlaces { tree, inbox, home } = places;
        Self { tree, inbox, home }
    }
}

impl From<ContainerPhase> for Phase {
    fn from(phase: ContainerPhase) -> Self {
        match phase {
            ContainerPhase::Absent => Self::Absent,
            ContainerPhase::Stopped => Self::Stopped,
            ContainerPhase::Running => Self::Running,
            ContainerPhase::Foreign => Self::Foreign,
        }
    }
}
