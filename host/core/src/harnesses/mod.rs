//! The programs of harnesses: installed when a mission first needs them, once for all workspaces, which see them to read.

mod info;
mod place;
mod running;
mod target;
mod test_call;
mod trial;

use std::{path::PathBuf, sync::Arc};

use sandboxed_install::{Installations, Installed, Origins, Patience, Plan};
use sandboxed_model::{
    Blame, Failure, PluginId,
    config::HarnessesConfig,
    install::{InstallActivity, InstallProgress},
};

pub(crate) use self::place::{TARGET, seen};
use self::{
    running::{Running, Waiting},
    trial::Trial,
};
use crate::{paths::Paths, services::Services};

/// The programs of harnesses.
pub(crate) struct Harnesses {
    installations: Arc<Installations>,
    running: Arc<Running>,
    trial: Trial,
}

impl Harnesses {
    /// Opens the installations, without what a crash left unfinished. `stage`: where a privileged server mounts directories.
    /// Blocks.
    ///
    /// # Errors
    /// When they cannot be read, or the registry's address is none.
    pub(crate) fn open(config: &HarnessesConfig, paths: &Paths, stage: Option<PathBuf>) -> Result<Self, Failure> {
        let registry = config.registry.parse().map_err(|error| {
            let message = format!("the address {:?} of the registry cannot be read: {error}", config.registry);
            Failure::new(Blame::Config, "config.invalid", message)
                .with_hint("harnesses.registry = \"https://registry.npmjs.org\" in sandboxed.toml")
        })?;
        let origins = Origins { registry, mirror: config.mirror.clone(), offline: config.offline };
        let installations = Installations::open(paths.harnesses(), origins, Patience::default())?;
        let trial = Trial { homes: paths.trials(), stage };
        if let Err(error) = trial.clear() {
            tracing::warn!(%error, "what trials of programs left could not be removed");
        }
        Ok(Self { installations: Arc::new(installations), running: Arc::default(), trial })
    }
}

/// What a harness needs.
enum Need {
    Nothing,
    /// This is there already.
    There(Installed),
    Plan(Plan),
}

impl Services {
    /// The programs of a harness, which are installed where they are missing; nothing where it needs none. Whoever waits for
    /// that is told in a sentence how far it is. The installation goes on when nobody waits for it any more.
    ///
    /// # Errors
    /// `install.…`, with what mends it; those of the plugin.
    pub(crate) async fn programs(
        &self,
        plugin: &PluginId,
        told: impl Fn(String),
    ) -> Result<Option<Installed>, Failure> {
        let plan = match self.need(plugin).await? {
            Need::Nothing => return Ok(None),
            Need::There(installed) => return Ok(Some(installed)),
            Need::Plan(plan) => plan,
        };
        let waiting = self.begin_installation(plugin, plan);
        match waiting.outcome(|progress| told(sentence(plugin, progress))).await {
            Ok(installed) => {
                self.prune(plugin).await;
                Ok(Some(installed))
            }
            Err(failure) => Err(self.with_way_back(plugin, failure)),
        }
    }

    /// What a harness needs, by what it stays with or by its plan.
    async fn need(&self, plugin: &PluginId) -> Result<Need, Failure> {
        let installations = &self.harnesses.installations;
        if let Some(pinned) = installations.pinned(plugin)? {
            return match installations.find_version(plugin, &pinned)? {
                Some(installed) => Ok(Need::There(installed)),
                None => {
                    let message = format!("the version {pinned} of {plugin}, which was chosen, is not installed");
                    Err(Failure::new(Blame::Config, "install.not_installed", message)
                        .with_hint(format!("sandboxed-sh harness use {plugin} --configured")))
                }
            };
        }
        let Some(plan) = self.install_plan(plugin).await? else { return Ok(Need::Nothing) };
        Ok(match installations.find(plugin, &plan)? {
            Some(installed) => Need::There(installed),
            None => Need::Plan(plan),
        })
    }

    /// How the version is installed that the plugin is configured to use; nothing where nothing has to be.
    async fn install_plan(&self, plugin: &PluginId) -> Result<Option<Plan>, Failure> {
        let planned = self.plugins.harness(plugin)?.plan_install(&target::here()).await?;
        planned.map(|plan| Plan::parse(&plan).map_err(|failure| failure.in_plugin(plugin.clone()))).transpose()
    }

    fn begin_installation(&self, plugin: &PluginId, plan: Plan) -> Waiting {
        let Harnesses { installations, running, trial } = &self.harnesses;
        running.begin(installations, plugin, plan, trial.clone())
    }

    /// The same failure, with the version that would do meanwhile.
    fn with_way_back(&self, plugin: &PluginId, failure: Failure) -> Failure {
        let installed = self.harnesses.installations.list(plugin).unwrap_or_default();
        let Some(older) = installed.into_iter().next() else { return failure };
        let version = older.version.version;
        let way = format!("or go on with what is installed: `sandboxed-sh harness use {plugin} {version}`");
        let hint = match &failure.hint {
            Some(hint) => format!("{hint}; {way}"),
            None => way,
        };
        failure.with_hint(hint)
    }

    /// Removes versions that are too many, unless something runs that may be of them.
    async fn prune(&self, plugin: &PluginId) {
        let keep = self.config.harnesses.keep as usize;
        let pruned = async {
            if self.runs(plugin).await? {
                return Ok(Vec::new());
            }
            let pinned = self.harnesses.installations.pinned(plugin)?;
            let (installations, plugin) = (Arc::clone(&self.harnesses.installations), plugin.clone());
            let work = move || installations.prune(&plugin, keep, |version| pinned.as_deref() == Some(version));
            let done = tokio::task::spawn_blocking(work).await;
            done.map_err(|error| Failure::new(Blame::Host, "install.failed", error.to_string()))?
        };
        match pruned.await {
            Ok(removed) if removed.is_empty() => {}
            Ok(removed) => tracing::info!(%plugin, ?removed, "former versions of a harness were removed"),
            Err(failure) => tracing::warn!(%plugin, %failure, "former versions of a harness could not be removed"),
        }
    }

    /// Whether a turn of the harness is under way, whichever server began it.
    async fn runs(&self, plugin: &PluginId) -> Result<bool, Failure> {
        let missions = self.store.unsettled_missions().await.map_err(|error| error.failure())?;
        Ok(missions.iter().any(|mission| mission.harness == *plugin && mission.state.is_active()))
    }
}

/// How far an installation is, for a person.
fn sentence(plugin: &PluginId, progress: &InstallProgress) -> String {
    let InstallProgress { step, steps, activity, subject, done, total } = progress;
    let doing = match activity {
        InstallActivity::Waiting => return format!("{plugin} is about to be installed"),
        InstallActivity::Downloading => "downloading",
        InstallActivity::Unpacking => "unpacking",
        InstallActivity::Checking => "trying out",
    };
    let mib = |bytes: u64| bytes >> 20;
    let amount = match (done, total) {
        (0, None) => String::new(),
        (done, None) => format!(", {} MiB", mib(*done)),
        (done, Some(total)) => format!(", {} of {} MiB", mib(*done), mib(*total)),
    };
    format!("installing {plugin}, step {step} of {steps}: {doing} {subject}{amount}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_in_a_sentence() {
        let progress = InstallProgress {
            step: 1,
            steps: 3,
            activity: InstallActivity::Downloading,
            subject: "openai-codex-0.169.0.tgz".to_owned(),
            done: 5 << 20,
            total: Some(167 << 20),
        };
        assert_eq!(
            sentence(&"codex".parse().unwrap(), &progress),
            "installing codex, step 1 of 3: downloading openai-codex-0.169.0.tgz, 5 of 167 MiB"
        );
    }
}
