//! The plugins of the configuration.

use std::{
    collections::HashSet,
    io,
    path::PathBuf,
    sync::{Arc, PoisonError, atomic::Ordering},
};

use sandboxed_model::{
    Blame, Failure, PluginId,
    config::{PluginConfig, UpgradesConfig},
    plugin::{PluginInfo, PluginKind},
};
use wasmtime::Engine;

use crate::{
    Backend, Harness, Ports, Tools,
    aot::AotCache,
    call::Slot,
    engine,
    replace::{Occasion, written},
    versions::Versions,
    watch::Watcher,
};

/// The plugin host could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Two plugins have one name.
    #[error("there are two plugins with id = \"{0}\"")]
    Duplicate(PluginId),
    /// WebAssembly cannot be run on this machine.
    #[error("WebAssembly cannot be run here: {0}")]
    Engine(String),
    /// The cache of compiled plugins, or where versions are kept, is not usable.
    #[error("{} is not usable: {source}", path.display())]
    Cache {
        /// Its directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Error {
    /// The same told so that a person can mend it.
    pub fn failure(&self) -> Failure {
        let (blame, code) = match self {
            Self::Duplicate(_) => (Blame::Config, "plugin.duplicate"),
            Self::Engine(_) => (Blame::Host, "plugin.engine"),
            Self::Cache { .. } => (Blame::Host, "plugin.cache"),
        };
        let failure = Failure::new(blame, code, self.to_string());
        match self {
            Self::Duplicate(id) => failure.with_hint(format!("give one of the [[plugin]] tables another id than {id}")),
            _ => failure,
        }
    }
}

/// How the plugin host works.
#[derive(Debug, Clone)]
pub struct HostOptions {
    /// Where compiled components are kept.
    pub cache_dir: PathBuf,
    /// Where a relative path of a component is looked up, in order.
    pub search_dirs: Vec<PathBuf>,
    /// Where versions are kept, so that they can be gone back to after the next start. Absent: no longer than the process lives.
    pub versions_dir: Option<PathBuf>,
    /// How new versions are tried.
    pub upgrades: UpgradesConfig,
    /// Whether a component whose file changes is loaded anew.
    pub watch: bool,
}

/// The plugins. Clones share them.
#[derive(Clone)]
pub struct PluginHost {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    slots: Vec<Arc<Slot>>,
    pub(crate) engine: Engine,
    pub(crate) cache: AotCache,
    pub(crate) versions: Arc<Versions>,
    pub(crate) directories: Vec<PathBuf>,
    /// Loads one after the other, so that the newest file wins.
    pub(crate) loading: tokio::sync::Mutex<()>,
    watcher: std::sync::Mutex<Option<Watcher>>,
}

impl PluginHost {
    /// Loads all plugins. One that cannot be loaded is listed as disabled, with its reason.
    ///
    /// # Errors
    /// When two plugins have one name, or nothing can be loaded at all.
    pub async fn start(options: HostOptions, plugins: &[PluginConfig], ports: Ports) -> Result<Self, Error> {
        let mut names = HashSet::new();
        if let Some(twice) = plugins.iter().find(|plugin| !names.insert(&plugin.id)) {
            return Err(Error::Duplicate(twice.id.clone()));
        }
        let engine = engine::start().map_err(|error| Error::Engine(format!("{error:#}")))?;
        let cache = AotCache::open(&options.cache_dir)
            .map_err(|source| Error::Cache { path: options.cache_dir.clone(), source })?;
        let versions = Versions::open(options.versions_dir.clone())
            .map_err(|source| Error::Cache { path: options.versions_dir.unwrap_or_default(), source })?;
        let versions = Arc::new(versions);
        let slot = |config: &PluginConfig| {
            Slot::new(config.clone(), engine.clone(), ports.clone(), options.upgrades, Arc::clone(&versions))
        };
        let slots = plugins.iter().map(slot).collect();
        let host = Self {
            shared: Arc::new(Shared {
                slots,
                engine,
                cache,
                versions,
                directories: options.search_dirs,
                loading: tokio::sync::Mutex::default(),
                watcher: std::sync::Mutex::default(),
            }),
        };
        for slot in &host.shared.slots {
            if let Err(failure) = host.shared.start(slot).await {
                tracing::error!(plugin = %slot.id(), %failure, "a plugin was not loaded");
            }
        }
        host.shared.prune().await;
        if options.watch {
            let watcher = Watcher::start(&host.shared);
            *host.shared.watcher.lock().unwrap_or_else(PoisonError::into_inner) = watcher;
        }
        Ok(host)
    }

    /// All plugins, in the order of the configuration.
    pub fn list(&self) -> Vec<PluginInfo> {
        self.shared.slots.iter().map(|slot| slot.info()).collect()
    }

    /// A plugin, if there is one of this name.
    pub fn inspect(&self, id: &PluginId) -> Option<PluginInfo> {
        self.shared.slot(id).map(|slot| slot.info())
    }

    /// Loads a plugin's file anew, even one that was rolled back, and lets a quarantined plugin be called again. Calls in
    /// flight finish on the old version.
    ///
    /// # Errors
    /// When the file cannot be loaded; the old version stays in use.
    pub async fn reload(&self, id: &PluginId) -> Result<PluginInfo, Failure> {
        let slot = self.shared.slot(id).ok_or_else(|| unknown(id))?;
        self.shared.load(slot, Occasion::Command).await?;
        slot.forget_traps();
        slot.reloads.fetch_add(1, Ordering::Relaxed);
        Ok(slot.info())
    }

    /// Ends the trial of a plugin's version: it counts as good.
    ///
    /// # Errors
    /// `plugin.not_on_trial` when it is not on trial.
    pub async fn keep(&self, id: &PluginId) -> Result<PluginInfo, Failure> {
        let slot = self.shared.slot(id).ok_or_else(|| unknown(id))?;
        let digest = slot.current.load().as_ref().map(|current| current.digest.clone());
        if !digest.is_some_and(|digest| slot.accept(&digest)) {
            let message = "the version in use is not on trial";
            return Err(Failure::new(Blame::Config, "plugin.not_on_trial", message).in_plugin(id.clone()));
        }
        written(slot).await?;
        Ok(slot.info())
    }

    /// Puts a plugin's version before in use. The one that was in use is not tried again by itself.
    ///
    /// # Errors
    /// `plugin.nothing_before` when there is none before, or why that cannot be loaded.
    pub async fn roll_back(&self, id: &PluginId) -> Result<PluginInfo, Failure> {
        let slot = self.shared.slot(id).ok_or_else(|| unknown(id))?;
        self.shared.roll_back(slot).await?;
        written(slot).await?;
        Ok(slot.info())
    }

    /// A backend plugin.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn backend(&self, id: &PluginId) -> Result<Backend, Failure> {
        self.of_kind(id, PluginKind::Backend).map(Backend::new)
    }

    /// A harness plugin.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn harness(&self, id: &PluginId) -> Result<Harness, Failure> {
        self.of_kind(id, PluginKind::Harness).map(Harness::new)
    }

    /// A tools plugin.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn tools(&self, id: &PluginId) -> Result<Tools, Failure> {
        self.of_kind(id, PluginKind::Tools).map(Tools::new)
    }

    fn of_kind(&self, id: &PluginId, kind: PluginKind) -> Result<Arc<Slot>, Failure> {
        let slot = self.shared.slot(id).ok_or_else(|| unknown(id))?;
        let found = slot.config.load().kind;
        if found != kind {
            let message = format!("it is of kind {found} and not {kind}");
            return Err(Failure::new(Blame::Config, "plugin.wrong_kind", message).in_plugin(id.clone()));
        }
        Ok(Arc::clone(slot))
    }
}

impl Shared {
    pub(crate) fn slots(&self) -> &[Arc<Slot>] {
        &self.slots
    }

    pub(crate) fn directories(&self) -> &[PathBuf] {
        &self.directories
    }

    fn slot(&self, id: &PluginId) -> Option<&Arc<Slot>> {
        self.slots.iter().find(|slot| slot.config.load().id == *id)
    }
}

fn unknown(id: &PluginId) -> Failure {
    Failure::new(Blame::Config, "plugin.unknown", format!("there is no plugin {id}"))
        .with_hint(format!("add a [[plugin]] table with id = \"{id}\" to sandboxed.toml"))
}
