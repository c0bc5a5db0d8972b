//! Harnesses as people see them, and what people do with their programs.

use sandboxed_install::Plan;
use sandboxed_model::{
    Failure, PluginId,
    harness::HarnessAbout,
    install::{HarnessInfo, InstallOutline, InstallPhase, InstalledVersion},
    plugin::PluginKind,
};

use super::Need;
use crate::{Error, Orchestrator, Result, services::Services};

impl Orchestrator {
    /// The harnesses in the order of the configuration, and how their programs stand.
    ///
    /// # Errors
    /// When the installations cannot be read.
    pub async fn harnesses(&self) -> Result<Vec<HarnessInfo>> {
        let mut harnesses = Vec::new();
        for plugin in self.services.plugins.list() {
            if plugin.kind == PluginKind::Harness {
                harnesses.push(self.services.harness_info(&plugin.id).await?);
            }
        }
        Ok(harnesses)
    }

    /// A harness, and how its programs stand.
    ///
    /// # Errors
    /// When there is none of this id, or its installations cannot be read.
    pub async fn harness_info(&self, id: &PluginId) -> Result<HarnessInfo> {
        self.services.known_harness(id)?;
        self.services.harness_info(id).await
    }

    /// What the installation of the version would do that the plugin is configured to use.
    ///
    /// # Errors
    /// When there is none of this id, it needs no installation, or has no plan for this machine.
    pub async fn outline_installation(&self, id: &PluginId) -> Result<InstallOutline> {
        let plan = self.services.needed_plan(id).await?;
        Ok(self.services.harnesses.installations.outline(id, &plan)?)
    }

    /// Begins the installation of the version that the plugin is configured to use, unless it is there or under way. It goes on
    /// by itself.
    ///
    /// # Errors
    /// When there is none of this id, it needs no installation, or has no plan for this machine.
    pub async fn install_harness(&self, id: &PluginId) -> Result<HarnessInfo> {
        let plan = self.services.needed_plan(id).await?;
        if self.services.harnesses.installations.find(id, &plan)?.is_none() {
            self.services.begin_installation(id, plan);
        }
        self.services.harness_info(id).await
    }

    /// Ends an installation that is under way. What was fetched is kept.
    ///
    /// # Errors
    /// When there is none of this id, or nothing is being installed.
    pub async fn cancel_installation(&self, id: &PluginId) -> Result<HarnessInfo> {
        self.services.known_harness(id)?;
        let waiting = self.services.harnesses.running.cancel(id).ok_or_else(|| Error::Conflict {
            code: "install.not_under_way",
            message: format!("nothing is being installed for {id}"),
        })?;
        // That it failed is what was asked for.
        let _ = waiting.outcome(|_| {}).await;
        self.services.harness_info(id).await
    }

    /// Has a harness stay with a version that is installed, or, without one, follow its configuration again.
    ///
    /// # Errors
    /// When there is none of this id, or the version is not installed.
    pub async fn use_harness_version(&self, id: &PluginId, version: Option<&str>) -> Result<HarnessInfo> {
        self.services.known_harness(id)?;
        self.services.harnesses.installations.pin(id, version)?;
        self.services.harness_info(id).await
    }

    /// Removes a version that is installed.
    ///
    /// # Errors
    /// When there is none of this id or version, the harness was told to stay with it, or a turn of the harness is under way.
    pub async fn remove_harness_version(&self, id: &PluginId, version: &str) -> Result<()> {
        self.services.known_harness(id)?;
        let installations = &self.services.harnesses.installations;
        if installations.pinned(id)?.as_deref() == Some(version) {
            let message =
                format!("{id} stays with the version {version}; let it go with `harness use {id} --configured`");
            return Err(Error::Conflict { code: "install.in_use", message });
        }
        if self.services.runs(id).await? {
            let message = format!("a turn of {id} is under way, which may run this version; wait for it, or cancel it");
            return Err(Error::Conflict { code: "install.in_use", message });
        }
        let (installations, plugin, wanted) = (std::sync::Arc::clone(installations), id.clone(), version.to_owned());
        let removed = tokio::task::spawn_blocking(move || installations.remove(&plugin, &wanted)).await;
        let removed = removed
            .map_err(|error| Failure::new(sandboxed_model::Blame::Host, "install.failed", error.to_string()))??;
        match removed {
            true => Ok(()),
            false => Err(Error::NotFound { what: "version", id: version.to_owned() }),
        }
    }
}

impl Services {
    /// Refuses what is no harness.
    pub(super) fn known_harness(&self, id: &PluginId) -> Result<()> {
        let known = self.plugins.inspect(id).is_some_and(|plugin| plugin.kind == PluginKind::Harness);
        if known { Ok(()) } else { Err(Error::NotFound { what: "harness", id: id.to_string() }) }
    }

    async fn needed_plan(&self, id: &PluginId) -> Result<Plan> {
        self.known_harness(id)?;
        self.install_plan(id).await?.ok_or_else(|| Error::Conflict {
            code: "install.not_needed",
            message: format!("{id} needs no installation"),
        })
    }

    async fn harness_info(&self, id: &PluginId) -> Result<HarnessInfo> {
        let installations = &self.harnesses.installations;
        let about: Result<HarnessAbout, Failure> = async { self.plugins.harness(id)?.describe().await }.await;
        let (about, broken) = match about {
            Ok(about) => (Some(about), None),
            Err(failure) => (None, Some(failure)),
        };
        let planned = self.install_plan(id).await;
        let progress = self.harnesses.running.progress(id);
        let (phase, problem) = match (self.need(id).await, &progress) {
            (_, Some(_)) => (InstallPhase::Installing, None),
            (Ok(Need::Nothing), None) => (InstallPhase::NotNeeded, None),
            (Ok(Need::There(_)), None) => (InstallPhase::Installed, None),
            (Ok(Need::Plan(_)), None) => match self.harnesses.running.failed(id) {
                Some(failure) => (InstallPhase::Failed, Some(self.with_way_back(id, failure))),
                None => (InstallPhase::Absent, None),
            },
            (Err(failure), None) => (InstallPhase::Unknown, Some(failure)),
        };
        Ok(HarnessInfo {
            id: id.clone(),
            default: *id == self.config.missions.default_harness,
            about,
            phase,
            progress,
            problem: broken.or(problem),
            configured: planned.ok().flatten().map(|plan| plan.version().to_owned()),
            pinned: installations.pinned(id)?,
            installed: installations.list(id)?.into_iter().map(|one| one.version).collect::<Vec<InstalledVersion>>(),
            last_good: self.store.last_good_run(id.clone()).await?,
            test: self.harness_test(id).await?,
        })
    }
}
