//! One call of a plugin, whatever it does.

use std::{
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use metrics::{counter, histogram};
use sandboxed_model::{
    Blame, Failure, PluginId,
    config::{PluginConfig, UpgradesConfig},
    plugin::{PluginCounters, PluginHealth, PluginInfo, PluginKind},
    tools::ToolCaller,
};
use wasmtime::{Engine, Store};

use crate::{
    Ports,
    capability::log::LogGate,
    health::Health,
    load::{Loaded, Pre},
    ports::VersionChange,
    state::{Conditions, PluginState, Traces},
    trial::Standing,
    versions::Versions,
};

/// What is left to a call that was cut off for its deadline before the host gives the store up.
const DEADLINE_SLACK: Duration = Duration::from_millis(50);

/// A plugin of the configuration, with the version that is in use.
pub(crate) struct Slot {
    pub(crate) config: arc_swap::ArcSwap<PluginConfig>,
    /// Changes only while `standing` is locked.
    pub(crate) current: ArcSwapOption<Loaded>,
    pub(crate) standing: Mutex<Standing>,
    pub(crate) upgrades: UpgradesConfig,
    pub(crate) versions: Arc<Versions>,
    pub(crate) writing: Mutex<()>,
    pub(crate) me: Weak<Self>,
    pub(crate) engine: Engine,
    ports: Ports,
    log: Arc<LogGate>,
    health: Mutex<Health>,
    calls: AtomicU64,
    failures: AtomicU64,
    traps: AtomicU64,
    pub(crate) reloads: AtomicU64,
}

impl Slot {
    pub(crate) fn new(
        config: PluginConfig,
        engine: Engine,
        ports: Ports,
        upgrades: UpgradesConfig,
        versions: Arc<Versions>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            config: arc_swap::ArcSwap::from_pointee(config),
            current: ArcSwapOption::empty(),
            standing: Mutex::default(),
            upgrades,
            versions,
            writing: Mutex::default(),
            me: me.clone(),
            engine,
            ports,
            log: Arc::default(),
            health: Mutex::default(),
            calls: AtomicU64::default(),
            failures: AtomicU64::default(),
            traps: AtomicU64::default(),
            reloads: AtomicU64::default(),
        })
    }

    pub(crate) fn id(&self) -> PluginId {
        self.config.load().id.clone()
    }

    /// The version in use, if the plugin may be called.
    pub(crate) fn loaded(&self) -> Result<Arc<Loaded>, Failure> {
        let named = |failure: Failure| failure.in_plugin(self.id());
        self.health.lock().unwrap_or_else(PoisonError::into_inner).admit().map_err(named)?;
        self.current.load_full().ok_or_else(|| {
            let refused = self.standing().refusal().cloned();
            named(refused.unwrap_or_else(|| Failure::new(Blame::Host, "plugin.not_loaded", "it is not loaded")))
        })
    }

    /// Makes an instance of a version that is not in use, to see that it can be.
    pub(crate) async fn instantiate(&self, loaded: &Loaded) -> Result<(), Failure> {
        let config = self.config.load_full();
        let mut store = self.store(loaded, None, config.kind == PluginKind::Harness);
        let traces = store.data().traces();
        store.data_mut().begin_call(Some(0).filter(|_| config.kind == PluginKind::Harness));
        let work = async {
            match &loaded.pre {
                Pre::Backend(pre) => pre.instantiate_async(&mut store).await.map(drop),
                Pre::Harness(pre) => pre.instantiate_async(&mut store).await.map(drop),
                Pre::Tools(pre) => pre.instantiate_async(&mut store).await.map(drop),
            }
        };
        match tokio::time::timeout(config.limits.deadline.0 + DEADLINE_SLACK, work).await {
            Ok(made) => made.map_err(|error| trap(&error, &traces, &config)),
            Err(_) => Err(Failure::new(Blame::Deadline, "plugin.deadline", "no instance of it was made in time")),
        }
    }

    pub(crate) fn journal(&self, change: VersionChange, version: &Loaded) {
        self.ports.journal.note(&self.id(), &version.digest, change);
    }

    /// A store for one instance of a version.
    pub(crate) fn store(&self, loaded: &Loaded, caller: Option<ToolCaller>, pure: bool) -> Store<PluginState> {
        let config = self.config.load();
        let conditions = Conditions {
            plugin: config.id.clone(),
            rights: Arc::clone(&loaded.rights),
            ports: self.ports.clone(),
            log: Arc::clone(&self.log),
            limits: config.limits.clone(),
            caller,
            pure,
        };
        PluginState::store(&self.engine, conditions)
    }

    /// Sees a call to its end, and says what went wrong in terms of the plugin.
    pub(crate) async fn guard<R>(
        &self,
        name: &'static str,
        version: &Loaded,
        traces: &Traces,
        work: impl Future<Output = wasmtime::Result<R>> + Send,
    ) -> Result<R, Failure> {
        let config = self.config.load_full();
        let begun = Instant::now();
        self.calls.fetch_add(1, Ordering::Relaxed);
        let result = tokio::time::timeout(config.limits.deadline.0 + DEADLINE_SLACK, work).await;
        let plugin = config.id.as_str().to_owned();
        histogram!("sandboxed_plugin_call_seconds", "plugin" => plugin.clone(), "call" => name)
            .record(begun.elapsed().as_secs_f64());
        let failure = match result {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => trap(&error, traces, &config),
            Err(_) => Failure::new(
                Blame::Deadline,
                "plugin.deadline",
                format!("the call {name} did not end within {} ms", config.limits.deadline.0.as_millis()),
            )
            .with_hint("limits.deadline in the plugin's table gives it longer"),
        };
        counter!("sandboxed_plugin_traps_total", "plugin" => plugin, "code" => failure.code.clone()).increment(1);
        self.traps.fetch_add(1, Ordering::Relaxed);
        self.failures.fetch_add(1, Ordering::Relaxed);
        let failure = failure.in_plugin(config.id.clone());
        tracing::warn!(call = name, %failure, "a plugin was stopped");
        self.strike(version, &failure);
        Err(failure)
    }

    /// Counts a trap against the plugin as a whole.
    pub(crate) fn count_trap(&self, failure: &Failure) {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).strike(failure);
    }

    /// Names the plugin in a failure that it returned itself.
    pub(crate) fn refused<R>(&self, result: Result<R, impl Into<Failure>>) -> Result<R, Failure> {
        result.map_err(|failure| {
            self.failures.fetch_add(1, Ordering::Relaxed);
            failure.into().in_plugin(self.id())
        })
    }

    /// The plugin returned what its contract does not allow.
    pub(crate) fn breach(&self, version: &Loaded, what: impl Into<String>) -> Failure {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let failure = Failure::new(Blame::Plugin, "plugin.contract", what).in_plugin(self.id());
        if self.is_on_trial(version) {
            self.strike(version, &failure);
        }
        failure
    }

    pub(crate) fn forget_traps(&self) {
        *self.health.lock().unwrap_or_else(PoisonError::into_inner) = Health::default();
    }

    pub(crate) fn info(&self) -> PluginInfo {
        let config = self.config.load();
        let standing = self.standing();
        let loaded = self.current.load();
        let refused = standing.refusal().cloned();
        let (health, reason) = match (&*loaded, refused) {
            (None, refused) => (PluginHealth::Disabled, refused),
            // The old version goes on.
            (Some(_), Some(refused)) => (PluginHealth::Degraded, Some(refused)),
            (Some(_), None) => self.health.lock().unwrap_or_else(PoisonError::into_inner).present(),
        };
        let loaded = loaded.as_ref();
        PluginInfo {
            id: config.id.clone(),
            kind: config.kind,
            component: config.component.display().to_string(),
            digest: loaded.map(|loaded| loaded.digest.clone()),
            version: loaded.and_then(|loaded| loaded.version.clone()),
            description: loaded.and_then(|loaded| loaded.description.clone()),
            health,
            reason: reason.map(|reason| reason.in_plugin(config.id.clone())),
            trial: standing.shown_trial(self.upgrades.traps),
            before: standing.before(),
            grants: loaded.map_or_else(|| config.grants.clone(), |loaded| loaded.granted.clone()),
            requests: loaded.map(|loaded| loaded.requests.clone()).unwrap_or_default(),
            imports: loaded.map(|loaded| loaded.imports.clone()).unwrap_or_default(),
            counters: PluginCounters {
                calls: self.calls.load(Ordering::Relaxed),
                failures: self.failures.load(Ordering::Relaxed),
                traps: self.traps.load(Ordering::Relaxed),
                reloads: self.reloads.load(Ordering::Relaxed),
            },
            loaded_at: loaded.map(|loaded| loaded.loaded_at),
        }
    }
}

/// What a trap means.
fn trap(error: &wasmtime::Error, traces: &Traces, config: &PluginConfig) -> Failure {
    if traces.out_of_memory.load(Ordering::Relaxed) {
        return Failure::new(
            Blame::Plugin,
            "plugin.out_of_memory",
            format!("it needs more memory than the {} that it may use", config.limits.memory),
        )
        .with_hint("limits.memory in the plugin's table gives it more");
    }
    if traces.too_many_calls.load(Ordering::Relaxed) {
        return Failure::new(
            Blame::Plugin,
            "plugin.too_many_host_calls",
            format!("one call made more than {} host calls", config.limits.host_calls),
        )
        .with_hint("limits.host_calls in the plugin's table allows more");
    }
    let text = format!("{error:#}");
    if text.contains("fuel allocated for hostcalls") {
        return Failure::new(Blame::Plugin, "plugin.return_too_large", "it passed more data than a call may");
    }
    if text.contains("maximum concurrent limit") {
        return Failure::new(Blame::Unavailable, "plugin.too_many_instances", "too many plugin calls are under way");
    }
    let cause = error.root_cause().to_string();
    let words = traces.last_words.text();
    let message = if words.is_empty() { format!("it trapped: {cause}") } else { format!("it trapped: {words}") };
    Failure::new(Blame::Plugin, "plugin.trap", message)
}
