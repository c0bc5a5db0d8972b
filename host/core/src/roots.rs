//! Root file systems of workspaces that have one of their own: what they begin with is made once for all that plan the
//! same, and mounted for each with its own changes on top.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sandboxed_exec::{Chunk, OutputStream, Run, RunSpec, StdinMode};
use sandboxed_model::{
    Blame, Failure, RunId,
    backend::RootPlan,
    command::Exit,
    workspace::{Workspace, WorkspaceRoot},
};
use sandboxed_rootfs::{LayerId, Layers, Users};

use crate::{Result, leaders::plain, services::Services};

/// How long a layer may take to be made.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// The users of the machine that a new layer belongs to: its own root and those after it.
const MACHINE: Users = Users { first: 0, count: 65_536 };
/// What is told of the words of whoever failed to make one.
const WORDS: usize = 2048;
/// Lines of those that are told.
const LINES: usize = 6;

/// All layers, and those that are being made.
pub(crate) struct Roots {
    layers: Layers,
    /// Whether directories can begin with layers here, or why not.
    pub(crate) shares_layers: tokio::sync::OnceCell<std::result::Result<(), String>>,
    /// Whoever wants the same layer waits for it.
    making: Mutex<HashMap<LayerId, Arc<tokio::sync::Mutex<()>>>>,
}

impl Roots {
    /// The layers in a directory.
    pub(crate) async fn open(directory: PathBuf) -> Result<Self> {
        let layers = blocking(move || Layers::open(directory)).await?;
        Ok(Self { layers, shares_layers: tokio::sync::OnceCell::new(), making: Mutex::default() })
    }

    pub(crate) fn layers(&self) -> &Layers {
        &self.layers
    }

    fn making(&self, id: &LayerId) -> Arc<tokio::sync::Mutex<()>> {
        let mut making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        making.retain(|_, lock| Arc::strong_count(lock) > 1);
        Arc::clone(making.entry(id.clone()).or_default())
    }
}

impl Services {
    /// Gives a workspace the root that its backend plans for it, if it has not got it. What it changed of another is gone.
    pub(crate) async fn give_root(&self, workspace: &Workspace) -> Result<()> {
        let Some(root) = self.make_root(workspace).await? else { return Ok(()) };
        let begins_with = |root: &WorkspaceRoot| root.layers.first().cloned();
        if workspace.root.as_ref().and_then(begins_with) == begins_with(&root) {
            return Ok(());
        }
        self.discard_root(workspace.id).await?;
        Ok(self.store.set_workspace_layers(workspace.id, Some(root), workspace.layers.clone()).await?)
    }

    /// Makes what a workspace's root begins with, or finds it made. Absent: its backend wants no root.
    async fn make_root(&self, workspace: &Workspace) -> Result<Option<WorkspaceRoot>> {
        let backend = self.plugins.backend(&workspace.backend)?;
        let layers = self.roots.layers.clone();
        let draft = blocking(move || layers.draft()).await?;
        let target = draft.files().to_string_lossy().into_owned();
        let Some(plan) = backend.plan_root(&workspace.options.to_string(), &target).await? else { return Ok(None) };
        let RootPlan { key, title, command } = plan;
        // Two backends that call different things the same share nothing.
        let key = format!("{}\n{key}", workspace.backend);
        let id = LayerId::of(&key);
        let making = self.roots.making(&id);
        let _making = making.lock().await;
        let (layers, wanted) = (self.roots.layers.clone(), id.clone());
        if let Some(layer) = blocking(move || layers.find(&wanted)).await? {
            return Ok(Some(WorkspaceRoot { title: layer.title().to_owned(), layers: vec![id.to_string()] }));
        }
        self.check_program(&workspace.backend, &command)?;
        tracing::info!(layer = %id, title, "making the root file system of workspaces");
        let run = RunId::new();
        let started = self.supervisor.start(RunSpec {
            id: run,
            program: command.program,
            args: command.args,
            env: plain(command.env)?,
            cwd: "/".into(),
            tty: None,
            stdin: StdinMode::Null,
            guard: sandboxed_exec::Guard::default(),
        });
        let started = started.await.map_err(|error| error.failure())?;
        let made = see_to_end(&title, &started).await;
        if let Err(error) = self.supervisor.remove(run).await {
            tracing::warn!(%error, %run, "what is kept of a run could not be removed");
        }
        made?;
        let kept = title.clone();
        blocking(move || draft.finish(&key, &kept, MACHINE)).await?;
        Ok(Some(WorkspaceRoot { title, layers: vec![id.to_string()] }))
    }

    /// Removes layers that no workspace has used for long.
    pub(crate) async fn expire_layers(&self) -> Result<()> {
        let used = self.used_layers().await?;
        let (layers, keep) = (self.roots.layers.clone(), self.config.workspaces.keep_layers.0);
        let removed = blocking(move || layers.expire(&used, keep)).await?;
        if removed > 0 {
            tracing::info!(removed, "removed layers of root file systems that no workspace uses");
        }
        Ok(())
    }
}

/// Waits for whoever makes a layer.
async fn see_to_end(title: &str, run: &Run) -> std::result::Result<(), Failure> {
    let failed = |reason: String| {
        let message = format!("the root file system ({title}) could not be made: {reason}");
        Failure::new(Blame::Unavailable, "workspace.root_failed", message)
    };
    let exit = match tokio::time::timeout(PATIENCE, run.exit()).await {
        Ok(exit) => exit,
        Err(_) => {
            run.kill().await.map_err(|error| error.failure())?;
            return Err(failed(format!("it took more than {} minutes", PATIENCE.as_secs() / 60)));
        }
    };
    if exit == Exit::Code(0) {
        return Ok(());
    }
    let mut words = Vec::new();
    let mut errors = run.reader(OutputStream::Stderr, 0);
    while let Ok(Chunk::Bytes { bytes, .. }) = errors.next(WORDS).await {
        words.extend(bytes);
        words.drain(..words.len().saturating_sub(WORDS));
    }
    let words = String::from_utf8_lossy(&words);
    Err(failed(match exit {
        Exit::Lost(why) => why,
        _ => last_lines(&words).to_owned(),
    }))
}

/// What a program said last; before that it tells how far it is.
fn last_lines(words: &str) -> &str {
    let words = words.trim();
    let start = words.rmatch_indices('\n').nth(LINES - 1).map_or(0, |(end, _)| end + 1);
    &words[start..]
}

/// Layer work blocks.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> sandboxed_rootfs::Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    let failed = |reason: String| Failure::new(Blame::Unavailable, "workspace.root", reason);
    Ok(done.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_a_failure_is_the_end_in_whole_lines() {
        let long = "cut line\n".to_owned() + &"progress\n".repeat(10) + "E: no such package\nE: failed\n";

        assert_eq!(last_lines(&long).lines().count(), LINES);
        assert!(last_lines(&long).ends_with("E: no such package\nE: failed"));
        assert_eq!(last_lines("one\n"), "one");
        assert_eq!(last_lines(""), "");
    }
}
