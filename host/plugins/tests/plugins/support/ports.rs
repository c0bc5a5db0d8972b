//! Ports that really do what they are asked: values in memory, programs as processes.

use std::{
    collections::BTreeMap,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use sandboxed_model::{
    Blame, Failure, PluginId, WorkspaceId,
    backend::BackendSpec,
    command::{Command, Exit, Output},
    container::{ContainerPhase, ContainerPlaces, ContainerRequest, EngineFacts, ImageSource},
    tools::ToolCaller,
};
use sandboxed_plugins::{
    Ports,
    ports::{Containers, Entry, Journal, Kv, PortFuture, Program, Programs, Secrets, VersionChange, Workspaces},
};
use tokio::io::AsyncWriteExt;

/// The ports of a server without workspaces. The secrets `token` and `other` are set.
pub(crate) fn ports() -> Ports {
    Ports {
        kv: Arc::new(Memory::default()),
        secrets: Arc::new(TwoSecrets),
        programs: Arc::new(Processes),
        containers: Arc::new(NoEngine),
        workspaces: Arc::new(NoWorkspaces),
        journal: Arc::new(Notes::default()),
    }
}

/// The same ports with a journal that can be read.
pub(crate) fn noting(notes: &Arc<Notes>) -> Ports {
    Ports { journal: Arc::clone(notes) as Arc<dyn Journal>, ..ports() }
}

/// What became of versions, in order.
#[derive(Default)]
pub(crate) struct Notes(Mutex<Vec<VersionChange>>);

impl Notes {
    pub(crate) fn all(&self) -> Vec<VersionChange> {
        self.0.lock().unwrap().clone()
    }
}

impl Journal for Notes {
    fn note(&self, _plugin: &PluginId, _digest: &str, change: VersionChange) {
        self.0.lock().unwrap().push(change);
    }
}

#[derive(Default)]
struct Memory(Mutex<BTreeMap<(PluginId, String), Vec<u8>>>);

impl Kv for Memory {
    fn get<'a>(&'a self, plugin: &'a PluginId, key: String) -> PortFuture<'a, Result<Option<Vec<u8>>, Failure>> {
        Box::pin(async move { Ok(self.0.lock().unwrap().get(&(plugin.clone(), key)).cloned()) })
    }

    fn put<'a>(&'a self, plugin: &'a PluginId, key: String, value: Vec<u8>) -> PortFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            self.0.lock().unwrap().insert((plugin.clone(), key), value);
            Ok(())
        })
    }

    fn delete<'a>(&'a self, plugin: &'a PluginId, key: String) -> PortFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            self.0.lock().unwrap().remove(&(plugin.clone(), key));
            Ok(())
        })
    }

    fn keys<'a>(
        &'a self,
        plugin: &'a PluginId,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> PortFuture<'a, Result<Vec<String>, Failure>> {
        Box::pin(async move {
            let values = self.0.lock().unwrap();
            let own = values.keys().filter(|(owner, _)| owner == plugin).map(|(_, key)| key);
            let wanted = own.filter(|key| key.starts_with(&prefix) && after.as_ref().is_none_or(|after| *key > after));
            Ok(wanted.take(limit as usize).cloned().collect())
        })
    }

    fn total_bytes<'a>(&'a self, plugin: &'a PluginId) -> PortFuture<'a, Result<u64, Failure>> {
        Box::pin(async move {
            let values = self.0.lock().unwrap();
            let own = values.iter().filter(|((owner, _), _)| owner == plugin);
            Ok(own.map(|((_, key), value)| (key.len() + value.len()) as u64).sum())
        })
    }
}

struct TwoSecrets;

impl Secrets for TwoSecrets {
    fn exists(&self, _: &PluginId, name: &str) -> bool {
        matches!(name, "token" | "other" | "wanted")
    }

    fn read<'a>(
        &'a self,
        plugin: &'a PluginId,
        name: &'a str,
        _: Option<&'a str>,
    ) -> PortFuture<'a, Result<String, Failure>> {
        Box::pin(async move {
            if self.exists(plugin, name) {
                return Ok(format!("value-of-{name}"));
            }
            Err(Failure::new(Blame::Config, "secrets.missing", format!("there is no secret {name}")))
        })
    }
}

struct Processes;

impl Programs for Processes {
    fn run<'a>(&'a self, program: Program) -> PortFuture<'a, Result<Output, Failure>> {
        Box::pin(async move {
            let broken = |error: std::io::Error| Failure::new(Blame::Unavailable, "run.failed", error.to_string());
            let mut child = tokio::process::Command::new(&program.path)
                .args(program.args)
                .env_clear()
                .envs(program.env)
                .current_dir(program.cwd.unwrap_or_else(|| "/".into()))
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .kill_on_drop(true)
                .spawn()
                .map_err(broken)?;
            let mut stdin = child.stdin.take().unwrap();
            let feed = async move {
                // A program that does not read its input is none of ours to judge.
                let _ = stdin.write_all(&program.stdin).await;
            };
            let ended =
                tokio::time::timeout(program.deadline, async { tokio::join!(feed, child.wait_with_output()).1 });
            let output = ended
                .await
                .map_err(|_| Failure::new(Blame::Deadline, "run.deadline", "it did not end"))?
                .map_err(broken)?;
            Ok(Output {
                exit: output.status.code().map_or_else(|| Exit::Lost("a signal".to_owned()), Exit::Code),
                truncated: output.stdout.len().max(output.stderr.len()) > program.max_output,
                stdout: output.stdout.into_iter().take(program.max_output).collect(),
                stderr: output.stderr.into_iter().take(program.max_output).collect(),
            })
        })
    }
}

/// An engine that answers each call by saying what was asked of it.
struct NoEngine;

fn asked<T: Send + 'static>(what: String) -> PortFuture<'static, Result<T, Failure>> {
    Box::pin(async move { Err(Failure::new(Blame::Unavailable, "engine.asked", what)) })
}

fn told(image: &ImageSource) -> String {
    match image {
        ImageSource::Registry(name) => format!("registry {name}"),
        ImageSource::Archive(path) => format!("archive {}", path.display()),
        ImageSource::Dockerfile { text, bases } => format!("dockerfile {text} {bases:?}"),
    }
}

impl Containers for NoEngine {
    fn probe(&self, engine: String) -> PortFuture<'_, Result<EngineFacts, Failure>> {
        asked(format!("probe {engine}"))
    }

    fn has_image(&self, engine: String, image: ImageSource) -> PortFuture<'_, Result<bool, Failure>> {
        asked(format!("has {engine} {}", told(&image)))
    }

    fn make_image(
        &self,
        engine: String,
        workspace: BackendSpec,
        image: ImageSource,
    ) -> PortFuture<'_, Result<(), Failure>> {
        asked(format!("make {engine} {} {}", workspace.id, told(&image)))
    }

    fn ensure(
        &self,
        engine: String,
        workspace: BackendSpec,
        request: ContainerRequest,
    ) -> PortFuture<'_, Result<ContainerPlaces, Failure>> {
        match told(&request.image).as_str() {
            // Only then it is made.
            "registry missing:1" | "archive /srv/base.tar" => {
                Box::pin(async { Err(Failure::new(Blame::Unavailable, "containers.image_missing", "none")) })
            }
            image => asked(format!("ensure {engine} {} {image}", workspace.id)),
        }
    }

    fn observe(
        &self,
        engine: String,
        workspace: WorkspaceId,
    ) -> PortFuture<'_, Result<(ContainerPhase, ContainerPlaces), Failure>> {
        asked(format!("observe {engine} {workspace}"))
    }

    fn list_owned(&self, engine: String) -> PortFuture<'_, Result<Vec<WorkspaceId>, Failure>> {
        asked(format!("list {engine}"))
    }

    fn stop(&self, engine: String, workspace: WorkspaceId, grace: Duration) -> PortFuture<'_, Result<(), Failure>> {
        asked(format!("stop {engine} {workspace} {}", grace.as_millis()))
    }

    fn remove(&self, engine: String, workspace: WorkspaceId) -> PortFuture<'_, Result<(), Failure>> {
        asked(format!("remove {engine} {workspace}"))
    }
}

struct NoWorkspaces;

fn absent<T: Send + 'static>() -> PortFuture<'static, Result<T, Failure>> {
    Box::pin(async { Err(Failure::new(Blame::Unavailable, "workspace.missing", "there is no workspace")) })
}

impl Workspaces for NoWorkspaces {
    fn stat(&self, _: ToolCaller, _: String) -> PortFuture<'_, Result<Entry, Failure>> {
        absent()
    }

    fn read(&self, _: ToolCaller, _: String, _: u64, _: u32) -> PortFuture<'_, Result<Vec<u8>, Failure>> {
        absent()
    }

    fn write(&self, _: ToolCaller, _: String, _: Vec<u8>) -> PortFuture<'_, Result<(), Failure>> {
        absent()
    }

    fn remove(&self, _: ToolCaller, _: String) -> PortFuture<'_, Result<(), Failure>> {
        absent()
    }

    fn list(&self, _: ToolCaller, _: String, _: Option<String>, _: u32) -> PortFuture<'_, Result<Vec<Entry>, Failure>> {
        absent()
    }

    fn run(
        &self,
        _: PluginId,
        _: ToolCaller,
        _: Command,
        _: Vec<String>,
        _: Vec<u8>,
        _: Duration,
        _: usize,
    ) -> PortFuture<'_, Result<Output, Failure>> {
        absent()
    }
}
