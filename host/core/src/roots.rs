//! Root file systems of workspaces that have one of their own: what they begin with is made once for all that plan the
//! same, and mounted for each with its own changes on top. The making is a step of a build.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use sandboxed_exec::{Guard, Run, RunSpec, Stage, StdinMode};
use sandboxed_images::{Account, Order, Settings};
use sandboxed_model::{
    Blame, BuildId, Failure, PluginId, RunId,
    backend::{RootImage, RootSource},
    command::{Command, Value},
    recipe::VariableName,
    workspace::{Workspace, WorkspaceRoot},
};
use sandboxed_rootfs::{Draft, Layer, LayerId, Layers, Users};
use tokio::sync::OwnedMutexGuard;

use crate::{Result, leaders::plain, services::Services};

/// The users of the machine that a new layer belongs to: its own root and those after it.
const MACHINE: Users = Users { first: 0, count: 65_536 };
/// Files that an image may unpack to.
const MAX_ENTRIES: u64 = 4_000_000;
/// Variables of an image that are kept, and bytes of them together.
const MAX_VARIABLES: usize = 256;
const MAX_VARIABLE_BYTES: usize = 32 << 10;
/// What the program that unpacks images leaves in the scratch directory of a layer.
const SETTINGS: &str = "settings.json";

/// All layers, and those that are being made.
pub(crate) struct Roots {
    layers: Layers,
    /// The program that unpacks images as `PROGRAM unpack`.
    program: PathBuf,
    /// Whether directories can begin with layers here, or why not.
    pub(crate) shares_layers: tokio::sync::OnceCell<std::result::Result<(), String>>,
    making: Mutex<HashMap<LayerId, Arc<Making>>>,
}

/// A layer that is being made, or was a moment ago.
#[derive(Default)]
struct Making {
    turn: Arc<tokio::sync::Mutex<()>>,
    by: Mutex<Option<BuildId>>,
}

/// The right to make a layer, which one build has at a time.
pub(crate) struct Turn {
    making: Arc<Making>,
    _guard: OwnedMutexGuard<()>,
}

/// What a workspace's root begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct System {
    /// Everything that the contents depend on.
    pub(crate) key: String,
    /// What it is, for a person.
    pub(crate) title: String,
}

impl System {
    pub(crate) fn layer(&self) -> LayerId {
        LayerId::of(&self.key)
    }
}

impl Roots {
    /// The layers in a directory.
    pub(crate) async fn open(directory: PathBuf, program: PathBuf) -> Result<Self> {
        let layers = blocking(move || Layers::open(directory)).await?;
        Ok(Self { layers, program, shares_layers: tokio::sync::OnceCell::new(), making: Mutex::default() })
    }

    pub(crate) fn layers(&self) -> &Layers {
        &self.layers
    }

    fn making(&self, id: &LayerId) -> Arc<Making> {
        let mut making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        making.retain(|_, making| Arc::strong_count(making) > 1);
        Arc::clone(making.entry(id.clone()).or_default())
    }

    /// The build that makes this layer now.
    pub(crate) fn maker(&self, id: &LayerId) -> Option<BuildId> {
        *self.making(id).by.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody else makes this layer.
    pub(crate) async fn turn(&self, id: &LayerId, build: BuildId) -> Turn {
        let making = self.making(id);
        let guard = Arc::clone(&making.turn).lock_owned().await;
        Turn::new(making, guard, build)
    }

    /// The right to make this layer, if nobody else has it.
    pub(crate) fn turn_now(&self, id: &LayerId, build: BuildId) -> Option<Turn> {
        let making = self.making(id);
        let guard = Arc::clone(&making.turn).try_lock_owned().ok()?;
        Some(Turn::new(making, guard, build))
    }

    /// Removes layers that are half made, but those of these builds, which go on.
    pub(crate) async fn sweep(&self, going_on: &[BuildId]) -> Result<()> {
        let (layers, keep) = (self.layers.clone(), going_on.iter().map(draft_name).collect::<HashSet<_>>());
        blocking(move || layers.sweep(&keep)).await
    }
}

impl Turn {
    fn new(making: Arc<Making>, guard: OwnedMutexGuard<()>, build: BuildId) -> Self {
        *making.by.lock().unwrap_or_else(PoisonError::into_inner) = Some(build);
        Self { making, _guard: guard }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *self.making.by.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn draft_name(build: &BuildId) -> String {
    build.to_string()
}

impl Services {
    /// What a workspace's root begins with; nothing where its backend wants none.
    pub(crate) async fn plan_system(&self, workspace: &Workspace) -> Result<Option<System>> {
        let plan = self.plugins.backend(&workspace.backend)?.plan_root(&workspace.options.to_string()).await?;
        // Two backends that call different things the same share nothing.
        Ok(plan.map(|plan| System { key: format!("{}\n{}", workspace.backend, plan.key), title: plan.title }))
    }

    /// The layer of a system, if it is there and whole.
    pub(crate) async fn find_system(&self, system: &System) -> Result<Option<WorkspaceRoot>> {
        let (layers, id) = (self.roots.layers.clone(), system.layer());
        Ok(blocking(move || layers.find(&id)).await?.as_ref().map(root))
    }

    /// Starts the making of a system in a draft that is the build's.
    pub(crate) async fn start_system(&self, run: RunId, build: BuildId, workspace: &Workspace) -> Result<Run> {
        let (layers, name) = (self.roots.layers.clone(), draft_name(&build));
        let draft = blocking(move || layers.begin(&name)).await?;
        let backend = self.plugins.backend(&workspace.backend)?;
        let target = draft.files().to_string_lossy().into_owned();
        let source = backend.make_root(&workspace.options.to_string(), &target).await?;
        let command = match source {
            RootSource::Program(command) => {
                self.check_program(&workspace.backend, &command)?;
                command
            }
            RootSource::Image(image) => self.unpacking(&workspace.backend, image, &draft)?,
        };
        let mut env = plain(command.env)?;
        env.retain(|(name, _)| name != "TMPDIR");
        env.push(("TMPDIR".to_owned(), draft.scratch().to_string_lossy().into_owned()));
        let spec = RunSpec {
            id: run,
            program: "/bin/sh".to_owned(),
            // One log, in the order of printing.
            args: ["-c", "exec 2>&1; exec \"$@\"", "system"]
                .map(str::to_owned)
                .into_iter()
                .chain([command.program])
                .chain(command.args)
                .collect(),
            env,
            cwd: "/".into(),
            tty: None,
            stdin: StdinMode::Null,
            // With nothing on the stage, but a view of the file system of its own: what it mounts goes with it, however it ends.
            guard: Guard { stage: Some(Stage { at: draft.stage(), mounts: Vec::new() }), ..Guard::default() },
        };
        let started = self.supervisor.start(spec).await.map_err(|error| error.failure())?;
        draft.leave();
        Ok(started)
    }

    /// This server's own program, as it unpacks an image.
    fn unpacking(&self, backend: &PluginId, image: RootImage, draft: &Draft) -> Result<Command> {
        let RootImage { path, name, directories, account } = image;
        let grants = self.plugins.inspect(backend).map(|info| info.grants).unwrap_or_default();
        if !grants.archives.contains(&path) {
            let message = format!("the plugin {backend} names the image {path:?}, which was not granted");
            let hint = format!("grants.archives = [{path:?}] in the plugin's table of sandboxed.toml");
            return Err(Failure::new(Blame::Denied, "archives.denied", message).with_hint(hint).into());
        }
        let order = Order {
            source: path.into(),
            image: name,
            target: draft.files(),
            scratch: draft.scratch(),
            max_bytes: self.config.workspaces.image_size.0,
            max_entries: MAX_ENTRIES,
            directories,
            account: account.map(|account| Account { name: account.name, id: account.id, home: account.home }),
        };
        let order = serde_json::to_string(&order).map_err(|error| failed(error.to_string()))?;
        let settings = draft.scratch().join(SETTINGS).to_string_lossy().into_owned();
        Ok(Command {
            program: self.roots.program.to_string_lossy().into_owned(),
            args: vec!["unpack".to_owned(), order, settings],
            env: vec![("PATH".to_owned(), Value::Plain("/usr/local/bin:/usr/bin:/bin".to_owned()))],
            ..Command::default()
        })
    }

    /// Keeps the system that was made in the build's draft. It may have been kept already, by a server that was lost then.
    pub(crate) async fn keep_system(&self, system: &System, build: BuildId) -> Result<WorkspaceRoot> {
        let (layers, name, system) = (self.roots.layers.clone(), draft_name(&build), system.clone());
        let kept = blocking(move || match layers.resume(&name) {
            Some(mut draft) => {
                let settings = std::fs::read(draft.scratch().join(SETTINGS)).ok();
                let settings = settings.and_then(|bytes| serde_json::from_slice::<Settings>(&bytes).ok());
                draft.set_env(settings.map(|settings| settings.env).unwrap_or_default());
                draft.finish(&system.key, &system.title, MACHINE).map(Some)
            }
            None => layers.find(&system.layer()),
        });
        match kept.await? {
            Some(layer) => Ok(root(&layer)),
            None => Err(failed("what was made of the root file system is gone".to_owned()).into()),
        }
    }

    /// Removes what a build has made of a system that it does not finish.
    pub(crate) async fn give_up_system(&self, build: BuildId) {
        let (layers, name) = (self.roots.layers.clone(), draft_name(&build));
        if let Err(error) = blocking(move || {
            drop(layers.resume(&name));
            Ok(())
        })
        .await
        {
            tracing::warn!(%error, %build, "what was made of a root file system could not be removed");
        }
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

fn root(layer: &Layer) -> WorkspaceRoot {
    WorkspaceRoot {
        title: layer.title().to_owned(),
        layers: vec![layer.id().to_string()],
        env: variables(layer.env()),
        in_place_of: None,
    }
}

/// Variables as an image says them, without those that a workspace may not have either.
fn variables(said: &[String]) -> BTreeMap<VariableName, String> {
    let mut room = MAX_VARIABLE_BYTES;
    let variables = said.iter().filter_map(|variable| {
        let (name, value) = variable.split_once('=')?;
        let name = name.parse::<VariableName>().ok().filter(|_| !value.contains('\0'))?;
        room = room.checked_sub(variable.len())?;
        Some((name, value.to_owned()))
    });
    variables.take(MAX_VARIABLES).collect()
}

fn failed(reason: String) -> Failure {
    Failure::new(Blame::Unavailable, "workspace.root", reason)
}

/// Layer work blocks.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> sandboxed_rootfs::Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_an_image_are_those_that_a_workspace_may_have() {
        let said = ["PATH=/opt/bin", "A=b=c", "LD_PRELOAD=/evil.so", "HOME=/root", "no variable", "B=\0", "1=2"];
        let found = variables(&said.map(str::to_owned));

        let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, [("A", "b=c"), ("PATH", "/opt/bin")]);
        assert!(variables(&[format!("LONG={}", "x".repeat(MAX_VARIABLE_BYTES))]).is_empty());
    }
}
