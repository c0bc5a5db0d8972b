//! The one handle to everything that the server does.

use std::{
    path::PathBuf,
    sync::{Arc, Weak},
};

use sandboxed_exec::{Gate, Supervisor, SupervisorConfig};
use sandboxed_model::{
    Blame, Failure,
    config::{Config, WorkspacesConfig},
};
use sandboxed_plugins::{HostOptions, PluginHost};
use sandboxed_store::Store;
use sandboxed_vault::Redaction;
use tokio::sync::watch;

use crate::{
    Result,
    access::random_secret,
    admission::Admission,
    builds::{Builds, StepCache},
    contained::ContainedRuns,
    contained_idle,
    disk::{self, Disks},
    egress::Egress,
    engines::Engines,
    files::Transfers,
    git::Scratches,
    harnesses::Harnesses,
    isolation::Isolation,
    leaders::{self, Leaders},
    live::LiveHub,
    models::{Models, serve_machine, wake_parked},
    paths::Paths,
    port_access::PortTickets,
    port_connection::PortPlaces,
    port_watch, ports,
    processes::Processes,
    reconcile,
    roots::Roots,
    runner::Runners,
    services::{LocalAccess, Services},
    throttle::LoginThrottle,
    uses::Uses,
    vault::Vault,
};

/// What it takes to start an orchestrator.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The configuration, with `server.data_dir` already absolute.
    pub config: Config,
    /// Directories in which a relative plugin path is looked up, in order.
    pub plugin_dirs: Vec<PathBuf>,
    /// The program that is run as `PROGRAM shim` for each run: this binary itself.
    pub program: PathBuf,
    /// Is told of every value that must not be told on. Whoever tells anything of the server asks it.
    pub redaction: Redaction,
}

/// The one handle to everything that the server does. Clones share the same server.
#[derive(Clone)]
pub struct Orchestrator {
    pub(crate) services: Arc<Services>,
}

impl Orchestrator {
    /// Opens the data directory (making it where missing), loads the plugins, takes up the missions that a former
    /// server left, and begins to admit turns.
    ///
    /// # Errors
    /// When the data directory is not usable or used by another server, or the plugin tables contradict each other.
    /// A single plugin that cannot be loaded is not an error: it is listed with its reason.
    pub async fn start(setup: Setup) -> Result<Self> {
        let Setup { config, plugin_dirs, program, redaction } = setup;
        let data_dir = config.server.data_dir.clone();
        let prepared = tokio::task::spawn_blocking(move || Paths::prepare(data_dir)).await;
        let paths = prepared.map_err(std::io::Error::other).and_then(|paths| paths).map_err(|error| {
            let path = config.server.data_dir.display();
            Failure::new(
                Blame::Config,
                "data_dir.unusable",
                format!("the data directory {path} is not usable: {error}"),
            )
            .with_hint("make it writable for the user that runs the server, or set server.data_dir to another one")
        })?;
        let workspaces = config.workspaces.clone();
        let there = paths.clone();
        let isolation = tokio::task::spawn_blocking(move || Isolation::detect(&workspaces, &there));
        let isolation = isolation
            .await
            .map_err(std::io::Error::other)
            .map_err(|error| Failure::new(Blame::Host, "isolation.detect", error.to_string()))??;
        let store = Store::open(paths.database()).await?;
        let principal = Services::local_principal(&store).await?;
        let vault = Vault::open(&config, &paths, store.clone(), redaction).await?;
        let models = Models::open(&config.models, &store, &vault).await?;
        // The plugins' ports need the services, which need the plugins: the ports get their end last.
        let late = ports::Late::default();
        let options = HostOptions {
            cache_dir: paths.plugin_cache(),
            search_dirs: plugin_dirs,
            versions_dir: Some(paths.plugin_versions()),
            upgrades: config.upgrades,
            watch: true,
        };
        let plugins = PluginHost::start(options, &config.plugin, late.ports(&store, &vault))
            .await
            .map_err(|error| error.failure())?;
        let engines = tokio::task::spawn_blocking({
            let (paths, named) = (paths.clone(), config.engines.clone());
            move || Engines::new(&paths, named)
        });
        let engines = engines.await.map_err(std::io::Error::other).and_then(|engines| engines).map_err(|error| {
            Failure::new(Blame::Host, "data_dir.unusable", format!("{}: {error}", paths.server_id().display()))
        })?;
        let engines = Arc::new(engines);
        let contained = Arc::new(ContainedRuns::new(paths.clone(), Arc::clone(&engines), program.clone()));
        let supervisor = Supervisor::new(SupervisorConfig {
            runs_dir: paths.runs(),
            shim_program: program.clone(),
            shim_args: vec!["shim".into()],
            spool_limit: config.runs.spool_limit.0,
        })
        .map_err(|error| error.failure())?;
        let roots = Roots::open(paths.layers(), program).await?;
        let gate = Gate::bind(&paths.gate()).map_err(|error| {
            Failure::new(Blame::Host, "data_dir.unusable", format!("{}: {error}", paths.gate().display()))
        })?;
        let WorkspacesConfig { cache_size, cache_age, .. } = config.workspaces;
        let kept = paths.steps();
        let steps = tokio::task::spawn_blocking(move || StepCache::open(kept, cache_size.0, cache_age.0)).await;
        let steps = steps.map_err(std::io::Error::other).and_then(|steps| steps).map_err(|error| {
            Failure::new(Blame::Host, "data_dir.unusable", format!("{}: {error}", paths.steps().display()))
        })?;
        let (from, there, stage) = (config.harnesses.clone(), paths.clone(), isolation.stage().map(ToOwned::to_owned));
        let harnesses = tokio::task::spawn_blocking(move || Harnesses::open(&from, &there, stage));
        let harnesses = harnesses
            .await
            .map_err(std::io::Error::other)
            .map_err(|error| Failure::new(Blame::Host, "install.failed", error.to_string()))??;
        let services = Arc::new(Services {
            builds: Builds::new(config.missions.max_parallel),
            steps,
            admission: Admission::new(config.missions.max_parallel, config.missions.max_parallel_per_workspace),
            config,
            paths,
            isolation,
            egress: Egress::default(),
            leaders: Leaders::default(),
            engines,
            contained,
            places: crate::distant::Places::default(),
            processes: Processes::default(),
            roots,
            uses: Uses::default(),
            replays: tokio::sync::Mutex::default(),
            disks: Disks::default(),
            harnesses,
            transfers: Transfers::default(),
            port_places: PortPlaces::default(),
            port_tickets: PortTickets::default(),
            scratches: Scratches::default(),
            store,
            plugins,
            supervisor,
            vault,
            models,
            live: LiveHub::new(),
            throttle: LoginThrottle::default(),
            runners: Runners::default(),
            local: LocalAccess { token: format!("sbx_{}", random_secret()), principal },
            stop: watch::Sender::new(false),
        });
        late.set(Arc::downgrade(&services));
        services.open_gateway()?;
        let listener = services.listen_for_machine().await?;
        tokio::spawn(serve_machine(Arc::downgrade(&services), listener));
        tokio::spawn(Arc::clone(&services).serve_gate(gate));
        services.recover_snapshots().await?;
        services.declare_templates().await?;
        services.recover_builds().await?;
        services.give_up_arrivals().await?;
        services.report_mismatch().await?;
        services.recover().await?;
        services.recover_processes().await?;
        let keep_idle = services.config.workspaces.keep_idle.0;
        tokio::spawn(leaders::sweep(Arc::downgrade(&services), keep_idle));
        tokio::spawn(reconcile::at_start(Arc::downgrade(&services)));
        tokio::spawn(contained_idle::sweep(Arc::downgrade(&services), keep_idle));
        tokio::spawn(disk::watch(Arc::downgrade(&services)));
        tokio::spawn(port_watch::watch(Arc::downgrade(&services)));
        tokio::spawn(wake_parked(Arc::downgrade(&services)));
        tokio::spawn(maintain(Arc::downgrade(&services)));
        Ok(Self { services })
    }

    /// Stops following the runs and closes the store. The runs themselves go on; the next start takes them up.
    pub async fn shutdown(&self) {
        self.services.stop.send_replace(true);
        self.services.runners.finished().await;
        self.services.builds.finished().await;
        if let Err(error) = self.services.end_unused_leaders().await {
            tracing::warn!(%error, "a workspace in which nothing goes on still has its network");
        }
        self.services.egress.close().await;
        self.services.models_counted().await;
        self.services.models.settle().await;
        self.services.vault.close().await;
        self.services.store.close().await;
    }

    /// Tells where the server listens: no workspace reaches it there, whatever its network policy says.
    pub fn listens_at(&self, address: std::net::SocketAddr) {
        self.services.egress.forbid(address);
    }

    /// The configuration in use.
    pub fn config(&self) -> &Config {
        &self.services.config
    }
}

impl Services {
    /// Takes up what a former server left: turns that were under way and missions that waited for their turn. Turns
    /// that were under way come first, so that they have their places.
    async fn recover(self: &Arc<Self>) -> Result<()> {
        let unsettled = self.store.unsettled_missions().await?;
        let (active, waiting): (Vec<_>, Vec<_>) = unsettled.into_iter().partition(|mission| mission.state.is_active());
        if !active.is_empty() || !waiting.is_empty() {
            tracing::info!(active = active.len(), waiting = waiting.len(), "taking up missions of a former server");
        }
        for mission in active.into_iter().chain(waiting) {
            self.wake(mission.id);
        }
        Ok(())
    }

    /// Removes what has outlived its time.
    async fn sweep(self: &Arc<Self>) -> Result<()> {
        self.store.maintenance().await?;
        self.expire_layers().await?;
        self.expire_images().await;
        self.expire_uploads().await?;
        self.sweep_attachments().await?;
        self.sweep_inboxes().await?;
        let keep = i64::try_from(self.config.runs.keep.0.as_millis()).unwrap_or(i64::MAX);
        let before = sandboxed_model::Timestamp::now().as_millis().saturating_sub(keep);
        let before = sandboxed_model::Timestamp::from_millis(before);
        self.sweep_builds(before).await?;
        self.sweep_requests().await?;
        loop {
            let processes = self.store.ended_processes_before(before, 100).await?;
            if processes.is_empty() {
                break;
            }
            for process in processes {
                self.remove_process(process).await?;
            }
        }
        loop {
            let runs = self.store.ended_runs_before(before, 100).await?;
            if runs.is_empty() {
                return Ok(());
            }
            for run in runs {
                if let Err(error) = self.supervisor.remove(run.id).await {
                    tracing::warn!(%error, run = %run.id, "the spool of a run could not be removed");
                }
                self.store.forget_run(run.id).await?;
            }
        }
    }
}

/// Sweeps once an hour as long as the server lives.
async fn maintain(services: Weak<Services>) {
    let mut hours = tokio::time::interval(std::time::Duration::from_secs(3600));
    loop {
        hours.tick().await;
        let Some(services) = services.upgrade() else { return };
        if *services.stop.borrow() {
            return;
        }
        // A server that stops closes the store under a sweep.
        if let Err(error) = services.sweep().await
            && !*services.stop.borrow()
        {
            tracing::warn!(%error, "maintenance could not be done");
        }
    }
}
